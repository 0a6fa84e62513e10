package logs

import (
	"errors"
	"strings"
)

// CompileHAProxy compiles the format of a log-format or error-log-format line, as HAProxy gets it: without the quotes
// and backslashes of its configuration.
func CompileHAProxy(format string) (*Format, error) {
	parts := []part{{}}
	quote := false // for all, from %{+Q}o on
	for format != "" {
		if format[0] != '%' {
			n := strings.IndexByte(format, '%')
			if n < 0 {
				n = len(format)
			}
			parts, format = addText(parts, format[:n]), format[n:]
			continue
		}
		if strings.HasPrefix(format, "%%") {
			parts, format = addText(parts, "%"), format[2:]
			continue
		}
		item, rest := haproxyItem(format[1:])
		if item.name == "" {
			return nil, errors.New("the log format has a % without a name")
		}
		format = rest
		if item.name == "o" {
			quote = item.quoted(quote)
			format = strings.TrimPrefix(format, " ")
			continue
		}
		parts = appendItem(parts, item.name, item.quoted(quote))
	}
	source := HAProxyTCP
	for _, p := range parts {
		if p.field == fStatus {
			source = HAProxyHTTP
		}
	}
	return newFormat(source, parts)
}

// appendItem appends a variable, with the quotes around it.
func appendItem(parts []part, name string, quoted bool) []part {
	if quoted && !isNumber(name) {
		return append(addText(parts, `"`), part{field: haproxyField(name), until: `"`})
	}
	return append(parts, part{field: haproxyField(name)})
}

// isNumber reports whether a variable is a number, a time or a termination state, which HAProxy never quotes.
func isNumber(name string) bool {
	switch name {
	case "cp", "fp", "bp", "sp", "ms", "ST", "B", "U", "ac", "fc", "bc", "sc", "rc", "sq", "bq", "lc", "rt", "pid":
		return true
	}
	return name[0] == 't' || name[0] == 'T'
}

// item is a variable of a log format, with its flags.
type item struct{ name, flags string }

func (i item) quoted(all bool) bool {
	switch {
	case strings.Contains(i.flags, "+Q"):
		return true
	case strings.Contains(i.flags, "-Q"):
		return false
	}
	return all
}

// haproxyItem cuts "{+Q}r" or "[expression]" or "(name){flags}ST" off.
func haproxyItem(s string) (item, string) {
	var i item
	if inside, ok := strings.CutPrefix(s, "("); ok {
		_, s, _ = strings.Cut(inside, ")")
	}
	if inside, ok := strings.CutPrefix(s, "{"); ok {
		i.flags, s, _ = strings.Cut(inside, "}")
	}
	if strings.HasPrefix(s, "[") {
		end := closing(s)
		i.name = s[:end]
		return i, s[end:]
	}
	end := 0
	for end < len(s) && 'A' <= s[end]&^0x20 && s[end]&^0x20 <= 'Z' {
		end++
	}
	i.name = s[:end]
	return i, s[end:]
}

// closing returns where the bracket that s begins with is closed.
func closing(s string) int {
	depth := 0
	for n := range len(s) {
		switch s[n] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return n + 1
			}
		}
	}
	return len(s)
}

// haproxyField returns what a variable tells (HAProxy's configuration manual, section 8.2.6).
func haproxyField(name string) field {
	switch name {
	case "t", "tr", "T", "Tl", "trg", "trl", "Ts":
		return fTime
	case "ci", "[src]":
		return fClient
	case "r":
		return fRequest
	case "HM", "[method]":
		return fMethod
	case "HP", "HU", "HPO", "[path]":
		return fPath
	case "[req.hdr(host)]", "[ssl_fc_sni]":
		return fHost
	case "ST", "[status]":
		return fStatus
	case "ts", "tsc":
		return fState
	case "f", "ft":
		return fFrontend
	case "b":
		return fBackend
	case "s":
		return fServer
	case "si":
		return fServerAddress
	case "sp":
		return fServerPort
	case "TR", "Tq":
		return fTq
	case "Tw":
		return fTw
	case "Tc":
		return fTc
	case "Tr":
		return fTr
	case "Ta", "Tt":
		return fTt
	case "rc":
		return fRetries
	case "hr", "hs":
		return fCapture
	}
	return none
}
