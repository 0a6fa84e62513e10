package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks run proxylint as a whole process beside the proxy's own check, turn by turn, and report
// medians of the ratio in wall and CPU time. Peak memory is in multiples of the input's size.

func BenchmarkNginx(b *testing.B) {
	besideProxy(b, "nginx.conf", nginxConfig, func(path string) *exec.Cmd {
		dir := filepath.Dir(path)
		return exec.Command("nginx", "-t", "-q", "-e", "stderr", "-p", dir, "-c", path, "-g", "pid "+dir+"/pid;")
	})
}

func BenchmarkHAProxy(b *testing.B) {
	besideProxy(b, "haproxy.cfg", haproxyConfig, func(path string) *exec.Cmd {
		return exec.Command("haproxy", "-c", "-q", "-dr", "-f", path)
	})
}

// BenchmarkMillion compares ten times the lines: time and memory must grow no faster than the input.
func BenchmarkMillion(b *testing.B) {
	binary := build(b)
	for name, config := range map[string]func(int) string{"nginx.conf": nginxConfig, "haproxy.cfg": haproxyConfig} {
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

func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "proxylint")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func plant(b *testing.B, name, text string) string {
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

// nginxConfig returns n upstream groups, each with a zone, two servers and a server block of three
// locations: 24 lines a group.
func nginxConfig(n int) string {
	var b strings.Builder
	b.WriteString("worker_processes auto;\nevents {\n    worker_connections 1024;\n}\nhttp {\n    proxy_read_timeout 30s;\n")
	for i := range n {
		fmt.Fprintf(&b, `    upstream app%[1]d {
        zone app%[1]d 64k;
        server 10.%[2]d.%[3]d.1:8080 max_fails=3 fail_timeout=10s;
        server 10.%[2]d.%[3]d.2:8080 max_fails=3 fail_timeout=10s;
    }
    server {
        listen 127.0.0.1:8080;
        server_name app%[1]d.internal.net www.app%[1]d.internal.net;
        location / {
            proxy_pass http://app%[1]d;
            proxy_set_header Host $host;
            proxy_read_timeout 60s;
        }
        location /api/ {
            proxy_pass http://app%[1]d/v1/;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
        }
        location = /health {
            proxy_pass http://app%[1]d;
            proxy_connect_timeout 2s;
        }
        # the end of app%[1]d
    }
`, i, i/250%250, i%250)
	}
	b.WriteString("}\n")
	return b.String()
}

// haproxyConfig returns a frontend and n backends of 20 servers, 23 lines each.
func haproxyConfig(n int) string {
	var b strings.Builder
	b.WriteString(`global
    maxconn 10000

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s

frontend www
    bind :8080
    default_backend app0

`)
	for i := range n {
		fmt.Fprintf(&b, "backend app%d\n    balance roundrobin\n", i)
		for s := range 20 {
			fmt.Fprintf(&b, "    server s%d 10.%d.%d.%d:8080 check inter 2s weight 10\n", s, i/250%250, i%250, s+1)
		}
		b.WriteString("\n")
	}
	return b.String()
}
