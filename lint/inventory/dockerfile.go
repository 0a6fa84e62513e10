package inventory

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxStages bounds the stages of a Dockerfile.
const maxStages = 100

// Dockerfile is the final stage of a Dockerfile, or the one that a build names, with what it has from the stages
// that it starts from.
type Dockerfile struct {
	File       *syntax.File
	Base       Value // the image that it starts from
	Exposed    []Exposed
	Env        map[string]Value
	Entrypoint []Value // one in shell form is "/bin/sh", "-c" and a script
	Cmd        []Value
	Check      []Value // the command of HEALTHCHECK
	Copies     []Copy
	User       Value
}

// Exposed is a port of an EXPOSE line; -1 when it can't be known.
type Exposed struct {
	Port int
	UDP  bool
	At   syntax.Ref
}

// Copy is a COPY or ADD line.
type Copy struct {
	Sources []Value // in the build's folder
	Target  Value
	At      syntax.Ref // the line
}

// readDockerfile reads the stage of a Dockerfile that is built: target, or the last. It returns nil when there is
// none.
func readDockerfile(file *syntax.File, target string, args map[string]Value) *Dockerfile {
	d := dockerReader{file: file, given: args, global: map[string]Value{}, stages: map[string]*stage{}}
	for _, line := range dockerLines(file) {
		d.line(line)
	}
	if target != "" {
		if named := d.stages[strings.ToLower(target)]; named != nil {
			return &named.Dockerfile
		}
		return nil
	}
	if d.current == nil {
		return nil
	}
	return &d.current.Dockerfile
}

type dockerReader struct {
	file    *syntax.File
	given   map[string]Value // build arguments from outside
	global  map[string]Value // ARG before the first FROM
	stages  map[string]*stage
	count   int
	current *stage
}

// stage is one stage while it is read.
type stage struct {
	Dockerfile
	vars map[string]Value // ARG and ENV so far
	dir  string           // WORKDIR

	ownCmd bool // CMD stands in this very stage
}

// dockerLines returns the instructions of a Dockerfile, their line continuations and comments taken out. The
// place of one that was continued is its first line.
func dockerLines(file *syntax.File) []Value {
	var list []Value
	for n := 1; n <= file.Lines(); n++ {
		text, at := strings.TrimSpace(file.LineText(n)), file.LineSpan(n)
		if text == "" || text[0] == '#' {
			continue
		}
		start := at.Start + syntax.Pos(strings.Index(file.LineText(n), text))
		line := Value{Text: text, At: file.Ref(syntax.Span{Start: start, End: start + syntax.Pos(len(text))})}
		if strings.HasSuffix(text, `\`) {
			line.Text, n = continued(file, n)
		}
		here := heredocs(line.Text)
		for ; len(here) > 0 && n < file.Lines(); n++ {
			if strings.TrimSpace(file.LineText(n+1)) == here[0] {
				here = here[1:]
			}
		}
		list = append(list, line)
	}
	return list
}

// continued joins an instruction's lines, and returns the number of the last.
func continued(file *syntax.File, n int) (string, int) {
	var out strings.Builder
	for ; n <= file.Lines(); n++ {
		text := strings.TrimSpace(file.LineText(n))
		if strings.HasPrefix(text, "#") || text == "" {
			continue
		}
		part, more := strings.CutSuffix(text, `\`)
		out.WriteString(part)
		if !more {
			break
		}
		out.WriteByte(' ')
	}
	return out.String(), n
}

// heredocs returns the words that end the texts which a RUN or COPY line begins with "<<WORD".
func heredocs(line string) []string {
	word, rest, _ := strings.Cut(line, " ")
	if name := strings.ToUpper(word); name != "RUN" && name != "COPY" && name != "ADD" {
		return nil
	}
	var list []string
	for _, field := range strings.Fields(rest) {
		if end, ok := strings.CutPrefix(field, "<<"); ok {
			end = strings.Trim(strings.TrimPrefix(end, "-"), `"'`)
			if nameLength(end) == len(end) && end != "" {
				list = append(list, end)
			}
		}
	}
	return list
}

// line takes in one instruction.
func (d *dockerReader) line(v Value) {
	end := strings.IndexAny(v.Text, " \t")
	if end < 0 {
		return
	}
	name := strings.ToUpper(v.Text[:end])
	rest := v.part(end+len(v.Text[end:])-len(strings.TrimLeft(v.Text[end:], " \t")), len(v.Text))
	switch {
	case name == "FROM":
		d.from(shellWords(rest))
		return
	case name == "ARG":
		d.arg(rest)
		return
	case d.current == nil:
		return
	}
	s := d.current
	switch name {
	case "ENV":
		s.env(rest)
	case "EXPOSE":
		s.expose(rest)
	case "COPY", "ADD":
		s.copy(rest, v.At)
	case "WORKDIR":
		s.dir = s.inDir(fill(rest, s.vars).Text)
	case "USER":
		s.User = fill(rest, s.vars)
	case "CMD":
		s.Cmd, s.ownCmd = d.command(rest), true
	case "ENTRYPOINT":
		s.Entrypoint = d.command(rest)
		if !s.ownCmd { // what the base image has is for its own entrypoint
			s.Cmd = nil
		}
	case "HEALTHCHECK":
		s.Check = d.check(rest)
	}
}

// from begins a stage: FROM [--platform=P] IMAGE [AS NAME].
func (d *dockerReader) from(words []Value) {
	for len(words) > 0 && strings.HasPrefix(words[0].Text, "--") {
		words = words[1:]
	}
	if d.count++; len(words) == 0 || d.count > maxStages {
		return
	}
	base := fill(words[0], d.global)
	s := &stage{Dockerfile: Dockerfile{File: d.file, Base: base, Env: map[string]Value{}}, vars: map[string]Value{}}
	if up := d.stages[strings.ToLower(base.Text)]; up != nil {
		*s = stage{Dockerfile: up.Dockerfile, vars: maps.Clone(up.vars), dir: up.dir}
		s.Env = maps.Clone(up.Env)
		s.Copies, s.Exposed = slices.Clip(up.Copies), slices.Clip(up.Exposed)
	}
	d.current = s
	d.stages[strconv.Itoa(d.count-1)] = s
	if len(words) == 3 && strings.EqualFold(words[1].Text, "as") {
		d.stages[strings.ToLower(words[2].Text)] = s
	}
}

// arg reads ARG NAME[=default], which a build's arguments win over.
func (d *dockerReader) arg(v Value) {
	for _, word := range shellWords(v) {
		name, value, isSet := word.assigned()
		if global, ok := d.global[name]; ok && !isSet && d.current != nil {
			value, isSet = global, true
		}
		if given, ok := d.given[name]; ok {
			value, isSet = given, true
		}
		switch {
		case !isSet:
		case d.current == nil:
			d.global[name] = fill(value, d.global)
		default:
			d.current.vars[name] = fill(value, d.current.vars)
		}
	}
}

// env reads ENV NAME=value ... and ENV NAME value.
func (s *stage) env(v Value) {
	words := shellWords(v)
	if len(words) > 0 && !strings.Contains(words[0].Text, "=") {
		name := words[0].Text
		s.setEnv(name, v.part(len(v.Text)-len(strings.TrimLeft(v.Text[min(len(name), len(v.Text)):], " \t")), len(v.Text)))
		return
	}
	for _, word := range words {
		if name, value, ok := word.assigned(); ok {
			s.setEnv(name, value)
		}
	}
}

func (s *stage) setEnv(name string, v Value) {
	if len(s.Env) >= maxVariables {
		return
	}
	v = fill(v, s.vars)
	s.Env[name], s.vars[name] = v, v
}

// expose reads EXPOSE PORT[-PORT][/PROTOCOL] ...
func (s *stage) expose(v Value) {
	for _, word := range shellWords(v) {
		text, _ := expand(word.Text, s.vars)
		text, protocol, _ := strings.Cut(text, "/")
		first, last := portRange(text)
		if len(s.Exposed)+last-first >= maxPublished {
			return
		}
		for port := first; port <= last; port++ {
			s.Exposed = append(s.Exposed, Exposed{Port: port, UDP: protocol == "udp", At: word.At})
		}
	}
}

// inDir returns a path as seen from the stage's folder.
func (s *stage) inDir(to string) string {
	if path.IsAbs(to) {
		return path.Clean(to)
	}
	return path.Join("/", s.dir, to)
}

// copy reads COPY and ADD from the build's folder; what comes from another stage or image is no file here.
func (s *stage) copy(v Value, at syntax.Ref) {
	words := jsonWords(v)
	if words == nil {
		words = shellWords(v)
	}
	for len(words) > 0 && strings.HasPrefix(words[0].Text, "--") {
		if strings.HasPrefix(words[0].Text, "--from=") {
			return
		}
		words = words[1:]
	}
	if len(words) < 2 {
		return
	}
	for i, word := range words {
		words[i] = fill(word, s.vars)
	}
	last := len(words) - 1
	words[last].Text = s.inDir(words[last].Text)
	s.Copies = append(s.Copies, Copy{Sources: words[:last:last], Target: words[last], At: at})
}

// command reads a list of words in JSON, or a script.
func (d *dockerReader) command(v Value) []Value {
	if words := jsonWords(v); words != nil {
		return words
	}
	return []Value{{Text: "/bin/sh", At: v.At}, {Text: "-c", At: v.At}, v}
}

// check reads HEALTHCHECK [OPTION ...] CMD command.
func (d *dockerReader) check(v Value) []Value {
	if i := strings.Index(v.Text, "CMD"); i >= 0 {
		start := len(v.Text) - len(strings.TrimLeft(v.Text[i+len("CMD"):], " \t"))
		return d.command(v.part(start, len(v.Text)))
	}
	return nil
}

// jsonWords reads a list of texts in JSON; nil when the text is none.
func jsonWords(v Value) []Value {
	if !strings.HasPrefix(v.Text, "[") {
		return nil
	}
	list, err := readJSON(syntax.NewFile("", v.Text, syntax.AnyDialect, nil))
	if err != nil {
		return nil
	}
	words := []Value{}
	for _, item := range list.elements() {
		if item.kind != '"' {
			return nil
		}
		word := v.part(int(item.span.Start), int(item.span.End))
		word.Text = item.text()
		words = append(words, word)
	}
	return words
}
