package probe

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestPlanCloudflared(t *testing.T) {
	configs, err := parsers.LoadText("config.yml", `originRequest: {connectTimeout: 3s}
ingress:
  - {hostname: shop.dev, service: "http://app"}
  - {hostname: shop.dev, service: "https://app", originRequest: {http2Origin: true}}
  - {hostname: shop.dev, service: "https://10.0.0.7:8443", originRequest: {httpHostHeader: "in.dev", matchSNItoHost: true}}
  - {hostname: "*.dev", service: "https://10.0.0.7:8443", originRequest: {noTLSVerify: true}}
  - {hostname: a.dev, service: "unix+tls:/run/app.sock"}
  - {service: "ssh://app"}
`, parsers.Options{Dialect: syntax.Cloudflared})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, target := range Plan(configs, &inventory.Facts{}) {
		text := fmt.Sprintf("%s%s:%d %s http2=%v host=%s how=%d connect=%s", target.Addr.Host, target.Addr.Socket, target.Addr.Port,
			target.Protocol, target.HTTP2, target.Host, target.Lookup.How, target.Limits.Connect.Value)
		if s := target.TLS; s != nil {
			text += fmt.Sprintf(" sni=%s verify=%v name=%s", s.SNI, s.Verify, s.Name)
		}
		got = append(got, text)
	}
	want := []string{
		"app:80 HTTP http2=false host=shop.dev how=4 connect=3s",
		"app:443 HTTP http2=true host=shop.dev how=4 connect=3s sni=app verify=true name=app",
		"10.0.0.7:8443 HTTP http2=false host=in.dev how=0 connect=3s sni=in.dev verify=true name=in.dev",
		"10.0.0.7:8443 HTTP http2=false host=10.0.0.7 how=0 connect=3s sni= verify=false name=",
		"/run/app.sock:-1 HTTP http2=false host=a.dev how=0 connect=3s sni=a.dev verify=true name=a.dev",
		"app:22 TCP http2=false host=app how=4 connect=3s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestClientSeesCloudflare(t *testing.T) {
	web := &Target{Dialect: syntax.Cloudflared, Protocol: proxy.HTTP, Addr: proxy.Address{Host: "app", Port: 80}, TLS: &TLS{Name: "app"}}
	for cause, want := range map[Cause]string{
		Refused: "502", TimedOut: "502", Unresolvable: "502", TLSName: "502", TLSUntrusted: "502", Closed: "502", Silent: "524",
	} {
		if got := (Outcome{Cause: cause, Code: L4CON}).ClientSees(web); got != want {
			t.Errorf("%s: the client sees %s, want %s", cause, got, want)
		}
		if line := web.LogLine(Outcome{Cause: cause}); (line == "") != (cause == Silent) {
			t.Errorf("%s: cloudflared logs %q", cause, line)
		}
	}
	if got := (Outcome{Cause: Refused}).ClientSees(&Target{Dialect: syntax.Cloudflared, Protocol: proxy.TCP}); got != "connection closed" {
		t.Errorf("over TCP: %s", got)
	}
}
