package nginx

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// successor returns the line that does what a removed directive did; "" where none is known.
func successor(s *syntax.Stmt) string {
	switch name := s.Name(); {
	case name == "ssl" && s.Arg(1) == "on":
		return tlsListen(s)
	case name == "limit_zone" && s.Args() == 3:
		return "limit_conn_zone " + s.Arg(2) + " zone=" + s.Arg(1) + ":" + s.Arg(3) + ";"
	case name == "satisfy_any" && s.Arg(1) == "on":
		return "satisfy any;"
	case name == "satisfy_any":
		return "satisfy all;"
	case name == "open_file_cache_retest":
		return "open_file_cache_valid " + s.Arg(1) + ";"
	case strings.HasSuffix(name, "_redirect_errors"):
		return strings.TrimSuffix(name, "_redirect_errors") + "_intercept_errors " + s.Arg(1) + ";"
	case strings.HasSuffix(name, "_header_buffer_size"):
		return strings.TrimSuffix(name, "_header_buffer_size") + "_buffer_size " + s.Arg(1) + ";"
	}
	return ""
}

// tlsListen returns the listen line that "ssl on" becomes a parameter of: the first of its server, which may also have none.
func tlsListen(s *syntax.Stmt) string {
	if s.Parent != nil && s.Parent.Block != nil {
		for _, sibling := range s.Parent.Block.Stmts {
			if sibling.Name() == "listen" && sibling.Args() > 0 {
				return "listen " + sibling.File.Text(syntax.Span{Start: sibling.Words[1].Start, End: sibling.Words[len(sibling.Words)-1].End}) + " ssl;"
			}
		}
	}
	return "listen 443 ssl;"
}
