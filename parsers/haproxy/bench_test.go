package haproxy

import (
	"runtime"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/sample"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func BenchmarkLoad(b *testing.B) {
	src := sample.HAProxy(4000)
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
