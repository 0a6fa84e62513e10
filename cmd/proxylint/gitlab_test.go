package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// gitlabJob is the job of .gitlab-ci-template.yml.
type gitlabJob struct {
	Image        string
	Variables    map[string]string
	BeforeScript []string `yaml:"before_script"`
	Script       []string
	Artifacts    struct {
		When    string
		Reports map[string]string
	}
}

func readGitLabJob(t *testing.T) gitlabJob {
	t.Helper()
	var jobs map[string]gitlabJob
	parseYAML(t, "../../.gitlab-ci-template.yml", &jobs)
	return jobs["proxylint"]
}

// TestGitLabTemplate runs the job's script, with a module proxy that serves this checkout as the version which the
// template names.
func TestGitLabTemplate(t *testing.T) {
	buildsInScript(t)
	job := readGitLabJob(t)
	if job.Artifacts.When != "always" {
		t.Errorf("the reports are kept %s", job.Artifacts.When)
	}
	env := moduleProxy(t, job.Variables["PROXYLINT_VERSION"])
	tests := []struct {
		name      string
		variables map[string]string
		code      int
		findings  int
	}{
		{"all", nil, exitFindings, 4},
		{"paths", map[string]string{"PROXYLINT_PATHS": "shop/haproxy.cfg shop/nginx.conf", "PROXYLINT_FAIL_ON": "never"}, exitClean, 4},
		{"flags", map[string]string{"PROXYLINT_PATHS": "shop/haproxy.cfg", "PROXYLINT_ARGS": "--no-inventory --dialect haproxy"}, exitFindings, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			script := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join(slices.Concat(job.BeforeScript, job.Script), "\n"))
			script.Dir = newWorkspace(t)
			variables := maps.Clone(job.Variables)
			maps.Copy(variables, test.variables)
			script.Env = slices.Clone(env)
			for name, value := range variables {
				script.Env = append(script.Env, name+"="+value)
			}
			out, _ := script.CombinedOutput()
			if code := script.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), "shop/haproxy.cfg:7:21: error: ") {
				t.Fatalf("exit code %d, want %d: %s", code, test.code, out)
			}
			report := func(name string) []byte {
				return []byte(readFile(t, filepath.Join(script.Dir, job.Artifacts.Reports[name])))
			}
			var quality []any
			if err := json.Unmarshal(report("codequality"), &quality); err != nil || len(quality) != test.findings {
				t.Errorf("code quality: %d findings, want %d: %v", len(quality), test.findings, err)
			}
			var suites struct {
				Failures int `xml:"failures,attr"`
			}
			if err := xml.Unmarshal(report("junit"), &suites); err != nil || suites.Failures != test.findings {
				t.Errorf("junit: %d failures, want %d: %v", suites.Failures, test.findings, err)
			}
		})
	}
}

// moduleProxy returns the environment in which Go takes this module from a folder, as the version that is given, and
// all others from where they are already.
func moduleProxy(t *testing.T, version string) []string {
	t.Helper()
	const path = "github.com/proxylint/proxylint"
	root := t.TempDir()
	dir := filepath.Join(root, path, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list":            version,
		version + ".info": `{"Version": "` + version + `"}`,
		version + ".mod":  readFile(t, "../../go.mod"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	zipModule(t, filepath.Join(dir, version+".zip"), module.Version{Path: path, Version: version})
	known, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, others, _ := strings.Cut(strings.TrimSpace(string(known)), "\n")
	proxies := []string{
		"file://" + root, "file://" + filepath.Join(cache, "cache", "download"), others,
	}
	return append(os.Environ(), "GOPROXY="+strings.Join(proxies, ","), "GOSUMDB=off", "GOPATH="+t.TempDir(), "GOBIN=",
		"GOMODCACHE=", "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0")
}

// zipModule makes the archive of this module that a module proxy serves.
func zipModule(t *testing.T, path string, version module.Version) {
	t.Helper()
	dir := t.TempDir()
	copyContext(t, dir)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(zip.CreateFromDir(file, version, dir), file.Close()); err != nil {
		t.Fatal(err)
	}
}
