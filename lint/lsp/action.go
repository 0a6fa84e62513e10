package lsp

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// codeActions returns what can be done about the findings in a range: to mend, to accept and to explain them.
func (s *server) codeActions(snap *snapshot, p codeActionParams) any {
	actions := []codeAction{}
	if len(p.Context.Only) > 0 && !slices.ContainsFunc(p.Context.Only, isQuickFix) {
		return actions
	}
	found := snap.found(p.TextDocument.URI, p.Range)
	for _, offer := range []func(report.EditorFinding) (codeAction, bool){snap.mend, snap.accept, explainAction} {
		for _, f := range found {
			if action, ok := offer(f); ok {
				action.Kind = quickFix
				action.Diagnostics = []diagnostic{snap.diagnostic(f)}
				actions = append(actions, action)
			}
		}
	}
	return actions
}

// isQuickFix reports whether a kind of action asked for is that of all actions here, or one below it.
func isQuickFix(kind string) bool { return kind == quickFix || strings.HasPrefix(kind, quickFix+".") }

func (snap *snapshot) mend(f report.EditorFinding) (codeAction, bool) {
	repairs := lint.Repair([]lint.Diagnostic{f.Diagnostic}, true, func(file *syntax.File) string {
		uri, _ := snap.name(file)
		return uri
	})
	if repairs.Fixed == 0 {
		return codeAction{}, false
	}
	title := f.Fix.Title
	if !f.Fix.Safe {
		title += " (may change what works)"
	}
	return codeAction{Title: title, IsPreferred: f.Fix.Safe, Edit: snap.edit(repairs.Files)}, true
}

func (snap *snapshot) accept(f report.EditorFinding) (codeAction, bool) {
	edit, ok := lint.Accept(f.Diagnostic, "REASON")
	if !ok {
		return codeAction{}, false
	}
	files := []lint.FileRepair{{File: edit.At.File, Edits: []lint.Edit{edit}}}
	return codeAction{Title: "ignore this finding with a comment: " + f.Rule, Edit: snap.edit(files)}, true
}

func explainAction(f report.EditorFinding) (codeAction, bool) {
	title := "explain " + f.Rule
	return codeAction{Title: title, Command: &command{Title: title, Command: explain, Arguments: []string{f.Rule}}}, true
}

// edit returns edits as the editor takes them.
func (snap *snapshot) edit(files []lint.FileRepair) *workspaceEdit {
	edit := &workspaceEdit{}
	for _, f := range files {
		var list []textEdit
		for _, e := range f.Edits {
			list = append(list, textEdit{Range: snap.client.encoding.span(e.At), NewText: e.New})
		}
		uri, version := snap.name(f.File)
		if snap.client.documentChanges {
			edit.DocumentChanges = append(edit.DocumentChanges, textDocumentEdit{versionedDocument{uri, version}, list})
			continue
		}
		if edit.Changes == nil {
			edit.Changes = map[string][]textEdit{}
		}
		edit.Changes[uri] = list
	}
	return edit
}
