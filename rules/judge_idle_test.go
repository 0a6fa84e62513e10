package rules

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestTCPIdleTimeoutBeforeTheJudge has client and server be silent for longer than the rule's bad example allows, made shorter.
func TestTCPIdleTimeoutBeforeTheJudge(t *testing.T) {
	doc := Find("tcp-idle-timeout").Doc
	for dialect, texts := range map[syntax.Dialect][2]string{
		syntax.HAProxy: {doc.Bad.HAProxy, doc.Good.HAProxy}, syntax.Nginx: {doc.Bad.Nginx, doc.Good.Nginx},
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			silent := listenSilently(t)
			adapt := strings.NewReplacer("10.0.0.10:5432 check", silent, "10.0.0.10:5432", silent, "listen 5432", "listen 8080", "bind :5432", "bind :8080",
				"client 5s", "client 500ms", "server 5s", "server 500ms", "proxy_timeout 3s", "proxy_timeout 500ms").Replace
			for i, text := range texts {
				p := startProxy(t, dialect, loadingStream(t, adapt(text)))
				conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetReadDeadline(time.Now().Add(1500 * time.Millisecond))
				_, err = conn.Read(make([]byte, 1))
				if kept := errors.Is(err, os.ErrDeadlineExceeded); kept != (i == 1) {
					t.Errorf("kept open: %v, with\n%s%s", kept, text, p.log())
				}
			}
		})
	}
}

// listenSilently takes connections and says nothing.
func listenSilently(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return l.Addr().String()
}
