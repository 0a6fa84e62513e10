package logs

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
)

// TestDialed dials in word alone: what the logs lead to, and what is told of the answers.
func TestDialed(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, path, upstream, dialed, told string }{
		{"a server of a pool", "/x", "http://10.0.0.7:80/x", "10.0.0.7 fd00::7 /run/app.sock", "dialed now: 10.0.0.7:80 answers 200 after 3ms\n"},
		{"a server that fails", "/x", "http://unix:/run/app.sock:/x", "10.0.0.7 fd00::7 /run/app.sock", "nginx.conf:6:16: error: it fails [live-socket-missing]\n"},
		{"no server of a pool", "/x", "http://app/x", "10.0.0.7 fd00::7 /run/app.sock", "dialed now: 2 of 3 addresses answer\n    = nginx.conf:6:16: error: it fails"},
		{"gone from a pool", "/x", "http://10.0.0.77:80/x", "10.0.0.7 fd00::7 /run/app.sock", "dialed now: 2 of 3 addresses answer\n"},
		{"a pass to an address", "/two/x", "http://10.0.0.5:80/x", "10.0.0.5", "dialed now: 10.0.0.5:80 answers 200 after 3ms\n"},
		{"not in the configuration", "/x", "http://10.0.0.99:80/x", "10.0.0.7 fd00::7 /run/app.sock", "10.0.0.99:80 is not in the configuration any more\n"},
		{"another path", "/one", "https://10.0.0.99:443/x", "", "10.0.0.99:443 is not in the configuration any more\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, g := joined(t, joinConfig, "shop.test", test.path, test.upstream)
			configs := load(t, "nginx.conf", joinConfig)
			s.Join(Around{Configs: configs})
			results := &probe.Results{}
			var names []string
			var live []lint.Diagnostic
			for _, target := range s.Blamed(probe.Plan(configs, &inventory.Facts{})) {
				names = append(names, target.Addr.Host+target.Addr.Socket)
				try := probe.Try{Outcome: probe.Outcome{Code: probe.L7OK, Status: 200, Took: 3 * time.Millisecond}}
				if addr, err := netip.ParseAddr(target.Addr.Host); err == nil {
					try.Addr = netip.AddrPortFrom(addr, uint16(target.Addr.Port))
				} else {
					try.Outcome = probe.Outcome{Code: probe.L4CON, Cause: probe.SocketMissing}
					live = append(live, lint.Diagnostic{Rule: "live-socket-missing", Severity: lint.Error, At: target.Addr.At, Message: "it fails"})
				}
				results.List = append(results.List, &probe.Result{Target: target, Tries: []probe.Try{try}})
			}
			if got := strings.Join(names, " "); got != test.dialed {
				t.Errorf("dialed %q, want %q", got, test.dialed)
			}
			s.Join(Around{Configs: configs, Dialed: results, Live: live})
			var text, object bytes.Buffer
			if err := WriteText(&text, Report{Summary: s, Files: 1}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), "    = "+test.told) {
				t.Errorf("%q is not told in:\n%s", test.told, text.String())
			}
			if err := WriteJSON(&object, Report{Summary: s, Files: 1}); err != nil {
				t.Fatal(err)
			}
			told := strings.Contains(object.String(), `"took_ms": 3`)
			if want := slices.ContainsFunc(g.Site.Dialed, func(r *probe.Result) bool { return r.Tries[0].OK() }); told != want {
				t.Errorf("answers are told: %v, want %v", told, want)
			}
			decoded, err := jsonschema.UnmarshalJSON(&object)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(decoded); err != nil {
				t.Error(err)
			}
		})
	}
}
