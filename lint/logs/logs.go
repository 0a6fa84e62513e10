// Package logs reads proxies' logs and says what each line means.
//
// A Parser turns lines into events, a Summary gathers events. Both take memory that does not depend on the size of
// the logs.
package logs

import (
	"io"
	"slices"
	"time"
)

// Parser reads the lines of logs of any kind, each recognised by its shape. One parser reads one log after the other.
type Parser struct {
	location *time.Location
	now      time.Time
	formats  []*Format // those of the configuration, then the proxies' own

	event   Event
	fields  fields
	pending pending
	known   int // lines of a known form
}

// Options say what a log does not.
type Options struct {
	Location *time.Location // of times without a zone, as in nginx' error log; nil: time.Local
	Now      time.Time      // tells the year where there is none (RFC 3164); zero: time.Now()
	Formats  []*Format      // what the configuration declares, tried before the proxies' own
}

// NewParser returns a parser.
func NewParser(o Options) *Parser {
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return &Parser{location: o.Location, now: o.Now, formats: slices.Concat(o.Formats, defaultFormats())}
}

// Read reads a log to its end, and gives emit each event. The event is only good until emit returns; its texts stay.
// What is returned besides an error says what was read.
func (p *Parser) Read(r io.Reader, file string, emit func(*Event)) (Count, error) {
	lines, before := NewReader(r), p.known
	for lines.Next() {
		p.Parse(Line{File: file, Number: lines.Count.Lines, Text: lines.Text()}, emit)
	}
	p.Flush(emit)
	lines.Count.Known = p.known - before
	return lines.Count, lines.Err()
}

// Parse reads one line, which gives no event, one, or two where it ends a message of several lines that was cut.
func (p *Parser) Parse(line Line, emit func(*Event)) {
	text, stamp := stripPrefix(line.Text)
	if isErrorLog(text) {
		p.known++
		p.Flush(emit)
		p.errorLine(line, text, emit)
		return
	}
	if p.pending.open {
		p.known++
		p.continueMessage(line, text, emit)
		return
	}
	if p.haproxyMessage(line, text) || p.accessLine(line, text) || p.jsonLine(line, text) || p.startLine(line, text) {
		p.finish(stamp)
		emit(&p.event)
	}
}

// finish fills in the time that is told by the line's prefix.
func (p *Parser) finish(stamp []byte) {
	e := &p.event
	if e.Time.IsZero() && len(stamp) > 0 {
		e.Time = prefixTime(stamp, p.now, p.location)
	}
	if !e.Time.IsZero() {
		e.Time = e.Time.In(p.location)
	}
}

// begin starts a new event of a line; its text is copied, and holds all that is cut from it.
func (p *Parser) begin(line Line, text []byte, source Source) *Event {
	p.event = Event{File: line.File, Line: line.Number, Source: source, Text: string(text), Timers: noTimers}
	return &p.event
}
