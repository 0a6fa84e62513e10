package logs

import (
	"bytes"
	"io"
)

// maxLine is how many bytes of a line are read; the rest is passed over.
const maxLine = 64 << 10

// Line is one line of a log.
type Line struct {
	File   string
	Number int    // from 1
	Text   []byte // raw bytes, without the line's end
}

// Count says how much was read.
type Count struct {
	Lines int
	Cut   int // lines that were too long to be read whole
	Known int // lines of a form that is known, whatever they tell
	Bytes int64
}

// Add adds another log's.
func (c *Count) Add(other Count) {
	c.Lines += other.Lines
	c.Cut += other.Cut
	c.Known += other.Known
	c.Bytes += other.Bytes
}

// Reader splits a stream into lines. Bytes are passed on as they are.
type Reader struct {
	Count Count

	in         io.Reader
	buffer     []byte
	start, end int // what was read and not yet given out
	text       []byte
	err        error
}

// NewReader returns a reader of lines.
func NewReader(r io.Reader) *Reader { return &Reader{in: r, buffer: make([]byte, 4*maxLine)} }

// Text returns the line without its end; it is good until the next call of Next.
func (r *Reader) Text() []byte { return r.text }

// Err returns what ended the reading before the end of the stream.
func (r *Reader) Err() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// Next goes to the next line, and reports whether there is one.
func (r *Reader) Next() bool {
	from := r.start
	for {
		if n := bytes.IndexByte(r.buffer[from:r.end], '\n'); n >= 0 {
			r.give(from+n, from+n+1)
			return true
		}
		switch {
		case r.end-r.start == len(r.buffer):
			r.give(r.end, r.end)
			r.skipLine()
			return true
		case r.err != nil && r.start == r.end:
			return false
		case r.err != nil:
			r.give(r.end, r.end)
			return true
		}
		from = r.end - r.start
		r.fill()
	}
}

// give makes what stands up to end the current line, and goes on at next.
func (r *Reader) give(end, next int) {
	r.text = bytes.TrimSuffix(r.buffer[r.start:end], []byte("\r"))
	if len(r.text) > maxLine {
		r.text = r.text[:maxLine]
		r.Count.Cut++
	}
	r.Count.Lines++
	r.start = next
}

// fill reads more, behind what is left, which goes to the front.
func (r *Reader) fill() {
	r.end = copy(r.buffer, r.buffer[r.start:r.end])
	r.start = 0
	r.read()
}

func (r *Reader) read() {
	for empty := 0; ; empty++ {
		n, err := r.in.Read(r.buffer[r.end:])
		r.end += n
		r.Count.Bytes += int64(n)
		if err == nil && n == 0 && empty == 100 {
			err = io.ErrNoProgress
		}
		if r.err = err; n > 0 || err != nil {
			return
		}
	}
}

// skipLine drops what is left of a line. The text of the line so far stands at the front of the buffer, and stays.
func (r *Reader) skipLine() {
	for r.err == nil {
		r.end = maxLine
		r.read()
		if n := bytes.IndexByte(r.buffer[maxLine:r.end], '\n'); n >= 0 {
			r.start = maxLine + n + 1
			return
		}
	}
	r.start, r.end = 0, 0
}
