package nginx

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/spell"
)

// Context is a set of places where a directive may stand.
type Context uint32

// The places, as nginx itself tells them apart: an "if" in a server is not one in a location, and a
// server of http is not one of stream.
const (
	Main Context = 1 << iota
	Events
	HTTP
	Server
	ServerIf
	Location
	LocationIf
	LimitExcept
	Upstream
	Stream
	StreamServer
	StreamUpstream
	Mail
	MailServer
	RTMP         // nginx-rtmp-module's
	RTMPServer   // a server in it
	RTMPApp      // an application there
	RTMPRecorder // a recorder there
	TCP          // nginx_tcp_proxy_module's, older than stream
	TCPServer    // a server in it
	TCPUpstream  // an upstream in it
	Mgmt         // NGINX Plus's licence and usage report
	OtelExporter
	ACMEIssuer
	OIDCProvider
	beyond

	// allContexts is where include may stand.
	allContexts = beyond - 1
)

var contextNames = [...]string{
	"main", "events", "http", "server", "if in server", "location", "if in location", "limit_except", "upstream",
	"stream", "stream server", "stream upstream", "mail", "mail server",
	"rtmp", "rtmp server", "rtmp application", "rtmp recorder", "tcp", "tcp server", "tcp upstream",
	"mgmt", "otel_exporter", "acme_issuer", "oidc_provider",
}

// String lists the places for a message: "http, server or location".
func (c Context) String() string {
	if c&allContexts == allContexts {
		return "any block"
	}
	var names []string
	for i, name := range contextNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return either(names)
}

// Args is the set of argument counts a directive takes: bit n stands for n, and argsMore for all counts
// above the highest one set.
type Args uint16

const (
	args0 Args = 1 << iota
	args1
	args2
	args3
	args4
	args5
	args6
	args7

	argsMore Args = 1 << 15
)

// most returns the highest count set.
func (a Args) most() int { return bits.Len16(uint16(a&^argsMore)) - 1 }

// Allows reports whether n arguments are right.
func (a Args) Allows(n int) bool {
	if n > a.most() {
		return a&argsMore != 0
	}
	return n >= 0 && a&(1<<n) != 0
}

// String tells the counts for a message: "1 argument", "1 or 2 arguments", "at least 2 arguments".
func (a Args) String() string {
	most := a.most()
	least := bits.TrailingZeros16(uint16(a))
	switch {
	case a == args0:
		return "no arguments"
	case a == args0|argsMore:
		return "any number of arguments"
	case a&argsMore == 0 && most-least > 1 && bits.OnesCount16(uint16(a)) == most-least+1:
		return fmt.Sprintf("%d to %d arguments", least, most)
	}
	var counts []string
	for n := range most {
		if a&(1<<n) != 0 {
			counts = append(counts, strconv.Itoa(n))
		}
	}
	last := strconv.Itoa(most)
	if a&argsMore != 0 {
		last = "at least " + last
	}
	text := either(append(counts, last)) + " argument"
	if most != 1 {
		text += "s"
	}
	return text
}

// either joins words as "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Value is the kind of a directive's first argument, as far as nginx checks it while it reads.
type Value uint8

// The kinds. Any stands for whatever has rules of its own.
const (
	Any     Value = iota
	Flag          // on or off
	Time          // down to milliseconds: 1h30m, 500ms
	Seconds       // a time without milliseconds, which may have months and years
	Size          // bytes, k or m
	Offset        // bytes, k, m or g
	Number        // digits only
	Bufs          // a count of buffers, before their size
	Enum          // one of a list of words
	Mask          // words of a list, any number of them
)

// Directive is one definition of a name. A name has several where it means different things in
// different places: server of http, of stream and of an upstream.
type Directive struct {
	Name     string
	Contexts Context // where it may stand
	Args     Args
	Block    bool    // it opens a block
	Opens    Context // what may stand in its block; 0 where the names there are free, as in map, or it is another language
	Value    Value
	Enum     string // the words of an Enum or Mask, separated by spaces
	Module   string // what brings it: "ngx_http_proxy_module", "lua-nginx-module"
	Since    string // the nginx version that brought it, empty for 0.7.0 and older and for modules from elsewhere
	Until    string // the nginx version that removed it, empty where it is still there
	Repeat   bool   // may stand more than once in the same block
}

// lookup returns the definitions of a name, none where it is unknown.
func lookup(name string) []Directive {
	i := sort.Search(len(directives), func(i int) bool { return directives[i].Name >= name })
	if i == len(directives) || directives[i].Name != name {
		return nil
	}
	end := i + 1
	for end < len(directives) && directives[end].Name == name {
		end++
	}
	return directives[i:end:end]
}

// checkValue tells what is wrong with a first argument; empty when nothing is. A value with a variable
// in it is never wrong, since what it will be is not known.
func (d Directive) checkValue(s string) string {
	if strings.Contains(s, "$") {
		return ""
	}
	switch d.Value {
	case Flag:
		if !strings.EqualFold(s, "on") && !strings.EqualFold(s, "off") {
			return fmt.Sprintf("%q is neither on nor off", s)
		}
	case Time:
		if !isTime(s, false) {
			return fmt.Sprintf("%q is not a time (write 30s, 5m, 1h30m or 500ms)", s)
		}
	case Seconds:
		if !isTime(s, true) {
			return fmt.Sprintf("%q is not a time in seconds or longer units (write 30s, 5m or 1h30m)", s)
		}
	case Size:
		if !isSize(s, "kKmM") {
			return fmt.Sprintf("%q is not a size (write bytes, 16k or 10m)", s)
		}
	case Offset:
		if !isSize(s, "kKmMgG") {
			return fmt.Sprintf("%q is not a size (write bytes, 16k, 10m or 2g)", s)
		}
	case Number:
		if !isNumber(s) {
			return fmt.Sprintf("%q is not a whole number", s)
		}
	case Bufs:
		if !isNumber(s) || strings.Trim(s, "0") == "" {
			return fmt.Sprintf("%q is not a number of buffers", s)
		}
	case Enum, Mask:
		words := strings.Fields(d.Enum)
		if !slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, s) }) {
			return fmt.Sprintf("%q is not %s", s, either(words))
		}
	}
	return ""
}

// isNumber reports whether s is digits that fit nginx's integer.
func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

// isSize reports whether s is a number with at most one of the units behind it.
func isSize(s, units string) bool {
	if s != "" && strings.IndexByte(units, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return isNumber(s)
}

// isTime follows nginx's ngx_parse_time: numbers with units, largest unit first; a number without a unit
// is seconds. Whole seconds know y and M as well, and no ms.
func isTime(s string, seconds bool) bool {
	units := []string{"w", "d", "h", "m", "s", "ms"}
	if seconds {
		units = []string{"y", "M", "w", "d", "h", "m", "s"}
	}
	digits := false
	for s != "" {
		if s[0] >= '0' && s[0] <= '9' {
			digits = true
			s = s[1:]
			continue
		}
		unit := s[:1]
		if unit == "m" && strings.HasPrefix(s, "ms") {
			unit = "ms"
		}
		s = strings.TrimLeft(s[len(unit):], " ")
		if unit == " " {
			unit = "s"
		}
		i := slices.Index(units, unit)
		if i < 0 {
			return false
		}
		units = units[i+1:]
	}
	return digits
}

// suggest returns the known directive that an unknown name was probably meant to be, one that may stand
// in the context first; empty when none is near. Removed directives are never suggested.
func suggest(name string, in Context) string {
	limit := spell.Limit(name)
	lower := strings.ToLower(name)
	best, least := "", 1<<10
	for i := range directives {
		d := &directives[i]
		if d.Until != "" {
			continue
		}
		apart := spell.Distance(lower, d.Name, limit)
		if apart > limit {
			continue
		}
		if cost := apart*2 + misplaced(d, in); cost < least {
			best, least = d.Name, cost
		}
	}
	return best
}

// misplaced orders suggestions: what may stand there first, then nginx's own directives.
func misplaced(d *Directive, in Context) int {
	cost := 0
	if d.Contexts&in == 0 {
		cost = 100
	}
	if !strings.HasPrefix(d.Module, "ngx_") {
		cost++
	}
	return cost
}
