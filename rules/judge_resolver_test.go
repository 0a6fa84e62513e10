package rules

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// What resolve-without-zone says of nginx from 1.27.3 on is not proved here: older ones refuse "resolve" as such, which
// TestExamplesBeforeTheJudge shows. That test proves resolvers-undefined too.

func TestInitAddrNoneBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	port := twoBackends(t)
	dns := startNameServer(t, map[string][]string{"app": {"127.0.0.2"}})
	doc := Find("init-addr-none").Doc
	toTest := strings.NewReplacer(":3000 check", ":"+port, "127.0.0.11:53", dns.address)
	bad := toTest.Replace(doc.Bad.HAProxy)
	for _, text := range []string{bad, strings.Replace(bad, "init-addr none", "init-addr last,none", 1)} {
		if status, _ := startProxy(t, syntax.HAProxy, text).get(t); status != http.StatusServiceUnavailable {
			t.Errorf("status %d without resolvers", status)
		}
	}
	p := startProxy(t, syntax.HAProxy, toTest.Replace(doc.Good.HAProxy))
	if status := p.getUntil(t, http.StatusOK); status != http.StatusOK {
		t.Errorf("status %d with resolvers: %s", status, p.log())
	}
}

func TestServerTemplateStaticBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	port := twoBackends(t)
	dns := startNameServer(t, map[string][]string{"app": {"127.0.0.2", "127.0.0.3"}})
	doc := Find("server-template-static").Doc
	toTest := strings.NewReplacer(":3000 check", ":"+port, "127.0.0.11:53", dns.address)
	t.Run("resolvers", func(t *testing.T) {
		p := startProxy(t, syntax.HAProxy, toTest.Replace(doc.Good.HAProxy))
		p.getUntil(t, http.StatusOK)
		seen := map[string]bool{}
		for deadline := time.Now().Add(patience); len(seen) < 2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			_, body := p.get(t)
			seen[body] = true
		}
		if !seen["127.0.0.2"] || !seen["127.0.0.3"] {
			t.Errorf("answers come from %v", seen)
		}
	})
	t.Run("none", func(t *testing.T) {
		p := startWithHosts(t, syntax.HAProxy, toTest.Replace(doc.Bad.HAProxy), "127.0.0.2 app\n127.0.0.3 app\n")
		_, first := p.get(t)
		for range 5 {
			if _, body := p.get(t); body != first {
				t.Errorf("answers come from %q and %q", first, body)
			}
		}
	})
	t.Run("service records", func(t *testing.T) {
		text := strings.Replace(doc.Bad.HAProxy, "app:3000 check", "_http._tcp.localhost", 1)
		file := filepath.Join(t.TempDir(), "haproxy.cfg")
		writeFile(t, file, text)
		if err := exec.Command("haproxy", "-c", "-q", "-f", file).Run(); err == nil {
			t.Error("HAProxy accepts them without resolvers")
		}
		found := lintText(t, syntax.HAProxy, text, []*lint.Rule{Find("server-template-static")})
		if len(found) != 1 || found[0].Severity != lint.Error {
			t.Errorf("findings: %v", found)
		}
	})
}

func TestResolverUnusedBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	port := twoBackends(t)
	dns := startNameServer(t, map[string][]string{"app": {"127.0.0.3"}})
	doc := Find("resolver-unused").Doc
	toTest := strings.NewReplacer(":3000", ":"+port, "127.0.0.11", dns.address)
	p := startWithHosts(t, syntax.Nginx, toTest.Replace(doc.Bad.Nginx), "127.0.0.2 app\n")
	if _, body := p.get(t); body != "127.0.0.2" || dns.asked.Load() > 0 {
		t.Errorf("the answer comes from %q, after %d questions", body, dns.asked.Load())
	}
	p = startProxy(t, syntax.Nginx, toTest.Replace(doc.Good.Nginx))
	if _, body := p.get(t); body != "127.0.0.3" || dns.asked.Load() == 0 {
		t.Errorf("the answer with a variable comes from %q, after %d questions", body, dns.asked.Load())
	}
}

// TestResolverSearchDomainBeforeTheJudge puts a name server of its own for the public one and for that of a cluster.
func TestResolverSearchDomainBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	port := twoBackends(t)
	docker := startNameServer(t, map[string][]string{"app": {"127.0.0.2"}})
	cluster := startNameServer(t, map[string][]string{"app.shop-a.svc.cluster.local": {"127.0.0.2"}})
	doc := Find("resolver-search-domain").Doc
	bad := strings.NewReplacer(":3000", ":"+port, "8.8.8.8", cluster.address).Replace(doc.Bad.Nginx)
	good := strings.NewReplacer(":3000", ":"+port, "127.0.0.11", docker.address).Replace(doc.Good.Nginx)
	for _, test := range []struct {
		name, text string
		status     int
	}{
		{"short name", bad, http.StatusBadGateway},
		{"name and namespace", strings.Replace(bad, "$backend app;", "$backend app.shop-a;", 1), http.StatusBadGateway},
		{"name, namespace and svc", strings.Replace(bad, "$backend app;", "$backend app.shop-a.svc;", 1), http.StatusBadGateway},
		{"full name", strings.Replace(bad, "$backend app;", "$backend app.shop-a.svc.cluster.local;", 1), http.StatusOK},
		{"server that knows short names", good, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startWithHosts(t, syntax.Nginx, test.text, "127.0.0.2 app\n")
			if status, _ := p.get(t); status != test.status {
				t.Errorf("status %d: %s", status, p.log())
			}
		})
	}
}

// TestResolverPublicForPrivateBeforeTheJudge asks a server that knows the name, one that does not, and both.
func TestResolverPublicForPrivateBeforeTheJudge(t *testing.T) {
	port := twoBackends(t)
	private := startNameServer(t, map[string][]string{"*.corp.internal": {"127.0.0.2"}}).address
	public := startNameServer(t, nil).address
	doc := Find("resolver-public-for-private").Doc
	t.Run("nginx", func(t *testing.T) {
		skipWithout(t, syntax.Nginx)
		for servers, want := range map[string]string{private: "200", public: "502", private + " " + public: "200 502"} {
			// nginx keeps an answer for its second, so each request asks for another name
			text := strings.NewReplacer(":3000", ":"+port, "8.8.8.8", servers, "$backend app.", "$backend $request_id.").Replace(doc.Bad.Nginx)
			p := startProxy(t, syntax.Nginx, text)
			seen := map[int]bool{}
			for range 20 {
				status, _ := p.get(t)
				seen[status] = true
			}
			got := ""
			for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
				if seen[status] {
					got += fmt.Sprintf(" %d", status)
				}
			}
			if strings.TrimSpace(got) != want {
				t.Errorf("resolver %s: statuses%s, want %s", servers, got, want)
			}
		}
	})
	t.Run("haproxy", func(t *testing.T) {
		skipWithout(t, syntax.HAProxy)
		toTest := strings.NewReplacer(":3000 check", ":"+port, "init-addr last,libc,none", "init-addr none")
		bad := toTest.Replace(doc.Bad.HAProxy)
		one := strings.Replace(bad, "8.8.8.8:53", public, 1)
		both := strings.Replace(one, "    nameserver", "    nameserver corp "+private+"\n    nameserver", 1)
		for text, want := range map[string]int{one: http.StatusServiceUnavailable, both: http.StatusOK} {
			p := startProxy(t, syntax.HAProxy, text)
			if want == http.StatusServiceUnavailable {
				time.Sleep(time.Second) // in which an address would have come
			}
			if status := p.getUntil(t, want); status != want {
				t.Errorf("status %d, want %d with\n%s", status, want, text)
			}
		}
	})
}

func TestRuntimeDNSDefeatedBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	port := twoBackends(t)
	dns := startNameServer(t, map[string][]string{"app": {"127.0.0.3"}})
	doc := Find("runtime-dns-defeated").Doc
	toTest := strings.NewReplacer(":3000", ":"+port, "127.0.0.11", dns.address)
	for text, want := range map[string]string{
		toTest.Replace(doc.Bad.Nginx):  "127.0.0.2",
		toTest.Replace(doc.Good.Nginx): "127.0.0.3",
		toTest.Replace(strings.Replace(doc.Bad.Nginx, "http://app:3000", "http://app:3001", 1)): "127.0.0.3",
	} {
		p := startWithHosts(t, syntax.Nginx, text, "127.0.0.2 app\n")
		if _, body := p.get(t); body != want {
			t.Errorf("the answer comes from %q, want %s with\n%s", body, want, text)
		}
	}
}

func TestMapWithoutDefaultBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	port := strconv.Itoa(backend.Listener.Addr().(*net.TCPAddr).Port)
	rule := Find("map-without-default")
	bad, good := rule.Doc.Bad.Nginx, rule.Doc.Good.Nginx
	for _, test := range []struct {
		name, text string
		status     int
	}{
		{"bare", bad, http.StatusInternalServerError},
		{"with a port", strings.Replace(bad, "$backend;", "$backend:80;", 1), http.StatusInternalServerError},
		{"whole target", strings.Replace(bad, "http://$backend;", "$backend;", 1), http.StatusInternalServerError},
		{"fastcgi", strings.Replace(bad, "proxy_pass http://", "fastcgi_pass ", 1), http.StatusInternalServerError},
		{"default", strings.ReplaceAll(good, "10.0.0.10:8080", "127.0.0.1:"+port), http.StatusOK},
		{"a pattern for all", strings.NewReplacer("blue ", "~.* ").Replace(bad), http.StatusInternalServerError},
		{"a pattern for all of what is never empty", strings.NewReplacer("$http_x_version", "$uri", "blue ", "~.* ", "10.0.0.10:8080", "127.0.0.1:"+port).Replace(bad), http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, test.text)
			if status, _ := p.get(t); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, p.log())
			}
			found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule})
			if (len(found) > 0) != (test.status != http.StatusOK) {
				t.Errorf("%d findings for status %d", len(found), test.status)
			}
		})
	}
}

// getUntil asks the proxy until the answer has a status, and returns the last one.
func (p *running) getUntil(t *testing.T, want int) int {
	t.Helper()
	status := 0
	for deadline := time.Now().Add(patience); status != want && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		status, _ = p.get(t)
	}
	return status
}

// startWithHosts is startProxy with a hosts file that only the proxy sees.
func startWithHosts(t *testing.T, dialect syntax.Dialect, text, hosts string) *running {
	t.Helper()
	if err := exec.Command("unshare", "--map-root-user", "--mount", "true").Run(); err != nil {
		t.Skipf("no mount namespaces here: %v", err)
	}
	file := filepath.Join(t.TempDir(), "hosts")
	writeFile(t, file, hosts)
	return startProxy(t, dialect, text, "unshare", "--map-root-user", "--mount", "sh", "-c",
		`mount --bind "$0" /etc/hosts && exec "$@"`, file)
}

// nameServer is a DNS server on loopback.
type nameServer struct {
	address string
	asked   atomic.Int64
	conn    net.PacketConn
}

// startNameServer starts a name server that knows the IPv4 addresses of some names ("*.x": of all under x), and no
// other name. It ends with the test.
func startNameServer(t *testing.T, names map[string][]string) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &nameServer{address: conn.LocalAddr().String(), conn: conn}
	go s.serve(names)
	return s
}

func (s *nameServer) serve(names map[string][]string) {
	query := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(query)
		if err != nil {
			return
		}
		s.asked.Add(1)
		if answer := answerTo(query[:n], names); answer != nil {
			s.conn.WriteTo(answer, from)
		}
	}
}

// answerTo makes the response to a DNS query (RFC 1035, 4.1); nil to what is none. Answers may not be kept.
func answerTo(query []byte, names map[string][]string) []byte {
	const header, typeA, noSuchName = 12, 1, 3
	var labels []string
	end := header
	for end < len(query) && query[end] != 0 {
		next := end + 1 + int(query[end])
		if next > len(query) {
			return nil
		}
		labels = append(labels, string(query[end+1:next]))
		end = next
	}
	end += 5 // the root label, type and class
	if end > len(query) {
		return nil
	}
	answer := append([]byte(nil), query[:end]...)
	addresses, known := names[strings.ToLower(strings.Join(labels, "."))]
	if !known && len(labels) > 0 {
		addresses, known = names["*."+strings.ToLower(strings.Join(labels[1:], "."))]
	}
	answer[2], answer[3] = 0x81, 0x80 // a response, with recursion
	if !known {
		answer[3] |= noSuchName
	}
	if binary.BigEndian.Uint16(query[end-4:]) != typeA {
		addresses = nil
	}
	binary.BigEndian.PutUint16(answer[6:], uint16(len(addresses)))
	binary.BigEndian.PutUint32(answer[8:], 0)
	for _, a := range addresses {
		answer = append(answer, 0xC0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, net.ParseIP(a).To4()...)
	}
	return answer
}
