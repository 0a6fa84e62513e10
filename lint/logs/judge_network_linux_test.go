package logs

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alone runs f on a thread that has a network of its own, with its loopback up. What f starts is in that network, too.
func alone(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked, so that the thread ends with this goroutine
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			done <- fmt.Errorf("%w: %s", err, out)
			return
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Skip(err)
	}
}

// TestNetworkJudge has nginx meet what routes and a full machine answer, in a network of its own.
func TestNetworkJudge(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"nginx", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	alone(t, func() { judgeNetwork(t) })
}

func judgeNetwork(t *testing.T) {
	for _, route := range []string{"unreachable 10.1.0.0/16", "prohibit 10.2.0.0/16", "blackhole 10.3.0.0/16"} {
		if out, err := exec.Command("ip", append([]string{"route", "add"}, strings.Fields(route)...)...).CombinedOutput(); err != nil {
			t.Errorf("ip route add %s: %s", route, out)
		}
	}
	hung := backend(t, hangs)
	tests := []struct {
		upstream string
		errno    int
		cause    Cause
	}{
		{"10.1.0.1:80", 113, NoRoute},
		{"10.2.0.1:80", 13, SocketPermission},
		{"10.3.0.1:80", 22, NoRoute},
		{"10.4.0.1:80", 101, NoRoute},
		{full(t), 110, ConnectTimeout},
		{hung, 110, ReadTimeout},
		{hung, 99, SourceAddress}, // the one local port is taken by the one before
	}
	var locations strings.Builder
	for i, test := range tests {
		fmt.Fprintf(&locations, "location /%d { proxy_read_timeout 1s; proxy_pass http://%s; }\n", i, test.upstream)
	}
	n := runNginx(t, "master_process off; events {}\n", "http { access_log off; server { listen @; server_name judge.test;\n"+locations.String()+"} }")
	conns := make([]net.Conn, len(tests))
	for i := range tests {
		conn, err := net.Dial("tcp", n.address)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conns[i] = conn
	}
	for name, value := range map[string]string{"tcp_syn_retries": "1", "ip_local_port_range": "40000 40000"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			t.Error(err)
		}
	}
	for i, conn := range conns {
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /%d HTTP/1.0\r\n\r\n", i)
		if tests[i].cause == ReadTimeout {
			time.Sleep(100 * time.Millisecond)
		}
	}
	for i, test := range tests {
		var status int
		fmt.Fscanf(conns[i], "HTTP/1.1 %d", &status)
		path := fmt.Sprintf("/%d", i)
		e, ok := eventually(t, func() []Event { return eventsOf(t, n.errorLog) }, func(e Event) bool { return e.Path() == path })
		if !ok || e.Cause != test.cause || e.Errno != test.errno || e.Upstream != test.upstream || e.Status != status || n.line(t, e) != n.lineOf("location "+path) {
			t.Errorf("%s: the client got %d; %+v", test.upstream, status, e)
		}
	}
}
