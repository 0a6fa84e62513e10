package settings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// fields are the keys of a mapping, each with what reads its value.
type fields map[string]func(yamldoc.Node)

// one keeps a value where it belongs.
func one[T any](read func(yamldoc.Node) T, to *T) func(yamldoc.Node) {
	return func(n yamldoc.Node) { *to = read(n) }
}

// each keeps the values of a list where they belong.
func each[T any](r *reader, read func(yamldoc.Node) T, to *[]T) func(yamldoc.Node) {
	return func(n yamldoc.Node) {
		if !n.IsList() {
			r.fail(n, "%s where a list is due", kind(n))
		}
		*to = []T{}
		for item := range n.Items() {
			if len(*to) == maxItems {
				r.fail(item, "more than %d values in a list", maxItems)
			}
			if r.err != nil {
				return
			}
			*to = append(*to, read(item))
		}
	}
}

// object reads a mapping whose keys are known.
func (r *reader) object(n yamldoc.Node, known fields) {
	r.entries(n, func(key, value yamldoc.Node) {
		read := known[key.Text()]
		if read == nil {
			r.fail(key, "unknown key %s%s", quote(key), wanted(key.Text(), slices.Sorted(maps.Keys(known))))
			return
		}
		read(value)
	})
}

// entries calls fn for all that a mapping holds, until there is a fault.
func (r *reader) entries(n yamldoc.Node, fn func(key, value yamldoc.Node)) {
	if !n.IsMap() {
		r.fail(n, "%s where a mapping is due", kind(n))
	}
	if again := n.Repeated(); again.Exists() {
		r.fail(again, "%s is given twice", quote(again))
	}
	count := 0
	for key, value := range n.Pairs() {
		if count++; count > maxItems {
			r.fail(key, "more than %d keys in a mapping", maxItems)
		}
		if r.err != nil {
			return
		}
		fn(key, value)
	}
}

// text reads a text that is not empty.
func (r *reader) text(n yamldoc.Node) string {
	switch {
	case n.Tag() != "!!str":
		r.fail(n, "%s where a text is due", kind(n))
	case strings.Trim(n.Text(), " ") == "" || strings.ContainsAny(n.Text(), "\x00\n"):
		r.fail(n, "%s where a text of one line is due", quote(n))
	}
	return n.Text()
}

func (r *reader) choice(n yamldoc.Node, choices ...string) string {
	text := r.text(n)
	if !slices.Contains(choices, text) {
		r.fail(n, "unknown value %s%s", quote(n), wanted(text, choices))
	}
	return text
}

func (r *reader) count(n yamldoc.Node) int {
	number, err := strconv.Atoi(n.Text())
	if n.Tag() != "!!int" || err != nil || number < 1 || number > maxCount {
		r.fail(n, "%s is not a number from 1 to %d", quote(n), maxCount)
	}
	return number
}

func (r *reader) yes(n yamldoc.Node) *bool {
	if n.Tag() != "!!bool" {
		r.fail(n, "%s where true or false is due", kind(n))
	}
	yes := strings.EqualFold(n.Text(), "true")
	return &yes
}

// duration reads a whole number and its unit.
func (r *reader) duration(n yamldoc.Node) time.Duration {
	text := n.Text()
	d, err := time.ParseDuration(text)
	digits := strings.TrimRight(text, "hms")
	if n.Tag() != "!!str" || err != nil || d <= 0 || d > 24*time.Hour || strings.Trim(digits, "0123456789") != "" || text[0] == '0' {
		r.fail(n, "%s is not a time such as 500ms, 4s or 1m, of at most 24h", quote(n))
	}
	return d
}

// kind says what a value is.
func kind(n yamldoc.Node) string {
	switch {
	case n.IsMap():
		return "a mapping"
	case n.IsList():
		return "a list"
	case n.IsNull():
		return "nothing"
	}
	return quote(n)
}

// quote shows the beginning of a value.
func quote(n yamldoc.Node) string {
	if !n.IsScalar() {
		return kind(n)
	}
	const most = 60
	if text := []rune(n.Text()[:min(len(n.Text()), 4*most)]); len(text) > most {
		return strconv.Quote(string(text[:most]) + "…")
	}
	return strconv.Quote(n.Text())
}

func wanted(name string, choices []string) string {
	if near := didYouMean(name, choices); near != "" {
		return near
	}
	return ", want " + strings.Join(choices, ", ")
}

func didYouMean(name string, choices []string) string {
	if near, _ := spell.Nearest(name, choices); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}
