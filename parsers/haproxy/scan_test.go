package haproxy

import (
	"fmt"
	"math/rand/v2"
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

func scanText(src string) *syntax.File {
	s := scanner{env: env{}, faulty: map[*syntax.Stmt]bool{}}
	return s.scan(syntax.Source{Path: "test.cfg", Src: src})
}

// everyStmt calls fn for all statements of a file.
func everyStmt(list []*syntax.Stmt, fn func(*syntax.Stmt)) {
	for _, s := range list {
		fn(s)
		if s.Block != nil {
			everyStmt(s.Block.Stmts, fn)
		}
	}
}

func TestWords(t *testing.T) {
	tests := []struct {
		name, line string
		want       []string
	}{
		{"blanks", " a\tb\vc\fd ", []string{"a", "b", "c", "d"}},
		{"carriage return", "a b\r", []string{"a", "b"}},
		{"comment inside a word", "b#z", []string{"b"}},
		{"no comment in quotes", `a "#" '#' \#`, []string{"a", "#", "#", "#"}},
		{"escapes", `a\ b\"\'\\\x41\n\q`, []string{"a b\"'\\A\n\\q"}},
		{"strong quotes keep all", `'a\ b$X"'`, []string{`a\ b$X"`}},
		{"joined quotes", `a'b c'"d e"f`, []string{"ab cd ef"}},
		{"variables only in double quotes", `$X ${X} "$X" '$X'`, []string{"$X", "${X}", "", "$X"}},
		{"fallback up to the first brace", `"${X-a b}c}"`, []string{"a bc}"}},
		{"fallback with quotes", `"${X-"b"}"`, []string{`"b"`}},
		{"dollar", `"\$X" \$X`, []string{"$X", `\$X`}},
		{"backslash at the end", `a\`, []string{`a\`}},
		{"empty word", `a "" b`, []string{"a", "", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := scanText("global\n" + tt.line + "\n")
			var got []string
			everyStmt(f.Stmts, func(s *syntax.Stmt) {
				if s.Name() != "global" {
					got = append(got, argsFrom(s, 0)...)
				}
			})
			if !slices.Equal(got, tt.want) {
				t.Errorf("words %q, want %q", got, tt.want)
			}
			if len(f.Problems) > 0 {
				t.Errorf("problems: %+v", f.Problems)
			}
		})
	}
}

// TestFaults gives each fault its place, as "line:text at fault".
func TestFaults(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"open quotes, twice", "global\n log \"a b\n user x\n log 'c\n", []string{`2:"`, `4:'`}},
		{"hexadecimal", "global\n log a\\x4\n log \"\\xzz\"\n", []string{`2:\x`, `3:\x`}},
		{"dollar", "global\n log \"a$ b\"\n log \"${1}\"\n log \"${A\"\n", []string{"2:$", "3:${", "4:${A"}},
		{"one fault a line", "global\n log \\x \\x \"\n", []string{`2:\x`}},
		{"no line end", "global\n daemon", []string{"2: daemon"}},
		{"text after a carriage return", "global\n a\rb c\n", []string{"2:b c"}},
		{"conditions", ".else\n.if 1\n.else\n.else\n.elif 1\n.endif x\n.endif\n.if foo\n",
			[]string{"1:.else", "4:.else", "5:.elif", "6:x", "7:.endif", "8:.if", "8:foo"}},
		{"a condition that is not read", ".if 0\n.if foo\n.elif bar\n.endif\n.endif\n", nil},
		{"reader's directive", ".foo\n.notice x\n", []string{"1:.foo"}},
		{"words", "global\n" + strings.Repeat("a ", maxWords) + "\n" + strings.Repeat("a ", maxWords) + "b c\n", []string{"3:b"}},
		{"NUL", "global\n a\x00b\n", []string{"2:\x00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := scanText(tt.src)
			var got []string
			for _, p := range f.Problems {
				got = append(got, fmt.Sprintf("%d:%s", f.Line(p.At.Start), f.Text(p.At)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBranches(t *testing.T) {
	tests := []struct {
		name, src string
		want      string // of the lines named a, b and c: "+" read or open, "-" certainly not read
	}{
		{"constants", ".if 0\na\n.elif 1\nb\n.else\nc\n.endif\n", "-+-"},
		{"open", ".if defined(X)\na\n.elif 0\nb\n.else\nc\n.endif\n", "+-+"},
		{"features are open", ".if feature(OPENSSL)\na\n.else\nb\n.endif\nc\n", "+++"},
		{"set by the file", "global\nsetenv X y\n.if defined(X)\na\n.else\nb\n.endif\nc\n", "+-+"},
		{"compared", "global\nsetenv X y\n.if streq(\"$X\",z)\na\n.elif strneq(\"$X\",z)\nb\n.else\nc\n.endif\n", "-+-"},
		{"compared with the environment", ".if streq(\"$X\",z)\na\n.else\nb\n.endif\nc\n", "+++"},
		{"unset", "global\nunsetenv X\n.if defined(X)\na\n.endif\nb\nc\n", "-++"},
		{"set under a condition", "global\n.if defined(Y)\nsetenv X 1\n.endif\n.if defined(X)\na\n.else\nb\n.endif\nc\n", "+++"},
		{"operators", ".if !1 || 1 && 1\na\n.else\nb\n.endif\n.if !(0 || defined(X))\nc\n.endif\n", "+-+"},
		{"nested", ".if 0\n.if 1\na\n.else\nb\n.endif\n.endif\nc\n", "--+"},
		{"nothing is false", ".if\na\n.else\nb\n.endif\nc\n", "-++"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			everyStmt(scanText(tt.src).Stmts, func(s *syntax.Stmt) {
				switch {
				case len(s.Name()) != 1:
				case s.When.Live():
					got += "+"
				default:
					got += "-"
				}
			})
			if got != tt.want {
				t.Errorf("read %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSections(t *testing.T) {
	src := "# top\nglobal # here\n daemon\n\n \"back\"end b # c\n  server s 1.2.3.4:1\n\ndefaults\n"
	f := scanText(src)
	var got []string
	for _, s := range f.Stmts {
		got = append(got, fmt.Sprintf("%s %d %q %q", s.Name(), len(s.Block.Stmts), f.Text(s.Span), f.Src[s.Block.Open:s.Block.Close]))
	}
	want := []string{
		`global 1 "global # here\n daemon" " # here\n daemon"`,
		`backend 1 "\"back\"end b # c\n  server s 1.2.3.4:1" " # c\n  server s 1.2.3.4:1"`,
		`defaults 0 "defaults" ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("sections\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(f.Comments); n != 3 || f.Comments[0].Trailing || !f.Comments[1].Trailing {
		t.Errorf("comments %+v", f.Comments)
	}
}

func TestUnknownSection(t *testing.T) {
	f := scanText("global\n daemon\n\nnewthing x\n  speed 3\n  depth 4\n\nbackend b\n serverr s\n")
	if len(f.Stmts) != 3 || f.Stmts[1].Name() != "newthing" || len(f.Stmts[1].Block.Stmts) != 2 {
		t.Errorf("newthing is not read as a section of two lines: %d sections", len(f.Stmts))
	}
}

// checkSpans fails where words, comments and what lies between them don't add up to the text.
func checkSpans(t *testing.T, f *syntax.File) {
	t.Helper()
	var spans []syntax.Span
	everyStmt(f.Stmts, func(s *syntax.Stmt) {
		for _, w := range s.Words {
			spans = append(spans, w.Span)
		}
	})
	for _, c := range f.Comments {
		spans = append(spans, c.Span)
	}
	slices.SortFunc(spans, func(a, b syntax.Span) int { return int(a.Start) - int(b.Start) })
	at := syntax.Pos(0)
	for _, s := range append(spans, syntax.Span{Start: syntax.Pos(len(f.Src)), End: syntax.Pos(len(f.Src))}) {
		if s.Start < at || s.End < s.Start {
			t.Fatalf("span %v overlaps what ends at %d", s, at)
		}
		if gap := strings.Trim(f.Src[at:s.Start], " \t\v\f\r\n"); gap != "" {
			t.Fatalf("%q before %d belongs to no word", gap, s.Start)
		}
		at = s.End
	}
	for _, p := range f.Problems {
		if p.At.Start < 0 || p.At.End > syntax.Pos(len(f.Src)) || p.At.Start > p.At.End || p.Seen > syntax.Pos(len(f.Src)) {
			t.Fatalf("problem %+v lies outside the text", p)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"global\n daemon\n", "backend b#z\n", "\"a\\x41${X-\"b\"}c\" 'd'\\ e\r\n", ".if 1\n.elif (\n.else\n.endif",
		"defaults d from e\n timeout server 5 s\nlisten l :80\n server s [::1]:80,unix@/x check inter 1d\n bind :80,*:81-90 ssl\n",
		"global\nsetenv A \"${A}$B\"\nbackend \"$A\"\nserver s $A:${A}\nuse_backend %[x] if y\n", "\x00\"\r\n'\n", "\r\u00a0", "[x] y\n[\n",
		"backend b\n option httpchk GET / HTTP/1.1\\r\\nHost:\\ x\n http-check send hdr Host y\n server-template t 1-3 a:1 check port 2\n",
	} {
		f.Add(seed)
	}
	f.Add("{% if a %}\nbackend {{ b }}\n server a {{ c }}:80{{ d\n}} check\n{{ e }}\n<%\n%> {{- f }} g\n{# h\n#} server ${I} \"{% j\n")
	f.Fuzz(func(t *testing.T, src string) {
		for _, path := range []string{"a.cfg", "a.cfg.template"} {
			c := Load([]syntax.Source{{Path: path, Src: src, Env: map[string]string{"I": "b:1"}}}, proxy.Version{})
			file := c.Tree.Roots[0]
			if file.Template == nil {
				checkSpans(t, file)
			}
			everyStmt(file.Stmts, func(s *syntax.Stmt) { argsFrom(s, 0) })
		}
	})
}

// corpusFiles returns the corpus' HAProxy files with HAProxy's own verdicts on them.
func corpusFiles(t *testing.T) []corpusFile {
	t.Helper()
	root := os.Getenv("PROXYLINT_CORPUS")
	if root == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	table, err := os.ReadFile(filepath.Join(root, "haproxy.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var files []corpusFile
	for _, row := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		cells := strings.Split(row, "\t")
		src, err := os.ReadFile(filepath.Join(root, cells[0]))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, corpusFile{path: cells[0], src: string(src), accepted: cells[2] == "accepted"})
	}
	return files
}

type corpusFile struct {
	path, src string
	accepted  bool // by haproxy -c 2.6, names that don't resolve aside
}

func TestCorpusSpans(t *testing.T) {
	for _, file := range corpusFiles(t) {
		checkSpans(t, scanText(file.src))
	}
}

// notices lets HAProxy decode words: it prints each .notice after its own reading, or what is wrong
// with the line.
func notices(t *testing.T, words []string) map[string]string {
	t.Helper()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	var sound, unsound []string
	for _, w := range words {
		if f := scanText(".notice " + w + "\n"); len(f.Problems) == 0 && f.Stmts[0].Args() <= 1 {
			sound = append(sound, w)
		} else {
			unsound = append(unsound, w)
		}
	}
	values := map[string]string{}
	path := filepath.Join(t.TempDir(), "words.cfg")
	const most = 15 // faulty lines: HAProxy stops after 20
	for chunk := range slices.Chunk(unsound, most) {
		ask(t, haproxy, path, chunk, values)
	}
	for chunk := range slices.Chunk(sound, 2000) {
		ask(t, haproxy, path, chunk, values)
	}
	return values
}

func ask(t *testing.T, haproxy, path string, words []string, values map[string]string) {
	t.Helper()
	var src strings.Builder
	// a long line first: the reader's buffer grows, and would read the line it grows at twice over
	src.WriteString(".notice " + strings.Repeat("x", 4096) + "\n")
	for _, w := range words {
		src.WriteString(".notice " + w + "\n")
	}
	src.WriteString(".notice end\n")
	if err := os.WriteFile(path, []byte(src.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(haproxy, "-c", "-dr", "-f", path)
	cmd.Env = []string{}
	out, _ := cmd.CombinedOutput() // a faulty word makes it fail, as it should
	place := regexp.MustCompile(`^\s*\(\d+\) : config : parsing \[` + regexp.QuoteMeta(path) + `:(\d+)\]: `)
	for _, message := range regexp.MustCompile(`(?m)^\[(?:NOTICE|ALERT|WARNING)\]`).Split(string(out), -1) {
		m := place.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 2 && n-2 < len(words) {
			values[words[n-2]] += strings.TrimSuffix(message[len(m[0]):], "\n")
		}
	}
}

// compareWithHAProxy fails for words that HAProxy decodes otherwise than the scanner.
func compareWithHAProxy(t *testing.T, words []string) {
	t.Helper()
	values := notices(t, words)
	differ := 0
	for _, word := range words {
		said, ok := values[word]
		if !ok {
			t.Errorf("HAProxy said nothing of %q", word)
			continue
		}
		f := scanText(".notice " + word + "\n")
		stmt := f.Stmts[0]
		want := ""
		switch {
		case len(f.Problems) > 0:
			want = "error"
		case stmt.Args() == 0:
			want = "''."
		case stmt.Args() == 1:
			want = "'" + stmt.Arg(1) + "'."
		default:
			want = "Unexpected argument '" + stmt.Arg(2)
		}
		agree := said == want || stmt.Args() > 1 && strings.HasPrefix(said, want)
		if want == "error" {
			agree = strings.Contains(said, " at position ")
		}
		if !agree {
			differ++
			if differ <= 10 {
				t.Errorf("%q: HAProxy says %q, want %q (%+v)", word, said, want, f.Problems)
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d differ", differ, len(words))
	}
}

func TestCorpusWordsDecodeAsHAProxyDoes(t *testing.T) {
	seen := map[string]bool{}
	var words []string
	for _, file := range corpusFiles(t) {
		f := scanText(file.src)
		everyStmt(f.Stmts, func(s *syntax.Stmt) {
			for _, w := range s.Words {
				raw := f.Raw(w)
				if !seen[raw] {
					seen[raw] = true
					words = append(words, raw)
				}
			}
		})
	}
	compareWithHAProxy(t, words)
}

func TestRandomLinesDecodeAsHAProxyDoes(t *testing.T) {
	pieces := []string{
		"a", "b", " ", "\t", "\v", "\"", "\"", "'", "\\", "\\\\", "\\\"", "\\'", "\\ ", "\\#", "\\n", "\\$", "\\x41", "\\x4",
		"#", "$", "$X", "${X}", "${X-d e}", "${X[*]}", "${X[*]-f}", "${", "}", "{", "[", "-", "é", "$1", "\\q", "_", ".",
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	var lines []string
	for len(lines) < 4000 {
		var line strings.Builder
		line.WriteByte('w') // a line without a word says nothing
		for range 1 + random.IntN(8) {
			line.WriteString(pieces[random.IntN(len(pieces))])
		}
		if !seen[line.String()] {
			seen[line.String()] = true
			lines = append(lines, line.String())
		}
	}
	compareWithHAProxy(t, lines)
}
