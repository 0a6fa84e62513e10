package template

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// firstWord splits the first word off a mark's body, and the signs that trim white space before it.
func firstWord(body string) (word, rest string) {
	body = strings.TrimLeft(body, "-+~_ \t\r\n")
	n := strings.IndexFunc(body, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	if n < 0 {
		return body, ""
	}
	return body[:n], strings.TrimSpace(body[n:])
}

// statementRole returns what a Jinja statement does (Jinja's Template Designer Documentation, "List of Control
// Structures").
func statementRole(body string) syntax.Role {
	word, rest := firstWord(body)
	switch word {
	case "if", "for", "macro", "call", "filter", "block", "with", "autoescape":
		return syntax.Opens
	case "set":
		if strings.Contains(rest, "=") {
			return syntax.Quiet
		}
		return syntax.Opens
	case "else", "elif":
		return syntax.Else
	case "include":
		return syntax.Fills
	case "endraw":
		return syntax.Quiet
	}
	if strings.HasPrefix(word, "end") {
		return syntax.Closes
	}
	return syntax.Quiet
}

// braceRole returns what a pair of braces does; in Jinja it always writes (Go, text/template, "Actions").
func (f *finder) braceRole(body string) syntax.Role {
	if !f.has(golang) {
		return syntax.Fills
	}
	word, rest := firstWord(body)
	switch word {
	case "if", "range", "with", "define", "block":
		if rest != "" {
			return syntax.Opens
		}
	case "else":
		return syntax.Else
	case "end":
		return syntax.Closes
	case "break", "continue":
		return syntax.Quiet
	}
	variable, _, assigns := strings.Cut(body, "=")
	if strings.HasPrefix(body, "/*") || assigns && strings.HasPrefix(body, "$") && !strings.ContainsAny(variable, `"|(`+"`") {
		return syntax.Quiet
	}
	return syntax.Fills
}

// tagRole returns what a tag of ERB or EPP does, by the words that Ruby and Puppet open and close blocks with.
func tagRole(body string) syntax.Role {
	switch {
	case strings.HasPrefix(body, "="):
		return syntax.Fills
	case strings.HasPrefix(body, "#"), strings.HasPrefix(body, "|"), body == "":
		return syntax.Quiet
	case strings.HasPrefix(body, "}"):
		if strings.HasSuffix(body, "{") {
			return syntax.Else
		}
		return syntax.Closes
	}
	word, _ := firstWord(body)
	last := body[strings.LastIndexAny(body, " \t\n")+1:]
	switch word {
	case "else", "elsif", "when", "rescue", "ensure":
		return syntax.Else
	case "end":
		return syntax.Closes
	case "if", "unless", "case", "for", "while", "until", "begin":
		if last == "end" {
			return syntax.Quiet
		}
		return syntax.Opens
	}
	opensBlock := strings.HasSuffix(body, "|") && (strings.Contains(body, "do |") || strings.Contains(body, "do|") ||
		strings.Contains(body, "{ |") || strings.Contains(body, "{|"))
	if opensBlock || last == "do" || strings.HasSuffix(body, "{") {
		return syntax.Opens
	}
	return syntax.Quiet
}
