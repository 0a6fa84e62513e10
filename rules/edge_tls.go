package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "edge-tls",
	Family:   lint.Edge,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "521 or 525",
	Run:      edgeTLS,
	Doc: lint.Doc{
		Title: "TLS between the edge in front and this proxy can't come about",
		Why: `In its modes Full and Full (strict), Cloudflare speaks TLS to the origin, for the name that the client asked for. It answers 521
where nothing listens, 525 where the handshake fails. That is so where a server has a certificate of Cloudflare's and no port
of the configuration speaks TLS; and for a name that only a plain server has, while the default server of port 443 has
ssl_reject_handshake. The latter is an info unless a certificate of Cloudflare's shows that TLS is wanted: in the mode Flexible
Cloudflare comes without it.

With Authenticated Origin Pulls, Cloudflare presents a certificate of its own. Where its authority is named but nothing is verified,
whoever finds the origin is let in past the edge (an info). As documented in February 2026.`,
		How: `Write "listen 443 ssl" in the server that has the certificate, give every name a server that speaks TLS, and write
"ssl_verify_client on" beside the authority.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 80;
        server_name shop.example.com;
        ssl_certificate /etc/ssl/cloudflare/$ssl_server_name.pem;
        ssl_certificate_key /etc/ssl/cloudflare/$ssl_server_name.key;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 443 ssl;
        server_name shop.example.com;
        ssl_certificate /etc/ssl/cloudflare/$ssl_server_name.pem;
        ssl_certificate_key /etc/ssl/cloudflare/$ssl_server_name.key;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
		},
		Links: []string{
			"https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
			"https://developers.cloudflare.com/ssl/origin-configuration/origin-ca/",
			"https://developers.cloudflare.com/ssl/origin-configuration/authenticated-origin-pull/",
			"https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_reject_handshake",
		},
		Since: "0.1.0",
	},
})

func edgeTLS(_ context.Context, p *lint.Pass) {
	signs := edgeSignsOf(p)
	if signs.none() || p.Config.Tree.Fragment || len(p.Config.Tree.Unread) > 0 {
		return
	}
	lines := readEdgeTLS(p.Config.Tree)
	for _, s := range lines.unverified {
		p.Report(unverifiedPulls(s.Ref(1)))
	}
	if !speaksTLS(p.Config) {
		lines.reportUnused(p)
		return
	}
	lines.reportRefused(p, signs)
}

// unverifiedPulls tells of the authority of Cloudflare's own certificates where none is asked for.
func unverifiedPulls(at syntax.Ref) lint.Diagnostic {
	return lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  lint.NoSymptom,
		At:       at,
		Message:  fmt.Sprintf("nobody is asked for a certificate of %s, so requests that do not come through Cloudflare are taken, too", at.Text()),
		Hint:     "ssl_verify_client on;",
	}
}

// speaksTLS reports whether any listener takes TLS, or may.
func speaksTLS(c *proxy.Config) bool {
	for _, l := range c.Listeners {
		if l.TLS || l.Protocol != proxy.HTTP || l.Addr.Dynamic {
			return true
		}
	}
	return false
}

// edgeTLSLines are the directives of a configuration that say how Cloudflare's TLS is met.
type edgeTLSLines struct {
	certificates []*syntax.Stmt // of Cloudflare's, in servers
	unverified   []*syntax.Stmt // authorities of its own certificates that nothing is verified with
	rejecting    map[*syntax.Stmt]*syntax.Stmt
}

func readEdgeTLS(tree *syntax.Tree) edgeTLSLines {
	lines := edgeTLSLines{rejecting: map[*syntax.Stmt]*syntax.Stmt{}}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		switch name := s.Name(); name {
		case "ssl_certificate":
			if namesCloudflare(s.Arg(1)) && serverOf(scope) != nil {
				lines.certificates = append(lines.certificates, s)
			}
		case "ssl_client_certificate":
			verify, _ := scope.Lookup("ssl_verify_client")
			if namesCloudflare(s.Arg(1)) && (verify == nil || verify.Arg(1) == "off") {
				lines.unverified = append(lines.unverified, s)
			}
		case "ssl_reject_handshake":
			if server := serverOf(scope); server != nil && s.Arg(1) == "on" {
				lines.rejecting[server] = s
			}
		default:
			return s.Block != nil && mayShowEdge(name)
		}
		return false
	})
	return lines
}

// reportUnused tells of a certificate for Cloudflare in a configuration that speaks no TLS.
func (e edgeTLSLines) reportUnused(p *lint.Pass) {
	for _, s := range e.certificates {
		p.Report(lint.Diagnostic{
			At:      s.Ref(1),
			Message: fmt.Sprintf("%s is never presented, since nothing listens with ssl: Cloudflare's requests over TLS get 521", s.Arg(1)),
			Hint:    "listen 443 ssl;",
		})
	}
}

// reportRefused tells of names that Cloudflare asks for over TLS in vain.
func (e edgeTLSLines) reportRefused(p *lint.Pass, signs *edgeSigns) {
	reject := e.defaultOfTLS(p.Config)
	if reject == nil {
		return
	}
	secured := securedNames(p.Config)
	if secured == nil {
		return
	}
	passes := map[*syntax.Stmt]bool{} // those that only redirect need no TLS of their own
	for _, r := range p.Config.Routes {
		passes[r.Section] = true
	}
	for _, l := range p.Config.Listeners {
		sign := cloudflareSign(signs.before(l.Section))
		if sign == nil || !passes[l.Section] || !isCloudflarePlainPort(l.Addr.Port) {
			continue
		}
		passes[l.Section] = false // its next listener has the same names
		for _, name := range l.Names {
			if isAskedName(name.Text()) && !secured.have(name.Text()) {
				p.Report(e.refused(name, reject, *sign))
			}
		}
	}
}

func (e edgeTLSLines) refused(name syntax.Ref, reject *syntax.Stmt, sign edgeSign) lint.Diagnostic {
	d := lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  "525",
		At:       name,
		Message:  fmt.Sprintf("no server speaks TLS for %s, and the default one refuses it: Cloudflare answers 525 unless its mode is Flexible", name.Text()),
		Related:  []lint.Related{{At: reject.Ref(0), Message: "refuses all names that no other server has"}, sign.related()},
	}
	if len(e.certificates) > 0 {
		d.Severity = lint.Warning
	}
	return d
}

// defaultOfTLS returns the ssl_reject_handshake of the default server of a port that Cloudflare speaks TLS to; nil where
// that server accepts handshakes.
func (e edgeTLSLines) defaultOfTLS(c *proxy.Config) *syntax.Stmt {
	var first *proxy.Listener
	for _, l := range c.Listeners {
		if l.Stmt == nil || !l.TLS || !isCloudflareTLSPort(l.Addr.Port) {
			continue
		}
		if hasWord(l.Stmt, "default_server") {
			first = l
			break
		}
		if first == nil {
			first = l
		}
	}
	if first == nil {
		return nil
	}
	return e.rejecting[first.Section]
}

// nameSet are the names of servers, some of which stand for many.
type nameSet map[string]bool

// securedNames returns the names of all servers that speak TLS; nil where a pattern may match any.
func securedNames(c *proxy.Config) nameSet {
	set := nameSet{}
	for _, l := range c.Listeners {
		if !l.TLS {
			continue
		}
		for _, name := range l.Names {
			if strings.ContainsAny(name.Text(), "~${") {
				return nil
			}
			set[strings.ToLower(name.Text())] = true
		}
	}
	return set
}

// have reports whether a name is one of the set, or a wildcard of the set matches it (ngx_http_core_module, server_name).
func (s nameSet) have(name string) bool {
	name = strings.ToLower(name)
	if s[name] || s["."+name] {
		return true
	}
	for i := range len(name) {
		if name[i] == '.' && (s["*"+name[i:]] || s[name[i:]] || s[name[:i]+".*"]) {
			return true
		}
	}
	return false
}

// isAskedName reports whether a server's name is one that clients ask for.
func isAskedName(name string) bool {
	return strings.Contains(name, ".") && !strings.ContainsAny(name, "*~${\"'") && !strings.HasPrefix(name, ".")
}

func cloudflareSign(list []edgeSign) *edgeSign {
	for i := range list {
		if list[i].edge == cloudflare {
			return &list[i]
		}
	}
	return nil
}
