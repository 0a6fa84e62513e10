package rules

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestSettingsSchema holds the rules that editors offer in a .proxylint.yaml to those there are.
func TestSettingsSchema(t *testing.T) {
	const path = "../lint/settings/schema.json"
	schema, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := json.Marshal(IDs())
	if err != nil {
		t.Fatal(err)
	}
	list := `"propertyNames": { "enum": ` + strings.ReplaceAll(string(ids), ",", ",\n        ") + ` }`
	now := regexp.MustCompile(`"propertyNames": \{ "enum": [^\]]*\] \}`).ReplaceAllLiteralString(string(schema), list)
	switch {
	case !strings.Contains(now, list):
		t.Errorf("%s has no place for the rules", path)
	case *update:
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	case now != string(schema):
		t.Errorf("%s lists other rules: run go generate ./rules", path)
	}
}
