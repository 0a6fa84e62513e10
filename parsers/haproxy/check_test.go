package haproxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// problemsOf lists the problems of a configuration as "line:grade:code:text at fault=repair".
func problemsOf(c *proxy.Config) []string {
	all := c.Tree.Problems
	for _, f := range c.Tree.Roots {
		for _, p := range f.Problems {
			all = append(all, syntax.FileProblem{Problem: p, File: f})
		}
	}
	var list []string
	for _, p := range all {
		line := fmt.Sprintf("%d:%s:%s:%s", p.File.Line(p.At.Start), [...]string{"fatal", "warn", "note"}[p.Grade], p.Code, p.File.Text(p.At))
		if p.Write != nil {
			line += "=" + *p.Write
		}
		list = append(list, line)
	}
	return list
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"fine", "defaults\n timeout connect 5s\nbackend b\n server s 10.0.0.1:80 check\n", nil},
		{"unknown keyword", "backend b\n serverr s 10.0.0.1:80\n", []string{"2:warn:unknown-directive:serverr=server"}},
		{"unknown second word", "defaults\n timeout conect 5s\n", []string{"2:warn:unknown-directive:conect=connect"}},
		{"unknown option", "defaults\n option httpchkk\n", []string{"2:warn:unknown-directive:httpchkk=httpchk"}},
		{"nothing near", "defaults\n zzzzzz 1\n", []string{"2:warn:unknown-directive:zzzzzz"}},
		{"unknown server option", "backend b\n server s 10.0.0.1:80 newopt 5\n", []string{"2:warn:unknown-directive:newopt"}},
		{"unknown bind option", "frontend f\n bind :80 newopt\n", []string{"2:warn:unknown-directive:newopt"}},
		{"misplaced", "backend b\n maxconnrate 3\n", []string{"2:fatal:directive-context:maxconnrate"}},
		{"ignored", "backend b\n timeout client 5s\n", []string{"2:warn:directive-context:timeout client"}},
		{"rules need a named defaults", "defaults\n http-request deny\n", []string{"2:fatal:directive-context:http-request deny"}},
		{"outside", "maxconn 4\nbackend b\n", []string{"1:fatal:directive-context:maxconn"}},
		{"outside, unknown", "zzzzzz 4 5\nmore\nbackend b\n", []string{"1:warn:unknown-directive:zzzzzz"}},
		{"byte order mark", "\ufeffglobal\n", []string{"1:fatal:syntax:\ufeff="}},
		{"mistyped section", "global\n\nbackendd b\n server s 10.0.0.1:80\n", []string{"3:warn:unknown-directive:backendd=backend"}},
		{"no argument", "defaults\n timeout\n", []string{"2:fatal:directive-arguments:timeout"}},
		{"too few", "defaults\n timeout connect\n", []string{"2:fatal:directive-arguments:timeout connect"}},
		{"too many", "frontend f\n maxconn 1 2\n", []string{"2:fatal:directive-arguments:2"}},
		{"blank before a unit", "defaults\n timeout client 5 s\n", []string{"2:fatal:directive-arguments:5 s=5s"}},
		{"overwritten timeout", "defaults\n timeout client 5s\n timeout server 5s\n timeout client 6s\n", []string{"2:warn:duplicate-directive:timeout client 5s"}},
		{"timeout written twice", "defaults\n timeout client 5s\n timeout client 5s\n", []string{"2:note:duplicate-directive:timeout client 5s"}},
		{"timeouts of two sections", "defaults\n timeout client 5s\nfrontend f\n timeout client 6s\n", nil},
		{"no time", "defaults\n timeout client 5x\n timeout server -1\n", []string{"2:fatal:directive-arguments:5x", "3:fatal:directive-arguments:-1"}},
		{"server without an address", "backend b\n server s\n", []string{"2:fatal:directive-arguments:server"}},
		{"no name", "backend\n", []string{"1:fatal:directive-arguments:backend"}},
		{"bad name", "backend a/b\n", []string{"1:fatal:directive-arguments:a/b"}},
		{"address on the header", "listen l 0.0.0.0:80\n mode http\n", []string{"1:fatal:directive-arguments:0.0.0.0:80"}},
		{"from nothing", "defaults d\nbackend b from e\n", []string{"2:fatal:directive-arguments:e"}},
		{"from below", "defaults e\nbackend b from d\ndefaults d\n", []string{"2:fatal:directive-arguments:d"}},
		{"global takes no argument", "global x\n", []string{"1:fatal:directive-arguments:x"}},
		{"peers take a name", "peers\n", []string{"1:fatal:directive-arguments:peers"}},
		{"no before a keyword", "backend b\n no server s 10.0.0.1:80\n", []string{"2:fatal:directive-arguments:no"}},
		{"no before an option", "defaults\n no option redispatch\n", nil},
		{"scopes", "[x] y\n[]\n[a]\n", []string{"1:fatal:syntax:y", "2:fatal:syntax:[]"}},
		{"branch that is not read", "global\n.if 0\n zzzzzz\n.endif\n", nil},
		{"gone", "defaults\n contimeout 5s\n", []string{"2:warn:unknown-directive:contimeout=timeout connect"}},
		{"variables", "defaults\n timeout client \"$X\"\n", []string{}},
		{"a fault is told once", "backend b\n serverr \"s\n", []string{`2:fatal:syntax:"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := problemsOf(load(tt.src)); !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
			if tt.name == "variables" {
				return // what HAProxy says of them depends on its environment
			}
			refused := slices.ContainsFunc(tt.want, func(s string) bool {
				return !strings.Contains(s, "warn:directive-context") && !strings.Contains(s, ":duplicate-directive:")
			})
			if got := judge(t, tt.src); got != refused {
				t.Errorf("HAProxy refuses it: %v, want %v", got, refused)
			}
		})
	}
}

// judge reports whether HAProxy refuses a configuration.
func judge(t *testing.T, src string) bool {
	t.Helper()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(haproxy, "-c", "-dr", "-f", path)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	return err != nil && !strings.Contains(string(out), "has no error but will not start")
}

func TestVersions(t *testing.T) {
	tests := []struct {
		version, src string
		want         []string
	}{
		{"", "global\n cpu-set only-cpu 1\n", nil},
		{"2.6.12", "global\n cpu-set only-cpu 1\n", []string{"2:fatal:unknown-directive:cpu-set"}},
		{"3.2", "global\n cpu-set only-cpu 1\n", nil},
		{"2.6.12", "global\n.if version_atleast(3.2)\n cpu-set only-cpu 1\n.endif\n", nil},
		{"2.0", "defaults\n contimeout 5s\n", nil},
		{"2.1", "defaults\n contimeout 5s\n", []string{"2:fatal:unknown-directive:contimeout=timeout connect"}},
		{"2.6", "crt-store s\n", []string{"1:fatal:unknown-directive:crt-store"}},
		{"3.0", "crt-store s\n", nil},
		{"", "program p\n", []string{"1:note:unknown-directive:program"}},
		{"2.2", "global\n daemon", []string{"2:warn:syntax: daemon= daemon\n"}},
		{"2.3", "global\n daemon", []string{"2:fatal:syntax: daemon= daemon\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.version+" "+tt.src, func(t *testing.T) {
			var version proxy.Version
			if tt.version != "" {
				var err error
				if version, err = proxy.ParseVersion(tt.version); err != nil {
					t.Fatal(err)
				}
			}
			got := problemsOf(Load([]syntax.Source{{Path: "a.cfg", Src: tt.src}}, version))
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAcceptedFilesHaveNoProblem(t *testing.T) {
	for _, file := range corpusFiles(t) {
		if !file.accepted {
			continue
		}
		c := load(file.src)
		told := c.Tree.Problems
		for _, p := range c.Tree.Roots[0].Problems {
			told = append(told, syntax.FileProblem{Problem: p, File: c.Tree.Roots[0]})
		}
		for _, p := range told {
			if p.Grade == syntax.Fatal || p.Grade == syntax.Warn && p.Code != "directive-context" && p.Code != "duplicate-directive" {
				t.Errorf("%s:%d: %s: %s", file.path, p.File.Line(p.At.Start), p.Code, p.Msg)
			}
		}
	}
}

// TestUnknownKeywordsAreTold runs HAProxy on the files it refuses: each line that it finds an unknown
// keyword in has a problem, unless a newer HAProxy knows the keyword or the section.
func TestUnknownKeywordsAreTold(t *testing.T) {
	files := corpusFiles(t)
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	path := filepath.Join(t.TempDir(), "refused.cfg")
	refusal := regexp.MustCompile(`config : parsing \[` + regexp.QuoteMeta(path) + `:(\d+)\] ?: unknown keyword '(.*?)' in `)
	seen := 0
	for _, file := range files {
		if file.accepted {
			continue
		}
		if err := os.WriteFile(path, []byte(file.src), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(haproxy, "-c", "-dr", "-f", path)
		cmd.Env = []string{}
		out, _ := cmd.CombinedOutput() // it refuses the file
		told := toldLines(load(file.src))
		for _, m := range refusal.FindAllStringSubmatch(string(out), -1) {
			line, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			_, isSection := sectionKind(m[2])
			_, n := lookup(m[2])
			seen++
			if !told[line] && n == 0 && !isSection && !file.enterprise() {
				t.Errorf("%s:%d: HAProxy does not know %q, and nothing is told", file.path, line, m[2])
			}
		}
	}
	if seen < 100 {
		t.Errorf("HAProxy found %d unknown keywords: its messages are not understood", seen)
	}
}

// enterprise reports whether a file is for HAProxy Enterprise, whose keywords are in no public manual.
func (f corpusFile) enterprise() bool { return strings.Contains(f.src, "module-load") }

// toldLines returns the lines that have a problem.
func toldLines(c *proxy.Config) map[int]bool {
	lines := map[int]bool{}
	f := c.Tree.Roots[0]
	for _, p := range f.Problems {
		lines[f.Line(p.At.Start)] = true
	}
	for _, p := range c.Tree.Problems {
		lines[f.Line(p.At.Start)] = true
	}
	return lines
}
