package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func load(t *testing.T, path, text string) *proxy.Config {
	t.Helper()
	configs, err := parsers.LoadText(path, text, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return configs[0]
}

// findAt returns a finding on the first place where words stand.
func findAt(t *testing.T, config *proxy.Config, words string, severity lint.Severity) lint.Diagnostic {
	t.Helper()
	file := config.Tree.Roots[0]
	at := strings.Index(file.Src, words)
	if at < 0 {
		t.Fatalf("no %q", words)
	}
	span := syntax.Span{Start: syntax.Pos(at), End: syntax.Pos(at + len(words))}
	return lint.Diagnostic{Rule: "some-rule", Severity: severity, At: file.Ref(span), Message: "about " + words}
}

const site = `http {
	server_tokens on;
	upstream pool { least_conn; server 10.0.0.1:80; server 10.0.0.2:80 backup; }
	server {
		listen 80; listen 443 ssl; server_name a.example b.example;
		location /a { client_max_body_size 1m; proxy_pass http://pool; proxy_read_timeout 5s; }
		location = /b { proxy_pass https://app:8443; }
		location ~ ^/c { if ($x) { proxy_pass http://app:8443; } }
		location /d { proxy_pass http://$arg_to; }
	}
}
`

// Every finding stands on the smallest part that its words are written in.
func TestFindings(t *testing.T) {
	config := load(t, "nginx.conf", site)
	for words, want := range map[string]string{
		"server_tokens":        "",
		"least_conn":           "upstream pool",
		"10.0.0.2":             "endpoint 10.0.0.2:80",
		"listen 443":           "listener listen 80, 443",
		"a.example":            "listener listen 80, 443",
		"client_max_body_size": "route location /a",
		"/a {":                 "route location /a",
		"proxy_pass http://p":  "route location /a",
		"app:8443;":            "endpoint app:8443",
		"proxy_pass https":     "route location = /b",
		"$x":                   "route location ~ ^/c, in part",
		"$arg_to":              "route location /d",
	} {
		c := New([]*proxy.Config{config}, []lint.Diagnostic{findAt(t, config, words, lint.Error)}, "").Configs[0]
		got := ""
		for _, n := range c.Nodes {
			if len(n.Findings) > 0 {
				got += n.Kind.String() + " " + n.Label
			}
		}
		if got != want || len(c.Findings) != 0 != (want == "") {
			t.Errorf("%s: on %q, listed %d, want it on %q", words, got, len(c.Findings), want)
		}
	}
}

func TestEdges(t *testing.T) {
	c := New([]*proxy.Config{load(t, "nginx.conf", site)}, nil, "").Configs[0]
	var got []string
	for _, e := range c.Edges {
		got = append(got, fmt.Sprintf("%s -> %s [%s] %t", e.From.Label, e.To.Label, e.Label, e.Dynamic))
	}
	want := []string{
		"pool -> 10.0.0.1:80 [] false",
		"pool -> 10.0.0.2:80 [] false",
		"listen 80, 443 -> location /a [] false",
		"location /a -> pool [HTTP, read 5s] false",
		"listen 80, 443 -> location = /b [] false",
		"location = /b -> app:8443 [HTTP, TLS] false",
		"listen 80, 443 -> location ~ ^/c, in part [] false",
		"location ~ ^/c, in part -> app:8443 [HTTP] false",
		"listen 80, 443 -> location /d [] false",
		"location /d -> http://$arg_to [] true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Of a big pool those servers stay visible that something was found at.
func TestBigPool(t *testing.T) {
	var text strings.Builder
	text.WriteString("backend pool\n")
	for i := range 250 {
		fmt.Fprintf(&text, "    server s%d 10.0.0.%d:80\n", i, i)
	}
	config := load(t, "haproxy.cfg", text.String())
	c := New([]*proxy.Config{config}, []lint.Diagnostic{findAt(t, config, "10.0.0.200", lint.Warning)}, "").Configs[0]
	if got, want := len(c.Nodes), 1+maxEndpoints+1; got != want {
		t.Errorf("%d nodes, want %d", got, want)
	}
	last := c.Nodes[len(c.Nodes)-1]
	if want := "… and 238 more"; last.Label != want {
		t.Errorf("the last is %q, want %q", last.Label, want)
	}
	found := c.Nodes[len(c.Nodes)-2]
	if want := "s200 10.0.0.200:80"; found.Label != want || len(found.Findings) != 1 {
		t.Errorf("the one before it is %q with findings %v, want %q with one", found.Label, found.Findings, want)
	}
}

// Of thousands of everything some are drawn, and what was found at the rest is listed.
func TestManyRoutes(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "frontend f%d\n  mode http\n  bind :%d\n  default_backend b%[1]d\nbackend b%[1]d\n", i, i+1000)
	}
	config := load(t, "haproxy.cfg", text.String())
	var found []lint.Diagnostic
	for i := range 3000 {
		if i%10 == 9 {
			found = append(found, findAt(t, config, fmt.Sprintf("default_backend b%d\n", i), lint.Info))
		}
	}
	c := New([]*proxy.Config{config}, found, "").Configs[0]
	if got := len(c.Nodes); got != 3*maxRoutes {
		t.Errorf("%d nodes, want %d", got, 3*maxRoutes)
	}
	want := []string{"… and 2850 more listeners", "… and 2850 more routes", "… and 2850 more upstreams"}
	if !slices.Equal(c.Omitted, want) {
		t.Errorf("omitted: %q, want %q", c.Omitted, want)
	}
	if got := len(c.Findings); got != 300-maxRoutes {
		t.Errorf("%d findings listed, want %d", got, 300-maxRoutes)
	}
	if lines := c.listed(); len(lines) != 3+maxListed+1 || lines[len(lines)-1] != "… and 130 more findings" {
		t.Errorf("listed: %q", lines)
	}
}

// hostile tries to end strings, to act on a terminal, to bring in elements of its own, and to give away a password.
const hostile = `http {
	upstream "a\"b]--><script>&quot; ` + "`x`" + ` #35; end" { server "unix:/tmp/\"];click n1 x"; server a.b:80; }
	server {
		listen 80;
		server_name "x` + "\x1b[31m\u202e" + `<b>&" ::error:: ]]>;
		location "/a\"|b]" { proxy_pass http://$x; }
		location ~ "^/1. *- __x__ <img src=x>%%{init}%%" { proxy_pass http://user:s3cret@h` + "\x01" + `ost; }
		location /漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字 { proxy_pass "http://a\"b]--><script>&quot; ` + "`x`" + ` #35; end"; }
	}
}
`

func TestHostile(t *testing.T) {
	config := load(t, "\x1b]0;\\N\"<nginx>.conf", hostile)
	g := New([]*proxy.Config{config}, []lint.Diagnostic{findAt(t, config, "a.b:80", lint.Error)}, "")
	for _, format := range Formats() {
		out := write(t, g, format)
		for _, bad := range []string{"\x1b", "\x01", "\u202e", "s3cret"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s holds %q", format, bad)
			}
		}
	}
	if out := strings.ReplaceAll(write(t, g, "mermaid"), "<br/>", ""); strings.ContainsAny(out, "`<%\\$") {
		t.Errorf("Mermaid text is not escaped:\n%s", out)
	}
	checkSVG(t, write(t, g, "svg"))
	obeyed := New([]*proxy.Config{load(t, "::error::.conf", "http {\n")}, nil, "")
	if out := write(t, obeyed, "text"); !strings.HasPrefix(out, "./::error::.conf\n") {
		t.Errorf("a CI runner obeys %q", out)
	}
	if svg := draw(t, write(t, g, "dot")); !strings.Contains(svg, "&amp;quot; `x` #35; end") {
		t.Errorf("Graphviz changes the name:\n%s", svg)
	}
}

// draw asks Graphviz.
func draw(t *testing.T, dot string) string {
	t.Helper()
	path, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("graphviz is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "-Tsvg")
	cmd.Stdin = strings.NewReader(dot)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || strings.Contains(stderr.String(), "rror") {
		t.Fatalf("dot: %v: %s\n%s", err, stderr.String(), dot)
	}
	return string(out)
}

func write(t *testing.T, g *Graph, format string) string {
	t.Helper()
	var b strings.Builder
	if err := g.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkSVG reads a drawing as XML: it is one element, and of those that do nothing but draw.
func checkSVG(t *testing.T, svg string) {
	t.Helper()
	known := []string{"svg", "title", "desc", "style", "g", "rect", "text", "path", "circle"}
	depth, roots := 0, 0
	ids := map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			if !slices.Contains(known, token.Name.Local) {
				t.Errorf("element %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "id" && (ids[a.Value] || !strings.HasPrefix(a.Value, "pl-")) {
					t.Errorf("id %s", a.Value)
				}
				ids[a.Value] = ids[a.Value] || a.Name.Local == "id"
				if a.Name.Local == "class" && !strings.HasPrefix(a.Value, "pl-") {
					t.Errorf("class %s", a.Value)
				}
			}
		case xml.EndElement:
			depth--
		case xml.ProcInst, xml.Directive:
			t.Errorf("%T in the drawing", token)
		}
	}
	if roots != 1 {
		t.Errorf("%d elements, want one", roots)
	}
}

// checkLayout holds that no node stands over another or outside the drawing.
func checkLayout(t *testing.T, c *Config) {
	t.Helper()
	d := layOut(c)
	for kind, column := range d.columns {
		end := nodesY
		for _, b := range column {
			if b.y < end-1 || b.y+b.height > d.height {
				t.Errorf("%s: %s %+v stands at %d, want it between %d and %d", c.Name, Kind(kind), b.node, b.y, end, d.height)
			}
			end = b.y + b.height
		}
	}
}

func TestLayout(t *testing.T) {
	var text strings.Builder
	for i := range 40 { // every second frontend leads to the first backend, the others crosswise
		fmt.Fprintf(&text, "frontend f%d\n  bind :%d\n  default_backend b%d\n", i, i+1000, i%2*(40-i))
		fmt.Fprintf(&text, "backend b%d\n  server a 10.0.0.1:80\n  server b 10.0.0.2:80 check\n", i)
	}
	for path, text := range map[string]string{"a/nginx.conf": site, "b/nginx.conf": hostile, "haproxy.cfg": text.String()} {
		checkDrawing(t, []*proxy.Config{load(t, path, text)})
	}
}

// Every real configuration is drawn, with each of its findings once.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("PROXYLINT_CORPUS")
	if corpus == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	drawn := 0
	err := filepath.WalkDir(corpus, func(path string, entry fs.DirEntry, err error) error {
		if extension := filepath.Ext(path); err != nil || entry.IsDir() || extension != ".conf" && extension != ".cfg" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dialect := syntax.Nginx
		if filepath.Ext(path) == ".cfg" {
			dialect = syntax.HAProxy
		}
		configs, err := parsers.LoadText(entry.Name(), string(text), parsers.Options{Dialect: dialect})
		if err != nil {
			return err
		}
		drawn++
		checkDrawing(t, configs)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if drawn < 3000 {
		t.Errorf("only %d configurations drawn", drawn)
	}
}

// checkDrawing draws configurations with a finding on each third statement.
func checkDrawing(t *testing.T, configs []*proxy.Config) {
	t.Helper()
	var found []lint.Diagnostic
	for _, config := range configs {
		n := 0
		config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
			if n++; n%3 == 0 {
				found = append(found, lint.Diagnostic{Rule: "some-rule", Severity: lint.Info, At: s.Ref(0), Message: s.Name()})
			}
			return true
		})
	}
	g := New(configs, found, "")
	told := 0
	for _, c := range g.Configs {
		checkLayout(t, c)
		told += len(c.Findings)
		for _, n := range c.Nodes {
			told += len(n.Findings)
		}
	}
	if told != len(found) {
		t.Errorf("%s: %d findings, want %d", g.Configs[0].Name, told, len(found))
	}
	for _, format := range Formats() {
		out := write(t, g, format)
		if format == "svg" {
			checkSVG(t, out)
		}
	}
}
