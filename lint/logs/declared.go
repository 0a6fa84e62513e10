package logs

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxDeclared is how many formats of configurations are tried on each line.
const maxDeclared = 32

// Declared returns the formats of the access logs that configurations write, in their order: those of nginx' log_format
// that an access_log uses, and HAProxy's log-format and error-log-format. One that can't be compiled is passed over.
func Declared(configs []*proxy.Config) []*Format {
	var list []*Format
	seen := map[string]bool{}
	for _, config := range configs {
		texts, compile := haproxyTexts(config.Tree), CompileHAProxy
		if config.Dialect == syntax.Nginx {
			texts, compile = nginxTexts(config.Tree), CompileNginx
		}
		for _, text := range texts {
			format, err := compile(text)
			if err != nil || seen[text] || len(list) == maxDeclared || syntax.HasFilling(text) {
				continue
			}
			seen[text] = true
			list = append(list, format)
		}
	}
	return list
}

// nginxTexts returns the formats that access_log directives use (ngx_http_log_module).
func nginxTexts(tree *syntax.Tree) []string {
	formats, used := map[string]string{}, []string{}
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		switch s.Name() {
		case "log_format":
			formats[s.Arg(1)] = nginxText(s)
		case "access_log":
			used = append(used, s.Arg(2))
		}
		return true
	})
	var texts []string
	for _, name := range used {
		if text, ok := formats[name]; ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// nginxText joins the parts of a log_format, without what it says of escapes.
func nginxText(s *syntax.Stmt) string {
	var text strings.Builder
	for i := 2; i <= s.Args(); i++ {
		if part := s.Arg(i); i > 2 || !strings.HasPrefix(part, "escape=") {
			text.WriteString(part)
		}
	}
	return text.String()
}

func haproxyTexts(tree *syntax.Tree) []string {
	var texts []string
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if name := s.Name(); (name == "log-format" || name == "error-log-format") && s.When.Live() {
			texts = append(texts, s.Arg(1))
		}
		return true
	})
	return texts
}
