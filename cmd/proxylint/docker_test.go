package main

import (
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// TestDockerfile does outside a container what the Dockerfile does in one, and looks at the image's settings.
func TestDockerfile(t *testing.T) {
	buildsInScript(t)
	if runtime.GOOS != "linux" {
		t.Skip("the image is for Linux")
	}
	build, final := readDockerfile(t)
	context := t.TempDir()
	copyContext(t, context)
	script := strings.ReplaceAll(strings.Join(build["RUN"], "\n"), "/out/", context+"/out/")
	command := exec.Command("sh", "-ec", script)
	command.Dir = context
	command.Env = append(os.Environ(), "VERSION=1.2.3", "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("RUN %s: %v: %s", script, err, out)
	}
	binary := filepath.Join(context, "out", "proxylint")

	copied := strings.Fields(final["COPY"][1])
	if want := []string{"--from=build", "/out/proxylint", dockerEntrypoint(t, final)}; !slices.Equal(copied, want) {
		t.Errorf("COPY %q, want %q", copied, want)
	}
	readFile(t, filepath.Join(context, strings.Fields(final["COPY"][0])[0]))
	isStatic(t, binary)
	if out, err := exec.Command(binary, "--version").Output(); err != nil || string(out) != "proxylint version 1.2.3\n" {
		t.Errorf("--version: %v, %q", err, out)
	}
	hook := strings.Fields(readHooks(t)["proxylint-docker"].Entry)
	if hook[0] != dockerEntrypoint(t, final) {
		t.Errorf("the hook runs %s, which is not in the image", hook[0])
	}
	lint := exec.Command(binary, hook[1:]...)
	lint.Dir = newWorkspace(t)
	if out, err := lint.Output(); lint.ProcessState.ExitCode() != exitFindings || !strings.Contains(string(out), "shop/haproxy.cfg:7:21: error: ") {
		t.Errorf("%s: %v, %s", hook, err, out)
	}
}

func TestDockerImage(t *testing.T) {
	build, final := readDockerfile(t)
	if from := final["FROM"][0]; from != "scratch" {
		t.Errorf("the image is made from %s", from)
	}
	user, _, _ := strings.Cut(final["USER"][0], ":")
	if id, err := strconv.Atoi(user); err != nil || id == 0 {
		t.Errorf("USER %s, want a number other than 0", user)
	}
	if dir := final["WORKDIR"][0]; dir != "/src" {
		t.Errorf("WORKDIR %s", dir)
	}
	for _, label := range []string{"title", "description", "source", "licenses", "version"} {
		if !strings.Contains(final["LABEL"][0], "org.opencontainers.image."+label+`="`) {
			t.Errorf("no label %s", label)
		}
	}
	_, compiler, _ := strings.Cut(build["FROM"][0], "golang:")
	compiler, _, _ = strings.Cut(compiler, " ")
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "../../go.mod"))[1]
	if compiler != wanted {
		t.Errorf("built with Go %s, go.mod wants %s", compiler, wanted)
	}
}

// isStatic checks that a program needs no loader and no library.
func isStatic(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is linked dynamically: it has a %s", path, p.Type)
		}
	}
}

func dockerEntrypoint(t *testing.T, stage map[string][]string) string {
	t.Helper()
	var words []string
	if err := json.Unmarshal([]byte(stage["ENTRYPOINT"][0]), &words); err != nil || len(words) != 1 {
		t.Fatalf("ENTRYPOINT %s: %v", stage["ENTRYPOINT"], err)
	}
	return words[0]
}

// readDockerfile returns the instructions of both stages by their names.
func readDockerfile(t *testing.T) (build, final map[string][]string) {
	t.Helper()
	var stages []map[string][]string
	text := strings.ReplaceAll(readFile(t, "../../Dockerfile"), "\\\n", "")
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if name == "FROM" {
			stages = append(stages, map[string][]string{})
		}
		stage := stages[len(stages)-1]
		stage[name] = append(stage[name], rest)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages, want 2", len(stages))
	}
	return stages[0], stages[1]
}

// copyContext copies to a folder what Docker would be sent of this repository.
func copyContext(t *testing.T, dir string) {
	t.Helper()
	patterns, err := ignorefile.ReadAll(strings.NewReader(readFile(t, "../../.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("../..", path)
		if err != nil {
			return err
		}
		switch skip, err := ignored.MatchesOrParentMatches(name); {
		case err != nil:
			return err
		case skip || entry.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
