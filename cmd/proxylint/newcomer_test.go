package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestNewcomer spends a newcomer's first hour with proxylint, in testdata/newcomer: the clone, the build and all that
// comes after are real. It sees what is committed.
func TestNewcomer(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds twice")
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"git", "go", "pre-commit"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if err := exec.Command("git", "-C", repository, "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no clone")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/newcomer",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("REPOSITORY", repository)
			e.Setenv("PATH", filepath.Join(e.WorkDir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("PRE_COMMIT_HOME", filepath.Join(e.WorkDir, ".pre-commit"))
			e.Setenv("GIT_CONFIG_COUNT", "1") // the clone belongs to whoever made it
			e.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
			e.Setenv("GIT_CONFIG_VALUE_0", "*")
			for _, name := range []string{"AUTHOR", "COMMITTER"} {
				e.Setenv("GIT_"+name+"_NAME", "a newcomer")
				e.Setenv("GIT_"+name+"_EMAIL", "newcomer@example.org")
			}
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOFLAGS"} { // nothing is fetched twice
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(value)))
			}
			return nil
		},
	})
}
