package nginx

import "strings"

// anywhere is the context of a place whose surroundings are not known.
const anywhere = ^Context(0)

// opens returns what may stand inside the block of a directive: 0 where names are free, as in map.
func opens(in Context, name string, args int) Context {
	found := false
	var inner Context
	for _, d := range lookup(name) {
		if d.Block && d.Contexts&in != 0 && d.Args.Allows(args) {
			found = true
			inner |= d.Opens
		}
	}
	if !found {
		return anywhere
	}
	return inner
}

// takes reports whether a directive of that name may stand here with so many arguments.
func takes(in Context, name string, args int, block bool) bool {
	for _, d := range lookup(name) {
		if d.Block == block && d.Contexts&in != 0 && d.Args.Allows(args) {
			return true
		}
	}
	return false
}

// beginsDirective reports whether the i-th pending word is not an argument, but the name of a directive
// before which a ";" or "{" is missing. Arguments may well be directives' names (server_name, log_format
// and others take any words), so what stands before and after must make sense as a directive too.
func (s *scanner) beginsDirective(i int, block bool) bool {
	word, in := s.words[i], s.context()
	if word.Quote != 0 || in == 0 || !s.startsLine(word.Start) || lookup(s.Value(word)) == nil {
		return false
	}
	inner, ok := s.after(in, i)
	if !ok || !s.follows(inner, i, block) {
		return false
	}
	return !s.fitsWhole(block) || s.indent(word.Start) <= s.indent(s.words[0].Start)
}

// after returns what may follow the first i pending words: what may stand here when they are a directive,
// what may stand in their block when they are the head of one.
func (s *scanner) after(in Context, i int) (inner Context, ok bool) {
	first := s.Value(s.words[0])
	if takes(in, first, i-1, false) {
		return in, true
	}
	return opens(in, first, i-1), takes(in, first, i-1, true)
}

// follows reports whether the pending words from i on, up to the next one that begins a line and is a
// directive's name or up to the last, make a directive.
func (s *scanner) follows(in Context, i int, block bool) bool {
	name := s.Value(s.words[i])
	if next := s.nextLineStart(i + 1); next < len(s.words) && takes(in, name, next-i-1, false) {
		return true
	}
	return takes(in, name, len(s.words)-i-1, block)
}

// fitsWhole reports whether the pending words make one directive as they are.
func (s *scanner) fitsWhole(block bool) bool {
	return takes(s.context(), s.Value(s.words[0]), len(s.words)-1, block)
}

// takesAnyWord reports whether nginx accepts every word as a further argument of a directive: it loads
// the configuration then, though not as meant.
func takesAnyWord(name string) bool {
	switch name {
	case "server_name", "index", "try_files", "log_format", "valid_referers":
		return true
	}
	return strings.HasSuffix(name, "_types") || strings.HasPrefix(name, "echo") || strings.HasPrefix(name, "more_")
}

// nextLineStart returns the index of the first pending word from i on that begins its line and is a
// directive's name; the number of words when there is none.
func (s *scanner) nextLineStart(i int) int {
	for ; i < len(s.words); i++ {
		if w := s.words[i]; w.Quote == 0 && s.startsLine(w.Start) && lookup(s.Value(w)) != nil {
			return i
		}
	}
	return i
}

// lacksBrace reports whether the pending words are the head of a block.
func (s *scanner) lacksBrace() bool {
	name, args := s.Value(s.words[0]), len(s.words)-1
	return takes(s.context(), name, args, true) && !takes(s.context(), name, args, false)
}
