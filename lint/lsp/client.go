package lsp

import (
	"context"
	"slices"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/proxylint/proxylint/lint/report"
)

// client is what the editor can do.
type client struct {
	encoding        encoding
	documentChanges bool // it takes edits with the version of the file that they are for
	showDocument    bool
	watchesFiles    bool
}

// explain is the command that shows a rule's documentation; its argument is the rule's ID.
const explain = "proxylint.explain"

func (s *server) initialize(_ context.Context, p initializeParams) (any, error) {
	s.client = client{
		encoding:        utf16Columns,
		documentChanges: p.Capabilities.Workspace.WorkspaceEdit.DocumentChanges,
		showDocument:    p.Capabilities.Window.ShowDocument.Support,
		watchesFiles:    p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration,
	}
	if slices.Contains(p.Capabilities.General.PositionEncodings, utf8Columns) {
		s.client.encoding = utf8Columns
	}
	s.state.Store(running)
	return initializeResult{
		Capabilities: serverCapabilities{
			PositionEncoding:       s.client.encoding,
			TextDocumentSync:       textDocumentSync{OpenClose: true, Change: syncFull, Save: true},
			HoverProvider:          true,
			DefinitionProvider:     true,
			CodeActionProvider:     codeActionOptions{CodeActionKinds: []string{quickFix}},
			ExecuteCommandProvider: executeCommandOptions{Commands: []string{explain}},
		},
		ServerInfo: serverInfo{Name: "proxylint", Version: s.Version},
	}, nil
}

// watched are the files that configurations include, and those that facts are read from, see package inventory.
const watched = "**/{*.conf,*.cfg,*.inc,*.template,*.j2,*.tmpl,*.erb,*.yml,*.yaml,*.json,*.ini,*.py,*.properties," +
	"*.service,*.socket,*.env,.env,Dockerfile*,*.Dockerfile,Procfile,server.xml}"

// watchFiles asks the editor to tell when files change that are not open.
func (s *server) watchFiles(ctx context.Context) {
	if !s.client.watchesFiles {
		return
	}
	_ = s.conn.Call(ctx, "client/registerCapability", registrationParams{[]registration{{
		ID:              "files",
		Method:          "workspace/didChangeWatchedFiles",
		RegisterOptions: watchOptions{[]watcher{{watched}}},
	}}}, nil) // an editor that refuses tells of what is saved in it
}

// execute shows a rule's documentation: in a browser where the editor opens one, else as a message.
func (s *server) execute(ctx context.Context, p executeCommandParams) (any, error) {
	if p.Command != explain || len(p.Arguments) != 1 || s.Doc(p.Arguments[0]) == "" {
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: "want the command " + explain + " with the ID of a rule"}
	}
	rule := p.Arguments[0]
	if s.client.showDocument {
		go func() {
			_ = s.conn.Call(ctx, "window/showDocument", showDocumentParams{URI: report.RuleURL(rule), External: true}, nil)
		}()
		return nil, nil
	}
	return nil, s.conn.Notify(ctx, "window/showMessage", showMessageParams{Type: messageInfo, Message: s.Doc(rule)})
}
