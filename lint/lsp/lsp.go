// Package lsp is the editor server: it speaks the Language Server Protocol 3.17 on a pair of streams, lints what is
// open in the editor as it is typed, and tells of rules, repairs and definitions.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// Options are what the server knows of the program around it.
type Options struct {
	Version string                   // proxylint's own
	Doc     func(rule string) string // a rule's documentation, as Markdown; "" for one that does not exist

	// FactRoots returns the folders that facts around files are looked for in, none in another, and Facts looks for
	// them; root is "" for a file outside of all. Load reads the configurations that paths name, with the texts of open
	// files, and says where each runs; Judge lints them.
	FactRoots func(paths []string) []string
	Facts     func(root string) *inventory.Facts
	Load      func(paths []string, open map[string]parsers.Document, facts *inventory.Facts) ([]*proxy.Config, error)
	Judge     func(ctx context.Context, configs []*proxy.Config, facts *inventory.Facts) lint.Result
}

// ErrNoShutdown says that the editor left without the shutdown request, for which the protocol wants exit code 1.
var ErrNoShutdown = errors.New("the editor left without a shutdown request")

// Serve answers one editor until it sends exit or closes its stream. Complaints about the editor's messages go to
// stderr.
func Serve(ctx context.Context, in io.Reader, out, stderr io.Writer, o Options) error {
	s := newServer(o)
	complain := log.New(stderr, "proxylint: ", 0)
	s.conn = jsonrpc2.NewConn(ctx, newStream(in, out, complain), s, jsonrpc2.SetLogger(complain))
	close(s.connected)
	<-s.conn.DisconnectNotify()
	s.close()
	if s.state.Load() != stopped {
		return ErrNoShutdown
	}
	return nil
}

// The states of a server.
const (
	starting int32 = iota // initialize is awaited
	running
	stopped // shutdown was asked for: only exit may follow
)

// Error codes of the protocol beside those of JSON-RPC.
const (
	codeNotInitialized  = -32002
	codeContentModified = -32801
)

var errModified = &jsonrpc2.Error{Code: codeContentModified, Message: "the text has changed since"}

// Handle takes one message. Messages come one after the other; those that ask about texts are answered in the
// background, since a linting may be under way.
func (s *server) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	<-s.connected
	switch state := s.state.Load(); {
	case req.Method == "exit" && req.Notif:
		conn.Close()
	case req.Notif && state == running:
		s.notification(ctx, req)
	case req.Notif: // dropped, as the protocol wants
	case state == starting && req.Method != "initialize":
		s.fail(ctx, req.ID, &jsonrpc2.Error{Code: codeNotInitialized, Message: "initialize comes first"})
	case state == stopped, state == running && req.Method == "initialize":
		s.fail(ctx, req.ID, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidRequest, Message: req.Method + " is out of order"})
	default:
		s.request(ctx, req)
	}
}

func (s *server) request(ctx context.Context, req *jsonrpc2.Request) {
	switch req.Method {
	case "initialize":
		answerAtOnce(ctx, s, req, s.initialize)
	case "shutdown":
		s.state.Store(stopped)
		s.reply(ctx, req.ID, nil)
	case "textDocument/hover":
		answer(ctx, s, req, s.hover)
	case "textDocument/codeAction":
		answer(ctx, s, req, s.codeActions)
	case "textDocument/definition":
		answer(ctx, s, req, s.definition)
	case "workspace/executeCommand":
		answerAtOnce(ctx, s, req, s.execute)
	default:
		s.fail(ctx, req.ID, &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: "no method is named " + req.Method})
	}
}

func (s *server) notification(ctx context.Context, req *jsonrpc2.Request) {
	switch req.Method {
	case "initialized":
		go s.watchFiles(ctx)
	case "textDocument/didOpen":
		notified(req, s.didOpen)
	case "textDocument/didChange":
		notified(req, s.didChange)
	case "textDocument/didClose":
		notified(req, s.didClose)
	case "textDocument/didSave", "workspace/didChangeWatchedFiles":
		s.forgetFacts()
	}
}

// answerAtOnce answers a request before the next message is read.
func answerAtOnce[P any](ctx context.Context, s *server, req *jsonrpc2.Request, fn func(context.Context, P) (any, error)) {
	var params P
	if err := decode(req, &params); err != nil {
		s.fail(ctx, req.ID, err)
		return
	}
	result, err := fn(ctx, params)
	s.settle(ctx, req.ID, result, err)
}

// answer answers a request about the texts as they are now.
func answer[P any](ctx context.Context, s *server, req *jsonrpc2.Request, fn func(*snapshot, P) any) {
	var params P
	if err := decode(req, &params); err != nil {
		s.fail(ctx, req.ID, err)
		return
	}
	now := s.now()
	go func() {
		s.linting.Lock()
		defer s.linting.Unlock()
		snap, err := s.lint(now)
		if err != nil {
			s.settle(ctx, req.ID, nil, err)
			return
		}
		s.settle(ctx, req.ID, fn(snap, params), nil)
	}()
}

// notified hands on a notification; one that can't be read is dropped, as the protocol wants.
func notified[P any](req *jsonrpc2.Request, fn func(P)) {
	var params P
	if decode(req, &params) == nil {
		fn(params)
	}
}

func decode(req *jsonrpc2.Request, params any) error {
	if req.Params == nil {
		return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: req.Method + " needs params"}
	}
	if err := json.Unmarshal(*req.Params, params); err != nil {
		return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: err.Error()}
	}
	return nil
}

func (s *server) settle(ctx context.Context, id jsonrpc2.ID, result any, err error) {
	if err != nil {
		s.fail(ctx, id, err)
		return
	}
	s.reply(ctx, id, result)
}

// reply and fail send an answer; where that fails the editor is gone, and the reading ends by itself.
func (s *server) reply(ctx context.Context, id jsonrpc2.ID, result any) {
	_ = s.conn.Reply(ctx, id, result)
}

func (s *server) fail(ctx context.Context, id jsonrpc2.ID, err error) {
	known := &jsonrpc2.Error{Code: jsonrpc2.CodeInternalError, Message: err.Error()}
	errors.As(err, &known)
	_ = s.conn.ReplyWithError(ctx, id, known)
}
