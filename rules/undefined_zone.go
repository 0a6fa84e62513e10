package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/nginx"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "undefined-zone",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      undefinedZone,
	Doc: lint.Doc{
		Title: "a zone, log format or variable that nothing defines",
		Why: `nginx looks up every name when it reads its configuration, and does not start where one is missing: "zero size
shared memory zone", "zone is unknown", "unknown log format", "unknown variable". Often the line that defines it
stands in the nginx.conf of another machine, or the name has a slip of the finger.

Zones belong to one directive: limit_req finds none that limit_conn_zone or proxy_cache_path makes. Names of zones and
log formats are compared letter by letter. A log format must stand above the access_log that names it; zones and variables
may stand anywhere. What http defines, stream does not know, and the reverse.

Nothing is said where files are missing that may hold the definition, and of variables where a module from elsewhere
is in use, which may have its own.`,
		How: `Write the name as it is defined, or add the line that defines it to the http block (stream block): limit_req_zone,
limit_conn_zone, proxy_cache_path, log_format, map, geo or set.`,
		Bad: lint.Example{Nginx: `events {}
http {
    limit_req_zone $binary_remote_addr zone=perip:10m rate=10r/s;
    server {
        listen 8080;
        location / {
            limit_req zone=per_ip burst=20;
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    limit_req_zone $binary_remote_addr zone=perip:10m rate=10r/s;
    server {
        listen 8080;
        location / {
            limit_req zone=perip burst=20;
            limit_req_status 429;
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_limit_req_module.html#limit_req",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache",
			"https://nginx.org/en/docs/http/ngx_http_log_module.html#access_log",
			"https://nginx.org/en/docs/varindex.html",
		},
		Since: "0.1.0",
	},
})

// namedKey is a name that one line defines and others use. Kind is the directive that defines it; "" for a variable,
// whose name is then in lower case.
type namedKey struct {
	kind, name string
	stream     bool
}

// namedUse are the places of a name that was not defined when they were read.
type namedUse struct {
	places []syntax.Ref // the first ones
	count  int
}

// nameTable is what a configuration defines and uses.
type nameTable struct {
	tree        *syntax.Tree
	defined     map[namedKey]syntax.Ref
	used        map[namedKey]*namedUse
	order       []namedKey
	known       [2]map[string]bool // the variables met so far that are defined, of http and of stream
	stream      bool               // it is in the stream block that the walk stands
	mapped      *syntax.Stmt       // the map that it stands in
	hidesInner  bool               // lines of a server or location are missing
	hidesOuter  bool               // lines of http or stream are
	misplaced   []*syntax.Stmt     // access_log lines whose format is another parameter
	entered     int                // the included files
	wholeBlocks bool               // it has an http or stream block
}

func undefinedZone(_ context.Context, p *lint.Pass) {
	if p.Config.Tree.Fragment {
		return
	}
	t := &nameTable{
		tree:    p.Config.Tree,
		defined: map[namedKey]syntax.Ref{},
		used:    map[namedKey]*namedUse{},
		known:   [2]map[string]bool{{}, {}},
	}
	t.tree.Walk(t.read)
	if !t.wholeBlocks || t.hidesOuter || t.entered >= maxEntered || len(t.used)+len(t.misplaced) == 0 || isTemplatedTree(t.tree) {
		return
	}
	for _, s := range t.misplaced {
		p.Report(lint.Diagnostic{
			At:      s.Ref(2),
			Message: fmt.Sprintf("access_log takes the name of a log format where %s stands", s.Arg(2)),
			Hint:    fmt.Sprintf("access_log %s combined %s ...;", s.Arg(1), s.Arg(2)),
		})
	}
	mayHaveMore := sync.OnceValue(func() bool { return t.hidesInner || hasForeignModule(t.tree) })
	guesses := 0
	for _, key := range t.order {
		at, later := t.defined[key]
		if later && key.kind != "log_format" || isPlaceholder(key.name) || key.kind == "" && mayHaveMore() {
			continue
		}
		d := t.diagnose(key, t.used[key])
		if later {
			d.Message = fmt.Sprintf("log_format %s stands below this line: nginx reads from above", key.name)
			d.Hint = "move the log_format line up"
			d.Related = []lint.Related{{At: at, Message: "the log_format"}}
		} else if guesses++; guesses <= maxGuesses {
			t.guess(&d, key, t.used[key])
		}
		p.Report(d)
	}
}

// read takes over one statement.
func (t *nameTable) read(scope *syntax.Scope, s *syntax.Stmt) bool {
	if t.mapped != nil && scope.Stmt == t.mapped {
		t.readMapLine(s)
		return false
	}
	name := s.Name()
	if scope.Stmt == nil && s.Block != nil {
		t.stream = name == "stream"
		t.wholeBlocks = t.wholeBlocks || t.stream || name == "http"
		return t.stream || name == "http"
	}
	t.readZone(s, name)
	if name == "include" {
		hides := hidesLines(t.tree, s)
		t.hidesInner = t.hidesInner || hides
		t.hidesOuter = t.hidesOuter || hides && !inServer(scope)
		t.entered += len(t.tree.Includes[s])
	}
	line := s.File.Src[s.Words[0].Start:s.Words[len(s.Words)-1].End]
	if strings.Contains(line, "(?") {
		t.captures(s, line)
	}
	if strings.IndexByte(line, '$') >= 0 {
		t.readVariables(s, name)
	}
	if name == "map" {
		t.mapped = s
		return true
	}
	return !holdsNoDirectives(name)
}

func (t *nameTable) readMapLine(s *syntax.Stmt) {
	line := s.File.Src[s.Words[0].Start:s.Words[len(s.Words)-1].End]
	if strings.Contains(line, "(?") {
		t.captures(s, line)
	}
	if s.Args() == 1 {
		t.useVariables(s.Ref(1))
	}
}

// readZone takes over what a statement says of zones and log formats.
func (t *nameTable) readZone(s *syntax.Stmt, name string) {
	switch name {
	case "limit_req_zone", "limit_conn_zone":
		t.defineIn(s, name, "zone=")
	case "limit_req":
		for i := 1; i <= s.Args(); i++ {
			if strings.HasPrefix(s.Arg(i), "zone=") {
				t.use("limit_req_zone", s.Ref(i), len("zone="))
			}
		}
	case "limit_zone": // removed in 1.7.6, the old name of limit_conn_zone
		if s.Args() > 0 {
			t.define("limit_conn_zone", s.Arg(1), s.Ref(1))
		}
	case "limit_conn":
		if s.Args() == 2 {
			t.use("limit_conn_zone", s.Ref(1), 0)
		}
	case "proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path":
		t.defineIn(s, name, "keys_zone=")
	case "proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache":
		if s.Args() == 1 && s.Arg(1) != "off" {
			t.use(name+"_path", s.Ref(1), 0)
		}
	case "log_format":
		if s.Args() > 1 {
			t.define(name, s.Arg(1), s.Ref(1))
		}
	case "access_log":
		t.readLog(s)
	}
}

// readLog takes over the format that an access_log names. That is its second parameter, whatever it looks like.
func (t *nameTable) readLog(s *syntax.Stmt) {
	format := s.Arg(2)
	switch {
	case s.Args() < 2 || s.Arg(1) == "off" || format == "combined" && !t.stream:
	case strings.Contains(format, "=") || format == "gzip":
		t.misplaced = append(t.misplaced, s)
	default:
		t.use("log_format", s.Ref(2), 0)
	}
}

// defineIn takes over the zone that a parameter names: zone=NAME:SIZE.
func (t *nameTable) defineIn(s *syntax.Stmt, kind, parameter string) {
	for i := 1; i <= s.Args(); i++ {
		if value, ok := strings.CutPrefix(s.Arg(i), parameter); ok {
			name, _, _ := strings.Cut(value, ":")
			t.define(kind, name, s.Ref(i))
		}
	}
}

func (t *nameTable) define(kind, name string, at syntax.Ref) {
	t.defined[namedKey{kind, name, t.stream}] = at
}

// use takes over the use of a name, which stands in a word after its first bytes.
func (t *nameTable) use(kind string, word syntax.Ref, after int) {
	if text := literal(word); len(text) > after {
		at := word.Sub(after, len(text))
		t.note(namedKey{kind, at.Text(), t.stream}, at)
	}
}

// note keeps the place of a name that nothing has defined so far.
func (t *nameTable) note(key namedKey, at syntax.Ref) {
	if _, ok := t.defined[key]; ok {
		return
	}
	use := t.used[key]
	if use == nil {
		use = &namedUse{}
		t.used[key] = use
		t.order = append(t.order, key)
	}
	if use.count++; len(use.places) <= maxRelated {
		use.places = append(use.places, at)
	}
}

// readVariables takes over the variables of a statement. Where nginx is not known to read them, the statement counts
// as defining all that it names.
func (t *nameTable) readVariables(s *syntax.Stmt, name string) {
	last := s.Args()
	switch name {
	case "set", "auth_request_set":
		t.defineVariables(s.Ref(1))
		t.useFrom(s, 2)
	case "map", "split_clients", "geo":
		t.defineVariables(s.Ref(last))
		for i := 1; i < last; i++ {
			t.useVariables(s.Ref(i))
		}
	case "if":
		for i := 1; i <= last && !isPatternOperator(s.Arg(i)); i++ {
			t.useVariables(s.Ref(i))
		}
	default:
		if from := firstVariableArgument(name); from > 0 {
			t.useFrom(s, from)
			return
		}
		for i := range s.Words {
			t.defineVariables(s.Ref(i))
		}
	}
}

func isPatternOperator(word string) bool {
	switch strings.TrimPrefix(word, "!") {
	case "~", "~*":
		return true
	}
	return false
}

// firstVariableArgument returns the argument from which on a directive takes variables; 0 where it takes none, or where
// that is not known.
func firstVariableArgument(directive string) int {
	switch directive {
	case "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass",
		"proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache",
		"proxy_cache_key", "fastcgi_cache_key", "uwsgi_cache_key", "scgi_cache_key",
		"proxy_cache_bypass", "fastcgi_cache_bypass", "uwsgi_cache_bypass", "scgi_cache_bypass",
		"proxy_no_cache", "fastcgi_no_cache", "uwsgi_no_cache", "scgi_no_cache",
		"proxy_bind", "fastcgi_bind", "uwsgi_bind", "scgi_bind", "grpc_bind", "memcached_bind",
		"proxy_method", "proxy_set_body", "proxy_redirect", "proxy_cookie_domain", "proxy_cookie_path",
		"proxy_ssl_name", "uwsgi_ssl_name", "grpc_ssl_name",
		"access_log", "root", "alias", "auth_basic", "auth_basic_user_file", "error_page", "expires", "return", "try_files", "index",
		"limit_req_zone", "limit_conn_zone", "limit_rate", "limit_rate_after", "hash",
		"secure_link", "secure_link_md5", "ssl_certificate", "ssl_certificate_key":
		return 1
	case "proxy_set_header", "grpc_set_header", "fastcgi_param", "uwsgi_param", "scgi_param",
		"add_header", "add_trailer", "rewrite", "log_format":
		return 2
	}
	return 0
}

func (t *nameTable) useFrom(s *syntax.Stmt, i int) {
	for ; i <= s.Args(); i++ {
		t.useVariables(s.Ref(i))
	}
}

// useVariables takes over the variables that a word uses. One without a small letter is filled in by envsubst, and a word
// that starts with ~ is a pattern.
func (t *nameTable) useVariables(word syntax.Ref) {
	text := word.Text()
	if strings.HasPrefix(strings.TrimLeft(text, `"'`), "~") {
		return
	}
	eachVariable(text, func(from, to int) {
		name := text[from:to]
		if known := t.known[t.index()]; known[name] || !strings.ContainsFunc(name, isSmallLetter) {
			return
		}
		lower := strings.ToLower(name)
		key := namedKey{"", lower, t.stream}
		if _, defined := t.defined[key]; defined || isBuiltInVariable(lower, t.stream) {
			t.known[t.index()][name] = true
			return
		}
		t.note(key, word.Sub(from, to))
	})
}

func isSmallLetter(r rune) bool { return r >= 'a' && r <= 'z' }

func (t *nameTable) index() int {
	if t.stream {
		return 1
	}
	return 0
}

func (t *nameTable) defineVariables(word syntax.Ref) {
	text := word.Text()
	eachVariable(text, func(from, to int) { t.define("", strings.ToLower(text[from:to]), word.Sub(from, to)) })
}

// eachVariable calls fn with the place of the name of every variable in a text, but of captures.
func eachVariable(text string, fn func(from, to int)) {
	for i := strings.IndexByte(text, '$'); i >= 0; {
		from := i + 1
		braced := strings.HasPrefix(text[from:], "{")
		if braced {
			from++
		}
		to := from
		for to < len(text) && isVariableByte(text[to]) {
			to++
		}
		closed := !braced || to < len(text) && text[to] == '}'
		if to > from && closed && !isDigits(text[from:from+1]) {
			fn(from, to)
		}
		next := strings.IndexByte(text[to:], '$')
		if next < 0 {
			return
		}
		i = to + next
	}
}

func isVariableByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// captures takes over the named captures of a statement's patterns: (?<name>...), (?P<name>...) and (?'name'...).
func (t *nameTable) captures(s *syntax.Stmt, line string) {
	for {
		_, after, found := strings.Cut(line, "(?")
		if !found {
			return
		}
		line = after
		after = strings.TrimPrefix(after, "P")
		if after == "" || after[0] != '<' && after[0] != '\'' {
			continue
		}
		to := 1
		for to < len(after) && isVariableByte(after[to]) {
			to++
		}
		if to > 1 {
			t.define("", strings.ToLower(after[1:to]), s.Ref(0))
		}
	}
}

// diagnose says what is missing.
func (t *nameTable) diagnose(key namedKey, use *namedUse) lint.Diagnostic {
	d := lint.Diagnostic{At: use.places[0], Related: alsoAt(use.places[1:], "used here too")}
	if more := use.count - len(use.places); more > 0 {
		last := &d.Related[len(d.Related)-1]
		last.Message = fmt.Sprintf("used here too, and in %d more %s", more, plural(more, "place"))
	}
	switch key.kind {
	case "":
		d.Message = fmt.Sprintf("nothing defines the variable $%s", d.At.Text())
	case "log_format":
		d.Message = fmt.Sprintf("no log_format has the name %s", key.name)
		d.Hint = fmt.Sprintf("log_format %s '...';", key.name)
	case "limit_req_zone":
		d.Message = fmt.Sprintf("no limit_req_zone makes a zone %s", key.name)
		d.Hint = fmt.Sprintf("limit_req_zone $binary_remote_addr zone=%s:10m rate=10r/s;", key.name)
	case "limit_conn_zone":
		d.Message = fmt.Sprintf("no limit_conn_zone makes a zone %s", key.name)
		d.Hint = fmt.Sprintf("limit_conn_zone $binary_remote_addr zone=%s:10m;", key.name)
	default:
		d.Message = fmt.Sprintf("no %s makes a zone %s", key.kind, key.name)
		d.Hint = fmt.Sprintf("%s /var/cache/nginx/%s keys_zone=%s:10m;", key.kind, key.name, key.name)
	}
	for _, kind := range zoneKinds(key.kind) {
		for _, stream := range []bool{false, true} {
			other := namedKey{kind, key.name, stream}
			if at, ok := t.defined[other]; ok && other != key {
				d.Related = append(d.Related, lint.Related{At: at, Message: elsewhere(other, key)})
			}
		}
	}
	return d
}

// zoneKinds returns the kinds of names that one may take for each other.
func zoneKinds(kind string) []string {
	if kind == "" || kind == "log_format" {
		return []string{kind}
	}
	return []string{
		"limit_req_zone", "limit_conn_zone", "proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path",
	}
}

// elsewhere says why a definition of a name is not the one that is missing.
func elsewhere(other, missing namedKey) string {
	switch {
	case other.kind != missing.kind:
		return fmt.Sprintf("a zone of this name, but for another use: %s makes it", other.kind)
	case other.stream:
		return "the stream block has one, of which http knows nothing"
	}
	return "the http block has one, of which stream knows nothing"
}

// maxNames bounds the names that are compared with one that is missing.
const maxNames = 2000

// guess adds the name that was probably meant.
func (t *nameTable) guess(d *lint.Diagnostic, key namedKey, use *namedUse) {
	if len(t.defined) > maxNames {
		return
	}
	var names []string
	for other := range t.defined {
		if other.kind == key.kind && other.stream == key.stream {
			names = append(names, other.name)
		}
	}
	slices.Sort(names)
	sign := ""
	if key.kind == "" {
		sign = "$"
		names = append(names, builtInVariables(key.stream)...)
	}
	meant, unique := nearBackend(key.name, names)
	if meant == "" {
		return
	}
	d.Hint = fmt.Sprintf("did you mean %s%s?", sign, meant)
	if use.count == 1 {
		d.Fix = repair(d.At, meant, unique)
	}
}

// hasForeignModule reports whether a configuration uses a module that is not nginx's own, which may have variables.
func hasForeignModule(tree *syntax.Tree) bool {
	own := map[string]bool{}
	foreign := false
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if foreign {
			return false
		}
		name := s.Name()
		isOwn, seen := own[name]
		if !seen {
			isOwn = nginx.IsOwn(name) || name == "include"
			own[name] = isOwn
		}
		foreign = !isOwn || name == "load_module" && !isOwnObject(s.Arg(1))
		return !holdsNoDirectives(name)
	})
	return foreign
}

// isOwnObject reports whether a dynamic module is nginx's own.
func isOwnObject(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch strings.TrimSuffix(name, ".so") {
	case "ngx_http_geoip_module", "ngx_http_image_filter_module", "ngx_http_js_module", "ngx_http_perl_module", "ngx_http_xslt_filter_module",
		"ngx_http_acme_module", "ngx_mail_module", "ngx_otel_module", "ngx_stream_module", "ngx_stream_geoip_module", "ngx_stream_js_module":
		return true
	}
	return false
}
