package safe

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Masked stands for every secret, the same for all, so that not even its length shows.
const Masked = "***"

// secretWords are in every text that has a secret which secretPatterns recognise: most have none, and
// the patterns are slow.
var secretWords = [...]string{"auth", "password", "passwd", "secret", "token", "api", "basic", "bearer", "cookie-key", "@"}

// secretPatterns recognise secrets by what stands around them, as text: a line that can't be parsed
// or is commented out must not give one away either. The group of each is the secret.
var secretPatterns = sync.OnceValue(func() []*regexp.Regexp {
	const (
		gap       = `(?:\s|\\\s)+`
		value     = `(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'\\]|\\.)+`
		rest      = `(?:[^"'\\\n]|\\[^rn\n])+` // of a quoted word or a line, up to an escaped line end
		sensitive = `(?:authorization|password|passwd|secret|token|api[-_]?key)`
		name      = `[\w-]*` + sensitive + `[\w-]*["']?`
	)
	var list []*regexp.Regexp
	for _, pattern := range []string{
		// HAProxy: stats auth user:password
		`\bstats` + gap + `auth` + gap + `(?:[^\s:]*:)?([^\n]+)`,
		// HAProxy, in a userlist: user name password value
		`\buser` + gap + `\S+` + gap + `(?:groups` + gap + `\S+` + gap + `)?(?:insecure-)?password` + gap + `(` + value + `)`,
		// HAProxy, to Redis: tcp-check send AUTH\ password\r\n
		`\btcp-check` + gap + `send` + gap + `["']?auth` + gap + `(` + rest + `)`,
		// proxy_set_header Authorization value, fastcgi_param DB_PASSWORD value, set-header, hdr, setenv
		`\b(?:\w*set_header|add_header|\w+_param|(?:pre)?setenv|(?:set|add)-header|hdr)` + gap + `["']?` + name + gap +
			`((?:(?:basic|bearer|digest)` + gap + `)?` + value + `)`,
		// HAProxy: replace-header Authorization pattern value
		`\breplace-(?:header|value)` + gap + name + gap + `(` + value + gap + value + `)`,
		// nginx: set $api_token value
		`\bset` + gap + `["']?\$` + name + gap + `(` + value + `)`,
		// nginx: if ($http_x_token != value)
		`\$\w*` + sensitive + `\w*` + gap + `!?[=~]\*?` + gap + `(` + value + `)`,
		`\bsecure_link_(?:secret|md5)` + gap + `(` + value + `)`,
		// HAProxy: cluster-secret value, dynamic-cookie-key value; nginx: client_secret value
		`\b(?:cluster-secret|client_secret|dynamic-cookie-key)` + gap + `(` + value + `)`,
		// YAML: db_password: value
		`(?:^|\n)[ \t]*(?:-[ \t]+)?["']?` + name + `[ \t]*:[ \t]+(` + value + `)`,
		// Authorization: value, inside a longer word
		`authorization:(?:\s|\\\s)*(` + rest + `)`,
		// Basic and Bearer credentials, told from prose by digits and mixed case
		`\b(?:basic|bearer)` + gap + `([\w.~+/-]*(?-i:[a-z][A-Z]|[0-9]|=)[\w.~+/=-]{4,})`,
		// http://user:password@host
		`://[^\s/@:"']*:([^\s/@"']+)@`,
		// API_TOKEN=value, ?token=value
		sensitive + `=("[^"]*"?|'[^']*'?|[^\s&;"']+)`,
	} {
		list = append(list, regexp.MustCompile(`(?is)`+pattern))
	}
	return list
})

// notSecret recognises a value that is empty or comes from variables alone. Several plain $names in a
// row are none: a password hash looks like that.
var notSecret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^["']?(?:[A-Za-z]+(?: |\\ ))?(?:\$[A-Za-z_]\w*|(?:\$\{[^}]*\}|%\[[^\]]*\])*)["']?$`)
})

// Mask replaces the secrets in a text: those its own words tell of, and the known ones.
func Mask(s string, known []string) string {
	var b strings.Builder
	at := 0
	for _, secret := range Secrets(s) {
		b.WriteString(s[at:secret.Start])
		b.WriteString(Masked)
		at = int(secret.End)
	}
	b.WriteString(s[at:])
	s = b.String()
	for _, secret := range known {
		s = replaceWhole(s, secret)
	}
	return s
}

// Secrets returns where secrets stand in a text, in order and apart from each other.
func Secrets(s string) []syntax.Span {
	if !hasSecretWord(s) {
		return nil
	}
	var found []syntax.Span
	for _, pattern := range secretPatterns() {
		for _, m := range pattern.FindAllStringSubmatchIndex(s, -1) {
			value := strings.TrimRight(s[m[2]:m[3]], " \t\r\n;)")
			if !notSecret().MatchString(value) {
				found = append(found, syntax.Span{Start: syntax.Pos(m[2]), End: syntax.Pos(m[2] + len(value))})
			}
		}
	}
	slices.SortFunc(found, func(a, b syntax.Span) int { return cmp.Compare(a.Start, b.Start) })
	var apart []syntax.Span
	for _, span := range found {
		if last := len(apart) - 1; last >= 0 && span.Start <= apart[last].End {
			apart[last].End = max(apart[last].End, span.End)
		} else {
			apart = append(apart, span)
		}
	}
	return apart
}

func hasSecretWord(s string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(secretWords[:], func(word string) bool { return strings.Contains(s, word) })
}

// replaceWhole masks a secret where it is not part of a longer word.
func replaceWhole(s, secret string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, secret)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		end := i + len(secret)
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[end:])
		b.WriteString(s[:i])
		if isWordRune(before) || isWordRune(after) {
			b.WriteString(secret)
		} else {
			b.WriteString(Masked)
		}
		s = s[end:]
	}
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
