package inventory

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isAddrJSON reports whether a JSON value is what "ip -j addr" prints.
func isAddrJSON(root jsonNode) bool {
	return slices.ContainsFunc(root.elements(), func(n jsonNode) bool {
		return n.get("ifname").exists() && n.get("addr_info").isList()
	})
}

// addrJSON reads the addresses of this machine's interfaces.
func (r *reader) addrJSON(root jsonNode) {
	for _, link := range root.elements() {
		for _, info := range link.get("addr_info").elements() {
			r.addOwn(info.get("local").value())
		}
	}
}

// isAddrList reports whether a text is what "ip addr" or ifconfig prints: an interface by its number or
// its flags, then addresses.
func isAddrList(src string) bool {
	first := firstWords(src)
	if len(first) < 2 || first[0] != "1:" && !strings.HasPrefix(first[1], "flags=") {
		return false
	}
	return slices.ContainsFunc(strings.Fields(src), isAddrWord)
}

// isAddrWord reports whether an address stands behind a word.
func isAddrWord(word string) bool { return word == "inet" || word == "inet6" }

// addrList reads the addresses of this machine's interfaces.
func (r *reader) addrList(file *syntax.File) error {
	for words := range lineWords(file) {
		at := slices.IndexFunc(words, func(v Value) bool { return isAddrWord(v.Text) })
		if at >= 0 && at+1 < len(words) {
			r.addOwn(words[at+1])
		}
	}
	return nil
}

func (r *reader) addOwn(v Value) {
	if addr, ok := hostAddr(v.Text); ok {
		r.facts.OwnAddrs = append(r.facts.OwnAddrs, OwnAddr{Addr: addr, At: v.At})
	}
}
