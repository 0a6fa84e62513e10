package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bashCompletion is Debian's package of that name.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// TestCompletionInShells types commands with tabs in them at real shells, and looks at the arguments that come of it.
func TestCompletionInShells(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("script(1) takes other flags elsewhere")
	}
	const bash, load = "bash --norc --noprofile -i", `eval "$(proxylint completion `
	for name, shell := range map[string]struct{ command, setup, needs string }{
		"bash":                 {bash, load + `bash)"`, "bash"},
		"bash-with-completion": {bash, ". " + bashCompletion + "; " + load + `bash)"`, bashCompletion},
		"zsh":                  {"zsh -f -i", "autoload -U compinit; compinit -u -D; " + load + `zsh)"`, "zsh"},
		"fish":                 {"fish --no-config -i", "proxylint completion fish | source", "fish"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, program := range []string{"script", shell.needs} {
				if _, err := exec.LookPath(program); err != nil && !isFile(program) {
					t.Skip(program + " is not here")
				}
			}
			t.Parallel()
			testShell(t, shell.command, shell.setup)
		})
	}
}

func testShell(t *testing.T, command, setup string) {
	tests := []struct{ typed, want string }{
		{"rul\tfroz\t", "<rules><frozen-dns>"},
		{"rules a.c\t", "<rules><a.c>"}, // no file can stand there
		{"lint --diff-\t --form\t sar\t a.c\t", "<lint><--diff-fix><--format><sarif><a.conf>"},
		{"lint --fail-on=warn\t b\t", "<lint><--fail-on=warning><b $(touch ran).conf>"},
		{"lint --hosts=a.c\t", "<lint><--hosts=a.conf>"},
		{"lint --hosts a.c\t", "<lint><--hosts><a.conf>"},
		{"lint --format json=a.c\t", "<lint><--format><json=a.conf>"},
		{"lint -- --for\t a.c\t", "<lint><--><--for><a.conf>"},
		{"lint b\t a.c\t", "<lint><b $(touch ran).conf><a.conf>"},
		{"inv\t", "<inventory>"},
	}
	keys, want := setup+"\n", ""
	for _, test := range tests {
		keys += "proxylint " + test.typed + "\n"
		want += test.want + "\n"
	}
	dir := t.TempDir()
	for _, file := range []string{"a.conf", "b $(touch ran).conf"} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := filepath.Join(t.TempDir(), "seen")
	screen := typeAt(t, command, dir, keys+"exit\n", "SEEN="+seen, "PATH="+recorder(t)+":"+os.Getenv("PATH"))
	if diff := cmp.Diff(want, readFile(t, seen)); diff != "" {
		t.Errorf("%s: other arguments (-want +got):\n%s\n%s", command, diff, screen)
	}
	if isFile(filepath.Join(dir, "ran")) {
		t.Error("the name of a file was run")
	}
}

// typeAt gives keys to a shell on a terminal, and returns what it shows.
func typeAt(t *testing.T, command, dir, keys string, env ...string) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "script", "-qec", command, os.DevNull)
	shell.Dir, shell.Stdin = dir, strings.NewReader(keys)
	shell.Env = append(append(os.Environ(), "TERM=xterm", "HOME="+t.TempDir(), "HISTFILE="), env...)
	screen, err := shell.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: %v: %s", command, err, screen)
	}
	return string(screen)
}

// recorder returns a folder with a proxylint that completes as the real one does, and else writes its arguments down.
func recorder(t *testing.T) string {
	real, err := exec.LookPath("proxylint")
	if err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
case $1 in __complete | completion) exec '` + real + `' "$@" ;; esac
printf '<%s>' "$@" >>"$SEEN"
echo >>"$SEEN"
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "proxylint"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
