package inventory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxNamedSize is how many bytes of a file that the user names are read.
const maxNamedSize = 64 << 20

// wantedFeeds is what to say of a file that none of the readers knows.
const wantedFeeds = "not an inventory that proxylint knows: want what docker compose config, docker inspect, kubectl get, " +
	"terraform show -json, ansible-inventory --list, Consul, ss -ltn or ip addr print, a hosts file, or CSV of name,ip,port"

// ReadFile adds the facts of a file that the user names: what another tool prints, or a file of a kind that Discover
// finds. Its content says what it is, and its name where the content does not. A folder is handed to Discover. The
// error is one line with the path, and the line where there is one; nothing of such a file is kept but what a reader
// of Discover's kinds understood.
func (f *Facts) ReadFile(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		f.Discover(path)
		return nil
	}
	src, err := readNamed(path)
	if err != nil {
		return err
	}
	path = filepath.Clean(path)
	file := syntax.NewFile(filepath.ToSlash(path), src, syntax.AnyDialect, nil)
	r := newReader(f, filepath.Dir(path))
	r.opened[path] = file
	known := len(f.Locks)
	err = r.feed(file)
	for _, lock := range f.Locks[known:] {
		lock.named = true
	}
	return err
}

// readNamed returns the text of a file. Offsets stay as they are where a byte order mark is blanked.
func readNamed(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", parsers.PathError(path, err)
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxNamedSize+1))
	if err != nil {
		return "", parsers.PathError(path, err)
	}
	if len(src) > maxNamedSize {
		return "", fmt.Errorf("%s: larger than %d MiB", path, maxNamedSize>>20)
	}
	if text, marked := strings.CutPrefix(string(src), "\ufeff"); marked {
		return "   " + text, nil
	}
	return string(src), nil
}

// feed reads a file by the first reader that knows it.
func (r *reader) feed(file *syntax.File) error {
	if isJSONText(file.Src) {
		root, err := readJSON(file)
		if err != nil {
			return err
		}
		if feed := jsonFeedOf(root); feed != nil {
			return r.withoutGap(file, func() { feed.read(r, root) })
		}
	}
	for _, kind := range kinds {
		if kind.named(file.Path) && (kind.holds == nil || kind.holds(file.Src)) {
			return r.withoutGap(file, func() { kind.read(r, file); r.link() })
		}
	}
	if feed := textFeedOf(file.Src); feed != nil {
		return feed.read(r, file)
	}
	return fmt.Errorf("%s: %s", file.Path, wantedFeeds)
}

// withoutGap runs a reader, and returns as an error the Gap that the whole file turned out to be.
func (r *reader) withoutGap(file *syntax.File, read func()) error {
	before := len(r.facts.Gaps)
	read()
	isFile := func(g Gap) bool { return g.Path == file.Path && g.At.IsZero() }
	i := slices.IndexFunc(r.facts.Gaps[before:], isFile)
	if i < 0 {
		return nil
	}
	why := r.facts.Gaps[before+i].Why
	r.facts.Gaps = slices.Delete(r.facts.Gaps, before+i, before+i+1)
	return errors.New(file.Path + ": " + why)
}

// jsonFeed is one shape of JSON that a tool prints.
type jsonFeed struct {
	name string
	is   func(root jsonNode) bool
	read func(r *reader, root jsonNode)
}

// jsonFeeds are in the order of asking: the clearest mark comes first.
func jsonFeeds() []jsonFeed {
	return []jsonFeed{
		{"kubectl get", isKubeJSON, func(r *reader, root jsonNode) { r.manifests(root.file) }},
		{"terraform show", isTerraform, (*reader).terraform},
		{"ansible-inventory", isAnsible, (*reader).ansible},
		{"docker inspect", isDocker, (*reader).docker},
		{"ip -j addr", isAddrJSON, (*reader).addrJSON},
		{"Consul catalog", isConsulCatalog, (*reader).consulCatalog},
		{"Consul agent", isConsulAgent, (*reader).consulAgent},
		{"docker compose config", isComposeJSON, func(r *reader, root jsonNode) { r.composeVariant(root.file) }},
	}
}

// jsonFeedOf returns the shape of a JSON value; nil when none knows it.
func jsonFeedOf(root jsonNode) *jsonFeed {
	feeds := jsonFeeds()
	if i := slices.IndexFunc(feeds, func(f jsonFeed) bool { return f.is(root) }); i >= 0 {
		return &feeds[i]
	}
	return nil
}

// isJSONText reports whether a text is an object or a list in JSON; YAML's flow lists are that too, near enough.
func isJSONText(src string) bool {
	src = strings.TrimLeft(src, " \t\r\n")
	return src != "" && (src[0] == '{' || src[0] == '[' && !isINISection(src))
}

// isINISection reports whether a text begins with the header of an ini section, "[www]", on a line of its own.
func isINISection(src string) bool {
	line, _, _ := strings.Cut(src, "\n")
	name, closed := strings.CutSuffix(strings.TrimRight(line, " \t\r"), "]")
	name = strings.TrimPrefix(name, "[")
	return closed && name != "" && !strings.ContainsAny(name, `"{}[],`)
}

func isKubeJSON(root jsonNode) bool {
	return root.get("apiVersion").exists() && root.get("kind").exists()
}

func isComposeJSON(root jsonNode) bool { return root.get("services").isMap() }

// textFeed is one form of text that a tool prints or a person keeps.
type textFeed struct {
	name string
	is   func(src string) bool
	read func(r *reader, file *syntax.File) error
}

func textFeeds() []textFeed {
	return []textFeed{
		{"ss", isSocketList, (*reader).sockets},
		{"ip addr", isAddrList, (*reader).addrList},
		{"kubectl get", isKubeYAML, gapless((*reader).manifests)},
		{"docker compose config", isComposeYAML, gapless((*reader).composeVariant)},
		{"hosts", isHostsList, (*reader).hostsList},
		{"CSV", isMachineTable, (*reader).machineTable},
	}
}

// textFeedOf returns the form of a text; nil when none knows it.
func textFeedOf(src string) *textFeed {
	feeds := textFeeds()
	if i := slices.IndexFunc(feeds, func(f textFeed) bool { return f.is(src) }); i >= 0 {
		return &feeds[i]
	}
	return nil
}

// gapless makes a reader of texts out of one that notes what it can't read.
func gapless(read func(*reader, *syntax.File)) func(*reader, *syntax.File) error {
	return func(r *reader, file *syntax.File) error {
		return r.withoutGap(file, func() { read(r, file) })
	}
}

func isKubeYAML(src string) bool {
	return hasYAMLKey(src, "apiVersion") && hasYAMLKey(src, "kind")
}

func isComposeYAML(src string) bool { return hasYAMLKey(src, "services") }

// hasYAMLKey reports whether a text has a line that begins with a key.
func hasYAMLKey(src, key string) bool {
	return strings.HasPrefix(src, key+":") || strings.Contains(src, "\n"+key+":")
}

// faultAt is the error that something is wrong at a place.
func faultAt(at syntax.Ref, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", at.File.Path, at.Position().Line, fmt.Sprintf(format, args...))
}

// lineWords yields the words of every line that has any, each with its place.
func lineWords(f *syntax.File) func(yield func(words []Value) bool) {
	return func(yield func([]Value) bool) {
		start := 0
		for line := range strings.Lines(f.Src) {
			if words := placedWords(f, start, line); len(words) > 0 && !yield(words) {
				return
			}
			start += len(line)
		}
	}
}

// placedWords splits a line that begins at an offset.
func placedWords(f *syntax.File, start int, line string) []Value {
	var words []Value
	from := 0
	for word := range strings.FieldsSeq(line) {
		from += strings.Index(line[from:], word)
		span := syntax.Span{Start: syntax.Pos(start + from), End: syntax.Pos(start + from + len(word))}
		words = append(words, Value{Text: word, At: f.Ref(span)})
		from += len(word)
	}
	return words
}

// firstWords returns the words of the first line that is neither blank nor a comment.
func firstWords(src string) []string {
	for line := range strings.Lines(src) {
		if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' {
			return words
		}
	}
	return nil
}

// saysComplete reports whether a text has a comment line "# complete".
func saysComplete(src string) bool {
	for line := range strings.Lines(src) {
		if text, isComment := strings.CutPrefix(strings.TrimSpace(line), "#"); isComment &&
			strings.EqualFold(strings.TrimSpace(text), "complete") {
			return true
		}
	}
	return false
}
