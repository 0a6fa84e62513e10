package settings_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/rules"
)

// enter makes the working directory a new folder with a settings file.
func enter(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, settings.Name, text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read reads the settings file of the working directory, as one that was found there.
func read(t *testing.T) (*settings.Settings, error) {
	t.Helper()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return settings.Read(settings.Name, settings.Options{Rules: rules.IDs(), Within: cwd})
}

func TestRead(t *testing.T) {
	enter(t, `
roots:
  - path: deploy/nginx/nginx.conf
    dialect: nginx
    version: 1.30
    prefix: ./deploy/nginx
    map: {/etc/nginx/: deploy/nginx}
  - path: lb
directives: [my_directive]
inventory: [facts.csv]
ranges: [ips-v4]
hosts: ops/../facts.csv
fail-on: never
baseline: known.json
live:
  concurrency: 8
  rate: 20
  timeout: 500ms
  deadline: 2m
  allow: [10.0.0.0/8, "::1"]
  deny: [10.9.9.9]
  allow-public: false
`)
	write(t, "facts.csv", "")
	write(t, "ips-v4", "")
	s, err := read(t)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.FromSlash("deploy/nginx")
	if diff := cmp.Diff([]parsers.Root{
		{
			Path: filepath.Join(conf, "nginx.conf"), Dialect: syntax.Nginx, Version: proxy.Version{1, 30},
			Prefix: conf, Map: map[string]string{"/etc/nginx": conf},
		},
		{Path: "lb"},
	}, s.Roots); diff != "" {
		t.Errorf("roots (-want +got):\n%s", diff)
	}
	said := fmt.Sprintln(s.Directives, s.Inventory, s.Ranges, s.Hosts, s.FailOn, s.Baseline)
	if want := "[my_directive] [facts.csv] [ips-v4] facts.csv never known.json\n"; said != want {
		t.Errorf("got %s, want %s", said, want)
	}
	l := s.Live
	said = fmt.Sprint(l.Concurrency, l.Rate, l.Timeout, l.Deadline, l.Allow, l.Deny, *l.AllowPublic)
	if want := "8 20 500ms 2m0s [10.0.0.0/8 ::1/128] [10.9.9.9/32] false"; said != want {
		t.Errorf("live: got %s, want %s", said, want)
	}
}

// good and bad are what both the reader and the schema accept and refuse.
var good = []string{
	"",
	"{}",
	"# nothing",
	"roots: []",
	"roots: [{path: .}]",
	"roots: [{path: a, dialect: haproxy, version: 3.2}, {path: b, version: '1.27.3'}, {path: b, version: 2}]",
	"roots: [{path: a, prefix: b, map: {/: rootfs, /etc/nginx: deploy/nginx}}]",
	"exclude: ['*.bak', legacy/, /top, a/**/b, '[ab]?.conf']",
	"rules: {frozen-dns: off, timeout-unit: error, server-unchecked: warning, tls-verify-off: info}",
	"rules: {}",
	"overrides: [{files: [a], rules: {frozen-dns: off}}]",
	"directives: [vhost_traffic_status, more]",
	"fail-on: error",
	"baseline: proxylint-baseline.json",
	"live: {}",
	"live: {concurrency: 1, rate: 100000, timeout: 1ms, deadline: 24h, allow: ['::/0', 1.2.3.4], deny: [], allow-public: true}",
	"overrides: [{files: &f [a], rules: &r {frozen-dns: off}}, {files: *f, rules: *r}]",
}

var bad = []string{
	"root: []",
	"[]",
	"text",
	"5",
	"roots: a",
	"roots: [a]",
	"roots: [{}]",
	"roots: [{path: 5}]",
	"roots: [{path: ''}]",
	"roots: [{path: a, dialect: apache}]",
	"roots: [{path: a, version: new}]",
	"roots: [{path: a, version: 1.2.3.4}]",
	"roots: [{path: a, version: -1}]",
	"roots: [{path: a, map: [b]}]",
	"roots: [{path: a, map: {etc: b}}]",
	"roots: [{path: a, map: {/etc: [b]}}]",
	"exclude: '*.bak'",
	"exclude: ['!a']",
	"exclude: ['{a,b}']",
	`exclude: ['a\b']`,
	"exclude: [1]",
	"exclude: {a: b}",
	"exclude:",
	"rules: {frozen-dn: off}",
	"rules: {frozen-dns: never}",
	"rules: {frozen-dns: false}",
	"rules: [frozen-dns]",
	"overrides: {}",
	"overrides: [{files: [a]}]",
	"overrides: [{rules: {}}]",
	"overrides: [{files: a, rules: {}}]",
	"directives: ['a b']",
	"directives: ['a;']",
	"directives: my",
	"inventory: a.csv",
	"ranges: a.txt",
	"hosts: [a]",
	"fail-on: fatal",
	"fail-on: [error]",
	"baseline: true",
	"live: true",
	"live: {enabled: true}",
	"live: {concurrency: 0}",
	"live: {concurrency: '5'}",
	"live: {rate: 1.5}",
	"live: {timeout: 5}",
	"live: {timeout: 5 s}",
	"live: {timeout: 0s}",
	"live: {timeout: -1s}",
	"live: {timeout: 1us}",
	"live: {timeout: 1m30s}",
	"live: {allow: 10.0.0.0/8}",
	"live: {allow: [all]}",
	"live: {allow-public: 'yes'}",
	"format: json",
}

// TestSchema proves that schema and reader accept and refuse the same.
func TestSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range slices.Concat(good, bad) {
		want := slices.Contains(good, text)
		enter(t, text)
		if _, err := read(t); (err == nil) != want {
			t.Errorf("%q: the reader says %v", text, err)
		}
		if err := schema.Validate(toJSON(t, text)); (err == nil) != want {
			t.Errorf("%q: the schema says %v", text, err)
		}
	}
}

func toJSON(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	object, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestFaults holds the reader to the place and the words of a fault, those among them that a schema can't know.
func TestFaults(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"fail-on: error\nexcludes: []", `:2:1: unknown key "excludes", did you mean exclude?`},
		{"roots:\n  - path: a\n    nginx-version: 1", `:3:5: unknown key "nginx-version", want dialect, map, path, prefix, version`},
		{"rules:\n  ä: off", `:2:3: no rule is named "ä"`},
		{"rules: {frozen-dns: eror}", `:1:21: unknown value "eror", did you mean error?`},
		{"rules: {x: off}\nrules: {}", `:2:1: "rules" is given twice`},
		{"exclude: ['[a']", `:1:12: "[a" is not a glob`},
		{"live: {allow: [10.0.0.0/99]}", `:1:16: "10.0.0.0/99" is not a network such as 10.0.0.0/8`},
		{"live: {deadline: 25h}", `:1:18: "25h" is not a time such as 500ms, 4s or 1m, of at most 24h`},
		{"hosts: none", `:1:8: none: no such file or directory`},
		{"roots: [{path: ../x}]", `:1:16: "../x" lies outside ROOT: name this file with --config if you trust it`},
		{"baseline: link/known.json", `:1:11: "link/known.json" lies outside ROOT: name this file with --config if you trust it`},
		{"\r\r\rroot", `:1:1: "root" where a mapping is due`},
		{"a: [", `:1:1: did not find expected node content`},
		{"{}\n---\n{}", `:3:1: a second document, where one is read`},
		{"exclude: &a [*a]", `:1:1: more than 20000 values`},
		{strings.Repeat("[", 20_000), `:1:1: exceeded max depth of 10000`},
		{bomb(), `:1:1: more than 20000 values`},
		{strings.Repeat("#", 1<<20+1), `: larger than 1 MiB`},
		{"directives: [" + strings.Repeat("a,", 1001) + "]", `:1:2014: more than 1000 values in a list`},
		{"exclude: [" + strings.Repeat("a,", 501) + "]", `:1:1011: more than 500 globs`},
		{strings.Repeat("k", 100) + ": 1", `:1:1: unknown key "` + strings.Repeat("k", 60) + `…", want`},
	} {
		enter(t, test.text)
		outside := t.TempDir()
		write(t, filepath.Join(outside, "known.json"), "")
		if err := os.Symlink(outside, "link"); err != nil {
			t.Skip(err)
		}
		cwd, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = read(t)
		want := settings.Name + strings.Replace(test.want, "ROOT", filepath.Base(cwd), 1)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: got  %v\nwant %s", test.text, err, want)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%.40q took %v", test.text, took)
		}
	}
}

// bomb returns aliases that stand for 3 to the 40th values.
func bomb() string {
	text := "a0: &a0 [x]\n"
	for i := range 40 {
		text += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i)
	}
	return text
}

// A file that the user names may speak of any place.
func TestNamedFile(t *testing.T) {
	enter(t, "roots: [{path: /etc/nginx/nginx.conf}, {path: ../x}]")
	s, err := settings.Read(settings.Name, settings.Options{})
	if err != nil || len(s.RootPaths()) != 2 {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestFind(t *testing.T) {
	top := t.TempDir()
	write(t, filepath.Join(top, settings.Name), "")
	write(t, filepath.Join(top, "repo", ".git", "config"), "")
	write(t, filepath.Join(top, "repo", "deploy", settings.Name), "")
	write(t, filepath.Join(top, "repo", "deploy", "nginx", "nginx.conf"), "")
	write(t, filepath.Join(top, "plain", "a.conf"), "")
	for dir, want := range map[string]string{
		"":                  settings.Name,
		"plain":             "", // in no repository, what lies above is not looked at
		"repo":              "", // nor is what lies above a repository
		"repo/deploy/nginx": filepath.Join("repo", "deploy", settings.Name),
	} {
		if want != "" {
			want = filepath.Join(top, want)
		}
		if got, _, err := settings.Find(filepath.Join(top, dir)); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", dir, got, err, want)
		}
	}
	if _, within, _ := settings.Find(filepath.Join(top, "repo", "deploy")); within != filepath.Join(top, "repo") {
		t.Errorf("the file may speak of %s", within)
	}
}

// TestExclude holds the globs to what git makes of them.
func TestExclude(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git")
	}
	paths := []string{
		"a.conf", "a.bak", "legacy/nginx.conf", "deploy/a.conf", "deploy/legacy/x/y.conf", "deploy/x.bak/z",
		"top/a.conf", "deploy/top/a.conf", "deploy/.hidden.conf",
	}
	for _, glob := range []string{
		"*.bak", "legacy", "legacy/", "/legacy", "deploy/*.conf", "deploy/**", "**/legacy", "deploy/**/*.conf", "top/", "/top/",
		"*/top", "a.conf", "[ab].conf", "?.conf", "**/y.conf", "deploy/legacy/", "a.conf/", "*", "**",
	} {
		enter(t, fmt.Sprintf("exclude: [%q]", glob))
		write(t, ".gitignore", glob+"\n")
		for _, path := range paths {
			write(t, path, "")
		}
		if out, err := exec.Command(git, "init", "-q").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		s, err := read(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			want := exec.Command(git, "check-ignore", "-q", path).Run() == nil
			if got := s.Excludes(filepath.FromSlash(path)); got != want {
				t.Errorf("%s with %s: excluded %v, git says %v", path, glob, got, want)
			}
		}
	}
}

func TestSeverities(t *testing.T) {
	enter(t, `
exclude: [vendored/]
rules: {frozen-dns: off, timeout-unit: info, tls-verify-off: off}
overrides:
  - files: [prod/]
    rules: {frozen-dns: error}
  - files: [prod/old/**]
    rules: {frozen-dns: info, syntax: warning}
`)
	s, err := read(t)
	if err != nil {
		t.Fatal(err)
	}
	weigh := s.Severities([]string{"./vendored/named.conf"})
	for _, test := range []struct {
		rule, path, want string
	}{
		{"frozen-dns", "a.conf", "off"},
		{"frozen-dns", "prod/a.conf", "error"},
		{"frozen-dns", "prod/old/a.conf", "info"},
		{"timeout-unit", "prod/a.conf", "info"},
		{"syntax", "prod/a.conf", "as it is"},
		{"syntax", "vendored/a.conf", "off"},
		{"syntax", "vendored/named.conf", "as it is"},
		{"timeout-unit", "/elsewhere/prod/a.conf", "info"},
	} {
		got := "as it is"
		if severity, ok := weigh(test.rule, test.path); ok {
			got = severity.String()
			if severity == 0 {
				got = "off"
			}
		}
		if got != test.want {
			t.Errorf("%s in %s: got %s, want %s", test.rule, test.path, got, test.want)
		}
	}
	var silent []string
	for _, rule := range s.Rules(rules.All()) {
		if rule.Off {
			silent = append(silent, rule.ID)
		}
	}
	if diff := cmp.Diff([]string{"tls-verify-off"}, silent); diff != "" {
		t.Errorf("rules that need not run (-want +got):\n%s", diff)
	}
	if slices.ContainsFunc(rules.All(), func(r *lint.Rule) bool { return r.Off }) {
		t.Error("the rules themselves were changed")
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range slices.Concat(good, bad) {
		f.Add(text)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, settings.Name)
	ids := rules.IDs()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := settings.Read(path, settings.Options{Rules: ids, Within: dir})
		if err != nil {
			if !strings.HasPrefix(err.Error(), path+":") {
				t.Errorf("%q does not begin with the file", err)
			}
			return
		}
		s.Excludes(filepath.Join(dir, "a", "b.conf"))
	})
}

// A file in a pull request must not be a way to look at another one.
func TestLinkOut(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, "password: x")
	t.Chdir(t.TempDir())
	if err := os.Symlink(outside, settings.Name); err != nil {
		t.Skip(err)
	}
	if _, err := read(t); err == nil || !strings.Contains(err.Error(), "leads out of") {
		t.Errorf("got %v", err)
	}
}
