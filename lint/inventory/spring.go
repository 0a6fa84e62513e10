package inventory

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// springPort is where an embedded server listens by default
// (https://docs.spring.io/spring-boot/appendix/application-properties/#application-properties.server.server.port).
const springPort = 8080

// isSpringName reports whether a file may be a Spring configuration, by its path: application.yml, or
// application-profile.yml. Those of tests tell nothing of what runs.
func isSpringName(path string) bool {
	name, profile, hasProfile := springName(path)
	return name == "application" && (!hasProfile || profile != "") && !strings.Contains(filepath.ToSlash(path), "/src/test/")
}

// springName cuts a file's name into "application" and the profile; the name is empty for any other kind of file.
func springName(path string) (name, profile string, hasProfile bool) {
	ext := filepath.Ext(path)
	if ext != ".properties" && ext != ".yml" && ext != ".yaml" {
		return "", "", false
	}
	return strings.Cut(strings.TrimSuffix(filepath.Base(path), ext), "-")
}

// spring reads a Spring configuration: each document of it is an app, named after its profile.
func (r *reader) spring(f *syntax.File) {
	_, profile, _ := springName(f.Path)
	var documents []map[string]Value
	if filepath.Ext(f.Path) == ".properties" {
		documents = springProperties(f)
	} else {
		var err error
		if documents, err = springYAML(f); err != nil {
			r.gap(f.Path, "is not valid YAML")
		}
	}
	for _, settings := range documents {
		if app := springApp(f, settings, profile); app != nil {
			r.apps = append(r.apps, app)
		}
	}
}

// springApp makes the facts of one document; nil when it says nothing of a server. A document for all profiles
// that is Spring's has the usual port at least.
func springApp(f *syntax.File, settings map[string]Value, profile string) *App {
	for _, key := range []string{"spring.config.activate.on-profile", "spring.profiles"} {
		if on := settings[key]; on.isSet() {
			profile = on.Text
		}
	}
	app := &App{Kind: "Spring", Name: profile, At: f.Ref(syntax.Span{})}
	b := Bind{Protocol: proxy.HTTP, TLS: hasSpringTLS(settings)}
	host, port := settings["server.address"], settings["server.port"]
	switch {
	case port.Text == "0" || port.Text == "-1": // any free port, or no server
		return nil
	case port.isSet():
		b.Addr, app.At = joinAddress(host, port), port.At
		app.Binds = []Bind{b}
	case profile == "" && isSpring(settings):
		b.Addr = proxy.Address{Host: host.Text, Port: springPort, Dynamic: host.Dynamic, At: app.At, HostAt: host.At}
		b.Default = true
		app.Binds = []Bind{b}
	}
	if management := settings["management.server.port"]; management.isSet() && portNumber(management.Text) > 0 {
		app.Binds = append(app.Binds, Bind{Addr: joinAddress(settings["management.server.address"], management), Protocol: proxy.HTTP})
	}
	app.setSpringLimits(settings)
	if len(app.Binds) == 0 && !app.Idle.Known && !app.Header.Known {
		return nil
	}
	return app
}

// isSpring reports whether the settings are Spring's; other frameworks read files of this name too.
func isSpring(settings map[string]Value) bool {
	for key := range settings {
		if strings.HasPrefix(key, "spring.") || strings.HasPrefix(key, "server.") {
			return true
		}
	}
	return false
}

// hasSpringTLS reports whether the server speaks TLS: it has a certificate, and nobody switched it off.
func hasSpringTLS(settings map[string]Value) bool {
	enabled := settings["server.ssl.enabled"].Text
	for _, key := range []string{"server.ssl.key-store", "server.ssl.certificate", "server.ssl.bundle"} {
		if settings[key].isSet() {
			return enabled != "false"
		}
	}
	return enabled == "true"
}

// setSpringLimits sets what the document says of the embedded server, whichever it is.
func (a *App) setSpringLimits(settings map[string]Value) {
	for _, key := range []string{
		"server.tomcat.connection-timeout", "server.tomcat.keep-alive-timeout",
		"server.jetty.connection-idle-timeout", "server.undertow.no-request-timeout", "server.netty.idle-timeout",
	} {
		if v := settings[key]; v.isSet() {
			d, ok := springDuration(v.Text)
			a.Idle = durationLimit(v, d, ok)
		}
	}
	for _, key := range []string{"server.max-http-header-size", "server.max-http-request-header-size"} {
		if v := settings[key]; v.isSet() {
			a.Header = springSize(v)
		}
	}
}

// springDuration reads a number of milliseconds, "20s", or "PT20S".
func springDuration(text string) (time.Duration, bool) {
	text = strings.TrimPrefix(strings.ToLower(text), "pt")
	if isDigits(text) {
		text += "ms"
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// springSize reads a number of bytes, or one with the unit B, KB or MB.
func springSize(v Value) Limit[int64] {
	number, unit := v.Text, int64(1)
	switch {
	case strings.HasSuffix(number, "KB"):
		number, unit = strings.TrimSuffix(number, "KB"), 1<<10
	case strings.HasSuffix(number, "MB"):
		number, unit = strings.TrimSuffix(number, "MB"), 1<<20
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(number, "B"), 10, 32)
	if err != nil || n <= 0 || v.Dynamic {
		return Limit[int64]{}
	}
	return Limit[int64]{Value: n * unit, Known: true, At: v.At}
}

// springProperties reads the documents of a .properties text, which "#---" parts.
func springProperties(f *syntax.File) []map[string]Value {
	documents := []map[string]Value{{}}
	for start := 0; start < len(f.Src); {
		end := lineEnd(f.Src, start)
		line := fileValue(f, start, end)
		start = end + 1
		if line.Text == "#---" || line.Text == "!---" {
			documents = append(documents, map[string]Value{})
			continue
		}
		i := strings.IndexAny(line.Text, "=: ")
		if i <= 0 || line.Text[0] == '#' || line.Text[0] == '!' {
			continue
		}
		from := len(line.Text) - len(strings.TrimLeft(line.Text[i:], "=: \t"))
		documents[len(documents)-1][springKey(line.Text[:i])] = springValue(line.part(from, len(line.Text)))
	}
	return documents
}

// springYAML reads the documents of a YAML text, and those before a fault.
func springYAML(f *syntax.File) ([]map[string]Value, error) {
	nodes, err := yamldoc.Read(f)
	var documents []map[string]Value
	for _, node := range nodes {
		settings := map[string]Value{}
		left := maxSettings
		addSettings(settings, "", node, &left)
		documents = append(documents, settings)
	}
	return documents, err
}

// maxSettings bounds what is looked at in one document: aliases make a small text large.
const maxSettings = 10_000

// addSettings adds the values below a mapping, their keys joined by dots.
func addSettings(settings map[string]Value, prefix string, n yamldoc.Node, left *int) {
	for key, value := range n.Pairs() {
		name := prefix + key.Text()
		if prefix == "" && !isServerKey(name) {
			continue
		}
		*left--
		switch {
		case *left < 0 || len(name) > maxFilled:
			return
		case value.IsMap():
			addSettings(settings, name+".", value, left)
		case value.IsScalar() && !value.IsNull():
			settings[springKey(name)] = springValue(Value{Text: value.Text(), At: value.Ref()})
		}
	}
}

// isServerKey reports whether settings below a first key are of use here.
func isServerKey(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return first == "server" || first == "spring" || first == "management"
}

// springKey returns a key in its usual form: Spring takes camel case, capitals and underscores too.
func springKey(key string) string {
	if strings.ToUpper(key) == key {
		return strings.ToLower(strings.ReplaceAll(key, "_", "."))
	}
	var out strings.Builder
	for _, c := range []byte(key) {
		switch {
		case 'A' <= c && c <= 'Z':
			out.WriteByte('-')
			out.WriteByte(c | 0x20)
		case c == '_':
			out.WriteByte('-')
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// springValue fills in what stands behind the colon of "${NAME:value}". The value is Dynamic then: whoever starts
// the program may set the name.
func springValue(v Value) Value {
	if strings.HasPrefix(v.Text, "${") && strings.HasSuffix(v.Text, "}") {
		v.Dynamic = true
		if i := strings.IndexByte(v.Text, ':'); i >= 0 {
			return v.part(i+1, len(v.Text)-1)
		}
	}
	return v.dynamicIf("${", "@", "#{")
}
