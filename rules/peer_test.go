package rules

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// streams are faults of nginx's stream that http has, too.
const streams = `events {}
stream {
    resolver 8.8.8.8;
    map $ssl_preread_server_name $named {
        default app.internal:5432;
    }
    upstream db {
        server db:5432;
        server localhost:5432;
        server 172.17.0.5:5432;
        server 192.0.2.1:5432;
        server 224.0.0.1:5432;
    }
    server {
        listen 5432;
        proxy_pass db;
    }
    server {
        listen 5433;
        proxy_pass $named;
    }
}
`

// speaksHTTP are the rules whose findings are about HTTP also in mode tcp: checks, answers that pass through, what is of
// no effect there, and times that are told by their names alone.
var speaksHTTP = map[string]bool{"httpchk-host": true, "live-http-5xx": true, "rate-limit-503": true, "timeout-unit": true}

// TestTCPSeesNoStatus turns the bad examples for HAProxy into plain TCP: its clients can't be told a status.
func TestTCPSeesNoStatus(t *testing.T) {
	texts := map[string]string{"stream": streams}
	for _, r := range All() {
		texts[r.ID] = strings.ReplaceAll(r.Doc.Bad.HAProxy, "mode http", "mode tcp")
	}
	for id, text := range texts {
		dialect := syntax.HAProxy
		if id == "stream" {
			dialect = syntax.Nginx
		}
		for _, d := range lintText(t, dialect, text, All()) {
			if status := d.Symptom[:1]; status >= "3" && status <= "5" && !speaksHTTP[d.Rule] {
				t.Errorf("%s: over TCP the client sees %q [%s]: %s", id, d.Symptom, d.Rule, d.Message)
			}
		}
	}
}
