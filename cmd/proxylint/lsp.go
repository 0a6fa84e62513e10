package main

import (
	"context"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/lsp"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/rules"
)

const lspHelp = `Usage: proxylint lsp [flags]

Serve an editor, which starts this by itself: the Language Server Protocol on standard input and output.
What is open is linted as it is typed, inside the configuration that it belongs to.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}`

func lspCommand() *cli.Command {
	flags := append(inputFlags(), &cli.BoolFlag{
		Name: "stdio", DisableDefaultText: true, Usage: "speak on standard input and output, as it does anyway",
	})
	return &cli.Command{
		Name:               "lsp",
		CustomHelpTemplate: lspHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runLSP,
		Flags: slices.DeleteFunc(flags, func(f cli.Flag) bool {
			return f.Names()[0] == "stdin-filename" || f.Names()[0] == "dialect"
		}),
	}
}

// runLSP serves one editor. The protocol's exit code for one that leaves in disorder is 1.
func runLSP(c *cli.Context) error {
	if c.NArg() > 0 {
		return errors.New("lsp takes no paths: the editor tells what is open")
	}
	in, err := newInput(c)
	if err != nil {
		return err
	}
	err = lsp.Serve(c.Context, c.App.Reader, c.App.Writer, c.App.ErrWriter, lsp.Options{
		Version:   buildVersion(),
		Doc:       ruleMarkdown,
		FactRoots: factRoots,
		Facts:     in.factsBelow,
		Load:      in.loadOpen,
		Judge:     in.judgeOpen,
	})
	if errors.Is(err, lsp.ErrNoShutdown) {
		return errFindings
	}
	return err
}

func ruleMarkdown(id string) string {
	if rules.Find(id) == nil {
		return ""
	}
	return documented(id).Markdown
}

// factsBelow reads what the flags name, and what lies below a folder.
func (in *input) factsBelow(root string) *inventory.Facts {
	facts, err := in.around.named()
	if err != nil { // a file that was there at the start is gone
		facts = &inventory.Facts{}
	}
	if !in.around.off && root != "" {
		facts.Discover(root)
	}
	return facts
}

// loadOpen reads configurations of which some files are open in an editor.
func (in *input) loadOpen(
	paths []string, open map[string]parsers.Document, facts *inventory.Facts,
) ([]*proxy.Config, error) {
	now := *in
	now.options.Open, now.facts = open, facts
	configs, err := parsers.Load(paths, now.options)
	if err != nil {
		return nil, err
	}
	now.associate(configs)
	return configs, nil
}

// judgeOpen lints what loadOpen read.
func (in *input) judgeOpen(ctx context.Context, configs []*proxy.Config, facts *inventory.Facts) lint.Result {
	now := *in
	now.facts = facts
	return now.judge(ctx, configs, rules.All(), nil)
}
