// Package sample makes big configurations for benchmarks.
package sample

import (
	"fmt"
	"strings"
)

// Nginx returns n upstream groups, each with a zone, two servers and a server block of three
// locations: 24 lines a group.
func Nginx(n int) string {
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
            proxy_set_header Host $host;
        }
        # the end of app%[1]d
    }
`, i, i/250%250, i%250)
	}
	b.WriteString("}\n")
	return b.String()
}

// HAProxy returns a frontend and n backends of 20 servers, 24 lines each.
func HAProxy(n int) string {
	var b strings.Builder
	b.WriteString(`global
    maxconn 10000

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    option redispatch

frontend www
    bind :8080
    default_backend app0
`)
	for i := range n {
		fmt.Fprintf(&b, "    use_backend app%[1]d if { path_beg /app%[1]d/ }\n", i)
	}
	b.WriteString("\n")
	for i := range n {
		fmt.Fprintf(&b, "backend app%d\n    balance roundrobin\n", i)
		for s := range 20 {
			fmt.Fprintf(&b, "    server s%d 10.%d.%d.%d:8080 check inter 2s weight 10\n", s, i/250%250, i%250, s+1)
		}
		b.WriteString("\n")
	}
	return b.String()
}
