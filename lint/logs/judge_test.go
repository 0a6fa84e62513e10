//go:build unix

package logs

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// What these tests can't have nginx 1.22 and HAProxy 2.6 write, some of which TestMessages and TestHAProxyLines read:
//   - sendfile() failed: takes a reset while nginx is writing, which comes by chance;
//   - connect() failed (104): takes a reset between the end of a handshake and nginx' first look at it;
//   - upstream sent duplicate header, or both Content-Length and Transfer-Encoding: newer than 1.22;
//   - kevent(), accept() without 4, Windows' numbers: not Linux;
//   - the TLS handshake of a stream timed out: nginx 1.22 writes nothing but the session's status 502;
//   - termination states I, RC, PC and SQ: HAProxy finds a fault in itself, or has no memory; 2.6 ends a session that has
//     no source port or file left with SC, and a rewrite that fails with PR;
//   - cC, cH and cQ: 2.6 does not count the client's silence while it waits for a server, and says sC, sH and sQ;
//   - sR and SR: 2.6 connects to no server before it has the request; L in the second place: takes luck, to have all but
//     the last buffer of an answer sent;
//   - a proxy's "configured maximum connection limit", limits and memory of the system: maxconn keeps HAProxy below the
//     first, and the others are the whole machine's.

// patience is how long a proxy may take to start, to log and to end.
const patience = 10 * time.Second

// moment is long enough for a proxy to take a request and pass it on.
const moment = 300 * time.Millisecond

// TestMain lets tests run side by side, which mostly wait for proxies, however few processors there are.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// lastPort is the last that was given out, of those that the system gives to nobody who does not ask for them.
var lastPort atomic.Uint32

// free returns an address for a proxy to listen on.
func free(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+(uint32(os.Getpid())*50+lastPort.Add(1))%12000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start runs a proxy until the test ends, waits until it listens, and returns its number.
func start(t *testing.T, address string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-ended
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return cmd.Process.Pid
		}
		select {
		case <-ended:
			t.Fatalf("%s does not start: %s", args[0], said.String())
		default:
		}
	}
	t.Fatalf("%s does not listen", args[0])
	return 0
}

// get asks a proxy and returns the status; 0: there was none.
func get(url string) int { return send(http.MethodGet, url, nil) }

func send(method, url string, body io.Reader) int {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// eventually waits for an event.
func eventually(t *testing.T, read func() []Event, fits func(Event) bool) (Event, bool) {
	t.Helper()
	for deadline := time.Now().Add(patience / 2); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, e := range read() {
			if fits(e) {
				return e, true
			}
		}
	}
	return Event{}, false
}

// eventsOf reads a log as it stands.
func eventsOf(t *testing.T, path string, formats ...*Format) []Event {
	t.Helper()
	file, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var events []Event
	if _, err := NewParser(Options{Formats: formats}).Read(file, path, func(e *Event) { events = append(events, *e) }); err != nil {
		t.Fatal(err)
	}
	return events
}

// lineOn returns the line of configurations that an event stands on; 0: none.
func lineOn(configs []*proxy.Config, e Event) int {
	s := NewSummary()
	s.Add(&e)
	s.Join(Around{Configs: configs})
	at := s.Groups()[0].Site.At()
	if at.IsZero() {
		return 0
	}
	return at.Position().Line
}

// lineHolding returns the first line that holds a text, from 1; 0: there is none.
func lineHolding(lines, text string) int {
	before, _, ok := strings.Cut(lines, text)
	if !ok {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}

// post returns what sends a body of a size, and returns the status; 0: there was none.
func post(size int) func(string) int {
	return func(url string) int { return send(http.MethodPost, url, bytes.NewReader(make([]byte, size))) }
}

// postChunks sends a body of a size that is not told.
func postChunks(url string) int {
	return send(http.MethodPost, url, io.MultiReader(bytes.NewReader(make([]byte, 2<<10))))
}

func twice(url string) int {
	get(url)
	return get(url)
}

// both asks twice at the same time, and returns the status of what was answered first.
func both(url string) int {
	statuses := make(chan int, 2)
	for range 2 {
		go func() { statuses <- get(url) }()
	}
	return <-statuses
}

// raw returns what sends a request with some header lines and nothing more.
func raw(header string) func(string) int {
	return func(address string) int {
		host, path, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
		return spoken(host, "GET /"+path+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n")
	}
}

// spoken sends bytes and returns the status of the answer; 0: there was none.
func spoken(address, text string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, text)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, conn)
	return response.StatusCode
}

// leaves asks and goes away.
func leaves(url string) int {
	client := http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Get(url); err == nil {
		response.Body.Close()
	}
	return 0
}

// slowly takes the answer after a while.
func slowly(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	time.Sleep(300 * time.Millisecond)
	return response.StatusCode
}
