package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers"
)

// TestWritePlanChecks has a check shown below its target, without what could act on a terminal.
func TestWritePlanChecks(t *testing.T) {
	const text = "global\ndefaults\nbackend b\n option tcp-check\n tcp-check send \\x1b[31m\n tcp-check expect string OK\n server s 10.0.0.1:80 check port 81\n"
	configs, err := parsers.LoadText("haproxy.cfg", text, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WritePlan(&out, probe.Plan(configs, nil), Options{}); err != nil {
		t.Fatal(err)
	}
	const want = `check     connect to port:81, send \x1b[31m, expect string OK  haproxy.cfg:7`
	if !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}
