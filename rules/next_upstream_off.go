package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "next-upstream-off",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      nextUpstreamOff,
	Doc: lint.Doc{
		Title: "the next server is never asked, or asked after a fault of the page",
		Why: `With "proxy_next_upstream off", or a list that leaves "error" out, the request that meets a server which is down gets a 502,
though another server of the group could have answered it.

The list also says what counts as a failure of the server. An answer of 500 is mostly the application's own: with http_500 in the
list, a page with a fault is asked of one server after the other, and each of them has failed. Two such requests within
fail_timeout leave no server, and everyone gets 502, with "no live upstreams" in the error log. The same goes for http_429, by
which a server turns one busy client away. This is a warning where max_fails is 1, the default.`,
		How: `Name "error", and "timeout" if need be. Leave out http_500 and http_429; http_502, http_503 and http_504 are the answers of
a server that is not well itself.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_next_upstream error timeout http_500;
            proxy_pass http://app;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_next_upstream error timeout;
            proxy_pass http://app;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_fails",
		},
		Since: "0.1.0",
	},
})

func nextUpstreamOff(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		on := r.Hop.Retry.On
		if !on.Written() || on.Dynamic || told[on.At] || r.To == nil || inUse(r.To, 2) < 2 {
			continue
		}
		d := neverNext(r)
		if d == nil {
			d = ownFailures(r)
		}
		if d != nil {
			told[on.At] = true
			d.Related = []lint.Related{{At: r.At, Message: "where it applies"}}
			p.Report(*d)
		}
	}
}

// neverNext tells of a pass that stays with a server which is down.
func neverNext(r *proxy.Route) *lint.Diagnostic {
	words := strings.Fields(r.Hop.Retry.On.Value)
	off := slices.Contains(words, "off")
	if !off && (r.Hop.Protocol == proxy.TCP || slices.Contains(words, "error")) {
		return nil
	}
	name := passTimeout(r, "next_upstream")
	d := &lint.Diagnostic{
		Symptom: answered(r.Hop.Protocol, "502"),
		At:      r.Hop.Retry.On.At,
		Hint:    name + " error timeout;",
	}
	switch {
	case r.Hop.Protocol == proxy.TCP:
		d.Message = fmt.Sprintf("%s off closes the connection when a server of %s is down, though another could take it", name, r.To.Name)
		d.Hint = name + " on;"
	case off:
		d.Message = fmt.Sprintf("%s off answers 502 when a server of %s is down, though another could answer", name, r.To.Name)
	default:
		d.Message = fmt.Sprintf("%s leaves out error: when a server of %s is down, the answer is 502, though another could answer", name, r.To.Name)
		d.Hint = strings.Join(slices.Insert(words, 0, name, "error"), " ") + ";"
	}
	return d
}

// ownFailures tells of a list by which an application's own answers take its servers out.
func ownFailures(r *proxy.Route) *lint.Diagnostic {
	retry := r.Hop.Retry
	word := ownFailure(retry.On.Value)
	if word == "" || r.Hop.Protocol == proxy.TCP || r.Hop.Protocol == proxy.GRPC || retry.Tries.Dynamic || retry.Tries.Value == 1 {
		return nil
	}
	least, most := failLimits(r.To)
	if least == 0 {
		return nil
	}
	words := slices.DeleteFunc(strings.Fields(retry.On.Value), func(s string) bool { return ownFailure(s) != "" })
	name := passTimeout(r, "next_upstream")
	status := strings.TrimPrefix(word, "http_")
	d := &lint.Diagnostic{
		Severity: lint.Warning,
		At:       wordOf(retry.On.At, word),
		Message: fmt.Sprintf("%s %s counts each answer of %s as a failure, so that a few requests take all servers of %s out",
			name, word, status, r.To.Name),
		Hint: name + " " + strings.Join(words, " ") + ";",
	}
	if most > 1 {
		d.Severity = lint.Info
	}
	return d
}

// ownFailure returns the word of a list that stands for answers which are mostly the application's own; "" when there is none.
func ownFailure(list string) string {
	for word := range strings.FieldsSeq(list) {
		if word == "http_500" || word == "http_429" {
			return word
		}
	}
	return ""
}

// failLimits returns the least and the greatest max_fails of the servers in use; 0 where one can't be read offline.
func failLimits(u *proxy.Upstream) (least, most int64) {
	for _, e := range u.Endpoints {
		if e.Down {
			continue
		}
		limit, known := failLimitOf(e)
		if !known || limit.fails == 0 {
			return 0, 0
		}
		if least == 0 || limit.fails < least {
			least = limit.fails
		}
		most = max(most, limit.fails)
	}
	return least, most
}

// wordOf returns the place of a word in the directive that has its first argument at a place.
func wordOf(first syntax.Ref, word string) syntax.Ref {
	text, _, _ := strings.Cut(first.File.Src[first.Span.Start:], ";")
	i := strings.Index(text, word)
	if i < 0 {
		return first // written with quotes or escapes
	}
	return first.Sub(i, i+len(word))
}
