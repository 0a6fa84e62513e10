package probe

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// checkRule is one step as a configuration has it.
type checkRule struct {
	number  int
	connect *checkDial
	request *checkRequest // of an HTTP check
	send    []byte        // of any other
	expect  *CheckExpect
}

// checkList is a list of rules that a section and those that inherit from it share.
type checkList []*checkRule

// checkRules follows the lines of a section and of the defaults that it inherits from, as HAProxy does: the first line of
// a section's own that adds a rule makes it leave the rules it inherits, "option httpchk" and its request among them.
type checkRules struct {
	kind      string     // the option: "httpchk", "tcp-check", ...; "" for none
	active    *checkList // what is run; nil: only a connection is made
	http, tcp *checkList // what the section at hand has written
	notFound  bool       // http-check disable-on-404
	never     string
}

// readCheckRules reads the lines, those of defaults sections first.
func readCheckRules(lines []*syntax.Stmt) *checkRules {
	r := &checkRules{}
	var section *syntax.Stmt
	for _, stmt := range lines {
		if stmt.Parent != section || r.http == nil {
			section, r.http, r.tcp = stmt.Parent, &checkList{}, &checkList{}
		}
		switch stmt.Name() {
		case "option":
			r.option(stmt)
		case "http-check":
			r.httpLine(stmt)
		case "tcp-check":
			r.tcpLine(stmt)
		default: // no option
			r.kind, r.active = "", nil
		}
	}
	return r
}

func (r *checkRules) option(stmt *syntax.Stmt) {
	before := r.kind
	r.kind, r.never = stmt.Arg(1), ""
	switch r.kind {
	case "httpchk":
		r.active = r.http
		r.active.addRequest(requestOfOption(stmt))
	case "tcp-check":
		if before != "tcp-check" || r.active == nil {
			r.active = r.tcp
		}
	case "external-check":
		r.never = "it runs a command"
	default:
		r.active = protocolRules(stmt)
	}
}

func (r *checkRules) httpLine(stmt *syntax.Stmt) {
	switch stmt.Arg(1) {
	case "disable-on-404":
		r.notFound = true
		return
	case "send-state":
		r.never = "it tells the server what HAProxy knows of it (send-state)"
		return
	}
	if r.kind == "httpchk" {
		r.active = r.http
	}
	rule := r.parse(stmt, true)
	rule.number = r.http.next()
	if first := r.http.first(); rule.request != nil && first != nil && first.request != nil && first.request.option {
		*r.http = slices.DeleteFunc(*r.http, func(o *checkRule) bool { return o == first })
		first.request.overwrite(rule.request)
		first.request.option, first.number = false, rule.number
		rule = first
	}
	*r.http = append(*r.http, rule)
}

func (r *checkRules) tcpLine(stmt *syntax.Stmt) {
	if r.kind == "tcp-check" {
		r.active = r.tcp
	}
	rule := r.parse(stmt, false)
	rule.number = r.tcp.next()
	*r.tcp = append(*r.tcp, rule)
}

// next returns the number of the rule that will be added: the request of "option httpchk" has none.
func (l *checkList) next() int {
	if n := len(*l); n > 0 {
		if last := (*l)[n-1]; last.request == nil || !last.request.option {
			return last.number + 1
		}
	}
	return 1
}

// first returns the first rule that does something.
func (l *checkList) first() *checkRule { return l.after(nil) }

// after returns the rule that does something after another.
func (l *checkList) after(rule *checkRule) *checkRule {
	seen := rule == nil
	for _, o := range *l {
		if seen && o.acts() {
			return o
		}
		seen = seen || o == rule
	}
	return nil
}

// acts reports whether the rule is more than a comment or a variable.
func (r *checkRule) acts() bool {
	return r.connect != nil || r.request != nil || len(r.send) > 0 || r.expect != nil
}

// addRequest takes over the request of "option httpchk", which overrides a request written above it.
func (l *checkList) addRequest(q *checkRequest) {
	first := l.first()
	if first != nil && first.connect != nil {
		first = l.after(first)
	}
	switch {
	case first != nil && first.request != nil && !first.request.option:
		first.request.overwrite(q)
	case first != nil && first.request != nil:
		first.request = q
	default:
		*l = slices.Insert(*l, 0, &checkRule{request: q})
	}
}

// finish returns the steps with those that HAProxy adds where nobody wrote them: the connection, and for HTTP the status.
func (r *checkRules) finish() []*checkRule {
	var list checkList
	if r.active != nil {
		for _, rule := range *r.active {
			if rule.acts() {
				list = append(list, rule)
			}
		}
	}
	if r.kind == "httpchk" && len(list) > 0 {
		if len(list) > 1 && list[0].request != nil && list[0].request.option && list[1].connect != nil {
			list[0], list[1] = list[1], list[0]
		}
		if last := list[len(list)-1]; last.request != nil {
			list = append(list, &checkRule{number: last.number + 1, expect: &CheckExpect{Kind: ExpectStatus, Pattern: []byte("200-399"), MinRecv: -1}})
		}
	}
	if len(list) == 0 || list[0].connect == nil {
		list = slices.Insert(list, 0, &checkRule{connect: &checkDial{standard: true}})
	}
	return list
}

// parse reads a line of either kind.
func (r *checkRules) parse(stmt *syntax.Stmt, http bool) *checkRule {
	switch verb := stmt.Arg(1); verb {
	case "connect":
		return &checkRule{connect: r.parseConnect(stmt)}
	case "expect":
		return &checkRule{expect: r.parseExpect(stmt)}
	case "send":
		if http {
			return &checkRule{request: r.parseRequest(stmt)}
		}
		return &checkRule{send: []byte(stmt.Arg(2))}
	case "send-lf":
		return &checkRule{send: []byte(r.literal(stmt.Arg(2)))}
	case "send-binary", "send-binary-lf":
		return &checkRule{send: r.binary(r.literal(stmt.Arg(2)))}
	}
	return &checkRule{} // a comment or a variable
}

// literal returns what a log-format string stands for. What is made while HAProxy runs makes the check unknown.
func (r *checkRules) literal(format string) string {
	text := strings.ReplaceAll(format, "%%", "\x00")
	if strings.Contains(text, "%") {
		r.never = "what is made from " + format + " is known only to HAProxy"
	}
	return strings.ReplaceAll(text, "\x00", "%")
}

func (r *checkRules) binary(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		r.never = digits + " is no hexadecimal number"
	}
	return b
}

// checkDial is a connect rule.
type checkDial struct {
	standard        bool // "default", or written by nobody: as the server line has it
	host, sni, alpn string
	port            int
	tls, proxy      bool
}

func (r *checkRules) parseConnect(stmt *syntax.Stmt) *checkDial {
	d := &checkDial{}
	for i := 2; i < len(stmt.Words); i++ {
		switch stmt.Arg(i) {
		case "default":
			d.standard = true
		case "ssl":
			d.tls = true
		case "send-proxy":
			d.proxy = true
		case "via-socks4":
			r.never = "it goes through a SOCKS proxy"
		case "addr":
			i++
			d.host = stmt.Arg(i)
		case "port":
			i++
			port, err := strconv.Atoi(stmt.Arg(i))
			if d.port = port; err != nil {
				r.never = "its port is known only to HAProxy"
			}
		case "sni":
			i++
			d.sni = stmt.Arg(i)
		case "alpn":
			i++
			d.alpn = stmt.Arg(i)
		case "proto":
			i++
			if stmt.Arg(i) == "h2" {
				r.never = "it speaks h2"
			}
		case "comment":
			i++
		}
	}
	return d
}

// settle returns the connection that a rule makes, given that of the server line.
func (d *checkDial) settle(own CheckConnect, e *proxy.Endpoint) CheckConnect {
	connect := CheckConnect{Host: own.Host, Port: own.Port}
	if d.standard {
		connect = own
	}
	if d.host != "" {
		host, port := splitAddr(d.host)
		connect.Host, connect.Port = host, cmp.Or(port, connect.Port)
	}
	if d.port > 0 {
		connect.Port = d.port
	}
	if d.proxy {
		connect.SendProxy = max(own.SendProxy, 1)
	}
	switch {
	case d.tls:
		connect.TLS = checkTLS(e, d.sni, d.alpn)
	case connect.TLS != nil && d.sni+d.alpn != "":
		s := *connect.TLS
		connect.TLS = &s
		if d.sni != "" {
			s.SNI = d.sni
		}
		if d.alpn != "" {
			s.ALPN = strings.Split(d.alpn, ",")
		}
	}
	return connect
}

func (r *checkRules) parseExpect(stmt *syntax.Stmt) *CheckExpect {
	e := &CheckExpect{MinRecv: -1}
	for i := 2; i < len(stmt.Words); i++ {
		word := stmt.Arg(i)
		for strings.HasPrefix(word, "!") {
			word, e.Not = word[1:], !e.Not
		}
		switch word {
		case "":
		case "min-recv":
			i++
			e.MinRecv, _ = strconv.Atoi(stmt.Arg(i))
		case "status", "rstatus", "rstring", "rbinary", "string":
			i++
			e.Kind, e.Pattern = CheckKind(word), []byte(stmt.Arg(i))
		case "string-lf":
			i++
			e.Kind, e.Pattern = ExpectString, []byte(r.literal(stmt.Arg(i)))
		case "binary", "binary-lf":
			i++
			e.Kind, e.Pattern = ExpectString, r.binary(r.literal(stmt.Arg(i)))
		case "hdr", "fhdr":
			e.Kind = CheckKind(word)
			i = r.parseHeader(e, stmt, i+1) - 1
		case "ok-status":
			i++
			e.OK = Code(stmt.Arg(i))
		case "error-status":
			i++
			e.Error = Code(stmt.Arg(i))
		case "tout-status":
			i++
			e.Late = Code(stmt.Arg(i))
		case "on-error":
			i++
			if !strings.Contains(stmt.Arg(i), "%") {
				e.Says = stmt.Arg(i)
			}
		case "on-success", "status-code", "comment":
			i++
		}
	}
	return e
}

// parseHeader reads "name [-m <how>] <name> [value [-m <how>] <value>]" from word i on, and returns the index of the word after it.
func (r *checkRules) parseHeader(e *CheckExpect, stmt *syntax.Stmt, i int) int {
	pattern := func() (text, match string) {
		format := strings.HasSuffix(stmt.Arg(i), "-lf")
		i++
		if stmt.Arg(i) == "-m" {
			if match = stmt.Arg(i + 1); match == "str" {
				match = ""
			}
			i += 2
		}
		text = stmt.Arg(i)
		i++
		if format {
			text = r.literal(text)
		}
		return text, match
	}
	e.Name, e.NameMatch = pattern()
	e.ValueMatch = "any"
	if next := stmt.Arg(i); next == "value" || next == "value-lf" {
		var value string
		value, e.ValueMatch = pattern()
		e.Pattern = []byte(value)
	}
	return i
}
