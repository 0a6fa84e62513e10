package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const examples = "../../examples/"

// k8sJob is what the manifests use of a Job, and no more: another key is a slip.
type k8sJob struct {
	CompletionMode        string `yaml:"completionMode"`
	Completions           int
	Parallelism           int
	BackoffLimit          *int `yaml:"backoffLimit"`
	ActiveDeadlineSeconds int  `yaml:"activeDeadlineSeconds"`
	Template              struct {
		Spec struct {
			RestartPolicy                string          `yaml:"restartPolicy"`
			AutomountServiceAccountToken *bool           `yaml:"automountServiceAccountToken"`
			SecurityContext              map[string]bool `yaml:"securityContext"`
			Containers                   []struct {
				Name, Image     string
				Args            []string
				SecurityContext struct {
					AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
					ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
					Capabilities             map[string][]string
				} `yaml:"securityContext"`
				VolumeMounts []struct {
					Name      string
					MountPath string `yaml:"mountPath"`
					ReadOnly  bool   `yaml:"readOnly"`
				} `yaml:"volumeMounts"`
			}
			Volumes []struct {
				Name      string
				ConfigMap map[string]string `yaml:"configMap"`
			}
		}
	}
}

type manifest[T any] struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   map[string]string
	Spec       T
}

type k8sCronJob struct {
	Schedule          string
	ConcurrencyPolicy string                `yaml:"concurrencyPolicy"`
	JobTemplate       struct{ Spec k8sJob } `yaml:"jobTemplate"`
}

func readManifest[T any](t *testing.T, name, kind string) T {
	t.Helper()
	var m manifest[T]
	d := yaml.NewDecoder(strings.NewReader(readFile(t, examples+name)))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if m.APIVersion != "batch/v1" || m.Kind != kind || m.Metadata["name"] == "" {
		t.Errorf("%s is a %s of %s, named %q", name, m.Kind, m.APIVersion, m.Metadata["name"])
	}
	return m.Spec
}

// runsExample runs a command of an example, as it stands there but for the paths, which are replaced in pairs.
func runsExample(t *testing.T, args []string, paths ...string) string {
	t.Helper()
	replace := strings.NewReplacer(paths...)
	var replaced []string
	for _, arg := range args {
		replaced = append(replaced, replace.Replace(arg))
	}
	var stdout, stderr bytes.Buffer
	if code := run(replaced, strings.NewReader(""), &stdout, &stderr); code == exitTrouble || stderr.Len() > 0 {
		t.Errorf("proxylint %s: exit code %d: %s", strings.Join(replaced, " "), code, stderr.String())
	}
	return stdout.String()
}

// deadEnds is a configuration with two upstreams at which nothing listens.
func deadEnds(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nginx.conf")
	text := "events {}\nhttp {\n  server {\n    location /a { proxy_pass http://127.0.0.1:1; }\n    location /b { proxy_pass http://127.0.0.1:2; }\n  }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExampleCronJob(t *testing.T) {
	job := readManifest[k8sCronJob](t, "kubernetes/cronjob.yaml", "CronJob")
	pod := job.JobTemplate.Spec.Template.Spec
	if mount := pod.Containers[0].VolumeMounts[0]; pod.Volumes[0].Name != mount.Name || mount.MountPath != "/conf" {
		t.Errorf("%+v does not mount %+v", mount, pod.Volumes[0])
	}
	out := runsExample(t, pod.Containers[0].Args, "/conf/nginx.conf", deadEnds(t))
	if n := strings.Count(out, "[live-refused]"); n != 2 {
		t.Errorf("%d findings in %s", n, out)
	}
}

// TestExampleIndexedJob makes the plan as the manifest's head says, and runs the job's pods.
func TestExampleIndexedJob(t *testing.T) {
	job := readManifest[k8sJob](t, "kubernetes/indexed-job.yaml", "Job")
	if job.CompletionMode != "Indexed" || job.Completions != job.Parallelism {
		t.Errorf("the job is %+v", job)
	}
	dir := filepath.Dir(deadEnds(t))
	stub := filepath.Join(dir, "bin")
	if err := os.Mkdir(stub, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(stub, "proxylint")); err != nil { // TestMain makes it proxylint by its name
		t.Skip(err)
	}
	command := exec.Command("sh", "-euc", headOf(t, "kubernetes/indexed-job.yaml", "kubectl"))
	command.Dir, command.Env = dir, append(os.Environ(), "PATH="+stub+":"+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := 0
	for index := range job.Completions {
		args := job.Template.Spec.Containers[0].Args
		out := runsExample(t, args, "/plan/$(JOB_COMPLETION_INDEX).json", fmt.Sprintf("%s/plan/%d.json", dir, index))
		found += strings.Count(out, `"cause": "refused"`)
	}
	if found != 2 {
		t.Errorf("the pods dialed %d of 2", found)
	}
}

// headOf returns the commands in the comments of an example, without those of a program.
func headOf(t *testing.T, name, without string) string {
	t.Helper()
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)^#   (.*)$`).FindAllStringSubmatch(readFile(t, examples+name), -1) {
		if !strings.HasPrefix(m[1], without) {
			lines = append(lines, m[1])
		}
	}
	return strings.Join(lines, "\n")
}

func TestExampleTimer(t *testing.T) {
	unit := readFile(t, examples+"systemd/proxylint.service")
	line := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/proxylint (.*)$`).FindStringSubmatch(unit)
	if line == nil {
		t.Fatal("the service starts something else")
	}
	metrics := t.TempDir()
	conf := deadEnds(t)
	runsExample(t, strings.Fields(line[1]), "/var/lib/prometheus/node-exporter", metrics, "/etc/nginx/nginx.conf", conf, "/etc/haproxy/haproxy.cfg", conf)
	if text := readFile(t, metrics+"/proxylint.prom"); strings.Count(text, "\nproxylint_upstream_up{") != 2 {
		t.Errorf("the metrics are %s", text)
	}
	entries, err := os.ReadDir(metrics)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
	verifyUnits(t, unit)
}

// verifyUnits asks systemd, where it is, with a program that exists.
func verifyUnits(t *testing.T, service string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not installed")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"proxylint.service": strings.Replace(service, "/usr/bin/proxylint", "/bin/true", 1),
		"proxylint.timer":   readFile(t, examples+"systemd/proxylint.timer"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(analyze, "verify", dir+"/proxylint.service", dir+"/proxylint.timer").CombinedOutput()
	if err != nil || strings.Contains(string(out), "proxylint.") {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}

// TestExampleCompose has the project be without a finding, and its service dial what the configuration says.
func TestExampleCompose(t *testing.T) {
	var project struct {
		Services map[string]struct {
			Image    string
			Command  []string
			Profiles []string
			Volumes  []string
		}
	}
	parseYAML(t, examples+"compose/compose.yml", &project)
	service := project.Services["proxylint"]
	if !slices.Contains(service.Profiles, "check") || !slices.Contains(service.Volumes, "./nginx.conf:/src/nginx.conf:ro") {
		t.Errorf("the service is %+v", service)
	}
	out := runsExample(t, append(service.Command, "--plan"), "/src", examples+"compose")
	if !strings.HasPrefix(out, "TARGET") || !strings.Contains(out, "app:80 ") || !strings.Contains(out, "1 target\n") {
		t.Errorf("it would dial %s", out)
	}
	if out := runsExample(t, []string{"lint", "--nginx-version", "1.29", examples + "compose"}); !strings.HasPrefix(out, "no findings") {
		t.Error(out)
	}
}

// TestExampleVersions holds the examples to the release that the action installs.
func TestExampleVersions(t *testing.T) {
	var a action
	parseYAML(t, "../../action.yml", &a)
	for _, name := range []string{"kubernetes/cronjob.yaml", "kubernetes/indexed-job.yaml", "compose/compose.yml"} {
		if want := "ghcr.io/proxylint/proxylint:" + a.Inputs["version"].Default; !strings.Contains(readFile(t, examples+name), want+"\n") {
			t.Errorf("%s does not use %s", name, want)
		}
	}
}
