package inventory

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// usual is a port that an image's server listens on unless told otherwise.
type usual struct {
	port     int
	protocol proxy.Protocol
}

// knownImages are the usual ports of images, as the EXPOSE lines of their published Dockerfiles and their pages on
// Docker Hub have them.
var knownImages = map[string][]usual{
	"adminer":                     {{8080, proxy.HTTP}},
	"bitnami/apache":              {{8080, proxy.HTTP}, {8443, proxy.HTTP}},
	"bitnami/nginx":               {{8080, proxy.HTTP}, {8443, proxy.HTTP}},
	"bitnami/wordpress":           {{8080, proxy.HTTP}, {8443, proxy.HTTP}},
	"bitnami/wordpress-nginx":     {{8080, proxy.HTTP}, {8443, proxy.HTTP}},
	"caddy":                       {{80, proxy.HTTP}, {443, proxy.HTTP}},
	"cassandra":                   {{9042, proxy.TCP}},
	"elasticsearch":               {{9200, proxy.HTTP}, {9300, proxy.TCP}},
	"ghost":                       {{2368, proxy.HTTP}},
	"gitea/gitea":                 {{3000, proxy.HTTP}, {22, proxy.TCP}},
	"grafana/grafana":             {{3000, proxy.HTTP}},
	"haproxytech/haproxy-alpine":  {{80, proxy.HTTP}, {443, proxy.HTTP}},
	"httpd":                       {{80, proxy.HTTP}},
	"influxdb":                    {{8086, proxy.HTTP}},
	"jenkins/jenkins":             {{8080, proxy.HTTP}, {50000, proxy.TCP}},
	"jetty":                       {{8080, proxy.HTTP}},
	"joomla":                      {{80, proxy.HTTP}},
	"kibana":                      {{5601, proxy.HTTP}},
	"mailhog/mailhog":             {{8025, proxy.HTTP}, {1025, proxy.TCP}},
	"mariadb":                     {{3306, proxy.TCP}},
	"memcached":                   {{11211, proxy.Memcached}},
	"mongo":                       {{27017, proxy.TCP}},
	"mongo-express":               {{8081, proxy.HTTP}},
	"mysql":                       {{3306, proxy.TCP}},
	"n8nio/n8n":                   {{5678, proxy.HTTP}},
	"nextcloud":                   {{80, proxy.HTTP}},
	"nginx":                       {{80, proxy.HTTP}},
	"nginxinc/nginx-unprivileged": {{8080, proxy.HTTP}},
	"openresty/openresty":         {{80, proxy.HTTP}},
	"percona":                     {{3306, proxy.TCP}},
	"phpmyadmin":                  {{80, proxy.HTTP}},
	"phpmyadmin/phpmyadmin":       {{80, proxy.HTTP}},
	"portainer/portainer-ce":      {{9000, proxy.HTTP}, {9443, proxy.HTTP}, {8000, proxy.TCP}},
	"postgis/postgis":             {{5432, proxy.TCP}},
	"postgres":                    {{5432, proxy.TCP}},
	"prom/alertmanager":           {{9093, proxy.HTTP}},
	"prom/node-exporter":          {{9100, proxy.HTTP}},
	"prom/prometheus":             {{9090, proxy.HTTP}},
	"rabbitmq":                    {{5672, proxy.TCP}},
	"redis":                       {{6379, proxy.TCP}},
	"registry":                    {{5000, proxy.HTTP}},
	"solr":                        {{8983, proxy.HTTP}},
	"sonarqube":                   {{9000, proxy.HTTP}},
	"tomcat":                      {{8080, proxy.HTTP}},
	"traefik":                     {{80, proxy.HTTP}},
	"valkey/valkey":               {{6379, proxy.TCP}},
	"wordpress":                   {{80, proxy.HTTP}},
	"zookeeper":                   {{2181, proxy.TCP}},
}

// imagePorts returns the usual ports of an image; nil when it isn't known.
func imagePorts(image string) []usual {
	name, tag := splitImage(image)
	fpm := strings.Contains(tag, "fpm")
	switch name {
	case "php", "wordpress", "nextcloud", "joomla", "drupal", "phpmyadmin":
		if fpm {
			return []usual{{9000, proxy.FastCGI}}
		}
		if name == "drupal" || name == "php" && strings.Contains(tag, "apache") {
			return []usual{{80, proxy.HTTP}}
		}
	case "bitnami/php-fpm", "bitnamilegacy/php-fpm":
		return []usual{{9000, proxy.FastCGI}}
	case "rabbitmq":
		if strings.Contains(tag, "management") {
			return []usual{{5672, proxy.TCP}, {15672, proxy.HTTP}}
		}
	}
	if ports, ok := knownImages[name]; ok {
		return ports
	}
	org, base, _ := strings.Cut(name, "/")
	switch org {
	case "bitnami", "bitnamilegacy":
		if ports, ok := knownImages["bitnami/"+base]; ok {
			return ports
		}
		return knownImages[base]
	}
	return nil
}

// BaseName returns the name of the image that a service's container is made from, without its registry and tag;
// "" when it isn't known.
func (s *Service) BaseName() string {
	name, _ := splitImage(s.BaseImage().Text)
	return name
}

// splitImage returns an image's name without its registry and "library/", and its tag.
func splitImage(image string) (name, tag string) {
	name, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if host, rest, found := strings.Cut(name, "/"); found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		name = rest
	}
	return strings.TrimPrefix(name, "library/"), tag
}

// imageServer returns the kind of server that an image runs unless told otherwise; "" when none is known.
func imageServer(image string) string {
	name, tag := splitImage(image)
	switch name {
	case "tomcat":
		return "Tomcat"
	case "jetty":
		return "Jetty"
	case "httpd":
		return "Apache"
	case "php", "wordpress", "nextcloud", "joomla", "drupal":
		switch {
		case strings.Contains(tag, "fpm"):
			return "php-fpm"
		case name != "php" && !strings.Contains(tag, "cli") || strings.Contains(tag, "apache"):
			return "Apache"
		}
	}
	return ""
}
