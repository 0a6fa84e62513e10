package lsp

import "strings"

// hover returns the documentation of the rules that find something at a position; nil where none does.
func (s *server) hover(snap *snapshot, p positionParams) any {
	var docs []string
	var at span
	told := map[string]bool{}
	for _, f := range snap.found(p.TextDocument.URI, span{p.Position, p.Position}) {
		if doc := s.Doc(f.Rule); doc != "" && !told[f.Rule] {
			told[f.Rule] = true
			docs = append(docs, doc)
			at = snap.client.encoding.span(f.At)
		}
	}
	if docs == nil {
		return nil
	}
	return hoverResult{Contents: markupContent{Kind: "markdown", Value: strings.Join(docs, "\n---\n\n")}, Range: at}
}
