package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "inv-port-mismatch",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Tunnels:  true,
	Run:      invPortMismatch,
	Doc: lint.Doc{
		Title: "a port on which the service shows no sign of listening",
		Why: `The compose file, the Dockerfile and the server's own command say on which ports a container listens. When all of them say
another one than the proxy dials, the connection is refused: 502 from nginx, 503 from HAProxy.

It is a warning where the server's command, its configuration file or a variable such as PORT says it, or two such signs agree.
A port that is only published, exposed or usual for the image is weaker evidence, since servers listen on others beside it:
an info. Containers whose ports a variable or a file that was not read may change are passed over.`,
		How: `Write the port that the container listens on, or make the server listen on the one that is dialed.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app:8011;
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
    server app1 app:8011 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers docker
    nameserver dns 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:8000 check resolvers docker init-addr last,libc,none
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8000
  - service: http_status:404
`,
		},
		Beside: []lint.File{{Name: "compose.yml", Text: `services:
  nginx:
    image: nginx:latest
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
  haproxy:
    image: haproxy:latest
    volumes:
      - ./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro
  cloudflared:
    image: cloudflare/cloudflared:latest
    command: tunnel run
    volumes:
      - ./cloudflared.yaml:/etc/cloudflared/config.yml:ro
  app:
    build: ./app
    command: gunicorn --bind 0.0.0.0:8000 app:app
`}},
		Links: []string{
			"https://docs.docker.com/compose/how-tos/networking/",
			"https://docs.docker.com/reference/compose-file/services/#expose",
		},
		Since: "0.1.0",
	},
})

func invPortMismatch(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return unlikelyPort(p, dialed, home) },
		portSchemeMismatch, portNotHTTP, portZero, portRange)
}

// unlikelyPort finds a port that all evidence speaks against. That of the host is left to inv-published-port.
func unlikelyPort(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	port, at := dialedPort(p.Config, dialed)
	services := dialedServices(dialed.addr.Host, home)
	if port <= 0 || len(services) == 0 || hostSidePort(p, dialed, home) != nil {
		return nil
	}
	d := &lint.Diagnostic{Severity: lint.Warning, Symptom: dialed.unanswered(), At: at}
	var shown []inventory.Port
	for _, s := range services {
		ports := servedPorts(s)
		severity := portCertainty(s, ports)
		switch {
		case severity == 0:
			return nil
		case isOverruled(ports, port):
			ports = slices.DeleteFunc(ports, func(known inventory.Port) bool { return known.Source < inventory.ByCommand })
		case listensOnPort(p, s, port):
			return nil
		}
		d.Severity = min(d.Severity, severity)
		shown = append(shown, ports...)
	}
	numbers := distinctPorts(shown)
	d.Message = fmt.Sprintf("nothing shows that service %s listens on %d: the signs are for %s", services[0].Name, port, orPorts(numbers))
	d.Related = portEvidence(shown)
	if len(numbers) == 1 {
		d.Hint = hostPort(dialed.addr, numbers[0])
		d.Fix = writePort(dialed, numbers[0], false)
	}
	return d
}

// servedPorts returns the ports of a container that requests may go to, the surest first. Debuggers have ports of their own.
func servedPorts(s *inventory.Service) []inventory.Port {
	var list []inventory.Port
	for _, port := range s.Ports {
		switch port.Number {
		case 9229, 5005, 5678, 2345, 9003: // Node.js, Java, debugpy, Delve, Xdebug
			if port.Source <= inventory.ByPublish {
				continue
			}
		}
		if port.Protocol != proxy.UDP {
			list = append(list, port)
		}
	}
	return list
}

// portCertainty tells how sure it is that a container listens on those ports alone; 0: not at all.
func portCertainty(s *inventory.Service, ports []inventory.Port) lint.Severity {
	if len(ports) == 0 || bindsUnknown(s) {
		return 0
	}
	strongest := ports[0]
	if strongest.Source >= inventory.ByEnv {
		return lint.Warning
	}
	if hidesPorts(s) {
		return 0
	}
	signs := 0
	ofImage := false
	for _, port := range ports {
		ofImage = ofImage || port.Source == inventory.ByImage
		if port.Number == strongest.Number && port.Source.Explicit() {
			signs++
		}
	}
	switch {
	case strongest.Source == inventory.ByImage && mountsFiles(s):
		return 0 // which may be its configuration
	case signs > 1 || signs == 1 && ofImage:
		return lint.Warning
	}
	return lint.Info
}

// isOverruled reports whether a port is only published or exposed, while the server's own command or configuration
// names others that are neither: it moved, and the rest was left behind.
func isOverruled(ports []inventory.Port, port int) bool {
	if ports[0].Source < inventory.ByCommand {
		return false
	}
	forwarded := map[int]bool{}
	for _, known := range ports {
		switch {
		case known.Number == port && known.Source >= inventory.ByCheck:
			return false
		case known.Source > inventory.ByImage && known.Source < inventory.ByCheck:
			forwarded[known.Number] = true
		}
	}
	moved := func(known inventory.Port) bool {
		return known.Source >= inventory.ByCommand && forwarded[known.Number]
	}
	return forwarded[port] && !slices.ContainsFunc(ports, moved)
}

// mountsFiles reports whether a container has files or folders of the host in it.
func mountsFiles(s *inventory.Service) bool {
	return slices.ContainsFunc(s.Mounts, func(m inventory.Mount) bool { return m.Source != "" })
}

// orPorts lists ports as alternatives.
func orPorts(ports []int) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = strconv.Itoa(port)
	}
	return strings.Join(words, " or ")
}
