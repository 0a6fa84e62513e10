package rules

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// judges are the proxies' own checks of a configuration file, and a text that passes wherever they
// work. HAProxy is told to look no names up (-dr); nginx knows no such option, so its good examples
// name addresses or variables.
var judges = map[syntax.Dialect]struct {
	check    func(file string) *exec.Cmd
	smallest string
}{
	syntax.Nginx: {
		check: func(file string) *exec.Cmd {
			dir := filepath.Dir(file)
			return exec.Command("nginx", "-t", "-q", "-e", "stderr", "-p", dir, "-c", file, "-g", "pid "+filepath.Join(dir, "pid")+";")
		},
		smallest: "events {}\nhttp { server { listen 8080; } }\n",
	},
	syntax.HAProxy: {
		check: func(file string) *exec.Cmd {
			return exec.Command("haproxy", "-c", "-q", "-dr", "-f", file)
		},
		smallest: "frontend www\n    bind :8080\n",
	},
	syntax.Cloudflared: {
		check: func(file string) *exec.Cmd {
			return exec.Command("cloudflared", "tunnel", "--no-autoupdate", "--config", file, "ingress", "validate")
		},
		smallest: "ingress:\n  - service: http_status:404\n",
	},
}

// TestExamplesBeforeTheJudge checks the rules' examples against the proxies themselves, where they are
// installed: every good one loads, and a bad one does not where the rule says so.
func TestExamplesBeforeTheJudge(t *testing.T) {
	for dialect, j := range judges {
		t.Run(dialect.String(), func(t *testing.T) {
			if ok, output := loads(t, dialect, j.smallest); !ok {
				t.Skipf("%s does not work here: %s", dialect, output)
			}
			for _, rule := range All() {
				if rule.Serves(dialect) {
					t.Run(rule.ID, func(t *testing.T) { judge(t, dialect, rule) })
				}
			}
		})
	}
}

func judge(t *testing.T, dialect syntax.Dialect, rule *lint.Rule) {
	if ok, output := loads(t, dialect, loadingStream(t, rule.Doc.Good.For(dialect))); !ok {
		t.Errorf("%s refuses Doc.Good: %s", dialect, output)
	}
	if rule.Symptom != "start failure" || dialect == syntax.Cloudflared && rule.Dialect != dialect {
		return
	}
	if ok, _ := loads(t, dialect, rule.Doc.Bad.For(dialect)); ok {
		t.Errorf("%s accepts Doc.Bad, though the symptom is a start failure", dialect)
	}
}

// loadingStream has a configuration of nginx load the stream module that it needs; it skips the test where there is none.
func loadingStream(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, "\nstream {") {
		return text
	}
	loader, ok := withStream(t)
	if !ok {
		t.Skip("nginx has no stream module")
	}
	return loader + text
}

// loads reports whether the proxy takes a text, and what it says if not.
func loads(t *testing.T, dialect syntax.Dialect, text string) (ok bool, output string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), dialect.String()+extensions[dialect])
	writeFile(t, file, text)
	said, err := judges[dialect].check(file).CombinedOutput()
	if err == nil {
		return true, ""
	}
	return false, strings.TrimSpace(err.Error() + "\n" + string(said))
}
