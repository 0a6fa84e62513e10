package logs

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Following says how a log is followed.
type Following struct {
	Every    time.Duration   // how long to wait before it is looked at again
	CaughtUp func()          // called whenever all that is there was read, and while there is no log
	Absent   func(err error) // called once for each time that there is no log to open
}

// Follow reads a log and what is added to it, by its name: when it was moved away or cut, what is there instead is read
// from its beginning. A log that is not there is waited for. It returns when the context ends, with nothing but what a
// disk refuses as error.
func (p *Parser) Follow(ctx context.Context, path string, f Following, emit func(*Event)) (Count, error) {
	var sum Count
	for {
		file, err := f.wait(ctx, path)
		if err != nil {
			return sum, err
		}
		if file == nil {
			return sum, nil
		}
		count, err := p.readGrowing(&growing{ctx: ctx, path: path, file: file, following: f, flush: func() { p.Flush(emit) }}, emit)
		sum.Add(count)
		if err != nil || ctx.Err() != nil {
			return sum, err
		}
	}
}

// readGrowing reads one file to its end.
func (p *Parser) readGrowing(g *growing, emit func(*Event)) (Count, error) {
	defer g.file.Close()
	text, err := Decompress(g)
	if err != nil {
		return Count{}, &os.PathError{Op: "read", Path: g.path, Err: err}
	}
	return p.Read(text, g.path, emit)
}

// wait opens a log once it is there; nil: the context ended before.
func (f Following) wait(ctx context.Context, path string) (*os.File, error) {
	for told := false; ; told = true {
		file, err := openRegular(path)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return file, err
		}
		if !told {
			f.Absent(err)
		}
		f.CaughtUp()
		if !sleep(ctx, f.Every) {
			return nil, nil
		}
	}
}

var errNotRegular = errors.New("only a regular file can be followed, or standard input")

// openRegular opens a regular file; to open a named pipe would not end before somebody writes to it.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return os.Open(path)
}

// maxLast is how many bytes are still read when the context has ended.
const maxLast = 16 << 20

// growing reads a file that grows. Its end is the context's, or the log's when its name means another file.
type growing struct {
	ctx       context.Context
	path      string
	file      *os.File
	following Following
	flush     func() // called when nothing came for a while

	offset int64
	last   int64 // bytes read since the context ended
	moved  bool  // the name means another file now
}

// Read waits until there is something to read.
func (g *growing) Read(buffer []byte) (int, error) {
	for quiet := false; ; quiet = true {
		n, err := g.file.Read(buffer)
		g.offset += int64(n)
		if g.ctx.Err() != nil {
			g.last += int64(n)
		}
		switch {
		case g.last > maxLast:
			return n, io.EOF
		case n > 0 || err != nil && err != io.EOF:
			return n, err
		case g.moved || g.ctx.Err() != nil || g.isCut():
			return 0, io.EOF
		}
		if quiet {
			g.flush()
		}
		g.following.CaughtUp()
		g.moved = g.isMoved() // what the proxy writes until it opens the new file is read after one more wait
		sleep(g.ctx, g.following.Every)
	}
}

// isCut reports whether the file is shorter than what was read of it.
func (g *growing) isCut() bool {
	info, err := g.file.Stat()
	return err != nil || info.Size() < g.offset
}

// isMoved reports whether another file has the log's name. While nothing has it, the proxy writes to the file that it had
// opened.
func (g *growing) isMoved() bool {
	here, err := g.file.Stat()
	named, err2 := os.Stat(g.path)
	return err == nil && err2 == nil && !os.SameFile(here, named)
}

// sleep reports whether the time is over before the context.
func sleep(ctx context.Context, d time.Duration) bool {
	timer, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-timer.Done()
	return ctx.Err() == nil
}
