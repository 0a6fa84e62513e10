package nginx

import (
	"testing"

	"github.com/proxylint/proxylint/parsers/sample"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func BenchmarkScan(b *testing.B) {
	src := sample.Nginx(4000)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		scan(syntax.Source{Path: "nginx.conf", Src: src})
	}
}

func BenchmarkLoad(b *testing.B) {
	src := syntax.Source{Path: "nginx.conf", Src: sample.Nginx(4000)}
	b.SetBytes(int64(len(src.Src)))
	b.ReportAllocs()
	for b.Loop() {
		if config := Load(src, Options{}); len(config.Routes) != 12_000 || len(config.Tree.Problems) != 0 {
			b.Fatal(len(config.Routes), config.Tree.Problems)
		}
	}
}
