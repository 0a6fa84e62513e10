package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/rules"
)

// TestDraftComments proves that what a first settings file proposes can be read once it is no comment any more.
func TestDraftComments(t *testing.T) {
	t.Chdir(t.TempDir())
	text := regexp.MustCompile(`(?m)^# ([a-z-]+:|  )`).ReplaceAllString(draftTail, "$1")
	for name, text := range map[string]string{settings.Name: text, "servers.csv": "", "cloudflare-ips": "", "hosts": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := settings.Read(settings.Name, settings.Options{Rules: rules.IDs()})
	if err != nil {
		t.Fatal(err)
	}
	if s.FailOn != "warning" || s.Live.Rate != 500 || len(s.Directives) != 1 || !s.Excludes("legacy/nginx.conf") {
		t.Errorf("got %+v from\n%s", s, text)
	}
}

// TestInitChangesNothing proves it for every project that the rules are tested with, and for all of them together.
func TestInitChangesNothing(t *testing.T) {
	root, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	projects, err := filepath.Glob(filepath.Join(root, "projects", "*"))
	if err != nil || len(projects) == 0 {
		t.Fatal("no projects")
	}
	for _, project := range append(projects, filepath.Join(root, "projects"), filepath.Join(root, "configs")) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(project)); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		before := outputOf(t, "lint", "--format", "json", "--fail-on", "never")
		if said := outputOf(t, "init"); strings.Contains(said, " 0 roots") {
			t.Errorf("%s: %s", project, said)
		}
		if diff := cmp.Diff(before, outputOf(t, "lint", "--format", "json", "--fail-on", "never")); diff != "" {
			t.Errorf("%s (-before +after):\n%s", project, diff)
		}
	}
}

// outputOf returns what a run that ends well writes.
func outputOf(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitClean {
		t.Fatalf("%v ends with %d: %s", args, code, stderr.String())
	}
	return stdout.String()
}

// A list that would be too long, or can't be written, is a comment: all is found as before.
func TestDraftWithoutRoots(t *testing.T) {
	for name, names := range map[string][]string{"odd": {"two\nlines.conf"}, "many": numbered(maxRoots + 1)} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, name := range names {
				if err := os.WriteFile(name, []byte("events {}\nhttp {}\n"), 0o644); err != nil {
					t.Skip(err)
				}
			}
			configs, err := parsers.Load([]string{"."}, parsers.Options{})
			if err != nil || len(configs) != len(names) {
				t.Fatalf("%d configurations, %v", len(configs), err)
			}
			text := newDraft(configs, &inventory.Facts{}).text()
			if err := os.WriteFile(settings.Name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := settings.Read(settings.Name, settings.Options{})
			if err != nil || len(s.Roots) > 0 || !strings.Contains(text, "\n# roots:\n") {
				t.Errorf("got %v, %v from\n%s", s, err, text)
			}
		})
	}
}

func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%d.conf", i))
	}
	return names
}

func TestYAMLText(t *testing.T) {
	for text, want := range map[string]string{
		"deploy/nginx.conf": "deploy/nginx.conf",
		".":                 ".",
		"a: b #c":           "'a: b #c'",
		"true":              `"true"`,
		"1.30":              `"1.30"`,
		"two\nlines":        `"two\nlines"`,
	} {
		if got := yamlText(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
