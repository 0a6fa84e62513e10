package lsp

import (
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxShown is how many diagnostics of one file are shown.
const maxShown = 1000

// snapshot is what was read and found in one edition.
type snapshot struct {
	client    client
	number    int // of the edition
	documents []*document
	configs   []*proxy.Config
	files     map[string]bool // paths of the files read
	findings  []report.EditorFinding
	opened    map[string]*document // by the path of a file read; nil: it is not open
}

// lint returns what is found in an edition, and tells the editor when that is new. It fails when the edition has
// passed. The caller holds s.linting for as long as it uses the snapshot.
func (s *server) lint(e edition) (*snapshot, error) {
	if s.latest != nil && s.latest.number == e.number {
		return s.latest, nil
	}
	documents, ok := s.open(e)
	if !ok {
		return nil, errModified
	}
	snap := s.analyze(e.ctx, documents)
	if e.ctx.Err() != nil {
		return nil, errModified
	}
	snap.number = e.number
	s.latest = snap
	s.publish(e.ctx, snap)
	return snap, nil
}

// analyze lints what is open. Files of one repository are linted together, with the facts around them.
func (s *server) analyze(ctx context.Context, documents []*document) *snapshot {
	snap := &snapshot{client: s.client, documents: documents, files: map[string]bool{}, opened: map[string]*document{}}
	open := map[string]parsers.Document{}
	for _, d := range documents {
		open[d.path] = parsers.Document{Text: d.text.Src, Dialect: d.dialect}
	}
	roots := s.byRoot(slices.Sorted(maps.Keys(open)))
	maps.DeleteFunc(s.facts, func(root string, _ *inventory.Facts) bool { return roots[root] == nil })
	for _, root := range slices.Sorted(maps.Keys(roots)) {
		if ctx.Err() != nil {
			break
		}
		if s.facts[root] == nil {
			s.facts[root] = s.Facts(root)
		}
		configs := s.load(roots[root], open, s.facts[root])
		result := s.Judge(ctx, configs, s.facts[root])
		snap.configs = append(snap.configs, configs...)
		snap.findings = append(snap.findings, report.ForEditor(result.Diagnostics)...)
		for _, path := range result.Files {
			snap.files[path] = true
		}
	}
	return snap
}

// byRoot sorts paths by the folder that facts around them are looked for in.
func (s *server) byRoot(paths []string) map[string][]string {
	roots := s.FactRoots(paths)
	sorted := map[string][]string{}
	for _, path := range paths {
		root := ""
		if i := slices.IndexFunc(roots, func(root string) bool { return syntax.IsBelow(path, root) }); i >= 0 {
			root = roots[i]
		}
		sorted[root] = append(sorted[root], path)
	}
	return sorted
}

// load reads the configurations that paths name. What is none is left out.
func (s *server) load(paths []string, open map[string]parsers.Document, facts *inventory.Facts) []*proxy.Config {
	configs, err := s.Load(paths, open, facts)
	if err == nil {
		return configs
	}
	paths = slices.DeleteFunc(paths, func(path string) bool {
		_, err := s.Load([]string{path}, open, facts)
		return err != nil
	})
	if configs, err = s.Load(paths, open, facts); err != nil {
		return nil
	}
	return configs
}

// publish tells the editor what is found now, and of files where nothing is any more.
func (s *server) publish(ctx context.Context, snap *snapshot) {
	now := map[string]publishDiagnosticsParams{}
	for _, d := range snap.documents {
		if snap.files[filepath.ToSlash(d.path)] {
			now[d.uri] = publishDiagnosticsParams{URI: d.uri, Version: &d.version, Diagnostics: []diagnostic{}}
		}
	}
	for _, f := range snap.findings {
		uri, version := snap.name(f.At.File)
		p := now[uri]
		p.URI, p.Version = uri, version
		if len(p.Diagnostics) < maxShown {
			p.Diagnostics = append(p.Diagnostics, snap.diagnostic(f))
		}
		now[uri] = p
	}
	for uri := range s.published {
		if _, still := now[uri]; !still {
			s.send(ctx, publishDiagnosticsParams{URI: uri, Diagnostics: []diagnostic{}})
		}
	}
	for _, uri := range slices.Sorted(maps.Keys(now)) {
		if p := now[uri]; !reflect.DeepEqual(p, s.published[uri]) {
			s.send(ctx, p)
		}
	}
	s.published = now
}

func (s *server) send(ctx context.Context, p publishDiagnosticsParams) {
	_ = s.conn.Notify(ctx, "textDocument/publishDiagnostics", p)
}

// document returns what is open under a URI; nil: nothing.
func (snap *snapshot) document(uri string) *document {
	i := slices.IndexFunc(snap.documents, func(d *document) bool { return d.uri == uri })
	if i < 0 {
		return nil
	}
	return snap.documents[i]
}

// documentOf returns the document that is open for a file that was read, under whichever of its names; nil: none.
func (snap *snapshot) documentOf(f *syntax.File) *document {
	d, known := snap.opened[f.Path]
	if !known {
		real := parsers.RealPath(filepath.FromSlash(f.Path))
		if i := slices.IndexFunc(snap.documents, func(d *document) bool { return d.real == real }); i >= 0 {
			d = snap.documents[i]
		}
		snap.opened[f.Path] = d
	}
	return d
}

// name returns what the editor calls a file that was read, and which version of it that was; nil: it is not open.
func (snap *snapshot) name(f *syntax.File) (uri string, version *int) {
	if d := snap.documentOf(f); d != nil {
		return d.uri, &d.version
	}
	return uriOf(filepath.FromSlash(f.Path)), nil
}

func (snap *snapshot) location(at syntax.Ref) location {
	at = at.Outer()
	uri, _ := snap.name(at.File)
	return location{URI: uri, Range: snap.client.encoding.span(at)}
}

var severities = map[lint.Severity]int{lint.Error: 1, lint.Warning: 2, lint.Info: 3}

func (snap *snapshot) diagnostic(f report.EditorFinding) diagnostic {
	d := diagnostic{
		Range:           snap.client.encoding.span(f.At),
		Severity:        severities[f.Severity],
		Code:            f.Rule,
		CodeDescription: codeDescription{Href: f.URL},
		Source:          "proxylint",
		Message:         f.Text,
	}
	if f.NoEffect {
		d.Tags = []int{tagUnnecessary}
	}
	for _, r := range f.Related {
		d.RelatedInformation = append(d.RelatedInformation, relatedInformation{snap.location(r.At), r.Message})
	}
	return d
}

// found returns the findings that touch a range of a file that is open.
func (snap *snapshot) found(uri string, within span) []report.EditorFinding {
	d := snap.document(uri)
	if d == nil {
		return nil
	}
	start, end := snap.client.encoding.offset(d.text, within.Start), snap.client.encoding.offset(d.text, within.End)
	var list []report.EditorFinding
	for _, f := range snap.findings {
		if snap.documentOf(f.At.File) == d && f.At.Span.Start <= end && start <= f.At.Span.End {
			list = append(list, f)
		}
	}
	return list
}
