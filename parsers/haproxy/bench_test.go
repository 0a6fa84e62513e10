package haproxy

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// manyServers returns a configuration of that many backends of 20 servers each.
func manyServers(backends int) string {
	var b strings.Builder
	b.WriteString("global\n    maxconn 1000\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n")
	b.WriteString("frontend f\n    bind :80\n    default_backend b0\n")
	for i := range backends {
		fmt.Fprintf(&b, "\nbackend b%d\n    balance roundrobin\n    option httpchk GET /health\n", i)
		for j := range 20 {
			fmt.Fprintf(&b, "    server s%d 10.%d.%d.%d:8080 check inter 2s weight 10\n", j, i>>8&255, i&255, j)
		}
	}
	return b.String()
}

func BenchmarkLoad(b *testing.B) {
	src := manyServers(4000)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		Load([]syntax.Source{{Path: "haproxy.cfg", Src: src}}, proxy.Version{})
	}
}

// TestMemory bounds what a tree and its model weigh: a linter of a huge file must fit into a small
// machine.
func TestMemory(t *testing.T) {
	src := "defaults\nbackend b\n" + strings.Repeat("    server s1 10.0.0.1:8080 check inter 2s weight 10\n", 100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := Load([]syntax.Source{{Path: "haproxy.cfg", Src: src}}, proxy.Version{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	const most = 9
	live := float64(after.HeapAlloc-before.HeapAlloc) / float64(len(src))
	all := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src))
	if live > most || all > most+1 {
		t.Errorf("tree and model weigh %.1f times the text, and %.1f times was allocated: want %d at most", live, all, most)
	}
	runtime.KeepAlive(c)
	runtime.KeepAlive(src)
}
