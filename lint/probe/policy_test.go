package probe

import (
	"net/netip"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestPermit(t *testing.T) {
	tests := []struct {
		name, addr  string
		allow, deny []string
		within      []string
		public      bool // --allow-public
		dialect     syntax.Dialect
		want        Cause
		detail      string
	}{
		{name: "loopback", addr: "127.0.0.1"},
		{name: "private", addr: "10.1.2.3"},
		{name: "private IPv6", addr: "fd12::1"},
		{name: "shared", addr: "100.64.0.1"},
		{name: "public", addr: "203.0.113.7", want: Denied, detail: "203.0.113.7 is a public address, which --allow-public lets be dialed"},
		{name: "public IPv6", addr: "2001:db8::1", want: Denied, detail: "2001:db8::1 is a public address, which --allow-public lets be dialed"},
		{name: "public in IPv6", addr: "::ffff:203.0.113.7", want: Denied, detail: "203.0.113.7 is a public address, which --allow-public lets be dialed"},
		{name: "public, allowed by flag", addr: "203.0.113.7", public: true},
		{name: "public, allowed by network", addr: "203.0.113.7", allow: []string{"203.0.113.0/24"}},
		{name: "metadata", addr: "169.254.169.254", public: true, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "metadata in IPv6", addr: "::ffff:169.254.169.254", public: true, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "metadata behind a translator", addr: "64:ff9b::a9fe:a9fe", public: true, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "a translator that is denied", addr: "64:ff9b::a01:203", deny: []string{"64:ff9b::/96"}, want: Denied, detail: "an entry of deny has it"},
		{name: "denied behind a translator", addr: "64:ff9b::a01:203", deny: []string{"10.0.0.0/8"}, want: Denied, detail: "an entry of deny has it"},
		{name: "metadata behind a translator, all IPv6 allowed", addr: "64:ff9b::a9fe:a9fe", allow: []string{"::/0"}, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "metadata behind a translator that is allowed", addr: "64:ff9b::a9fe:a9fe", allow: []string{"64:ff9b::/96"}, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "metadata, all allowed", addr: "169.254.169.254", allow: []string{"0.0.0.0/0", "::/0"}, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "metadata, named", addr: "169.254.169.254", allow: []string{"169.254.169.254/32"}},
		{name: "metadata in IPv6, named", addr: "::ffff:169.254.169.254", allow: []string{"169.254.169.254/32"}},
		{name: "metadata, named in IPv6", addr: "169.254.169.254", allow: []string{"::ffff:169.254.169.254/128"}},
		{name: "metadata, its network named", addr: "169.254.170.2", allow: []string{"169.254.0.0/16"}},
		{name: "metadata, named and denied", addr: "169.254.169.254", allow: []string{"169.254.169.254/32"}, deny: []string{"169.254.0.0/16"}, want: Denied, detail: "an entry of deny has it"},
		{name: "metadata of EC2 in IPv6", addr: "fd00:ec2::254", want: Denied, detail: "fd00:ec2::254 is a cloud's metadata address, which --allow does not name"},
		{name: "metadata of EC2 in IPv6, its range allowed", addr: "fd00:ec2::254", allow: []string{"fd00::/8"}, want: Denied, detail: "fd00:ec2::254 is a cloud's metadata address, which --allow does not name"},
		{name: "beside the metadata of EC2", addr: "fd00:ec2::253"},
		{name: "metadata of GCE in IPv6", addr: "fd20:ce::254", want: Denied, detail: "fd20:ce::254 is a cloud's metadata address, which --allow does not name"},
		{name: "metadata in shared space", addr: "100.100.100.200", want: Denied, detail: "100.100.100.200 is a cloud's metadata address, which --allow does not name"},
		{name: "link-local with a zone", addr: "fe80::1%eth0", want: Denied, detail: "fe80::1 is a link-local address, which --allow does not name"},
		{name: "link-local with a zone, named", addr: "fe80::1%eth0", allow: []string{"fe80::1/128"}},
		{name: "multicast", addr: "239.1.2.3", want: Denied, detail: "239.1.2.3 is a multicast address, which --allow does not name"},
		{name: "multicast IPv6", addr: "ff02::1", want: Denied, detail: "ff02::1 is a multicast address, which --allow does not name"},
		{name: "broadcast", addr: "255.255.255.255", want: Denied, detail: "255.255.255.255 is the broadcast address, which --allow does not name"},
		{name: "unspecified in nginx", addr: "0.0.0.0", dialect: syntax.Nginx},
		{name: "unspecified IPv6 in nginx", addr: "::", dialect: syntax.Nginx},
		{name: "unspecified in IPv6, loopback denied", addr: "::ffff:0.0.0.0", dialect: syntax.Nginx, deny: []string{"127.0.0.0/8"}, want: Denied, detail: "an entry of deny has it"},
		{name: "unspecified IPv6, loopback denied", addr: "::", dialect: syntax.Nginx, deny: []string{"::1/128"}, want: Denied, detail: "an entry of deny has it"},
		{name: "unspecified in HAProxy", addr: "0.0.0.0", dialect: syntax.HAProxy, want: NotTestable, detail: "HAProxy goes to the address that the client came to"},
		{name: "outside of what is allowed", addr: "10.1.2.3", allow: []string{"192.168.0.0/16"}, want: Denied, detail: "no entry of allow has it"},
		{name: "allowed and denied", addr: "10.1.2.3", allow: []string{"10.0.0.0/8"}, deny: []string{"10.1.0.0/16"}, want: Denied, detail: "an entry of deny has it"},
		{name: "denied in IPv6", addr: "::ffff:10.1.2.3", deny: []string{"10.1.0.0/16"}, want: Denied, detail: "an entry of deny has it"},
		{name: "denied with a zone", addr: "fd12::1%eth0", deny: []string{"fd12::/16"}, want: Denied, detail: "an entry of deny has it"},
		{name: "denied by all of wrapped IPv4", addr: "10.1.2.3", deny: []string{"::ffff:0:0/96"}, want: Denied, detail: "an entry of deny has it"},
		{name: "inside of the bound", addr: "10.1.2.3", within: []string{"10.0.0.0/8"}},
		{name: "outside of the bound", addr: "192.168.0.1", within: []string{"10.0.0.0/8"}, want: Denied, detail: "no entry of allow has it"},
		{name: "outside of the bound, allowed", addr: "192.168.0.1", within: []string{"10.0.0.0/8"}, allow: []string{"192.168.0.0/16"}, want: Denied, detail: "no entry of allow has it"},
		{name: "a bound of nothing", addr: "10.1.2.3", within: []string{}, want: Denied, detail: "no entry of allow has it"},
		{name: "a bound lifts no ban", addr: "169.254.169.254", within: []string{"169.254.169.254/32"}, want: Denied, detail: "169.254.169.254 is a link-local address, where clouds keep metadata, which --allow does not name"},
		{name: "a bound makes nothing public", addr: "203.0.113.7", within: []string{"203.0.113.0/24"}, want: Denied, detail: "203.0.113.7 is a public address, which --allow-public lets be dialed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProber(Options{Allow: parsePrefixes(tt.allow), Deny: parsePrefixes(tt.deny), Within: parsePrefixes(tt.within), AllowPublic: tt.public})
			got := p.permit(&Target{Dialect: tt.dialect}, netip.MustParseAddr(tt.addr))
			if got.Cause != tt.want || got.Detail != tt.detail {
				t.Errorf("%s: %q, want %s: %q", got.Cause, got.Detail, tt.want, tt.detail)
			}
		})
	}
}

func parsePrefixes(texts []string) []netip.Prefix {
	if texts == nil {
		return nil
	}
	list := []netip.Prefix{}
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// TestPolicyBeforeConnecting dials an address that is denied, and that would answer.
func TestPolicyBeforeConnecting(t *testing.T) {
	server := listen(t)
	o := Defaults()
	o.Deny = parsePrefixes([]string{"127.0.0.0/8"})
	target := plainTarget(server.addr.String())
	got := Run(t.Context(), []*Target{target}, o).List[0].Tries[0]
	if got.Cause != Denied || server.accepted.Load() != 0 {
		t.Errorf("%s with %d connections, want denied without any", got.Cause, server.accepted.Load())
	}
}
