package nginx

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// unknownPart stands in an expanded text for what a variable of unknown value holds. nginx's own words
// can hold the byte, but no address that works has it.
const unknownPart = "\x00"

// isTemplate reports whether a text holds the mark of a template engine: what it will be is not known.
func isTemplate(s string) bool { return syntax.HasMark(s) || strings.Contains(s, unknownPart) }

// parseTime reads nginx's time syntax: "90", "1m30s", "500ms"; a bare number is seconds
// (nginx.org, "Configuration file measurement units").
func parseTime(s string) (time.Duration, bool) {
	var total time.Duration
	for rest := s; ; {
		rest = strings.TrimLeft(rest, " ")
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, false
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "msMhdwy"))
		unit := timeUnit(rest[:letters])
		if unit == 0 || n > int64(math.MaxInt64/unit)/2 {
			return 0, false
		}
		total += time.Duration(n) * unit
		if rest = rest[letters:]; rest == "" {
			return total, total >= 0
		}
	}
}

func timeUnit(letters string) time.Duration {
	const day = 24 * time.Hour
	switch letters {
	case "ms":
		return time.Millisecond
	case "s", "":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return day
	case "w":
		return 7 * day
	case "M":
		return 30 * day
	case "y":
		return 365 * day
	}
	return 0
}

// parseSize reads nginx's size syntax: "4096", "8k", "1m"; the result is in bytes.
func parseSize(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	scale := int64(1)
	switch s[len(s)-1] {
	case 'k', 'K':
		scale, s = 1<<10, s[:len(s)-1]
	case 'm', 'M':
		scale, s = 1<<20, s[:len(s)-1]
	case 'g', 'G':
		scale, s = 1<<30, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/scale {
		return 0, false
	}
	return n * scale, true
}

func parseFlag(s string) (bool, bool) {
	return strings.EqualFold(s, "on"), strings.EqualFold(s, "on") || strings.EqualFold(s, "off")
}

// parseSending reads whether a PROXY protocol header is sent (ngx_stream_proxy_module, proxy_protocol).
func parseSending(s string) (bool, bool) {
	on, known := parseFlag(s)
	version := strings.EqualFold(s, "v2")
	return on || version, known || version
}

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func parseText(s string) (string, bool) { return s, true }

// place maps offsets in a text to the file it was written in.
type place func(from, to int) syntax.Ref

// wordPlace returns the place of parts of a word's value. Where escapes make the two differ in length,
// a part stands for the whole word.
func wordPlace(s *syntax.Stmt, i int) place {
	whole := s.Ref(i)
	raw, value := s.File.Read(s.Words[i]), s.Arg(i)
	if s.File.Template != nil && strings.IndexByte(raw, syntax.Known) >= 0 && s.Words[i].Quote == 0 {
		return func(from, to int) syntax.Ref {
			return s.File.Ref(s.File.Template.Written(s.Words[i].Span, from, to))
		}
	}
	quote := 0
	if s.Words[i].Quote != 0 {
		quote = 1
	}
	if len(raw) < quote+len(value) || raw[quote:quote+len(value)] != value {
		return func(int, int) syntax.Ref { return whole }
	}
	return func(from, to int) syntax.Ref { return whole.Sub(quote+from, quote+to) }
}

// parseAddress splits "host:port", "[v6]:port", "unix:path" or a bare host or port as nginx does
// (ngx_http_upstream_module, "server"). offset is where text starts for the place function.
func parseAddress(text string, offset int, at place) proxy.Address {
	a := proxy.Address{Port: -1, At: at(offset, offset+len(text)), Dynamic: strings.Contains(text, unknownPart) || isTemplate(text)}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		a.Socket = path
		return a
	}
	host, port := text, ""
	hostFrom := 0
	portFrom := -1
	if strings.HasPrefix(text, "[") {
		if end := strings.IndexByte(text, ']'); end > 0 {
			host, hostFrom = text[1:end], 1
			if strings.HasPrefix(text[end+1:], ":") {
				portFrom = end + 2
			}
		}
	} else if i := strings.IndexByte(text, ':'); i >= 0 && strings.Count(text, ":") == 1 {
		host, portFrom = text[:i], i+1
	}
	if portFrom >= 0 {
		port = text[portFrom:]
		a.PortAt = at(offset+portFrom, offset+len(text))
		a.Port = parsePort(port)
	}
	if host != "" {
		a.Host = host
		a.HostAt = at(offset+hostFrom, offset+hostFrom+len(host))
	}
	return a
}

// parsePort returns a port's number, in range or not; -1 for what is none.
func parsePort(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}
