package parsers

import (
	"strings"
	"testing"
)

func TestCheckText(t *testing.T) {
	const config = "events {}\nhttp { server { listen 80; } }\n"
	tests := []struct {
		name, src string
		want      error
	}{
		{"text", config, nil},
		{"empty", "", nil},
		{"UTF-8 with a mark", "\ufeff" + config, nil},
		{"Latin-1", "# caf\xe9\n" + config, nil},
		{"a NUL byte in a comment", "# a\x00b\n" + config, nil},
		{"form feeds and escapes", strings.Repeat("\f\x1b", 50) + config, nil},
		{"UTF-16", "\xff\xfee\x00v\x00e\x00n\x00t\x00s\x00", errUTF16},
		{"UTF-16, big end first", "\xfe\xff\x00e\x00v", errUTF16},
		{"UTF-16 without a mark", "e\x00v\x00e\x00n\x00t\x00s\x00 \x00{\x00}\x00", errBinary},
		{"a program", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x03\x00>\x00", errBinary},
		{"a gzip file", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xcb\x01\x02\x00\x01", errBinary},
	}
	for _, test := range tests {
		if got := checkText(test.src); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
