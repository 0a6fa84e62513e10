package rules

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/template"
)

var update = flag.Bool("update", false, "rewrite README.md and the *.fixed files")

const testdata = "../testdata/rules"

// projectSuffix ends the names of folders whose other files are facts around the configurations in them.
const projectSuffix = ".project"

// extensions are the names of roots in testdata: what is in sub-folders is there to be included.
var extensions = map[syntax.Dialect]string{syntax.Nginx: ".conf", syntax.HAProxy: ".cfg", syntax.Cloudflared: ".yaml"}

// TestRules proves every rule: its declaration, its folder testdata/rules/ID and its examples.
//
// In testdata a comment `# want "regexp"` expects a finding of the rule on its line, whose
// "severity: message" the expression matches; several strings expect several findings. Where no comment
// can stand, `# want-1 "regexp"` expects it one line above (any offset will do). A root whose name ends
// in _ok before its extension expects none. A first line `# nginx-version: 1.25.1` or
// `# haproxy-version: 2.6` sets the version. A file "hosts" in the folder is read as --hosts would.
// A root may be a template: NAME.conf.j2. ROOT.fixed is what all repairs of the rule make of ROOT. A sub-folder
// NAME.project, or NAME_ok.project, is linted as a whole, with the inventory found in it. Files named "inventory.*" are
// read as --inventory would. What a network would answer is said by comments, see liveComment. The configuration of a project may lie in a ConfigMap: then its name ends in .yml.
func TestRules(t *testing.T) {
	for _, rule := range All() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Run("declaration", func(t *testing.T) { checkDeclaration(t, rule) })
			t.Run("examples", func(t *testing.T) { checkExamples(t, rule) })
			t.Run("testdata", func(t *testing.T) { checkTestdata(t, rule) })
		})
	}
}

func TestTestdataBelongsToRules(t *testing.T) {
	entries, err := os.ReadDir(testdata)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if Find(e.Name()) == nil {
			t.Errorf("%s/%s: there is no rule of that ID", testdata, e.Name())
		}
	}
}

func TestIDsAreUnique(t *testing.T) {
	all := All()
	for i := 1; i < len(all); i++ {
		if all[i-1].ID >= all[i].ID {
			t.Errorf("%q comes before %q", all[i-1].ID, all[i].ID)
		}
	}
}

func TestFind(t *testing.T) {
	if r := Find("syntax"); r == nil || r.ID != "syntax" {
		t.Errorf(`Find("syntax") = %v`, r)
	}
	if r := Find("sintax"); r != nil {
		t.Errorf(`Find("sintax") = %s`, r.ID)
	}
}

// checkDeclaration checks what the rule says of itself.
func checkDeclaration(t *testing.T, rule *lint.Rule) {
	if !regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`).MatchString(rule.ID) {
		t.Errorf("ID %q is not words joined by hyphens", rule.ID)
	}
	if file := strings.ReplaceAll(rule.ID, "-", "_") + ".go"; !isFile(file) {
		t.Errorf("the rule is not declared in %s", file)
	}
	if rule.Family == 0 || rule.Severity == 0 || rule.Symptom == "" || (rule.Run == nil) != (rule.ID == lint.IgnoreComment) {
		t.Error("Family, Severity, Symptom and Run must be set")
	}
	doc := rule.Doc
	checkSentence(t, "Title", doc.Title, "")
	for field, text := range map[string]string{"Why": doc.Why, "How": doc.How} {
		if !strings.HasSuffix(text, ".") || text != strings.TrimSpace(text) {
			t.Errorf("Doc.%s must be whole sentences without blanks around: %q", field, text)
		}
	}
	if len(doc.Links) == 0 {
		t.Error("Doc.Links must name the manual page that the rule stands on")
	}
	for _, link := range doc.Links {
		if !strings.HasPrefix(link, "https://") {
			t.Errorf("Doc.Links: %q is not an https address", link)
		}
	}
	if _, err := proxy.ParseVersion(doc.Since); err != nil {
		t.Errorf("Doc.Since: %v", err)
	}
}

// checkSentence checks the style of a title or message: lower case and no full stop. It may begin
// with a name that is written with a capital, such as HAProxy or a word of the source.
func checkSentence(t *testing.T, what, text, source string) {
	t.Helper()
	checkLine(t, what, text)
	if strings.HasSuffix(text, ".") {
		t.Errorf("%s must not end in a full stop: %q", what, text)
	}
	first, _, _ := strings.Cut(text, " ")
	initial, size := utf8.DecodeRuneInString(text)
	if unicode.IsUpper(initial) && first[size:] == strings.ToLower(first[size:]) && !strings.Contains(source, first) {
		t.Errorf("%s must begin in lower case: %q", what, text)
	}
}

// checkLine checks that a text is one line as it was meant to be.
func checkLine(t *testing.T, what, text string) {
	t.Helper()
	if text == "" || text != strings.TrimSpace(text) || strings.ContainsAny(text, "\r\n") {
		t.Errorf("%s must be one line, without blanks around it: %q", what, text)
	}
	if strings.Contains(text, "%!") {
		t.Errorf("%s shows a wrong format verb: %q", what, text)
	}
}

// checkExamples checks that Doc.Bad fires the rule, and Doc.Good none that matters.
func checkExamples(t *testing.T, rule *lint.Rule) {
	for dialect := range extensions {
		bad, good := rule.Doc.Bad.For(dialect), rule.Doc.Good.For(dialect)
		if !rule.Serves(dialect) {
			if bad != "" || good != "" {
				t.Errorf("Doc has an example for %s, which the rule does not serve", dialect)
			}
			continue
		}
		for name, text := range map[string]string{"Bad": bad, "Good": good} {
			if strings.TrimSpace(text)+"\n" != text {
				t.Errorf("Doc.%s for %s must be a whole configuration, without empty lines around it", name, dialect)
			}
		}
		if found := lintBeside(t, rule.Doc.Beside, dialect, bad, []*lint.Rule{rule}); len(found) == 0 {
			t.Errorf("Doc.Bad for %s does not fire the rule", dialect)
		}
		for _, d := range lintBeside(t, rule.Doc.Beside, dialect, good, All()) {
			if d.Rule == rule.ID || d.Severity >= lint.Warning {
				t.Errorf("Doc.Good for %s: %s [%s]", dialect, show(d), d.Rule)
			}
		}
	}
}

// checkTestdata checks the findings in every root of the rule's folder against its wants.
func checkTestdata(t *testing.T, rule *lint.Rule) {
	dir := testdata + "/" + rule.ID
	for dialect, ext := range extensions {
		roots := slices.Concat(glob(t, dir+"/*"+ext), glob(t, dir+"/*"+ext+".j2"),
			glob(t, dir+"/*"+projectSuffix+"/"+proxyFile(dialect)),
			glob(t, dir+"/*"+projectSuffix+"/"+dialect.String()+".yml"))
		if !rule.Serves(dialect) {
			if len(roots) > 0 {
				t.Errorf("%s: the rule does not serve %s", roots[0], dialect)
			}
			continue
		}
		hits, clean := 0, 0
		for _, root := range roots {
			t.Run(strings.TrimPrefix(root, dir+"/"), func(t *testing.T) {
				if found := checkRoot(t, rule, root); found > 0 {
					hits++
				}
			})
			if isClean(root) {
				clean++
			}
		}
		if hits == 0 {
			t.Errorf("no file %s/*%s has a finding of the rule", dir, ext)
		}
		if clean == 0 {
			t.Errorf("no file %s/*_ok%s shows what the rule must not find", dir, ext)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range found {
		found[i] = filepath.ToSlash(path)
	}
	return found
}

// proxyFile is the name of the configuration in a project.
func proxyFile(dialect syntax.Dialect) string { return dialect.String() + extensions[dialect] }

// isClean reports whether a root, or its project, is named as one without findings.
func isClean(root string) bool {
	if dir := filepath.Dir(root); strings.HasSuffix(dir, projectSuffix) {
		return strings.HasSuffix(dir, "_ok"+projectSuffix)
	}
	stem, _ := template.CutEnding(root)
	return strings.HasSuffix(strings.TrimSuffix(stem, filepath.Ext(stem)), "_ok")
}

// checkRoot checks one configuration of a rule's testdata and returns the number of findings.
func checkRoot(t *testing.T, rule *lint.Rule, root string) int {
	configs := load(t, root)
	found := run(t, filepath.Dir(root), configs, []*lint.Rule{rule})
	wants := collectWants(t, filepath.Dir(root), configs)
	if isClean(root) && len(wants) > 0 {
		t.Errorf("a file named _ok has a want: %s", wants[0])
	}
	for _, d := range found {
		checkDiagnostic(t, d)
		i := slices.IndexFunc(wants, func(w want) bool { return w.matches(d) })
		if i < 0 {
			t.Errorf("unexpected: %s", show(d))
			continue
		}
		wants = slices.Delete(wants, i, i+1)
	}
	for _, w := range wants {
		t.Errorf("not found: %s", w)
	}
	checkFixes(t, rule, root, found)
	return len(found)
}

// checkDiagnostic checks what must hold for every finding.
func checkDiagnostic(t *testing.T, d lint.Diagnostic) {
	t.Helper()
	at := show(d)
	src := d.At.File.Src
	checkSentence(t, at+": message", d.Message, src)
	if d.Hint != "" {
		checkLine(t, at+": hint", d.Hint)
	}
	if d.At.Text() == "" {
		t.Errorf("%s: the finding stands on no text", at)
	}
	if !d.Stops.IsZero() && int(d.Stops.Span.Start) > len(d.Stops.File.Src) {
		t.Errorf("%s: Stops lies outside its file", at)
	}
	for _, r := range d.Related {
		checkSentence(t, at+": related message", r.Message, src)
		if r.At.Text() == "" {
			t.Errorf("%s: the related place %q stands on no text", at, r.Message)
		}
	}
	if d.Fix != nil {
		checkLine(t, at+": title of the fix", d.Fix.Title)
	}
}

// checkFixes checks that every repair removes its finding, and that all together make ROOT.fixed.
func checkFixes(t *testing.T, rule *lint.Rule, root string, found []lint.Diagnostic) {
	var inRoot []lint.Edit
	for _, d := range found {
		if d.Fix == nil {
			continue
		}
		dir := copyOf(t, filepath.Dir(root))
		for path, text := range applied(d.Fix.Edits) {
			rel, err := filepath.Rel(filepath.Dir(root), path)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, rel), text)
			if path == root {
				inRoot = append(inRoot, d.Fix.Edits...)
			}
		}
		after := run(t, dir, load(t, filepath.Join(dir, filepath.Base(root))), []*lint.Rule{rule})
		if count(after, d.Message) >= count(found, d.Message) {
			t.Errorf("%s: the fix %q does not remove the finding", show(d), d.Fix.Title)
		}
	}
	golden := root + ".fixed"
	if isFile(golden) && len(inRoot) == 0 {
		t.Errorf("%s stands beside a root in which nothing is repaired", golden)
	} else if isFile(golden) {
		compare(t, golden, []byte(applied(inRoot)[root]))
	}
}

func count(list []lint.Diagnostic, message string) int {
	n := 0
	for _, d := range list {
		if d.Message == message {
			n++
		}
	}
	return n
}

// applied returns the text of every edited file after the edits.
func applied(edits []lint.Edit) map[string]string {
	texts := map[string]string{}
	backwards := slices.SortedFunc(slices.Values(edits), func(a, b lint.Edit) int {
		return int(b.At.Span.Start - a.At.Span.Start)
	})
	for _, e := range backwards {
		path := e.At.File.Path
		text, edited := texts[path]
		if !edited {
			text = e.At.File.Src
		}
		texts[path] = text[:e.At.Span.Start] + e.New + text[e.At.Span.End:]
	}
	return texts
}

// graded is the text that a want is matched against.
func graded(d lint.Diagnostic) string { return d.Severity.String() + ": " + d.Message }

func show(d lint.Diagnostic) string {
	p := d.At.Position()
	return fmt.Sprintf("%s:%d:%d: %q: %s", d.At.File.Path, p.Line, p.Byte, d.At.Text(), graded(d))
}

// lintText lints an example as the only file of a folder.
func lintText(t *testing.T, dialect syntax.Dialect, text string, rules []*lint.Rule) []lint.Diagnostic {
	return lintBeside(t, nil, dialect, text, rules)
}

// lintBeside lints an example as the only configuration of a folder, with other files beside it.
func lintBeside(t *testing.T, beside []lint.File, dialect syntax.Dialect, text string, rules []*lint.Rule) []lint.Diagnostic {
	dir := filepath.Join(t.TempDir(), "example"+projectSuffix)
	path := filepath.Join(dir, proxyFile(dialect))
	for _, f := range append(slices.Clone(beside), lint.File{Name: proxyFile(dialect), Text: text}) {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, f.Text)
	}
	return run(t, dir, load(t, path), rules)
}

func load(t *testing.T, root string) []*proxy.Config {
	t.Helper()
	configs, err := parsers.Load([]string{root}, options(t, root))
	if err != nil {
		t.Fatal(err)
	}
	return configs
}

var versionComment = regexp.MustCompile(`^# (nginx|haproxy)-version: (\S+)`)

// options tells the dialect of a root by its extension, and the version by its first line.
func options(t *testing.T, root string) parsers.Options {
	t.Helper()
	var o parsers.Options
	for dialect, ext := range extensions {
		if filepath.Ext(root) == ext {
			o.Dialect = dialect
		}
	}
	text, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	if m := versionComment.FindSubmatch(text); m != nil {
		version, err := proxy.ParseVersion(string(m[2]))
		if err != nil {
			t.Fatalf("%s:1: %v", root, err)
		}
		if string(m[1]) == "nginx" {
			o.NginxVersion = version
		} else {
			o.HAProxyVersion = version
		}
	}
	return o
}

// today is the day of all tests.
var today = time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)

// run lints with the hosts file of dir, if it has one, and the inventory of a project.
func run(t *testing.T, dir string, configs []*proxy.Config, rules []*lint.Rule) []lint.Diagnostic {
	t.Helper()
	if len(rules) == 1 && rules[0].ID == lint.IgnoreComment {
		return slices.DeleteFunc(run(t, dir, configs, All()), func(d lint.Diagnostic) bool {
			return d.Rule != lint.IgnoreComment // which looks at what the others find
		})
	}
	facts := &inventory.Facts{}
	if hosts := filepath.Join(dir, "hosts"); isFile(hosts) {
		if err := facts.ReadHosts(hosts); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range glob(t, dir+"/inventory.*") {
		if err := facts.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasSuffix(dir, projectSuffix) {
		facts.Discover(dir)
		facts.Associate(configs)
	}
	return lint.Run(context.Background(), configs, rules, lint.Around{
		Inventory: facts, Live: script(t, configs, facts), Today: today,
	}).Diagnostics
}

// compare checks that a file holds what it should, or with -update makes it so.
func compare(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		writeFile(t, path, string(want))
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: look at what \"go test ./rules -update\" changes in it", path)
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), filepath.Base(dir))
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
