package rules

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// peer is an address that requests are sent to, as one statement writes it: a server of a group or backend, or
// the target of an nginx pass.
type peer struct {
	addr     proxy.Address
	endpoint *proxy.Endpoint // nil for a pass to a group, and to what is no address at all
	route    *proxy.Route    // the pass; nil for a server line
	group    *proxy.Upstream // nginx: the group that has the host's name, port or not
	pool     *proxy.Upstream // what the server is one of; nil where peers and not dialed yields it
}

// peers yields the addresses that can be known offline, apart from those of groups that are plain IPv4 addresses with a
// port: nothing is wrong with their spelling.
func peers(c *proxy.Config) iter.Seq[peer] {
	return func(yield func(peer) bool) {
		for _, u := range c.Upstreams {
			if u.Implicit || u.Plain {
				continue
			}
			for _, e := range u.Endpoints {
				if !isOpen(e.Addr) && !yield(peer{addr: e.Addr, endpoint: e}) {
					return
				}
			}
		}
		if c.Dialect == syntax.HAProxy {
			return
		}
		groups := sync.OnceValue(func() map[groupKey]*proxy.Upstream { return groupsOf(c) })
		for _, r := range c.Routes {
			if p, ok := passPeer(r, groups); ok && !yield(p) {
				return
			}
		}
	}
}

// passPeer returns the target of an nginx pass, or of a tunnel's rule; false where it can't be known offline.
func passPeer(r *proxy.Route, groups func() map[groupKey]*proxy.Upstream) (p peer, ok bool) {
	p = peer{addr: proxy.Address{Port: -1, At: r.At}, route: r}
	switch {
	case r.To == nil:
		// the word has no host, or one that is not known
		return p, !r.Runtime && p.text() != "" && !isPlaceholder(p.text())
	case !r.To.Implicit:
		p.group = r.To
		return p, true
	}
	p.endpoint = r.To.Endpoints[0]
	p.addr = p.endpoint.Addr
	p.group = groups()[keyOf(p.addr.Host, r.Hop.Protocol)]
	return p, !isOpen(p.addr)
}

// groupKey is what an nginx group is found by: http and stream have groups of their own.
type groupKey struct {
	name   string
	stream bool
}

func keyOf(name string, p proxy.Protocol) groupKey {
	return groupKey{strings.ToLower(name), p == proxy.TCP}
}

func groupsOf(c *proxy.Config) map[groupKey]*proxy.Upstream {
	groups := map[groupKey]*proxy.Upstream{}
	for _, u := range c.Upstreams {
		if !u.Implicit {
			groups[keyOf(u.Name, u.Protocol)] = u
		}
	}
	return groups
}

// isOpen reports whether an address is yet to be filled in, by a variable or by what makes the file.
func isOpen(a proxy.Address) bool {
	return a.Dynamic || isPlaceholder(a.Host) || isPlaceholder(a.Socket) || a.Port < 0 && isPlaceholder(a.PortAt.Text())
}

// isPlaceholder reports whether a text holds a mark that people and their scripts replace: <IP>, %PORT%,
// __HOST__, @HOST@, {host}, [[host]], an ellipsis.
func isPlaceholder(s string) bool {
	if isPlainName(s) {
		return false
	}
	return syntax.HasFilling(s) || strings.ContainsAny(s, "<>{}") || strings.Contains(s, "[[") || strings.Contains(s, "...") || strings.Contains(s, "…") ||
		strings.Count(s, "%") > 1 || strings.Count(s, "@") > 1 || strings.Contains(s, "__")
}

// isPlainName reports whether a text holds letters, digits, single dots and hyphens alone, as nearly all do.
func isPlainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && (c != '.' || i > 0 && s[i-1] == '.') {
			return false
		}
	}
	return true
}

// text returns the address as the proxy reads it; "" where quotes, escapes or variables make that differ from what
// is written.
func (p peer) text() string { return literal(p.addr.At) }

func literal(at syntax.Ref) string {
	text := at.Text()
	if strings.ContainsAny(text, `"'\$`) {
		return ""
	}
	return text
}

func (p peer) dialect() syntax.Dialect { return p.addr.At.File.Dialect }

// refusal is what a proxy makes of an address it cannot read: it does not start, or answers 500 where a variable brings
// the address with the request.
func (p peer) refusal() lint.Symptom {
	switch {
	case p.dialect() == syntax.Cloudflared:
		return p.unanswered() // the first request shows it
	case p.route != nil && p.route.Runtime:
		return answered(p.route.Hop.Protocol, "500")
	}
	return "start failure"
}

// answered returns the status that a client gets; over plain TCP nothing but the end of its connection.
func answered(p proxy.Protocol, status lint.Symptom) lint.Symptom {
	if p == proxy.TCP {
		return "connection closed"
	}
	return status
}

// failure is what comes of a host that nobody can look up.
func (p peer) failure() lint.Symptom {
	switch {
	case p.dialect() == syntax.Cloudflared:
		return p.unanswered() // names are looked up for each connection
	case p.route != nil && p.route.Runtime:
		return answered(p.route.Hop.Protocol, "502")
	case p.endpoint != nil && p.endpoint.NoLibc:
		return "503"
	}
	return "start failure"
}

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
	if d != nil && d.Symptom == "" {
		d.Symptom = p.refusal()
	}
	return d
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

// malformedPass looks at what stands around the address of a pass.
func malformedPass(p peer, text string) *lint.Diagnostic {
	if p.route == nil {
		return nil
	}
	if d := passScheme(p, text); d != nil {
		return d
	}
	if p.route.To == nil {
		return noTarget(p, text)
	}
	return groupPort(p, text)
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

// schemes are those that a pass directive takes.
var schemes = map[string][]string{
	"proxy_pass": {"http", "https"},
	"grpc_pass":  {"grpc", "grpcs"},
	"uwsgi_pass": {"uwsgi", "suwsgi"},
}

// passScheme finds a pass without the scheme it needs, and one with a scheme it does not take.
func passScheme(p peer, text string) *lint.Diagnostic {
	pass, allowed := p.route.Stmt.Name(), schemes[p.route.Stmt.Name()]
	if p.route.Hop.Protocol == proxy.TCP {
		allowed = nil
	}
	at := p.route.Hop.Scheme
	scheme := strings.ToLower(at.Text())
	if at.IsZero() {
		if pass != "proxy_pass" || allowed == nil {
			return nil
		}
		return noScheme(p, text)
	}
	for _, a := range allowed {
		if scheme == a {
			return doubleScheme(p, text)
		}
	}
	if literal(at) == "" {
		return nil
	}
	d := &lint.Diagnostic{At: at}
	if allowed == nil {
		d.Message = fmt.Sprintf("%s takes an address without a scheme, not %s://", pass, at.Text())
		d.Hint = fmt.Sprintf("%s %s;", pass, text)
		if !p.route.Runtime && text != "" && !strings.ContainsAny(text, "/?") {
			at.Span.End += syntax.Pos(len("://"))
			d.Fix = repair(at, "", true)
		}
		return d
	}
	d.Message = fmt.Sprintf("%s takes %s:// or %s://, not %s://", pass, allowed[0], allowed[1], at.Text())
	d.Hint = fmt.Sprintf("%s %s://%s;", pass, allowed[0], text)
	return d
}

// noScheme tells of a proxy_pass that has no "http://", or one that is misspelt.
func noScheme(p peer, text string) *lint.Diagnostic {
	if p.route.Runtime {
		// what a variable holds may be only a part of the word
		d := &lint.Diagnostic{At: p.route.At, Message: "no http:// or https:// comes before what this variable holds"}
		if text != "" && p.endpoint != nil {
			d.At, d.Message, d.Hint = p.addr.At, fmt.Sprintf("proxy_pass to %s has no http:// or https:// before it", text), "http://"+text
		}
		return d
	}
	word := literal(p.route.At)
	d := &lint.Diagnostic{
		At:      p.route.At,
		Message: fmt.Sprintf("proxy_pass to %s has no http:// or https:// before it", p.route.At.Text()),
		Hint:    fmt.Sprintf("proxy_pass http://%s;", strings.TrimLeft(word, ":/")),
	}
	if path, found := strings.CutPrefix(word, "/"); found && strings.Contains(path, ".sock") {
		d.Hint = fmt.Sprintf("proxy_pass http://unix:%s;", word)
	}
	for _, start := range []string{"https", "http"} {
		rest, found := strings.CutPrefix(word, start)
		host := strings.TrimLeft(rest, ":/")
		if !found || host == rest || host == "" {
			continue
		}
		wrong := word[:len(word)-len(host)]
		d.At = p.route.At.Sub(0, len(wrong))
		d.Message = fmt.Sprintf("%q is not how a URL begins", wrong)
		d.Hint = fmt.Sprintf("proxy_pass %s://%s;", start, host)
		d.Fix = repair(d.At, start+"://", true)
		break
	}
	return d
}

// doubleScheme finds "http://http://host".
func doubleScheme(p peer, text string) *lint.Diagnostic {
	second, found := strings.CutSuffix(text, ":")
	if !found || second != "http" && second != "https" || !strings.HasPrefix(p.route.Hop.URI.Value, "//") {
		return nil
	}
	return &lint.Diagnostic{
		At:      p.addr.At,
		Message: fmt.Sprintf("a second scheme follows %s://", p.route.Hop.Scheme.Text()),
		Hint:    fmt.Sprintf("proxy_pass %s:%s;", second, p.route.Hop.URI.Value),
	}
}

// noTarget tells of a pass to nowhere.
func noTarget(p peer, text string) *lint.Diagnostic {
	d := &lint.Diagnostic{At: p.addr.At, Message: fmt.Sprintf("%s names no host", text)}
	if scheme, path, _ := strings.Cut(text, "://"); strings.Contains(path, ".sock") {
		d.Hint = fmt.Sprintf("%s %s://unix:%s;", p.route.Stmt.Name(), scheme, path)
	}
	return d
}

// groupPort finds a port on the name of an upstream group. With variables nginx takes the name for a host.
func groupPort(p peer, text string) *lint.Diagnostic {
	if p.group == nil || p.addr.PortAt.IsZero() || p.route.Runtime || text == "" {
		return nil
	}
	at := p.addr.PortAt
	at.Span.Start--
	return &lint.Diagnostic{
		At:      at,
		Message: fmt.Sprintf("upstream %s may have no port here: its servers name their own", p.group.Name),
		Hint:    fmt.Sprintf("%s %s;", p.route.Stmt.Name(), strings.Replace(p.route.At.Text(), text, p.addr.Host, 1)),
		Related: []lint.Related{{At: p.group.At, Message: "the group"}},
		Fix:     repair(at, "", true),
	}
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
		d.Hint = fmt.Sprintf("server %s; and proxy_pass https://GROUP;", address)
	case p.dialect() == syntax.Nginx:
		d.Hint = fmt.Sprintf("server %s;", address)
	case secure:
		d.Hint = fmt.Sprintf("server %s %s ssl verify required ca-file FILE", p.endpoint.Name, address)
	default:
		d.Hint = fmt.Sprintf("server %s %s", p.endpoint.Name, address)
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
				Hint:    fmt.Sprintf("server %s unix@%s", p.endpoint.Name, path),
				Fix:     repair(p.addr.At.Sub(0, len("unix:")), "unix@", true),
			}
		case isSocket && p.addr.Socket == "":
			return &lint.Diagnostic{
				At:      p.addr.At,
				Message: fmt.Sprintf("HAProxy reads %s as a host name: a socket's path begins with /", text),
				Hint:    fmt.Sprintf("server %s /%s", p.endpoint.Name, text),
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
		Hint:     fmt.Sprintf("server %s %s", p.endpoint.Name, strings.TrimSuffix(text, rest)),
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
		d.Message = fmt.Sprintf("%s reads %q as a part of the address", proxyNames[p.dialect()], d.At.Text())
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
