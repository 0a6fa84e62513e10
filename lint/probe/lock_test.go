package probe

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// foundOn is a run of a day that found a name at addresses, and dialed it and an address that answered.
func foundOn(day int, first time.Duration, addrs ...string) *Results {
	app := &Target{
		Dialect: syntax.Nginx, Addr: proxy.Address{Host: "App.corp.net.", Port: 8080}, Protocol: proxy.HTTP, TLS: &TLS{}, Lookup: Lookup{How: AtStart},
	}
	r := &Result{Target: app}
	for _, addr := range addrs {
		at := netip.AddrPortFrom(netip.MustParseAddr(addr), 8080)
		r.Found.Addrs = append(r.Found.Addrs, at)
		r.Tries = append(r.Tries, Try{Addr: at, Measure: Measure{FirstMid: first, Header: 400 + day, Cert: "c0ffee"}})
	}
	literal := &Target{Addr: proxy.Address{Host: "10.0.0.7", Port: 9000}, Protocol: proxy.FastCGI}
	refused := &Target{Addr: proxy.Address{Host: "10.0.0.8", Port: 9000}, Protocol: proxy.FastCGI}
	return &Results{
		Began: time.Date(2026, 5, day, 12, 0, 0, 0, time.UTC),
		List: []*Result{
			r,
			{Target: literal, Tries: []Try{{Addr: netip.MustParseAddrPort("10.0.0.7:9000")}}},
			{Target: refused, Tries: []Try{{Addr: netip.MustParseAddrPort("10.0.0.8:9000"), Outcome: Outcome{Cause: Refused}}}},
		},
	}
}

func lockText(t *testing.T, l *inventory.Lock) string {
	t.Helper()
	text, err := l.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func reread(t *testing.T, text string) *inventory.Lock {
	t.Helper()
	path := filepath.Join(t.TempDir(), inventory.LockName)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := inventory.ReadLock(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestRemember follows a name that moves from .5 to .6 and back.
func TestRemember(t *testing.T) {
	l := inventory.NewLock()
	Remember(l, foundOn(1, 20*time.Millisecond, "10.0.0.5", "fd00::5"))
	first := lockText(t, l)
	l = reread(t, first)
	Remember(l, foundOn(1, 25*time.Millisecond, "fd00::5", "10.0.0.5"))
	if diff := cmp.Diff(first, lockText(t, l)); diff != "" {
		t.Errorf("the same again is another file:\n%s", diff)
	}
	Remember(l, foundOn(2, 90*time.Millisecond, "10.0.0.6"))
	Remember(l, &Results{Began: time.Date(2026, 5, 9, 0, 0, 0, 0, time.UTC), List: []*Result{
		{Target: foundOn(1, 0).List[0].Target, Found: Found{Outcome: Outcome{Cause: Unresolvable}}},
	}})
	want := `{
  "version": 1,
  "names": {
    "app.corp.net": {
      "family": "ipv4",
      "resolver": "system",
      "seen": "2026-05-02",
      "addresses": {
        "10.0.0.6": {
          "first": "2026-05-02",
          "last": "2026-05-02"
        }
      },
      "former": {
        "10.0.0.5": {
          "first": "2026-05-01",
          "last": "2026-05-01"
        },
        "fd00::5": {
          "first": "2026-05-01",
          "last": "2026-05-01"
        }
      }
    }
  },
  "endpoints": {
    "10.0.0.7:9000": {
      "protocol": "FastCGI",
      "seen": "2026-05-02"
    },
    "app.corp.net:8080": {
      "protocol": "HTTP over TLS",
      "seen": "2026-05-02",
      "certificate": "c0ffee",
      "header_bytes": 401,
      "first_byte_ms": 90
    }
  }
}
`
	if diff := cmp.Diff(want, lockText(t, l)); diff != "" {
		t.Error(diff)
	}
	l = reread(t, want)
	if names := l.HadBy(netip.MustParseAddr("::ffff:10.0.0.5")); len(names) != 1 || names[0] != "app.corp.net" {
		t.Errorf("10.0.0.5 was had by %q", names)
	}
	Remember(l, foundOn(3, 90*time.Millisecond, "10.0.0.5"))
	if text := lockText(t, l); !strings.Contains(text, "\"addresses\": {\n        \"10.0.0.5\": {\n          \"first\": \"2026-05-01\",\n          \"last\": \"2026-05-03\"") {
		t.Errorf("an address that came back lost its first day:\n%s", text)
	}
}

func TestHashAddresses(t *testing.T) {
	l := inventory.NewLock()
	Remember(l, foundOn(1, time.Millisecond, "10.0.0.5", "fd00::5"))
	Remember(l, foundOn(2, time.Millisecond, "10.0.0.6"))
	HashAddresses(l)
	text := lockText(t, l)
	if strings.Contains(text, "10.0.0") || strings.Contains(text, "fd00") {
		t.Errorf("an address is readable:\n%s", text)
	}
	HashAddresses(l)
	Remember(l, foundOn(2, time.Millisecond, "10.0.0.6"))
	if diff := cmp.Diff(text, lockText(t, l)); diff != "" {
		t.Errorf("the same again is another file:\n%s", diff)
	}
	if names := reread(t, text).HadBy(netip.MustParseAddr("10.0.0.5")); len(names) != 1 {
		t.Error("a hashed address is not known again")
	}
}

// TestRememberSparse has a file in which someone left things out.
func TestRememberSparse(t *testing.T) {
	for _, text := range []string{`{"version": 1}`, `{"version": 1, "names": {"app.corp.net": {"seen": "2026-04-01"}}, "endpoints": null}`} {
		l := reread(t, text)
		Remember(l, foundOn(1, time.Millisecond, "10.0.0.5"))
		if l.Name("app.corp.net").Seen != "2026-05-01" || len(l.Endpoints) != 2 {
			t.Errorf("%s: became %s", text, lockText(t, l))
		}
		HashAddresses(l)
	}
}
