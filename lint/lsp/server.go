package lsp

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// debounce is how long the editor must be quiet before what it has is linted.
const debounce = 150 * time.Millisecond

// server is the state of one connection.
type server struct {
	Options
	conn      *jsonrpc2.Conn
	connected chan struct{} // closed once conn is set
	state     atomic.Int32
	client    client // settled by initialize

	editing    sync.Mutex // guards what follows
	documents  map[string]*document
	edition    edition
	cancel     context.CancelFunc // of the edition
	timer      *time.Timer
	factsStale bool

	linting   sync.Mutex // guards what follows, the snapshot's content among it
	latest    *snapshot
	facts     map[string]*inventory.Facts // by root
	published map[string]publishDiagnosticsParams
}

// edition is one state of all that is open. Its context ends with the next one.
type edition struct {
	number int
	ctx    context.Context
}

// document is one open file. It never changes: an edit makes another.
type document struct {
	uri     string
	path    string // absolute
	real    string // the same without symbolic links
	version int
	text    *syntax.File // for its lines alone
	dialect syntax.Dialect
}

func newServer(o Options) *server {
	s := &server{
		Options:   o,
		connected: make(chan struct{}),
		documents: map[string]*document{},
		facts:     map[string]*inventory.Facts{},
		published: map[string]publishDiagnosticsParams{},
	}
	s.edition.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// close ends what is under way.
func (s *server) close() {
	s.editing.Lock()
	defer s.editing.Unlock()
	s.cancel()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// edit makes the next edition, and lints it when no other follows soon.
func (s *server) edit(change func()) {
	s.editing.Lock()
	defer s.editing.Unlock()
	change()
	s.cancel()
	s.edition.number++
	s.edition.ctx, s.cancel = context.WithCancel(context.Background())
	if s.timer != nil {
		s.timer.Stop()
	}
	now := s.edition
	s.timer = time.AfterFunc(debounce, func() {
		s.linting.Lock()
		defer s.linting.Unlock()
		_, _ = s.lint(now) // an edition that has passed is linted no more
	})
}

// now returns the current edition.
func (s *server) now() edition {
	s.editing.Lock()
	defer s.editing.Unlock()
	return s.edition
}

func (s *server) didOpen(p didOpenParams) {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return // a version control system's old text, an archive's member: no file that a proxy would read
	}
	s.edit(func() {
		s.documents[p.TextDocument.URI] = &document{
			uri:     p.TextDocument.URI,
			path:    path,
			real:    parsers.RealPath(path),
			version: p.TextDocument.Version,
			text:    syntax.NewFile(path, p.TextDocument.Text, syntax.AnyDialect, nil),
			dialect: languages[p.TextDocument.LanguageID],
		}
	})
}

// languages are the identifiers of languages that need no guessing.
var languages = map[string]syntax.Dialect{"nginx": syntax.Nginx, "haproxy": syntax.HAProxy}

func (s *server) didChange(p didChangeParams) {
	s.edit(func() {
		before := s.documents[p.TextDocument.URI]
		if before == nil || len(p.ContentChanges) == 0 {
			return
		}
		after := *before
		after.version = p.TextDocument.Version
		after.text = syntax.NewFile(before.path, p.ContentChanges[len(p.ContentChanges)-1].Text, syntax.AnyDialect, nil)
		s.documents[p.TextDocument.URI] = &after
	})
}

func (s *server) didClose(p textDocumentParams) {
	s.edit(func() { delete(s.documents, p.TextDocument.URI) })
}

// forgetFacts has the facts around the configurations, and the files that are not open, read again.
func (s *server) forgetFacts() {
	s.edit(func() { s.factsStale = true })
}

// open returns what is open in an edition, in order; false when the edition has passed. The caller holds s.linting.
func (s *server) open(e edition) (list []*document, ok bool) {
	s.editing.Lock()
	defer s.editing.Unlock()
	if s.edition.number != e.number {
		return nil, false
	}
	if s.factsStale {
		s.factsStale = false
		clear(s.facts)
	}
	for _, uri := range slices.Sorted(maps.Keys(s.documents)) {
		list = append(list, s.documents[uri])
	}
	return list, true
}
