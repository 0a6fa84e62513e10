// Package safe makes texts from linted files fit to be shown: what can't be seen is made visible, and
// secrets are masked.
package safe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Clean makes visible what can't be seen or would act on a terminal or a CI runner. The result is one
// line of valid UTF-8.
func Clean(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		shown, n := Visible(s)
		b.WriteString(shown)
		s = s[n:]
	}
	return b.String()
}

// Visible returns how the first character of s is shown, and how many bytes of s it takes up.
func Visible(s string) (shown string, n int) {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf("<0x%02X>", s[0]), n
	case !IsVisible(r), StartsCommand(s):
		return fmt.Sprintf("<U+%04X>", r), n
	}
	return s[:n], n
}

// IsVisible reports whether a character takes up room and shows in it. Combining marks don't: one in
// a host name is better seen apart.
func IsVisible(r rune) bool {
	return unicode.IsPrint(r) && Width(r) > 0 && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Width returns how many columns a character takes up, the same whatever the locale.
func Width(r rune) int {
	condition := runewidth.Condition{StrictEmojiNeutral: true}
	return condition.RuneWidth(r)
}

// StartsCommand reports whether s starts with "##[", "##vso[" or "##teamcity[": CI runners obey
// these anywhere in a line (actions/runner, ActionCommand.TryParse).
func StartsCommand(s string) bool {
	rest, ok := strings.CutPrefix(s, "##")
	if !ok {
		return false
	}
	rest = strings.TrimLeftFunc(rest, unicode.IsLetter)
	return strings.HasPrefix(rest, "[")
}

// LineStart cleans a text that starts a line of output, such as a path. GitHub's runner obeys a line that starts with
// "::", white space aside.
func LineStart(path string) string {
	path = Clean(path)
	if strings.HasPrefix(strings.TrimLeft(path, " "), ":") {
		return "./" + path
	}
	return path
}
