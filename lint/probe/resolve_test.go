package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// zone is what the DNS server of the tests knows. A name that is not there does not exist; "servfail.test." always
// fails, and "late.test." fails once.
var zone = []string{
	"app.test. 30 IN A 127.0.0.11",
	"app.test. 20 IN A 127.0.0.12",
	"app.test. 60 IN AAAA fd00::1",
	"four.test. 30 IN A 127.0.0.14",
	"alias.test. 5 IN CNAME four.test.",
	"_http._tcp.app.test. 9 IN SRV 10 5 8081 four.test.",
	"_http._tcp.app.test. 9 IN SRV 20 5 8082 app.test.",
	"_http._tcp.lost.test. 9 IN SRV 20 5 8082 gone.test.",
	"empty.test. 30 IN TXT \"no address\"",
	"late.test. 30 IN A 127.0.0.15",
}

// serveDNS runs a DNS server on loopback until the test ends, and returns its address.
func serveDNS(t *testing.T) string {
	t.Helper()
	records := map[string][]dns.RR{}
	for _, line := range zone {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records[rr.Header().Name] = append(records[rr.Header().Name], rr)
	}
	late := map[uint16]bool{}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		name, kind := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
		switch {
		case name == "servfail.test." || name == "late.test." && !late[kind]:
			a.Rcode = dns.RcodeServerFailure
			late[kind] = true
		case name == "mute.test.":
			return
		case records[name] == nil:
			a.Rcode = dns.RcodeNameError
		}
		for a.Rcode == dns.RcodeSuccess {
			var alias *dns.CNAME
			for _, rr := range records[name] {
				if rr.Header().Rrtype == kind {
					a.Answer = append(a.Answer, rr)
				} else if c, ok := rr.(*dns.CNAME); ok {
					a.Answer = append(a.Answer, rr)
					alias = c
				}
			}
			if alias == nil {
				break
			}
			name = alias.Target
		}
		w.WriteMsg(a)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return conn.LocalAddr().String()
}

func TestResolve(t *testing.T) {
	server := serveDNS(t)
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.LocalAddr().String()
	closed.Close()
	declared := syntax.NewFile("compose.yml", "app", syntax.AnyDialect, nil).Ref(syntax.Span{Start: 0, End: 3})

	byDNS := func(l Lookup) Lookup {
		l.How = ByDNS
		if l.Servers == nil {
			l.Servers = []string{server}
		}
		return l
	}
	for _, test := range []struct {
		name    string
		dialect syntax.Dialect
		host    string
		lookup  Lookup
		want    string
	}{
		{"all addresses are nginx's peers", syntax.Nginx, "app.test", byDNS(Lookup{}), "127.0.0.11:80 127.0.0.12:80 [fd00::1]:80 ttl=20s"},
		{"ipv6=off", syntax.Nginx, "app.test", byDNS(Lookup{NoIPv6: true}), "127.0.0.11:80 127.0.0.12:80 ttl=20s"},
		{"ipv4=off", syntax.Nginx, "APP.test.", byDNS(Lookup{NoIPv4: true}), "[fd00::1]:80 ttl=1m0s"},
		{"only an address of the other family", syntax.Nginx, "four.test", byDNS(Lookup{NoIPv4: true}), "unresolvable: SERVER has no address for it"},
		{"an alias", syntax.Nginx, "alias.test", byDNS(Lookup{}), "127.0.0.14:80 ttl=30s"},
		{"HAProxy takes one", syntax.HAProxy, "app.test", byDNS(Lookup{Prefer: 6}), "[fd00::1]:80 others=[127.0.0.11:80 127.0.0.12:80] ttl=20s"},
		{"of the family it prefers", syntax.HAProxy, "app.test", byDNS(Lookup{Prefer: 4}), "127.0.0.11:80 others=[127.0.0.12:80 [fd00::1]:80] ttl=20s"},
		{"a template takes more", syntax.HAProxy, "app.test", byDNS(Lookup{Slots: 3}), "127.0.0.11:80 127.0.0.12:80 [fd00::1]:80 ttl=20s"},
		{"SRV", syntax.HAProxy, "_http._tcp.app.test", byDNS(Lookup{SRV: true, Slots: 2, NoIPv6: true}), "127.0.0.14:8081 127.0.0.11:8082 127.0.0.12:8082 ttl=9s"},
		{"SRV of a name that is gone", syntax.HAProxy, "_http._tcp.lost.test", byDNS(Lookup{SRV: true}), "unresolvable: SERVER knows no such name (NXDOMAIN) ttl=9s"},
		{"no SRV", syntax.HAProxy, "app.test", byDNS(Lookup{SRV: true}), "unresolvable: SERVER has no SRV record for it"},
		{"no such name", syntax.Nginx, "gone.test", byDNS(Lookup{}), "unresolvable: SERVER knows no such name (NXDOMAIN)"},
		{"no search list", syntax.Nginx, "app", byDNS(Lookup{}), "unresolvable: SERVER knows no such name (NXDOMAIN)"},
		{"a name without addresses", syntax.Nginx, "empty.test", byDNS(Lookup{}), "unresolvable: SERVER has no address for it"},
		{"servfail", syntax.Nginx, "servfail.test", byDNS(Lookup{}), "resolver failed: SERVER answers SERVFAIL mute=1"},
		{"servfail once", syntax.Nginx, "late.test", byDNS(Lookup{NoIPv6: true}), "127.0.0.15:80 ttl=30s"},
		{"a server that is mute", syntax.Nginx, "mute.test", byDNS(Lookup{Timeout: time.Second}), "resolver failed: SERVER: no answer in time mute=1"},
		{"nobody there", syntax.Nginx, "app.test", byDNS(Lookup{Servers: []string{nobody}}), "resolver failed: " + nobody + ": nothing listens there mute=1"},
		{"one of two is there", syntax.Nginx, "four.test", byDNS(Lookup{Servers: []string{nobody, server}}), "127.0.0.14:80 ttl=30s mute=1"},
		{"no resolver", syntax.Nginx, "app.test", Lookup{How: ByDNS}, "resolver failed: no resolver is defined"},
		{"a name of the project", syntax.Nginx, "gone.test", byDNS(Lookup{Declared: declared}), "not testable: the name is known where the proxy runs, and not here"},
		{"a name of a cluster", syntax.Nginx, "api.shop.svc.cluster.local", byDNS(Lookup{}), "not testable: such names are known in their cluster or container alone"},
		{"--hosts", syntax.Nginx, "Known", Lookup{How: AtStart}, "10.1.1.1:80 10.1.1.2:80"},
		{"--hosts for HAProxy", syntax.HAProxy, "known", Lookup{How: Libc}, "10.1.1.1:80 others=[10.1.1.2:80]"},
		{"--resolve-host", syntax.Nginx, "app.test", byDNS(Lookup{Servers: []string{nobody}}), "10.2.2.2:81"},
		{"an address", syntax.Nginx, "::ffff:10.0.0.1", Lookup{}, "10.0.0.1:80"},
		{"localhost by the system", syntax.HAProxy, "localhost", Lookup{How: Libc}, "127.0.0.1:80|[::1]:80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Defaults()
			o.Hosts = map[string][]netip.Addr{"known": {netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("10.1.1.2")}}
			o.ResolveHost = map[string][]netip.Addr{"app.test:81": {netip.MustParseAddr("10.2.2.2")}}
			target := &Target{Dialect: test.dialect, Addr: proxy.Address{Host: test.host, Port: 80}, Lookup: test.lookup}
			if test.name == "--resolve-host" {
				target.Addr.Port = 81
			}
			found := newProber(o).resolve(context.Background(), target)
			got := strings.ReplaceAll(describeFound(found), server, "SERVER")
			for want := range strings.SplitSeq(test.want, "|") {
				if strings.HasPrefix(got, want) && test.lookup.How == Libc {
					return // whichever the machine has first
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolverOption(t *testing.T) {
	server := serveDNS(t)
	target := &Target{Dialect: syntax.Nginx, Addr: proxy.Address{Host: "four.test", Port: 80}, Lookup: Lookup{How: AtStart}}
	o := Defaults()
	o.Resolver = server
	if got := describeFound(newProber(o).resolve(context.Background(), target)); got != "127.0.0.14:80 ttl=30s" {
		t.Error("with a server in the place of the system:", got)
	}
	o.Hosts = map[string][]netip.Addr{"four.test": {netip.MustParseAddr("10.1.1.1")}}
	if got := describeFound(newProber(o).resolve(context.Background(), target)); got != "10.1.1.1:80" {
		t.Error("what the hosts file has is not asked for:", got)
	}
	target.Lookup.How = ByDNS
	if got := describeFound(newProber(o).resolve(context.Background(), target)); got != "127.0.0.14:80 ttl=30s" {
		t.Error("a proxy that asks DNS servers reads no hosts file:", got)
	}
	target = &Target{Dialect: syntax.Nginx, Addr: proxy.Address{Host: "localhost", Port: 80}, Lookup: Lookup{How: AtStart}}
	if got := newProber(o).resolve(context.Background(), target); !got.Outcome.OK() || got.Server != "" {
		t.Error("a DNS server need not know localhost:", describeFound(got))
	}
	target.Lookup = Lookup{How: ByDNS, Servers: []string{server}}
	o.Resolver = SystemResolver
	if got := newProber(o).resolve(context.Background(), target); !got.Outcome.OK() || got.Server != "" {
		t.Error("with the system in the place of a server:", describeFound(got))
	}
}

// A DNS server that a configuration names is a target like any other.
func TestResolverIsPermitted(t *testing.T) {
	server := serveDNS(t)
	target := &Target{Dialect: syntax.Nginx, Addr: proxy.Address{Host: "four.test", Port: 80}, Lookup: Lookup{How: ByDNS, Servers: []string{server}}}
	o := Defaults()
	o.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if got := newProber(o).resolve(context.Background(), target); got.Outcome.Cause != Denied || len(got.Addrs) > 0 {
		t.Errorf("%s: %+v", got.Outcome.Cause, got)
	}
	o.Resolver = server // whoever runs it says so
	if got := newProber(o).resolve(context.Background(), target); !got.Outcome.OK() {
		t.Errorf("%s: %+v", got.Outcome.Cause, got)
	}
}

func describeFound(f Found) string {
	var parts []string
	for _, a := range f.Addrs {
		parts = append(parts, a.String())
	}
	switch f.Outcome.Cause {
	case Unresolvable:
		parts = append(parts, "unresolvable: "+f.Outcome.Detail)
	case ResolverFailed:
		parts = append(parts, "resolver failed: "+f.Outcome.Detail)
	case NotTestable:
		parts = append(parts, "not testable: "+f.Outcome.Detail)
	}
	if len(f.Others) > 0 {
		parts = append(parts, fmt.Sprintf("others=%v", f.Others))
	}
	if f.TTL > 0 {
		parts = append(parts, fmt.Sprintf("ttl=%s", f.TTL))
	}
	if len(f.Mute) > 0 {
		parts = append(parts, fmt.Sprintf("mute=%d", len(f.Mute)))
	}
	return strings.Join(parts, " ")
}

// TestLookUpInterrupted asks a DNS server that does not answer, and is interrupted.
func TestLookUpInterrupted(t *testing.T) {
	o := Defaults()
	o.Resolver = serveDNS(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	found := LookUp(ctx, []string{"four.test", "mute.test"}, o)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if len(found) != 1 || len(found["four.test"]) != 1 {
		t.Errorf("found %v", found)
	}
}
