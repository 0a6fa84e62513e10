package nginx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// big returns a configuration of n upstream groups, each with a zone, two servers and a server block of
// three locations: 25 lines a group.
func big(n int) string {
	var b strings.Builder
	b.WriteString("worker_processes auto;\nevents {\n    worker_connections 1024;\n}\nhttp {\n")
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
            proxy_read_timeout 30s;
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
`, i, i/250, i%250)
	}
	b.WriteString("}\n")
	return b.String()
}

func BenchmarkScan(b *testing.B) {
	src := big(4000)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		scan("nginx.conf", src)
	}
}

func BenchmarkLoad(b *testing.B) {
	src := syntax.Source{Path: "nginx.conf", Src: big(4000)}
	b.SetBytes(int64(len(src.Src)))
	b.ReportAllocs()
	for b.Loop() {
		if config := Load(src, Options{}); len(config.Routes) != 12_000 || len(config.Tree.Problems) != 0 {
			b.Fatal(len(config.Routes), config.Tree.Problems)
		}
	}
}
