package haproxy

import (
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// addressReader splits addresses (manual 11 "Address formats").
type addressReader struct {
	env    env
	faulty map[*syntax.Stmt]bool
}

// read splits word i of a statement. Only addresses to listen on may be several, with commas between.
func (r *addressReader) read(stmt *syntax.Stmt, i int, several bool, fn func(proxy.Address)) {
	at := stmt.Ref(i)
	value, read := stmt.Arg(i), stmt.File.Read(stmt.Words[i])
	dynamic := r.faulty[stmt] || r.env.dynamic(read) || isTemplate(value)
	place := placeOf(at, read, value)
	if strings.IndexByte(value, '$') >= 0 {
		expanded, certain := r.env.expandAddress(value)
		dynamic = dynamic || !certain
		value, place.exact = expanded, false
	}
	for start := 0; ; {
		end := len(value)
		if n := strings.IndexByte(value[start:], ','); several && n >= 0 {
			end = start + n
		}
		addr := splitAddress(value[start:end], place.from(start))
		addr.Dynamic = dynamic
		fn(addr)
		if end == len(value) {
			return
		}
		start = end + 1
	}
}

// place leads parts of a decoded word back to the bytes they stand on.
type place struct {
	word  syntax.Ref
	shift int  // from the start of the word to the start of the value
	exact bool // the value stands in the word as it is
}

// placeOf returns the place of a value in a word, which the scanner read as given.
func placeOf(word syntax.Ref, read, value string) place {
	shift := strings.Index(read, value)
	return place{word: word, shift: shift, exact: shift >= 0}
}

func (p place) from(n int) place {
	p.shift += n
	return p
}

// part returns the place of bytes i to j of the value; the whole word where that can't be told.
func (p place) part(i, j int) syntax.Ref {
	if !p.exact {
		return p.word
	}
	return p.word.Sub(p.shift+i, p.shift+j)
}

// splitAddress splits one address. The last colon separates the port, brackets or not.
func splitAddress(s string, at place) proxy.Address {
	addr := proxy.Address{Port: -1, At: at.part(0, len(s))}
	host, isSocket := cutFamily(s)
	start := len(s) - len(host)
	if isSocket {
		addr.Socket = host
		return addr
	}
	if i := strings.LastIndexAny(host, ":]"); i >= 0 && host[i] == ':' {
		port := host[i+1:]
		host = host[:i]
		if port != "" {
			addr.PortAt = at.part(start+i+1, len(s))
			addr.Port = parsePort(port)
		}
	}
	if host == "" {
		return addr
	}
	end := start + len(host)
	if len(host) >= 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
		start, end = start+1, end-1
	}
	addr.Host = host
	addr.HostAt = at.part(start, end)
	return addr
}

// cutFamily takes off the prefix that names an address family, and tells whether what is left names a
// socket or a descriptor rather than a host.
func cutFamily(s string) (rest string, isSocket bool) {
	if strings.HasPrefix(s, "/") {
		return s, true
	}
	family, rest, found := strings.Cut(s, "@")
	if !found {
		return s, false
	}
	for _, prefix := range [...]string{"stream+", "dgram+"} {
		family = strings.TrimPrefix(family, prefix)
	}
	switch family {
	case "ipv4", "ipv6", "quic4", "quic6", "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "mptcp", "mptcp4", "mptcp6":
		return rest, false
	case "unix", "uxst", "uxdg":
		return rest, true
	case "abns", "abnsz", "fd", "sockpair", "rhttp", "rev": // no paths: the family tells what the rest is
		return s, true
	}
	return s, false
}

// parsePort returns the number of a port, or -1 for a range, a shift such as +10 or a name.
func parsePort(s string) int {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return -1
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 1<<31 - 1 // more digits than any port has
	}
	return int(n)
}

// expandAddress replaces the variables that HAProxy looks for in addresses even outside quotes, and
// reports whether all of them are known.
func (e env) expandAddress(s string) (value string, certain bool) {
	var out strings.Builder
	certain = true
	for at := 0; at < len(s); {
		if s[at] != '$' {
			out.WriteByte(s[at])
			at++
			continue
		}
		ref, n, fault := parseReference(s[at:])
		text, known := e.value(ref)
		if fault != "" || out.Len()+len(text) > maxExpansion {
			return out.String(), false
		}
		certain = certain && known
		out.WriteString(text)
		at += n
	}
	return out.String(), certain
}

// markBytes are those of which every mark of a template has one.
const markBytes = "{}%@" + string(syntax.Filling) + string(syntax.Silent)

// isTemplate reports whether a value holds the marker of a template that is yet to be filled in.
func isTemplate(s string) bool {
	return strings.ContainsAny(s, markBytes) &&
		(syntax.HasMark(s) || strings.Contains(s, "}}") || strings.Contains(s, "%>")) // the blanks in a mark part words
}
