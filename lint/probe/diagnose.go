package probe

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

const (
	mostForeign     = 3                      // protocols tried at one address besides the configured one
	foreignPatience = time.Second            // how long the answer to each may take
	bannerPatience  = 350 * time.Millisecond // how long a server may take to greet
)

// untouchable are ports at which nothing foreign is said: SSH, SMTP, MySQL, PostgreSQL and redis log it as an attack, or
// lock its sender out (MySQL, max_connect_errors).
var untouchable = []uint16{22, 25, 3306, 5432, 6379}

// diagnose finds out what answers where the configured protocol did not: it listens for a greeting, then tries a few
// other protocols, one connection each and with whole requests, since a part of one may hold a server's worker.
func (p *prober) diagnose(ctx context.Context, t *Target, a address, o Outcome) Outcome {
	if !o.isPuzzling(t) || ctx.Err() != nil || slices.Contains(untouchable, a.network.Port()) {
		return o
	}
	if t.Protocol == proxy.FastCGI && o.Cause == Closed {
		if again := p.foreign(ctx, t, a, (*prober).speakFastCGIRequest); again.OK() {
			return again
		}
	}
	if speaks := p.name(ctx, t, a, o); speaks != "" {
		o.Cause, o.Speaks = OtherProtocol, speaks
		if o.Code == L7OK {
			o.Code = L7RSP
		}
	}
	return o
}

// isPuzzling reports whether an outcome leaves open what is spoken at the other end.
func (o Outcome) isPuzzling(t *Target) bool {
	switch o.Cause {
	case OK:
		return t.maybeMisread(o)
	case Closed, Silent:
		return true
	case OtherProtocol:
		return o.Speaks == unnamed || t.maybeMisread(o)
	case TLSFailed:
		return o.Detail == wasClosed || o.Detail == wasReset || o.Detail == notTLS
	}
	return false
}

// maybeMisread reports whether an answer is the one that HTTP servers give to what they don't understand. It may be meant,
// and come from behind TLS or a PROXY header.
func (t *Target) maybeMisread(o Outcome) bool {
	isCGI := t.Protocol == proxy.UWSGI || t.Protocol == proxy.SCGI
	switch {
	case o.Cause == OtherProtocol && o.Speaks == "HTTP":
		return t.SendProxy > 0 || t.TLS == nil
	case o.OK():
		return o.Status == 400 && (t.SendProxy > 0 || isCGI)
	}
	return false
}

// name names the protocol of an address; "" when it can't be told.
func (p *prober) name(ctx context.Context, t *Target, a address, o Outcome) string {
	switch o.Cause {
	case Closed, TLSFailed: // else a greeting would have been heard
		if speaks := p.greeting(ctx, t, a); speaks != "" {
			return speaks
		}
	}
	e := newEvidence(t, a, o)
	configured := slices.Clone(e.tried)
	for n := 0; n < mostForeign || n == mostForeign && e.reset && !e.silent; n++ { // a reset tells less, and takes no time
		s := e.suspect()
		if s == nil {
			break
		}
		other := s.as(t)
		if t.AgreedTLS(o) {
			other.TLS = t.TLS // in the clear a server of TLS says that it is one, which is no news
		}
		answer := p.foreign(ctx, other, a, (*prober).converse)
		switch speaks := s.speaks(t, answer); {
		case slices.Contains(configured, speaks):
			return "" // it does speak that, and what was asked took too long, or was refused
		case speaks != "":
			return speaks
		}
		e.add(s, answer)
	}
	return ""
}

// greeting names the protocol of a server that speaks first; "" when none does, or it can't be told.
func (p *prober) greeting(ctx context.Context, t *Target, a address) string {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(bannerPatience)) // a net.Conn takes one
	b := make([]byte, 128)
	n, _ := conn.Read(b) // silence is no fault
	return identify(b[:n])
}

// speaker says over a connection what a target is asked, and judges the answer.
type speaker func(*prober, context.Context, *Target, net.Conn, *Measure) Outcome

// foreign asks once more, over a connection of its own and with little patience.
func (p *prober) foreign(ctx context.Context, t *Target, a address, speak speaker) Outcome {
	conn, outcome := p.connect(ctx, t, a)
	if conn == nil {
		return outcome
	}
	defer conn.Close()
	impatient := *t
	impatient.Limits.Read = proxy.Setting[time.Duration]{Value: min(foreignPatience, p.answerTimeout(t)), Origin: proxy.Default}
	defer p.arm(ctx, &impatient, conn)()
	return speak(p, ctx, &impatient, conn, new(Measure))
}
