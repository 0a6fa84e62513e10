package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	// shortestKnown is the length in bytes from which a secret is also looked for where nothing but
	// the value stands; shorter ones would blot out ordinary words.
	shortestKnown = 3

	// A secret is looked for in the statement around a place, within these bounds: a minified file
	// is one line, and may hold any number of findings.
	statementLines = 20
	statementBytes = 4096 // before and after the block of as many bytes that the place is in
)

// secretFinder finds the secrets of files. It remembers those of every statement it has seen.
type secretFinder map[syntax.Ref][]syntax.Span

// near returns where secrets stand in the statement around a place, as offsets in its file.
func (f secretFinder) near(at syntax.Ref) []syntax.Span {
	around := statementAround(at)
	found, ok := f[around]
	if !ok {
		found = safe.Secrets(around.Text())
		for i := range found {
			found[i].Start += around.Span.Start
			found[i].End += around.Span.Start
		}
		f[around] = found
	}
	return found
}

// statementAround returns the line a place starts on, with the lines before it that may belong to the
// same statement.
func statementAround(at syntax.Ref) syntax.Ref {
	n := at.File.Line(at.Span.Start)
	span := at.File.LineSpan(n)
	for first := n - 1; first > 0 && first > n-statementLines && leadsOn(at.File, first); first-- {
		span.Start = at.File.LineSpan(first).Start
	}
	// Whole blocks, so that the findings in one share what is found there.
	block := at.Span.Start / statementBytes * statementBytes
	span.Start = max(span.Start, block-statementBytes)
	span.End = min(span.End, block+2*statementBytes)
	return at.File.Ref(span)
}

// leadsOn reports whether a statement may go on after line n.
func leadsOn(f *syntax.File, n int) bool {
	line := f.LineText(n)
	switch f.Dialect {
	case syntax.HAProxy:
		return strings.HasSuffix(line, `\`)
	case syntax.Cloudflared:
		return false
	}
	line, _, _ = strings.Cut(line, " #")
	line = strings.TrimRight(line, " \t")
	return line == "" || !strings.ContainsAny(line[len(line)-1:], ";{}")
}

// quoted returns the secrets in the statements that a diagnostic points at, as its messages may
// quote them: as written, as decoded, and word by word. Longer ones come first.
func (f secretFinder) quoted(d lint.Diagnostic) []string {
	places := []syntax.Ref{d.At, d.Stops}
	for _, r := range d.Related {
		places = append(places, r.At)
	}
	if d.Fix != nil {
		for _, e := range d.Fix.Edits {
			places = append(places, e.At)
		}
	}
	var known []string
	for _, at := range places {
		if at.IsZero() {
			continue
		}
		for _, span := range f.near(at) {
			known = append(known, spellings(at.File.Text(span))...)
		}
	}
	known = slices.DeleteFunc(known, func(s string) bool { return len(s) < shortestKnown })
	slices.SortFunc(known, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return slices.Compact(known)
}

// spellings returns a secret as written, without its quotes, without backslashes, and its words.
func spellings(secret string) []string {
	bare := strings.Trim(secret, `"'`)
	decoded := strings.ReplaceAll(bare, `\`, "")
	return append(strings.Fields(decoded), secret, bare, decoded)
}
