package report

import (
	"io"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var sarifLevels = [...]string{lint.Info: sarif.LevelNote, lint.Warning: sarif.LevelWarning, lint.Error: sarif.LevelError}

// writeSARIF writes a SARIF 2.1.0 log of one run, with the rules that found something.
//
// The fingerprint has a name of its own: GitHub's upload action computes its primaryLocationLineHash
// itself, and warns of every one that is not the same.
func writeSARIF(w io.Writer, result lint.Result, o Options) error {
	run := sarif.NewRunWithInformationURI("proxylint", homepage)
	run.WithColumnKind("unicodeCodePoints")
	run.AddInvocation(sarif.NewInvocation().WithExecutionSuccessful(true))
	if o.Version != "" {
		run.Tool.Driver.WithVersion(o.Version)
	}
	ids := rulesOf(result.Diagnostics)
	for _, id := range ids {
		run.Tool.Driver.AddRule(o.sarifRule(id))
	}
	prints := o.fingerprints(result.Diagnostics)
	for i, d := range result.Diagnostics {
		index, _ := slices.BinarySearch(ids, d.Rule)
		run.AddResult(o.sarifResult(d).
			WithRuleIndex(index).
			WithPartialFingerprints(map[string]string{"proxylint/v1": prints[i]}))
	}
	return encodeJSON(w, sarif.NewReport().AddRun(run))
}

// rulesOf returns the IDs of the rules that found something, sorted.
func rulesOf(list []lint.Diagnostic) []string {
	found := map[string]struct{}{}
	for _, d := range list {
		found[d.Rule] = struct{}{}
	}
	return slices.Sorted(maps.Keys(found))
}

func (o Options) sarifRule(id string) *sarif.ReportingDescriptor {
	out := sarif.NewRule(id).WithHelpURI(RuleURL(id))
	if o.Rule == nil {
		return out
	}
	rule := o.Rule(id)
	text := func(s string) *sarif.MultiformatMessageString {
		return sarif.NewMultiformatMessageString().WithText(s)
	}
	out.WithShortDescription(text(rule.Doc.Title)).
		WithFullDescription(text(strings.Join(strings.Fields(rule.Doc.Why), " "))).
		WithHelp(text(rule.Text).WithMarkdown(rule.Markdown)).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevels[rule.Severity]))
	if rule.Symptom != "" {
		out.WithProperties(sarif.NewPropertyBag().AddTag(string(rule.Symptom)))
	}
	return out
}

func (o Options) sarifResult(d lint.Diagnostic) *sarif.Result {
	out := sarif.NewRuleResult(d.Rule).
		WithLevel(sarifLevels[d.Severity]).
		WithMessage(sarifMessage(append([]string{d.Message}, advice(d)...)...)).
		WithLocations([]*sarif.Location{o.sarifLocation(d.At)})
	for i, r := range places(d) {
		out.AddRelatedLocation(o.sarifLocation(r.At).WithID(i + 1).WithMessage(sarifMessage(r.Message)))
	}
	if d.Fix != nil && len(d.Fix.Edits) > 0 {
		out.AddFixe(o.sarifFix(d.Fix))
	}
	return out
}

// sarifMessage returns a message in which nothing is a link: "[text](address)" would be one even in
// plain text (SARIF 2.1.0, 3.11.6).
func sarifMessage(lines ...string) *sarif.Message {
	return sarif.NewTextMessage(strings.ReplaceAll(strings.Join(lines, "\n"), "](", `\](`))
}

func (o Options) sarifLocation(at syntax.Ref) *sarif.Location {
	return sarif.NewLocationWithPhysicalLocation(
		sarif.NewPhysicalLocation().WithArtifactLocation(o.sarifFile(at.File)).WithRegion(sarifRegion(at)))
}

// sarifFile names a file: below the working directory, which viewers take for the source's root, or by
// its whole address.
func (o Options) sarifFile(f *syntax.File) *sarif.ArtifactLocation {
	name := o.path(f.Path)
	address := url.URL{Path: name}
	switch {
	case filepath.IsLocal(filepath.FromSlash(name)):
		return sarif.NewSimpleArtifactLocation(address.String()).WithURIBaseID("%SRCROOT%")
	case filepath.IsAbs(filepath.FromSlash(name)):
		address.Scheme, address.Path = "file", path.Join("/", name) // C:/x becomes /C:/x
	}
	return sarif.NewSimpleArtifactLocation(address.String())
}

func sarifRegion(at syntax.Ref) *sarif.Region {
	start, end := at.Position(), at.File.Position(at.Span.End)
	return sarif.NewRegion().
		WithStartLine(start.Line).WithStartColumn(start.Rune).
		WithEndLine(end.Line).WithEndColumn(end.Rune)
}

// sarifFix has one change for every file that a fix edits.
func (o Options) sarifFix(fix *lint.Fix) *sarif.Fix {
	out := sarif.NewFix().WithDescription(sarifMessage(fix.Title))
	changes := map[*syntax.File]*sarif.ArtifactChange{}
	for _, e := range fix.Edits {
		change, ok := changes[e.At.File]
		if !ok {
			change = sarif.NewArtifactChange().WithArtifactLocation(o.sarifFile(e.At.File))
			changes[e.At.File] = change
			out.AddArtifactChange(change)
		}
		change.AddReplacement(sarif.NewReplacement().
			WithDeletedRegion(sarifRegion(e.At)).
			WithInsertedContent(sarif.NewArtifactContent().WithText(e.New)))
	}
	return out
}
