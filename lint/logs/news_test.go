package logs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestNews tells of two servers that fail again and again.
func TestNews(t *testing.T) {
	const one, two = "10.0.0.1:80", "10.0.0.2:80"
	s, now := NewSummary(), time.Date(2025, 11, 23, 14, 2, 0, 0, time.UTC)
	fails := func(servers ...string) {
		for _, server := range servers {
			s.Add(&Event{Source: NginxAccess, Cause: Answered502, Status: 502, Upstream: server, Time: now, File: "access.log", Line: 1})
		}
	}
	var text, lines News
	lines.JSON = true
	told := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := text.Tell(&out, Report{Summary: s}, now); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	var objects bytes.Buffer
	alsoJSON := func() {
		if err := lines.Tell(&objects, Report{Summary: s}, now); err != nil {
			t.Fatal(err)
		}
	}

	if got := told(); got != "" {
		t.Errorf("told before anything happened: %s", got)
	}
	fails(one, one)
	alsoJSON()
	if got := told(); !strings.HasPrefix(got, "error: answered-502 10.0.0.1:80: 2 × 502\n    2025-11-23 14:02:00\n    = ") {
		t.Errorf("the first is not told in full: %s", got)
	}
	now = now.Add(time.Second)
	fails(one, two)
	alsoJSON()
	if got := told(); !strings.HasPrefix(got, "error: answered-502 10.0.0.2:80: 1 × 502\n") || strings.Contains(got, one) {
		t.Errorf("want the second alone: %s", got)
	}
	now = now.Add(again)
	if got, want := told(), "error: answered-502 10.0.0.1:80: 3 × 502; 1 line more until 2025-11-23 14:02:01\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := told(); got != "" {
		t.Errorf("told twice: %s", got)
	}

	fails(two)
	if err := lines.End(&objects, Report{Summary: s, Files: 1}, now); err != nil {
		t.Fatal(err)
	}
	isNews(t, objects.String(), []int{2, 1, 3, 2}, 5)
}

// isNews holds lines to schema.json, to the counts of their groups and to the summary's number of events.
func isNews(t *testing.T, lines string, counts []int, events int) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("schema.json#/$defs/news")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(lines) {
		object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); err != nil {
			t.Error(err)
		}
		var news jsonNews
		if err := json.Unmarshal([]byte(line), &news); err != nil {
			t.Fatal(err)
		}
		switch {
		case len(counts) > 0 && (news.Group == nil || news.Group.Count != counts[0]):
			t.Errorf("want a count of %d: %s", counts[0], line)
		case len(counts) == 0 && (news.Summary == nil || news.Summary.Events != events):
			t.Errorf("want a summary of %d events: %s", events, line)
		}
		counts = counts[min(1, len(counts)):]
	}
	if len(counts) > 0 {
		t.Errorf("%d lines are missing", len(counts))
	}
}
