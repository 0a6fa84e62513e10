package probe

import (
	"crypto/tls"
	"path"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// nginxTLS says how nginx encrypts along a hop. host is the proxied host, which is the name verified, and sent if any is
// (ngx_http_proxy_module: proxy_ssl_name, proxy_ssl_server_name).
func nginxTLS(hop *proxy.TLS, host string, t *Target) *TLS {
	if hop == nil {
		return nil
	}
	s := &TLS{At: hop.At, CA: text(hop.CA), Cert: text(hop.Cert), Key: text(hop.Key), NameAt: hop.Name.At}
	name := host
	if hop.Name.Written() {
		switch written := hop.Name.At.Text(); {
		case !strings.Contains(written, "$"):
			name = hop.Name.Value
		case strings.Contains(written, "host") || strings.Contains(written, "server_name"):
			name = hostOnly(t.Host) // $host, $http_host, $server_name: what the Host header is most likely made from, too
		}
	}
	if hop.SNI.Value && isKnown(hop.SNI) {
		s.SNI = name
	}
	if hop.Verify.Value && isKnown(hop.Verify) {
		s.Verify, s.Name = true, name
	}
	if t.HTTP2 { // gRPC is, too
		s.ALPN = []string{"h2"}
	}
	for word := range strings.FieldsSeq(text(hop.Versions)) {
		s.span(version(word))
	}
	if !hop.Versions.Written() && t.Version.Before(proxy.Version{1, 23, 4}) {
		s.Maximum = tls.VersionTLS12 // ngx_http_proxy_module, proxy_ssl_protocols
	}
	return s
}

// haproxyTLS says how HAProxy encrypts to a server.
func haproxyTLS(server *proxy.TLS, t *Target) *TLS {
	if server == nil {
		return nil
	}
	s := &TLS{At: server.At, CA: text(server.CA), Cert: text(server.Cert), Key: text(server.Cert), NameAt: server.Name.At}
	name := text(server.Name)
	if server.SNI.Value {
		s.SNI = name
		if server.Name.Dynamic {
			s.SNI = hostOnly(t.Host) // made from the request
		}
	}
	s.Verify = server.Verify.Value && isKnown(server.Verify)
	if s.Verify {
		s.Name = name
	}
	for protocol := range strings.SplitSeq(text(server.ALPN), ",") {
		if protocol != "" {
			s.ALPN = append(s.ALPN, protocol)
		}
	}
	lowest, highest, _ := strings.Cut(text(server.Versions), "-")
	s.Minimum, s.Maximum = version(lowest), version(highest)
	return s
}

// folders are those at which the relative paths of certificates begin; "" where that is not known.
type folders struct{ authorities, own string }

// foldersOf reads them: nginx's is that of its main file, HAProxy's are named in its global section (manual 3.1, ca-base and
// crt-base).
func foldersOf(c *proxy.Config) folders {
	var f folders
	switch {
	case c.Dialect == syntax.HAProxy:
		c.Tree.Walk(func(at *syntax.Scope, s *syntax.Stmt) bool {
			switch s.Name() {
			case "ca-base":
				f.authorities = s.Arg(1)
			case "crt-base":
				f.own = s.Arg(1)
			}
			return s.Name() == "global"
		})
	case !c.Tree.Fragment && len(c.Tree.Roots) > 0:
		f.own = filepath.ToSlash(filepath.Dir(c.Tree.Roots[0].Path))
		f.authorities = f.own
	}
	return f
}

// locate completes relative paths.
func (s *TLS) locate(f folders) {
	s.CA, s.Cert, s.Key = beside(f.authorities, s.CA), beside(f.own, s.Cert), beside(f.own, s.Key)
}

// beside returns the path of a file of a folder. What is no relative path ("@system-ca", "engine:...") stays as it is.
func beside(folder, file string) string {
	if file == "" || folder == "" || path.IsAbs(file) || strings.HasPrefix(file, "@") || strings.Contains(file, ":") {
		return file
	}
	return path.Join(folder, file)
}

// span widens the versions to hold another.
func (s *TLS) span(v uint16) {
	if v == 0 {
		return
	}
	if s.Minimum == 0 || v < s.Minimum {
		s.Minimum = v
	}
	s.Maximum = max(s.Maximum, v)
}

// version returns a protocol version by the name that both proxies give it; 0 when it is none that is spoken today.
func version(name string) uint16 {
	switch name {
	case "TLSv1", "TLSv1.0":
		return tls.VersionTLS10
	case "TLSv1.1":
		return tls.VersionTLS11
	case "TLSv1.2":
		return tls.VersionTLS12
	case "TLSv1.3":
		return tls.VersionTLS13
	}
	return 0
}

// text returns a setting's value, "" when it is not known.
func text(s proxy.Setting[string]) string {
	if s.Dynamic || strings.Contains(s.Value, "$") {
		return ""
	}
	return s.Value
}

// hostOnly takes the port off a Host header.
func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") && strings.Count(host, ":") == 1 {
		return host[:i]
	}
	return strings.Trim(host, "[]")
}
