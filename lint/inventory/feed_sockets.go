package inventory

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// socketMarks are words in the first line that ss or netstat prints: its header, or a socket's state.
var socketMarks = []string{"Recv-Q", "LISTEN", "LISTENING", "ESTAB", "UNCONN"}

// isSocketList reports whether a text is what ss or netstat prints.
func isSocketList(src string) bool {
	words := firstWords(src)
	return len(words) > 1 && words[0] == "Active" && (words[1] == "Internet" || words[1] == "UNIX") ||
		slices.ContainsFunc(words, func(w string) bool { return slices.Contains(socketMarks, w) })
}

// sockets reads the listening TCP and stream sockets of a listing. One without any is a listing still.
func (r *reader) sockets(file *syntax.File) error {
	list := r.facts.Listening
	if list == nil {
		list = []Listening{}
	}
	for words := range lineWords(file) {
		l, err := listeningOf(words)
		if err != nil {
			return err
		}
		if l != nil {
			list = append(list, *l)
		}
	}
	r.facts.Listening = list
	return nil
}

// listeningOf reads one line; nil when it is no socket that clients of a proxy connect to.
func listeningOf(words []Value) (*Listening, error) {
	state := slices.IndexFunc(words, func(v Value) bool { return v.Text == "LISTEN" || v.Text == "LISTENING" })
	switch {
	case state < 0:
		return nil, nil
	case words[0].Text == "unix":
		return netstatUnix(words, state), nil
	case strings.HasPrefix(words[0].Text, "tcp") && state >= 5:
		return networkSocket(words[3], words[state+1:])
	case state > 0 && strings.HasPrefix(words[0].Text, "u_"):
		return ssUnix(words, state), nil
	case state > 1 || state+3 >= len(words) || state == 1 && words[0].Text != "tcp":
		return nil, nil
	}
	if path := words[state+3]; path.Text[0] == '/' || path.Text[0] == '@' { // ss -lx without its first column
		return ssUnix(words, state), nil
	}
	return networkSocket(words[state+3], words[state+4:])
}

// ssUnix reads "u_str LISTEN 0 4096 /run/app.sock 12345 * 0".
func ssUnix(words []Value, state int) *Listening {
	if state+3 >= len(words) || state > 0 && words[0].Text != "u_str" {
		return nil
	}
	path := words[state+3]
	return &Listening{Socket: path.Text, Process: socketHolder(words[state+4:]), At: path.At}
}

// netstatUnix reads "unix 2 [ ACC ] STREAM LISTENING 12345 789/php-fpm /run/app.sock".
func netstatUnix(words []Value, state int) *Listening {
	path := words[len(words)-1]
	if words[state-1].Text != "STREAM" || path.Text[0] != '/' && path.Text[0] != '@' {
		return nil
	}
	return &Listening{Socket: path.Text, Process: socketHolder(words[state+1 : len(words)-1]), At: path.At}
}

// networkSocket reads "0.0.0.0:80", "[::1]:80", "*:80", ":::80" and "127.0.0.53%lo:53". ss writes "*" for the socket
// of all addresses of both families, and "[::]" for one that takes IPv6 clients alone.
func networkSocket(local Value, rest []Value) (*Listening, error) {
	colon := strings.LastIndexByte(local.Text, ':')
	port, err := strconv.ParseUint(local.Text[colon+1:], 10, 16)
	if colon < 0 || err != nil {
		return nil, faultAt(local.At, "%q has no number of a port: want ss -ltn, with its -n", local.Text)
	}
	host := local.Text[:colon]
	l := &Listening{Port: int(port), Process: socketHolder(rest), V6Only: host == "[::]", At: local.At}
	if host == "*" {
		l.Addr = netip.IPv6Unspecified()
		return l, nil
	}
	host, _, _ = strings.Cut(strings.Trim(host, "[]"), "%")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, faultAt(local.At, "%q is not an IP address", host)
	}
	l.Addr = plainAddr(addr)
	return l, nil
}

// socketHolder returns the program in users:(("nginx",pid=1,fd=6)) or 1/nginx; "" when none is shown.
func socketHolder(words []Value) string {
	for _, word := range words {
		if _, users, found := strings.Cut(word.Text, `users:(("`); found {
			name, _, _ := strings.Cut(users, `"`)
			return name
		}
		pid, name, found := strings.Cut(word.Text, "/")
		if _, err := strconv.Atoi(pid); found && err == nil {
			return strings.TrimSuffix(name, ":")
		}
	}
	return ""
}

// ListensOn returns the socket that takes a connection to an address of the proxy's machine: one bound to that very
// address, or to all of them. The unspecified address is, as the kernel has it for clients, the loopback one. Where no
// listing was given none is found.
func (f *Facts) ListensOn(addr netip.Addr, port int) (l Listening, found bool) {
	if f == nil {
		return Listening{}, false
	}
	addr = plainAddr(addr)
	switch addr {
	case netip.IPv4Unspecified():
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		addr = netip.IPv6Loopback()
	}
	for _, other := range f.Listening {
		switch {
		case other.Port != port || other.Socket != "":
		case plainAddr(other.Addr) == addr:
			return other, true
		case !found && other.takes(addr):
			l, found = other, true
		}
	}
	return l, found
}

// takes reports whether a socket that is bound to no one address takes connections to an address.
func (l Listening) takes(addr netip.Addr) bool {
	return l.Addr.IsUnspecified() && (l.Addr.Is4() == addr.Is4() || l.Addr.Is6() && !l.V6Only)
}
