package syntax

// Source is a text to read and the path it has for the user.
type Source struct{ Path, Src string }

// chunk sizes: big enough to make allocation cheap, small enough for a ten-line file.
const (
	firstChunk = 64
	lastChunk  = 4096
)

// Arena hands out the words and statements of one file from large blocks of memory, since a big
// configuration has millions of them.
type Arena struct {
	words []Word
	stmts []Stmt
	next  int
}

// Words returns a copy of list that lives in the arena.
func (a *Arena) Words(list []Word) []Word {
	if cap(a.words)-len(a.words) < len(list) {
		a.words = make([]Word, 0, max(a.grow()*3, len(list)))
	}
	at := len(a.words)
	a.words = append(a.words, list...)
	return a.words[at:len(a.words):len(a.words)]
}

// Stmt returns a new, empty statement.
func (a *Arena) Stmt() *Stmt {
	if len(a.stmts) == cap(a.stmts) {
		a.stmts = make([]Stmt, 0, a.grow())
	}
	a.stmts = append(a.stmts, Stmt{})
	return &a.stmts[len(a.stmts)-1]
}

func (a *Arena) grow() int {
	a.next = min(max(firstChunk, a.next*2), lastChunk)
	return a.next
}
