package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// rulesVersion changes when a field of the JSON changes its meaning or goes away.
const rulesVersion = 1

// jsonRule is a rule in the JSON that rules.schema.json describes.
type jsonRule struct {
	ID       string   `json:"id"`
	Family   string   `json:"family"`
	Severity string   `json:"severity"`
	Symptom  string   `json:"symptom"`
	Proxies  []string `json:"proxies"`
	Live     bool     `json:"live"`
	Title    string   `json:"title"`
	Why      string   `json:"why"`
	How      string   `json:"how"`
	Links    []string `json:"links"`
	Since    string   `json:"since"`
}

// WriteRulesJSON writes rules with their documentation, examples aside.
func WriteRulesJSON(w io.Writer, rules []*lint.Rule) error {
	list := []jsonRule{}
	for _, r := range rules {
		out := jsonRule{
			ID: r.ID, Family: r.Family.String(), Severity: r.Severity.String(), Symptom: string(r.Symptom), Live: r.Live,
			Title: r.Doc.Title, Why: r.Doc.Why, How: r.Doc.How, Links: r.Doc.Links, Since: r.Doc.Since,
		}
		for _, d := range syntax.Dialects() {
			if r.Serves(d) {
				out.Proxies = append(out.Proxies, d.String())
			}
		}
		list = append(list, out)
	}
	return encodeJSON(w, struct {
		Version int        `json:"version"`
		Rules   []jsonRule `json:"rules"`
	}{rulesVersion, list})
}

// WriteRuleTable writes a line for each rule. Lines are cut to a width in columns; 0: they are not cut.
func WriteRuleTable(w io.Writer, rules []*lint.Rule, width int, colored bool) error {
	ids, symptoms := len("RULE"), len("SYMPTOM")
	for _, r := range rules {
		ids, symptoms = max(ids, len(r.ID)), max(symptoms, len(r.Symptom))
	}
	finds := 0
	if width > 0 {
		symptoms = min(symptoms, max(width/7, len("SYMPTOM")))
		finds = max(width-ids-symptoms-len("  severity  inventory    "), len("FINDS"))
	}
	var b strings.Builder
	row := func(paint func(...any) string, id, severity, family, symptom, title string) {
		fmt.Fprintf(&b, "%-*s  %s  %-9s  %s  %s\n", ids, id, paint(fmt.Sprintf("%-8s", severity)), family,
			runewidth.FillRight(cut(symptom, symptoms), symptoms), cut(title, finds))
	}
	row(painter(false), "RULE", "SEVERITY", "FAMILY", "SYMPTOM", "FINDS")
	for _, r := range rules {
		row(severityPainter(r.Severity, colored), r.ID, r.Severity.String(), r.Family.String(), string(r.Symptom), r.Doc.Title)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cut shortens a text to a width in columns; 0: it stays.
func cut(s string, width int) string {
	if width == 0 {
		return s
	}
	return runewidth.Truncate(s, width, "…")
}
