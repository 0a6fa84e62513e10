package nginx

import (
	"strings"

	"github.com/tufanbarisyildirim/gonginx/config"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// typedServer is what gonginx makes of a server line.
type typedServer = config.UpstreamServer

// options gives an endpoint the parameters of its server line. What they mean is gonginx's to say;
// where they stand is ours.
func (b *builder) options(e *proxy.Endpoint, s *syntax.Stmt) {
	server := b.typed(s)
	for _, flag := range server.Flags {
		switch flag {
		case "down":
			e.Down = true
		case "backup":
			e.Backup = true
		case "resolve":
			e.Resolve = true
		}
	}
	e.Weight = parameter(s, server, "weight", e.Weight)
	if limit := parameter(s, server, "max_conns", e.MaxConns); limit.Written() {
		own := *e.ServerOptions
		own.MaxConns = limit
		e.ServerOptions = &own
	}
}

// maxTyped bounds how many different parameters are remembered. Most servers of a configuration have the
// same few.
const maxTyped = 1000

// typed returns gonginx's reading of a server line's parameters.
func (b *builder) typed(s *syntax.Stmt) *typedServer {
	written := s.File.Text(syntax.Span{Start: s.Words[2].Start, End: s.Words[len(s.Words)-1].End})
	if server := b.parameters[written]; server != nil {
		return server
	}
	directive := &config.Directive{Name: "server"}
	for i := range s.Args() {
		directive.Parameters = append(directive.Parameters, config.Parameter{Value: s.Arg(i + 1)})
	}
	server, err := config.NewUpstreamServer(directive)
	if err != nil {
		server = &typedServer{}
	}
	if len(b.parameters) < maxTyped {
		b.parameters[written] = server
	}
	return server
}

// parameter returns a numeric name=value parameter of a server line, or the built-in value.
func parameter(s *syntax.Stmt, server *typedServer, name string, builtin proxy.Setting[int64]) proxy.Setting[int64] {
	text, written := server.Parameters[name]
	if !written {
		return builtin
	}
	n, ok := parseInt(text)
	set := proxy.Setting[int64]{Value: n, Origin: proxy.Explicit, Dynamic: !ok}
	for i := 2; i <= s.Args(); i++ {
		if strings.HasPrefix(s.Arg(i), name+"=") {
			set.At = s.Ref(i)
		}
	}
	return set
}
