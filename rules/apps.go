package rules

import (
	"fmt"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// surroundings are the application servers around one configuration.
type surroundings struct {
	home  *inventory.Home  // where the configuration runs; nil: on a machine
	local []*inventory.App // the servers on the same machine

	looked  map[string]inventory.Answer
	sockets func() []backendApp // the servers that listen on sockets of the project, or of the machine
}

// backendApp is an application server that an address leads to.
type backendApp struct {
	*inventory.App
	bind    inventory.Bind
	service *inventory.Service // nil on a machine
}

// surroundingsOf returns what is around a configuration; nil when nothing is known. Files of servers outside of any
// container count for a configuration that no compose project is about.
func surroundingsOf(p *lint.Pass) *surroundings {
	f := p.Inventory
	if len(f.Projects) == 0 && len(f.Apps) == 0 || len(p.Config.Tree.Roots) == 0 {
		return nil
	}
	if home := f.Home(p.Config); home != nil {
		if home.Service == nil || len(home.Also) > 0 {
			return nil
		}
		return newSurroundings(home, nil)
	}
	root := p.Config.Tree.Roots[0].Path
	for _, project := range f.Projects {
		if rel, err := filepath.Rel(project.Dir, filepath.FromSlash(root)); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	if len(f.Apps) == 0 || f.Cluster != nil {
		return nil
	}
	return newSurroundings(nil, f.Apps)
}

func newSurroundings(home *inventory.Home, local []*inventory.App) *surroundings {
	s := &surroundings{home: home, local: local, looked: map[string]inventory.Answer{}}
	s.sockets = sync.OnceValue(s.findSockets)
	return s
}

// isProven reports whether a mount or a COPY shows where the configuration runs.
func (s *surroundings) isProven() bool { return s.home != nil && s.home.Proven }

// grade lowers an error where the association is not proven.
func (s *surroundings) grade(most lint.Severity) lint.Severity {
	if s.isProven() {
		return most
	}
	return min(most, lint.Warning)
}

// isWhole reports whether all files that may say more of the project were read.
func (s *surroundings) isWhole() bool {
	return s.home == nil || len(s.home.Service.Project.Gaps) == 0 && !s.home.Service.Loose
}

// services returns the containers that an address leads to; certain is false where it may lead elsewhere too.
func (s *surroundings) services(a proxy.Address) (list []*inventory.Service, certain bool) {
	switch {
	case s.home == nil || a.Host == "" || isOpen(a):
		return nil, false
	case isOwnHost(a.Host):
		return s.home.Service.Beside(), true
	}
	answer, seen := s.looked[a.Host]
	if !seen {
		answer = s.home.Service.Lookup(a.Host)
		s.looked[a.Host] = answer
	}
	return answer.Services, !answer.Unknown && !answer.Gateway && len(answer.Addrs) == 0 && len(answer.Apart) == 0
}

// behind returns the servers that an address leads to. Where several of one kind may be meant, all are returned.
func (s *surroundings) behind(a proxy.Address) []backendApp {
	switch {
	case isOpen(a):
		return nil
	case a.Socket != "":
		return s.onSocket(a.Socket)
	case s.home == nil:
		return s.onMachine(a)
	}
	services, certain := s.services(a)
	if !certain {
		return nil
	}
	var found []backendApp
	for _, service := range services {
		found = append(found, onPort(service, a.Port)...)
	}
	return found
}

// onPort returns the servers of a container that listen on a port: those that are bound there, or the only one, when
// where it listens is not written.
func onPort(service *inventory.Service, port int) []backendApp {
	var found []backendApp
	for _, app := range service.Apps {
		for _, bind := range app.Binds {
			if bind.Addr.Socket == "" && !bind.Addr.Dynamic && bind.Addr.Port == port {
				found = append(found, backendApp{app, bind, service})
			}
		}
	}
	if len(service.Apps) == 1 && !isBound(service.Apps[0]) && showsPort(service, port) {
		found = append(found, backendApp{App: service.Apps[0], service: service})
	}
	return found
}

// isBound reports whether any place where a server listens is known.
func isBound(app *inventory.App) bool {
	return slices.ContainsFunc(app.Binds, func(b inventory.Bind) bool { return !b.Addr.Dynamic })
}

func showsPort(service *inventory.Service, port int) bool {
	return slices.ContainsFunc(service.Ports, func(p inventory.Port) bool { return p.Number == port })
}

// onMachine returns the servers of the proxy's machine that listen on a port.
func (s *surroundings) onMachine(a proxy.Address) []backendApp {
	if !isOwnHost(a.Host) || a.Port <= 0 {
		return nil
	}
	var found []backendApp
	for _, app := range s.local {
		for _, bind := range app.Binds {
			if b := bind.Addr; b.Socket == "" && !b.Dynamic && !bind.Default && b.Port == a.Port {
				found = append(found, backendApp{app, bind, nil})
			}
		}
	}
	return found
}

// onSocket returns the servers that listen on the file that is a socket to the proxy.
func (s *surroundings) onSocket(socket string) []backendApp {
	var found []backendApp
	for _, b := range s.sockets() {
		if b.service == nil && socketFile(b.bind.Addr.Socket) == socketFile(socket) ||
			b.service != nil && heldAt(b.service, b.bind.Addr.Socket) == heldAt(s.home.Service, socket) {
			found = append(found, b)
		}
	}
	return found
}

func (s *surroundings) findSockets() []backendApp {
	var found []backendApp
	add := func(app *inventory.App, service *inventory.Service) {
		for _, bind := range app.Binds {
			if bind.Addr.Socket != "" && !bind.Addr.Dynamic {
				found = append(found, backendApp{app, bind, service})
			}
		}
	}
	if s.home == nil {
		for _, app := range s.local {
			add(app, nil)
		}
		return found
	}
	for _, service := range s.home.Service.Project.Services {
		for _, app := range service.Apps {
			add(app, service)
		}
	}
	return found
}

// socketFile returns the path of a socket as the file system has it: /var/run is a link to /run.
func socketFile(socket string) string {
	socket = path.Clean(socket)
	if rest, found := strings.CutPrefix(socket, "/var/run/"); found {
		return "/run/" + rest
	}
	return socket
}

// heldAt returns where a file of a container lies: a volume, a folder of the machine, or the container itself, and
// the path in it.
func heldAt(service *inventory.Service, file string) string {
	mount, rest := mountOf(service, file)
	switch {
	case mount == nil || mount.Source == "" && mount.Volume == "":
		return "container " + service.Name + ":" + socketFile(file)
	case mount.Volume != "":
		return "volume " + mount.Volume + ":" + rest
	}
	return "folder " + filepath.ToSlash(filepath.Clean(mount.Source)) + rest
}

// mountOf returns the mount that holds a file of a container, and the path in it; nil when none does.
func mountOf(service *inventory.Service, file string) (mount *inventory.Mount, rest string) {
	file = socketFile(file)
	longest := -1
	for i := range service.Mounts {
		target := socketFile(service.Mounts[i].Target)
		if below, found := strings.CutPrefix(file, target); found && (below == "" || below[0] == '/' || target == "/") && len(target) > longest {
			mount, rest, longest = &service.Mounts[i], below, len(target)
		}
	}
	return mount, rest
}

// chain tells how an address leads to a server: where the configuration runs, and what shows the server.
func (s *surroundings) chain(b backendApp, why string, at syntax.Ref) []lint.Related {
	var related []lint.Related
	if s.home != nil {
		for _, e := range s.home.Evidence {
			related = append(related, lint.Related{At: e.At, Message: e.Text})
		}
	}
	if b.App != nil {
		at = b.place(at)
	}
	return append(related, lint.Related{At: at, Message: why})
}

// place returns where a server's fact is written: for a default, what names the server, or its file's first words.
func (b backendApp) place(at syntax.Ref) syntax.Ref {
	for _, at := range []syntax.Ref{at, b.bind.Addr.At, b.At} {
		if at.Text() != "" {
			return at
		}
	}
	src := b.At.File.Src
	start := len(src) - len(strings.TrimLeft(src, " \t\r\n"))
	end := start + strings.IndexByte(src[start:]+"\n", '\n')
	return b.At.File.Ref(syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(end)})
}

// title names a server: "php-fpm pool www", "gunicorn of service app".
func (b backendApp) title() string {
	name := b.Kind
	switch {
	case b.Kind == "php-fpm" && b.Name != "":
		name += " pool " + b.Name
	case b.Kind == "systemd":
		name = b.Name + ".socket"
	case b.Name != "" && b.Name != b.Kind:
		name += " " + b.Name
	}
	if b.service != nil {
		name += " of service " + b.service.Name
	}
	return name
}

// listens says where a bind is.
func listens(bind inventory.Bind) string {
	a := bind.Addr
	switch {
	case a.Socket != "":
		return a.Socket
	case a.Host != "":
		return fmt.Sprintf("%s:%d", a.Host, a.Port)
	}
	return fmt.Sprintf("port %d", a.Port)
}

// appUse is a server that a configuration sends requests to.
type appUse struct {
	upstream *proxy.Upstream
	endpoint *proxy.Endpoint
	route    *proxy.Route // nginx: a pass that leads there
}

// appUses yields every server that requests may go to, in nginx with each pass that leads there.
func appUses(c *proxy.Config) iter.Seq[appUse] {
	return func(yield func(appUse) bool) {
		serve := func(u *proxy.Upstream, r *proxy.Route) bool {
			for _, e := range u.Endpoints {
				if !e.Down && !isOpen(e.Addr) && !yield(appUse{u, e, r}) {
					return false
				}
			}
			return true
		}
		if c.Dialect == syntax.HAProxy {
			for _, u := range c.Upstreams {
				if !serve(u, nil) {
					return
				}
			}
			return
		}
		seen := map[*syntax.Stmt]bool{}
		for _, r := range c.Routes {
			if r.To == nil || seen[r.Stmt] && !r.Runtime {
				continue
			}
			seen[r.Stmt] = true
			if !serve(r.To, r) {
				return
			}
		}
	}
}

// protocol is what the proxy speaks to a server.
func (u appUse) protocol() proxy.Protocol {
	switch {
	case u.route != nil:
		return u.route.Hop.Protocol
	case u.endpoint.Proto == "fcgi" || u.upstream.Stmt.Block != nil && speaksFastCGI(u.upstream.Stmt):
		return proxy.FastCGI
	}
	return u.upstream.Protocol
}

// failure is what comes of a server that can't be reached.
func (u appUse) failure() lint.Symptom {
	return unavailable(u.endpoint.Addr.At.File.Dialect, u.protocol(), "")
}
