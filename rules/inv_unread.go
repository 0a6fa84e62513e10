package rules

import (
	"context"
	"fmt"
	"path"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-unread",
	Family:   lint.Inventory,
	Severity: lint.Info,
	Symptom:  lint.NoSymptom,
	Run:      invUnread,
	Doc: lint.Doc{
		Title: "something was not read that may change what is said",
		Why: `What a compose project holds is taken from its files. A file that is not there, is no YAML or is used only at times, a network that
other projects may join, or a name that a variable without a value makes may hold what a configuration seems to lack. The rules that
speak of what is missing then say less, or nothing. This one tells why, once for each cause, and only where something is missing.`,
		How: `Lint from a folder in which all files are, and write the variables into the .env file beside the compose file. Otherwise
there is nothing to mend.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8000 check
`,
		},
		Beside: []lint.File{{Name: "compose.yml", Text: `services:
  nginx:
    image: nginx:latest
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
    networks: [shared]
  haproxy:
    image: haproxy:latest
    volumes:
      - ./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro
    networks: [shared]
networks:
  shared:
    external: true
`}},
		Links: []string{
			"https://docs.docker.com/reference/compose-file/networks/#external",
			"https://docs.docker.com/compose/how-tos/multiple-compose-files/",
		},
		Since: "0.1.0",
	},
})

func invUnread(_ context.Context, p *lint.Pass) {
	told := map[inventory.Gap]bool{}
	homes := homesOf(p)
	if homes == nil {
		return
	}
	for dialed := range composePeers(p) {
		for _, home := range homes {
			answer := home.Lookup(dialed.addr.Host)
			if answer.Found() || len(answer.Apart) == 0 && !isComposeName(p, dialed, home) {
				continue
			}
			for _, gap := range gapsOf(p.Inventory, home) {
				if !told[gap] {
					told[gap] = true
					reportUnread(p, gap, dialed)
				}
			}
		}
	}
}

// reportUnread tells of one gap, and the first name that may be in it.
func reportUnread(p *lint.Pass, gap inventory.Gap, dialed peer) {
	name := onLine(gap.At.Text())
	if gap.Path != "" {
		name = path.Base(gap.Path)
	}
	d := lint.Diagnostic{
		At:      gap.At,
		Message: fmt.Sprintf("%s %s: whether %s is a name there is not known", name, gap.Why, dialed.addr.Host),
		Related: []lint.Related{{At: dialed.addr.HostAt, Message: "the name"}},
	}
	if gap.At.IsZero() {
		root := p.Config.Tree.Roots[0]
		if len(root.Stmts) == 0 {
			return
		}
		d.At = root.Stmts[0].Ref(0)
	}
	p.Report(d)
}
