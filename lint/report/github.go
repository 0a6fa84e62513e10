package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// githubLimit is how many annotations of one level GitHub shows for a step (actions/toolkit,
// docs/problem-matchers.md, "Limitations").
const githubLimit = 10

var (
	githubLevels = [...]string{lint.Info: "notice", lint.Warning: "warning", lint.Error: "error"}

	// What the runner decodes in the text and in the properties of a command (actions/runner,
	// ActionCommand).
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub writes workflow commands, which GitHub shows beside the lines they name. Findings beyond
// its limit are plain text in the log of the step, and a last notice tells how many.
func writeGitHub(w io.Writer, result lint.Result, o Options) error {
	b := bufio.NewWriter(w)
	shown, rest := withinGitHubLimit(result.Diagnostics)
	for _, d := range shown {
		text := strings.Join(append([]string{d.Message}, o.notes(d)...), "\n")
		fmt.Fprintf(b, "::%s %s::%s\n", githubLevels[d.Severity], o.githubProperties(d), githubText.Replace(text))
	}
	secrets := secretFinder{}
	for _, d := range rest {
		fmt.Fprintln(b, o.asText(d, secrets))
	}
	if len(rest) > 0 {
		fmt.Fprintf(b, "::notice title=proxylint::%s more, in the log of this step: GitHub shows %d of each level\n",
			count(len(rest), "finding"), githubLimit)
	}
	return b.Flush()
}

// withinGitHubLimit parts the findings that GitHub shows from the rest. The notice that there is a rest
// takes the place of an info.
func withinGitHubLimit(list []lint.Diagnostic) (shown, rest []lint.Diagnostic) {
	limits := map[lint.Severity]int{lint.Error: githubLimit, lint.Warning: githubLimit, lint.Info: githubLimit}
	counts := map[lint.Severity]int{}
	for _, d := range list {
		if counts[d.Severity]++; counts[d.Severity] > githubLimit {
			limits[lint.Info] = githubLimit - 1
		}
	}
	for _, d := range list {
		if limits[d.Severity]--; limits[d.Severity] >= 0 {
			shown = append(shown, d)
		} else {
			rest = append(rest, d)
		}
	}
	return shown, rest
}

// githubProperties tells where an annotation stands. GitHub takes columns only within one line; the end
// column is the one after the last.
func (o Options) githubProperties(d lint.Diagnostic) string {
	start, end := d.At.Position(), d.At.File.Position(d.At.Span.End)
	place := fmt.Sprintf("file=%s,line=%d", githubProperty.Replace(clean(o.path(d.At.File.Path))), start.Line)
	if start.Line == end.Line {
		place += fmt.Sprintf(",col=%d,endLine=%d,endColumn=%d", start.Rune, end.Line, end.Rune)
	} else {
		place += fmt.Sprintf(",endLine=%d", end.Line)
	}
	return place + ",title=" + githubProperty.Replace(d.Rule)
}
