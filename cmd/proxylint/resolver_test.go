package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestResolverFlag(t *testing.T) {
	for value, want := range map[string]string{
		"system":                 "system",
		"10.0.0.53":              "10.0.0.53:53",
		"10.0.0.53:5353":         "10.0.0.53:5353",
		"fd00::53":               "[fd00::53]:53",
		"[fd00::53]:5353":        "[fd00::53]:5353",
		"fe80::1%eth0":           "[fe80::1%eth0]:53",
		"":                       "refused",
		"System":                 "refused",
		"dns.test":               "refused",
		"10.0.0.53:":             "refused",
		"10.0.0.53:65536":        "refused",
		"10.0.0.53:0":            "refused",
		"10.0.0.53,10.0.0.54":    "refused",
		"udp://10.0.0.53":        "refused",
		"[fd00::53]":             "refused",
		"10.0.0.53:5353\x1b[31m": "refused",
	} {
		var r resolver
		got := "refused"
		if err := r.Set(value); err == nil {
			got = string(r)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestStandIns(t *testing.T) {
	for value, want := range map[string]string{
		"app:80=10.0.0.1":      "map[app:80:[10.0.0.1]]",
		"App.Test.:080=::1":    "map[app.test:80:[::1]]",
		"[FD00::1]:80=::1":     "map[[fd00::1]:80:[::1]]",
		"app:80=fe80::1%eth0":  "map[app:80:[fe80::1%eth0]]",
		"app:80":               "refused",
		"app:80=":              "refused",
		"app:80=a=10.0.0.1":    "refused",
		"app:80=10.0.0.1:8080": "refused",
		"app:80:10.0.0.1":      "refused",
		"app:65536=10.0.0.1":   "refused",
		"app:-1=10.0.0.1":      "refused",
		"app:http=10.0.0.1":    "refused",
		"fd00::1:80=10.0.0.1":  "refused",
	} {
		s := standIns{}
		got := "refused"
		if err := s.Set(value); err == nil {
			got = fmt.Sprint(map[string][]netip.Addr(s))
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

// TestResolverIsAsked has a DNS server of its own know a name that no other does.
func TestResolverIsAsked(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		if rr, err := dns.NewRR("app.test. 30 IN A 127.0.0.7"); err == nil && q.Question[0].Qtype == dns.TypeA {
			answer.Answer = append(answer.Answer, rr)
		}
		w.WriteMsg(answer)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })

	config := filepath.Join(t.TempDir(), "nginx.conf")
	text := "events {}\nhttp { server { location / { proxy_pass http://app.test:1; } } }\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), "proxylint", "live", "--resolver", conn.LocalAddr().String(), config).Output()
	if !strings.Contains(string(out), "tried 127.0.0.7:1: L4CON") {
		t.Errorf("the server's answer was not dialed:\n%s", out)
	}
}
