package rules

import (
	"context"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/sample"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// BenchmarkRules sets the time of all rules beside that of reading the same 100,000 lines.
func BenchmarkRules(b *testing.B) {
	for dialect, text := range map[syntax.Dialect]string{syntax.Nginx: sample.Nginx(4000), syntax.HAProxy: sample.HAProxy(4000)} {
		load := func(b *testing.B) []*proxy.Config {
			configs, err := parsers.LoadText("big", text, parsers.Options{Dialect: dialect})
			if err != nil {
				b.Fatal(err)
			}
			return configs
		}
		b.Run(dialect.String()+"/read", func(b *testing.B) {
			for b.Loop() {
				load(b)
			}
		})
		b.Run(dialect.String()+"/rules", func(b *testing.B) {
			configs := load(b)
			for b.Loop() {
				if found := lint.Run(context.Background(), configs, All(), lint.Around{Inventory: &inventory.Facts{}}).Diagnostics; len(found) > 0 {
					b.Fatal(found[0].Message)
				}
			}
		})
	}
}
