package inventory

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// named writes a file into a folder of its own, enters it, and reads the file as one that the user names.
func named(t testing.TB, name, src string) (*Facts, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(name, []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	facts := &Facts{}
	return facts, facts.ReadFile(name)
}

// feedFacts lists what a named file may add, each fact as it stands at its line.
func feedFacts(f *Facts) string {
	var out strings.Builder
	line := func(at syntax.Ref, format string, args ...any) {
		fmt.Fprintf(&out, "%d %q: %s\n", at.Position().Line, at.Text(), fmt.Sprintf(format, args...))
	}
	for _, m := range f.Machines {
		line(m.At, "%s %v %v", m.Name, m.Addrs, m.Ports)
	}
	for _, l := range f.Listening {
		line(l.At, "listen %s %d %s %s %v", l.Addr, l.Port, l.Socket, l.Process, l.V6Only)
	}
	for _, own := range f.OwnAddrs {
		line(own.At, "own %s", own.Addr)
	}
	if f.Complete {
		out.WriteString("complete\n")
	}
	return out.String()
}

// Each archive is a file and what is to be read from it.
func TestReadFile(t *testing.T) {
	tests, err := filepath.Glob("testdata/feeds/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests, error %v", err)
	}
	for _, path := range tests {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			facts, err := named(t, archive.Files[0].Name, string(archive.Files[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), feedFacts(facts)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// What other readers read must be handed to them.
func TestFeedOf(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{`{"name": "shop", "services": {"web": {"image": "nginx"}}}`, "docker compose config"},
		{`{"apiVersion": "v1", "kind": "List", "items": []}`, "kubectl get"},
		{"apiVersion: v1\nitems: []\nkind: List\n", "kubectl get"},
		{"name: shop\nservices:\n  web: {image: nginx}\n", "docker compose config"},
		{`{"name": "app", "scripts": {"start": "node ."}}`, ""},
		{"[]", ""}, {"{}", ""}, {"[1]", ""}, {"", ""}, {"hello\n", ""}, {"server {\n  listen 80;\n}\n", ""},
	} {
		file := syntax.NewFile("x", test.src, syntax.AnyDialect, nil)
		got := ""
		if isJSONText(test.src) {
			root, err := readJSON(file)
			if err != nil {
				t.Fatal(err)
			}
			if feed := jsonFeedOf(root); feed != nil {
				got = feed.name
			}
		} else if feed := textFeedOf(test.src); feed != nil {
			got = feed.name
		}
		if got != test.want {
			t.Errorf("%q is %q, want %q", test.src, got, test.want)
		}
	}
}

func TestReadFileErrors(t *testing.T) {
	unknown := "x: " + wantedFeeds
	for _, test := range []struct{ name, src, want string }{
		{"empty", "", unknown},
		{"prose", "hello world\n", unknown},
		{"scalar", "[1]", unknown},
		{"empty list", "[]", unknown},
		{"cut off", "{\n\"_meta\": {\n", "x:2: not valid JSON: unexpected end of JSON input"},
		{"comma", "[\n{\"a\": 1,}\n]", "x:2: not valid JSON: invalid character '}' looking for beginning of object key string"},
		{"hosts", "10.0.0.1 a\nb 10.0.0.2\n", `x:2: "b" is not an IP address`},
		{"CSV address", "name,ip\na,10.0.0.1\n\nb,10.0.0.300\n", `x:4: "10.0.0.300" is not an IP address`},
		{"CSV port", "a,10.0.0.1,80\nb,10.0.0.2,http\n", `x:2: "http" is not a port`},
		{"CSV quotes", "a,10.0.0.1\nb,\"10.0\n", `x:2: not valid CSV: extraneous or missing " in quoted-field`},
		{"CSV blank", "a,10.0.0.1\n,\n", "x:2: neither a name nor an address"},
		{"ss names", "State Recv-Q Send-Q Local Address:Port\nLISTEN 0 5 *:http *:*\n",
			`x:2: "*:http" has no number of a port: want ss -ltn, with its -n`},
		{"ss address", "LISTEN 0 5 10.0.0:80 *:*\n", `x:1: "10.0.0" is not an IP address`},
		{"UTF-16", "\xff\xfen\x00a\x00m\x00e\x00", unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts, err := named(t, "x", test.src)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if got := feedFacts(facts); got != "" {
				t.Errorf("facts %s", got)
			}
		})
	}
	if err := (&Facts{}).ReadFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for an absent file")
	}
}

func TestReadFileSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxNamedSize+1); err != nil {
		t.Fatal(err)
	}
	if err := (&Facts{}).ReadFile(path); err == nil || !strings.HasSuffix(err.Error(), "larger than 64 MiB") {
		t.Errorf("error %v", err)
	}
}

// A Gap that is the whole file becomes the error, and others stay.
func TestWithoutGap(t *testing.T) {
	r := newReader(&Facts{}, ".")
	file := syntax.NewFile("a.yml", "", syntax.AnyDialect, nil)
	err := r.withoutGap(file, func() { r.gap("b.yml", "can't be read"); r.gap("a.yml", "is not YAML") })
	if err == nil || err.Error() != "a.yml: is not YAML" || len(r.facts.Gaps) != 1 || r.facts.Gaps[0].Path != "b.yml" {
		t.Errorf("error %v, gaps %v", err, r.facts.Gaps)
	}
}

func TestManyJSONValues(t *testing.T) {
	_, err := named(t, "x", "["+strings.Repeat("0,", maxJSONValues)+"0]")
	if err == nil || err.Error() != "x: holds more than 4000000 values" {
		t.Errorf("error %v", err)
	}
}

func TestReadFileFolder(t *testing.T) {
	if err := (&Facts{}).ReadFile(t.TempDir()); err != nil {
		t.Error(err)
	}
}

const dockerText = `[
  {
    "Id": "4a6f", "Name": "/shop-web-1", "Path": "/docker-entrypoint.sh", "Args": ["nginx"],
    "HostConfig": {
      "NetworkMode": "shop_default", "RestartPolicy": {"Name": "always"},
      "ExtraHosts": ["host.docker.internal:host-gateway"], "Links": ["/shop-db-1:/shop-web-1/db"]
    },
    "Mounts": [
      {"Type": "bind", "Source": "/srv/nginx.conf", "Destination": "/etc/nginx/nginx.conf"},
      {"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "Destination": "/data"}
    ],
    "Config": {
      "Hostname": "4a6f", "Image": "nginx:1.29",
      "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx", "-g", "daemon off;"],
      "Env": ["PATH=/usr/bin", "PORT=8080"], "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}
    },
    "NetworkSettings": {
      "Ports": {"443/tcp": null, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}]},
      "Networks": {
        "shop_default": {
          "Aliases": ["shop-web-1", "web"], "DNSNames": ["shop-web-1", "web", "4a6f"],
          "IPAddress": "172.18.0.3", "GlobalIPv6Address": ""
        }
      }
    }
  },
  {"Name": "/agent", "Config": {"Image": "agent"}, "HostConfig": {"NetworkMode": "host"},
   "NetworkSettings": {"Networks": {"host": {"IPAddress": ""}}}},
  {
    "Name": "shop_default", "Driver": "bridge",
    "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]},
    "Containers": {
      "4a6f": {"Name": "shop-web-1", "IPv4Address": "172.18.0.3/16"},
      "77aa": {"Name": "shop-db-1", "IPv4Address": "172.18.0.2/16", "IPv6Address": ""}
    }
  }
]
`

func TestDocker(t *testing.T) {
	facts, err := named(t, "containers.json", dockerText)
	if err != nil || len(facts.Projects) != 1 || !facts.Projects[0].Running {
		t.Fatalf("%d projects, error %v", len(facts.Projects), err)
	}
	var got []string
	add := func(at syntax.Ref, format string, args ...any) {
		got = append(got, fmt.Sprintf("%d %q: %s", at.Position().Line, at.Text(), fmt.Sprintf(format, args...)))
	}
	for _, n := range facts.Projects[0].Networks {
		add(n.At, "network %s %s", n.Name, n.Driver.Text)
		add(n.Subnets[0].At, "subnet %s", n.Subnets[0].Prefix)
	}
	for _, s := range facts.Projects[0].Services {
		add(s.At, "service %s restarts %v loose %v", s.Name, s.Restartable, s.Loose)
		for _, v := range append([]Value{s.Image, s.Hostname, s.Mode, s.Env["PORT"]}, s.Args...) {
			if v.Text != "" {
				add(v.At, "%s", v.Text)
			}
		}
		for _, j := range s.Joins {
			add(j.At, "in %s at %v", j.Network.Name, j.Addrs)
			for _, alias := range j.Aliases {
				add(alias.At, "alias")
			}
		}
		for _, p := range s.Published {
			add(p.At, "publishes %s:%d:%d", p.Address, p.Host, p.Container)
		}
		for _, p := range s.Ports {
			add(p.At, "port %d %d %s", p.Number, p.Source, p.Why)
		}
		for _, m := range s.Mounts {
			add(m.At, "mounts %s at %s", m.Source, m.Target)
		}
		for _, h := range s.ExtraHosts {
			add(h.At, "host %s is %s", h.Name, h.Addr)
		}
		for _, l := range s.Links {
			add(l.At, "link %s is %s", l.Alias, l.Service)
		}
	}
	want := []string{
		`30 "shop_default": network shop_default bridge`,
		`31 "172.18.0.0/16": subnet 172.18.0.0/16`,
		`3 "shop-web-1": service shop-web-1 restarts true loose false`,
		`13 "nginx:1.29": nginx:1.29`,
		`13 "4a6f": 4a6f`,
		`15 "8080": 8080`,
		`14 "/docker-entrypoint.sh": /docker-entrypoint.sh`,
		`14 "nginx": nginx`,
		`14 "-g": -g`,
		`14 "daemon off;": daemon off;`,
		`20 "shop_default": in shop_default at [172.18.0.3]`,
		`21 "web": alias`,
		`21 "4a6f": alias`,
		`18 "8080": publishes :8080:80`,
		`18 "80/tcp": port 80 3 it publishes 80/tcp`,
		`15 "80/tcp": port 80 1 it exposes 80/tcp`,
		`15 "443/tcp": port 443 1 it exposes 443/tcp`,
		`9 "/etc/nginx/nginx.conf": mounts /srv/nginx.conf at /etc/nginx/nginx.conf`,
		`10 "/data": mounts  at /data`,
		`6 "host.docker.internal:host-gateway": host host.docker.internal is host-gateway`,
		`6 "/shop-db-1:/shop-web-1/db": link db is shop-db-1`,
		`27 "agent": service agent restarts false loose false`,
		`27 "agent": agent`,
		`27 "host": host`,
		`34 "shop-db-1": service shop-db-1 restarts false loose true`,
		`34 "shop-db-1": in shop_default at [172.18.0.2]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMachines(t *testing.T) {
	facts, err := named(t, "hosts", "10.0.0.5 web1 web1.example.org\n::ffff:10.0.0.6 WEB1\nfe80::1%eth0 gate\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		asked, want string
		got         []Machine
	}{
		{"Web1.", "web1@1 WEB1@2", facts.MachinesNamed("Web1.")},
		{"web1.example.org", "web1.example.org@1", facts.MachinesNamed("web1.example.org")},
		{"web", "", facts.MachinesNamed("web")},
		{"mapped", "web1@1 web1.example.org@1", facts.MachinesAt(netip.MustParseAddr("::ffff:10.0.0.5"))},
		{"10.0.0.6", "WEB1@2", facts.MachinesAt(netip.MustParseAddr("10.0.0.6"))},
		{"zone", "gate@3", facts.MachinesAt(netip.MustParseAddr("fe80::1"))},
		{"none", "", facts.MachinesAt(netip.MustParseAddr("10.0.0.7"))},
		{"nil", "", (*Facts)(nil).MachinesNamed("web1")},
	} {
		var got []string
		for _, m := range test.got {
			got = append(got, fmt.Sprintf("%s@%d", m.Name, m.At.Position().Line))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.asked, got, test.want)
		}
	}
}

func TestListensOn(t *testing.T) {
	facts, err := named(t, "ss.txt", `State  Recv-Q Send-Q Local Address:Port Peer Address:Port
LISTEN 0 511 0.0.0.0:80 0.0.0.0:*
LISTEN 0 511 [::]:80 [::]:*
LISTEN 0 511 *:8080 *:*
LISTEN 0 511 10.0.0.5:8080 0.0.0.0:*
LISTEN 0 100 [::ffff:127.0.0.1]:8005 *:*
LISTEN 0 511 [::]:9000 [::]:*
LISTEN 0 511 [::1]:9001 [::]:*
LISTEN 0 511 127.0.0.53%lo:53 0.0.0.0:*
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		addr string
		port int
		line int // 0: nothing listens
	}{
		{"127.0.0.1", 80, 2}, {"::1", 80, 3}, {"::ffff:127.0.0.1", 80, 2},
		{"127.0.0.1", 8080, 4}, {"::1", 8080, 4}, {"10.0.0.5", 8080, 5},
		{"127.0.0.1", 8005, 6}, {"10.0.0.5", 8005, 0}, {"::1", 8005, 0},
		{"127.0.0.1", 9000, 0}, {"::1", 9000, 7}, {"fe80::1%eth0", 9000, 7},
		{"0.0.0.0", 8005, 6}, {"::", 9001, 8}, {"127.0.0.53", 53, 9}, {"127.0.0.1", 81, 0},
	} {
		line := 0
		if l, found := facts.ListensOn(netip.MustParseAddr(test.addr), test.port); found {
			line = l.At.Position().Line
		}
		if line != test.line {
			t.Errorf("%s:%d is line %d, want %d", test.addr, test.port, line, test.line)
		}
	}
	if _, found := (*Facts)(nil).ListensOn(netip.IPv6Loopback(), 80); found {
		t.Error("a nil Facts knows of no socket")
	}
}

// An empty listing says that nothing listens, which is not the same as no listing.
func TestNoSockets(t *testing.T) {
	facts, err := named(t, "ss.txt", "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n")
	if err != nil || facts.Listening == nil || len(facts.Listening) > 0 {
		t.Errorf("%v, error %v", facts.Listening, err)
	}
}

func TestJSONPlaces(t *testing.T) {
	src := "{\"a\\u0062\": [\"x\\n\", -1.5e3, true, null, {\"é\": \"ü\"}],\n \"ab\": 2, \"c\": {\n}}"
	root, err := readJSON(syntax.NewFile("a.json", src, syntax.AnyDialect, nil))
	if err != nil {
		t.Fatal(err)
	}
	list := root.get("ab").elements()
	for _, test := range []struct {
		n          jsonNode
		text, raw  string
		line, byte int
	}{
		{list[0], "x\n", `x\n`, 1, 15},
		{list[1], "-1.5e3", "-1.5e3", 1, 21},
		{list[2], "true", "true", 1, 29},
		{list[3], "", "null", 1, 35},
		{list[4].get("é"), "ü", "ü", 1, 49},
		{root.get("c"), "", "{", 2, 16},
	} {
		at := test.n.ref()
		if pos := at.Position(); test.n.text() != test.text || at.Text() != test.raw || pos.Line != test.line || pos.Byte != test.byte {
			t.Errorf("%q as %q at %d:%d, want %q as %q at %d:%d", test.n.text(), at.Text(), pos.Line, pos.Byte,
				test.text, test.raw, test.line, test.byte)
		}
	}
	if none := root.get("c", "d", "e"); none.exists() || none.text() != "" || !none.ref().IsZero() {
		t.Error("an absent key must be the zero jsonNode")
	}
}

// Deep nesting is refused by the standard library, and what it lets through must not exhaust the stack.
func TestDeepJSON(t *testing.T) {
	for _, depth := range []int{9_999, 1_000_000} {
		src := `{"format_version":"1.0","values":{"root_module":` + strings.Repeat(`{"child_modules":[`, depth/2-2) +
			strings.Repeat("]}", depth/2-2) + "}}"
		_, err := named(t, "state.json", src)
		if deep := depth > 10_000; (err != nil) != deep {
			t.Errorf("depth %d: error %v", depth, err)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	tests, _ := filepath.Glob("testdata/feeds/*.txtar")
	for _, path := range tests {
		if archive, err := txtar.ParseFile(path); err == nil {
			f.Add(string(archive.Files[0].Data))
		}
	}
	f.Add(dockerText)
	f.Add("a,\"b\n\"\"c\",,\r\n")
	f.Add("LISTEN\nunix LISTENING\ntcp 0 0 LISTEN\nu_str LISTEN 0 0 @\n")
	f.Add("1: lo\n inet 1.1.1.1/0 inet")
	f.Add("\ufeffname\tip\tport\n\t1.1.1.1\t\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src string) {
		file := syntax.NewFile(filepath.ToSlash(filepath.Join(dir, "fed")), src, syntax.AnyDialect, nil)
		facts := &Facts{}
		if err := newReader(facts, dir).feed(file); err != nil && !strings.HasPrefix(err.Error(), file.Path+":") {
			t.Errorf("error %q does not name the file", err)
		}
		_ = feedFacts(facts)
		for _, m := range facts.Machines {
			if len(facts.MachinesNamed(m.Name)) == 0 {
				t.Errorf("%q is not found by its name", m.Name)
			}
		}
		for _, l := range facts.Listening {
			if l.Socket == "" && !l.Addr.IsUnspecified() {
				if _, found := facts.ListensOn(l.Addr, l.Port); !found {
					t.Errorf("nothing listens on %v", l)
				}
			}
		}
	})
}
