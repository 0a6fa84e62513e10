package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/rules"
)

const rulesHelp = `Usage: proxylint rules [flags] [ID]

List all rules, or explain one: what goes wrong, when, and what to write instead.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint rules port-scheme-mismatch
  proxylint rules --family timeouts --dialect haproxy
`

func rulesCommand() *cli.Command {
	return &cli.Command{
		Name:               "rules",
		CustomHelpTemplate: rulesHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runRules,
		BashComplete:       completeRules,
		Flags: []cli.Flag{
			oneOf(ruleFormats, &cli.StringFlag{
				Name: "format", Value: "text", DefaultText: "text", Usage: "write `F`: text, json or markdown",
			}),
			oneOf(keys(families()), &cli.StringFlag{
				Name: "family", Usage: "list the rules of `FAMILY`: " + alternatives(keys(families())),
			}),
			oneOf(keys(ruleSeverities), &cli.StringFlag{
				Name: "severity", Usage: "list the rules of `SEVERITY`: error, warning or info",
			}),
			oneOf(keys(dialects), &cli.StringFlag{Name: "dialect", Usage: "list the rules for `D`: nginx, haproxy or cloudflared"}),
			colorFlag(),
		},
	}
}

// completeRules offers the IDs of all rules, with their titles.
func completeRules(c *cli.Context) {
	if c.NArg() > 0 {
		return
	}
	for _, r := range rules.All() {
		fmt.Fprintf(c.App.Writer, "%s\t%s\n", r.ID, r.Doc.Title)
	}
}

var ruleFormats = []string{"json", "markdown", "text"}

// ruleSeverities are those that a rule may have.
var ruleSeverities = map[string]lint.Severity{"": 0, "error": lint.Error, "warning": lint.Warning, "info": lint.Info}

func families() map[string]lint.Family {
	byName := map[string]lint.Family{"": 0}
	for _, f := range lint.Families() {
		byName[f.String()] = f
	}
	return byName
}

func runRules(c *cli.Context) error {
	if !slices.Contains(ruleFormats, c.String("format")) {
		return notOneOf("--format", c.String("format"), ruleFormats)
	}
	color, err := pick(c, "color", colors)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if c.NArg() == 0 {
		err = listRules(&out, c, color(c.App.Writer))
	} else {
		err = explainRule(&out, c)
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(c.App.Writer)
	return err
}

// listRules writes those rules that the flags ask for, by family.
func listRules(out *bytes.Buffer, c *cli.Context, color bool) error {
	family, familyErr := pick(c, "family", families())
	severity, severityErr := pick(c, "severity", ruleSeverities)
	dialect, dialectErr := pick(c, "dialect", dialects)
	if err := cmp.Or(familyErr, severityErr, dialectErr); err != nil {
		return err
	}
	list := slices.DeleteFunc(rules.All(), func(r *lint.Rule) bool {
		return family != 0 && r.Family != family || severity != 0 && r.Severity != severity ||
			dialect != syntax.AnyDialect && !r.Serves(dialect)
	})
	slices.SortStableFunc(list, func(a, b *lint.Rule) int { return cmp.Compare(a.Family, b.Family) })
	switch c.String("format") {
	case "json":
		return report.WriteRulesJSON(out, list)
	case "markdown":
		return rules.WriteMarkdown(out, list)
	}
	return report.WriteRuleTable(out, list, screenWidth(c.App.Writer), color)
}

// explainRule writes all there is to say of one rule.
func explainRule(out *bytes.Buffer, c *cli.Context) error {
	if c.NArg() > 1 {
		return errors.New("rules explains one ID at a time")
	}
	if c.IsSet("family") || c.IsSet("severity") || c.IsSet("dialect") {
		return errors.New("--family, --severity and --dialect choose from the list, and an ID names one rule")
	}
	id := c.Args().First()
	rule := rules.Find(id)
	if rule == nil {
		var ids []string
		for _, r := range rules.All() {
			ids = append(ids, r.ID)
		}
		return unknown("unknown rule", fmt.Sprintf("%q", id), id, ids)
	}
	switch c.String("format") {
	case "json":
		return report.WriteRulesJSON(out, []*lint.Rule{rule})
	case "markdown":
		out.WriteString(documented(id).Markdown)
		return nil
	}
	return rules.WriteDoc(out, rule)
}

// screenWidth returns the columns of the terminal that w is; 0: it is none, or does not tell.
func screenWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
