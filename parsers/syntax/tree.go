package syntax

// Tree is one configuration: its root files and all that they include.
type Tree struct {
	Dialect  Dialect
	Roots    []*File
	Files    map[string]*File   // every file read, by File.Path
	Includes map[*Stmt][]*File  // the files each include statement brought in, in order
	Unread   map[*Stmt]struct{} // include statements that name something that was not read
	Problems []FileProblem      // faults that need more than one file, or a keyword table, to see

	// Around names the blocks that a fragment's first directives imply to stand around it, outermost
	// first: ["http", "server"]. Empty for a whole configuration.
	Around []string
	// Fragment says that other files may hold what this tree does not show.
	Fragment bool
}

// FileProblem is a Problem with its file, and other places that belong to it.
type FileProblem struct {
	Problem
	File    *File
	Related []Related
}

// Related is another place that belongs to a problem, and what it is.
type Related struct {
	At  Ref
	Msg string
}

// maxExpansions bounds how many times Walk enters an included file: files that include each other
// twice over would otherwise be walked two to the power of their depth times.
const maxExpansions = 20_000

// Scope is one path from the root to a block, through includes. A file included twice is reached
// through two scopes, since what is in effect inside it differs.
type Scope struct {
	Up   *Scope
	Stmt *Stmt // the block's statement; nil at the root
	Via  *Stmt // the include statement that led from Up's block to this block's file; nil: none
	tree *Tree
}

// Walk calls fn for every statement in the order the proxy reads them, entering included files at
// their include statement. fn is given the scope of the block that holds the statement; it returns
// whether to enter the statement's own block.
func (t *Tree) Walk(fn func(*Scope, *Stmt) bool) {
	w := walker{tree: t, fn: fn, left: maxExpansions}
	root := &Scope{tree: t}
	for _, f := range t.Roots {
		w.stmts(root, f.Stmts)
	}
}

type walker struct {
	tree *Tree
	fn   func(*Scope, *Stmt) bool
	via  []*Stmt
	left int
}

func (w *walker) stmts(scope *Scope, list []*Stmt) {
	for _, s := range list {
		enter := w.fn(scope, s)
		if s.Block != nil && enter {
			w.stmts(&Scope{Up: scope, Stmt: s, Via: w.lastVia(), tree: w.tree}, s.Block.Stmts)
		}
		for _, f := range w.tree.Includes[s] {
			if w.left == 0 {
				return
			}
			w.left--
			w.via = append(w.via, s)
			w.stmts(scope, f.Stmts)
			w.via = w.via[:len(w.via)-1]
		}
	}
}

func (w *walker) lastVia() *Stmt {
	if len(w.via) == 0 {
		return nil
	}
	return w.via[len(w.via)-1]
}

// Each calls fn for every statement directly inside the scope's block, through includes, in order.
// It stops when fn returns false.
func (s *Scope) Each(fn func(*Stmt) bool) {
	left := maxExpansions
	if s.Stmt != nil {
		if s.Stmt.Block != nil {
			s.tree.each(s.Stmt.Block.Stmts, fn, &left)
		}
		return
	}
	for _, f := range s.tree.Roots {
		if !s.tree.each(f.Stmts, fn, &left) {
			return
		}
	}
}

func (t *Tree) each(list []*Stmt, fn func(*Stmt) bool, left *int) bool {
	for _, s := range list {
		if !fn(s) {
			return false
		}
		for _, f := range t.Includes[s] {
			if *left == 0 {
				return false
			}
			*left--
			if !t.each(f.Stmts, fn, left) {
				return false
			}
		}
	}
	return true
}

// Lookup returns the statement of that name which is in effect in the scope: the last one in the
// nearest block around that has one, with the scope of that block. It returns nil when there is none.
func (s *Scope) Lookup(name string) (*Stmt, *Scope) {
	for at := s; at != nil; at = at.Up {
		var found *Stmt
		at.Each(func(stmt *Stmt) bool {
			if stmt.Name() == name {
				found = stmt
			}
			return true
		})
		if found != nil {
			return found, at
		}
	}
	return nil, nil
}
