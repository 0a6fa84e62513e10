package rules

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// severities are what the grades of a problem weigh as findings.
var severities = [...]lint.Severity{syntax.Fatal: lint.Error, syntax.Warn: lint.Warning, syntax.Note: lint.Info}

// reportProblems returns the Run of a rule that tells of faults found while reading: those whose
// code is the rule's ID.
func reportProblems(code string) func(context.Context, *lint.Pass) {
	return func(_ context.Context, p *lint.Pass) {
		tree := p.Config.Tree
		for _, path := range slices.Sorted(maps.Keys(tree.Files)) {
			file := tree.Files[path]
			for _, problem := range file.Problems {
				if problem.Code == code {
					p.Report(diagnose(syntax.FileProblem{Problem: problem, File: file}))
				}
			}
		}
		for _, problem := range tree.Problems {
			if problem.Code == code {
				p.Report(diagnose(problem))
			}
		}
	}
}

func diagnose(p syntax.FileProblem) lint.Diagnostic {
	d := lint.Diagnostic{
		Severity: severities[p.Grade],
		At:       p.File.Ref(p.At),
		Message:  p.Msg,
		Hint:     p.Hint,
	}
	switch {
	case p.Seen >= 0:
		d.Stops = p.File.Ref(syntax.Span{Start: p.Seen, End: p.Seen})
	case p.Grade == syntax.Warn:
		d.Symptom = "no effect"
	case p.Grade == syntax.Note:
		d.Symptom = lint.NoSymptom
	}
	for _, r := range p.Related {
		d.Related = append(d.Related, lint.Related{At: r.At, Message: r.Msg})
	}
	if p.Write != nil {
		// Where the proxy stops nothing worked before, so a repair has nothing to break.
		d.Fix = repair(d.At, *p.Write, p.Seen >= 0)
	}
	return d
}

func repair(at syntax.Ref, text string, safe bool) *lint.Fix {
	title := fmt.Sprintf("write %q", text)
	if text == "" {
		title = fmt.Sprintf("delete %q", at.Text())
	}
	return &lint.Fix{Title: title, Safe: safe, Edits: []lint.Edit{{At: at, New: text}}}
}
