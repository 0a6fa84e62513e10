package inventory

import (
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isProcfileName reports whether a file may be a Procfile, by its path.
func isProcfileName(path string) bool { return filepath.Base(path) == "Procfile" }

// procfile reads a Procfile. Whoever runs it sets PORT, so no server is on its usual port; processes other than
// "web" count when they name an address.
func (r *reader) procfile(f *syntax.File) {
	for start := 0; start < len(f.Src); {
		end := lineEnd(f.Src, start)
		line := fileValue(f, start, end)
		start = end + 1
		i := strings.IndexByte(line.Text, ':')
		if i <= 0 || line.Text[0] == '#' {
			continue
		}
		name := line.part(0, i)
		from, to := trimSpan(line.Text, i+1, len(line.Text))
		app := lineApp(line.part(from, to))
		if app == nil {
			continue
		}
		app.Name = name.Text
		if app.leaveUsual(); name.Text == "web" || len(app.Binds) > 0 {
			r.apps = append(r.apps, app)
		}
	}
}

// leaveUsual takes away the addresses that nobody wrote.
func (a *App) leaveUsual() {
	var written []Bind
	for _, bind := range a.Binds {
		if !bind.Default {
			written = append(written, bind)
		}
	}
	a.Binds = written
}
