package nginx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tufanbarisyildirim/gonginx/config"
	"github.com/tufanbarisyildirim/gonginx/parser"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// gonginxFaults are the files of which gonginx's parser gives another tree than ours, and why.
var gonginxFaults = map[string]string{
	"nginx/crossplane-py/013f8032__tests_configs_lua-block-simple_nginx.conf.conf":      "it loses its way in Lua strings, comments or quoted names",
	"nginx/crossplane-py/01d0172d__tests_configs_lua-block-tricky_nginx.conf.conf":      "it loses its way in Lua strings, comments or quoted names",
	"nginx/crossplane-py/0c473a20__tests_configs_messy_nginx.conf.conf":                 "it takes a brace inside an unquoted word for the block's end",
	"nginx/crossplane-py/0cf3cbc1__tests_configs_non-unicode_nginx.conf.conf":           "it replaces bytes that are not UTF-8",
	"nginx/crossplane-py/b9fa185f__tests_configs_comments-between-args_nginx.conf.conf": "it parts a word at an escaped blank",
	"nginx/doc-snippets/3e3a56a9__nginx-admins-handbook_RULES.md_31.conf":               "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/doc-snippets/77b96ec8__nginx-wiki_dokuwiki.rst_4.conf":                       "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/doc-snippets/7ce9659b__nginx-wiki_log_zmq.rst_1.conf":                        "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/doc-snippets/84eec27e__echo-nginx-module_README.markdown_52.conf":            "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/doc-snippets/97d11769__nginx-conf_README.md_6.conf":                          "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/doc-snippets/e7809fbf__nginx-admins-handbook_NGINX_BASICS.md_2.conf":         "it parts a word at an escaped blank",
	"nginx/headers-more-tests/7cc11109__sanity.t_2.conf":                                "a \";\" is missing: our tree parts the statement there, by rule of thumb",
	"nginx/lua-tests/9b8bddd7__132-lua-blocks.t_6.conf":                                 "it loses its way in Lua strings, comments or quoted names",
	"nginx/lua-tests/ba7985b4__002-content.t_16.conf":                                   "it loses its way in Lua strings, comments or quoted names",
}

// TestGonginx asks gonginx's parser for a second opinion on every file that nginx's token reader accepts.
func TestGonginx(t *testing.T) {
	clearWrappers(t)
	agreed := 0
	for _, f := range corpus(t) {
		if f.verdict == "token-error" {
			continue
		}
		want, err := parser.NewStringParser(f.text, parser.WithSkipValidDirectivesErr()).Parse()
		var theirs []string
		if err == nil {
			theirs = outlineTheirs(nil, "", want.GetDirectives())
		}
		ours := outline(nil, "", scan(syntax.Source{Path: f.path, Src: f.text}).Stmts)
		fault, known := gonginxFaults[f.path]
		differs := err != nil || difference(ours, theirs) != ""
		switch {
		case differs && !known:
			t.Errorf("%s: %v %s", f.path, err, difference(ours, theirs))
		case !differs && known:
			t.Errorf("%s: agrees, though listed: %s", f.path, fault)
		default:
			agreed++
		}
	}
	t.Logf("agreed on %d files, %d of them listed", agreed, len(gonginxFaults))
}

// clearWrappers keeps gonginx from reordering statements.
func clearWrappers(t *testing.T) {
	blocks, directives, includes := config.BlockWrappers, config.DirectiveWrappers, config.IncludeWrappers
	lua := blocks["_by_lua_block"]
	config.BlockWrappers = map[string]func(*config.Directive) (config.IDirective, error){"_by_lua_block": lua}
	config.DirectiveWrappers, config.IncludeWrappers = nil, nil
	t.Cleanup(func() {
		config.BlockWrappers, config.DirectiveWrappers, config.IncludeWrappers = blocks, directives, includes
	})
}

// outline lists statements with their words as written, indented by their depth.
func outline(list []string, indent string, stmts []*syntax.Stmt) []string {
	for _, s := range stmts {
		words := make([]string, len(s.Words))
		for i, w := range s.Words {
			words[i] = s.File.Raw(w)
		}
		list = append(list, indent+strings.Join(words, "|"))
		if s.Block != nil {
			list = outline(list, indent+" ", s.Block.Stmts)
		}
	}
	return list
}

func outlineTheirs(list []string, indent string, directives []config.IDirective) []string {
	for _, d := range directives {
		words := []string{d.GetName()}
		for _, p := range d.GetParameters() {
			words = append(words, p.Value)
		}
		list = append(list, indent+strings.Join(words, "|"))
		if block := d.GetBlock(); block != nil {
			list = outlineTheirs(list, indent+" ", block.GetDirectives())
		}
	}
	return list
}

func difference(ours, theirs []string) string {
	for i := range max(len(ours), len(theirs)) {
		switch {
		case i >= len(ours):
			return fmt.Sprintf("only theirs: %q", theirs[i])
		case i >= len(theirs):
			return fmt.Sprintf("only ours: %q", ours[i])
		case ours[i] != theirs[i]:
			return fmt.Sprintf("ours %q, theirs %q", ours[i], theirs[i])
		}
	}
	return ""
}
