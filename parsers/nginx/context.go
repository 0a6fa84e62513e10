package nginx

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// surroundings are the blocks that a fragment may lie in, likeliest first.
var surroundings = []struct {
	blocks  string
	context Context
}{
	{"http", HTTP},
	{"http server", Server},
	{"http server location", Location},
	{"http upstream", Upstream},
	{"stream", Stream},
	{"stream server", StreamServer},
	{"stream upstream", StreamUpstream},
	{"mail", Mail},
	{"mail server", MailServer},
	{"events", Events},
}

// around guesses the blocks around a file from its first directives: those in which most of them may
// stand. A file with a block or a directive of the main context has none around it.
func around(file *syntax.File) []string {
	const enough = 200
	list := file.Stmts[:min(len(file.Stmts), enough)]
	if len(list) == 0 || hasMainOnly(list) {
		return nil
	}
	best, most := "", 0
	for _, s := range surroundings {
		if n := fits(list, s.context); n > most {
			best, most = s.blocks, n
		}
	}
	switch {
	case most == 0 && fits(list, Main) == 0:
		return []string{"http", "map"}
	case best == "":
		return nil
	}
	return strings.Fields(best)
}

// fits counts the statements that may stand in a context, and in the blocks opened there.
func fits(list []*syntax.Stmt, in Context) int {
	n := 0
	for _, s := range list {
		name := s.Name()
		if name == "include" || !takes(in, name, s.Args(), s.Block != nil) {
			continue
		}
		n++
		if s.Block != nil {
			n += fits(s.Block.Stmts, opens(in, name, s.Args()))
		}
	}
	return n
}

// hasMainOnly reports whether a statement may stand in the main context and nowhere else.
func hasMainOnly(list []*syntax.Stmt) bool {
	for _, s := range list {
		if takes(Main, s.Name(), s.Args(), s.Block != nil) && !takes(anywhere&^Main, s.Name(), s.Args(), s.Block != nil) {
			return true
		}
	}
	return false
}

// contextOf returns what may stand inside the blocks that around names.
func contextOf(blocks []string) Context {
	name := strings.Join(blocks, " ")
	if name == "" {
		return Main
	}
	for _, s := range surroundings {
		if s.blocks == name {
			return s.context
		}
	}
	return 0
}
