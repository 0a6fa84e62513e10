package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	gocmp "github.com/google/go-cmp/cmp"
)

// action is what action.yml holds.
type action struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct{ Steps []actionStep }
}

type actionStep struct {
	Name, ID, If, Uses, Shell, Run string
	With, Env                      map[string]string
	Dir                            string `yaml:"working-directory"`
}

// TestActionScripts holds the scripts of action.yml to reading what the caller gives from the environment alone.
func TestActionScripts(t *testing.T) {
	var a action
	parseYAML(t, "../../action.yml", &a)
	var used strings.Builder
	for _, step := range a.Runs.Steps {
		fmt.Fprintln(&used, step)
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%s: an expression is written into the script", step.Name)
		}
		if step.Run != "" && step.Shell != "bash" {
			t.Errorf("%s: shell %q", step.Name, step.Shell)
		}
		for name := range step.Env {
			if !regexp.MustCompile(`\b`+name+`\b`).MatchString(step.Run) && name != "CGO_ENABLED" {
				t.Errorf("%s: nothing reads %s", step.Name, name)
			}
		}
	}
	for name := range a.Inputs {
		if !strings.Contains(used.String(), "inputs."+name) {
			t.Errorf("no step reads the input %s", name)
		}
	}
}

// TestAction runs the action as a whole.
func TestAction(t *testing.T) {
	buildsInScript(t)
	release := newRelease(t)
	const hostile = "$(touch pwned)\n`touch pwned`\n\"; touch pwned; \"\n--version\n"
	tests := []struct {
		name    string
		inputs  map[string]string
		code    string // the output
		fails   bool
		uploads bool
		summary string
		log     string
		makes   string // a file in the workspace
	}{
		{
			name:   "source",
			inputs: map[string]string{"version": "source", "sarif": "true", "paths": "shop\n"},
			code:   "1", fails: true, uploads: true,
			summary: "## proxylint: 3 errors, 1 warning in 3 files\n", log: "\nshop/haproxy.cfg:7:21: error: ",
		},
		{
			name:   "formats",
			inputs: map[string]string{"paths": "shop/haproxy.cfg\na b.conf", "formats": "junit=out.xml\njson=out.json", "summary": "false"},
			code:   "1", fails: true, log: "2 errors in 2 files\n", makes: "out.json",
		},
		{
			name:   "never",
			inputs: map[string]string{"sarif": "true", "fail-on": "never"},
			code:   "0", uploads: true,
			summary: "## proxylint: 3 errors", log: "\n3 errors, 1 warning in 4 files\n",
		},
		{
			name:   "clean",
			inputs: map[string]string{"paths": "a b.conf"},
			code:   "0", summary: "## proxylint: no findings in 1 file\n",
		},
		{
			name:   "working directory",
			inputs: map[string]string{"working-directory": "shop", "paths": "haproxy.cfg", "args": "--dialect=haproxy\n--no-inventory\n"},
			code:   "1", fails: true, log: "\nhaproxy.cfg:7:21: error: ", summary: "## proxylint: 2 errors",
		},
		{
			name:   "trouble",
			inputs: map[string]string{"sarif": "true", "args": "--no-such-flag"},
			code:   "2", fails: true, log: "proxylint: unknown flag --no-such-flag\n",
		},
		{
			name:   "hostile paths",
			inputs: map[string]string{"paths": hostile},
			code:   "2", fails: true, log: "proxylint: $(touch pwned): no such file",
		},
		{
			name:   "hostile flags",
			inputs: map[string]string{"args": hostile, "fail-on": "$(touch pwned)", "formats": "`touch pwned`"},
			code:   "2", fails: true, log: "unknown",
		},
		{
			name:   "no release",
			inputs: map[string]string{"version": "v9.9.9"},
			fails:  true, log: "/v9.9.9/checksums.txt: can't download\n",
		},
		{
			name:   "no version",
			inputs: map[string]string{"version": "v0.1.0/../$(touch pwned)"},
			fails:  true, log: "proxylint: version: want a release such as v0.1.0, or source\n",
		},
		{
			name:   "wrong checksum",
			inputs: map[string]string{"version": "v0.1.1"},
			fails:  true, log: "its checksum is not the release's\n",
		},
		{
			name:   "no checksum",
			inputs: map[string]string{"version": "v0.1.2"},
			fails:  true, log: "its checksum is not the release's\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRunner(t, test.inputs)
			r.env = append(r.env, release.env...)
			r.override = map[string]string{"RELEASES": release.url}
			r.runAll()
			if r.failed != test.fails || r.outputs["lint"]["exit-code"] != test.code {
				t.Errorf("failed: %v, exit code: %q\n%s", r.failed, r.outputs["lint"]["exit-code"], r.log.String())
			}
			if upload := slices.ContainsFunc(r.used, func(s string) bool { return strings.Contains(s, "upload-sarif@") }); upload != test.uploads {
				t.Errorf("uploads: %v, want %v", upload, test.uploads)
			}
			if summary := readFile(t, r.file("summary")); !strings.HasPrefix(summary, test.summary) || test.summary == "" && summary != "" {
				t.Errorf("summary: %s", summary)
			}
			if !strings.Contains(r.log.String(), test.log) {
				t.Errorf("the log lacks %q:\n%s", test.log, r.log.String())
			}
			for _, trace := range []string{"pwned", "shop/pwned"} {
				if _, err := os.Stat(filepath.Join(r.workspace, trace)); err == nil {
					t.Error("an input was run")
				}
			}
			if test.uploads {
				holdsSARIF(t, r.outputs["lint"]["sarif-file"])
			}
			if test.makes != "" {
				readFile(t, filepath.Join(r.workspace, test.makes))
			}
			matched := test.code != ""
			if added := strings.Contains(r.log.String(), "::add-matcher::"+r.root+"/.github/problem-matcher.json\n"); added != matched {
				t.Errorf("adds the problem matcher: %v, want %v", added, matched)
			}
		})
	}
}

func holdsSARIF(t *testing.T, path string) {
	t.Helper()
	var log struct {
		Version string
		Runs    []struct{ Results []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(readFile(t, path)), &log); err != nil || log.Version != "2.1.0" || len(log.Runs[0].Results) != 4 {
		t.Errorf("%s: %v, %+v", path, err, log)
	}
}

// TestProblemMatcher compares what the problem matcher reads from the text of a run with the same run's JSON.
func TestProblemMatcher(t *testing.T) {
	var file struct {
		ProblemMatcher []matcher
	}
	if err := json.Unmarshal([]byte(readFile(t, "../../.github/problem-matcher.json")), &file); err != nil {
		t.Fatal(err)
	}
	t.Chdir(newWorkspace(t))
	const odd = "events {}\nhttp {\n  # proxylint:ignore frozen-dns -- nothing is here: error: [a]\n  server { listen 80; }\n}\n"
	if err := os.WriteFile("a b.conf", []byte(odd), 0o644); err != nil {
		t.Fatal(err)
	}
	var text, stderr bytes.Buffer
	if code := run([]string{"lint", "--format", "text", "--format", "json=out.json"}, nil, &text, &stderr); code != exitFindings {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got []problem
	for line := range strings.Lines(text.String()) {
		for _, m := range file.ProblemMatcher {
			if p, ok := m.match(strings.TrimSuffix(line, "\n")); ok {
				got = append(got, p)
			}
		}
	}
	var want struct{ Diagnostics []problem }
	if err := json.Unmarshal([]byte(readFile(t, "out.json")), &want); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range want.Diagnostics {
		p := &want.Diagnostics[i]
		if seen[p.Severity] = true; p.Severity == "info" {
			p.Severity = "notice" // as GitHub calls it
		}
	}
	if len(seen) != 3 {
		t.Errorf("the run has the severities %v, want all", seen)
	}
	if diff := gocmp.Diff(want.Diagnostics, got); diff != "" {
		t.Errorf("the matcher reads another thing (-is +read):\n%s", diff)
	}
}

type matcher struct {
	Owner, Severity string
	Pattern         []struct {
		Regexp                                      string
		File, Line, Column, Severity, Message, Code int
	}
}

type problem struct {
	File, Severity, Message, Rule string
	Line, Column                  int
}

func (m matcher) match(line string) (problem, bool) {
	pattern := m.Pattern[0]
	groups := regexp.MustCompile(pattern.Regexp).FindStringSubmatch(line)
	if groups == nil {
		return problem{}, false
	}
	p := problem{
		File: groups[pattern.File], Message: groups[pattern.Message], Rule: groups[pattern.Code],
		Severity: m.Severity,
	}
	if pattern.Severity > 0 {
		p.Severity = groups[pattern.Severity]
	}
	p.Line, _ = strconv.Atoi(groups[pattern.Line])
	p.Column, _ = strconv.Atoi(groups[pattern.Column])
	return p, true
}

// release is a web server that holds releases: v0.1.0; v0.1.1, which was changed after its checksums were made; and
// v0.1.2, whose archive is not among them.
type release struct {
	url string
	env []string
}

func newRelease(t *testing.T) release {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "proxylint")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	files := map[string][]byte{}
	for _, version := range []string{"0.1.0", "0.1.1", "0.1.2"} {
		name := archiveName(t, version)
		archive := pack(t, map[string]string{"LICENSE": "../../LICENSE", "README.md": "../../README.md", "proxylint": binary})
		listed := name
		if version == "0.1.2" {
			listed += ".sbom.json"
		}
		dir := "/v" + version + "/"
		files[dir+"checksums.txt"] = fmt.Appendf(nil, "%064x  another.zip\n%x  %s\n", 0, sha256.Sum256(archive), listed)
		if version == "0.1.1" {
			archive = append(archive, 0)
		}
		files[dir+name] = archive
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, block, 0o644); err != nil {
		t.Fatal(err)
	}
	return release{server.URL, []string{"CURL_CA_BUNDLE=" + authority, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"}}
}

// archiveName returns the name that .goreleaser.yaml gives to the archive for this machine.
func archiveName(t *testing.T, version string) string {
	config := readGoreleaser(t)
	var name strings.Builder
	archive := config.Archives[0]
	err := template.Must(template.New("").Parse(archive.NameTemplate)).Execute(&name, map[string]string{
		"ProjectName": config.ProjectName, "Version": version, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
	})
	if err != nil {
		t.Fatal(err)
	}
	return name.String() + "." + archive.Formats[0]
}

// pack makes a tar.gz of files.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[name])
		if err != nil {
			t.Fatal(err)
		}
		err = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))})
		if _, writeErr := archive.Write(data); cmp.Or(err, writeErr) != nil {
			t.Fatal(err, writeErr)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// runner does what a GitHub runner does with action.yml, but for other actions: it notes that they were reached.
type runner struct {
	t                     *testing.T
	action                action
	root, temp, workspace string
	inputs                map[string]string
	env                   []string
	override              map[string]string // of the steps' env
	path                  []string
	outputs               map[string]map[string]string // by the step's id
	used                  []string
	log                   strings.Builder
	failed                bool
}

func newRunner(t *testing.T, inputs map[string]string) *runner {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{
		t: t, root: root, temp: t.TempDir(), workspace: newWorkspace(t),
		inputs: map[string]string{}, outputs: map[string]map[string]string{},
	}
	parseYAML(t, filepath.Join(root, "action.yml"), &r.action)
	for name, input := range r.action.Inputs {
		r.inputs[name] = input.Default
	}
	maps.Copy(r.inputs, inputs)
	r.env = append(os.Environ(),
		"RUNNER_TEMP="+r.temp,
		"RUNNER_OS="+map[string]string{"linux": "Linux", "darwin": "macOS"}[runtime.GOOS],
		"RUNNER_ARCH="+map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH],
		"GITHUB_ACTION_PATH="+root, "GITHUB_WORKSPACE="+r.workspace,
		"GITHUB_PATH="+r.file("path"), "GITHUB_OUTPUT="+r.file("output"), "GITHUB_STEP_SUMMARY="+r.file("summary"))
	for _, name := range []string{"path", "output", "summary"} {
		if err := os.WriteFile(r.file(name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// buildsInScript passes over a test that builds the program and runs scripts for bash or sh.
func buildsInScript(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" || testing.Short() {
		t.Skip("needs a Unix shell, and the time to build")
	}
}

// newWorkspace returns a folder with a faulty configuration in shop, and a good one beside it.
func newWorkspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "shop"), os.DirFS("../../testdata/configs/shop")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a b.conf"), []byte("events {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r *runner) file(name string) string { return filepath.Join(r.temp, "_"+name) }

func (r *runner) runAll() {
	for _, step := range r.action.Runs.Steps {
		if !r.isDue(step.If) {
			continue
		}
		if step.Uses != "" {
			r.used = append(r.used, step.Uses)
			for _, value := range step.With {
				r.fill(value)
			}
			continue
		}
		if err := r.command(step).Run(); err != nil {
			fmt.Fprintf(&r.log, "%s: %v\n", step.Name, err)
			r.failed = true
		}
		r.path = append(strings.Fields(readFile(r.t, r.file("path"))), r.path...)
		r.outputs[step.ID] = map[string]string{}
		for line := range strings.Lines(readFile(r.t, r.file("output"))) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			r.outputs[step.ID][name] = value
		}
	}
}

// command is a step's script, run as "shell: bash" does.
func (r *runner) command(step actionStep) *exec.Cmd {
	script := r.file("script.sh")
	if err := os.WriteFile(script, []byte(step.Run), 0o644); err != nil {
		r.t.Fatal(err)
	}
	run := exec.CommandContext(r.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	run.Dir = filepath.Join(r.workspace, r.fill(step.Dir))
	run.Stdout, run.Stderr = &r.log, &r.log
	search := strings.Join(append(slices.Clone(r.path), os.Getenv("PATH")), string(os.PathListSeparator))
	run.Env = append(slices.Clone(r.env), "PATH="+search)
	for name, value := range step.Env {
		if other, ok := r.override[name]; ok {
			value = other
		}
		run.Env = append(run.Env, name+"="+r.fill(value))
	}
	return run
}

// isDue evaluates a step's condition.
func (r *runner) isDue(condition string) bool {
	always := false
	for part := range strings.SplitSeq(condition, " && ") {
		left, right, equal := strings.Cut(part, " == ")
		if !equal {
			left, right, _ = strings.Cut(part, " != ")
		}
		switch {
		case part == "always()":
			always = true
		case part != "" && (r.value(left) == r.value(right)) != equal:
			return false
		}
	}
	return always || !r.failed
}

var expression = regexp.MustCompile(`\$\{\{ (\S+) \}\}`)

// fill replaces the expressions in a value.
func (r *runner) fill(s string) string {
	return expression.ReplaceAllStringFunc(s, func(s string) string {
		return r.value(expression.FindStringSubmatch(s)[1])
	})
}

// value is that of an expression without operators.
func (r *runner) value(expression string) string {
	parts := strings.Split(expression, ".")
	if input, ok := r.inputs[parts[len(parts)-1]]; ok && parts[0] == "inputs" {
		return input
	}
	switch {
	case parts[0] == "steps" && len(parts) == 4:
		return r.outputs[parts[1]][parts[3]]
	case expression == "github.action_path":
		return r.root
	case expression == "github.workspace":
		return r.workspace
	case strings.HasPrefix(expression, "'"):
		return strings.Trim(expression, "'")
	}
	r.t.Fatalf("what is %s?", expression)
	return ""
}
