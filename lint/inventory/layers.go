package inventory

import (
	"iter"
	"strconv"

	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// layer is a value in a compose file, with the file's variables and folder.
type layer struct {
	yamldoc.Node
	in *composeFile
}

func (f *composeFile) layer(n yamldoc.Node) layer { return layer{n, f} }

func (l layer) child(name string) layer { return layer{l.Get(name), l.in} }

// items returns the values of a list, or the one scalar that stands in its place.
func (l layer) items() []layer {
	var list []layer
	if l.IsScalar() && !l.IsNull() {
		return append(list, l)
	}
	return l.list()
}

// list returns the values of a list.
func (l layer) list() []layer {
	var list []layer
	for item := range l.Items() {
		if !l.in.spend() {
			break
		}
		list = append(list, layer{item, l.in})
	}
	return list
}

// pairs yields the keys and values of a mapping.
func (l layer) pairs() iter.Seq2[layer, layer] {
	return func(yield func(layer, layer) bool) {
		for key, value := range l.Pairs() {
			if !l.in.spend() || !yield(layer{key, l.in}, layer{value, l.in}) {
				return
			}
		}
	}
}

// value returns a scalar with its variables filled in; absent for anything else, null among them.
func (l layer) value() Value {
	if !l.IsScalar() || l.IsNull() {
		return Value{}
	}
	return fill(Value{Text: l.Text(), At: l.Ref()}, l.in.env)
}

// parts returns a scalar with its variables filled in, those without a value as unknownPart.
func (l layer) parts() string {
	text, _ := expand(l.Text(), l.in.env)
	return text
}

// number returns a scalar's number; or if it has none, other.
func (l layer) number(other int) int {
	if n, err := strconv.Atoi(l.value().Text); err == nil {
		return n
	}
	return other
}

// layers are what several files say of one thing, the weakest first.
type layers []layer

// get returns what is said of a key. The tags "!reset" and "!override" take away what was said before
// (https://docs.docker.com/reference/compose-file/merge/).
func (l layers) get(path ...string) layers {
	for _, key := range path {
		var list layers
		for _, said := range l {
			value := said.child(key)
			switch {
			case value.Tag() == "!reset":
				list = nil
			case value.Tag() == "!override":
				list = layers{value}
			case value.Exists():
				list = append(list, value)
			}
		}
		l = list
	}
	return l
}

// last returns what is said most strongly; an absent value when nothing is.
func (l layers) last() layer {
	if len(l) == 0 {
		return layer{in: &composeFile{}}
	}
	return l[len(l)-1]
}

// items returns the values of lists that add up.
func (l layers) items() []layer {
	var list []layer
	for _, said := range l {
		list = append(list, said.items()...)
	}
	return list
}

// names returns the names in lists and mappings that add up, with what mappings say of them.
func (l layers) names() *section {
	s := &section{keys: map[string]layer{}, said: map[string]layers{}}
	add := func(name string, key, value layer) {
		if _, seen := s.said[name]; !seen {
			s.names = append(s.names, name)
			s.keys[name] = key
		}
		s.said[name] = append(s.said[name], value)
	}
	for _, said := range l {
		for key, value := range said.pairs() {
			add(key.Text(), key, value)
		}
		for _, item := range said.list() {
			add(item.value().Text, item, layer{in: said.in})
		}
	}
	return s
}
