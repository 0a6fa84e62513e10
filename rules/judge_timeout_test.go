package rules

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestTimeoutUnitBeforeTheJudge has HAProxy wait for an answer that takes 300 ms.
func TestTimeoutUnitBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(300 * time.Millisecond)
		fmt.Fprint(w, "app")
	}))
	defer backend.Close()
	doc := Find("timeout-unit").Doc
	parts := strings.Replace(doc.Good.HAProxy, "server 30s", "server 100ms30s", 1)
	words := strings.Replace(doc.Good.HAProxy, "server 30s", "server 30sec", 1)
	for text, want := range map[string]int{
		doc.Bad.HAProxy: http.StatusGatewayTimeout, parts: http.StatusGatewayTimeout,
		doc.Good.HAProxy: http.StatusOK, words: http.StatusOK,
	} {
		text = strings.Replace(text, "10.0.0.10:8080", backend.Listener.Addr().String(), 1)
		if status, _ := startProxy(t, syntax.HAProxy, text).get(t); status != want {
			t.Errorf("status %d, want %d with\n%s", status, want, text)
		}
	}
}

// TestTimeoutMissingBeforeTheJudge compares which sections of the rule's examples and testdata lack a timeout
// with those that "haproxy -c" warns of. Without a defaults section HAProxy warns too, but the rule waits for the
// rest of the files.
func TestTimeoutMissingBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	doc := Find("timeout-missing").Doc
	dir := t.TempDir()
	bad, good := filepath.Join(dir, "bad.cfg"), filepath.Join(dir, "good.cfg")
	writeFile(t, bad, doc.Bad.HAProxy)
	writeFile(t, good, doc.Good.HAProxy)
	roots, err := filepath.Glob(testdata + "/timeout-missing/*.cfg")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range append(roots, bad, good) {
		if filepath.Base(root) == "fragment_ok.cfg" {
			continue
		}
		theirs := missingByHAProxy(t, root)
		if ours := missingByRule(t, root); !slices.Equal(ours, theirs) {
			t.Errorf("%s: timeouts are missing in %q, but haproxy -c warns of %q", root, ours, theirs)
		}
		if (root == bad) != slices.Contains(theirs, "app") && (root == bad || root == good) {
			t.Errorf("haproxy -c warns of %q in %s", theirs, root)
		}
	}
}

var missingTimeouts = regexp.MustCompile(`missing timeouts for \S+ '([^']*)'`)

// missingByHAProxy returns the names of the sections that "haproxy -c" misses timeouts in.
func missingByHAProxy(t *testing.T, file string) []string {
	cmd := exec.Command("haproxy", "-c", "-dr", "-f", file)
	cmd.Env = append(os.Environ(), "WAIT=30s")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, output)
	}
	var names []string
	for _, m := range missingTimeouts.FindAllStringSubmatch(string(output), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func missingByRule(t *testing.T, file string) []string {
	var names []string
	for _, n := range needs(load(t, file)[0]) {
		if n.unmet() && n.severity == lint.Warning {
			names = append(names, n.section.Arg(1))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
