package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// addressChecks look at an address alone, in the order in which they are most to the point.
var addressChecks = []func(p peer, text string) *lint.Diagnostic{
	lookAlikes, serverScheme, socketPath, afterPort, pathInAddress, listed, bareIPv6, brackets, colons, noHost,
}

// malformed returns what is wrong with the form of an address; nil when it has the parts that it should have.
// The rules about one part of an address pass over those.
func malformed(p peer) *lint.Diagnostic {
	if p.dialect() == syntax.Cloudflared {
		return nil // its parser tells, and such a service is no peer
	}
	text := p.text()
	d := malformedPass(p, text)
	if p.endpoint != nil && text != "" && !isPlain(p, text) {
		for i := 0; d == nil && i < len(addressChecks); i++ {
			d = addressChecks[i](p, text)
		}
	}
	if d == nil {
		d = streamPort(p)
	}
	if d != nil && d.Symptom == "" {
		d.Symptom = p.refusal()
	}
	return d
}

// streamPort finds a host without a port in nginx's stream, which has no port by default as http has. A server with
// "service" gets its port from DNS.
func streamPort(p peer) *lint.Diagnostic {
	if p.dialect() != syntax.Nginx || p.protocol() != proxy.TCP || p.endpoint == nil {
		return nil
	}
	a := p.addr
	if at, _ := serverParameter(p.endpoint.Stmt, "service"); !a.PortAt.IsZero() || a.Host == "" || isOpen(a) || !at.IsZero() ||
		p.unseen && !isAddress(a.Host) {
		return nil
	}
	return &lint.Diagnostic{
		At:      a.At,
		Message: fmt.Sprintf("no port follows %s, and stream has none by default", a.At.Text()),
		Hint:    fmt.Sprintf("%s %s;", p.endpoint.Stmt.Name(), withPort(a)),
	}
}

// isPlain reports whether an address is clearly well formed, as most are: a name or IPv4 address, and a port.
func isPlain(p peer, text string) bool {
	host, port, hasPort := strings.Cut(text, ":")
	for i := range len(host) {
		c := host[i]
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return host != "" && isDigits(port) == hasPort && !strings.HasSuffix(host, ".sock") &&
		!strings.HasSuffix(host, ".socket") && (p.route != nil || p.dialect() == syntax.HAProxy || p.endpoint.Stmt.Args() == 1)
}

// isBroken reports whether an address is so wrong that nothing is to be said of its host but that.
func isBroken(p peer) bool {
	if malformed(p) != nil {
		return true
	}
	fault, _ := hostFault(p.addr.Host)
	return fault != ""
}

// lookAlikes finds characters that look like those of an address, or like nothing at all.
func lookAlikes(p peer, text string) *lint.Diagnostic {
	for i, r := range text {
		ascii, invisible := plainRune(r)
		if ascii == 0 && !invisible {
			continue
		}
		at, write := p.addr.At.Sub(i, i+len(string(r))), ""
		d := &lint.Diagnostic{At: at, Message: fmt.Sprintf("%U is an invisible character", r), Hint: "delete it"}
		if ascii != 0 {
			write = string(ascii)
			d.Message = fmt.Sprintf("%q (%U) is not the %q that it looks like", r, r, ascii)
			d.Hint = fmt.Sprintf("write %s", write)
		}
		if p.route == nil || !p.route.Runtime {
			d.Fix = &lint.Fix{Title: d.Hint, Safe: true, Edits: []lint.Edit{{At: at, New: write}}}
		}
		return d
	}
	return nil
}

// plainRune returns the ASCII character that a full-width or typographic one stands for, and whether it is one
// that shows nothing.
func plainRune(r rune) (ascii rune, invisible bool) {
	switch {
	case r < 0x80:
		return 0, false
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFF01 + '!', false
	case r == '。' || r == '．' || r == '｡':
		return '.', false
	case r >= 0x2010 && r <= 0x2015:
		return '-', false
	case r == 0xA0 || r == 0xAD || r >= 0x2000 && r <= 0x200F || r >= 0x2028 && r <= 0x202F || r >= 0x2060 && r <= 0x2064 ||
		r == 0x3000 || r == 0xFEFF:
		return 0, true
	}
	return 0, false
}

// serverScheme finds a URL where an address belongs.
func serverScheme(p peer, text string) *lint.Diagnostic {
	scheme, rest, found := strings.Cut(text, "://")
	if p.route != nil || !found || scheme == "unix" {
		return nil
	}
	d := &lint.Diagnostic{
		At:      p.addr.At.Sub(0, len(scheme)+len("://")),
		Message: fmt.Sprintf("a server line takes an address, not the URL %s", text),
	}
	address := strings.TrimSuffix(rest, "/")
	secure := scheme == "https" || scheme == "wss"
	if secure && !strings.Contains(address, ":") {
		address += ":443"
	}
	plain := address != "" && !strings.ContainsAny(address, "/?")
	switch {
	case p.dialect() == syntax.Nginx && secure:
		d.Hint = serverLine(p.endpoint, address, "") + " and proxy_pass https://GROUP;"
	case p.dialect() == syntax.Nginx:
		d.Hint = serverLine(p.endpoint, address, "")
	case secure:
		d.Hint = serverLine(p.endpoint, address, "ssl verify required ca-file FILE")
	default:
		d.Hint = serverLine(p.endpoint, address, "")
	}
	if plain && !secure {
		d.Fix = repair(p.addr.At, address, true)
	}
	return d
}

// socketPath finds a unix socket without the prefix that says so, or with what no socket's path has.
func socketPath(p peer, text string) *lint.Diagnostic {
	path, prefixed := strings.CutPrefix(text, "unix:")
	if p.dialect() == syntax.HAProxy {
		isSocket := strings.HasSuffix(text, ".sock") || strings.HasSuffix(text, ".socket")
		switch {
		case prefixed && path != "":
			return &lint.Diagnostic{
				At:      p.addr.At.Sub(0, len("unix:")),
				Message: fmt.Sprintf("HAProxy reads %s as host unix and port %s", text, path),
				Hint:    serverLine(p.endpoint, "unix@"+path, ""),
				Fix:     repair(p.addr.At.Sub(0, len("unix:")), "unix@", true),
			}
		case isSocket && p.addr.Socket == "":
			return &lint.Diagnostic{
				At:      p.addr.At,
				Message: fmt.Sprintf("HAProxy reads %s as a host name: a socket's path begins with /", text),
				Hint:    serverLine(p.endpoint, "/"+text, ""),
			}
		}
		return nil
	}
	switch {
	case prefixed && path == "":
		return &lint.Diagnostic{At: p.addr.At, Message: "unix: has no path after it", Hint: "unix:/run/app.sock"}
	case prefixed && (p.route == nil || p.route.Stmt.Name() != "proxy_pass" || p.route.Hop.Protocol == proxy.TCP):
		if i := strings.Index(path, ":/"); i > 0 {
			at := p.addr.At.Sub(len("unix:")+i, len(text))
			return &lint.Diagnostic{
				Symptom: "502",
				At:      at,
				Message: fmt.Sprintf("no URI may follow a socket here: nginx looks for a socket named %s", path),
				Hint:    "unix:" + path[:i],
				Fix:     repair(at, "", path[i:] == ":/"),
			}
		}
		return behindSocket(p, path, "")
	case prefixed:
		return behindSocket(p, path, ":")
	case strings.HasPrefix(text, "/"):
		return &lint.Diagnostic{
			At:      p.addr.At,
			Message: fmt.Sprintf("nginx reads %s as a host name: a socket's path needs unix: before it", text),
			Hint:    "unix:" + text,
			Fix:     repair(p.addr.At, "unix:"+text, true),
		}
	}
	return nil
}

// behindSocket finds what follows the path of a unix socket as if it were a folder. In a proxy_pass a separator goes between
// the socket and the path to ask it for; elsewhere none may follow.
func behindSocket(p peer, path, separator string) *lint.Diagnostic {
	end := socketEnd(path)
	if end < 0 {
		return nil
	}
	at := p.addr.At.Sub(len("unix:")+end, len("unix:")+len(path))
	d := &lint.Diagnostic{
		Symptom: answered(p.protocol(), "502"),
		At:      at,
		Message: fmt.Sprintf("all of %s is taken for the path of the socket", path),
		Hint:    "unix:" + path[:end],
	}
	if !strings.HasSuffix(path, "/") {
		d.Severity = lint.Warning // there may be a folder of that name
	}
	switch {
	case separator == "":
		d.Fix = repair(at, "", at.Text() == "/")
	case p.route.At.Span.End == at.Span.End:
		d.Fix = repair(at, separator+at.Text(), false)
		fallthrough
	default:
		d.Hint = fmt.Sprintf("%s://%s%s%s", p.route.Hop.Scheme.Text(), d.Hint, separator, at.Text())
	}
	return d
}

// socketEnd returns where the name of a socket ends in a path that goes on after it; -1 where it doesn't. No file's path
// ends in a slash.
func socketEnd(path string) int {
	for _, end := range []string{".sock/", ".socket/"} {
		if i := strings.Index(path, end); i > 0 {
			return i + len(end) - 1
		}
	}
	if trimmed := strings.TrimRight(path, "/"); trimmed != "" && trimmed != path {
		return len(trimmed)
	}
	return -1
}

// afterPort finds what HAProxy passes over behind the digits of a port.
func afterPort(p peer, text string) *lint.Diagnostic {
	if p.dialect() != syntax.HAProxy || literal(p.addr.PortAt) == "" || strings.Contains(text, "://") {
		return nil
	}
	port := p.addr.PortAt.Text()
	digits := port[:len(port)-len(strings.TrimLeft(port, "0123456789"))]
	rest := port[len(digits):]
	if digits == "" || rest == "" || rest[0] == '-' {
		return nil
	}
	at := p.addr.PortAt.Sub(len(digits), len(port))
	return &lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  "no effect",
		At:       at,
		Message:  fmt.Sprintf("HAProxy reads port %s and passes over %q", digits, rest),
		Hint:     serverLine(p.endpoint, strings.TrimSuffix(text, rest), ""),
		Fix:      repair(at, "", true),
	}
}

// pathInAddress finds a URI where only an address may stand.
func pathInAddress(p peer, text string) *lint.Diagnostic {
	i := strings.IndexAny(text, "/?#")
	if i < 0 || p.addr.Socket != "" {
		return nil
	}
	at := p.addr.At.Sub(i, len(text))
	directive := p.endpoint.Stmt.Name()
	return &lint.Diagnostic{
		At:      at,
		Message: fmt.Sprintf("%s takes an address alone, without %q", directive, at.Text()),
		Hint:    text[:i],
		Fix:     repair(at, "", at.Text() == "/"),
	}
}

// listed finds several addresses in one place, with or without a comma.
func listed(p peer, text string) *lint.Diagnostic {
	if p.dialect() == syntax.Nginx && p.route == nil {
		if d := secondAddress(p); d != nil {
			return d
		}
	}
	first, second, found := strings.Cut(text, ",")
	if !found || p.addr.Socket != "" {
		return nil
	}
	d := &lint.Diagnostic{At: p.addr.At.Sub(len(first), len(text))}
	if p.refusal() == "500" && strings.Count(text, ":") < 2 {
		d.Symptom = "502"
	}
	if strings.Trim(second, ", ") == "" {
		d.Message = fmt.Sprintf("%s reads %q as a part of the address", p.dialect().Product(), d.At.Text())
		d.Hint = first
		d.Fix = repair(d.At, "", true)
		return d
	}
	d.Message = fmt.Sprintf("%s are several addresses where one is allowed", text)
	switch {
	case p.route != nil:
		d.Hint = fmt.Sprintf("upstream GROUP { server %s; }", strings.ReplaceAll(text, ",", "; server "))
	case p.dialect() == syntax.Nginx:
		d.Hint = fmt.Sprintf("server %s;", strings.ReplaceAll(text, ",", "; server "))
	default:
		d.Hint = "one server line for each"
	}
	return d
}

// secondAddress finds an address among the parameters of an nginx server line.
func secondAddress(p peer) *lint.Diagnostic {
	s := p.endpoint.Stmt
	for i := 2; i <= s.Args(); i++ {
		arg := strings.Trim(s.Arg(i), ",")
		if strings.Contains(arg, "=") {
			continue
		}
		_, errPort := netip.ParseAddrPort(arg)
		_, err := netip.ParseAddr(arg)
		if arg == "" || err == nil || errPort == nil {
			d := &lint.Diagnostic{
				At:      s.Ref(i),
				Message: fmt.Sprintf("%q is no parameter of a server: each line takes one address", s.Arg(i)),
				Hint:    fmt.Sprintf("server %s;", strings.Trim(s.Arg(1), ",")),
			}
			if arg != "" {
				d.Hint += fmt.Sprintf(" server %s;", arg)
			}
			return d
		}
	}
	return nil
}

// bareIPv6 finds an IPv6 address that lacks its brackets. HAProxy needs none where a port follows, since the last
// colon separates that.
func bareIPv6(p peer, text string) *lint.Diagnostic {
	if strings.Count(text, ":") < 2 || strings.HasPrefix(text, "[") || p.addr.Socket != "" || strings.Contains(text, "%") {
		return nil
	}
	if _, address, found := strings.Cut(text, "@"); found {
		text = address
	}
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i > 0 {
		host, port = text[:i], text[i+1:]
	}
	_, errWhole := netip.ParseAddr(text)
	_, errHost := netip.ParseAddr(host)
	split := errHost == nil && isDigits(port)
	if errWhole != nil && !split || p.dialect() == syntax.HAProxy && errHost == nil {
		return nil
	}
	at := p.addr.At
	at = at.Sub(len(at.Text())-len(text), len(at.Text()))
	whole, parts := "["+text+"]", "["+host+"]:"+port
	d := &lint.Diagnostic{
		At:      at,
		Message: fmt.Sprintf("IPv6 address %s needs brackets, or its last colon starts a port", text),
		Hint:    whole,
	}
	if p.dialect() == syntax.Nginx {
		d.Message = fmt.Sprintf("IPv6 address %s needs brackets, or its first colon starts a port", text)
	}
	switch {
	case errWhole == nil && split:
		d.Hint = fmt.Sprintf("%s, or %s without a port", parts, whole)
	case split:
		d.Hint = parts
		d.Fix = repair(at, parts, true)
	default:
		d.Fix = repair(at, whole, true)
	}
	return d
}

// brackets finds a bracket that is never closed, what stands between one and the port, and brackets round something
// else than IPv6.
func brackets(p peer, text string) *lint.Diagnostic {
	from := strings.IndexByte(text, '[')
	if from < 0 || p.addr.Socket != "" {
		return nil
	}
	end := from + strings.IndexByte(text[from:], ']')
	if end < from {
		return &lint.Diagnostic{At: p.addr.At, Message: fmt.Sprintf("the bracket in %s is never closed", text), Hint: "[ADDRESS]:PORT"}
	}
	if rest := text[end+1:]; rest != "" && rest[0] != ':' {
		d := &lint.Diagnostic{
			At:      p.addr.At.Sub(end+1, len(text)),
			Message: fmt.Sprintf("%q follows the bracket, where only a colon and a port may", rest),
			Hint:    text[:end+1] + ":" + rest,
		}
		if isDigits(rest) {
			d.Fix = repair(d.At, ":"+rest, true)
		}
		return d
	}
	inside := text[from+1 : end]
	addr, err := netip.ParseAddr(inside)
	if err == nil && (addr.Is6() || p.dialect() == syntax.HAProxy) {
		return nil
	}
	bare := text[:from] + inside + text[end+1:]
	return &lint.Diagnostic{
		At:      p.addr.At,
		Message: fmt.Sprintf("%q stands in brackets and is no IPv6 address", inside),
		Hint:    bare,
		Fix:     repair(p.addr.At, bare, err == nil),
	}
}

// colons finds more of them than an address has.
func colons(p peer, text string) *lint.Diagnostic {
	if p.addr.Socket != "" || strings.Contains(text, "[") || strings.Contains(text, "%") || strings.Count(text, ":") < 2 {
		return nil
	}
	host := text[:strings.LastIndexByte(text, ':')]
	if _, address, found := strings.Cut(host, "@"); found {
		host = address
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil // HAProxy's way to write IPv6 with a port
	}
	return &lint.Diagnostic{
		At:      p.addr.At,
		Message: fmt.Sprintf("%s has more than one colon: an address is a host and a port", text),
	}
}

// noHost finds a port with nothing before it. HAProxy takes that for the address that the client asked for.
func noHost(p peer, text string) *lint.Diagnostic {
	if p.dialect() != syntax.Nginx || p.addr.Host != "" || p.addr.Socket != "" {
		return nil
	}
	d := &lint.Diagnostic{At: p.addr.At, Message: fmt.Sprintf("%s names no host", text)}
	if port, found := strings.CutPrefix(text, ":"); found && isDigits(port) {
		d.Hint = "127.0.0.1" + text
	}
	return d
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
