package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/rules"
)

// TestReadmeSettings holds README.md to what is read from a settings file and from the environment.
func TestReadmeSettings(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "../../README.md"), "\n## Settings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, example, _ := strings.Cut(section, "```yaml\n")
	example, after, _ := strings.Cut(example, "```\n")

	var told []string
	for _, name := range regexp.MustCompile("`(?:PROXYLINT)?_([A-Z_]+)`").FindAllStringSubmatch(after, -1) {
		told = append(told, strings.ReplaceAll(strings.ToLower(name[1]), "_", "-"))
	}
	if diff := cmp.Diff(environmental, told); diff != "" {
		t.Errorf("variables in README.md (-there are +listed):\n%s", diff)
	}
	command := lintCommand()
	for _, name := range environmental {
		if !slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == name }) {
			t.Errorf("lint has no flag %s", name)
		}
	}

	t.Chdir(t.TempDir())
	if err := os.Mkdir("ops", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{settings.Name: example, "servers.csv": "", "ops/hosts": "", "ops/cloudflare-ips": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := settings.Read(settings.Name, settings.Options{Rules: rules.IDs()})
	if err != nil || len(s.Roots) != 2 || s.Live.Rate != 500 {
		t.Errorf("the example: got %v, %v", s, err)
	}
}
