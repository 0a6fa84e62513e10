package nginx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// eighteenOnces are directives, one a line, that may stand once in a server block.
const eighteenOnces = "root /x;\nsendfile on;\ntcp_nopush on;\ntcp_nodelay on;\nsend_timeout 1s;\nsend_lowat 1;\n" +
	"server_tokens on;\nrecursive_error_pages on;\nreset_timedout_connection on;\nport_in_redirect on;\nmsie_padding on;\n" +
	"msie_refresh on;\nlog_not_found on;\nlog_subrequest on;\netag on;\ngzip on;\ngzip_vary on;\nautoindex on;\n"

// inServer wraps lines as the body of a server; they start at line 3.
func inServer(lines string) string { return "events {}\nhttp { server {\n" + lines + "\n} }\n" }

// TestFaults holds what is told of small inputs against what nginx says of them. A fault is
// "line:column code" of the fault itself and, after "→", the line where nginx stops.
func TestFaults(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"one brace too many", "events {}\nhttp { server { listen 80; } } }\nstream { server { listen 81; proxy_pass 127.0.0.1:1; } }\n", []string{"2:32 syntax → 2"}},
		{"brace without a name", "events {}\nhttp { {\nserver { listen 80; } } }\n", []string{"2:8 syntax → 2"}},
		{"two semicolons", inServer("gzip on;;"), []string{"3:9 syntax → 3"}},
		{"semicolon after a block", "events {};\nhttp {}\n", []string{"1:10 syntax → 1"}},
		{"no opening brace", "events {}\nhttp {\nserver\nlisten 80;\n}\n}\n", []string{"3:1 syntax → 4"}},
		{"escaped backslash ends a string", inServer(`return 200 "a\\";` + "\nlisten 81;"), nil},
		{"escaped blank", inServer(`root /srv/my\ site;`), nil},
		{"escaped semicolon", inServer(`location ~ ^/a\;b$ { return 204; }`), nil},
		{"escaped braces", inServer(`location ~ ^/x\{2\}$ { return 204; }`), nil},
		{"brace inside a word", inServer(`return 200 a}b;`), nil},
		{"backticks", inServer("return 200 ok`s; set $a `x; set $b y`;"), nil},
		{"quoted name", inServer(`"listen" 80;`), nil},
		{"text after a quote", inServer(`return 200 "a"b;`), []string{"3:15 syntax → 3"}},
		{"Latin-1", inServer("return 200 \"M\xf6l\";"), nil},
		{"NUL in a comment", "# a\x00b\nevents {}\n", nil},
		{"byte order mark", "\uFEFFevents {}\n", []string{"1:1 syntax → 1"}},
		{"word of 4095 bytes", inServer("return 200 " + strings.Repeat("a", 4095) + ";"), nil},
		{"word of 4096 bytes", inServer("return 200 " + strings.Repeat("a", 4096) + ";"), []string{"3:12 syntax → 3"}},
		{"comment of 4096 bytes", "#" + strings.Repeat("a", 4095) + "\nevents {}\n", []string{"1:1 syntax → 1"}},
		{"missing semicolon before a brace", inServer("server_name a"), []string{"3:13 missing-semicolon → 4"}},
		{"missing semicolon", inServer("listen 80\nserver_name a;"), []string{"3:8 missing-semicolon → 4"}},
		{"two missing semicolons", inServer("listen 80\nserver_name a\nroot /srv;"), []string{"3:8 missing-semicolon → 5", "4:13 missing-semicolon"}},
		{"missing semicolon before a block", inServer("listen 80\nlocation / {\nreturn 204;\n}"), []string{"3:8 missing-semicolon → 4"}},
		{"directive names as arguments", inServer("server_name root\n    index\n    return;"), nil},
		{"words that any directive could be", inServer("server_name a.com\nreturn 301 http://b.com;"), []string{"3:13 missing-semicolon"}},
		{"argument counts", "events {}\nhttp {\nupstream { }\nserver {\nlocation { }\nlocation ~ a b { }\n}\n}\n",
			[]string{"3:1 directive-arguments → 3", "5:1 directive-arguments → 5", "6:14 directive-arguments → 6"}},
		{"unclosed quote", inServer("return 200 \"a;\nroot /srv;"), []string{"3:12 syntax → 6"}},
		{"unclosed quote before another", inServer("return 200 \"a;\nadd_header X \"b\";\nroot /srv;"), []string{"3:12 syntax → 4"}},
		{"unclosed block", "events {}\nhttp {\n    server {\n        listen 80;\n        location / {\n            root /srv;\n    }\n}\n",
			[]string{"5:9 syntax → 9"}},
		{"unclosed blocks", "events {\nhttp {", []string{"1:1 syntax → 2", "2:1 syntax → 2", "2:1 directive-context → 2"}},
		{"several faults", inServer("listen 80\nserver_name a;;\nreturn 200 \"b\"c;\nroot /srv"),
			[]string{"3:8 missing-semicolon → 4", "4:15 syntax → 4", "5:15 syntax → 5", "6:6 missing-semicolon → 7"}},
		{"Lua strings", inServer("location / { content_by_lua_block {\nngx.say(\"}\")\n} }"), nil},
		{"Lua comments", inServer("location / { content_by_lua_block {\n-- don't }\nlocal n = #t --[[ } ]]\n} }"), nil},
		{"Lua long brackets", inServer("location / { content_by_lua_block {\nngx.say([[ }}} \" ]], [==[ ]] } ]==])\n} }"), nil},
		{"Lua with an argument", inServer("set_by_lua_block $r {\n-- it's\nreturn 1\n}"), nil},
		{"unclosed Lua", "events {}\nhttp {\ninit_by_lua_block {\nx = {\n}\n", []string{"2:1 syntax → 6", "3:1 syntax → 6"}},
		{"variables with braces", inServer("return 301 /${host}/x${uri}y;"), nil},
		{"if", inServer("if ($http_a = \"b\") { return 204; }"), nil},
		{"CRLF", "events {}\r\nhttp {\r\n  gzip on;;\r\n}\r\n", []string{"3:11 syntax → 3"}},
		{"unknown directive", inServer("listn 80;"), []string{"3:1 unknown-directive → 3"}},
		{"misplaced directive", inServer("proxy_pass http://127.0.0.1;"), []string{"3:1 directive-context → 3"}},
		{"duplicates", inServer("root /a;\nlisten 80;\nlisten 81;\nlocation / { root /b; }\nroot /a;"), []string{"7:1 duplicate-directive → 7"}},
		{"more duplicates than are few", inServer(eighteenOnces + "root /a;"), []string{"21:1 duplicate-directive → 21"}},
		{"bad time", inServer("send_timeout 5s;\nproxy_read_timeout 1minute;"), []string{"4:20 directive-arguments → 4"}},
		{"free names in a map", "events {}\nhttp {\nmap $host $b {\n  frobnicate 1;\n  proxy_pass 2;\n}\n}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := faults(tt.src); !cmp.Equal(got, tt.want) {
				t.Errorf("%s\n%s", tt.src[:min(len(tt.src), 300)], cmp.Diff(tt.want, got))
			}
			judge(t, tt.src, tt.want)
		})
	}
}

// faults reads a text and returns what is told of it, in order.
func faults(src string) []string {
	config := Load(syntax.Source{Path: "nginx.conf", Src: src}, Options{})
	file := config.Tree.Roots[0]
	problems := append([]syntax.Problem(nil), file.Problems...)
	for _, p := range config.Tree.Problems {
		problems = append(problems, p.Problem)
	}
	sortProblems(problems)
	var list []string
	for _, p := range problems {
		at := file.Position(p.At.Start)
		text := fmt.Sprintf("%d:%d %s", at.Line, at.Byte, p.Code)
		if p.Seen >= 0 {
			text += fmt.Sprintf(" → %d", file.Line(p.Seen))
		}
		list = append(list, text)
	}
	return list
}

func sortProblems(list []syntax.Problem) {
	for i := range list {
		for j := i; j > 0 && list[j].At.Start < list[j-1].At.Start; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// judge asks nginx itself, where it is installed: it must refuse what has a fault with a line to stop at,
// at the first of these lines, and load the rest.
func judge(t *testing.T, src string, want []string) {
	nginx, err := exec.LookPath("nginx")
	if err != nil || strings.Contains(src, "lua") {
		return
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	// A stream block needs a module that is loaded at run time.
	src = "pid " + dir + "/pid; error_log stderr; " + strings.Replace(src, "stream {", "# stream {", 1)
	src = strings.Replace(src, "; \uFEFF", ";\uFEFF", 1)
	if err := os.WriteFile(conf, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(nginx, "-t", "-e", "stderr", "-p", dir, "-c", conf).CombinedOutput()
	stops := ""
	for _, w := range want {
		if _, line, ok := strings.Cut(w, " → "); ok && (stops == "" || atoi(line) < atoi(stops)) {
			stops = line
		}
	}
	if stops == "" {
		if err != nil {
			t.Errorf("nginx refuses what is told to be right:\n%s", out)
		}
		return
	}
	if err == nil {
		t.Errorf("nginx accepts what is told to be a fault")
	}
	if !strings.Contains(string(out), ":"+stops+"\n") {
		t.Errorf("nginx does not stop at line %s:\n%s", stops, out)
	}
}

func atoi(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

func TestDecode(t *testing.T) {
	for raw, want := range map[string]string{
		`a`: "a", `"a b"`: "a b", `'a"b'`: `a"b`, `""`: "", `a\ b`: `a\ b`, `a\tb`: "a\tb", `"a\"b\\"`: `a"b\`,
		`\x41`: `\x41`, `a\`: `a\`, `"`: "", `"a\n\r"`: "a\n\r", `^/a\.b$`: `^/a\.b$`,
	} {
		if got := decode(raw); got != want {
			t.Errorf("decode(%s) = %q, want %q", raw, got, want)
		}
	}
}

func TestDeepNesting(t *testing.T) {
	file := scan(syntax.Source{Path: "nginx.conf", Src: strings.Repeat("a{", 1_000_000)})
	if len(file.Problems) == 0 {
		t.Fatal("two megabytes of open blocks are told of nothing")
	}
	depth := 0
	for list := file.Stmts; len(list) > 0; list = list[0].Block.Stmts {
		depth++
	}
	if depth > maxDepth+1 {
		t.Errorf("the tree is %d blocks deep", depth)
	}
}

// TestHardTexts reads texts that a careless reader takes quadratic time for.
func TestHardTexts(t *testing.T) {
	const n = 200_000
	for name, src := range map[string]string{
		"open long brackets":  "content_by_lua_block {" + strings.Repeat("[=[", n),
		"lua quotes":          "content_by_lua_block {" + strings.Repeat(`\'`, n),
		"lua comments":        "content_by_lua_block {" + strings.Repeat("--[==[\n", n),
		"unclosed quotes":     strings.Repeat("a 'b\nc \"d\n", n/10),
		"escaped quotes":      strings.Repeat("a \"b\\\"\n", n/10),
		"missing semicolons":  strings.Repeat("listen 80\n", n/10),
		"words without end":   strings.Repeat("a ", n),
		"closing braces":      strings.Repeat("}", n),
		"blocks in one level": strings.Repeat("a{}", n),
		"long line":           strings.Repeat("a;", n),
	} {
		file := scan(syntax.Source{Path: "nginx.conf", Src: src})
		if len(file.Problems) > maxProblems {
			t.Errorf("%s: %d problems", name, len(file.Problems))
		}
	}
}

// FuzzScan checks that any text gives words in order that slice back to it, with white space between.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"", "a;", "a{b c;}", "a 'b\nc\";d", "a\\", "${a}{;", "\uFEFFa{", "a#b\n#c\r\n}", "x_by_lua_block { --[==[ ]==] '}' }",
		"server\nlisten 80;\n}", "listen 80\nserver_name \"a\"b)\n", "a{{{}}};;", inServer("listen 80\nroot /x"), "\"a\"){", strings.Repeat("a{", 300),
	} {
		f.Add(seed)
	}
	f.Add("{% if a %}b{c;{% else %}d{{% endif %}{{ e }}\n}${I}\"{{ \"}}\" }}\"{{f}}; {{- g }}\n{{ if }}}{{ else }}}{{ end }} <%= h -%> #{# i #}\n")
	f.Fuzz(func(t *testing.T, src string) {
		checkLossless(t, scan(syntax.Source{Path: "nginx.conf", Src: src}))
		env := map[string]string{"I": "b:1"}
		file := scan(syntax.Source{Path: "nginx.conf.template", Src: src, Env: env})
		if file.Template == nil {
			checkLossless(t, file)
		}
		Load(syntax.Source{Path: "/nonexistent/nginx.conf.template", Src: src, Env: env}, Options{})
	})
}

// checkLossless fails where the spans of a file are out of order, or where text is lost between them.
func checkLossless(t *testing.T, file *syntax.File) {
	seen := make([]bool, len(file.Src))
	mark := func(s syntax.Span) {
		if s.Start < 0 || s.End < s.Start || int(s.End) > len(seen) {
			t.Fatalf("span %v of a text of %d bytes", s, len(seen))
		}
		for i := s.Start; i < s.End; i++ {
			seen[i] = true
		}
	}
	at := syntax.Pos(0)
	var walk func([]*syntax.Stmt, *syntax.Stmt)
	walk = func(list []*syntax.Stmt, parent *syntax.Stmt) {
		for _, s := range list {
			if s.Parent != parent || len(s.Words) == 0 {
				t.Fatalf("statement %v: parent %p, want %p; %d words", s.Span, s.Parent, parent, len(s.Words))
			}
			for _, w := range s.Words {
				if w.Start < at || w.End <= w.Start && file.Raw(w) != "" {
					t.Fatalf("word %v starts before %d", w, at)
				}
				mark(w.Span)
				at = w.End
				file.Value(w)
			}
			if s.Block != nil {
				if s.Block.Opaque {
					mark(syntax.Span{Start: s.Block.Open, End: s.Block.Close})
				}
				walk(s.Block.Stmts, s)
			}
			mark(syntax.Span{Start: s.Start, End: s.Start})
			mark(syntax.Span{Start: s.Start, End: s.End})
		}
	}
	walk(file.Stmts, nil)
	for _, c := range file.Comments {
		mark(c.Span)
	}
	for _, p := range file.Problems {
		mark(p.At)
		if p.Msg == "" || p.Code == "" {
			t.Fatalf("a problem without words: %+v", p)
		}
	}
	for i, ok := range seen {
		// in a template, marks and the braces of other arms may belong to nothing
		if c := file.Src[i]; !ok && file.Template == nil && !isBlank(c) && len(file.Problems) < maxProblems {
			t.Fatalf("byte %d (%q) belongs to nothing", i, c)
		}
	}
}
