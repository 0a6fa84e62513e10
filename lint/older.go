package lint

import "slices"

// Move has a baseline know its findings in another folder, where some files have other names: was gives the names that
// they had.
func (b *Baseline) Move(dir string, was map[string]string) {
	b.dir, b.was = dir, was
}

// LeaveOlder leaves out the findings that are older than a change, and returns how many they are: no place of theirs is
// changed, and they were known before. What was known is asked for only where there are findings that it may hold.
func (r *Result) LeaveOlder(changed func(Diagnostic) bool, known func() (*Baseline, error)) (int, error) {
	isNew := make([]bool, len(r.Diagnostics))
	var others []Diagnostic
	for i, d := range r.Diagnostics {
		if isNew[i] = changed(d); !isNew[i] {
			others = append(others, d)
		}
	}
	if len(others) == 0 {
		return 0, nil
	}
	before, err := known()
	if err != nil {
		return 0, err
	}
	identities := before.identify(others)
	i := -1
	var left []Diagnostic
	for at, d := range r.Diagnostics {
		if !isNew[at] {
			i++
		}
		if isNew[at] || !before.entries[identities[i]] {
			left = append(left, d)
		}
	}
	older := len(r.Diagnostics) - len(left)
	r.Diagnostics = slices.Clip(left)
	r.Suppressed += older
	return older, nil
}
