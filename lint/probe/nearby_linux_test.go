package probe

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestNearby(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	refused := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port+1))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	comm := filepath.Base(program)
	want := Listening{port, comm[:min(len(comm), 15)]} // the kernel keeps 15 bytes
	m := newMachine()
	holders := func() map[string]string { return holdersOf(m.sockets()) }
	if got := m.nearby(refused, holders); !slices.Contains(got, want) || len(got) > maxNearby {
		t.Errorf("got %v, want %v among at most %d", got, want, maxNearby)
	}
	if got := m.nearby(netip.MustParseAddrPort("127.0.0.2:80"), holders); slices.Contains(got, want) {
		t.Error("a socket of another address is told of")
	}
	elsewhere := &Result{Target: &Target{}, Tries: []Try{{Addr: netip.MustParseAddrPort("192.0.2.1:80"), Outcome: Outcome{Cause: Refused}}}}
	here := &Result{Target: &Target{}, Tries: []Try{{Addr: refused, Outcome: Outcome{Cause: Refused}}}}
	findNearby([]*Result{elsewhere, here})
	if elsewhere.Nearby != nil || !slices.Contains(here.Nearby, want) {
		t.Errorf("another machine's: %v, this one's: %v", elsewhere.Nearby, here.Nearby)
	}
}

func TestParseProcAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000000000000000000001000000:0050": "[::1]:80",
		"0000000000000000FFFF00000100007F:0050": "127.0.0.1:80",
	} {
		if got, ok := parseProcAddress(text); !ok || got.String() != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "x:1", "0100007F", "01:80"} {
		if got, ok := parseProcAddress(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}
