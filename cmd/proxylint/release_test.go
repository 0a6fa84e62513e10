package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goreleaser is what .goreleaser.yaml holds.
type goreleaser struct {
	ProjectName string `yaml:"project_name"`
	Before      struct{ Hooks []string }
	Builds      []struct{ Goos, Goarch []string }
	Archives    []struct {
		NameTemplate string `yaml:"name_template"`
		Formats      []string
		Files        []struct{ Src string }
	}
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
	}
	NFPMs []struct {
		Contents []struct{ Src string }
	} `yaml:"nfpms"`
}

func readGoreleaser(t *testing.T) goreleaser {
	t.Helper()
	var config goreleaser
	parseYAML(t, "../../.goreleaser.yaml", &config)
	return config
}

// TestReleaseFiles runs what goreleaser runs before it builds: then all files that it packs are there.
func TestReleaseFiles(t *testing.T) {
	buildsInScript(t)
	config := readGoreleaser(t)
	dir := t.TempDir()
	copyContext(t, dir)
	for _, hook := range config.Before.Hooks {
		command := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(hook, "{{ .Version }}", "1.2.3"))
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", hook, err, out)
		}
	}
	var packed []string
	for _, file := range config.Archives[0].Files {
		packed = append(packed, file.Src)
	}
	for _, file := range config.NFPMs[0].Contents {
		packed = append(packed, file.Src)
	}
	for _, pattern := range packed {
		if pattern == "README.md" {
			continue // no build needs it, so the copy lacks it
		}
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Errorf("%s: not there: %v", pattern, err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("%s is empty: %v", path, err)
			}
		}
	}
	if page := readFile(t, filepath.Join(dir, "generated/man/proxylint.1")); !strings.Contains(page, "1.2.3") {
		t.Error("the manual page does not name the version")
	}
}

// TestReleaseNames holds action.yml to the archives and checksums that a release has.
func TestReleaseNames(t *testing.T) {
	config := readGoreleaser(t)
	var a action
	parseYAML(t, "../../action.yml", &a)
	at := slices.IndexFunc(a.Runs.Steps, func(s actionStep) bool { return s.Name == "Download" })
	script := a.Runs.Steps[at].Run
	for variable, values := range map[string][]string{"os": config.Builds[0].Goos, "arch": config.Builds[0].Goarch} {
		if got := strings.Count(script, " "+variable+"="); got != len(values) {
			t.Errorf("%s has %d values, want %q", variable, got, values)
		}
		for _, value := range values {
			if !strings.Contains(script, " "+variable+"="+value+" ") {
				t.Errorf("no %s is %s", variable, value)
			}
		}
	}
	if !strings.Contains(script, "for file in "+config.Checksum.NameTemplate+" ") {
		t.Errorf("does not load %s", config.Checksum.NameTemplate)
	}
}
