package rules

import (
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

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
