package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

const manHelp = `Usage: proxylint man

Write the manual page, as man(1) reads it.

Examples:
  proxylint man > proxylint.1
  proxylint man | man -l -

Environment:
  SOURCE_DATE_EPOCH    the date on the page, in seconds since 1970 (default: that of the commit it was built from)
`

func manCommand() *cli.Command {
	return &cli.Command{
		Name:               "man",
		CustomHelpTemplate: manHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return errors.New("man takes no arguments")
			}
			date, err := manDate()
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write([]byte(manPage(c.App, date)))
			return err
		},
	}
}

// manDate returns the day of the page, YYYY-MM-DD: never that of today, so that one commit gives one page
// (reproducible-builds.org/specs/source-date-epoch). It is "" where nothing tells.
func manDate() (string, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return "", fmt.Errorf("SOURCE_DATE_EPOCH: %q is not a number of seconds", epoch)
		}
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
	}
	info, _ := debug.ReadBuildInfo()
	for i := 0; info != nil && i < len(info.Settings); i++ {
		if info.Settings[i].Key == "vcs.time" {
			day, _, _ := strings.Cut(info.Settings[i].Value, "T")
			return day, nil
		}
	}
	return "", nil
}

// manPage makes the page from the help of proxylint and that of each command.
func manPage(app *cli.App, date string) string {
	page := roff{}
	page.line(`.TH PROXYLINT 1 "` + date + `" "` + roffText(app.Name+" "+app.Version) + `" "User Commands"`)
	page.heading("SH", "NAME")
	page.line(app.Name + ` \- ` + roffText(app.Usage))

	var commands roff
	page.heading("SH", "SYNOPSIS")
	for _, command := range app.VisibleCommands() {
		help := helpParts(command.CustomHelpTemplate, command)
		usage := strings.TrimPrefix(help[0].lines[0], app.Name+" ")
		page.paragraph()
		page.line(`\fB` + app.Name + `\fR ` + roffText(usage))
		commands.heading("SS", usage)
		for _, part := range help[1:] {
			if part.title != "" {
				commands.paragraph()
				commands.line(`\fI` + roffText(part.title) + `\fR:`)
			}
			commands.part(part)
		}
	}
	page.heading("SH", "COMMANDS")
	page.WriteString(commands.String())
	for _, part := range helpParts(app.CustomAppHelpTemplate, app)[1:] {
		if part.title != "Usage" && part.title != "Commands" {
			page.heading("SH", manTitle(part.title))
			page.part(part)
		}
	}
	page.heading("SH", "SEE ALSO")
	page.line(`.BR nginx (8),`)
	page.line(`.BR haproxy (1)`)
	return page.String()
}

// manTitle returns the heading that man-pages(7) gives a part of the help.
func manTitle(title string) string {
	switch title {
	case "Exit codes":
		return "EXIT STATUS"
	case "Example":
		return "EXAMPLES"
	}
	return strings.ToUpper(title)
}

// helpPart is a paragraph of help.
type helpPart struct {
	title string // that it begins with, without the colon; "": it has none
	lines []string
}

// helpParts renders a help text, and takes it apart at its empty lines.
func helpParts(template string, data any) []helpPart {
	var text strings.Builder
	cli.HelpPrinter(&text, template, data)
	title := regexp.MustCompile(`^([A-Z][A-Za-z ]*):(?:\s+|$)`)
	var parts []helpPart
	for p := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n\n") {
		var part helpPart
		if found := title.FindStringSubmatch(p); found != nil {
			part.title = found[1]
			p = p[len(part.title)+len(":"):]
		}
		part.lines = strings.Split(strings.Trim(p, " \n"), "\n")
		parts = append(parts, part)
	}
	return parts
}

// roff is a page in the making, in the macros of man(7).
type roff struct {
	strings.Builder
	headed bool // nothing stands below the last heading yet
}

func (r *roff) line(s string) {
	r.WriteString(s + "\n")
	r.headed = false
}

func (r *roff) heading(macro, text string) {
	r.line("." + macro + ` "` + strings.ReplaceAll(roffText(text), `"`, `\(dq`) + `"`)
	r.headed = true
}

// paragraph begins one; a heading has begun it already.
func (r *roff) paragraph() {
	if !r.headed {
		r.line(".PP")
	}
}

// part writes a paragraph: examples as they are, a name and its meaning as a list, all else as running text.
func (r *roff) part(p helpPart) {
	switch {
	case strings.HasPrefix(p.title, "Example"):
		r.paragraph()
		r.line(".EX")
		for _, line := range p.lines {
			r.line(roffLine(strings.TrimPrefix(line, "  ")))
		}
		r.line(".EE")
	case isList(p.lines):
		for _, line := range p.lines {
			name, meaning := listItem(line)
			r.line(".TP")
			r.line(`\fB` + roffText(name) + `\fR`)
			r.line(roffLine(meaning))
		}
	default:
		if p.title == "" {
			r.paragraph()
		}
		for _, line := range p.lines {
			r.line(roffLine(line))
		}
	}
}

func isList(lines []string) bool {
	for _, line := range lines {
		if _, meaning := listItem(line); meaning == "" {
			return false
		}
	}
	return true
}

// listItem takes "  name   meaning" apart.
func listItem(line string) (name, meaning string) {
	name, meaning, _ = strings.Cut(strings.TrimSpace(line), "  ")
	return name, strings.TrimSpace(meaning)
}

// roffText writes text so that it means itself: hyphens that can be copied, and no escapes.
func roffText(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

// roffLine writes a line of text, which is never taken for a macro.
func roffLine(s string) string {
	s = roffText(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
