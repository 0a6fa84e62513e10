package rules

import (
	"context"
	"iter"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// composeJudge returns what is wrong with a server that is dialed from inside a compose service; nil when nothing is.
// The finding has its severity for a service that is proven to run the configuration.
type composeJudge func(p peer, home *inventory.Service) *lint.Diagnostic

// homesOf returns the compose services that run a configuration, the surest first; nil when none is known to.
func homesOf(p *lint.Pass) []*inventory.Service {
	home := p.Inventory.Home(p.Config)
	if home == nil || home.Service == nil {
		return nil
	}
	return append([]*inventory.Service{home.Service}, home.Also...)
}

// judgeInCompose returns what a judge says of a server wherever the configuration may run: it must hold in each
// of the services. Every claim is one grade lower where nothing proves the service to be the configuration's, and where
// a file that was not read may change the project.
func judgeInCompose(p *lint.Pass, homes []*inventory.Service, dialed peer, judge composeJudge) *lint.Diagnostic {
	var worst *lint.Diagnostic
	for _, home := range homes {
		d := judge(dialed, home)
		if d == nil {
			return nil
		}
		if hasUnreadFile(p.Inventory, home) {
			d.Severity = d.Severity.Lower()
		}
		if worst == nil {
			worst = d
		}
		worst.Severity = min(worst.Severity, d.Severity)
	}
	if worst != nil && !p.Inventory.Home(p.Config).Proven {
		worst.Severity = worst.Severity.Lower()
	}
	return worst
}

// reportInCompose tells what a judge says of the servers that a configuration dials, and why it is taken to run in
// its service. Findings with one message have one cause: they are told as one. What another of the rules says of
// the same words is left to it.
func reportInCompose(p *lint.Pass, judge composeJudge, others ...func(context.Context, *lint.Pass)) {
	homes := homesOf(p)
	if homes == nil {
		return
	}
	found := map[string]*lint.Diagnostic{}
	places := map[string][]syntax.Ref{}
	var order []string
	for dialed := range composePeers(p) {
		d := judgeInCompose(p, homes, dialed, judge)
		if d == nil || slices.Contains(places[d.Message], d.At) {
			continue
		}
		if first := found[d.Message]; first == nil {
			found[d.Message] = d
			order = append(order, d.Message)
		} else if first.Fix != nil && d.Fix != nil {
			first.Fix.Edits = append(first.Fix.Edits, d.Fix.Edits...)
		}
		places[d.Message] = append(places[d.Message], d.At)
	}
	if len(order) == 0 {
		return
	}
	told := toldBy(p, others)
	for _, message := range order {
		d := found[message]
		if told[d.At] {
			continue
		}
		d.Related = append(d.Related, alsoAt(places[message][1:], "here too")...)
		for _, e := range p.Inventory.Home(p.Config).Evidence {
			d.Related = append(d.Related, lint.Related{At: e.At, Message: e.Text})
		}
		p.Report(*d)
	}
}

// toldBy returns the places that some rules speak of.
func toldBy(p *lint.Pass, rules []func(context.Context, *lint.Pass)) map[syntax.Ref]bool {
	told := map[syntax.Ref]bool{}
	listener := *p
	listener.Report = func(d lint.Diagnostic) { told[d.At] = true }
	for _, rule := range rules {
		rule(context.Background(), &listener)
	}
	return told
}

// maxComposePeers bounds the servers that are compared with a project, each of them with all of its services.
const maxComposePeers = 1000

// composePeers yields the servers that are dialed at an address that a person wrote and that can be one.
func composePeers(p *lint.Pass) iter.Seq[peer] {
	return func(yield func(peer) bool) {
		left := maxComposePeers
		for dialed := range dialed(p.Config) {
			addr := dialed.addr
			if dialed.endpoint.Down || addr.Socket != "" || !p.Config.Wants(addr.HostAt.File) || isOpen(addr) ||
				isUnfilled(addr.Host) || isService(addr.Host) || malformed(dialed) != nil {
				continue
			}
			if left--; left < 0 || !yield(dialed) {
				return
			}
		}
	}
}

// dialedServices returns the services of a project that a host leads to from inside one of them.
func dialedServices(host string, home *inventory.Service) []*inventory.Service {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return home.Lookup(host).Services
	}
	var list []*inventory.Service
	for _, s := range home.Project.Services {
		for _, join := range s.Joins {
			if slices.Contains(join.Addrs, addr) {
				list = append(list, s)
			}
		}
	}
	return list
}

// dialedPort returns the port of a server and the words to speak of: the port, or the host where a default makes it.
// It is -1 where it isn't known.
func dialedPort(c *proxy.Config, p peer) (port int, at syntax.Ref) {
	switch {
	case !p.addr.PortAt.IsZero():
		if !isWrittenOut(p.addr.PortAt) {
			return -1, syntax.Ref{}
		}
		return p.addr.Port, p.addr.PortAt
	case c.Dialect == syntax.HAProxy || p.pool.Protocol == proxy.TCP:
		return -1, syntax.Ref{}
	case p.route == nil:
		if !getsDefaultPort(p.endpoint) {
			return -1, syntax.Ref{}
		}
		return httpPort, p.addr.HostAt
	case !seesGroups(c.Tree) || p.route.Hop.Protocol != proxy.HTTP && p.route.Hop.Protocol != proxy.GRPC:
		return -1, syntax.Ref{} // the name may be that of a group
	case p.route.Hop.TLS != nil:
		return httpsPort, p.addr.HostAt
	}
	return httpPort, p.addr.HostAt
}

// writePort returns the repair that makes a server's port another one. A host that a variable brings may have its
// port elsewhere.
func writePort(p peer, port int, safe bool) *lint.Fix {
	text := strconv.Itoa(port)
	if !p.addr.PortAt.IsZero() {
		return repair(p.addr.PortAt, text, safe)
	}
	if p.route != nil && p.route.Runtime {
		return nil
	}
	return repair(p.addr.HostAt, p.addr.HostAt.Text()+":"+text, safe)
}

// listensOnPort reports whether a container listens on a port as far as files show: its own, or the configurations
// of this run that it holds.
func listensOnPort(p *lint.Pass, s *inventory.Service, port int) bool {
	if slices.ContainsFunc(s.Ports, func(known inventory.Port) bool { return known.Number == port }) {
		return true
	}
	for _, c := range p.All {
		home := p.Inventory.Home(c)
		if c.Dialect == syntax.Cloudflared { // a tunnel listens on no port
			continue
		}
		if home == nil || home.Service != s && !slices.Contains(home.Also, s) {
			continue
		}
		for _, l := range c.Listeners {
			if l.Addr.Port == port || l.Addr.Socket == "" && hasManyPorts(l) {
				return true
			}
		}
	}
	return false
}

// hidesPorts reports whether a container may listen on ports that the files read do not show.
func hidesPorts(s *inventory.Service) bool {
	return s.Loose || bindsUnknown(s) ||
		slices.ContainsFunc(s.Published, func(p inventory.Published) bool { return p.Container < 0 })
}

// bindsUnknown reports whether one of a container's servers listens where a variable without a value says.
func bindsUnknown(s *inventory.Service) bool {
	for _, app := range s.Apps {
		for _, bind := range app.Binds {
			if bind.Addr.Dynamic {
				return true
			}
		}
	}
	return false
}

// portEvidence lists what shows on which ports a container listens.
func portEvidence(ports []inventory.Port) []lint.Related {
	var list []lint.Related
	for _, p := range ports {
		if len(list) == maxRelated {
			break
		}
		list = append(list, lint.Related{At: p.At, Message: p.Why})
	}
	return list
}

// distinctPorts returns the numbers of ports, each once, in rising order.
func distinctPorts(ports []inventory.Port) []int {
	var list []int
	for _, p := range ports {
		list = append(list, p.Number)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// gapsOf returns what was not read and may hold names or networks that a service knows.
func gapsOf(facts *inventory.Facts, s *inventory.Service) []inventory.Gap {
	var list []inventory.Gap
	for _, gap := range s.Project.Gaps {
		if n := networkAt(s.Project, gap.At); n == nil || isJoined(s, n) {
			list = append(list, gap)
		}
	}
	for _, gap := range facts.Gaps {
		if filepath.Dir(filepath.FromSlash(gap.Path)) == s.Project.Dir && strings.Contains(path.Base(gap.Path), "compose") {
			list = append(list, gap)
		}
	}
	return list
}

// hasUnreadFile reports whether files of a service's project were not read.
func hasUnreadFile(facts *inventory.Facts, s *inventory.Service) bool {
	return slices.ContainsFunc(gapsOf(facts, s), func(gap inventory.Gap) bool { return gap.Path != "" })
}

// networkAt returns the network that a gap speaks of; nil when it speaks of something else.
func networkAt(project *inventory.Project, at syntax.Ref) *inventory.Network {
	for _, n := range project.Networks {
		if !at.IsZero() && n.At == at {
			return n
		}
	}
	return nil
}

// isJoined reports whether a service, or the one whose network it has, is in a network.
func isJoined(s *inventory.Service, n *inventory.Network) bool {
	owner := s.NetworkOwner()
	return owner != nil && slices.ContainsFunc(owner.Joins, func(j inventory.Join) bool { return j.Network == n })
}

// asksElsewhere reports whether other name servers than Docker's own are asked for a server's name.
func asksElsewhere(p peer) bool {
	r := p.endpoint.Resolver
	if p.route != nil && p.route.Runtime {
		r = p.route.Resolver
	}
	if r.Value == nil || r.Value.System {
		return false
	}
	return !slices.ContainsFunc(r.Value.Servers, func(a proxy.Address) bool { return a.Host == dockerDNS })
}

// dockerDNS answers in every container on a network that somebody made.
const dockerDNS = "127.0.0.11"

// serviceNames returns the names of a project's services.
func serviceNames(project *inventory.Project) []string {
	var names []string
	for _, s := range project.Services {
		names = append(names, s.Name)
	}
	return names
}

// onLine returns a text of another file up to its first line end.
func onLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
