package lint

import (
	"cmp"
	"slices"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Severity says how sure a finding is and how bad: certain is an error, likely a warning, worth
// knowing an info.
type Severity uint8

// The severities, in rising order. The zero value in a Diagnostic stands for its rule's own.
const (
	Info Severity = 1 + iota
	Warning
	Error
)

// String gives the name used on the command line and in JSON.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return ""
}

// Lower returns the severity one step down; Info stays.
func (s Severity) Lower() Severity { return max(s-1, Info) }

// Symptom is what the client or the operator sees: "502", "start failure", ...
type Symptom string

// NoSymptom says that nothing is wrong as far as can be known.
const NoSymptom Symptom = "none"

// Diagnostic is one finding. Rule, Severity and Symptom are filled in from the rule when empty.
type Diagnostic struct {
	Rule     string
	Severity Severity
	Symptom  Symptom
	At       syntax.Ref // the exact words at fault
	Message  string     // what is wrong, in the file's own words and values
	Hint     string     // the line to write; may be empty
	Stops    syntax.Ref // syntax faults: where the proxy itself would stop
	Related  []Related
	Notes    []string // what was seen and has no place in a file: "tried 10.0.0.7:8080: L4CON, connection refused"
	Fix      *Fix
}

// Related is another place that belongs to a finding.
type Related struct {
	At      syntax.Ref
	Message string
}

// Fix is a repair. A safe one keeps the meaning of all that worked before.
type Fix struct {
	Title string
	Safe  bool
	Edits []Edit
}

// Edit replaces the bytes at a place.
type Edit struct {
	At  syntax.Ref
	New string
}

// sortAndDedup orders diagnostics by file, place, severity and rule. A file that is included twice
// is linted in two scopes; what a rule says of one place is kept once, the gravest.
func sortAndDedup(list []Diagnostic) []Diagnostic {
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(
			comparePlaces(a.At, b.At),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(b.Severity, a.Severity),
		)
	})
	return slices.CompactFunc(list, func(a, b Diagnostic) bool {
		return a.Rule == b.Rule && comparePlaces(a.At, b.At) == 0
	})
}

func comparePlaces(a, b syntax.Ref) int {
	return cmp.Or(
		cmp.Compare(a.File.Path, b.File.Path),
		cmp.Compare(a.Span.Start, b.Span.Start),
		cmp.Compare(a.Span.End, b.Span.End),
	)
}
