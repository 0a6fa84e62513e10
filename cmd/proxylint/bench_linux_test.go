package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/sample"
)

// The benchmarks run proxylint as a whole process beside the proxy's own check, turn by turn, and report
// medians of the ratio in wall and CPU time. Peak memory is in multiples of the input's size.

func BenchmarkNginx(b *testing.B) {
	besideProxy(b, "nginx.conf", sample.Nginx, func(path string) *exec.Cmd {
		dir := filepath.Dir(path)
		return exec.Command("nginx", "-t", "-q", "-e", "stderr", "-p", dir, "-c", path, "-g", "pid "+dir+"/pid;")
	})
}

func BenchmarkHAProxy(b *testing.B) {
	besideProxy(b, "haproxy.cfg", sample.HAProxy, func(path string) *exec.Cmd {
		return exec.Command("haproxy", "-c", "-q", "-dr", "-f", path)
	})
}

// BenchmarkMillion compares ten times the lines: time and memory must grow no faster than the input.
func BenchmarkMillion(b *testing.B) {
	binary := build(b)
	for name, config := range map[string]func(int) string{"nginx.conf": sample.Nginx, "haproxy.cfg": sample.HAProxy} {
		b.Run(name, func(b *testing.B) {
			small, big := plant(b, name, config(4000)), plant(b, name, config(40_000))
			var wall, memory []float64
			for b.Loop() {
				one, ten := measure(b, exec.Command(binary, "lint", small)), measure(b, exec.Command(binary, "lint", big))
				wall = append(wall, ten.wall/one.wall)
				memory = append(memory, ten.memory/size(b, big))
			}
			b.ReportMetric(median(wall), "×time")
			b.ReportMetric(median(memory), "×input")
		})
	}
}

// BenchmarkStart times a run on a configuration of five lines.
func BenchmarkStart(b *testing.B) {
	binary := build(b)
	path := plant(b, "nginx.conf", "events {}\nhttp {\n    server {\n    }\n}\n")
	for b.Loop() {
		measure(b, exec.Command(binary, "lint", path))
	}
}

func besideProxy(b *testing.B, name string, config func(int) string, check func(path string) *exec.Cmd) {
	path := plant(b, name, config(4000))
	if _, err := exec.LookPath(check(path).Path); err != nil {
		b.Skip(err)
	}
	binary := build(b)
	var wall, cpu, memory []float64
	for b.Loop() {
		ours, theirs := measure(b, exec.Command(binary, "lint", path)), measure(b, check(path))
		wall = append(wall, ours.wall/theirs.wall)
		cpu = append(cpu, ours.cpu/theirs.cpu)
		memory = append(memory, ours.memory/size(b, path))
	}
	b.ReportMetric(median(wall), "×wall")
	b.ReportMetric(median(cpu), "×cpu")
	b.ReportMetric(median(memory), "×input")
}

type usage struct{ wall, cpu, memory float64 } // seconds, seconds, bytes

func measure(b *testing.B, cmd *exec.Cmd) usage {
	b.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		b.Fatalf("%s: %v\n%.2000s", cmd, err, said.String())
	}
	state := cmd.ProcessState
	return usage{
		wall:   wall.Seconds(),
		cpu:    (state.UserTime() + state.SystemTime()).Seconds(),
		memory: float64(state.SysUsage().(*syscall.Rusage).Maxrss) * 1024,
	}
}

func build(b testing.TB) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "proxylint")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func plant(b testing.TB, name, text string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func size(b *testing.B, path string) float64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
