package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const benchCompose = `name: shop%[1]d
x-common: &common
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}
services:
  proxy:
    <<: *common
    image: nginx:1.27-alpine
    ports: ["80:80", "443:443"]
    volumes:
      - ./nginx/conf.d:/etc/nginx/conf.d:ro
      - certs:/etc/letsencrypt:ro
    depends_on: [api, web]
    networks: [front, back]
  web:
    <<: *common
    image: registry.example.com/shop/web:${TAG:-latest}
    command: ["npx", "next", "start", "-p", "3000"]
    environment:
      NODE_ENV: production
      API_URL: http://api:8000
    expose: ["3000"]
    networks: [front]
  api:
    <<: *common
    build:
      context: ./api
      args: {VERSION: "3.%[1]d"}
    command: sh -c "python manage.py migrate && exec gunicorn shop.wsgi -b 0.0.0.0:${PORT:-8000} --timeout 90"
    env_file: [api.env]
    environment:
      DATABASE_URL: postgres://shop:secret@db:5432/shop
      REDIS_URL: redis://cache:6379/0
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/healthz"]
      interval: 30s
      timeout: 5s
      retries: 3
    networks:
      back:
        aliases: [backend]
  worker:
    <<: *common
    image: registry.example.com/shop/api:${TAG:-latest}
    command: celery -A shop worker -l info
    networks: [back]
  db:
    image: postgres:16
    environment: {POSTGRES_DB: shop, POSTGRES_USER: shop}
    volumes: ["data:/var/lib/postgresql/data"]
    networks: [back]
  cache:
    image: redis:7-alpine
    command: redis-server --port 6379 --save ""
    networks: [back]
networks:
  front:
  back:
    ipam: {config: [{subnet: 172.28.%[1]d.0/24}]}
volumes:
  data:
  certs:
`

const benchManifest = `apiVersion: v1
kind: Service
metadata:
  name: api-%[1]d
  namespace: shop
  labels: {app: api-%[1]d, tier: backend}
spec:
  type: ClusterIP
  selector: {app: api-%[1]d}
  ports:
    - {name: http, port: 80, targetPort: http, protocol: TCP}
    - {name: metrics, port: 9090, targetPort: 9090}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api-%[1]d
  namespace: shop
spec:
  replicas: 3
  selector:
    matchLabels: {app: api-%[1]d}
  template:
    metadata:
      labels: {app: api-%[1]d, tier: backend}
    spec:
      containers:
        - name: api
          image: registry.example.com/shop/api:1.%[1]d
          command: ["uvicorn", "shop:app"]
          args: ["--host", "0.0.0.0", "--port", "$(PORT)"]
          env:
            - {name: PORT, value: "8000"}
            - name: SECRET
              valueFrom: {secretKeyRef: {name: api, key: secret}}
          ports:
            - {name: http, containerPort: 8000}
            - {name: metrics, containerPort: 9090}
          readinessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 10
          livenessProbe:
            tcpSocket: {port: 8000}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {cpu: 500m, memory: 512Mi}
        - name: proxy
          image: nginx:1.27
          ports: [{containerPort: 80}]
          volumeMounts:
            - {name: conf, mountPath: /etc/nginx/conf.d}
      volumes:
        - name: conf
          configMap: {name: nginx-%[1]d}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: nginx-%[1]d
  namespace: shop
data:
  default.conf: |
    upstream api { server 127.0.0.1:8000; }
    server {
      listen 80;
      location / { proxy_pass http://api; }
    }
`

const benchDockerfile = `FROM python:3.12-slim AS build
RUN pip install poetry
COPY pyproject.toml poetry.lock ./
FROM python:3.12-slim
ENV PORT=8000 PYTHONUNBUFFERED=1
COPY --from=build /app /app
EXPOSE 8000
CMD ["gunicorn", "shop.wsgi"]
`

// benchTree writes 250 compose projects and 250 manifests below a folder.
func benchTree(b *testing.B) string {
	b.Helper()
	root := b.TempDir()
	for i := range 250 {
		project := filepath.Join(root, "projects", fmt.Sprint(i))
		write(b, filepath.Join(project, "compose.yml"), fmt.Sprintf(benchCompose, i))
		write(b, filepath.Join(project, "api.env"), "DEBUG=0\nPORT=8000\n")
		write(b, filepath.Join(project, "api", "Dockerfile"), benchDockerfile)
		write(b, filepath.Join(root, "manifests", fmt.Sprint(i%10), fmt.Sprintf("api-%d.yaml", i)), fmt.Sprintf(benchManifest, i))
	}
	return root
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// 500 compose and manifest files are to be read in less than half a second on two cores.
func BenchmarkDiscover(b *testing.B) {
	root := benchTree(b)
	for b.Loop() {
		var f Facts
		f.Discover(root)
		if len(f.Projects) != 250 || len(f.Cluster.Workloads) != 250 || len(f.Gaps) != 0 {
			b.Fatalf("%d projects, %d workloads, gaps %v", len(f.Projects), len(f.Cluster.Workloads), f.Gaps)
		}
	}
}

// A file made to take all time or memory costs one Gap, and soon.
func TestHostileYAML(t *testing.T) {
	const usual = "name: x\nservices: {web: {image: nginx}}\napiVersion: v1\nkind: Service\nmetadata: {name: x}\n"
	bomb := usual + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 40 {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%[2]s]\n", i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9))
	}
	for name, text := range map[string]string{
		"aliases":    bomb + "networks: *a40\nspec: {ports: *a40}\n",
		"itself":     usual + "spec: &a {ports: *a, x: [*a, *a]}\n",
		"deep lists": usual + "x: " + strings.Repeat("[", 500_000),
		"deep maps":  usual + "x: " + strings.Repeat("{a: ", 200_000),
		"large":      "",
	} {
		for _, file := range []string{"compose.yml", "manifest.yaml"} {
			t.Run(name+" "+file, func(t *testing.T) {
				root := t.TempDir()
				path := filepath.Join(root, file)
				write(t, path, text)
				if text == "" {
					if err := os.Truncate(path, 100<<20); err != nil {
						t.Fatal(err)
					}
				}
				var f Facts
				start := time.Now()
				f.Discover(root)
				if took := time.Since(start); took > time.Second {
					t.Errorf("took %v", took)
				}
				list := f.Gaps
				for _, p := range f.Projects {
					list = append(list, p.Gaps...)
				}
				if f.Cluster != nil {
					list = append(list, f.Cluster.Gaps...)
				}
				if len(list) != 1 {
					t.Errorf("gaps\n%s", gaps(list))
				}
			})
		}
	}
}
