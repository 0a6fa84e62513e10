package parsers

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/cloudflared"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/template"
)

// detect tells which proxy a file that the user named is for: a file named after a proxy is for that one,
// then the content decides, and the ending of the name where there is no content to go by.
func detect(name, src string) syntax.Dialect {
	if isYAML(name) && cloudflared.Is(name, src) {
		return syntax.Cloudflared
	}
	if d := byProductName(name); d != syntax.AnyDialect {
		return d
	}
	if d := byContent(name, src); d != syntax.AnyDialect {
		return d
	}
	switch {
	case filepath.Ext(name) == ".conf" && (isBlank(src) || hasNginxShape(src)):
		return syntax.Nginx
	case filepath.Ext(name) == ".cfg" && isBlank(src):
		return syntax.HAProxy
	}
	return syntax.AnyDialect
}

// byProductName goes by names such as nginx.conf, my-haproxy.cfg.j2, nginx.prod.conf and nginx.tmpl.
func byProductName(path string) syntax.Dialect {
	name := strings.ToLower(filepath.Base(path))
	stem, isTemplate := template.CutEnding(name)
	if isTemplate && filepath.Ext(stem) == "" || strings.Contains(name, ".conf") || strings.Contains(name, ".cfg") {
		return namesProduct(name)
	}
	return syntax.AnyDialect
}

// namesProduct tells which one proxy a file's name speaks of.
func namesProduct(path string) syntax.Dialect {
	name := strings.ToLower(filepath.Base(path))
	isNginx, isHAProxy := strings.Contains(name, "nginx"), strings.Contains(name, "haproxy")
	switch {
	case isNginx && !isHAProxy:
		return syntax.Nginx
	case isHAProxy && !isNginx:
		return syntax.HAProxy
	}
	return syntax.AnyDialect
}

// byContent goes by the first line that only one of the proxies could read: the header of a HAProxy
// section, or a telling directive of nginx.
func byContent(name, src string) syntax.Dialect {
	for line := range strings.Lines(template.Text(name, head(src))) {
		line = uncomment(line)
		switch {
		case isSectionHeader(strings.Fields(line)):
			return syntax.HAProxy
		case isTellingDirective(line):
			return syntax.Nginx
		}
	}
	return syntax.AnyDialect
}

// isSectionHeader reports whether the words of a line open a HAProxy section.
func isSectionHeader(words []string) bool {
	if len(words) == 0 {
		return false
	}
	for _, w := range words {
		if w == "=" || strings.ContainsAny(w, ";{}") {
			return false
		}
	}
	switch words[0] {
	case "global", "traces":
		return len(words) == 1
	case "defaults":
		return true
	case "listen":
		return len(words) > 1 && !isNginxListen(words[1])
	case "frontend", "backend", "peers", "resolvers", "userlist", "mailers", "program", "cache", "ring",
		"http-errors", "fcgi-app", "log-forward", "log-profile", "crt-store", "acme":
		return len(words) > 1
	}
	return false
}

// isNginxListen reports whether the word after "listen" is a port or an address, as in an nginx directive
// that lost its semicolon.
func isNginxListen(word string) bool {
	return strings.Trim(word, "0123456789") == "" || strings.Contains(word, ":")
}

// isTellingDirective reports whether a line is a directive that hardly any other program's files have.
func isTellingDirective(line string) bool {
	name, rest := cutName(line)
	if name == "" || strings.HasPrefix(rest, "=") {
		return false
	}
	opens, ends := strings.Contains(rest, "{"), strings.Contains(rest, ";")
	switch name {
	case "events", "http", "stream", "mail":
		return strings.HasPrefix(rest, "{")
	case "server": // FreeRADIUS has "server NAME {"
		return strings.HasPrefix(rest, "{") || ends
	case "location", "upstream", "map", "geo", "types", "split_clients":
		return opens
	case "listen", "server_name", "root", "try_files", "rewrite", "return", "error_page", "add_header", "resolver",
		"access_log", "error_log", "log_format", "load_module":
		return ends
	}
	return ends && slices.ContainsFunc(
		[]string{"proxy_", "fastcgi_", "uwsgi_", "scgi_", "grpc_", "ssl_", "gzip", "client_", "worker_", "limit_req", "limit_conn"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) },
	)
}

// isMain reports whether an nginx text is a whole configuration rather than a part to be included.
func isMain(path, src string) bool {
	for line := range strings.Lines(template.Text(path, src)) {
		name, rest := cutName(uncomment(line))
		switch name {
		case "events", "http", "stream", "mail":
			if rest == "" || rest[0] == '{' {
				return true
			}
		}
	}
	return false
}

// cutName splits off the name that a line of nginx starts with.
func cutName(line string) (name, rest string) {
	line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
	end := strings.IndexFunc(line, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimSpace(line[end:])
}

// hasNginxShape reports whether some line ends a directive or opens a block. A line that starts with a
// semicolon is a comment of an INI file.
func hasNginxShape(src string) bool {
	for line := range strings.Lines(head(src)) {
		line = strings.TrimSpace(uncomment(line))
		if !strings.HasPrefix(line, ";") && (strings.HasSuffix(line, ";") || strings.HasSuffix(line, "{")) {
			return true
		}
	}
	return false
}

// isBlank reports whether a text holds comments and white space alone.
func isBlank(src string) bool {
	for line := range strings.Lines(src) {
		if strings.TrimSpace(uncomment(line)) != "" {
			return false
		}
	}
	return true
}

// uncomment cuts a comment off a line.
func uncomment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func head(src string) string { return src[:min(len(src), headSize)] }
