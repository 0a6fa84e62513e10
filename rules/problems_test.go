package rules

import (
	"context"
	"slices"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestReportProblems checks what becomes of each part of a problem.
func TestReportProblems(t *testing.T) {
	write := "proxy_pass"
	main := syntax.NewFile("nginx.conf", "include b.conf;", syntax.Nginx, nil)
	sub := syntax.NewFile("b.conf", "proxy_pas x;", syntax.Nginx, nil)
	name := syntax.Span{Start: 0, End: 9}
	sub.Problems = []syntax.Problem{
		{Code: "syntax", Msg: "of another rule", At: name},
		{Code: "unknown-directive", Msg: "stops", Hint: "hint", At: name, Seen: 11, Write: &write},
		{Code: "unknown-directive", Msg: "reads on", Grade: syntax.Warn, At: name, Seen: -1, Write: &write},
	}
	tree := &syntax.Tree{
		Files: map[string]*syntax.File{main.Path: main, sub.Path: sub},
		Problems: []syntax.FileProblem{{
			File:    main,
			Problem: syntax.Problem{Code: "unknown-directive", Msg: "noted", Grade: syntax.Note, At: name, Seen: -1},
			Related: []syntax.Related{{At: sub.Ref(name), Msg: "here"}},
		}},
	}
	var got []lint.Diagnostic
	reportProblems("unknown-directive")(context.Background(), &lint.Pass{
		Config: &proxy.Config{Tree: tree},
		Report: func(d lint.Diagnostic) { got = append(got, d) },
	})

	var messages []string
	for _, d := range got {
		messages = append(messages, d.Message)
	}
	if want := []string{"stops", "reads on", "noted"}; !slices.Equal(messages, want) {
		t.Fatalf("messages %q, want %q", messages, want)
	}
	stops, readsOn, noted := got[0], got[1], got[2]
	if stops.Severity != lint.Error || readsOn.Severity != lint.Warning || noted.Severity != lint.Info {
		t.Errorf("severities %v, %v, %v", stops.Severity, readsOn.Severity, noted.Severity)
	}
	if stops.At != sub.Ref(name) || stops.Hint != "hint" || stops.Stops.Span.Start != 11 || stops.Symptom != "" {
		t.Errorf("a problem that stops the proxy became %+v", stops)
	}
	if !readsOn.Stops.IsZero() || readsOn.Symptom != "no effect" {
		t.Errorf("a problem that does not stop the proxy became %+v", readsOn)
	}
	if !stops.Fix.Safe || readsOn.Fix.Safe || noted.Fix != nil || stops.Fix.Edits[0].New != write {
		t.Errorf("fixes %+v, %+v, %+v", stops.Fix, readsOn.Fix, noted.Fix)
	}
	if len(noted.Related) != 1 || noted.Related[0].Message != "here" || noted.Related[0].At.File != sub {
		t.Errorf("related %+v", noted.Related)
	}
}
