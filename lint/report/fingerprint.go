package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// fingerprints returns one for each diagnostic, in their order. It tells a finding from all others of the
// run, and stays when lines are added, moved or indented around it. Secrets take no part: a short one
// could be guessed from its hash.
func (o Options) fingerprints(list []lint.Diagnostic) []string {
	secrets := secretFinder{}
	seen := map[string]int{}
	var prints []string
	for _, d := range list {
		source, _ := excerpt(d.At, secrets.near(d.At))
		words := strings.Join(strings.Fields(source), " ")
		same := strings.Join([]string{d.Rule, o.path(d.At.File.Path), words}, "\x00")
		seen[same]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", same, seen[same]))
		prints = append(prints, hex.EncodeToString(sum[:16]))
	}
	return prints
}
