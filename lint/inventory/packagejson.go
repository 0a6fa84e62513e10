package inventory

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isPackageName reports whether a file may be a package.json, by its path.
func isPackageName(path string) bool { return filepath.Base(path) == "package.json" }

// packageJSON reads the scripts of a package.json that start a server; "dev" only where there is no "start".
func (r *reader) packageJSON(f *syntax.File) {
	scripts, err := packageScripts(f)
	if err != nil {
		r.gap(f.Path, "is not valid JSON")
	}
	names := []string{"start", "start:prod", "start:production", "serve"}
	if !scripts["start"].isSet() {
		names = append(names, "dev")
	}
	for _, name := range names {
		if app := appOfLine(scripts[name]); app != nil {
			app.Name = name
			r.apps = append(r.apps, app)
		}
	}
}

// packageScripts returns the texts in the object "scripts", and those before a fault.
func packageScripts(f *syntax.File) (map[string]Value, error) {
	scripts := map[string]Value{}
	d := jsonScanner{file: f, decoder: json.NewDecoder(strings.NewReader(f.Src))}
	var path [2]string // the keys on the way to a value
	for {
		value, token, err := d.next()
		if err == io.EOF {
			return scripts, nil
		}
		if err != nil {
			return scripts, err
		}
		text, isText := token.(string)
		switch {
		case d.isKey && d.depth <= len(path):
			path[d.depth-1] = text
		case isText && !d.isKey && d.depth == 2 && path[0] == "scripts":
			scripts[path[1]] = value
		}
	}
}

// jsonScanner reads the tokens of a JSON text with their places.
type jsonScanner struct {
	file    *syntax.File
	decoder *json.Decoder
	depth   int    // of objects and lists around the last token
	objects []bool // for each of them: it is an object
	isKey   bool   // the last token is a key
	wantKey bool
}

// next returns a token; a text with the place between its quotes.
func (s *jsonScanner) next() (Value, json.Token, error) {
	before := int(s.decoder.InputOffset())
	token, err := s.decoder.Token()
	if err != nil {
		return Value{}, nil, err
	}
	s.isKey = false
	switch t := token.(type) {
	case json.Delim:
		if t == '{' || t == '[' {
			s.objects = append(s.objects, t == '{')
		} else {
			s.objects = s.objects[:len(s.objects)-1]
		}
		s.wantKey = true
	default:
		inObject := len(s.objects) > 0 && s.objects[len(s.objects)-1]
		s.isKey = inObject && s.wantKey
		s.wantKey = !s.isKey
	}
	s.depth = len(s.objects)
	text, isText := token.(string)
	if !isText {
		return Value{}, token, nil
	}
	end := int(s.decoder.InputOffset())
	skipped := s.file.Src[before:end]
	start := before + len(skipped) - len(strings.TrimLeft(skipped, " \t\r\n,:"))
	span := syntax.Span{Start: syntax.Pos(start + 1), End: syntax.Pos(end - 1)}
	return Value{Text: text, At: s.file.Ref(span)}, token, nil
}
