package yamldoc_test

import (
	"fmt"
	"testing"
)

func TestSize(t *testing.T) {
	for _, test := range []struct {
		src  string
		want int
	}{
		{"a: [1, 2]\n", 5},
		{"a: &x [1, 2]\nb: *x\nc: *x\n", 13},
		{"a: &x [1, *x]\n", 101},
	} {
		if got := read(t, test.src)[0].Size(100); got != test.want {
			t.Errorf("%q: size %d, want %d", test.src, got, test.want)
		}
	}
	src := "m0: &m0 {a: 1}\n"
	for i := range 100 {
		src += fmt.Sprintf("m%d: &m%d [*m%d, *m%d]\n", i+1, i+1, i, i)
	}
	if got := read(t, src)[0].Get("m100").Size(1000); got != 1001 {
		t.Errorf("size %d of what has no end", got)
	}
}
