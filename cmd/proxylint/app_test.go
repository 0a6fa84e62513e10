package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestAllIsTold holds what tells of commands and flags to those there are.
func TestAllIsTold(t *testing.T) {
	app := newApp(strings.NewReader(""), nil, nil)
	page := printed(t, "man")
	help := printed(t, "--help")
	offered := printed(t, "__complete", "--word=", "--")
	for _, command := range app.VisibleCommands() {
		if line := "  " + command.Name + " "; !strings.Contains(help, line) {
			t.Errorf("the help does not list %s", command.Name)
		}
		if command.Usage == "" || !strings.Contains(offered, command.Name+"\t"+command.Usage+"\n") {
			t.Errorf("%s: completion does not say what it does: its help must begin with its usage, then that", command.Name)
		}
		if !strings.Contains(page, `.SS "`+command.Name) {
			t.Errorf("the manual page does not describe %s", command.Name)
		}
		flags := printed(t, "__complete", "--word=--", "--", command.Name)
		for _, f := range command.VisibleFlags() {
			name := "--" + f.Names()[0]
			if !strings.Contains(flags, name+"\t") {
				t.Errorf("%s: completion does not offer %s", command.Name, name)
			}
			if !strings.Contains(page, `\fB`+roffText(name)) {
				t.Errorf("%s: the manual page does not describe %s", command.Name, name)
			}
		}
	}
}

// TestChoicesAreTold holds the words that completion offers for a flag to those that its help names.
func TestChoicesAreTold(t *testing.T) {
	for _, command := range newApp(nil, nil, nil).Commands {
		for _, f := range command.Flags {
			choice, ok := f.(choiceFlag)
			if !ok {
				continue
			}
			told := strings.FieldsFunc(choice.GetUsage(), func(r rune) bool { return strings.ContainsRune(" ,;:", r) })
			for _, word := range choice.choices {
				if !slices.Contains(told, word) {
					t.Errorf("%s --%s: the help does not name %q: %q", command.Name, f.Names()[0], word, choice.GetUsage())
				}
			}
		}
	}
}

func TestSummary(t *testing.T) {
	for help, want := range map[string]string{
		"Usage: proxylint a\n\nList what\nis there. More.\n\nFlags:\n": "list what is there",
		"Usage: proxylint a\n\nList what is there: all.\n":             "list what is there",
		"Usage: proxylint a\n\nRead nginx.conf.\n":                     "read nginx.conf",
		"Usage: proxylint a\n":                                         "",
		"":                                                             "",
	} {
		if got := summary(help); got != want {
			t.Errorf("summary(%q) = %q, want %q", help, got, want)
		}
	}
}

// printed runs proxylint, and returns what it writes.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitClean {
		t.Fatalf("proxylint %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
	}
	return stdout.String()
}
