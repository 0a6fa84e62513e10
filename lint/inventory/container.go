package inventory

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// runners are the words in the images and commands of containers that run a kind or family of server.
var runners = map[string][]string{
	"php-fpm": {"php", "fpm"},
	"python":  {"python"},
	"node":    {"node", "npm", "yarn", "pnpm", "bun"},
	"Tomcat":  javaWords,
	"Spring":  javaWords,
}

// javaWords are those of containers that run Java.
var javaWords = []string{"java", "jdk", "jre", "temurin", "corretto", "zulu", "maven", "gradle", "spring"}

// owner returns the container that holds the file which configures a server, and whether the container starts it;
// nil when no container holds it.
func (h *holdings) owner(app *App) (c *Container, starts bool) {
	file := app.At.File.Path
	if ext := filepath.Ext(file); ext == ".service" || ext == ".socket" {
		return nil, false // units belong to machines
	}
	var best *Service
	place, rank := "", -1
	h.of(filepath.FromSlash(file), func(held holding, target string, exact bool) {
		s := held.service
		runs := s.mayRun(app.Kind, target)
		certain := exact && held.sort != inBuild
		if !runs && !certain {
			return
		}
		n := int(held.sort)
		if runs {
			n += 10
		}
		if certain {
			n += 5
		}
		if n > rank {
			best, rank = s, n
			if place = target; held.sort == inBuild {
				place = ""
			}
		}
	})
	if best == nil {
		return nil, false
	}
	best.overridePool(app, place)
	return &best.Container, best.startsFrom(file, app.Name)
}

// lastPool is the file that the official PHP images have php-fpm read after the others of its folder. It says
// "listen = 9000" for the pool www (github.com/docker-library/php, Dockerfile-linux.template).
const lastPool = "/usr/local/etc/php-fpm.d/zz-docker.conf"

// overridePool sets where a pool listens in an official PHP image, whatever its own file says. place is where that
// file lies in the container; "" when it isn't known. A Dockerfile may do away with the image's file unseen.
func (s *Service) overridePool(app *App, place string) {
	if app.Kind != "php-fpm" || app.Name != "www" || place >= lastPool && path.Dir(place) == path.Dir(lastPool) {
		return
	}
	replaced := func(target string) bool {
		return target == lastPool || target == path.Dir(lastPool) || strings.HasPrefix(lastPool, target+"/")
	}
	if slices.ContainsFunc(s.Mounts, func(m Mount) bool { return replaced(path.Clean(m.Target)) }) {
		return
	}
	image := s.BaseImage()
	name, tag := splitImage(image.Text)
	if imageServer(image.Text) != "php-fpm" || strings.Contains(name, "/") || !strings.Contains(tag, "fpm") {
		return
	}
	at := image.At
	app.Binds = []Bind{{Protocol: proxy.FastCGI, Default: true, Addr: proxy.Address{Port: 9000, Dynamic: s.Build != "", At: at}}}
}

// mayRun reports whether a container may run a kind of server, by its image, its command and where the server's file
// lies in it. One whose image was not read may.
func (s *Service) mayRun(kind, target string) bool {
	words := []string{s.BaseImage().Text, target}
	for _, arg := range s.Args {
		words = append(words, arg.Text)
	}
	text := strings.ToLower(strings.Join(words, " "))
	if containsAny(text, runners[kind]) || containsAny(text, runners[familyOf(kind)]) {
		return true
	}
	return s.Build != "" && s.Dockerfile == nil || strings.Contains(text, strings.ToLower(kind))
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// startsFrom reports whether a container starts a server of a file: any, but those of a package.json's scripts and of
// a Procfile, which a command must name.
func (s *Service) startsFrom(file, name string) bool {
	switch base := filepath.Base(file); {
	case base == "package.json":
		return s.runsScript(name)
	case strings.HasPrefix(base, "Procfile"):
		return slices.ContainsFunc(s.Args, func(v Value) bool {
			return strings.Contains(v.Text, "honcho") || strings.Contains(v.Text, "foreman") || strings.Contains(v.Text, "goreman")
		})
	}
	return true
}

// runsScript reports whether a command runs a script of a package.json: "npm start", "yarn dev", "pnpm run serve".
func (s *Service) runsScript(name string) bool {
	for _, c := range commandsIn(s.Args, &environ{own: s.Env}, maxShells) {
		if !isPackageRunner(c.program) {
			continue
		}
		for _, word := range c.args {
			switch {
			case word.Text == name:
				return true
			case word.Text != "run" && !isOption(word):
				return false
			}
		}
	}
	return false
}

// adopt adds a server that a file configures. One of the same kind that the container's command or image starts is
// the same server, and what the command says wins.
func (c *Container) adopt(app *App) {
	i := slices.IndexFunc(c.Apps, func(other *App) bool {
		return other.Kind == app.Kind && other.Name == "" && other.At.File != app.At.File
	})
	if i < 0 {
		c.addApp(app, ByConfig, filepath.Base(app.At.File.Path))
		c.sharePorts()
		return
	}
	started := c.Apps[i]
	c.Apps = slices.Delete(c.Apps, i, i+1)
	app.Kill, app.Idle = stronger(started.Kill, app.Kill), stronger(started.Idle, app.Idle)
	if len(started.Binds) > 0 { // its ports are known already
		app.Binds = started.Binds
		c.Apps = append(c.Apps, app)
		return
	}
	c.adopt(app)
}

// stronger returns a limit that the command sets, or else the file's, or else a default.
func stronger[T any](command, file Limit[T]) Limit[T] {
	if command.Known && !command.At.IsZero() || !file.Known {
		return command
	}
	return file
}
