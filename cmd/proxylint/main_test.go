package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"proxylint": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"refuses": refuses,
			"write":   writeEscaped,
		},
	})
}

// exits runs proxylint, which must end with an exit code: "exits 1 lint nginx.conf".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	err := ts.Exec("proxylint", args[1:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// refuses runs proxylint, which must exit with 2, write nothing to standard output and one line to
// standard error: "refuses 'none.conf: no such file or directory' lint none.conf".
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	exits(ts, neg, append([]string{strconv.Itoa(exitTrouble)}, args[1:]...))
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output is not empty: %q", out)
	}
	if got, want := ts.ReadFile("stderr"), "proxylint: "+args[0]+"\n"; got != want {
		ts.Fatalf("standard error is %q, want %q", got, want)
	}
}

// writeEscaped makes a file of bytes that a script can't hold: "write bin.conf '\x00\x01'".
func writeEscaped(ts *testscript.TestScript, _ bool, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
