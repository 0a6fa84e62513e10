package logs

import "testing"

// TestDetails reads what a message holds besides its cause.
func TestDetails(t *testing.T) {
	for message, want := range map[string]Event{
		"connect() to unix:/run/app.sock/ failed (20: Not a directory) while connecting to upstream" + errorTail: {
			Cause: SocketMissing, Status: 502, Detail: "what stands before the last slash is no folder: a socket's path ends at a colon",
		},
		"client sent invalid method while reading client request line, client: 10.1.1.1, server: a.test, request: \"\x16\x03\x01\x02\"": {
			Cause: ClientRequest, Status: 400, Detail: "a TLS handshake came to a port that speaks none",
		},
		`client sent invalid method while reading client request line, client: 10.1.1.1, server: a.test, request: "\x16\x03\x01"`: {
			Cause: ClientRequest, Status: 400, Detail: "a TLS handshake came to a port that speaks none",
		},
		`client sent invalid method while reading client request line, client: 10.1.1.1, server: a.test, request: "get / HTTP/1.1"`: {
			Cause: ClientRequest, Status: 400,
		},
	} {
		events := read(t, errorHead+message+"\n")
		if len(events) != 1 {
			t.Errorf("%s: %d events", message, len(events))
			continue
		}
		if e := events[0]; e.Cause != want.Cause || e.Status != want.Status || e.Detail != want.Detail {
			t.Errorf("%s: got %s, %d, %q", message, e.Cause, e.Status, e.Detail)
		}
	}
}
