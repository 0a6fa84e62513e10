package nginx

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// corpusFile is one row of the corpus: a real configuration and what nginx 1.22.1 says of it.
type corpusFile struct {
	path, text, verdict, context string
	errorLine                    int
}

// corpus returns the real configurations that PROXYLINT_CORPUS points at; without it the test is skipped.
func corpus(t *testing.T) []corpusFile {
	dir := os.Getenv("PROXYLINT_CORPUS")
	if dir == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	table, err := os.Open(filepath.Join(dir, "nginx.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	r := csv.NewReader(table)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var files []corpusFile
	for _, row := range rows[1:] {
		text, err := os.ReadFile(filepath.Join(dir, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		line, _ := strconv.Atoi(row[3])
		files = append(files, corpusFile{row[0], string(text), row[1], row[2], line})
	}
	if len(files) < 2400 {
		t.Fatalf("only %d files in the corpus", len(files))
	}
	return files
}

// TestCorpusVerdicts holds the syntax family against nginx's own verdicts.
func TestCorpusVerdicts(t *testing.T) {
	accepted, broken, told, onLine := 0, 0, 0, 0
	empty := t.TempDir()
	for _, f := range corpus(t) {
		config := Load(syntax.Source{Path: filepath.Join(empty, filepath.Base(f.path)), Src: f.text}, Options{})
		faults := syntaxFaults(config.Tree)
		switch f.verdict {
		case "accepted":
			accepted++
			for _, p := range faults {
				t.Errorf("%s (%s, around %v):%d: %s [%s]", f.path, f.context, config.Tree.Around, p.File.Line(p.At.Start), p.Msg, p.Code)
			}
		case "token-error":
			broken++
			if len(faults) > 0 {
				told++
			} else {
				t.Errorf("%s: nginx stops at line %d, no fault is told", f.path, f.errorLine)
			}
			if namesLine(faults, f.errorLine) {
				onLine++
			} else {
				t.Logf("%s: nginx stops at line %d, which no fault names: %v", f.path, f.errorLine, lines(faults))
			}
		}
	}
	t.Logf("accepted: %d; broken: %d, told: %d, nginx's line named: %d", accepted, broken, told, onLine)
	if accepted < 1247 || broken < 132 || onLine < 125 {
		t.Errorf("accepted %d, broken %d, on nginx's line %d; want 1247, 132 and at least 125", accepted, broken, onLine)
	}
}

// syntaxFaults are the problems of the syntax family that are more than worth knowing.
func syntaxFaults(tree *syntax.Tree) []syntax.FileProblem {
	var faults []syntax.FileProblem
	for _, f := range tree.Files {
		for _, p := range f.Problems {
			if p.Grade == syntax.Fatal {
				faults = append(faults, syntax.FileProblem{Problem: p, File: f})
			}
		}
	}
	for _, p := range tree.Problems {
		if p.Grade != syntax.Note && p.Code != "include-missing" {
			faults = append(faults, p)
		}
	}
	return faults
}

func namesLine(faults []syntax.FileProblem, line int) bool {
	for _, n := range lines(faults) {
		if n == line {
			return true
		}
	}
	return false
}

func lines(faults []syntax.FileProblem) []int {
	var list []int
	for _, p := range faults {
		list = append(list, p.File.Line(p.At.Start))
		if p.Seen >= 0 {
			list = append(list, p.File.Line(p.Seen))
		}
	}
	return list
}

// TestCorpusWords holds every word against nginx's own reading: value, bytes and quote.
func TestCorpusWords(t *testing.T) {
	files := map[string]string{}
	for _, f := range corpus(t) {
		files[f.path] = f.text
	}
	total := 0
	for _, want := range readings(t) {
		text, known := files[want.Path]
		if !known {
			t.Fatalf("no file %s", want.Path)
		}
		file := scan(syntax.Source{Path: want.Path, Src: text})
		got := words(nil, file.Stmts)
		n := 0
		for _, s := range want.Statements {
			for _, w := range s.words {
				if n == len(got) {
					t.Errorf("%s: %d words, nginx reads more", want.Path, n)
					break
				}
				if g := got[n]; file.Value(g) != w.value || int(g.Start) != w.start || int(g.End) != w.end || (g.Quote != 0) != w.quoted {
					t.Errorf("%s: word %d is %q at %d-%d quoted %v, nginx reads %q at %d-%d quoted %v",
						want.Path, n, file.Value(g), g.Start, g.End, g.Quote != 0, w.value, w.start, w.end, w.quoted)
					break
				}
				n++
				total++
			}
		}
		if want.Error == nil && n != len(got) {
			t.Errorf("%s: %d words, nginx reads %d", want.Path, len(got), n)
		}
	}
	t.Logf("%d words", total)
	if total < 83_917 {
		t.Errorf("compared %d words, the corpus has 83,917", total)
	}
}

func words(list []syntax.Word, stmts []*syntax.Stmt) []syntax.Word {
	for _, s := range stmts {
		list = append(list, s.Words...)
		if s.Block != nil {
			list = words(list, s.Block.Stmts)
		}
	}
	return list
}

// reading is nginx's own reading of one file.
type reading struct {
	Path       string
	Statements []statement
	Error      any
}

type statement struct{ words []nginxWord }

type nginxWord struct {
	value      string
	start, end int
	quoted     bool
}

// UnmarshalJSON reads {"words": [[value, start, end, quote], ...]}; a closing brace is an array and has
// no words.
func (s *statement) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return nil
	}
	var raw struct{ Words [][]any }
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	for _, w := range raw.Words {
		s.words = append(s.words, nginxWord{latin1(w[0].(string)), int(w[1].(float64)), int(w[2].(float64)), w[3].(string) != ""})
	}
	return nil
}

// latin1 turns a value written as Latin-1 back into its bytes.
func latin1(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func readings(t *testing.T) []reading {
	file, err := os.Open(filepath.Join(os.Getenv("PROXYLINT_CORPUS"), "nginx-tokens.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []reading
	lines := bufio.NewReader(unzipped)
	for dec := json.NewDecoder(lines); dec.More(); {
		var r reading
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}
