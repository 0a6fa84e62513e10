package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inNamespace says that this is the test binary in a network namespace of its own.
const inNamespace = "PROXYLINT_IN_NAMESPACE"

// namespaceSetup makes a machine of routes and filters, with one neighbour that never answers.
const namespaceSetup = `
ip link set lo up
ip link add near type veth peer name far
ip addr add 10.9.0.1/24 dev near
ip link set near up
ip link set far up
ip -6 addr add fd09::1/64 dev near nodad
ip route add prohibit 10.8.0.0/24
ip route add blackhole 10.7.0.0/24
ip route add unreachable 10.6.0.0/24
nft add table inet t
nft add chain inet t in { type filter hook input priority 0 ; }
nft add rule inet t in tcp dport 7001 reject with tcp reset
nft add rule inet t in tcp dport 7002 reject
nft add rule inet t in tcp dport 7003 drop
nft add rule inet t in ip protocol tcp tcp dport 7004 reject with icmp type admin-prohibited
nft add rule inet t in ip protocol tcp tcp dport 7005 reject with icmp type host-prohibited
nft add rule inet t in ip protocol tcp tcp dport 7006 reject with icmp type net-prohibited
nft add rule inet t in ip protocol tcp tcp dport 7007 reject with icmp type host-unreachable
nft add chain inet t out { type filter hook output priority 0 ; }
nft add rule inet t out tcp dport 7010 drop
nft add rule inet t out tcp dport 7011 reject with tcp reset
`

// TestConnectInNamespace proves what each kind of network says to a connection.
func TestConnectInNamespace(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		runInNamespace(t)
		return
	}
	for line := range strings.Lines(strings.TrimSpace(namespaceSetup)) {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", line, err, out)
		}
	}
	tests := []struct {
		name, addr string
		code       Code
		cause      Cause
		detail     string
	}{
		{"nothing listens", "127.0.0.1:7000", L4CON, Refused, "connection refused"},
		{"reset by a filter", "127.0.0.1:7001", L4CON, Refused, "connection refused"},
		{"port unreachable by a filter", "127.0.0.1:7002", L4CON, Refused, "connection refused"},
		{"reset on the way out", "127.0.0.1:7011", L4CON, Refused, "connection refused"},
		{"dropped", "127.0.0.1:7003", L4TOUT, TimedOut, ""},
		{"prohibited by an administrator", "127.0.0.1:7004", L4CON, Unreachable, "no route to host"},
		{"host prohibited", "127.0.0.1:7005", L4CON, Unreachable, "no route to host"},
		{"net prohibited", "127.0.0.1:7006", L4CON, NoRoute, "network is unreachable"},
		{"host unreachable", "127.0.0.1:7007", L4CON, Unreachable, "no route to host"},
		{"a route that says unreachable", "10.6.0.7:80", L4CON, Unreachable, "no route to host"},
		{"no route", "10.5.0.7:80", L4CON, NoRoute, "network is unreachable"},
		{"no route for IPv6", "[fd05::7]:80", L4CON, NoRoute, "network is unreachable"},
		{"a neighbour that does not exist", "10.9.0.7:80", L4CON, DeadNeighbour, "no route to host"},
		{"an IPv6 neighbour that does not exist", "[fd09::7]:80", L4CON, DeadNeighbour, "no route to host"},
		{"a route that prohibits", "10.8.0.7:80", SOCKERR, Local, "permission denied"},
		{"a route into a black hole", "10.7.0.7:80", SOCKERR, Local, "invalid argument"},
		{"dropped on the way out", "127.0.0.1:7010", L4TOUT, TimedOut, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := netip.MustParseAddrPort(tt.addr)
			target := plainTarget(tt.addr)
			o := Defaults()
			if tt.cause == TimedOut {
				o.ConnectTimeout = 300 * time.Millisecond
			}
			conn, got := newProber(o).connect(t.Context(), target, address{network: addr})
			if conn != nil {
				t.Fatal("it connected")
			}
			if got.Code != tt.code || got.Cause != tt.cause || got.Detail != tt.detail {
				t.Errorf("%+v, want %s %s %q", got, tt.code, tt.cause, tt.detail)
			}
		})
	}
}

// TestConnectWithoutIPv6 dials ::1 where there is none.
func TestConnectWithoutIPv6(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		runInNamespace(t)
		return
	}
	_, got := newProber(Defaults()).connect(t.Context(), plainTarget("[::1]:80"), address{network: netip.MustParseAddrPort("[::1]:80")})
	if got.Cause != NoRoute || got.Code != L4CON {
		t.Errorf("%+v, want no route: it is no limit of this machine", got)
	}
}

// runInNamespace runs a test of this name in a user and network namespace.
func runInNamespace(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"unshare", "ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if out, err := exec.Command("unshare", "-Urn", "true").CombinedOutput(); err != nil {
		t.Skipf("no namespaces here: %v %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-Urn", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.parallel=64")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// fullBacklog listens where no more connections are taken.
func fullBacklog(t testing.TB) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port))
	for { // the queue takes one more than the backlog says
		conn, err := net.DialTimeout("tcp", at.String(), 100*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { conn.Close() })
	}
}

func TestFullBacklog(t *testing.T) {
	o := Defaults()
	o.ConnectTimeout = 200 * time.Millisecond
	got := Run(t.Context(), []*Target{plainTarget(fullBacklog(t).String())}, o).List[0].Tries[0]
	if got.Code != L4TOUT || got.Cause != TimedOut || got.Detail != "its backlog is full: 1 wait to be accepted" {
		t.Errorf("%+v, want a timeout that tells of the backlog", got)
	}
}

func TestWaiting(t *testing.T) {
	var sockets []ownSocket
	for _, line := range []string{
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
		"   1: 0100007F:1F91 0100007F:9999 01 00000000:00000002 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
		"   2: 00000000:1F92 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
		"   3: 00000000000000000000000000000000:1F93 00000000000000000000000000000000:0000 0A 00000000:00000004 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
		"   4: 0000000000000000FFFF00000100000A:1F94 00000000000000000000000000000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
		"   5: 000000FD000000000000000001000000:1F95 00000000000000000000000000000000:0000 0A 00000000:00000006 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0",
	} {
		if s, ok := parseSocket(line); ok {
			sockets = append(sockets, s)
		}
	}
	m := machine{
		addrs:   []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")},
		sockets: func() []ownSocket { return sockets },
	}
	for at, want := range map[string]int{
		"127.0.0.1:8080": 2, "127.0.0.2:8080": 0, "127.0.0.1:8081": 0, "127.0.0.1:8082": 3, "10.0.0.1:8082": 3, "10.0.0.2:8082": 0,
		"10.0.0.1:8083": 4, "[fd00::1]:8083": 4, "[fd00::2]:8083": 0, "10.0.0.1:8084": 5, "[fd00::1]:8085": 6,
	} {
		if got := m.waiting(netip.MustParseAddrPort(at)); got != want {
			t.Errorf("%s: %d wait, want %d", at, got, want)
		}
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	blackHole := fullBacklog(t).String()
	closed := closedPort(t).String()
	for name, tt := range map[string]struct {
		deadline time.Duration
		cancel   bool
		detail   string
	}{
		"deadline": {300 * time.Millisecond, false, "the deadline of the run came first"},
		"cancel":   {time.Minute, true, "the run was interrupted"},
	} {
		o := Defaults()
		o.ConnectTimeout, o.Deadline, o.Concurrency = 30*time.Second, tt.deadline, 2
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.Progress = func(int, int) {
			if tt.cancel {
				cancel()
			}
		}
		began := time.Now()
		results := Run(ctx, []*Target{plainTarget(blackHole), plainTarget(closed), plainTarget(blackHole)}, o)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
		if got := causes(results); got != "not-tested refused not-tested" {
			t.Errorf("%s: %s", name, got)
		}
		if got := results.List[2].Tries[0].Detail; got != tt.detail {
			t.Errorf("%s: %q, want %q", name, got, tt.detail)
		}
	}
}

// TestFewFiles has more to dial at once than files may be open.
func TestFewFiles(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		runInNamespace(t)
		return
	}
	if err := exec.Command("ip", "link", "set", "lo", "up").Run(); err != nil {
		t.Fatal(err)
	}
	few := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	hole := fullBacklog(t)
	var targets []*Target
	for i := range 200 {
		target := plainTarget(hole.String())
		target.Path = strconv.Itoa(i) // so that each is dialed
		targets = append(targets, target)
	}
	o := Defaults()
	o.Concurrency, o.PerAddress, o.Rate, o.ConnectTimeout = 200, 200, 0, 50*time.Millisecond
	tests := map[string]int{"as the limit is known": 0, "others hold files, too": 40}
	for name, held := range tests {
		var files []*os.File
		for range held {
			file, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		for i, r := range Run(t.Context(), targets, o).List {
			if r.Tries[0].Cause != TimedOut {
				t.Errorf("%s: target %d: %+v, want a timeout", name, i, r.Tries[0].Outcome)
			}
		}
		for _, file := range files {
			file.Close()
		}
	}
}
