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
	ID:       "buffer-too-small",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      bufferTooSmall,
	Doc: lint.Doc{
		Title: "a buffer that the backend's header does not fit into, or sizes that nginx refuses",
		Why: `The header of a response must fit into proxy_buffer_size alone, which is one memory page (4k) by default. Cookies and
tokens of a login easily make more than that: "upstream sent too big header", and the client gets 502. Enlarging
proxy_buffers does not help, since these take the body. The same holds for fastcgi, uwsgi and scgi.

nginx refuses to start where proxy_busy_buffers_size is smaller than the larger of proxy_buffer_size and one of the
proxy_buffers, or larger than all of the proxy_buffers but one. Unwritten it is twice that larger size, so a raised
proxy_buffer_size alone can be refused too; that is an error here.

Enlarged proxy_buffers beside a written size of 4k or less are a warning, beside the default size an info. Sizes are
counted with memory pages of 4k.`,
		How: `Raise proxy_buffer_size, and proxy_buffers with it, so that all of them but one have room for it twice.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
            proxy_buffer_size 4k;
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
            proxy_pass http://127.0.0.1:3000;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_busy_buffers_size",
		},
		Since: "0.1.0",
	},
})

// pageSize is the usual size of a memory page, which nginx's buffers have by default.
const pageSize = 4 << 10

func bufferTooSmall(_ context.Context, p *lint.Pass) {
	seen := map[*proxy.Buffers]bool{}
	for _, r := range p.Config.Routes {
		b := r.Hop.Buffers
		switch r.Hop.Protocol {
		case proxy.HTTP, proxy.FastCGI, proxy.UWSGI, proxy.SCGI:
		default:
			continue
		}
		if seen[b] || !isKnown(b.Size) || !isKnown(b.Count) || !isKnown(b.Each) || !isKnown(b.Busy) {
			continue
		}
		seen[b] = true
		module := strings.TrimSuffix(r.Stmt.Name(), "pass")
		d := refusedSizes(b, module)
		if d == nil {
			d = headerBuffer(b, module)
		}
		if d != nil {
			d.Related = append(d.Related, lint.Related{At: r.At, Message: "the pass"})
			p.Report(*d)
		}
	}
}

func isKnown(s proxy.Setting[int64]) bool { return s.Origin != proxy.Unknown && !s.Dynamic }

// refusedSizes tells of sizes with which nginx does not start (ngx_http_proxy_module, ngx_http_proxy_merge_loc_conf);
// nil when it takes them.
func refusedSizes(b *proxy.Buffers, module string) *lint.Diagnostic {
	largest := max(b.Size.Value, b.Each.Value)
	busy := 2 * largest
	if b.Busy.Written() {
		busy = b.Busy.Value
	}
	room := (b.Count.Value - 1) * b.Each.Value
	d := &lint.Diagnostic{Severity: lint.Error, Symptom: "start failure", At: b.Busy.At}
	switch {
	case b.Count.Value < 2 && b.Count.Written():
		d.At = b.Count.At
		d.Message = fmt.Sprintf("%sbuffers must be at least 2, not %d", module, b.Count.Value)
		d.Hint = fmt.Sprintf("%sbuffers 8 %s;", module, sizeText(b.Each.Value))
	case busy < largest:
		d.Message = fmt.Sprintf("%sbusy_buffers_size %s is less than a buffer of %s", module, sizeText(busy), sizeText(largest))
		d.Hint = fmt.Sprintf("%sbusy_buffers_size %s;", module, sizeText(largest))
	case busy <= room:
		return nil
	default:
		d.At = firstWritten(b.Busy, b.Size, b.Count)
		if d.At.IsZero() || b.Size.Value <= b.Each.Value && !b.Busy.Written() {
			d.At = firstWritten(b.Count, b.Size)
		}
		d.Message = fmt.Sprintf("%sbusy_buffers_size %s does not fit into %sbuffers %d %s less one buffer (%s)", module,
			sizeText(busy)+unwritten(b.Busy), module, b.Count.Value, sizeText(b.Each.Value)+unwritten(b.Each), sizeText(room))
		d.Hint = fmt.Sprintf("%sbuffers %d %s;", module, max(4, b.Count.Value), sizeText(max(largest, (busy+2)/3)))
	}
	if d.At.IsZero() {
		return nil
	}
	return d
}

// firstWritten returns the place of the first of some settings that a person wrote.
func firstWritten(settings ...proxy.Setting[int64]) syntax.Ref {
	for _, s := range settings {
		if s.Written() {
			return s.At
		}
	}
	return syntax.Ref{}
}

func unwritten(s proxy.Setting[int64]) string {
	if s.Written() {
		return ""
	}
	return " (default)"
}

// headerBuffer tells of a buffer for the header that stays small beside larger ones for the body.
func headerBuffer(b *proxy.Buffers, module string) *lint.Diagnostic {
	off := b.Buffering.Written() && !b.Buffering.Value
	if b.Size.Value > pageSize || b.Each.Value <= pageSize || b.Buffering.Dynamic || off {
		return nil
	}
	hint := fmt.Sprintf("%sbuffer_size %s;", module, sizeText(b.Each.Value))
	if b.Size.Written() {
		return &lint.Diagnostic{
			At:      b.Size.At,
			Message: fmt.Sprintf("the header must fit into %sbuffer_size %s, however large the %sbuffers", module, b.Size.At.Text(), module),
			Hint:    hint,
			Related: []lint.Related{{At: b.Each.At, Message: "the buffers for the body"}},
		}
	}
	return &lint.Diagnostic{
		Severity: lint.Info,
		At:       b.Each.At,
		Message:  fmt.Sprintf("these are for the body alone: the header must fit into %sbuffer_size 4k (default)", module),
		Hint:     hint,
	}
}

// sizeText writes a number of bytes as nginx reads it.
func sizeText(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dm", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%dk", n>>10)
	}
	return fmt.Sprint(n)
}
