package nginx

import (
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// luaBody passes over the Lua code of a *_by_lua_block: braces inside Lua's strings, long brackets and
// comments do not count (lua-nginx-module, "content_by_lua_block").
func (s *scanner) luaBody(stmt *syntax.Stmt) {
	stmt.Block.Opaque = true
	depth := 1
	for depth > 0 && int(s.pos) < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '{':
			depth++
			s.pos++
		case c == '}':
			depth--
			s.pos++
		case c == '"' || c == '\'':
			s.luaString(c)
		case c == '[':
			s.longBracket()
		case strings.HasPrefix(s.src[s.pos:], "--"):
			s.luaComment()
		default:
			s.pos++
		}
	}
	s.closeAt(stmt, s.pos, depth == 0)
	s.suspectOf(stmt)
	if depth > 0 {
		s.problem(stmt.Words[0].Span, s.pos, fmt.Sprintf("the Lua block of %s is never closed", clip(stmt.Name())), `close it with "}"`)
	}
}

// luaString passes over a quoted string; a quote without its twin is passed over alone.
func (s *scanner) luaString(quote byte) {
	if !s.absent[string(quote)] {
		if end, ok := s.quoteEnd(s.pos, quote); ok {
			s.pos = end
			return
		}
		s.remember(string(quote))
	}
	s.pos++
}

func (s *scanner) luaComment() {
	s.pos += 2
	if s.longBracket() {
		return
	}
	if i := strings.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
		s.pos += syntax.Pos(i)
	} else {
		s.pos = syntax.Pos(len(s.src))
	}
}

// longBracket passes over [[ ... ]] or [==[ ... ]==] where one stands; otherwise over a single "[", if
// there.
func (s *scanner) longBracket() bool {
	rest := s.src[s.pos:]
	if rest == "" || rest[0] != '[' {
		return false
	}
	level := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "="))
	body := rest[1+level:]
	closing := "]" + rest[1:1+level] + "]"
	if body == "" || body[0] != '[' || s.absent[closing] {
		s.pos++
		return false
	}
	end := strings.Index(body, closing)
	if end < 0 {
		s.remember(closing)
		s.pos++
		return false
	}
	s.pos += syntax.Pos(1 + level + end + len(closing))
	return true
}

// remember notes that a closing mark does not come before the text's end: looking for it again and
// again would take quadratic time.
func (s *scanner) remember(closing string) {
	if s.absent == nil {
		s.absent = map[string]bool{}
	}
	s.absent[closing] = true
}
