// Package cloudflared reads the configuration of a Cloudflare Tunnel, cloudflared's config.yml, into the tree and the
// neutral model.
//
// What is accepted and meant is said in Cloudflare's documentation of configuration files and of origin parameters:
// https://developers.cloudflare.com/tunnel/advanced/local-management/configuration-file/
// and https://developers.cloudflare.com/tunnel/reference/origin-parameters/.
package cloudflared

import (
	"cmp"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// maxValues bounds the values of a document, aliases filled in.
const maxValues = 500_000

// Is reports whether a YAML text is a tunnel's configuration: it has ingress rules that lead to services, and names a
// tunnel or a host, or lies where cloudflared looks for it. A text that is not YAML can be told by its place alone.
func Is(name, src string) bool {
	if !strings.HasPrefix(src, "ingress:") && !strings.Contains(src, "\ningress:") {
		return false
	}
	docs, err := yamldoc.Read(syntax.NewFile(name, src, syntax.Cloudflared, nil))
	if len(docs) == 0 || docs[0].Size(maxValues) > maxValues {
		return err != nil && isUsualPlace(name)
	}
	leads, hosts := false, false
	for rule := range docs[0].Get("ingress").Items() {
		leads = leads || isService(rule.Get("service").Text())
		hosts = hosts || rule.Get("hostname").Text() != ""
	}
	return leads && (hosts || docs[0].Key("tunnel").Exists() || docs[0].Key("credentials-file").Exists() || isUsualPlace(name))
}

// isService reports whether a text is a service as rules of a tunnel have it, rather than the name of one.
func isService(text string) bool {
	_, own := ownService(text)
	return own || strings.Contains(text, "://") || strings.HasPrefix(text, "unix:") || strings.HasPrefix(text, "unix+tls:")
}

// isUsualPlace reports whether a file is named as in ~/.cloudflared, /etc/cloudflared and /usr/local/etc/cloudflared.
func isUsualPlace(name string) bool {
	dir, file := path.Split(strings.ToLower(filepath.ToSlash(name)))
	stem := strings.TrimSuffix(file, path.Ext(file))
	switch path.Base(dir) {
	case "cloudflared", ".cloudflared":
		return true
	}
	return strings.Contains(stem, "cloudflared")
}

// Load reads a text. It never fails: what cloudflared would refuse is a problem, and the rest is kept.
func Load(source syntax.Source) *proxy.Config {
	f := syntax.NewFile(source.Path, source.Src, syntax.Cloudflared, decode)
	f.Origin = source.Origin
	tree := &syntax.Tree{Dialect: syntax.Cloudflared, Roots: []*syntax.File{f}, Files: map[string]*syntax.File{f.Path: f}}
	l := loader{
		file: f, tree: tree, config: &proxy.Config{Dialect: syntax.Cloudflared, Tree: tree},
		listeners: map[string]*proxy.Listener{},
	}
	docs, err := yamldoc.Read(f)
	switch {
	case len(docs) > 0 && docs[0].Size(maxValues) <= maxValues: // cloudflared reads the first document alone
		l.document(docs[0])
	case err != nil:
		l.unreadable(err)
	case len(docs) > 0:
		l.unreadable(errors.New("its aliases stand for too many values"))
	}
	slices.SortStableFunc(f.Problems, func(a, b syntax.Problem) int { return cmp.Compare(a.At.Start, b.At.Start) })
	return l.config
}

// loader makes the tree and the model of one text.
type loader struct {
	file      *syntax.File
	tree      *syntax.Tree
	config    *proxy.Config
	listeners map[string]*proxy.Listener // by hostname
	rules     []rule
}

// rule is one rule of the ingress list.
type rule struct {
	stmt          *syntax.Stmt
	hostname      yamldoc.Node
	path, service yamldoc.Node
	origin        origin
}

func (l *loader) document(doc yamldoc.Node) {
	items := l.statements(doc)
	for i, node := range slices.Collect(doc.Get("ingress").Items()) {
		if i >= len(items) || items[i] == nil { // an alias stands for it
			continue
		}
		l.rules = append(l.rules, rule{
			stmt: items[i], hostname: node.Get("hostname"), path: node.Get("path"), service: node.Get("service"),
			origin: origin{own: node.Get("originRequest"), shared: doc.Get("originRequest")},
		})
	}
	l.check(doc)
	for _, r := range l.rules {
		l.route(r)
	}
}
