package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/proxylint/proxylint/lint"
)

// makeSafe masks and cleans every text of a diagnostic that people read. Places and the text of
// edits stay: programs need them as they are.
func makeSafe(d lint.Diagnostic, secrets secretFinder) lint.Diagnostic {
	known := secrets.quoted(d)
	text := func(s string) string { return clean(mask(s, known)) }

	d.Message, d.Hint = text(d.Message), text(d.Hint)
	d.Symptom = lint.Symptom(clean(string(d.Symptom)))
	notes := make([]string, len(d.Notes))
	for i, note := range d.Notes {
		notes[i] = text(note)
	}
	d.Notes = notes
	related := make([]lint.Related, len(d.Related))
	for i, r := range d.Related {
		related[i] = lint.Related{At: r.At, Message: text(r.Message)}
	}
	d.Related = related
	if d.Fix != nil {
		fix := *d.Fix
		fix.Title = text(fix.Title)
		d.Fix = &fix
	}
	return d
}

// clean makes visible what can't be seen or would act on a terminal or a CI runner. The result is one
// line of valid UTF-8.
func clean(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		shown, n := visible(s)
		b.WriteString(shown)
		s = s[n:]
	}
	return b.String()
}

// visible returns how the first character of s is shown, and how many bytes of s it takes up.
func visible(s string) (shown string, n int) {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf("<0x%02X>", s[0]), n
	case !isVisible(r), startsCommand(s):
		return fmt.Sprintf("<U+%04X>", r), n
	}
	return s[:n], n
}

// isVisible reports whether a character takes up room and shows in it. Combining marks don't: one in
// a host name is better seen apart.
func isVisible(r rune) bool {
	return unicode.IsPrint(r) && width(r) > 0 && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// width returns how many columns a character takes up, the same whatever the locale.
func width(r rune) int {
	condition := runewidth.Condition{StrictEmojiNeutral: true}
	return condition.RuneWidth(r)
}

// startsCommand reports whether s starts with "##[", "##vso[" or "##teamcity[": CI runners obey
// these anywhere in a line (actions/runner, ActionCommand.TryParse).
func startsCommand(s string) bool {
	rest, ok := strings.CutPrefix(s, "##")
	if !ok {
		return false
	}
	rest = strings.TrimLeftFunc(rest, unicode.IsLetter)
	return strings.HasPrefix(rest, "[")
}

// linePath cleans a path that starts a line of output. GitHub's runner obeys a line that starts with
// "::", white space aside.
func linePath(path string) string {
	path = clean(path)
	if strings.HasPrefix(strings.TrimLeft(path, " "), ":") {
		return "./" + path
	}
	return path
}
