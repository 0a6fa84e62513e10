package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// patience is how long a test waits for the server.
const patience = 10 * time.Second

// namesBad finds server names "bad" and mends them, and counts upstreams in the message, to show the context.
var namesBad = &lint.Rule{
	ID: "names-bad", Severity: lint.Warning, Symptom: "no effect",
	Run: func(_ context.Context, p *lint.Pass) {
		p.Config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
			if s.Name() == "server_name" && s.Arg(1) == "bad" {
				p.Report(lint.Diagnostic{
					At:      s.Ref(1),
					Message: fmt.Sprintf("bad among %d groups", len(p.Config.Upstreams)),
					Fix:     &lint.Fix{Title: "good", Safe: true, Edits: []lint.Edit{{At: s.Ref(1), New: "good"}}},
				})
			}
			return true
		})
	},
}

// comments has the engine tell of comments that do nothing.
var comments = &lint.Rule{ID: lint.IgnoreComment, Severity: lint.Warning}

// editor is a client of a server in this process.
type editor struct {
	t         *testing.T
	dir       string
	conn      *jsonrpc2.Conn
	published chan publishDiagnosticsParams
	ended     chan error
	factReads atomic.Int32
}

// start serves an editor whose folder holds the files, by name.
func start(t *testing.T, files map[string]string) *editor {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := &editor{t: t, dir: dir, published: make(chan publishDiagnosticsParams, 1000), ended: make(chan error, 1)}
	for name, text := range files {
		e.write(name, text)
	}
	fromEditor, toServer := io.Pipe()
	fromServer, toEditor := io.Pipe()
	go func() {
		e.ended <- Serve(t.Context(), fromEditor, toEditor, io.Discard, e.options())
		toEditor.Close()
	}()
	stream := jsonrpc2.NewBufferedStream(both{fromServer, toServer}, jsonrpc2.VSCodeObjectCodec{})
	e.conn = jsonrpc2.NewConn(t.Context(), stream, jsonrpc2.HandlerWithError(e.handle))
	t.Cleanup(func() { e.conn.Close() })
	return e
}

type both struct {
	io.Reader
	io.WriteCloser
}

func (e *editor) options() Options {
	return Options{
		Judge: func(ctx context.Context, configs []*proxy.Config, facts *inventory.Facts) lint.Result {
			return lint.Run(ctx, configs, []*lint.Rule{namesBad, comments}, lint.Around{Inventory: facts, Today: time.Now()})
		},
		Doc:       func(id string) string { return "about " + id },
		FactRoots: func([]string) []string { return []string{e.dir} },
		Facts: func(string) *inventory.Facts {
			e.factReads.Add(1)
			return &inventory.Facts{}
		},
		Load: func(paths []string, open map[string]parsers.Document, _ *inventory.Facts) ([]*proxy.Config, error) {
			return parsers.Load(paths, parsers.Options{Open: open})
		},
	}
}

func (e *editor) handle(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) (any, error) {
	if req.Method == "textDocument/publishDiagnostics" {
		var p publishDiagnosticsParams
		if err := json.Unmarshal(*req.Params, &p); err != nil {
			return nil, err
		}
		e.published <- p
	}
	return nil, nil
}

func (e *editor) write(name, text string) {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) uri(name string) string { return uriOf(filepath.Join(e.dir, name)) }

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	if err := e.conn.Notify(e.t.Context(), method, params); err != nil {
		e.t.Fatal(err)
	}
}

// ask sends a request, and reports the code of an error; 0: there is none.
func (e *editor) ask(method string, params, result any) int64 {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	err := e.conn.Call(ctx, method, params, result)
	if refused := (*jsonrpc2.Error)(nil); errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
	return 0
}

func (e *editor) initialize(capabilities string) {
	e.t.Helper()
	if code := e.ask("initialize", json.RawMessage(`{"capabilities":`+capabilities+`}`), nil); code != 0 {
		e.t.Fatalf("initialize fails: %d", code)
	}
}

func (e *editor) open(name, language, text string) {
	e.t.Helper()
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": e.uri(name), "languageId": language, "version": 1, "text": text,
	}})
}

func (e *editor) change(name string, version int, text string) {
	e.t.Helper()
	e.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri(name), "version": version},
		"contentChanges": []any{map[string]any{"text": text}},
	})
}

func (e *editor) close(name string) {
	e.t.Helper()
	e.notify("textDocument/didClose", textDocumentParams{textDocument{e.uri(name)}})
}

// next returns what is published next, as "name version: line:column-line:column message; ...".
func (e *editor) next() string {
	e.t.Helper()
	select {
	case p := <-e.published:
		out := strings.TrimPrefix(p.URI, e.uri("")+"/")
		if p.Version != nil {
			out += fmt.Sprintf(" v%d", *p.Version)
		}
		for _, d := range p.Diagnostics {
			first, _, _ := strings.Cut(d.Message, "\n")
			out += fmt.Sprintf(" %s %s", shown(d.Range), first)
		}
		return out
	case <-time.After(patience):
		e.t.Fatal("nothing is published")
		return ""
	}
}

func shown(s span) string {
	return fmt.Sprintf("%d:%d-%d:%d", s.Start.Line, s.Start.Character, s.End.Line, s.End.Character)
}

func (e *editor) want(want ...string) {
	e.t.Helper()
	var got []string
	for range want {
		got = append(got, e.next())
	}
	if !cmp.Equal(got, want) {
		e.t.Error(cmp.Diff(want, got))
	}
}

// quiet fails when anything more is published.
func (e *editor) quiet() {
	e.t.Helper()
	e.ask("textDocument/hover", positionParams{TextDocument: textDocument{e.uri("none")}}, nil) // all is linted then
	select {
	case p := <-e.published:
		e.t.Errorf("published: %+v", p)
	default:
	}
}

const (
	badServer  = "server {\n    server_name bad;\n}\n"
	goodServer = "server {\n    server_name good;\n}\n"
	mainConf   = "events {}\nhttp {\n    upstream a { server 10.0.0.1; }\n    include conf.d/*.conf;\n}\n"
)

func TestDiagnostics(t *testing.T) {
	e := start(t, map[string]string{"nginx.conf": mainConf, "conf.d/a.conf": goodServer, "conf.d/b.conf": goodServer})
	e.initialize(`{}`)
	e.open("conf.d/a.conf", "plaintext", badServer) // not saved
	e.want("conf.d/a.conf v1 1:16-1:19 bad among 1 groups")

	// Neither is nginx.conf, which the part is linted in.
	e.open("nginx.conf", "nginx", strings.Replace(mainConf, "include", "upstream b { server 10.0.0.2; }\n    include", 1))
	e.want("conf.d/a.conf v1 1:16-1:19 bad among 2 groups", "nginx.conf v1")
	e.close("nginx.conf")
	e.want("nginx.conf", "conf.d/a.conf v1 1:16-1:19 bad among 1 groups")

	e.change("conf.d/a.conf", 2, goodServer)
	e.want("conf.d/a.conf v2")
	e.change("conf.d/a.conf", 3, badServer)
	e.want("conf.d/a.conf v3 1:16-1:19 bad among 1 groups")
	e.close("conf.d/a.conf")
	e.want("conf.d/a.conf")
	e.quiet()
}

// The main file tells of what it includes, open or not.
func TestIncluded(t *testing.T) {
	e := start(t, map[string]string{"nginx.conf": mainConf, "conf.d/a.conf": badServer})
	e.initialize(`{}`)
	e.open("nginx.conf", "nginx", mainConf)
	e.want("conf.d/a.conf 1:16-1:19 bad among 1 groups", "nginx.conf v1")
	e.write("conf.d/a.conf", goodServer)
	e.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{}})
	e.want("conf.d/a.conf")
	e.quiet()
}

// A file that is opened through a symbolic link is the one that nginx.conf includes.
func TestSymlink(t *testing.T) {
	e := start(t, map[string]string{"nginx.conf": mainConf, "conf.d/none.conf": "", "available/a.conf": goodServer})
	if err := os.Symlink("../available/a.conf", filepath.Join(e.dir, "conf.d/a.conf")); err != nil {
		t.Skip(err)
	}
	e.initialize(`{}`)
	e.open("nginx.conf", "nginx", mainConf)
	e.want("nginx.conf v1")
	e.open("available/a.conf", "nginx", badServer)
	e.want("available/a.conf v1 1:16-1:19 bad among 1 groups")
	e.close("available/a.conf")
	e.want("available/a.conf")
}

func TestNoConfiguration(t *testing.T) {
	e := start(t, nil)
	e.initialize(`{}`)
	e.open("notes.txt", "plaintext", "the server_name is bad\n")
	e.open("nul.conf", "nginx", strings.Repeat("\x00", 100))
	e.notify("textDocument/didOpen", json.RawMessage(
		`{"textDocument":{"uri":"git:/nginx.conf?HEAD","languageId":"nginx","version":1,"text":"server { server_name bad; }"}}`))
	e.quiet()
	e.open("new.txt", "nginx", badServer) // the editor knows, and it is not on disk
	e.want("new.txt v1 1:16-1:19 bad among 0 groups")
}

// While somebody types nothing is linted; then only the last text is.
func TestDebounce(t *testing.T) {
	e := start(t, nil)
	e.initialize(`{}`)
	for version := 2; version < 200; version++ {
		if version == 2 {
			e.open("nginx.conf", "nginx", badServer)
		}
		e.change("nginx.conf", version, strings.Repeat("\n", version)+badServer)
	}
	e.want("nginx.conf v199 200:16-200:19 bad among 0 groups")
	e.quiet()
	if n := e.factReads.Load(); n != 1 {
		t.Errorf("facts were read %d times", n)
	}
	e.notify("textDocument/didSave", textDocumentParams{textDocument{e.uri("nginx.conf")}})
	e.quiet()
	if n := e.factReads.Load(); n != 2 {
		t.Errorf("facts were read %d times", n)
	}
}

func TestEncodings(t *testing.T) {
	const text = "server {\n    # é\n    return 200 \"é😀\"; server_name bad;\n}\n"
	for capabilities, want := range map[string]string{
		`{}`: "2:34-2:37",
		`{"general":{"positionEncodings":["utf-16"]}}`:         "2:34-2:37",
		`{"general":{"positionEncodings":["utf-16","utf-8"]}}`: "2:37-2:40",
	} {
		e := start(t, nil)
		e.initialize(capabilities)
		e.open("nginx.conf", "nginx", text)
		e.want("nginx.conf v1 " + want + " bad among 0 groups")
		var at position
		fmt.Sscanf(want, "%d:%d", &at.Line, &at.Character)
		var hover hoverResult
		e.ask("textDocument/hover", positionParams{textDocument{e.uri("nginx.conf")}, at}, &hover)
		if hover.Contents.Value != "about names-bad" || shown(hover.Range) != want {
			t.Errorf("%s: hover %+v", capabilities, hover)
		}
		at.Character--
		hover = hoverResult{}
		e.ask("textDocument/hover", positionParams{textDocument{e.uri("nginx.conf")}, at}, &hover)
		if hover.Contents.Value != "" {
			t.Errorf("%s: hover beside it %+v", capabilities, hover)
		}
	}
}

func TestActions(t *testing.T) {
	e := start(t, nil)
	e.initialize(`{}`)
	e.open("nginx.conf", "nginx", strings.ReplaceAll(badServer, "\n", "\r\n"))
	ask := func(only ...string) (list []codeAction) {
		var p codeActionParams
		p.TextDocument.URI = e.uri("nginx.conf")
		p.Range = span{position{1, 0}, position{1, 100}}
		p.Context.Only = only
		e.ask("textDocument/codeAction", p, &list)
		return list
	}
	var got []string
	for _, a := range ask() {
		line := a.Title
		if a.IsPreferred {
			line += " (preferred)"
		}
		if a.Edit != nil {
			for _, edit := range a.Edit.Changes[e.uri("nginx.conf")] {
				line += fmt.Sprintf(" %s %q", shown(edit.Range), edit.NewText)
			}
		}
		if a.Command != nil {
			line += fmt.Sprintf(" %s %s", a.Command.Command, a.Command.Arguments)
		}
		got = append(got, line)
	}
	want := []string{
		`good (preferred) 1:16-1:19 "good"`,
		`ignore this finding with a comment: names-bad 1:0-1:0 "    # proxylint:ignore names-bad -- REASON\r\n"`,
		`explain names-bad proxylint.explain [names-bad]`,
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if n := len(ask("quickfix")); n != 3 {
		t.Errorf("%d quick fixes", n)
	}
	if n := len(ask("refactor", "source.organizeImports")); n != 0 {
		t.Errorf("%d actions of another kind", n)
	}
	for rule, want := range map[string]int64{"names-bad": 0, "": jsonrpc2.CodeInvalidParams} {
		p := executeCommandParams{Command: explain}
		if rule != "" {
			p.Arguments = []string{rule}
		}
		if code := e.ask("workspace/executeCommand", p, nil); code != want {
			t.Errorf("explain %q: code %d", rule, code)
		}
	}
}

// An answer is about the text that the question was about, or none is given.
func TestContentModified(t *testing.T) {
	s := newServer((&editor{}).options())
	s.conn = jsonrpc2.NewConn(t.Context(), newStream(strings.NewReader(""), io.Discard, log.Default()), s)
	then := s.now()
	s.edit(func() {})
	if _, err := s.lint(then); err != errModified {
		t.Errorf("an edition that has passed gives %v", err)
	}
	if snap, err := s.lint(s.now()); err != nil || snap.number != 1 {
		t.Errorf("the present edition gives %+v, %v", snap, err)
	}
	s.close()
}

func TestOrder(t *testing.T) {
	e := start(t, nil)
	check := func(when, method string, params any, want int64) {
		t.Helper()
		if code := e.ask(method, params, nil); code != want {
			t.Errorf("%s %s: code %d, want %d", method, when, code, want)
		}
	}
	hover := positionParams{}
	check("first", "textDocument/hover", hover, codeNotInitialized)
	check("first", "shutdown", nil, codeNotInitialized)
	e.open("nginx.conf", "nginx", badServer) // dropped
	check("without params", "initialize", nil, jsonrpc2.CodeInvalidParams)
	e.initialize(`{}`)
	e.quiet()
	check("again", "initialize", map[string]any{}, jsonrpc2.CodeInvalidRequest)
	check("unknown", "textDocument/rename", hover, jsonrpc2.CodeMethodNotFound)
	check("unknown", "$/sing", nil, jsonrpc2.CodeMethodNotFound)
	check("with wrong params", "textDocument/hover", []int{1}, jsonrpc2.CodeInvalidParams)
	check("with a negative line", "textDocument/hover", json.RawMessage(`{"position":{"line":-1}}`), jsonrpc2.CodeInvalidParams)
	check("of what is not open", "textDocument/hover", hover, 0)
	e.notify("$/sing", nil)
	e.notify("textDocument/didChange", json.RawMessage(`"what"`))
	e.change("none.conf", 1, "")
	check("in order", "shutdown", nil, 0)
	check("after shutdown", "textDocument/hover", hover, jsonrpc2.CodeInvalidRequest)
	e.notify("exit", nil)
	select {
	case err := <-e.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("exit does not end it")
	}
}

// The comment that accepts a finding stands in a ConfigMap as the text around it does.
func TestAcceptEmbedded(t *testing.T) {
	const (
		before = "kind: ConfigMap\ndata:\n  nginx.conf: |\n"
		inside = "    server {\n        server_name bad;\n    }\n"
	)
	e := start(t, nil)
	e.initialize(`{}`)
	e.open("map.yaml", "yaml", before+inside)
	e.want("map.yaml v1 4:20-4:23 bad among 0 groups")
	var p codeActionParams
	p.TextDocument.URI = e.uri("map.yaml")
	p.Range = span{position{4, 20}, position{4, 20}}
	var actions []codeAction
	e.ask("textDocument/codeAction", p, &actions)
	var edit textEdit
	for _, a := range actions {
		if strings.HasPrefix(a.Title, "ignore") {
			edit = a.Edit.Changes[e.uri("map.yaml")][0]
		}
	}
	if shown(edit.Range) != "4:0-4:0" || edit.NewText != "        # proxylint:ignore names-bad -- REASON\n" {
		t.Fatalf("the edit is %+v", edit)
	}
	e.change("map.yaml", 2, before+strings.Replace(inside, "        server_name", edit.NewText+"        server_name", 1))
	e.want("map.yaml v2")
}

// Edits and questions may come faster than they are dealt with: each question gets an answer all the same.
func TestBusy(t *testing.T) {
	e := start(t, map[string]string{"nginx.conf": mainConf, "conf.d/b.conf": badServer})
	e.initialize(`{}`)
	e.open("conf.d/a.conf", "nginx", badServer)
	e.open("nginx.conf", "nginx", mainConf)
	codes := make(chan int64, 100)
	for i := range cap(codes) {
		e.change("conf.d/a.conf", i+2, strings.Repeat("\n", i)+badServer)
		go func() {
			codes <- e.ask("textDocument/definition", positionParams{textDocument{e.uri("nginx.conf")}, position{3, 14}}, nil)
		}()
	}
	for range cap(codes) {
		if code := <-codes; code != 0 && code != codeContentModified {
			t.Errorf("code %d", code)
		}
	}
}
