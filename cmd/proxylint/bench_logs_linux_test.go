package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkLogs reads a million mixed lines beside grep, turn by turn, and reports the medians.
func BenchmarkLogs(b *testing.B) {
	path := plantLog(b, 1_000_000)
	binary := build(b)
	var wall, cpu, grepWall, memory []float64
	for b.Loop() {
		ours := measure(b, exec.Command("sh", "-c", `"$0" logs "$1" || [ $? = 1 ]`, binary, path)) // 1: there are causes
		grep := exec.Command("grep", "-cE", "upstream|error", path)
		grep.Env = append(os.Environ(), "LC_ALL=C")
		theirs := measure(b, grep)
		wall = append(wall, ours.wall/theirs.wall)
		cpu = append(cpu, ours.cpu/theirs.cpu)
		grepWall = append(grepWall, theirs.wall)
		memory = append(memory, ours.memory/(1<<20))
	}
	b.ReportMetric(median(wall), "×wall")
	b.ReportMetric(median(cpu), "×cpu")
	b.ReportMetric(median(grepWall), "s/grep")
	b.ReportMetric(median(memory), "MiB")
}

// plantLog writes a log in which one line in five is of a failure.
func plantLog(b *testing.B, lines int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "mixed.log")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	defer w.Flush()
	const browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	for i := range lines {
		clock := fmt.Sprintf("%02d:%02d:%02d", i/180000%24, i/3000%60, i/50%60)
		client := fmt.Sprintf("203.0.113.%d", i%254+1)
		switch i % 10 {
		case 0:
			fmt.Fprintf(w, "2026/11/23 %s [error] 31#31: *%d connect() failed (111: Connection refused) while connecting to upstream, client: %s, server: shop.example.com, request: \"GET /api/items/%d HTTP/1.1\", upstream: \"http://10.0.0.%d:8080/api/items/%d\", host: \"shop.example.com\"\n", clock, i, client, i, i%7, i)
		case 1:
			fmt.Fprintf(w, "Nov 23 %s lb haproxy[812]: %s:%d [23/Nov/2026:%s.%03d] www~ app/a%d 0/0/1/-1/30002 504 198 - - sH-- 12/12/3/1/0 0/0 \"GET /report/%d HTTP/1.1\"\n", clock, client, 1024+i%60000, clock, i%1000, i%5, i)
		case 2, 3, 4:
			fmt.Fprintf(w, "Nov 23 %s lb haproxy[812]: %s:%d [23/Nov/2026:%s.%03d] www~ app/a%d 0/0/1/14/15 200 5310 - - ---- 12/12/3/1/0 0/0 \"GET /item/%d HTTP/1.1\"\n", clock, client, 1024+i%60000, clock, i%1000, i%5, i)
		default:
			fmt.Fprintf(w, "%s - - [23/Nov/2026:%s +0000] \"GET /item/%d?q=%d HTTP/1.1\" 200 5310 \"https://shop.example.com/\" \"%s\"\n", client, clock, i, i, browser)
		}
	}
	return path
}
