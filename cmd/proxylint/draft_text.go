package main

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const draftHead = `# yaml-language-server: $schema=https://raw.githubusercontent.com/proxylint/proxylint/main/lint/settings/schema.json
#
# How proxylint lints this repository. Paths are relative to this file. What a flag or the environment (PROXYLINT_FAIL_ON)
# says is stronger. Every key may be left out.

`

const draftTail = `
# What is not linted, as in a .gitignore.
# exclude:
#   - "*.bak.conf"
#   - legacy/

# What rules weigh: error, warning, info or off. proxylint rules lists them.
# rules:
#   frozen-dns: error
#   server-unchecked: off

# What they weigh in some files; the last override that names a rule counts.
# overrides:
#   - files: [staging/]
#     rules:
#       tls-verify-off: info

# Exit with 1 from this severity on: error, warning, info or never.
# fail-on: warning

# Findings that are known: proxylint lint --write-baseline proxylint-baseline.json
# baseline: proxylint-baseline.json

# Directives of nginx modules of your own.
# directives: [my_directive]

# More facts: what other tools print, and names that the proxy's machine knows.
# inventory: [servers.csv]
# ranges: [cloudflare-ips]
# hosts: hosts

# Bounds of a run that dials, which no file can ask for.
# live:
#   concurrency: 128
#   rate: 500
#   timeout: 4s
#   deadline: 1m
#   allow: [10.0.0.0/8]
#   deny: [10.9.0.0/16]
#   allow-public: false
`

func (d *draft) text() string {
	var b strings.Builder
	b.WriteString(draftHead)
	b.WriteString("# What proxylint lint reads when it is given no PATH. Without roots it looks for configurations in all folders.\n")
	d.writeRoots(&b)
	if len(d.around) > 0 {
		b.WriteString("\n# Found around them, and read without being named:\n")
		for _, line := range d.around[:min(len(d.around), maxRoots)] {
			fmt.Fprintf(&b, "#   %s\n", line)
		}
	}
	b.WriteString(draftTail)
	return b.String()
}

func (d *draft) writeRoots(b *strings.Builder) {
	comment := ""
	if !d.isSame {
		comment = "# "
		fmt.Fprintf(b, "# There are %d, which need no list.\n", len(d.roots))
	}
	fmt.Fprintf(b, "%sroots:\n", comment)
	for _, root := range d.roots[:min(len(d.roots), maxRoots)] {
		fmt.Fprintf(b, "%s  - path: %s\n", comment, yamlText(root.Path))
		if root.Dialect != syntax.AnyDialect {
			fmt.Fprintf(b, "%s    dialect: %s\n%s    # version: %s\n", comment, root.Dialect, comment, exampleVersion(root.Dialect))
		}
		for i, g := range root.guesses {
			if i == 0 {
				fmt.Fprintf(b, "%s    # map:\n", comment)
			}
			fmt.Fprintf(b, "%s    #   %s: %s # where %s seems to lie\n", comment, yamlText(g.machine), yamlText(g.here), yamlText(g.include))
		}
	}
}

func exampleVersion(d syntax.Dialect) string {
	if d == syntax.HAProxy {
		return "3.0"
	}
	return "1.27.3"
}

// yamlText writes a text as a YAML scalar on one line.
func yamlText(text string) string {
	scalar, err := yaml.Marshal(text)
	if line := strings.TrimSuffix(string(scalar), "\n"); err == nil && !strings.Contains(line, "\n") {
		return line
	}
	return strconv.Quote(text)
}
