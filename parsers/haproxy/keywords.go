package haproxy

import (
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/spell"
)

// Section is a set of section kinds.
type Section uint64

// The section kinds of every HAProxy version, as the manual's chapters 3 to 12
// describe them.
const (
	Global Section = 1 << iota
	Defaults
	Frontend
	Listen
	Backend
	Resolvers
	Peers
	Mailers
	Userlist
	Ring
	Cache
	HTTPErrors
	FCGIApp
	Program     // gone since 3.3
	LogForward  // since 2.3
	LogProfile  // since 3.1
	CrtStore    // since 3.0
	ACME        // since 3.2
	Traces      // since 3.1
	Healthcheck // since 3.4
	Namespaces
	SPOEAgent   // in the file a "filter spoe" names
	SPOEGroup   // likewise
	SPOEMessage // likewise
	Enterprise  // sections of HAProxy Enterprise; the table has none of their keywords
)

const proxies = Defaults | Frontend | Listen | Backend

var sectionNames = [...]string{
	"global", "defaults", "frontend", "listen", "backend", "resolvers", "peers", "mailers",
	"userlist", "ring", "cache", "http-errors", "fcgi-app", "program", "log-forward",
	"log-profile", "crt-store", "acme", "traces", "healthcheck", "namespace_list",
	"spoe-agent", "spoe-group", "spoe-message", "HAProxy Enterprise",
}

// sectionKind tells which kind of section starts at a line whose first word is name.
func sectionKind(name string) (Section, bool) {
	switch name {
	case "botmgmt-profile", "captcha", "dynamic-update", "udp-lb", "waf-global", "waf-profile":
		return Enterprise, true
	}
	for i, n := range sectionNames[:len(sectionNames)-1] {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// String lists the kinds for a sentence: "frontend, listen or backend".
func (s Section) String() string {
	var b strings.Builder
	for n := s; n != 0; n &= n - 1 {
		switch {
		case n == s:
		case n&(n-1) == 0:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(sectionNames[bits.TrailingZeros64(uint64(n))])
	}
	return b.String()
}

// Value is the kind of a keyword's first argument.
type Value uint8

const (
	Any    Value = iota
	Time         // see validTime
	Number       // a decimal integer, with or without a sign
	Size         // bytes: a decimal integer, k, m or g after it
)

// Keyword is one keyword of the configuration language, as HAProxy 1.4 to 3.5
// know it: what any of these versions accepts is in it.
type Keyword struct {
	Name     string        // its words with one blank between: "timeout client"; "set-var" stands for "set-var(NAME)", "track-sc" for "track-sc0" and on, "lua." for every action written in Lua
	Sections Section       // where it is allowed
	Ignored  Section       // where HAProxy goes on without it, with a warning (in rings: without a word)
	Min, Max int8          // number of arguments after the name; Max -1: any
	Value    Value         // kind of the first argument, Any where it is not certain
	Unit     time.Duration // what a Time without a suffix counts: time.Millisecond or time.Second
	Flags    Flag
	Since    string // first version that has it, "" when 1.4 or older
	Removed  string // first version that refuses it, "" when still there
}

// Flag tells how a keyword may be used.
type Flag uint8

const (
	No    Flag = 1 << iota // "no NAME" says something
	Named                  // in defaults sections only in those with a name
)

// longestName is the number of words in the longest keyword.
const longestName = 3

// lookup finds the keyword with the longest name that words start with and the number
// of words in that name. For a known first word, or two, such as "timeout" or
// "tcp-request content", followed by one that no keyword has there, it gives nil and
// the number of the known words; for an unknown first word nil and 0.
func lookup(words ...string) (kw *Keyword, n int) {
	for n = min(longestName, len(words)); n > 0; n-- {
		i := lowerBound(words[:n])
		if i == len(keywords) {
			continue
		}
		switch rest, ok := cutWords(keywords[i].Name, words[:n]); {
		case ok && rest == "":
			return &keywords[i], n
		case ok:
			return nil, n
		}
	}
	return nil, 0
}

// lowerBound is the index of the first keyword whose name isn't before words.
func lowerBound(words []string) int {
	low, high := 0, len(keywords)
	for low < high {
		if mid := int(uint(low+high) / 2); before(keywords[mid].Name, words) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// before reports whether name sorts before words joined by blanks.
func before(name string, words []string) bool {
	for i, word := range words {
		if i > 0 {
			if name == "" || name[0] < ' ' {
				return true
			}
			if name[0] > ' ' {
				return false
			}
			name = name[1:]
		}
		word = stem(word)
		if !strings.HasPrefix(name, word) {
			return name < word
		}
		name = name[len(word):]
	}
	return false
}

// cutWords cuts words from the front of name and reports whether it starts with them,
// each of them a whole word.
func cutWords(name string, words []string) (rest string, ok bool) {
	for i, word := range words {
		if i > 0 {
			name = strings.TrimPrefix(name, " ")
		}
		word = stem(word)
		if !strings.HasPrefix(name, word) {
			return "", false
		}
		name = name[len(word):]
		if name != "" && name[0] != ' ' {
			return "", false
		}
	}
	return name, true
}

// stem is the part of an action's word that names it: "set-var" of "set-var(txn.x)".
func stem(word string) string {
	if i := strings.IndexByte(word, '('); i > 0 {
		word = word[:i]
	}
	switch {
	case strings.HasPrefix(word, "lua."):
		return "lua."
	case strings.HasPrefix(word, "track-sc"):
		return strings.TrimRight(word, "0123456789")
	}
	return word
}

// suggest is the name of the keyword most likely meant by words, which lookup doesn't
// know or which isn't allowed in a section of kind in; "" when none is near.
func suggest(words []string, in Section) string {
	found, known := lookup(words...)
	if found != nil {
		known--
	}
	if known == len(words) || found != nil && found.Sections&in != 0 {
		return ""
	}
	best, bestCost := "", math.MaxInt
	for i := range keywords {
		kw := &keywords[i]
		if kw == found || found != nil && kw.Sections&in == 0 {
			continue
		}
		name, distance := nearest(kw, words, known, in)
		if distance < 0 {
			continue
		}
		if cost := 4*distance + strangeness(kw, in); cost < bestCost {
			best, bestCost = name, cost
		}
	}
	if known == 0 && best != "" {
		return completed(best, words[1:])
	}
	return best
}

// completed is the longest keyword that a corrected first word starts together with
// the words after it, or the first word alone.
func completed(first string, rest []string) string {
	if kw, _ := lookup(append([]string{first}, rest...)...); kw != nil {
		return kw.Name
	}
	return first
}

// strangeness is above 0 for a keyword that doesn't belong in such a section, or
// nowhere any more.
func strangeness(kw *Keyword, in Section) int {
	cost := 0
	if kw.Sections&in == 0 {
		cost += 2
	}
	if kw.Removed != "" {
		cost++
	}
	return cost
}

// nearest compares a keyword with a line of which the first known words are right. It
// gives as much of the name as the line spells wrongly and the distance between the
// two, -1 when they have nothing in common.
func nearest(kw *Keyword, words []string, known int, in Section) (name string, distance int) {
	wrong := words[known]
	if known > 0 {
		rest, ok := cutWords(kw.Name, words[:known])
		if !ok || rest == "" || strings.HasSuffix(rest, ".") {
			return "", -1
		}
		next, after, _ := strings.Cut(rest[1:], " ")
		name = strings.TrimSuffix(kw.Name[:len(kw.Name)-len(after)], " ")
		return name, typos(stem(wrong), next)
	}
	first, last, several := strings.Cut(kw.Name, " ")
	if distance = typos(wrong, first); distance >= 0 || !several {
		return first, distance
	}
	if kw.Sections&in != 0 && last == wrong {
		return kw.Name, 1
	}
	return kw.Name, typos(wrong, kw.Name)
}

// typos is the number of typing mistakes between a word and a name: letters missing,
// added, changed, or swapped with the next one. It is -1 above one in words of three
// to five letters, above two in longer ones, and always in shorter ones.
func typos(word, name string) int {
	limit := spell.Limit(word)
	if n := spell.Distance(word, name, limit); n <= limit {
		return n
	}
	return -1
}

// splitTime splits a time into its digits, its unit and what HAProxy leaves unread
// after it: "1h30m" is one hour to HAProxy, which warns of the rest since 2.5.
func splitTime(s string) (digits, unit, unread string) {
	rest := strings.TrimLeft(s, "0123456789")
	digits = s[:len(s)-len(rest)]
	for _, u := range [...]string{"us", "ms", "s", "m", "h", "d"} {
		if strings.HasPrefix(rest, u) {
			return digits, u, rest[len(u):]
		}
	}
	return digits, "", rest
}

// validTime reads a time as HAProxy does: digits, then us, ms, s, m, h, d or no unit
// (manual, section 2.5). Without a unit the duration is in milliseconds: for a keyword
// whose Unit is a second it must be multiplied by 1000. Letters after a unit are
// accepted because HAProxy accepts them; splitTime gives them.
func validTime(s string) (d time.Duration, unitless, ok bool) {
	digits, unit, unread := splitTime(s)
	if digits == "" || unit == "" && unread != "" {
		return 0, false, false
	}
	scale := unitOf(unit)
	for _, c := range []byte(digits) {
		if d > (math.MaxInt64/scale-9)/10 {
			return 0, false, false
		}
		d = d*10 + time.Duration(c-'0')
	}
	return d * scale, unit == "", true
}

func unitOf(unit string) time.Duration {
	switch unit {
	case "us":
		return time.Microsecond
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return 24 * time.Hour
	}
	return time.Millisecond
}

// fits reports whether a time is one HAProxy can hold for this keyword: at most
// 2147483647 of its unit, which is 24.8 days of milliseconds.
func (k *Keyword) fits(d time.Duration) bool {
	return k.Unit == 0 || d/k.Unit <= math.MaxInt32
}
