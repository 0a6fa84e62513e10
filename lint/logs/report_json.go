package logs

import (
	"encoding/json"
	"io"
	"time"
)

// The types below are the JSON output, field by field in its order. schema.json describes them.
type (
	jsonReport struct {
		Version int         `json:"version"`
		Groups  []jsonGroup `json:"groups"`
		Summary jsonSummary `json:"summary"`
	}
	// A line of News, which has either.
	jsonNews struct {
		Version int          `json:"version"`
		Group   *jsonGroup   `json:"group,omitempty"`
		Summary *jsonSummary `json:"summary,omitempty"`
	}
	jsonGroup struct {
		Cause     string        `json:"cause"`
		Severity  string        `json:"severity"`
		Means     string        `json:"means"`
		Look      string        `json:"look"`
		Rules     []string      `json:"rules,omitempty"`
		Place     *place        `json:"place,omitempty"`
		Upstream  string        `json:"upstream,omitempty"`
		Route     *jsonWay      `json:"route,omitempty"`
		Stale     string        `json:"stale,omitempty"`
		Now       string        `json:"now,omitempty"`
		Findings  []jsonFinding `json:"findings,omitempty"`
		Dialed    []jsonDialed  `json:"dialed,omitempty"`
		Target    string        `json:"target,omitempty"`
		Server    string        `json:"server,omitempty"`
		Count     int           `json:"count"`
		Lost      jsonLost      `json:"lost"`
		Retried   int           `json:"retried,omitempty"`
		Told      int           `json:"told,omitempty"`
		First     string        `json:"first,omitempty"`
		Last      string        `json:"last,omitempty"`
		Histogram *jsonBins     `json:"histogram,omitempty"`
		Routes    []jsonRoute   `json:"routes,omitempty"`
		Sample    jsonEventLine `json:"sample"`
	}
	jsonWay struct {
		Place place  `json:"place"`
		Text  string `json:"text"`
	}
	jsonFinding struct {
		Place    place  `json:"place"`
		Severity string `json:"severity"`
		Rule     string `json:"rule"`
		Message  string `json:"message"`
		Hint     string `json:"hint,omitempty"`
	}
	jsonDialed struct {
		Place   place   `json:"place"`
		Address string  `json:"address"`
		Code    string  `json:"code,omitempty"`
		Cause   string  `json:"cause"`
		Status  int     `json:"status,omitempty"`
		Detail  string  `json:"detail,omitempty"`
		Took    float64 `json:"took_ms"`
	}
	jsonLost struct {
		S500 int `json:"500"`
		S502 int `json:"502"`
		S503 int `json:"503"`
		S504 int `json:"504"`
	}
	jsonBins struct {
		Start  string    `json:"start"`
		Width  int       `json:"width_seconds"`
		Counts [bins]int `json:"counts"`
	}
	jsonRoute struct {
		Route string `json:"route"`
		Count int    `json:"count"`
	}
	jsonEventLine struct {
		File   string `json:"file"`
		Line   int    `json:"line"`
		Source string `json:"source"`
		Detail string `json:"detail,omitempty"`
		Text   string `json:"text"`
	}
	jsonSummary struct {
		Files  int      `json:"files"`
		Lines  int      `json:"lines"`
		Cut    int      `json:"cut"`
		Events int      `json:"events"`
		Lost   jsonLost `json:"lost"`
		Shares []share  `json:"shares"`
	}
)

// jsonVersion changes when a field changes its meaning or goes away.
const jsonVersion = 1

// WriteJSON writes the object that schema.json describes.
func WriteJSON(w io.Writer, r Report) error {
	out := jsonReport{Version: jsonVersion, Groups: []jsonGroup{}, Summary: r.json()}
	for _, g := range r.Summary.Groups() {
		out.Groups = append(out.Groups, g.json(&r))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

func (r *Report) json() jsonSummary {
	lost := r.Summary.Lost()
	return jsonSummary{
		Files: r.Files, Lines: r.Read.Lines, Cut: r.Read.Cut, Events: r.Summary.Events,
		Lost: jsonLost(lost), Shares: append([]share{}, lost.shares()...),
	}
}

func (g *Group) json(r *Report) jsonGroup {
	info := g.Cause.Info()
	out := jsonGroup{
		Cause: info.Name, Severity: info.Level.String(), Means: info.Means, Look: info.Look, Rules: info.Rules,
		Target: clean(g.Target), Server: clean(g.Server), Count: g.Count, Lost: jsonLost(g.Lost), Retried: g.Retried, Told: g.Told,
		Sample: jsonEventLine{clean(g.Sample.File), g.Sample.Line, g.Sample.Source.String(), clean(g.Sample.Detail), clean(g.Sample.Text)},
	}
	if !g.First.IsZero() {
		out.First, out.Last = g.First.Format(time.RFC3339), g.Last.Format(time.RFC3339)
		out.Histogram = &jsonBins{g.Over.Start().Format(time.RFC3339), int(g.Over.Width / time.Second), g.Over.Counts}
	}
	for _, route := range g.Routes {
		out.Routes = append(out.Routes, jsonRoute{clean(route.Route), route.Count})
	}
	out.addSite(g.Site, r)
	return out
}

// addSite adds what a configuration tells.
func (j *jsonGroup) addSite(s *Site, r *Report) {
	if s == nil {
		return
	}
	if at := s.At(); !at.IsZero() {
		place := r.place(at)
		j.Place = &place
	}
	if s.Upstream != nil {
		j.Upstream = clean(s.Upstream.Name)
	}
	if s.Route != nil {
		j.Route = &jsonWay{r.place(s.Route.At), routeText(s.Route)}
	}
	j.Stale, j.Now = clean(s.Stale), clean(s.Now)
	for _, d := range s.Findings {
		j.Findings = append(j.Findings, jsonFinding{r.place(d.At), d.Severity.String(), d.Rule, d.Message, d.Hint})
	}
	for _, result := range s.Dialed {
		for _, try := range result.Tries {
			j.Dialed = append(j.Dialed, jsonDialed{
				r.place(result.Addr.At), clean(result.Dialed(try)), string(try.Code), try.Cause.String(), try.Status,
				clean(try.Detail), float64(try.Took.Microseconds()) / 1000,
			})
		}
	}
}
