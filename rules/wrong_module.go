package rules

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "wrong-module",
	Family:   lint.Timeouts,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "504",
	Run:      wrongModule,
	Doc: lint.Doc{
		Title: "a setting of another module than the one that passes the request on",
		Why: `Each of nginx's modules reads only its own directives: proxy_read_timeout and proxy_buffer_size say nothing to
fastcgi_pass, uwsgi_pass, scgi_pass or grpc_pass, nor theirs to proxy_pass. nginx takes the line without a word, and the default stays: 60s to
answer (504), one memory page for the header of the response (502).

It is a warning where everything that the block passes on goes through one other module and that module's own setting is nowhere in
scope. It is an info where that module has no such setting, such as proxy_set_header beside fastcgi_pass, which hands the
client's headers on as they are.
What an http block says, or a file that is also included where it does apply, is left alone.`,
		How: `Write the setting with the name of the module whose pass it is meant for.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            fastcgi_pass 10.0.0.10:9000;
            proxy_read_timeout 300s;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            fastcgi_pass 10.0.0.10:9000;
            fastcgi_param SCRIPT_FILENAME /srv/www$fastcgi_script_name;
            fastcgi_read_timeout 300s;
            fastcgi_buffer_size 16k;
            fastcgi_buffers 8 16k;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_read_timeout",
			"https://nginx.org/en/docs/http/ngx_http_grpc_module.html#grpc_read_timeout",
		},
		Since: "0.1.0",
	},
})

// passModules are the modules that pass requests on. A set of them is a bit for each; the bit after the last stands for
// all others.
var passModules = [...]string{"proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached"}

const otherModules = 1 << len(passModules)

// passSettings are the settings that the rule looks at, by their names without the module's, the modules that have
// them, and what comes of their absence.
var passSettings = [...]struct {
	name    string
	modules string
	symptom lint.Symptom
}{
	{"connect_timeout", "proxy fastcgi uwsgi scgi grpc memcached", "504"},
	{"read_timeout", "proxy fastcgi uwsgi scgi grpc memcached", "504"},
	{"send_timeout", "proxy fastcgi uwsgi scgi grpc memcached", "504"},
	{"buffer_size", "proxy fastcgi uwsgi scgi grpc memcached", "502"},
	{"buffers", "proxy fastcgi uwsgi scgi", "no effect"},
	{"busy_buffers_size", "proxy fastcgi uwsgi scgi", "no effect"},
	{"buffering", "proxy fastcgi uwsgi scgi", "no effect"},
	{"request_buffering", "proxy fastcgi uwsgi scgi", "no effect"},
	{"set_header", "proxy grpc", "header not sent"},
}

// moduleOf splits the name of a directive into the module, as an index, and the rest.
func moduleOf(name string) (module int, rest string, ok bool) {
	first, rest, found := strings.Cut(name, "_")
	if !found {
		return 0, "", false
	}
	for i, m := range passModules {
		if m == first {
			return i, rest, true
		}
	}
	return 0, "", false
}

func settingIndex(name string) (int, bool) {
	for i := range passSettings {
		if passSettings[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// blockUse is what a block holds, with the blocks in it.
type blockUse struct {
	passes uint8        // the modules that pass requests on
	pass   *syntax.Stmt // the first pass
	sets   uint64       // the settings written in this very block
	unseen bool         // something in it was not read
}

func settingBit(module, setting int) uint64 { return 1 << (module*len(passSettings) + setting) }

// moduleLine is a setting of one module in a server or location block.
type moduleLine struct {
	scope           *syntax.Scope
	stmt            *syntax.Stmt
	module, setting int
}

func wrongModule(_ context.Context, p *lint.Pass) {
	if !mixesModules(p.Config.Tree) {
		return
	}
	blocks, lines := readModules(p.Config.Tree)
	applies := map[*syntax.Stmt]bool{}
	for _, l := range lines {
		if b := blocks[l.scope]; b.unseen || b.onlyPass() < 0 || b.onlyPass() == l.module || setsCounterpart(blocks, l) {
			applies[l.stmt] = true
		}
	}
	told := map[toldHeader]bool{}
	for _, l := range lines {
		if !applies[l.stmt] && p.Config.Wants(l.stmt.File) {
			reportModule(p, l, blocks[l.scope], told)
		}
	}
}

// mixesModules reports whether directives of several modules stand in a tree. Most have those of one alone.
func mixesModules(tree *syntax.Tree) bool {
	first := -1
	var mixed func(list []*syntax.Stmt) bool
	mixed = func(list []*syntax.Stmt) bool {
		for _, s := range list {
			if module, _, ok := moduleOf(s.Name()); ok {
				if first >= 0 && first != module {
					return true
				}
				first = module
			}
			if s.Block != nil && mixed(s.Block.Stmts) {
				return true
			}
		}
		return false
	}
	for _, f := range tree.Files {
		if mixed(f.Stmts) {
			return true
		}
	}
	return false
}

// readModules reads what the blocks of a tree pass on and set.
func readModules(tree *syntax.Tree) (map[*syntax.Scope]*blockUse, []moduleLine) {
	blocks := map[*syntax.Scope]*blockUse{}
	var last *syntax.Scope
	var use *blockUse
	of := func(scope *syntax.Scope) *blockUse {
		if scope == last {
			return use
		}
		if blocks[scope] == nil {
			blocks[scope] = &blockUse{}
		}
		last, use = scope, blocks[scope]
		return use
	}
	var lines []moduleLine
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		if strings.HasSuffix(name, "_by_lua_block") || strings.HasSuffix(name, "_by_lua") {
			markUnseen(of, scope)
			return true
		}
		if _, unread := tree.Unread[s]; unread && !setsParamsOnly(s.Arg(1)) {
			markUnseen(of, scope)
			return true
		}
		module, rest, ok := moduleOf(name)
		switch {
		case strings.HasSuffix(name, "_pass"):
			bit := uint8(otherModules)
			if ok && rest == "pass" {
				bit = 1 << module
			}
			for at := scope; at != nil && of(at).passes&bit == 0; at = at.Up {
				of(at).passes |= bit
				if of(at).pass == nil {
					of(at).pass = s
				}
			}
		case ok && s.Block == nil:
			setting, known := settingIndex(rest)
			if !known {
				break
			}
			of(scope).sets |= settingBit(module, setting)
			if inServer(scope) {
				lines = append(lines, moduleLine{scope, s, module, setting})
			}
		}
		return true
	})
	return blocks, lines
}

func markUnseen(of func(*syntax.Scope) *blockUse, scope *syntax.Scope) {
	for at := scope; at != nil && !of(at).unseen; at = at.Up {
		of(at).unseen = true
	}
}

// inServer reports whether a scope is that of a server or location.
func inServer(s *syntax.Scope) bool {
	return s.Stmt != nil && (s.Stmt.Name() == "server" || s.Stmt.Name() == "location")
}

// setsParamsOnly reports whether a file is one that nginx's package ships and that says nothing of what the rule looks at.
func setsParamsOnly(path string) bool {
	switch filepath.Base(path) {
	case "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "mime.types":
		return true
	}
	return false
}

// onlyPass returns the module that passes on all that the block does; -1 when there is no such.
func (b *blockUse) onlyPass() int {
	for i := range passModules {
		if b.passes == 1<<i {
			return i
		}
	}
	return -1
}

// setsCounterpart reports whether the module that does pass requests on has the setting too, there or further out.
func setsCounterpart(blocks map[*syntax.Scope]*blockUse, l moduleLine) bool {
	bit := settingBit(blocks[l.scope].onlyPass(), l.setting)
	for at := l.scope; at != nil; at = at.Up {
		if b := blocks[at]; b != nil && b.sets&bit != 0 {
			return true
		}
	}
	return false
}

// toldHeader is a block in which a header was told of: one finding is enough for all of them.
type toldHeader struct {
	scope  *syntax.Scope
	module int
}

func reportModule(p *lint.Pass, l moduleLine, b *blockUse, told map[toldHeader]bool) {
	setting, pass := passSettings[l.setting], passModules[b.onlyPass()]
	d := lint.Diagnostic{
		Symptom: setting.symptom,
		At:      l.stmt.Ref(0),
		Message: fmt.Sprintf("%s has no effect on %s_pass", l.stmt.Name(), pass),
		Related: []lint.Related{{At: b.pass.Ref(0), Message: "the pass"}},
	}
	if setting.name == "set_header" {
		key := toldHeader{l.scope, l.module}
		if told[key] {
			return
		}
		told[key] = true
	}
	if strings.Contains(setting.modules, pass) {
		write := pass + "_" + setting.name
		d.Hint = write
		for i := range l.stmt.Args() {
			d.Hint += " " + strings.Join(strings.Fields(l.stmt.Ref(i+1).Text()), " ")
		}
		d.Hint += ";"
		d.Fix = repair(d.At, write, false)
	} else {
		d.Severity = lint.Info
		if setting.name == "set_header" && pass != "memcached" {
			d.Hint = fmt.Sprintf("%s_param HTTP_%s %s;", pass, strings.ToUpper(strings.ReplaceAll(l.stmt.Arg(1), "-", "_")), strings.Join(strings.Fields(l.stmt.Ref(2).Text()), " "))
		}
	}
	p.Report(d)
}
