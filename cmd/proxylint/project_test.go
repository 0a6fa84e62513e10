package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/proxylint/proxylint/lint/report"
)

var update = flag.Bool("update", false, "rewrite the example output in README.md and the drawings")

// TestReadme runs the example of README.md and compares what it shows.
func TestReadme(t *testing.T) {
	t.Chdir("../..")
	const start = "```console\n$ proxylint "
	readme := readFile(t, "README.md")
	before, rest, ok := strings.Cut(readme, start)
	command, rest, ok2 := strings.Cut(rest, "\n")
	shown, after, ok3 := strings.Cut(rest, "```\n")
	if !ok || !ok2 || !ok3 {
		t.Fatal("README.md has no example")
	}
	var stdout, stderr bytes.Buffer
	if code := run(strings.Fields(command), strings.NewReader(""), &stdout, &stderr); code != exitFindings {
		t.Fatalf("exit code %d, want findings: %s", code, stderr.String())
	}
	if *update {
		text := before + start + command + "\n" + stdout.String() + "```\n" + after
		if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(shown, stdout.String()); diff != "" {
		t.Errorf("proxylint %s: run this test with -update (-README.md +now):\n%s", command, diff)
	}
}

// TestReadmeFormats holds the table of formats in README.md to those there are.
func TestReadmeFormats(t *testing.T) {
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(readFile(t, "../../README.md"), -1) {
		told = append(told, row[1])
	}
	slices.Sort(told)
	if diff := cmp.Diff(report.LiveFormats(), told); diff != "" {
		t.Errorf("README.md lists other formats (-there are +listed):\n%s", diff)
	}
}

type preCommitHook struct {
	ID            string
	Entry         string
	Language      string
	Files         string
	PassFilenames *bool `yaml:"pass_filenames"`
	RequireSerial bool  `yaml:"require_serial"`
}

func readHooks(t *testing.T) map[string]preCommitHook {
	t.Helper()
	var list []preCommitHook
	parseYAML(t, "../../.pre-commit-hooks.yaml", &list)
	hooks := map[string]preCommitHook{}
	for _, hook := range list {
		hooks[hook.ID] = hook
	}
	return hooks
}

func TestPreCommitHooks(t *testing.T) {
	hooks := readHooks(t)
	if len(hooks) != 2 || hooks["proxylint"].Language != "golang" || hooks["proxylint-docker"].Language != "docker" {
		t.Errorf("got %+v", hooks)
	}
	for id, hook := range hooks {
		if hook.PassFilenames == nil || *hook.PassFilenames || !hook.RequireSerial {
			t.Errorf("got %+v", hook)
		}
		words := strings.Fields(hook.Entry)
		if path.Base(words[0]) != "proxylint" {
			t.Errorf("entry %q does not call proxylint", hook.Entry)
		}
		if _, err := arrange(newApp(nil, io.Discard, io.Discard), words[1:]); err != nil {
			t.Errorf("entry %q: %v", hook.Entry, err)
		}
		files := regexp.MustCompile(hook.Files)
		for name, want := range map[string]bool{
			"nginx.conf": true, "deploy/haproxy.cfg": true, "etc/nginx/mime.types": true, "sites-enabled/default": true,
			"default.conf.template": true, "lb/haproxy.cfg.j2": true, "my-nginx.server.tmpl": true, "haproxy.erb": true,
			"compose.yaml": true, "app/docker-compose.prod.yml": true, "api/Dockerfile": true, "Dockerfile.web": true,
			"main.go": false, "config.yml": false, "docs/nginx.md": false, "page.tmpl": false, "decompose.yml": false,
		} {
			if got := files.MatchString(name); got != want {
				t.Errorf("%s: files matches %s: got %v, want %v", id, name, got, want)
			}
		}
	}
}

func TestWorkflow(t *testing.T) {
	t.Chdir("../..")
	var workflow struct {
		Jobs map[string]struct {
			Strategy struct {
				Matrix struct{ OS []string }
			}
			Steps []struct {
				Uses string
				With map[string]string
				Run  string
			}
		}
	}
	parseYAML(t, ".github/workflows/ci.yml", &workflow)
	test := workflow.Jobs["test"]
	if want := []string{"ubuntu-latest", "macos-latest", "windows-latest"}; !cmp.Equal(test.Strategy.Matrix.OS, want) {
		t.Errorf("runs on %q, want %q", test.Strategy.Matrix.OS, want)
	}
	runs := map[string]bool{}
	for _, step := range test.Steps {
		runs[step.Run] = true
		if strings.HasPrefix(step.Uses, "actions/setup-go@") && step.With["go-version-file"] != "go.mod" {
			t.Errorf("setup-go takes the version from %q", step.With["go-version-file"])
		}
	}
	const command = "go test ./..."
	if !runs[command] || !runs[".ci/run"] {
		t.Errorf("the steps are %v", runs)
	}
	if !strings.Contains(readFile(t, "README.md"), "    "+command+"\n") {
		t.Errorf("README.md does not name the test command %s", command)
	}
	if !strings.Contains(readFile(t, ".ci/run"), "\n"+command+" || status=1\nexit $status\n") {
		t.Errorf(".ci/run does not end with the test command %s", command)
	}
}

// TestOneCommand holds the module to one command: pre-commit installs all that it finds.
func TestOneCommand(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); len(got) != 1 {
		t.Errorf("commands: %q, want one", got)
	}
}

func parseYAML(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
