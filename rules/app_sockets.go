package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// unheardSocket tells of a socket on which none of the servers that fit listens, though one of them should; nil when
// that isn't certain. similar says whether two sockets of one machine are likely meant to be the same.
func (s *surroundings) unheardSocket(u appUse, fits func(*inventory.App) bool, similar func(a, b string) bool) *lint.Diagnostic {
	socket := u.endpoint.Addr.Socket
	if socket == "" || len(s.onSocket(socket)) > 0 {
		return nil
	}
	if s.home == nil {
		return s.unheardOnMachine(u, fits, similar)
	}
	own := s.home.Service
	mount, _ := mountOf(own, socket)
	if mount == nil {
		return s.unsharedSocket(u, fits)
	}
	if mount.Source == "" && mount.Volume == "" {
		return nil
	}
	var found []backendApp
	for _, service := range own.Project.Services {
		if !holdsMount(service, *mount) {
			continue
		}
		apps, known := boundApps(service, fits)
		if !known {
			return nil
		}
		found = append(found, apps...)
	}
	return s.elsewhere(u, found)
}

// boundApps returns where the servers of a container that fit listen; known is false where that isn't certain for
// one of them.
func boundApps(service *inventory.Service, fits func(*inventory.App) bool) (found []backendApp, known bool) {
	for _, app := range service.Apps {
		if !fits(app) {
			continue
		}
		if len(app.Binds) == 0 {
			return nil, false
		}
		for _, bind := range app.Binds {
			if bind.Addr.Dynamic || bind.Addr.Socket == "" && bind.Addr.Port <= 0 {
				return nil, false
			}
			found = append(found, backendApp{app, bind, service})
		}
	}
	return found, true
}

// holdsMount reports whether a service mounts the same volume or folder.
func holdsMount(service *inventory.Service, m inventory.Mount) bool {
	return slices.ContainsFunc(service.Mounts, func(other inventory.Mount) bool {
		return other.Volume == m.Volume && other.Source == m.Source
	})
}

// unheardOnMachine compares a socket with those in files of the same machine.
func (s *surroundings) unheardOnMachine(u appUse, fits func(*inventory.App) bool, similar func(a, b string) bool) *lint.Diagnostic {
	var found []backendApp
	for _, b := range s.sockets() {
		if fits(b.App) {
			found = append(found, b)
		}
	}
	for _, app := range s.local {
		if fits(app) && slices.ContainsFunc(app.Binds, func(b inventory.Bind) bool { return b.Addr.Dynamic }) {
			return nil
		}
	}
	if slices.ContainsFunc(found, func(b backendApp) bool { return !similar(b.bind.Addr.Socket, u.endpoint.Addr.Socket) }) {
		return nil
	}
	return s.elsewhere(u, found)
}

// unsharedSocket tells of a socket in a folder that the proxy's container has for itself, while a server of another
// container makes it there.
func (s *surroundings) unsharedSocket(u appUse, fits func(*inventory.App) bool) *lint.Diagnostic {
	own := s.home.Service
	if own.Build != "" || len(own.Apps) > 0 {
		return nil // its image may start a server of its own
	}
	socket := socketFile(u.endpoint.Addr.Socket)
	var found []backendApp
	for _, b := range s.sockets() {
		if fits(b.App) && b.service != own && path.Base(b.bind.Addr.Socket) == path.Base(socket) {
			found = append(found, b)
		}
	}
	if len(found) != 1 || !slices.Contains([]string{"nginx", "haproxy"}, imageBase(own.Image.Text)) {
		return nil
	}
	b := found[0]
	d := s.absence(u, b)
	d.Message = fmt.Sprintf("service %s has no %s: %s makes it in a container of its own", own.Name, socket, b.title())
	d.Hint = fmt.Sprintf("volumes: [\"sockets:%s\"] (in service %s; in %s \"sockets:%s\")", path.Dir(socket), own.Name,
		b.service.Name, path.Dir(socketFile(b.bind.Addr.Socket)))
	return d
}

// imageBase returns the name of an image of Docker's own library; "" for another.
func imageBase(image string) string {
	name, _, _ := strings.Cut(image, "@")
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	if strings.Contains(name, "/") {
		return ""
	}
	return name
}

// elsewhere tells where the servers listen instead; nil when there are none.
func (s *surroundings) elsewhere(u appUse, found []backendApp) *lint.Diagnostic {
	if len(found) == 0 {
		return nil
	}
	b := found[0]
	d := s.absence(u, b)
	d.Message = fmt.Sprintf("nothing listens on %s: %s listens on %s", u.endpoint.Addr.Socket, b.title(), listens(b.bind))
	if address := s.dialedAs(b); len(found) == 1 && address != "" {
		d.Hint = strings.Replace(u.endpoint.Addr.At.Text(), u.endpoint.Addr.Socket, address, 1)
		if b.bind.Addr.Socket == "" {
			d.Hint = address
		} else {
			d.Fix = repair(u.endpoint.Addr.At, d.Hint, false)
		}
	}
	return d
}

// absence begins a finding about what is not there.
func (s *surroundings) absence(u appUse, b backendApp) *lint.Diagnostic {
	d := &lint.Diagnostic{
		Severity: s.grade(lint.Error),
		Symptom:  u.failure(),
		At:       u.endpoint.Addr.At,
		Related:  s.chain(b, b.title()+" listens here", b.bind.Addr.At),
	}
	if !s.isWhole() || b.service != nil && b.service.Loose {
		d.Severity = lint.Info
	}
	return d
}

// dialedAs returns the address, or the path of the socket, under which the proxy reaches a server; "" when it can't.
func (s *surroundings) dialedAs(b backendApp) string {
	a := b.bind.Addr
	if a.Socket == "" {
		if b.service == nil || isOwnHost(a.Host) || b.service == s.home.Service {
			return fmt.Sprintf("127.0.0.1:%d", a.Port)
		}
		return fmt.Sprintf("%s:%d", b.service.Name, a.Port)
	}
	if b.service == nil || b.service == s.home.Service {
		return a.Socket
	}
	mount, rest := mountOf(b.service, a.Socket)
	if mount == nil {
		return ""
	}
	for _, m := range s.home.Service.Mounts {
		if m.Volume == mount.Volume && m.Source == mount.Source && m.Volume+m.Source != "" {
			return path.Join(m.Target, rest)
		}
	}
	return ""
}

// isFPM reports whether a server is PHP's.
func isFPM(app *inventory.App) bool { return app.Kind == "php-fpm" }

// speaks returns whether a server other than PHP's speaks a protocol on one of its sockets.
func speaks(protocol proxy.Protocol) func(*inventory.App) bool {
	return func(app *inventory.App) bool {
		return !isFPM(app) && slices.ContainsFunc(app.Binds, func(b inventory.Bind) bool {
			return b.Protocol == protocol || b.Protocol == proxy.UnknownProtocol
		})
	}
}
