package inventory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// gaps lists what a project lacks.
func gaps(list []Gap) string {
	var lines []string
	for _, g := range list {
		lines = append(lines, fmt.Sprintf("%s %s @%s", g.Path, g.Why, place(g.At)))
	}
	return strings.Join(lines, "\n")
}

func TestComposeFiles(t *testing.T) {
	facts := discovered(t, `
-- a/compose.yml --
name: shop
include:
  - ../b/compose.yaml
  - {path: [../c/one.yml], project_directory: ../c/dir}
  - ./gone.yml
  - oci://registry/x
services:
  web:
    extends: {file: ../base.yml, service: base}
    ports: ["80:80"]
    environment: {A: main}
  api:
    extends: web
    image: api
  lost:
    extends: {file: nowhere.yml, service: x}
    image: x
  ring: {extends: ring, image: r}
-- a/compose.override.yaml --
services:
  web:
    image: over
    ports: !override ["90:90"]
    environment: [B=over]
    command: !reset null
-- a/docker-compose.yml --
services: {ignored: {image: x}}
-- a/compose.dev.yml --
services: {web: {ports: ["1:1"]}}
-- base.yml --
services:
  base:
    image: base
    command: uvicorn a:b --host 0.0.0.0
    volumes: ["./conf:/conf"]
    environment: {A: base, C: base}
-- b/compose.yaml --
services:
  db: {image: "db:${TAG}", build: ./ctx}
-- b/.env --
TAG='5'
-- b/ctx/Dockerfile --
FROM scratch
-- c/one.yml --
services:
  cache: {image: redis, volumes: ["./d:/d"]}
-- d/docker-compose.prod.yml --
services: {solo: {image: nginx}}
-- e/compose.yml --
services: [
-- f/compose.yml --
web: {image: old}
`)
	if len(facts.Projects) != 3 {
		t.Fatalf("%d projects", len(facts.Projects))
	}
	p := facts.Projects[0]
	var all []string
	for _, s := range p.Services {
		all = append(all, s.Name+":", shows(s))
	}
	want(t, strings.Join(all, "\n"), `
web:
image over @a/compose.override.yaml:3 "over"
in default [] @a/compose.yml:8 "web"
publish :90:90 false @a/compose.override.yaml:4 "90:90"
mount conf -> /conf @base.yml:5 "./conf:/conf"
env A main @a/compose.yml:11 "main"
env B over @a/compose.override.yaml:5 "over"
env C base @base.yml:6 "base"
port 90 unknown loopback=false by 3: the host forwards 90:90 to it @a/compose.override.yaml:4 "90:90"
api:
image api @a/compose.yml:14 "api"
in default [] @a/compose.yml:12 "api"
publish :80:80 false @a/compose.yml:10 "80:80"
mount conf -> /conf @base.yml:5 "./conf:/conf"
arg uvicorn @base.yml:4 "uvicorn"
arg a:b @base.yml:4 "a:b"
arg --host @base.yml:4 "--host"
arg 0.0.0.0 @base.yml:4 "0.0.0.0"
env A main @a/compose.yml:11 "main"
env C base @base.yml:6 "base"
port 8000 HTTP loopback=false by 6: uvicorn in its command binds 0.0.0.0:8000 @base.yml:4 "uvicorn"
port 80 unknown loopback=false by 3: the host forwards 80:80 to it @a/compose.yml:10 "80:80"
app uvicorn kill 0s idle 5s @base.yml:4 "uvicorn"
lost:
image x @a/compose.yml:17 "x"
in default [] @a/compose.yml:15 "lost"
replicas 1 restartable false loose true build ""
ring:
image r @a/compose.yml:18 "r"
in default [] @a/compose.yml:18 "ring"
replicas 1 restartable false loose true build ""
db:
image db:5 @b/compose.yaml:2 "db:${TAG}"
in default [] @b/compose.yaml:2 "db"
replicas 1 restartable false loose false build "b/ctx"
cache:
image redis @c/one.yml:2 "redis"
in default [] @c/one.yml:2 "cache"
mount c/dir/d -> /d @c/one.yml:2 "./d:/d"
port 6379 TCP loopback=false by 0: image redis listens on 6379 @c/one.yml:2 "redis"
`)
	want(t, gaps(p.Gaps), `
a/gone.yml was not read @a/compose.yml:5 "./gone.yml"
a/oci:/registry/x is not known to be here @a/compose.yml:6 "oci://registry/x"
a/nowhere.yml was not read @a/compose.yml:16 "nowhere.yml"
 is no service that can be extended @a/compose.yml:18 "ring"
a/compose.dev.yml may add to the project, or change it @-`)
	want(t, gaps(facts.Gaps), `
e/compose.yml is not YAML: line 1: did not find expected node content @-
f/compose.yml has no services @-`)
	if p.Name != "shop" || facts.Projects[2].Name != "d" || facts.Projects[2].Services[0].Name != "solo" {
		t.Errorf("projects %q and %q", p.Name, facts.Projects[2].Name)
	}
}

// Hostile projects must end soon, and keep no more than some hundreds of MB busy.
func TestComposeIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, src := range map[string]string{
		"ranges": "services: {a: {image: b, ports: [" + strings.Repeat("1-60000:1-60000, 1-500,", 9000) + "1]}}",
		"expose": "services: {a: {image: b, expose: [" + strings.Repeat("1-65535,", 50_000) + "1]}}",
		"shared lists": "x: &x [" + strings.Repeat("A=b, ", 50_000) + "]\nservices:\n" + func() string {
			var list strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&list, "  s%d: {image: a, environment: *x, volumes: *x}\n", i)
			}
			return list.String()
		}(),
		"chain": "services:\n" + func() string {
			var list strings.Builder
			for i := range 9000 {
				fmt.Fprintf(&list, "  s%d: {image: a, extends: s%d}\n", i, i+1)
			}
			return list.String()
		}(),
		"includes itself": "include: [compose.yml, ./compose.yml]\nservices: {a: {image: b}}",
		"nested defaults": "services: {a: {image: \"" + strings.Repeat("${A:-", 5000) + strings.Repeat("}", 5000) + "\"}}",
		"open braces":     "services: {a: {image: \"" + strings.Repeat("${", 300_000) + "\", command: \"" + strings.Repeat("'\\\"", 100_000) + "\"}}",
		"long words":      "services: {a: {image: b, command: [" + strings.Repeat(long+", ", 800) + "sh]}}",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			facts := discovered(t, "-- compose.yml --\n"+src+"\n")
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if len(facts.Projects)+len(facts.Gaps) != 1 {
				t.Errorf("%d projects, gaps %v", len(facts.Projects), facts.Gaps)
			}
		})
	}
}

// Variables that each hold the one before twice must not grow without end.
func TestDoublingVariables(t *testing.T) {
	src := "A0=0123456789\n"
	for i := range 60 {
		src += fmt.Sprintf("A%d=$A%d$A%[2]d\n", i+1, i)
	}
	env := map[string]Value{}
	readEnv(syntax.NewFile(".env", src, syntax.AnyDialect, nil), env)
	if len(env["A6"].Text) != 640 || env["A6"].Dynamic || !env["A60"].Dynamic {
		t.Errorf("A6 is %v, A60 is %v", env["A6"], env["A60"])
	}
}

func TestEnvFile(t *testing.T) {
	facts := discovered(t, `
-- compose.yml --
services:
  a:
    image: b
    env_file: [one.env, {path: two.env, required: false}]
    environment: {OWN: own}
  c: {image: b, env_file: absent.env}
-- one.env --
# comment
export A=plain # why
B='single $A' # why
C="double ${A} \"x\"
second"
D=http://x/#y
OWN=theirs
bad line
E: colon
F=${NONE}
G=
-- two.env --
A=two
`)
	services := facts.Projects[0].Services
	want(t, shows(services[0]), `
image b @compose.yml:3 "b"
in default [] @compose.yml:2 "a"
env A two @two.env:1 "two"
env B single $A @one.env:3 "single $A"
env C double plain "x"
second @one.env:4 "double ${A} \\\"x\\\"\nsecond"
env D http://x/#y @one.env:6 "http://x/#y"
env E colon @one.env:9 "colon"
env F ? @one.env:10 "${NONE}"
env G  @one.env:11 ""
env OWN own @compose.yml:5 "own"
`)
	if !services[1].Loose || services[0].Loose {
		t.Error("an env file that was not read makes a service loose, and nothing else")
	}
}
