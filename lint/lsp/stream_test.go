package lsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func framed(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }

// What is no message is answered, and the next one read; after a faulty header nothing can be.
func TestStream(t *testing.T) {
	const (
		refusal = `{"error":{"code":%d,"message":"%s"},"id":null,"jsonrpc":"2.0"}`
		asked   = `{"jsonrpc":"2.0","id":1,"method":"shutdown"}`
		early   = `{"id":1,"error":{"code":-32002,"message":"initialize comes first"},"jsonrpc":"2.0"}`
	)
	for _, tt := range []struct {
		name, in string
		want     []string // bodies
		stderr   string
	}{
		{"a message", framed(asked), []string{early}, ""},
		{"other headers", "content-type: x; charset=utf-8\r\ncontent-length:" + fmt.Sprint(len(asked)) + "\r\n\r\n" + asked, []string{early}, ""},
		{"no JSON", framed("{") + framed(asked), []string{fmt.Sprintf(refusal, -32700, "unexpected end of JSON input"), early}, ""},
		{"nothing", framed("") + framed(asked), []string{fmt.Sprintf(refusal, -32700, "unexpected end of JSON input"), early}, ""},
		{
			"no message", framed("null") + framed(asked),
			[]string{fmt.Sprintf(refusal, -32600, "jsonrpc2: unable to determine message type (request or response)"), early}, "",
		},
		{
			"half of one", framed(`{"method":"exit","id":1.5}`) + framed(`{"id":7,"result":null}`) + framed(asked),
			[]string{fmt.Sprintf(refusal, -32600, "failed to unmarshal ID: strconv.ParseInt: parsing \\\"1.5\\\": invalid syntax"), early},
			"proxylint: jsonrpc2: ignoring response #7 with no corresponding request\n",
		},
		{
			"too long", framed(strings.Repeat(" ", maxMessage+1)) + framed(asked),
			[]string{fmt.Sprintf(refusal, -32600, "a message has more than 67108864 bytes"), early}, "",
		},
		{"a length that is none", "Content-Length: -3\r\n\r\n" + framed(asked), nil, "can't read the editor's messages any more"},
		{"no length", "Content-Type: x\r\n\r\n" + framed(asked), nil, "can't read the editor's messages any more"},
		{"no header", "hello\n" + framed(asked), nil, "can't read the editor's messages any more"},
		{"a header without end", strings.Repeat("x", 1<<20), nil, "can't read the editor's messages any more"},
		{"an end in between", framed(asked)[:30], nil, ""},
		{"more than there is", "Content-Length: 60000000\r\n\r\n{}", nil, ""},
		{"far more than there is", "Content-Length: 4611686018427387903\r\n\r\n{}", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, stderr strings.Builder
			if err := Serve(t.Context(), strings.NewReader(tt.in), &out, &stderr, Options{}); err != ErrNoShutdown {
				t.Errorf("it ends with %v", err)
			}
			var bodies []string
			for _, message := range strings.Split(out.String(), "Content-Length: ")[1:] {
				_, body, _ := strings.Cut(message, "\r\n\r\n")
				bodies = append(bodies, body)
			}
			if !cmp.Equal(bodies, tt.want) {
				t.Error(cmp.Diff(tt.want, bodies))
			}
			if tt.stderr == "" && stderr.Len() > 0 || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("on standard error: %q", stderr.String())
			}
		})
	}
}
