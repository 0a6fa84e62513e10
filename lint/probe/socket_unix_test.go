//go:build unix

package probe

import (
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// listenUnix listens at a path, as the kernel leaves it for the time of a test.
func listenUnix(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// shortDir returns a folder whose name leaves room in the 108 bytes of a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func connectSocket(t *testing.T, target *Target) Outcome {
	t.Helper()
	target.Protocol = proxy.UnknownProtocol
	return newProber(Defaults()).target(t.Context(), target).Tries[0].Outcome
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	return u.Username
}

func TestSockets(t *testing.T) {
	dir := shortDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	listenUnix(t, at("ok"))
	makeSocket(t, at("dead"), syscall.SOCK_STREAM, -1)
	makeSocket(t, at("datagrams"), syscall.SOCK_DGRAM, -1)
	makeSocket(t, at("busy"), syscall.SOCK_STREAM, 0)
	hold(t, at("busy"))
	if err := os.WriteFile(at("file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("ok"), at("link")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path  string
		code  Code
		cause Cause
		want  string // is in Detail
	}{
		{at("ok"), L4OK, OK, ""},
		{at("link"), L4OK, OK, ""},
		{at("missing"), L4CON, SocketMissing, "no such file"},
		{at("none/missing"), L4CON, SocketMissing, "no such file"},
		{at("file/missing"), L4CON, SocketMissing, "not a directory"},
		{at("dead"), L4CON, SocketDead, "connection refused"},
		{at("file"), L4CON, SocketNotOne, "a regular file"},
		{dir, L4CON, SocketNotOne, "a folder"},
		{at("pipe"), L4CON, SocketNotOne, "no socket"},
		{at("datagrams"), L4CON, SocketKind, ""},
		{at("busy"), L4CON, SocketBusy, "temporarily unavailable"},
		{at(strings.Repeat("x", 120)), L4CON, SocketMissing, ""},
		{"fd@3", "", NotTestable, "only the proxy has fd@3"},
		{"sockpair@4", "", NotTestable, "only the proxy has sockpair@4"},
	}
	for _, tt := range tests {
		got := connectSocket(t, &Target{User: me(t), Addr: proxy.Address{Socket: tt.path}})
		if got.Code != tt.code || got.Cause != tt.cause || !strings.Contains(got.Detail, tt.want) {
			t.Errorf("%s: %+v, want %s %s %q", filepath.Base(tt.path), got, tt.code, tt.cause, tt.want)
		}
	}
}

// makeSocket binds a socket and, unless the backlog is negative, listens.
func makeSocket(t *testing.T, path string, kind, backlog int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if backlog < 0 {
		return
	}
	if err := syscall.Listen(fd, backlog); err != nil {
		t.Fatal(err)
	}
}

// hold fills the backlog of a socket.
func hold(t *testing.T, path string) {
	t.Helper()
	for range 8 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("this system's backlogs are longer than asked")
}

// TestSocketModes judges for another user what root may do. The owner is root, and the group as each test says.
func TestSocketModes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, who may connect to all")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	group, err := user.LookupGroupId(nobody.Gid)
	if err != nil {
		t.Skip(err)
	}
	var gid int
	for _, b := range nobody.Gid {
		gid = 10*gid + int(b-'0')
	}
	tests := []struct {
		name         string
		dialect      syntax.Dialect
		user, group  string
		folder, mode os.FileMode
		gid          int
		want         string // of Detail; "" when it may connect
	}{
		{"all may", syntax.Nginx, "nobody", "", 0o755, 0o666, 0, ""},
		{"the group may", syntax.Nginx, "nobody", "", 0o755, 0o660, gid, ""},
		{"the owner may", syntax.Nginx, "nobody", "", 0o755, 0o600, 0, "nobody may not write to it (Srw-------)"},
		{"all may read", syntax.Nginx, "nobody", "", 0o755, 0o664, 0, "nobody may not write to it (Srw-rw-r--)"},
		{"the folder is closed", syntax.Nginx, "nobody", "", 0o700, 0o666, 0, "nobody may not pass "},
		{"root passes", syntax.Nginx, "root", "", 0o700, 0o600, 0, ""},
		{"nobody knows the user", syntax.Nginx, "no-such-user", "", 0o700, 0o600, 0, ""},
		{"no user is written", syntax.Nginx, "", "", 0o700, 0o600, 0, ""},
		{"nginx adds the group", syntax.Nginx, "nobody", "root", 0o750, 0o660, 0, ""},
		{"HAProxy takes the group", syntax.HAProxy, "nobody", group.Name, 0o755, 0o660, gid, ""},
		{"HAProxy leaves the user's groups", syntax.HAProxy, "nobody", "", 0o755, 0o660, gid, "nobody may not write to it (Srw-rw----)"},
		{"HAProxy keeps root's group", syntax.HAProxy, "nobody", "", 0o750, 0o660, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			path := filepath.Join(dir, "s")
			listenUnix(t, path)
			for at, mode := range map[string]os.FileMode{path: tt.mode, dir: tt.folder} {
				if err := os.Chmod(at, mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chown(path, 0, tt.gid); err != nil {
				t.Fatal(err)
			}
			got := connectSocket(t, &Target{Dialect: tt.dialect, User: tt.user, Group: tt.group, Addr: proxy.Address{Socket: path}})
			switch {
			case tt.want == "" && !got.OK():
				t.Errorf("%+v, want a connection", got)
			case tt.want != "" && (got.Cause != SocketPermission || !strings.HasPrefix(got.Detail, tt.want)):
				t.Errorf("%+v, want %q", got, tt.want)
			}
		})
	}
}

func TestChroot(t *testing.T) {
	dir := shortDir(t)
	listenUnix(t, filepath.Join(dir, "s"))
	for socket, want := range map[string]Cause{"/s": OK, "/none": SocketMissing, "abns@proxylint-none": SocketDead} {
		got := connectSocket(t, &Target{Dialect: syntax.HAProxy, User: me(t), Chroot: dir, Addr: proxy.Address{Socket: socket}})
		if got.Cause != want {
			t.Errorf("%s: %+v, want %s", socket, got, want)
		}
	}
}

// TestChrootAgain replays the check of a socket below HAProxy's root, and measures it.
func TestChrootAgain(t *testing.T) {
	dir := shortDir(t)
	l, err := net.Listen("unix", filepath.Join(dir, "app"))
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(l, http.NotFoundHandler())
	t.Cleanup(func() { l.Close() })
	text := "global\n user " + me(t) + "\n chroot " + dir + "\ndefaults\n mode http\nbackend b\n option httpchk\n" +
		" http-check expect status 404\n server s unix@/app check\n"
	r := Run(t.Context(), Plan(load(t, "haproxy.cfg", text), nil), Defaults()).List[0]
	if r.Checked == nil || !r.Checked.OK() {
		t.Errorf("the check: %+v", r.Checked)
	}
	if r.Tries[0].FirstMid == 0 {
		t.Error("no samples were taken")
	}
}

// TestSocketBelowAFile tells of a path that goes on behind a file, as one does whose colon is missing.
func TestSocketBelowAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	target := &Target{Dialect: syntax.Nginx, Addr: proxy.Address{Socket: path + "/"}}
	o := judgeSocket(target, target.Addr.Socket)
	if got, want := target.Message(Try{Outcome: o}), "there is no "+path+"/: what stands before the last slash is no folder"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := target.LogLine(o); !strings.Contains(got, "failed (20: Not a directory)") {
		t.Errorf("the log line is %q", got)
	}
}
