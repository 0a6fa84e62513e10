package rules

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// serverLine returns the line of a server with another address, and with more options right after it. All its other words stay, apart
// from the options in without: "backup", "alpn VALUE", "max_fails=VALUE".
func serverLine(e *proxy.Endpoint, address, options string, without ...string) string {
	s, at := e.Stmt, e.Addr.At.Span
	var words []string
	for i := 0; i < len(s.Words); i++ {
		w := s.Words[i]
		text := s.File.Text(w.Span)
		if drop := dropped(text, without); drop > 0 {
			i += drop - 1
			continue
		}
		if w.Start <= at.Start && at.End <= w.End {
			text = text[:at.Start-w.Start] + address + text[at.End-w.Start:]
		}
		words = append(words, text)
		if w.Start <= at.Start && at.End <= w.End && options != "" {
			words = append(words, options)
		}
	}
	line := strings.Join(words, " ")
	if s.File.Dialect == syntax.Nginx {
		line += ";"
	}
	return line
}

// dropped returns how many words from one on are those of an option to leave out.
func dropped(word string, without []string) int {
	for _, option := range without {
		if name, prefix := strings.CutSuffix(option, "=VALUE"); prefix && strings.HasPrefix(word, name+"=") || word == option {
			return 1
		}
		if name, valued := strings.CutSuffix(option, " VALUE"); valued && word == name {
			return 2
		}
	}
	return 0
}
