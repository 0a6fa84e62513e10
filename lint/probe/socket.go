package probe

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// pathless are the families of HAProxy's addresses that name a socket without a path (manual 11).
var pathless = [...]string{"abns@", "abnsz@", "fd@", "sockpair@", "rhttp@", "rev@"}

func hasPath(socket string) bool {
	return !slices.ContainsFunc(pathless[:], func(family string) bool { return strings.HasPrefix(socket, family) })
}

// dials returns what is dialed of a target: a network address, or its socket where it has one. HAProxy looks for the path
// of that when it has changed its root.
func (t *Target) dials(network netip.AddrPort) address {
	socket := t.Addr.Socket
	if t.Chroot != "" && socket != "" && hasPath(socket) {
		socket = filepath.Join(t.Chroot, socket)
	}
	return address{network, socket}
}

// connectSocket opens a connection to a unix socket. What dialing does not tell is asked of the file system first: a
// regular file refuses like a dead socket, and root may connect to all.
func (p *prober) connectSocket(ctx context.Context, t *Target, socket string) (net.Conn, Outcome) {
	name, ok := socketName(socket)
	if !ok {
		return nil, Outcome{Cause: NotTestable, Detail: "only the proxy has " + socket}
	}
	if hasPath(socket) {
		if o := judgeSocket(t, socket); !o.OK() {
			return nil, o
		}
	}
	conn, took, err := p.dial(ctx, t, "unix", name)
	if err == nil {
		return conn, Outcome{Code: L4OK, Took: took}
	}
	if isOver(ctx) {
		return nil, unfinished(ctx)
	}
	o := classifySocket(err)
	if o.Cause == SocketPermission && !isSelf(t.User) {
		o = unseen(socket)
	}
	o.Took = took
	return nil, o
}

// socketName returns how Go names a socket; false for one that cannot be dialed. HAProxy fills the name of an abstract
// one (abns@) with zeros.
func socketName(socket string) (string, bool) {
	const longest = 108 // bytes of sun_path (unix(7))
	if name, ok := strings.CutPrefix(socket, "abns@"); ok {
		return "@" + name + strings.Repeat("\x00", max(0, longest-1-len(name))), true
	}
	if name, ok := strings.CutPrefix(socket, "abnsz@"); ok {
		return "@" + name, true
	}
	return socket, hasPath(socket)
}

// judgeSocket says what the file system tells of a socket; OK: dial it.
func judgeSocket(t *Target, path string) Outcome {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission) && !isSelf(t.User):
		return unseen(path)
	case err != nil:
		return classifySocket(err)
	case info.Mode().IsRegular():
		return Outcome{Code: L4CON, Cause: SocketNotOne, Detail: "a regular file"}
	case info.IsDir():
		return Outcome{Code: L4CON, Cause: SocketNotOne, Detail: "a folder"}
	case info.Mode()&fs.ModeSocket == 0:
		return Outcome{Code: L4CON, Cause: SocketNotOne, Detail: "no socket"}
	}
	if reason := forbids(t, path); reason != "" {
		return Outcome{Code: L4CON, Cause: SocketPermission, Detail: reason}
	}
	return Outcome{}
}

// unseen is the outcome where another user than the proxy's was not let through.
func unseen(path string) Outcome {
	return Outcome{Cause: NotTestable, Detail: "another user than the proxy's may not connect to " + path}
}

// classifySocket says what a failed connection to a unix socket tells.
func classifySocket(err error) Outcome {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		o := classifySocketErrno(errno)
		if o.Cause == OK {
			o = classifyErrno(errno)
		}
		o.Detail = errno.Error()
		return cmp.Or(o, Outcome{Code: SOCKERR, Cause: Local, Detail: errno.Error()})
	}
	return classify(err)
}
