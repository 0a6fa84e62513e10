package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// discovered writes the files of a txtar text into a folder, enters it, and returns the facts found there.
func discovered(t testing.TB, archive string) *Facts {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, file := range txtar.Parse([]byte(archive)).Files {
		write(t, file.Name, string(file.Data))
	}
	facts := &Facts{}
	facts.Discover(".")
	return facts
}

// place shows where a fact stands and the words there.
func place(at syntax.Ref) string {
	if at.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s:%d %q", at.File.Path, at.Position().Line, at.Text())
}

// show lists the facts of a service, each with its place.
func show(s *Service) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	value := func(name string, v Value) {
		switch {
		case v.At.IsZero():
		case v.Dynamic:
			add("%s ? @%s", name, place(v.At))
		default:
			add("%s %s @%s", name, v.Text, place(v.At))
		}
	}
	value("image", s.Image)
	value("container_name", s.OtherName)
	value("hostname", s.Hostname)
	value("mode", s.Mode)
	for _, j := range s.Joins {
		add("in %s %v @%s", j.Network.Name, j.Addrs, place(j.At))
		for _, alias := range j.Aliases {
			value("alias", alias)
		}
	}
	for _, l := range s.Links {
		add("link %s=%s @%s", l.Alias, l.Service, place(l.At))
	}
	for _, h := range s.ExtraHosts {
		add("host %s=%s @%s", h.Name, h.Addr, place(h.At))
	}
	for _, p := range s.Published {
		add("publish %s:%d:%d %v @%s", p.Address, p.Host, p.Container, p.UDP, place(p.At))
	}
	for _, m := range s.Mounts {
		add("mount %s%s -> %s @%s", m.Source, m.Volume, m.Target, place(m.At))
	}
	for _, arg := range s.Args {
		value("arg", arg)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range s.Env {
			if !yield(name) {
				return
			}
		}
	}) {
		value("env "+name, s.Env[name])
	}
	for _, p := range s.Ports {
		add("port %d %s loopback=%v by %d: %s @%s", p.Number, p.Protocol, p.Loopback, p.Source, p.Why, place(p.At))
	}
	for _, a := range s.Apps {
		add("app %s kill %v idle %v @%s", a.Kind, a.Kill.Value, a.Idle.Value, place(a.At))
	}
	if s.Replicas != 1 || s.Restartable || s.Loose || s.Build != "" {
		add("replicas %d restartable %v loose %v build %q", s.Replicas, s.Restartable, s.Loose, s.Build)
	}
	return list
}

func shows(s *Service) string { return strings.Join(show(s), "\n") }

func want(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestComposeService(t *testing.T) {
	facts := discovered(t, `
-- app/.env --
PORT=8100 # the host's
EMPTY=
-- app/docker-compose.yml --
services:
  web:
    image: "nginx:${TAG:-1.27}"
    container_name: the-web
    hostname: web.local
    networks:
      front:
        ipv4_address: 172.28.0.5
        aliases: [www, "${UNSET}"]
      back:
    ports:
      - "${PORT}:80"
      - 127.0.0.1:8443-8444:443-444
      - "53:53/udp"
      - target: 9000
        published: 9001
        host_ip: 127.0.0.1
      - "3000"
      - "${UNSET}:81"
    volumes:
      - ./conf:/etc/nginx/conf.d:ro
      - data:/data
      - {type: bind, source: ./one.conf, target: /etc/nginx/nginx.conf}
    configs:
      - site
      - {source: site, target: /etc/nginx/site.conf}
    links: ["db:database"]
    extra_hosts:
      - "host.docker.internal:host-gateway"
      - "six=[::1]"
    environment:
      - A=$$x
      - PORT
      - NONE
    restart: unless-stopped
  db:
    image: postgres
    network_mode: host
    extra_hosts: {a: 10.0.0.1}
    environment: {B: "${EMPTY:-b}", C: "${EMPTY-c}"}
    deploy: {replicas: 3}
    expose: ["5432"]
  bare:
    image: busybox
networks:
  front:
    driver: macvlan
    ipam: {config: [{subnet: 172.28.0.0/16}]}
  back: {external: true}
configs:
  site: {file: ./site.conf}
volumes: {data: }
`)
	if len(facts.Projects) != 1 || len(facts.Gaps) != 0 {
		t.Fatalf("%d projects, gaps %v", len(facts.Projects), facts.Gaps)
	}
	p := facts.Projects[0]
	want(t, shows(p.Services[0]), `
image nginx:1.27 @app/docker-compose.yml:3 "nginx:${TAG:-1.27}"
container_name the-web @app/docker-compose.yml:4 "the-web"
hostname web.local @app/docker-compose.yml:5 "web.local"
in front [172.28.0.5] @app/docker-compose.yml:7 "front"
alias www @app/docker-compose.yml:9 "www"
alias ? @app/docker-compose.yml:9 "${UNSET}"
in back [] @app/docker-compose.yml:10 "back"
link database=db @app/docker-compose.yml:27 "db:database"
host host.docker.internal=host-gateway @app/docker-compose.yml:29 "host.docker.internal:host-gateway"
host six=::1 @app/docker-compose.yml:30 "six=[::1]"
publish :8100:80 false @app/docker-compose.yml:12 "${PORT}:80"
publish 127.0.0.1:8443:443 false @app/docker-compose.yml:13 "127.0.0.1:8443-8444:443-444"
publish 127.0.0.1:8444:444 false @app/docker-compose.yml:13 "127.0.0.1:8443-8444:443-444"
publish :53:53 true @app/docker-compose.yml:14 "53:53/udp"
publish 127.0.0.1:9001:9000 false @app/docker-compose.yml:15 "target: 9000"
publish :-1:3000 false @app/docker-compose.yml:18 "3000"
publish :-1:81 false @app/docker-compose.yml:19 "${UNSET}:81"
mount app/conf -> /etc/nginx/conf.d @app/docker-compose.yml:21 "./conf:/etc/nginx/conf.d:ro"
mount data -> /data @app/docker-compose.yml:22 "data:/data"
mount app/one.conf -> /etc/nginx/nginx.conf @app/docker-compose.yml:23 "./one.conf"
mount app/site.conf -> /site @app/docker-compose.yml:25 "site"
mount app/site.conf -> /etc/nginx/site.conf @app/docker-compose.yml:26 "site"
env A $x @app/docker-compose.yml:32 "$$x"
env NONE ? @app/docker-compose.yml:34 "NONE"
env PORT 8100 @app/.env:1 "8100"
port 80 HTTP loopback=false by 3: the host forwards ${PORT}:80 to it @app/docker-compose.yml:12 "${PORT}:80"
port 443 unknown loopback=false by 3: the host forwards 127.0.0.1:8443-8444:443-444 to it @app/docker-compose.yml:13 "127.0.0.1:8443-8444:443-444"
port 444 unknown loopback=false by 3: the host forwards 127.0.0.1:8443-8444:443-444 to it @app/docker-compose.yml:13 "127.0.0.1:8443-8444:443-444"
port 53 UDP loopback=false by 3: the host forwards 53:53/udp to it @app/docker-compose.yml:14 "53:53/udp"
port 9000 unknown loopback=false by 3: the host forwards target: 9000 to it @app/docker-compose.yml:15 "target: 9000"
port 3000 unknown loopback=false by 3: the host forwards 3000 to it @app/docker-compose.yml:18 "3000"
port 81 unknown loopback=false by 3: the host forwards ${UNSET}:81 to it @app/docker-compose.yml:19 "${UNSET}:81"
port 80 HTTP loopback=false by 0: image nginx:1.27 listens on 80 @app/docker-compose.yml:3 "nginx:${TAG:-1.27}"
replicas 1 restartable true loose false build ""
`)
	want(t, shows(p.Services[1]), `
image postgres @app/docker-compose.yml:37 "postgres"
mode host @app/docker-compose.yml:38 "host"
host a=10.0.0.1 @app/docker-compose.yml:39 "10.0.0.1"
env B b @app/docker-compose.yml:40 "${EMPTY:-b}"
env C  @app/docker-compose.yml:40 "${EMPTY-c}"
port 5432 TCP loopback=false by 2: expose: 5432 @app/docker-compose.yml:42 "5432"
port 5432 TCP loopback=false by 0: image postgres listens on 5432 @app/docker-compose.yml:37 "postgres"
replicas 3 restartable true loose false build ""
`)
	want(t, shows(p.Services[2]), `
image busybox @app/docker-compose.yml:44 "busybox"
in default [] @app/docker-compose.yml:43 "bare"
`)
	if len(p.Networks) != 3 || p.Networks[0].Subnets[0].Prefix.String() != "172.28.0.0/16" || p.Networks[0].Driver.Text != "macvlan" || !p.Networks[1].External {
		t.Errorf("networks %v", p.Networks)
	}
	if len(p.Gaps) != 2 || p.Name != "app" { // the external network, the alias without a value
		t.Errorf("project %q, gaps %v", p.Name, p.Gaps)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("services: {a: {image: b, ports: ['1-2:3-4/udp'], command: sh -c \"x $$A\", networks: {n: {aliases: [c]}}}}", "FROM a\nCMD [\"b\"]\n", "A=b\n")
	f.Add("services: {a: {build: ., volumes: [a:b:c], environment: [A], env_file: .env, extends: a}}", "FROM a AS b\nENV a b\\\n\nFROM b\nCOPY <<E /x\nE\n", "A='\nB=\"${A:-\"")
	f.Fuzz(func(t *testing.T, compose, docker, env string) {
		facts := &Facts{}
		r := newReader(facts, ".")
		for path, src := range map[string]string{"compose.yml": compose, "Dockerfile": docker, ".env": env} {
			r.opened[path] = syntax.NewFile(path, src, syntax.AnyDialect, nil)
		}
		for _, name := range composeNames {
			if _, seen := r.opened[name]; !seen {
				r.opened[name] = nil
			}
		}
		r.compose(r.opened["compose.yml"])
		for _, p := range facts.Projects {
			for _, s := range p.Services {
				_ = shows(s)
				s.Lookup("a")
				s.Beside()
			}
		}
	})
}

func TestVolumesFrom(t *testing.T) {
	f := appsIn(t, "compose.yml", "services:\n  web:\n    image: nginx\n    volumes_from: ['php:ro', 'container:other']\n  php:\n    image: php:8-fpm\n    volumes: ['run:/run/php']\n")
	p := f.Projects[0]
	if mounts := p.Services[0].Mounts; len(mounts) != 1 || mounts[0].Volume != "run" || mounts[0].Target != "/run/php" {
		t.Errorf("mounts %+v", mounts)
	}
	if len(p.Gaps) != 1 || p.Gaps[0].At.Text() != "container:other" {
		t.Errorf("gaps %+v", p.Gaps)
	}
}
