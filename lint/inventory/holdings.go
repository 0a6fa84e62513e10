package inventory

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// holdings are the files and folders that containers hold, by their real path.
type holdings struct {
	by   map[string][]holding
	real map[string]string // found out before
}

// holding is one file or folder in a container.
type holding struct {
	service *Service
	sort    holdingSort
	pattern string // of the names in the folder that are meant; "" for the folder or file as such
	target  string // its path in the container
	at      syntax.Ref
}

type holdingSort uint8

// The sorts, the weakest first.
const (
	inBuild holdingSort = iota // the folder that the image is built from
	copied
	mounted
)

// newHoldings gathers what the services of some projects hold.
func newHoldings(projects []*Project) *holdings {
	h := &holdings{by: map[string][]holding{}, real: map[string]string{}}
	for _, p := range projects {
		for _, s := range p.Services {
			h.addService(s)
		}
	}
	return h
}

func (h *holdings) addService(s *Service) {
	for _, m := range s.Mounts {
		if m.Source != "" {
			h.add(m.Source, holding{service: s, sort: mounted, target: m.Target, at: m.At})
		}
	}
	if s.Build == "" {
		return
	}
	h.add(s.Build, holding{service: s, sort: inBuild, at: s.At})
	if s.Dockerfile == nil {
		return
	}
	for _, c := range s.Dockerfile.Copies {
		for _, source := range c.Sources {
			if source.Dynamic || c.Target.Dynamic || isRemote(source.Text) {
				continue
			}
			held := holding{service: s, sort: copied, target: c.Target.Text, at: c.At}
			file := filepath.Join(s.Build, filepath.FromSlash(source.Text))
			if strings.ContainsAny(filepath.Base(file), "*?[") {
				file, held.pattern = filepath.Dir(file), filepath.Base(file)
			}
			h.add(file, held)
		}
	}
}

func (h *holdings) add(file string, held holding) {
	real := h.realPath(file)
	h.by[real] = append(h.by[real], held)
}

// of calls fn with everything that holds a file, the nearest first: its path in the container, and whether it is
// held as such, not in a folder.
func (h *holdings) of(file string, fn func(held holding, target string, exact bool)) {
	real := h.realPath(file)
	for at, below := real, ""; ; {
		for _, held := range h.by[at] {
			if held.pattern != "" {
				first, _, _ := strings.Cut(below, "/")
				if ok, err := path.Match(held.pattern, first); err != nil || !ok {
					continue
				}
			}
			fn(held, path.Join(held.target, below), below == "" || held.pattern != "" && !strings.Contains(below, "/"))
		}
		up := filepath.Dir(at)
		if up == at {
			return
		}
		below = path.Join(filepath.Base(at), below)
		at = up
	}
}

// realPath returns the absolute path of a file, without symbolic links when it is there.
func (h *holdings) realPath(file string) string {
	if real, seen := h.real[file]; seen {
		return real
	}
	real, err := filepath.Abs(file)
	if err == nil {
		if target, err := filepath.EvalSymlinks(real); err == nil {
			real = target
		}
	}
	h.real[file] = real
	return real
}
