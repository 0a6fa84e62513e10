package haproxy

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestTemplateProblems looks at faults that a mark may or may not be the reason of.
func TestTemplateProblems(t *testing.T) {
	for src, want := range map[string]string{
		"backend a\n server {{ b }} {{ c }}:80 {{ d }}\n":                                          "",
		"backend {{ a }}\n {{ b }}\n {{ c }} d\n balance {{ e }}\n":                                "",
		"backend a\n timeout server {{ b }}\n timeout connect {{ c }}s\n":                          "",
		"backend a\n timeout server {{ b }} ms\n":                                                  "",
		"backend a\n http-request set-header X \"{{ b \"c\" }}\"\n":                                "",
		"{% macro a() %}\n server b c:80\n{% endmacro %}\n":                                        "",
		"backend a\n server b c:80{{ d }}":                                                         "",
		"backend a\n server b c:80\n{% endfor %}":                                                  "",
		"backend a\n{% if b %}\n timeout server 5s\n{% else %}\n timeout server 9s\n{% endif %}\n": "",
		"backend a\n{% if b %}\n timeout server 5s\n timeout server 9s\n{% endif %}\n":             "duplicate-directive: timeout server 5s is overwritten by 9s below",
		"{% if a %}\nbackend b\n serv c {{ d }}:80\n{% endif %}\n":                                 "unknown-directive: serv is no keyword of a backend section",
		"backend a\n mode {{ b }}\n bind :80\n":                                                    "directive-context: bind is ignored in a backend section",
	} {
		c := Load([]syntax.Source{{Path: "haproxy.cfg.j2", Src: src}}, proxy.Version{})
		var got []string
		for _, p := range c.Tree.Roots[0].Problems {
			got = append(got, p.Code+": "+p.Msg)
		}
		for _, p := range c.Tree.Problems {
			got = append(got, p.Code+": "+p.Msg)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s:\ngot  %q\nwant %q", src, got, want)
		}
	}
}

func TestTemplateModel(t *testing.T) {
	const src = `defaults
    mode http
{% if a %}
    timeout client 5s
{% endif %}
frontend www
    bind :{{ port }}
    use_backend {{ b }} if TRUE
    default_backend app
backend app
    server one {{ host }}:8080 weight {{ c }}
    {% for s in servers %}
    server {{ s }} {{ s }}:80
    {% endfor %}
`
	c := Load([]syntax.Source{{Path: "haproxy.cfg.j2", Src: src}}, proxy.Version{})
	if !c.Tree.Fragment || !c.Upstreams[0].Open {
		t.Error("neither the tree nor the backend is open")
	}
	if !c.Listeners[0].Addr.Dynamic || !c.Routes[0].Dynamic || c.Routes[1].To != c.Upstreams[0] {
		t.Errorf("listener %+v, routes %+v %+v", c.Listeners[0].Addr, c.Routes[0], c.Routes[1])
	}
	e := c.Upstreams[0].Endpoints[0]
	if !e.Addr.Dynamic || e.Addr.Port != 8080 || e.Addr.PortAt.Text() != "8080" || !e.Weight.Dynamic {
		t.Errorf("server: %+v weight %+v", e.Addr, e.Weight)
	}
	if got := c.Upstreams[0].Timeouts.Connect.Origin; got != proxy.Unknown {
		t.Errorf("timeout connect has origin %d", got)
	}
	if got := c.Listeners[0].Timeouts.Client; !got.Written() {
		t.Errorf("timeout client: %+v", got)
	}
}

func TestTemplateEnvironment(t *testing.T) {
	const src = "backend a\n server b ${HOST}:$PORT weight \"${WEIGHT}\"\n server c ${NONE}:80\n"
	env := map[string]string{"HOST": "app", "PORT": "8080", "WEIGHT": "5"}
	c := Load([]syntax.Source{{Path: "haproxy.cfg.template", Src: src, Env: env}}, proxy.Version{})
	b, other := c.Upstreams[0].Endpoints[0], c.Upstreams[0].Endpoints[1]
	if b.Addr.Host != "app" || b.Addr.Port != 8080 || b.Addr.Dynamic || b.Addr.At.Text() != "${HOST}:$PORT" {
		t.Errorf("%+v at %q", b.Addr, b.Addr.At.Text())
	}
	if b.Weight.Value != 5 || b.Weight.Dynamic {
		t.Errorf("weight: %+v", b.Weight)
	}
	if !other.Addr.Dynamic {
		t.Errorf("%+v", other.Addr)
	}
}
