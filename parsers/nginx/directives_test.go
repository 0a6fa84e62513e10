package nginx

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDirectivesTable(t *testing.T) {
	for i, d := range directives {
		if i > 0 && directives[i-1].Name > d.Name {
			t.Errorf("%s stands after %s", d.Name, directives[i-1].Name)
		}
		if d.Contexts == 0 || d.Contexts&^allContexts != 0 {
			t.Errorf("%s: contexts %b", d.Name, d.Contexts)
		}
		if d.Args&^argsMore == 0 || d.Args&^argsMore > args7<<1-1 {
			t.Errorf("%s: arguments %b", d.Name, d.Args)
		}
		if listed := d.Value == Enum || d.Value == Mask; listed != (d.Enum != "") {
			t.Errorf("%s: value kind %d with words %q", d.Name, d.Value, d.Enum)
		}
		if d.Opens != 0 && !d.Block {
			t.Errorf("%s opens a context without a block", d.Name)
		}
		if d.Value != Any && d.Args.Allows(0) {
			t.Errorf("%s has a kind of value, but needs none", d.Name)
		}
		if d.Module == "" {
			t.Errorf("%s: module %q", d.Name, d.Module)
		}
	}
	if n := bits.OnesCount32(uint32(allContexts)); len(contextNames) != n {
		t.Errorf("%d names for %d contexts", len(contextNames), n)
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]int{"listen": 5, "worker_processes": 1, "no_such_directive": 0, "": 0} {
		if got := len(lookup(name)); got != want {
			t.Errorf("lookup(%q) has %d definitions, want %d", name, got, want)
		}
	}
	ssl := lookup("ssl")[0]
	if ssl.Until != "1.25.1" {
		t.Errorf("ssl until %q", ssl.Until)
	}
}

func TestContextString(t *testing.T) {
	for c, want := range map[Context]string{
		HTTP:                     "http",
		HTTP | Server | Location: "http, server or location",
		ServerIf | LocationIf:    "if in server or if in location",
		allContexts:              "any block",
		OIDCProvider:             "oidc_provider",
		0:                        "",
	} {
		if got := c.String(); got != want {
			t.Errorf("%b: %q, want %q", c, got, want)
		}
	}
}

func TestArgs(t *testing.T) {
	for _, c := range []struct {
		args Args
		text string
		ok   []int
	}{
		{args0, "no arguments", []int{0}},
		{args1, "1 argument", []int{1}},
		{args1 | args2, "1 or 2 arguments", []int{1, 2}},
		{args0 | args1, "0 or 1 argument", []int{0, 1}},
		{args1 | args2 | args3, "1 to 3 arguments", []int{1, 2, 3}},
		{args1 | args3, "1 or 3 arguments", []int{1, 3}},
		{args2 | argsMore, "at least 2 arguments", []int{2, 3, 4, 5, 6, 7, 8, 9}},
		{args0 | argsMore, "any number of arguments", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		if got := c.args.String(); got != c.text {
			t.Errorf("%b: %q, want %q", c.args, got, c.text)
		}
		for n := range 10 {
			if got := c.args.Allows(n); got != slices.Contains(c.ok, n) {
				t.Errorf("%s allows %d: %v", c.text, n, got)
			}
		}
	}
}

func TestCheckValue(t *testing.T) {
	words := "on off auto"
	for _, c := range []struct {
		kind Value
		good string
		bad  string
	}{
		{Any, "x|5x|-1", ""},
		{Flag, "on|off|ON|Off|$x", "yes|true|1|"},
		{Time, "5|5s|1h30m|500ms|1s500ms|1h 30m|0|2w|1d|$t", "|5x|s|1y|1M|30m1h|ms|-1|1.5s|off"},
		{Seconds, "5|1y2M|1h30m|30", "500ms|5x|off|"},
		{Size, "0|512|8k|8K|10m|10M|${x}k", "1g|8kb|k||-1|0.5m"},
		{Offset, "1g|2G|0|10m", "1t|gb|"},
		{Number, "0|65535", "-1|+1|auto|1k|1_000|99999999999999999999"},
		{Bufs, "8", "0|8k"},
		{Enum, "on|AUTO|$x", "yes|"},
		{Mask, "auto", "none"},
	} {
		d := Directive{Value: c.kind, Enum: words}
		for _, s := range strings.Split(c.good, "|") {
			if msg := d.checkValue(s); msg != "" {
				t.Errorf("kind %d: %s", c.kind, msg)
			}
		}
		if c.bad == "" {
			continue
		}
		for _, s := range strings.Split(c.bad, "|") {
			if d.checkValue(s) == "" {
				t.Errorf("kind %d: %q passes", c.kind, s)
			}
		}
	}
	if got, want := (Directive{Value: Enum, Enum: words}).checkValue("maybe"), `"maybe" is not on, off or auto`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Context
		want string
	}{
		{"sever_name", Server, "server_name"},
		{"server_nmae", Server, "server_name"},
		{"proxy-pass", Location, "proxy_pass"},
		{"proxy_set_headers", Location, "proxy_set_header"},
		{"client_max_body_sizes", HTTP, "client_max_body_size"},
		{"worker_procesess", Main, "worker_processes"},
		{"Server_Name", Server, "server_name"},
		{"lisen", Server, "listen"},
		{"retrun", Location, "return"},
		{"serve", HTTP, "server"},
		{"locaton", Server, "location"},
		{"ro", Server, ""},
		{"something_else_entirely", Server, ""},
		{strings.Repeat("x", 300), Server, ""},
	} {
		if got := suggest(c.name, c.in); got != c.want {
			t.Errorf("suggest(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func BenchmarkSuggest(b *testing.B) {
	for b.Loop() {
		suggest("proxy_set_haeder", Location)
	}
}

// tokenFile is nginx's own reading of one file of the corpus.
type tokenFile struct {
	Path       string
	Statements []json.RawMessage
}

type tokenStmt struct {
	Line  int
	End   string
	Words [][]any
}

func (s tokenStmt) word(i int) string { return s.Words[i][0].(string) }

// corpusContexts is what the corpus's files were put into for nginx to read them.
var corpusContexts = map[string]Context{
	"main": Main, "http": HTTP, "server": Server, "location": Location, "stream": Stream, "types": 0,
}

// tokenFiles calls f for each file of the given verdict.
func tokenFiles(t *testing.T, verdict string, f func(r tokenFile, in Context)) {
	t.Helper()
	root := os.Getenv("PROXYLINT_CORPUS")
	if root == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	table, err := os.ReadFile(filepath.Join(root, "nginx.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]Context{}
	for _, line := range strings.Split(string(table), "\n") {
		if col := strings.Split(line, "\t"); len(col) > 2 && col[1] == verdict {
			context, known := corpusContexts[col[2]]
			if !known {
				t.Fatalf("%s: context %q", col[0], col[2])
			}
			in[col[0]] = context
		}
	}
	file, err := os.Open(filepath.Join(root, "nginx-tokens.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for lines := json.NewDecoder(bufio.NewReader(unzipped)); ; {
		var r tokenFile
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if context, wanted := in[r.Path]; wanted {
			f(r, context)
		}
	}
}

// walkTokens calls f for each statement outside free-form blocks, with what may stand where it is. f returns
// what may stand in the statement's block.
func walkTokens(t *testing.T, r tokenFile, in Context, f func(s tokenStmt, in Context) Context) {
	t.Helper()
	stack := []Context{in}
	for _, raw := range r.Statements {
		if raw[0] == '[' {
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				t.Errorf("%s: too many closing braces", r.Path)
				return
			}
			continue
		}
		var s tokenStmt
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		here := stack[len(stack)-1]
		inner := Context(0)
		if here != 0 {
			inner = f(s, here)
		}
		if s.End == "{" {
			stack = append(stack, inner)
		}
	}
}

// tableSays says what the table has against a statement, and what its block holds.
func tableSays(s tokenStmt, in Context) (complaint string, inner Context) {
	name := s.word(0)
	defs := lookup(name)
	if defs == nil {
		return fmt.Sprintf("unknown directive %q", name), 0
	}
	var here []Directive
	contexts := Context(0)
	for _, d := range defs {
		contexts |= d.Contexts
		if d.Contexts&in != 0 {
			here = append(here, d)
		}
	}
	if here == nil {
		return fmt.Sprintf("%q stands in %s, not in %s", name, in, contexts), 0
	}
	complaint = fmt.Sprintf("%q with %d arguments and end %s", name, len(s.Words)-1, s.End)
	for _, d := range here {
		if !d.Args.Allows(len(s.Words)-1) || d.Block == (s.End == ";") {
			continue
		}
		inner |= d.Opens
		complaint = ""
		if len(s.Words) > 1 {
			complaint = d.checkValue(s.word(1))
		}
		if complaint == "" {
			return "", inner
		}
	}
	return complaint, inner
}

func TestTableCorpusAccepted(t *testing.T) {
	files := 0
	tokenFiles(t, "accepted", func(r tokenFile, in Context) {
		files++
		walkTokens(t, r, in, func(s tokenStmt, in Context) Context {
			complaint, inner := tableSays(s, in)
			if complaint != "" {
				t.Errorf("%s:%d: %s", r.Path, s.Line, complaint)
			}
			return inner
		})
	})
	t.Logf("%d files", files)
}

// nginxPlaces puts a statement where %s stands into each context that nginx has without modules.
var nginxPlaces = map[Context]string{
	Main:        "%s\nevents {}",
	Events:      "events { %s }",
	HTTP:        "events {}\nhttp { %s }",
	Server:      "events {}\nhttp { server { %s } }",
	ServerIf:    "events {}\nhttp { server { if ($a) { %s } } }",
	Location:    "events {}\nhttp { server { location / { %s } } }",
	LocationIf:  "events {}\nhttp { server { location / { if ($a) { %s } } } }",
	LimitExcept: "events {}\nhttp { server { location / { limit_except GET { %s } } } }",
	Upstream:    "events {}\nhttp { upstream u { %s } }",
}

// stmtOf makes a statement of a directive with n arguments.
func stmtOf(d Directive, n int) string {
	end := ";"
	if d.Block {
		end = " {}"
	}
	return d.Name + strings.Repeat(" x", n) + end
}

// TestAgainstNginx asks the nginx that is installed, as Debian builds it, about contexts and argument
// counts.
func TestAgainstNginx(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	names := "user pid error_log daemon env events http worker_connections use multi_accept accept_mutex " +
		"server server_name listen location if limit_except upstream types map geo split_clients " +
		"root alias index try_files return rewrite set break internal allow deny auth_basic satisfy " +
		"proxy_pass proxy_set_header proxy_buffers proxy_buffering proxy_read_timeout fastcgi_pass fastcgi_param " +
		"client_max_body_size hash least_conn ip_hash add_header expires error_page log_format access_log gzip gzip_types " +
		"limit_rate charset ssl_certificate ssl_protocols default_type sub_filter server_tokens"
	for _, name := range strings.Fields(names) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, d := range lookup(name) {
				for place, around := range nginxPlaces {
					compareWithNginx(t, program, dir, d, place, around)
				}
			}
		})
	}
}

func compareWithNginx(t *testing.T, program, dir string, d Directive, place Context, around string) {
	t.Helper()
	if d.Contexts&place == 0 {
		said := askNginx(t, program, dir, fmt.Sprintf(around, stmtOf(d, d.Args.most())))
		elsewhere := slices.ContainsFunc(lookup(d.Name), func(d Directive) bool { return d.Contexts&place != 0 })
		if refused := strings.Contains(said, fmt.Sprintf("%q directive is not allowed here", d.Name)); refused == elsewhere {
			t.Errorf("%s in %s: nginx says %s", d.Name, place, said)
		}
		return
	}
	for _, n := range []int{0, 1, 2, 3, 4, 8} {
		said := askNginx(t, program, dir, fmt.Sprintf(around, stmtOf(d, n)))
		if strings.Contains(said, "is not allowed here") {
			t.Errorf("%s in %s: nginx says %s", d.Name, place, said)
		}
		if refused := strings.Contains(said, fmt.Sprintf("invalid number of arguments in %q", d.Name)); refused == d.Args.Allows(n) {
			t.Errorf("%s in %s with %d arguments: nginx says %s", d.Name, place, n, said)
		}
	}
}

// askNginx returns what nginx says about a configuration. It reads it only: nothing is started.
func askNginx(t *testing.T, program, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(program, "-t", "-p", dir, "-c", file).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(said)
}
