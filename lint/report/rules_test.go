package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var someRules = []*lint.Rule{
	{
		ID: "port-zero", Family: lint.Ports, Severity: lint.Error, Symptom: "start failure",
		Doc: lint.Doc{Title: "port 0", Why: "Why.", How: "How.", Links: []string{"https://nginx.org"}, Since: "0.1"},
	},
	{
		ID: "mode-mismatch", Family: lint.Pools, Severity: lint.Warning, Symptom: "503 for a share of requests", Dialect: syntax.HAProxy,
		Doc: lint.Doc{
			Title: "a section in HTTP that leads to one that is in TCP", Why: "Why.", How: "How.",
			Links: []string{"https://docs.haproxy.org"}, Since: "0.1",
		},
	},
}

func TestRulesJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("rules.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var ofEach []*lint.Rule
	for _, f := range lint.Families() {
		r := *someRules[0]
		r.Family = f
		ofEach = append(ofEach, &r)
	}
	for _, rules := range [][]*lint.Rule{someRules, ofEach, nil} {
		var out bytes.Buffer
		if err := WriteRulesJSON(&out, rules); err != nil {
			t.Fatal(err)
		}
		object, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range []string{`{"version": 1}`, `{"version": 1, "rules": [{"id": "port-zero"}]}`, `{"version": 2, "rules": []}`} {
		object, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(object) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
}

func TestRuleTable(t *testing.T) {
	for _, test := range []struct {
		width int
		want  string
	}{
		{0, `
RULE           SEVERITY  FAMILY     SYMPTOM                      FINDS
port-zero      error     ports      start failure                port 0
mode-mismatch  warning   pools      503 for a share of requests  a section in HTTP that leads to one that is in TCP
`},
		{72, `
RULE           SEVERITY  FAMILY     SYMPTOM     FINDS
port-zero      error     ports      start fai…  port 0
mode-mismatch  warning   pools      503 for a…  a section in HTTP that …
`},
		{9, `
RULE           SEVERITY  FAMILY     SYMPTOM  FINDS
port-zero      error     ports      start …  port…
mode-mismatch  warning   pools      503 fo…  a se…
`},
	} {
		var out strings.Builder
		if err := WriteRuleTable(&out, someRules, test.width, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, "\n"+out.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", test.width, diff)
		}
	}
}
