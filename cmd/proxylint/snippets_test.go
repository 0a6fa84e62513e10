package main

import (
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// inCI returns the section of README.md about CI.
func inCI(t *testing.T) string {
	t.Helper()
	_, section, ok := strings.Cut(readFile(t, "../../README.md"), "\n## In CI\n")
	section, _, ok2 := strings.Cut(section, "\n## ")
	if !ok || !ok2 {
		t.Fatal("README.md has no section In CI")
	}
	return section
}

// TestCISnippets holds the YAML in README.md to the files that it speaks of.
func TestCISnippets(t *testing.T) {
	var all struct {
		Permissions map[string]string
		Jobs        map[string]struct{ Steps []actionStep }
		Include     []struct{ Remote string }
		Proxylint   gitlabJob
		Repos       []struct {
			Repo  string
			Hooks []struct{ ID string }
		}
	}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(inCI(t), -1) {
		if err := yaml.Unmarshal([]byte(block[1]), &all); err != nil {
			t.Fatalf("%v in %s", err, block[1])
		}
	}

	steps := all.Jobs["proxylint"].Steps
	uses := steps[len(steps)-1]
	var a action
	parseYAML(t, "../../action.yml", &a)
	for name := range uses.With {
		if _, ok := a.Inputs[name]; !ok {
			t.Errorf("the action has no input %s", name)
		}
	}
	if uses.With["sarif"] != "true" || all.Permissions["security-events"] != "write" || !strings.HasPrefix(uses.Uses, "proxylint/proxylint@") {
		t.Errorf("the workflow's step is %+v", uses)
	}

	readFile(t, "../../"+path.Base(all.Include[0].Remote))
	variables := readGitLabJob(t).Variables
	for name := range all.Proxylint.Variables {
		if _, ok := variables[name]; !ok {
			t.Errorf("the GitLab job has no variable %s", name)
		}
	}

	for _, hook := range all.Repos[0].Hooks {
		if readHooks(t)[hook.ID].Entry == "" {
			t.Errorf("there is no hook %s", hook.ID)
		}
	}
}

// TestCIVersions holds all that names a release to the same one.
func TestCIVersions(t *testing.T) {
	var a action
	parseYAML(t, "../../action.yml", &a)
	version := a.Inputs["version"].Default
	if other := readGitLabJob(t).Variables["PROXYLINT_VERSION"]; other != version {
		t.Errorf("the GitLab job installs %s, the action %s", other, version)
	}
	named := regexp.MustCompile(`[@/:] ?(v\d+\.\d+\.\d+)`).FindAllStringSubmatch(inCI(t), -1)
	if len(named) != 4 {
		t.Errorf("README.md names %q, want a release for each of four uses", named)
	}
	for _, match := range named {
		if match[1] != version {
			t.Errorf("README.md names %s, the action loads %s", match[1], version)
		}
	}
}

// TestDockerSnippet looks at the docker command in README.md.
func TestDockerSnippet(t *testing.T) {
	match := regexp.MustCompile(`(?m)^    docker run (.*) (\S+):v\S+ (lint.*)$`).FindStringSubmatch(inCI(t))
	if match == nil {
		t.Fatal("README.md has no docker command")
	}
	_, final := readDockerfile(t)
	if mount := ":" + final["WORKDIR"][0] + `:ro"`; !strings.HasSuffix(match[1], mount) {
		t.Errorf("docker run %s does not mount %s", match[1], mount)
	}
	if _, err := arrange(newApp(nil, io.Discard, io.Discard), strings.Fields(match[3])); err != nil {
		t.Error(err)
	}
	var release struct {
		Jobs map[string]struct{ Steps []actionStep }
	}
	parseYAML(t, "../../.github/workflows/release.yml", &release)
	tag := strings.Replace(match[2], "proxylint/proxylint", "${{ github.repository }}", 1) + ":${{ github.ref_name }}"
	if !slices.ContainsFunc(release.Jobs["image"].Steps, func(s actionStep) bool { return s.With["tags"] == tag }) {
		t.Errorf("the release makes no image %s", tag)
	}
}
