package inventory

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// homeInCluster returns the workload that mounts the ConfigMap which holds a configuration, one that runs an image
// of the proxy's name first, or the compose service that mounts it as a config; nil when nothing shows it.
func (f *Facts) homeInCluster(c *proxy.Config) *Home {
	if len(c.Tree.Roots) == 0 || c.Tree.Roots[0].Origin == nil {
		return nil
	}
	origin := c.Tree.Roots[0].Origin
	config := f.Cluster.configAround(origin)
	if config == nil {
		return f.homeOfInline(origin)
	}
	var best *Home
	for _, w := range f.Cluster.Workloads {
		if !sameNamespace(w.Namespace, config.Namespace) {
			continue
		}
		home := w.mounts(config, origin.Name)
		if home != nil && (best == nil || w.runs(c.Dialect) && !best.Workload.runs(c.Dialect)) {
			best = home
		}
	}
	return best
}

// mounts returns the workload as the home of a ConfigMap's text; nil when it does not mount it.
func (w *Workload) mounts(config *ConfigMap, key string) *Home {
	for _, m := range w.ConfigMaps {
		target := m.Path(key)
		if m.Name != config.Name || target == "" {
			continue
		}
		text := fmt.Sprintf("%s %s mounts it at %s", w.Kind, w.Name, target)
		return &Home{Workload: w, Proven: true, Evidence: []Evidence{{At: m.At, Text: text}}}
	}
	return nil
}

// runs reports whether the image of a container is called after a proxy.
func (w *Workload) runs(d syntax.Dialect) bool {
	for _, c := range w.Containers {
		if strings.Contains(path.Base(c.Image.Text), d.String()) {
			return true
		}
	}
	return false
}

// configAround returns the ConfigMap that a text stands in; nil when none was read there.
func (c *Cluster) configAround(e *syntax.Embedded) *ConfigMap {
	if c == nil {
		return nil
	}
	var around *ConfigMap
	nearest := 0
	for _, config := range c.Configs {
		for i, key := range config.Keys {
			if key != e.Name || config.KeysAt[i].IsZero() {
				continue
			}
			if line := config.KeysAt[i].Position().Line; line < e.Line && line > nearest && isSamePath(config.File, e.In.Path) {
				around, nearest = config, line
			}
		}
	}
	return around
}

// homeOfInline returns the compose service that mounts a text which stands in the compose file itself.
func (f *Facts) homeOfInline(e *syntax.Embedded) *Home {
	for _, p := range f.Projects {
		for _, file := range p.Files {
			if !isSamePath(file.Path, e.In.Path) {
				continue
			}
			for _, s := range p.Services {
				for _, m := range s.Mounts {
					if m.Source == "" && m.Target == e.Name {
						text := fmt.Sprintf("service %s mounts it at %s", s.Name, m.Target)
						return &Home{Service: s, Proven: true, Evidence: []Evidence{{At: m.At, Text: text}}}
					}
				}
			}
		}
	}
	return nil
}

// isSamePath reports whether two paths name one file.
func isSamePath(a, b string) bool {
	if path.Base(a) != path.Base(b) {
		return false
	}
	return absolute(a) == absolute(b)
}

func absolute(name string) string {
	abs, err := filepath.Abs(filepath.FromSlash(name))
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}
