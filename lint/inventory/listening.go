package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxPorts bounds the ports of one container.
const maxPorts = 1000

// portVariables name the port of the server that gets them, whatever the server is.
var portVariables = []string{"PORT", "NODE_PORT", "HTTP_PORT", "LISTEN_PORT", "VIRTUAL_PORT", "NITRO_PORT", "NUXT_PORT",
	"ASPNETCORE_HTTP_PORTS", "ASPNETCORE_URLS"}

// BaseImage returns the image that a service's container is made from: where it is built, the Dockerfile's.
func (s *Service) BaseImage() Value {
	if s.Build == "" {
		return s.Image
	}
	if s.Dockerfile != nil {
		return s.Dockerfile.Base
	}
	return Value{}
}

// findListening fills in the servers of a service and the ports that they listen on.
func (s *Service) findListening(said layers) {
	s.addCommand()
	s.environmentPorts()
	check, written := readWords(said.get("healthcheck", "test").last())
	if !written && s.Dockerfile != nil {
		check = s.Dockerfile.Check
	}
	s.checkPorts(check)
	for _, p := range s.Published {
		s.addPort(Port{Number: p.Container, Source: ByPublish, At: p.At, Protocol: overUDP(p.UDP),
			Why: "the host forwards " + shown(p.At) + " to it"})
	}
	for _, item := range said.get("expose").items() {
		s.declarePorts(item)
	}
	s.imageFacts()
	s.sharePorts()
}

// declarePorts reads one item of "expose".
func (s *Service) declarePorts(item layer) {
	text, protocol, _ := strings.Cut(item.parts(), "/")
	first, last := portRange(text)
	at := item.Ref()
	for port := first; port <= last && len(s.Ports) < maxPorts; port++ {
		s.addPort(Port{Number: port, Source: ByDeclare, At: at, Protocol: overUDP(protocol == "udp"), Why: "expose: " + shown(at)})
	}
}

// imageFacts adds what its Dockerfile or a known image shows.
func (s *Service) imageFacts() {
	if s.Dockerfile != nil {
		for _, e := range s.Dockerfile.Exposed {
			s.addPort(Port{Number: e.Port, Source: ByExpose, At: e.At, Protocol: overUDP(e.UDP), Why: fmt.Sprintf("EXPOSE %d", e.Port)})
		}
	}
	image := s.BaseImage()
	if image.Dynamic || image.Text == "" {
		return
	}
	for _, usual := range imagePorts(image.Text) {
		s.addPort(Port{Number: usual.port, Protocol: usual.protocol, Source: ByImage, At: image.At,
			Why: fmt.Sprintf("image %s listens on %d", image.Text, usual.port)})
	}
	if kind := imageServer(image.Text); kind != "" && len(s.Apps) == 0 {
		app := &App{Kind: kind, At: image.At}
		app.setKnownLimits()
		s.Apps = append(s.Apps, app)
	}
}

// addCommand adds the servers that a container's command starts.
func (c *Container) addCommand() {
	for _, app := range commandApps(c.Args, c.Env) {
		switch {
		case app.Kind == "gunicorn": // it reads a gunicorn.conf.py unasked
			app.leaveUsual()
		case app.Kind == "serve" && app.At == c.Args[0].At: // many an image's own program has a command of that name
			continue
		}
		c.addApp(app, ByCommand, "its command")
	}
}

// addApp adds a server and the ports that it binds.
func (c *Container) addApp(app *App, source Source, where string) {
	c.Apps = append(c.Apps, app)
	for _, bind := range app.Binds {
		c.Loose = c.Loose || bind.Addr.Dynamic
		if bind.Addr.Socket != "" || bind.Addr.Dynamic {
			continue
		}
		at := bind.Addr.PortAt
		if at.IsZero() {
			at = bind.Addr.At
		}
		host := bind.Addr.Host
		why := fmt.Sprintf("%s in %s binds port %d", app.Kind, where, bind.Addr.Port)
		if host != "" {
			why = fmt.Sprintf("%s in %s binds %s:%d", app.Kind, where, host, bind.Addr.Port)
		}
		c.addPort(Port{Number: bind.Addr.Port, Protocol: bind.Protocol, Loopback: isLoopback(host), Source: source, At: at, Why: why})
	}
}

// addPort adds one port behind those with stronger evidence, once for each source.
func (c *Container) addPort(p Port) {
	if len(c.Ports) >= maxPorts {
		c.Loose = true
		return
	}
	if p.Number <= 0 {
		c.Loose = c.Loose || p.Source > ByPublish
		return
	}
	for _, other := range c.Ports {
		if other.Number == p.Number && other.Source == p.Source && other.Loopback == p.Loopback {
			return
		}
	}
	at := slices.IndexFunc(c.Ports, func(other Port) bool { return other.Source < p.Source })
	if at < 0 {
		at = len(c.Ports)
	}
	c.Ports = slices.Insert(c.Ports, at, p)
}

// environmentPorts reads variables such as PORT. Ready-made images that are known don't look at them.
func (s *Service) environmentPorts() {
	names := portVariables
	image := s.BaseImage()
	if imagePorts(image.Text) != nil {
		return
	}
	if isJava(image.Text, s.Args) {
		names = append(slices.Clip(names), "SERVER_PORT")
	}
	for _, name := range names {
		v, ok := s.Env[name]
		if !ok {
			continue
		}
		s.Loose = s.Loose || v.Dynamic
		first, _, _ := strings.Cut(v.Text, ";")
		if port := serverBind(v.part(0, len(first)), -1).Addr; port.Port > 0 && !v.Dynamic {
			s.addPort(Port{Number: port.Port, Protocol: proxy.UnknownProtocol, Loopback: isLoopback(port.Host),
				Source: ByEnv, At: v.At, Why: name + "=" + v.Text + " in its environment"})
		}
	}
}

func isJava(image string, args []Value) bool {
	return containsAny(image, javaWords) || slices.ContainsFunc(args, func(v Value) bool { return strings.HasSuffix(v.Text, "java") })
}

// checkPorts reads the ports on its own machine that a health check asks: in an address, or behind a name.
func (s *Service) checkPorts(test []Value) {
	var words []Value
	for _, v := range test {
		words = append(words, shellWords(v)...)
	}
	for i, word := range words {
		text, _ := expand(word.Text, s.Env)
		host, port := checkedAddress(text)
		if host == "" {
			continue
		}
		protocol := proxy.UnknownProtocol
		switch {
		case strings.Contains(text, "http://") || strings.Contains(text, "https://"):
			protocol = proxy.HTTP
		case i > 0 && strings.HasSuffix(words[0].Text, "cgi-fcgi"):
			protocol = proxy.FastCGI
		}
		if port < 0 && i+1 < len(words) { // nc -z localhost 80
			port = portNumber(words[i+1].Text)
		}
		if port > 0 {
			s.addPort(Port{Number: port, Protocol: protocol, Source: ByCheck, At: word.At,
				Why: fmt.Sprintf("its health check asks %s:%d", host, port)})
		}
	}
}

// checkedAddress returns the host and port of an address on the container itself; "" when the text holds none.
func checkedAddress(text string) (host string, port int) {
	usual := -1
	if scheme, rest, found := strings.Cut(text, "://"); found {
		text = rest
		switch {
		case strings.HasSuffix(scheme, "https"):
			usual = 443
		case strings.HasSuffix(scheme, "http"):
			usual = 80
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0", "[::1]"} {
		rest, found := strings.CutPrefix(text, host)
		if !found {
			continue
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return host, usual
		}
		if digits, ok := strings.CutPrefix(rest, ":"); ok {
			end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || '9' < r })
			if end < 0 {
				end = len(digits)
			}
			return host, portNumber(digits[:end])
		}
	}
	return "", -1
}

// sharePorts gives what the strongest source knows of a port, its protocol and that it is bound to loopback, to the
// same port of weaker sources.
func (c *Container) sharePorts() {
	strongest := map[int]Port{}
	for i, p := range c.Ports {
		known, seen := strongest[p.Number]
		if seen && p.Source < known.Source {
			c.Ports[i].Loopback = known.Loopback
		}
		if !seen {
			known = p
		}
		if known.Protocol == proxy.UnknownProtocol {
			known.Protocol = p.Protocol
		}
		strongest[p.Number] = known
	}
	for i, p := range c.Ports {
		if p.Protocol == proxy.UnknownProtocol {
			c.Ports[i].Protocol = strongest[p.Number].Protocol
		}
	}
}

func overUDP(udp bool) proxy.Protocol {
	if udp {
		return proxy.UDP
	}
	return proxy.UnknownProtocol
}

// shown returns what stands at a place, for a sentence.
func shown(at syntax.Ref) string {
	const most = 80
	if text := at.Text(); len(text) <= most {
		return text
	}
	return at.Text()[:most] + "..."
}
