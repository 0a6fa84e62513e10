package inventory

import (
	"testing"
)

func TestBuiltServices(t *testing.T) {
	facts := discovered(t, `
-- Dockerfile --
ARG VERSION=3.12
FROM node:20 AS assets
EXPOSE 1
COPY x y

FROM python:${VERSION} AS base
ENV PORT=8000 \
    # why
    HOST=0.0.0.0
EXPOSE $PORT 9000/udp
CMD ["python"]

FROM base AS prod
COPY --from=assets /dist /dist
COPY conf/a.conf conf/b.conf /etc/nginx/
RUN <<EOT
USER nobody
EOT
USER www
HEALTHCHECK --interval=5s CMD curl -f http://localhost:8000/ || exit 1
CMD gunicorn app:app -b 127.0.0.1:${PORT} --timeout 90

FROM prod AS test
ENTRYPOINT ["tini", "--"]
CMD ["uvicorn", "app:app", "--port", "8001"]
-- compose.yml --
services:
  prod:
    build: {context: ., target: prod, args: {VERSION: "3.13"}}
  test:
    build: .
  entry:
    build: .
    entrypoint: ./run.sh
  gone:
    build: ./nowhere
`)
	services := facts.Projects[0].Services
	if base := services[0].BaseImage(); base.Text != "python:3.13" || base.At.Position().Line != 6 {
		t.Errorf("base %q", base.Text)
	}
	if d := services[0].Dockerfile; d.User.Text != "www" || len(d.Copies) != 1 || d.Copies[0].Sources[1].Text != "conf/b.conf" ||
		d.Copies[0].At.Position().Line != 15 {
		t.Errorf("user %v, copies %v", d.User, d.Copies)
	}
	want(t, shows(services[0]), `
in default [] @compose.yml:2 "prod"
arg /bin/sh @Dockerfile:21 "gunicorn app:app -b 127.0.0.1:${PORT} --timeout 90"
arg -c @Dockerfile:21 "gunicorn app:app -b 127.0.0.1:${PORT} --timeout 90"
arg gunicorn app:app -b 127.0.0.1:${PORT} --timeout 90 @Dockerfile:21 "gunicorn app:app -b 127.0.0.1:${PORT} --timeout 90"
env HOST 0.0.0.0 @Dockerfile:7 "ENV PORT=8000 \\"
env PORT 8000 @Dockerfile:7 "ENV PORT=8000 \\"
port 8000 HTTP loopback=true by 6: gunicorn in its command binds 127.0.0.1:8000 @Dockerfile:21 "127.0.0.1:${PORT}"
port 8000 HTTP loopback=true by 5: PORT=8000 in its environment @Dockerfile:7 "ENV PORT=8000 \\"
port 8000 HTTP loopback=true by 4: its health check asks localhost:8000 @Dockerfile:20 "http://localhost:8000/"
port 8000 HTTP loopback=true by 1: EXPOSE 8000 @Dockerfile:10 "$PORT"
port 9000 UDP loopback=false by 1: EXPOSE 9000 @Dockerfile:10 "9000/udp"
app gunicorn kill 1m30s idle 0s @Dockerfile:21 "gunicorn"
replicas 1 restartable false loose false build "."
`)
	want(t, shows(services[1]), `
in default [] @compose.yml:4 "test"
arg tini @Dockerfile:24 "tini"
arg -- @Dockerfile:24 "--"
arg uvicorn @Dockerfile:25 "uvicorn"
arg app:app @Dockerfile:25 "app:app"
arg --port @Dockerfile:25 "--port"
arg 8001 @Dockerfile:25 "8001"
env HOST 0.0.0.0 @Dockerfile:7 "ENV PORT=8000 \\"
env PORT 8000 @Dockerfile:7 "ENV PORT=8000 \\"
port 8001 HTTP loopback=true by 6: uvicorn in its command binds 127.0.0.1:8001 @Dockerfile:25 "8001"
port 8000 HTTP loopback=false by 5: PORT=8000 in its environment @Dockerfile:7 "ENV PORT=8000 \\"
port 8000 HTTP loopback=false by 4: its health check asks localhost:8000 @Dockerfile:20 "http://localhost:8000/"
port 8000 HTTP loopback=false by 1: EXPOSE 8000 @Dockerfile:10 "$PORT"
port 9000 UDP loopback=false by 1: EXPOSE 9000 @Dockerfile:10 "9000/udp"
app uvicorn kill 0s idle 5s @Dockerfile:25 "uvicorn"
replicas 1 restartable false loose false build "."
`)
	if s := services[2]; len(s.Args) != 1 || s.Args[0].Text != "./run.sh" {
		t.Errorf("a new entrypoint keeps the image's command: %v", s.Args)
	}
	if !services[3].Loose || services[0].Loose {
		t.Error("an image that was not read must be loose, and no other")
	}
}
