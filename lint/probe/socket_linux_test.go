package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// asNobody says that this is the test binary as the user nobody; its value is the proxy's user.
const asNobody = "PROXYLINT_AS_NOBODY"

// runAsNobody runs the test of this name once more, without root's rights.
func runAsNobody(t *testing.T, env ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user")
	}
	binary := filepath.Join(shortDir(t), "test") // the folder of the test binary is closed to others
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env, cmd.Dir = env, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v: %v\n%s", env, err, out)
	}
}

// TestAbstractSockets dials as HAProxy does: the name of abns@ is filled with zeros, that of abnsz@ is not.
func TestAbstractSockets(t *testing.T) {
	const name = "proxylint-test"
	makeSocket(t, "@"+name+strings.Repeat("\x00", 107-len(name)), syscall.SOCK_STREAM, 8)
	for socket, want := range map[string]Cause{"abns@" + name: OK, "abnsz@" + name: SocketDead} {
		if got := connectSocket(t, &Target{Addr: proxy.Address{Socket: socket}}); got.Cause != want {
			t.Errorf("%s: %+v, want %s", socket, got, want)
		}
	}
}

// TestSocketOfAnother is about a user who may not see what the proxy may.
func TestSocketOfAnother(t *testing.T) {
	if os.Getenv(asNobody) != "" {
		got := connectSocket(t, &Target{User: os.Getenv(asNobody), Addr: proxy.Address{Socket: os.Getenv("SOCKET")}})
		if want := os.Getenv("WANT"); got.Cause.String() != want {
			t.Errorf("%+v, want %s", got, want)
		}
		return
	}
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	listenUnix(t, path)
	for at, mode := range map[string]os.FileMode{path: 0o600, dir: 0o755} {
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
	}
	runAsNobody(t, "SOCKET="+path, "WANT=not-testable", asNobody+"=root")
	runAsNobody(t, "SOCKET="+path, "WANT=socket-permission", asNobody+"=nobody")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	runAsNobody(t, "SOCKET="+path, "WANT=not-testable", asNobody+"=root")
	runAsNobody(t, "SOCKET="+path, "WANT=socket-permission", asNobody+"=nobody")
}
