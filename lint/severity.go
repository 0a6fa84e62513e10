package lint

// Reweigh gives findings the severity that somebody has set for a rule and a file, as set reports it; the zero one
// leaves a finding out. What the rule itself holds for less grave than its own severity is never raised.
func (r *Result) Reweigh(rules []*Rule, set func(rule, path string) (s Severity, ok bool)) {
	own := map[string]Severity{}
	for _, rule := range rules {
		own[rule.ID] = rule.Severity
	}
	var left []Diagnostic
	for _, d := range r.Diagnostics {
		s, ok := set(d.Rule, d.At.File.Path)
		switch {
		case ok && s == 0:
			continue
		case ok && d.Severity >= own[d.Rule]:
			d.Severity = s
		case ok:
			d.Severity = min(d.Severity, s)
		}
		left = append(left, d)
	}
	r.Diagnostics = left
}
