package nginx

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// outlineOf gives the names of statements, with those of a block in braces.
func outlineOf(list []*syntax.Stmt) string {
	var names []string
	for _, s := range list {
		name := s.Name()
		if s.Block != nil {
			name += "{" + outlineOf(s.Block.Stmts) + "}"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestTemplateStatements(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{"{% if a %}b;{% endif %}c;", "b c"},
		{"b {% if a %}c{% endif %};\nd;", "b d"},
		{"{{ a }}\nb;\n{{ c }} # d\n{{ e }}", "b"},
		{"b { {{ a }} }\nc;", "b{} c"},
		{"b\n{% if a %}\nc\n{% endif %};d;", "b d"},
		{"{% if a %}b{c;{% else %}b{d;{% endif %}e;}f;", "b{c} b{d e} f"},
		{"b{ {% if a %}c;}{% endif %}d;", "b{c} d"},
		{"b{ c '{{ \"}'\" }}'; } {# d; #}", "b{c}"},
	} {
		file := scan(syntax.Source{Path: "nginx.conf.j2", Src: test.src})
		if got := outlineOf(file.Stmts); got != test.want {
			t.Errorf("%s: got %q, want %q", test.src, got, test.want)
		}
		for _, p := range file.Problems {
			t.Errorf("%s: %s", test.src, p.Msg)
		}
	}
}

func TestTemplateUnbalanced(t *testing.T) {
	for src, want := range map[string]bool{
		"{% if a %}b{ {% else %}c{ {% endif %} }":           false,
		"b{ {% for a in c %}d{}{% endfor %} }":              false,
		"{% if a %}b{ {% endif %} {% if c %} } {% endif %}": true,
		"{% if a %}b{ {% else %}c;{% endif %}":              true,
		"b{ {% if a %} } {% else %} {% endif %}":            true,
		"{% endif %}{% else %}b;":                           false,
	} {
		file := scan(syntax.Source{Path: "nginx.conf.j2", Src: src})
		if file.Template.Unbalanced != want {
			t.Errorf("%s: Unbalanced is %v", src, !want)
		}
	}
}

// TestTemplateProblems looks at faults that a mark may or may not be the reason of.
func TestTemplateProblems(t *testing.T) {
	for src, want := range map[string]string{
		"events {}\nhttp { server { listen {{ a }} {{ b }} {{ c }}; } }":         "",
		"events {}\nhttp { keepalive_timeout {{ a }} 1 2 3; }":                   "",
		"events {}\nhttp { server { root {{ a }}\nlisten 80; } }":                "",
		"events {}\nhttp { server { root /{{ a }} }\nserver { listen 80; } }":    "",
		"events {}\nhttp { {{ a }} b c; {{ d }} { e; } }":                        "",
		"{% if a %}\nevents {}\n{% endif %}\n{% if b %}\nevents {}\n{% endif %}": "",
		"{% macro a() %}location / { }{% endmacro %}\nevents {}\nhttp { }":       "",
		"events {}\nhttp { include {{ a }}; include b.conf; }":                   "include-missing: b.conf was not read: it is not here",
		"events {}\nhttp { server { listen {{ a }};\n\nroot /x\nindex y; } }":    `missing-semicolon: ";" is missing after /x: nginx takes index on the next line for an argument of root`,
		"events {}\nhttp { {% if a %}\nserver_nmae b;\n{% endif %} }":            "unknown-directive: unknown directive server_nmae",
		"events {}\nhttp { proxy_pass {{ a }}; }":                                "directive-context: proxy_pass is not allowed in http, only in location, if in location or limit_except",
	} {
		config := Load(syntax.Source{Path: "/nonexistent/nginx.conf.j2", Src: src}, Options{})
		var got []string
		for _, p := range config.Tree.Roots[0].Problems {
			got = append(got, p.Code+": "+p.Msg)
		}
		for _, p := range config.Tree.Problems {
			got = append(got, p.Code+": "+p.Msg)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s:\ngot  %q\nwant %q", src, got, want)
		}
	}
}

func TestTemplateModel(t *testing.T) {
	const src = `events {}
http {
    upstream app { server {{ host }}:8080; server 10.0.0.1:{{ port }}; }
    proxy_read_timeout {{ seconds }}s;
    server {
        listen {{ port }};
        location / { proxy_pass http://app; }
        location /a { proxy_pass {{ scheme }}://b; }
        location /c { proxy_pass http://{{ d }}; }
        {% if e %}
        proxy_send_timeout 5s;
        {% endif %}
    }
}
`
	c := Load(syntax.Source{Path: "nginx.conf.j2", Src: src}, Options{})
	app := c.Upstreams[0]
	if !app.Open || len(app.Endpoints) != 2 {
		t.Fatalf("upstream: %+v", app)
	}
	for i, want := range []string{"{{ host }}:8080", "10.0.0.1:{{ port }}"} {
		if a := app.Endpoints[i].Addr; !a.Dynamic || a.At.Text() != want {
			t.Errorf("server %d: dynamic %v at %s", i, a.Dynamic, a.At.Text())
		}
	}
	if a := app.Endpoints[0].Addr; a.Port != 8080 || a.PortAt.Text() != "8080" {
		t.Errorf("port %d at %q", a.Port, a.PortAt.Text())
	}
	if a := c.Listeners[0].Addr; !a.Dynamic {
		t.Errorf("listener: %+v", a)
	}
	for i, want := range []bool{false, true, true} {
		if c.Routes[i].Dynamic != want || c.Routes[i].Runtime {
			t.Errorf("route %d: Dynamic is %v, Runtime %v", i, c.Routes[i].Dynamic, c.Routes[i].Runtime)
		}
	}
	timeouts := c.Routes[0].Hop.Timeouts
	if !timeouts.Read.Dynamic && timeouts.Read.Origin != proxy.Unknown || timeouts.Connect.Origin != proxy.Unknown {
		t.Errorf("timeouts: %+v", timeouts)
	}
}

func TestTemplateEnvironment(t *testing.T) {
	const src = `server {
    listen ${PORT};
    location / { proxy_pass http://${HOST}:$PORT/${UNKNOWN}; }
    location /b { proxy_pass http://"${LIST}"; }
}
`
	env := map[string]string{"PORT": "8080", "HOST": "app", "LIST": "a b"}
	c := Load(syntax.Source{Path: "default.conf.template", Src: src, Env: env}, Options{})
	if a := c.Listeners[0].Addr; a.Port != 8080 || a.Dynamic || a.PortAt.Text() != "${PORT}" {
		t.Errorf("listener: %d at %q", a.Port, a.PortAt.Text())
	}
	r := c.Routes[0]
	if a := r.To.Endpoints[0].Addr; a.Host != "app" || a.Port != 8080 || a.Dynamic || r.Runtime || !r.Hop.URI.Dynamic {
		t.Errorf("route: %+v to %+v", r, a)
	}
	if r.To.Endpoints[0].Addr.At.Text() != "${HOST}:$PORT" {
		t.Errorf("it stands at %q", r.To.Endpoints[0].Addr.At.Text())
	}
	plain := Load(syntax.Source{Path: "default.conf", Src: src, Env: env}, Options{})
	if !plain.Routes[0].Runtime {
		t.Error("${HOST} is no variable in a file that is no template")
	}
	if !c.Routes[1].Dynamic {
		t.Error("a value of two words makes a route that is known")
	}
}
