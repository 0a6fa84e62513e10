package cloudflared

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// statusPrefix begins a service that is an answer of cloudflared's own.
const statusPrefix = "http_status:"

// ownService reports whether cloudflared is the service itself: an answer, its test page, or a proxy whose client
// says where to. status is what follows "http_status:".
func ownService(text string) (status string, own bool) {
	if status, own = strings.CutPrefix(text, statusPrefix); own {
		return status, true
	}
	switch text {
	case "hello_world", "hello-world", "bastion", "socks-proxy":
		return "", true
	}
	return "", false
}

// isFilledIn reports whether a text holds a mark that something else is to fill in: cloudflared itself fills in none.
func isFilledIn(text string) bool {
	return strings.Contains(text, "${") || strings.Contains(text, "{{") || strings.Contains(text, "<%")
}

// service is where a rule's requests go.
type service struct {
	addr     proxy.Address
	scheme   syntax.Ref // of a URL, as written
	protocol proxy.Protocol
	tls      bool
}

// readService reads a service that cloudflared takes.
func readService(n yamldoc.Node) service {
	text, at := n.Text(), n.Ref()
	s := service{addr: proxy.Address{Port: -1, At: at}, protocol: proxy.HTTP}
	if at.Text() != text || isFilledIn(text) { // escapes in quotes, or a mark: what is where can't be told
		s.addr.Dynamic = true
		return s
	}
	for _, prefix := range []string{"unix:", "unix+tls:"} {
		if path, found := strings.CutPrefix(text, prefix); found {
			s.addr.Socket, s.tls = path, prefix == "unix+tls:"
			s.scheme = at.Sub(0, len(prefix)-1)
			return s
		}
	}
	scheme, rest, _ := strings.Cut(text, "://")
	s.scheme = at.Sub(0, len(scheme))
	switch strings.ToLower(scheme) {
	case "http", "ws":
	case "https", "wss":
		s.tls = true
	default:
		s.protocol = proxy.TCP
	}
	start := len(scheme) + len("://")
	if i := strings.IndexAny(rest, "?#"); i >= 0 { // both are taken, and never sent
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		start, rest = start+i+1, rest[i+1:]
	}
	s.addr.At = at.Sub(start, start+len(rest))
	s.splitPort()
	return s
}

// splitPort parts the host and the port. The form of both is checked by then.
func (s *service) splitPort() {
	at := s.addr.At
	host := at.Text()
	i := strings.LastIndexByte(host, ':')
	if i > strings.LastIndexByte(host, ']') {
		if port := at.Sub(i+1, len(host)); port.Text() != "" {
			s.addr.PortAt = port
			if n, err := strconv.Atoi(port.Text()); err == nil {
				s.addr.Port = n
			}
		}
		host = host[:i]
	}
	from := len(host) - len(strings.TrimLeft(host, "["))
	s.addr.Host = strings.TrimSuffix(host[from:], "]")
	s.addr.HostAt = at.Sub(from, from+len(s.addr.Host))
}

// checkService tells why cloudflared refuses a service, as net/url reads it; it reports whether it does.
func (l *loader) checkService(r rule) (refused bool) {
	n := r.service
	text, at := n.Text(), n.Ref()
	if text == "" {
		at = r.place()
	}
	p := syntax.Problem{Code: "malformed-upstream-address", At: at.Span, Seen: at.Span.Start}
	status, own := ownService(text)
	switch {
	case own:
		l.checkStatus(n, status)
		return false
	case isFilledIn(text) || strings.HasPrefix(text, "unix:") || strings.HasPrefix(text, "unix+tls:"):
		return false
	}
	u, err := url.Parse(text)
	var fault *url.Error
	switch {
	case !strings.Contains(text, "://"):
		p.Msg, p.Hint = withoutScheme(onLine(text))
	case errors.As(err, &fault):
		p.Msg = fmt.Sprintf("%q is no URL: %s", text, fault.Err)
	case u.Scheme == "" || u.Hostname() == "":
		p.Msg = fmt.Sprintf("%s names no host", onLine(text))
	case u.Path != "":
		p.Msg = "a service takes no path: cloudflared asks for that of the request"
		if i := strings.Index(text, "://") + len("://"); at.Text() == text {
			from := i + strings.IndexByte(text[i:], '/')
			rest := strings.IndexAny(text[from:], "?#")
			if rest < 0 {
				rest = len(text) - from
			}
			p.At = at.Sub(from, from+rest).Span
			p.Hint = "service: " + text[:from] + text[from+rest:]
			if none := ""; u.Path == "/" {
				p.Write = &none
			}
		}
	default:
		return false
	}
	l.problem(p)
	return true
}

// onLine returns a text as it is, or quoted where it has line ends and the like.
func onLine(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return text
}

// withoutScheme tells of a service that lacks one.
func withoutScheme(text string) (msg, hint string) {
	if text == "" {
		return "this rule names no service", "service: http://localhost:8000"
	}
	hint = "service: http://" + text
	if strings.Trim(text, "0123456789") == "" {
		hint = "service: http://localhost:" + text
	}
	if strings.HasPrefix(text, "/") {
		hint = "service: unix:" + text
	}
	return fmt.Sprintf("%s has no scheme, such as http://, before a host", text), hint
}

// checkStatus looks at an answer of cloudflared's own: 100 to 999 are taken.
func (l *loader) checkStatus(n yamldoc.Node, status string) {
	if !strings.HasPrefix(n.Text(), statusPrefix) || isFilledIn(status) {
		return
	}
	if code, err := strconv.Atoi(status); err != nil || code < 100 || code > 999 {
		l.wrong(n, fmt.Sprintf("%q is no HTTP status: three digits are", status), "")
	}
}
