package rules

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// FuzzTunnel is FuzzLint for cloudflared's configurations.
func FuzzTunnel(f *testing.F) {
	for _, rule := range All() {
		if rule.Serves(syntax.Cloudflared) {
			f.Add(rule.Doc.Bad.Cloudflared)
			f.Add(rule.Doc.Good.Cloudflared)
		}
	}
	name := filepath.Join(f.TempDir(), "fuzz.yml")
	f.Fuzz(func(t *testing.T, text string) {
		configs, err := parsers.LoadText(name, text, parsers.Options{Dialect: syntax.Cloudflared})
		if err != nil {
			return
		}
		probe.Plan(configs, &inventory.Facts{})
		result := lint.Run(context.Background(), configs, All(), lint.Around{Inventory: &inventory.Facts{}})
		for _, d := range result.Diagnostics {
			checkFinding(t, d)
		}
		checkReports(t, result)
	})
}
