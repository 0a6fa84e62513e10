package inventory

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// isPoolName reports whether a file may be a php-fpm pool, by its path.
func isPoolName(path string) bool {
	name := filepath.Base(path)
	return filepath.Ext(name) == ".conf" &&
		(isPHPPath(path) || strings.HasPrefix(name, "www") || strings.HasPrefix(name, "zz-") || strings.Contains(name, "pool"))
}

// isPHPPath reports whether the file or its folder is named after PHP or its pools.
func isPHPPath(path string) bool {
	near := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	return strings.Contains(near, "php") || strings.Contains(near, "fpm") || strings.HasPrefix(near, "pool.d/")
}

// holdsPool reports whether a text is a php-fpm pool.
func holdsPool(src string) bool {
	inSection := false
	for line := range strings.Lines(src) {
		line = strings.TrimSpace(line)
		key, _, isPair := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		switch {
		case strings.HasPrefix(line, "["):
			inSection = true
		case inSection && isPair && (key == "listen" || key == "pm" || strings.HasPrefix(key, "listen.")):
			return true
		}
	}
	return false
}

// pool reads the pools of a php-fpm configuration.
func (r *reader) pool(f *syntax.File) {
	earlier := r.poolsBefore(f.Path)
	for _, section := range readINI(f, iniStyle{quotes: true}) {
		isPool := isPHPPath(f.Path) || section.get("pm").isSet()
		if section.name == "" || section.name == "global" {
			continue
		}
		if app := earlier[section.name]; app != nil {
			app.setPool(section)
		} else if isPool && section.get("listen").isSet() {
			app := &App{Kind: "php-fpm", Name: section.name, At: section.at}
			app.Binds = []Bind{{Protocol: proxy.FastCGI, Mode: fpmMode}}
			app.setPool(section)
			r.apps = append(r.apps, app)
			earlier[section.name] = app
		}
	}
}

// poolsBefore returns the pools that a file adds to, by name: files that are read after another one set some of its
// values anew. Only folders that php-fpm reads as a whole, and names made to be read last, tell of that.
func (r *reader) poolsBefore(file string) map[string]*App {
	pools := map[string]*App{}
	folder := path.Dir(file)
	isFolder := path.Base(folder) == "pool.d" || path.Base(folder) == "php-fpm.d"
	if !isFolder && !strings.HasPrefix(path.Base(file), "zz-") {
		return pools
	}
	for _, app := range r.apps {
		if app.Kind == "php-fpm" && path.Dir(app.At.File.Path) == folder {
			pools[app.Name] = app
		}
	}
	return pools
}

// setPool sets what a section says.
func (a *App) setPool(section iniSection) {
	bind := &a.Binds[0]
	prefix := section.get("prefix").Text
	for _, pair := range section.pairs {
		v := fillPool(pair.value, section.name)
		switch pair.key {
		case "listen":
			bind.Addr = poolAddress(v, prefix)
		case "listen.owner":
			bind.Owner = v
		case "listen.group":
			bind.Group = v
		case "listen.mode":
			bind.Mode = 0
			bind.setMode(v)
		case "listen.allowed_clients":
			a.Allowed = splitList(v)
		case "user":
			a.User = v
		case "ping.path":
			a.Ping = v
		case "request_terminate_timeout":
			a.Kill = poolLimit(v)
		}
	}
	for _, list := range []string{"listen.acl_users", "listen.acl_groups"} {
		if section.get(list).Text != "" {
			bind.Owner, bind.Group, bind.Mode, bind.ModeAt = Value{}, Value{}, 0, syntax.Ref{}
		}
	}
}

// fillPool fills the pool's name in for "$pool".
func fillPool(v Value, name string) Value {
	if strings.Contains(v.Text, "$pool") && len(name) <= maxFilled && strings.Count(v.Text, "$pool") <= 4 {
		v.Text = strings.ReplaceAll(v.Text, "$pool", name)
	}
	return v.dynamicIf("$")
}

// poolAddress reads listen: digits are a port, with a colon it is of the network, any other is a socket's path.
func poolAddress(v Value, prefix string) proxy.Address {
	switch {
	case v.Dynamic && !strings.Contains(v.Text, "/") && !strings.Contains(v.Text, ":"), isDigits(v.Text):
		return portAddress(v)
	case strings.Contains(v.Text, ":"):
		return hostPort(v, -1)
	case strings.HasPrefix(v.Text, "/") || prefix == "":
		return socketAddress(v)
	}
	addr := socketAddress(v)
	addr.Socket = path.Join(prefix, v.Text)
	return addr
}

// poolLimit reads a number of seconds, or one with the unit s, m, h or d.
func poolLimit(v Value) Limit[time.Duration] {
	number, unit := v.Text, time.Second
	for suffix, length := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if text, ok := strings.CutSuffix(v.Text, suffix); ok {
			number, unit = text, length
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	return durationLimit(v, time.Duration(n)*unit, err == nil)
}

// splitList returns the parts of a list with commas.
func splitList(v Value) []Value {
	var list []Value
	for start := 0; start <= len(v.Text); {
		end := len(v.Text)
		if i := strings.IndexByte(v.Text[start:], ','); i >= 0 {
			end = start + i
		}
		if from, to := trimSpan(v.Text, start, end); from < to {
			list = append(list, v.part(from, to))
		}
		start = end + 1
	}
	return list
}
