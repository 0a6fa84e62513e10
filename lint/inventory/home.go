package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// configPlaces are the folders that packages and images of the proxies read their configuration from; "~" is the home of
// whatever user a container runs as.
var configPlaces = map[syntax.Dialect][]string{
	syntax.Nginx: {"/etc/nginx", "/etc/openresty", "/etc/angie", "/etc/freenginx", "/etc/tengine", "/usr/local/nginx/conf",
		"/usr/local/etc/nginx", "/usr/local/openresty/nginx/conf", "/opt/bitnami/nginx/conf", "/opt/bitnami/openresty/nginx/conf",
		"/bitnami/nginx", "/config/nginx", "/opt/nginx/conf"},
	syntax.HAProxy:     {"/usr/local/etc/haproxy", "/etc/haproxy", "/etc/hapee", "/opt/bitnami/haproxy", "/bitnami/haproxy"},
	syntax.Cloudflared: {"/etc/cloudflared", "/usr/local/etc/cloudflared", "~/.cloudflared"},
}

// proxyNames are what the names of images, folders and services of the proxies hold.
var proxyNames = map[syntax.Dialect][]string{
	syntax.Nginx:       {"nginx", "openresty", "angie", "tengine", "swag"},
	syntax.HAProxy:     {"haproxy", "hapee"},
	syntax.Cloudflared: {"cloudflared"},
}

// Associate finds out where each configuration runs.
func (f *Facts) Associate(configs []*proxy.Config) {
	if f == nil {
		return
	}
	f.homes = map[*proxy.Config]*Home{}
	held := newHoldings(f.Projects)
	taken := map[*Service]bool{}
	for _, c := range configs {
		home := f.homeInCluster(c)
		if home == nil {
			home = held.home(c)
		}
		if home != nil {
			f.homes[c] = home
			taken[home.Service] = true
		}
	}
	for _, c := range configs {
		if f.homes[c] == nil {
			if home := f.nearHome(c, held); home != nil && !taken[home.Service] {
				f.homes[c] = home
			}
		}
	}
}

// Environment returns the variables that are known of where a configuration runs: the official nginx image fills its
// templates in from them (hub.docker.com/_/nginx, "Using environment variables in nginx configuration").
func (f *Facts) Environment(c *proxy.Config) map[string]string {
	home := f.Home(c)
	if home == nil || home.Service == nil || !home.Proven {
		return nil
	}
	env := map[string]string{}
	for name, value := range home.Service.Env {
		if !value.Dynamic {
			env[name] = value.Text
		}
	}
	return env
}

// candidate is a service that holds a file of a configuration.
type candidate struct {
	holding
	target string
	root   bool // the file is the configuration's first
	placed bool // it lies where the proxy looks for it
	exact  bool // it is held as such, not in a folder
	proxy  bool // the service is recognisably the proxy
	main   bool // its compose file is one that compose reads unasked
}

// rank orders candidates, the most certain first.
func (a candidate) rank(b candidate) int {
	for _, by := range [][2]bool{
		{a.root, b.root}, {a.placed, b.placed}, {a.proxy, b.proxy}, {a.exact, b.exact}, {a.main, b.main},
	} {
		switch {
		case by[0] && !by[1]:
			return -1
		case by[1] && !by[0]:
			return 1
		}
	}
	return -cmp.Compare(a.sort, b.sort)
}

// home returns the service that holds a configuration by a mount or a COPY; nil when none does.
func (h *holdings) home(c *proxy.Config) *Home {
	var found []candidate
	for _, file := range slices.Sorted(maps.Keys(c.Tree.Files)) {
		root := len(c.Tree.Roots) > 0 && file == c.Tree.Roots[0].Path
		h.of(filepath.FromSlash(file), func(held holding, target string, exact bool) {
			p := held.service.Project
			to := candidate{
				holding: held, target: target, root: root, exact: exact,
				placed: isConfigPlace(c.Dialect, target), proxy: held.service.isProxy(c.Dialect),
				main: len(p.Files) > 0 && isComposeName(p.Files[0].Path),
			}
			if held.sort != inBuild && (to.placed || to.proxy && (exact || p.hasOneProxy(c.Dialect))) {
				found = append(found, to)
			}
		})
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, candidate.rank)
	best := found[0]
	home := &Home{Service: best.service, Proven: best.placed || best.exact}
	for _, to := range found {
		switch {
		case to.service == best.service && len(home.Evidence) == 0:
			home.Evidence = append(home.Evidence, Evidence{At: to.at, Text: to.text()})
		case to.service != best.service && to.root == best.root && to.placed == best.placed && !slices.Contains(home.Also, to.service):
			home.Also = append(home.Also, to.service)
		}
	}
	return home
}

func (a candidate) text() string {
	if a.sort == copied {
		return fmt.Sprintf("the image of service %s holds it as %s", a.service.Name, a.target)
	}
	return fmt.Sprintf("service %s mounts it at %s", a.service.Name, a.target)
}

// isConfigPlace reports whether a path in a container lies where a proxy reads its configuration.
func isConfigPlace(d syntax.Dialect, target string) bool {
	return slices.ContainsFunc(configPlaces[d], func(place string) bool {
		if folder, ofUser := strings.CutPrefix(place, "~"); ofUser {
			return strings.Contains(target+"/", folder+"/")
		}
		return target == place || strings.HasPrefix(target, place+"/")
	})
}

// isProxy reports whether a service runs a proxy, by its image or command.
func (s *Service) isProxy(d syntax.Dialect) bool {
	if isProxyName(d, s.BaseImage().Text) || isProxyName(d, s.Image.Text) {
		return true
	}
	return len(s.Args) > 0 && isProxyName(d, path.Base(s.Args[0].Text))
}

func isProxyName(d syntax.Dialect, name string) bool {
	name = strings.ToLower(name)
	return !strings.Contains(name, "exporter") &&
		slices.ContainsFunc(proxyNames[d], func(part string) bool { return strings.Contains(name, part) })
}

func (p *Project) hasOneProxy(d syntax.Dialect) bool {
	count := 0
	for _, s := range p.Services {
		if s.isProxy(d) {
			count++
		}
	}
	return count == 1
}

// nearHome returns the one service of the nearest compose project that is recognisably the proxy, by its image,
// command, build folder or name; nil when there is none, or more.
func (f *Facts) nearHome(c *proxy.Config, h *holdings) *Home {
	if len(c.Tree.Roots) == 0 || c.Tree.Roots[0].Origin != nil { // what lies in a manifest is for its cluster
		return nil
	}
	for dir := filepath.Dir(h.realPath(filepath.FromSlash(c.Tree.Roots[0].Path))); ; dir = filepath.Dir(dir) {
		for _, p := range f.Projects {
			if h.realPath(p.Dir) == dir {
				return p.onlyProxy(c.Dialect)
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (p *Project) onlyProxy(d syntax.Dialect) *Home {
	var home *Home
	for _, s := range p.Services {
		if !s.isProxy(d) && !isProxyName(d, filepath.Base(s.Build)) && !isProxyName(d, s.Name) {
			continue
		}
		if home != nil {
			return nil
		}
		text := fmt.Sprintf("service %s is the only %s near it", s.Name, d)
		home = &Home{Service: s, Evidence: []Evidence{{At: s.At, Text: text}}}
	}
	return home
}
