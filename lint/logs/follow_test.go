//go:build unix

package logs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// followed is a log that is followed in a test.
type followed struct {
	*testing.T
	path   string
	events chan Event
	absent chan error
	end    func() (Count, error)
}

// follow begins to follow a log of a name, which may not be there yet.
func follow(t *testing.T, path string) *followed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &followed{T: t, path: path, events: make(chan Event, 100), absent: make(chan error, 10)}
	following := Following{Every: 5 * time.Millisecond, CaughtUp: func() {}, Absent: func(err error) { f.absent <- err }}
	var count Count
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		count, err = NewParser(Options{}).Follow(ctx, path, following, func(e *Event) { f.events <- *e })
	}()
	f.end = func() (Count, error) {
		cancel()
		<-ended
		return count, err
	}
	t.Cleanup(func() { f.end() })
	return f
}

// refusedBy is a line of an error log about a server.
func refusedBy(server string) string {
	return errorHead + "connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: a.test, " +
		`request: "GET / HTTP/1.1", upstream: "http://` + server + `/", host: "a.test"` + "\n"
}

// add appends to the file that has the log's name.
func (f *followed) add(text string) {
	f.Helper()
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		f.Fatal(err)
	}
}

// wants waits for the next event, which must be of a server and stand on a line.
func (f *followed) wants(server string, line int) {
	f.Helper()
	select {
	case e := <-f.events:
		if e.Upstream != server || e.Line != line {
			f.Fatalf("event of %q on line %d, want %q on %d", e.Upstream, e.Line, server, line)
		}
	case <-time.After(patience):
		f.Fatalf("nothing came of %s", server)
	}
}

// wantsNone waits a while, in which no event may come.
func (f *followed) wantsNone() {
	f.Helper()
	select {
	case e := <-f.events:
		f.Fatalf("event of %q on line %d, want none", e.Upstream, e.Line)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "error.log")
	f := follow(t, path)
	select {
	case err := <-f.absent:
		if !os.IsNotExist(err) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it is not told that there is no log")
	}
	f.add(refusedBy("10.0.0.1:80"))
	f.wants("10.0.0.1:80", 1)

	half := refusedBy("10.0.0.2:80")
	f.add(half[:60])
	f.wantsNone()
	f.add(half[60:])
	f.wants("10.0.0.2:80", 2)

	// The proxy writes to the file that was moved, until it opens the new one.
	old, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.wantsNone()
	old.WriteString(refusedBy("10.0.0.3:80"))
	f.wants("10.0.0.3:80", 3)
	old.WriteString(refusedBy("10.0.0.4:80"))
	f.add(refusedBy("10.0.0.5:80"))
	f.wants("10.0.0.4:80", 4)
	f.wants("10.0.0.5:80", 1)

	f.wantsNone() // so that all was read before the log is cut
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	f.wantsNone()
	f.add(refusedBy("10.0.0.6:80"))
	f.wants("10.0.0.6:80", 1)

	f.add(refusedBy("10.0.0.7:80"))
	count, err := f.end()
	f.wants("10.0.0.7:80", 2) // what was written before the end
	if err != nil || count.Lines != 7 {
		t.Errorf("%d lines, %v; want 7", count.Lines, err)
	}
	if len(f.absent) > 0 {
		t.Errorf("it is told twice that there is no log: %v", <-f.absent)
	}
}

// TestFollowMessage follows a message of several lines whose end was cut, which is told when nothing comes after it, and a line
// without an end, of which only the beginning is held.
func TestFollowMessage(t *testing.T) {
	f := follow(t, filepath.Join(t.TempDir(), "error.log"))
	f.add(errorHead + `FastCGI sent in stderr: "PHP message: one` + "\ntwo\n")
	select {
	case e := <-f.events:
		if e.Cause != ScriptStderr || e.Line != 2 {
			t.Errorf("%s on line %d", e.Cause, e.Line)
		}
	case <-time.After(patience):
		t.Fatal("the message is not told")
	}
	for range 64 {
		f.add(strings.Repeat("x", 1<<16))
	}
	f.wantsNone()
	f.add("\n" + refusedBy("10.0.0.1:80"))
	f.wants("10.0.0.1:80", 4)
	if count, err := f.end(); count.Cut != 1 || err != nil {
		t.Errorf("%d lines were cut, %v; want 1", count.Cut, err)
	}
}

// TestFollowNoFile refuses what has no end to wait at.
func TestFollowNoFile(t *testing.T) {
	f := follow(t, t.TempDir())
	if _, err := f.end(); !errors.Is(err, errNotRegular) {
		t.Errorf("a folder: %v", err)
	}
}
