package probe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// L7OKC is the code of a server that "http-check disable-on-404" takes out gently.
const L7OKC Code = "L7OKC"

// maxCheckAnswer is how much of an answer HAProxy looks at (tune.bufsize).
const maxCheckAnswer = 16384

// check replays the health check of a target against the address that HAProxy would use, the first; nil when it has none.
func (p *prober) check(ctx context.Context, r *Result) *Outcome {
	c := r.Check
	switch {
	case c == nil:
		return nil
	case c.Never != "":
		return &Outcome{Cause: NotTestable, Detail: c.Never}
	}
	home := r.dials(netip.AddrPort{})
	if home.socket == "" {
		if len(r.Found.Addrs) == 0 {
			return nil
		}
		home.network = r.Found.Addrs[0]
	}
	if o := r.sameAddress(); o != nil {
		return o
	}
	began := time.Now()
	outcome := Outcome{Code: L4OK}
	if len(c.Steps) > 0 {
		outcome = p.replay(ctx, r.Target, c.Steps, home)
	}
	if outcome.OK() && len(c.Agent) > 0 {
		if said := p.replay(ctx, r.Target, c.Agent, home); said.Cause == CheckUnmet || len(c.Steps) == 0 && said.OK() {
			outcome = said // an agent that can't be asked changes nothing (manual 5.2 "agent-check")
		}
	}
	if ctx.Err() != nil {
		outcome = Outcome{Cause: NotTested}
	}
	outcome.Took = time.Since(began)
	return &outcome
}

// sameAddress returns what is known already of a check's connection: where the traffic's failed to the same address, it
// would fail, too. It returns nil when the check has to be made.
func (r *Result) sameAddress() *Outcome {
	steps := r.Check.Steps
	if len(r.Tries) == 0 || len(steps) == 0 || steps[0].Connect.Host != "" || steps[0].Connect.Port > 0 {
		return nil
	}
	switch known := r.Tries[0].Outcome; known.Code {
	case L4CON, L4TOUT:
		return &known
	}
	return nil
}

// replay runs the steps of a check.
func (p *prober) replay(ctx context.Context, t *Target, steps []CheckStep, home address) Outcome {
	r := checkReplay{prober: p, target: t, check: t.Check, home: home, steps: steps}
	defer r.close()
	for i := 0; i < len(steps); i++ {
		s := &steps[i]
		switch {
		case s.Connect != nil:
			if o := r.dial(ctx, s.Connect); !o.OK() {
				return o
			}
		case s.Send != nil:
			r.begin()
			if _, err := r.conn.Write(s.Send); err != nil {
				return r.broken(err, nil)
			}
			r.method, _, _ = bytes.Cut(s.Send, []byte(" "))
		default:
			if r.unread {
				if err := r.read(); err != nil {
					return r.broken(err, s.Expect)
				}
			}
			o, enough := r.judge(s)
			if !enough {
				r.unread = true
				i = r.head(i) - 1
				continue
			}
			if !o.OK() || s.Expect.Kind == ExpectAgent {
				return o
			}
		}
	}
	return r.passed()
}

// checkReplay is one check under way.
type checkReplay struct {
	*prober
	target *Target
	check  *Check
	steps  []CheckStep
	home   address

	conn    net.Conn
	secured bool
	until   time.Time
	cut     bool   // until is our own limit, which comes before the check's
	method  []byte // of the request sent
	came    []byte // since the last step that sent
	unread  bool   // more is to be read before it is judged
	ended   bool   // nothing more will come
	status  int
}

func (r *checkReplay) close() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

// begin forgets what came.
func (r *checkReplay) begin() { r.came, r.unread = nil, true }

// limit sets when the check fails: after the configured time, but no later than the run allows.
func (r *checkReplay) limit(configured, most time.Duration) {
	r.cut = !r.AsConfigured && configured > most
	if r.cut {
		configured = most
	}
	r.until = time.Now().Add(configured)
	if r.conn != nil {
		r.conn.SetDeadline(r.until)
	}
}

// dial opens the connection of a step. It may take min(inter, timeout connect), the latter where there is a timeout check
// (manual 4.2 "timeout check"); what follows may take timeout check, or what is left of inter.
func (r *checkReplay) dial(run context.Context, c *CheckConnect) Outcome {
	r.close()
	r.ended = false
	r.begin()
	within := r.check.Interval
	if r.check.Timeout > 0 && r.check.Connect > 0 {
		within = min(within, r.check.Connect)
	}
	r.limit(within, r.AnswerTimeout)
	ctx, cancel := context.WithDeadline(run, r.until)
	defer cancel()
	to, problem := r.address(ctx, c)
	if !problem.OK() {
		return problem
	}
	hasty := *r.target
	hasty.Limits.Connect = proxy.Setting[time.Duration]{Value: time.Until(r.until), Origin: proxy.Explicit}
	conn, outcome := r.connect(run, &hasty, to) // not ctx, which ends here
	if conn == nil {
		return outcome
	}
	r.conn = conn
	conn.SetDeadline(r.until)
	if c.SendProxy > 0 {
		if _, err := conn.Write(checkHeader(c.SendProxy, conn)); err != nil {
			return r.broken(err, nil)
		}
	}
	r.secured = c.TLS != nil
	if r.secured {
		target := *r.target
		target.TLS = c.TLS
		var m Measure
		secured, outcome := handshake(ctx, &target, conn, &m)
		switch {
		case secured == nil:
			return outcome
		case r.check.HTTP && m.ALPN == "h2":
			return Outcome{Cause: NotTestable, Detail: "it speaks h2"}
		}
		r.conn = secured
	}
	if r.check.Timeout > 0 {
		r.limit(r.check.Timeout, r.AnswerTimeout)
	}
	return Outcome{Code: L4OK}
}

// address returns where a step connects to.
func (r *checkReplay) address(ctx context.Context, c *CheckConnect) (address, Outcome) {
	to := r.home
	if c.Host != "" {
		ip, err := netip.ParseAddr(c.Host)
		if err != nil {
			found := r.resolve(ctx, r.target.checkedAt(c.Host))
			if !found.Outcome.OK() {
				return to, found.Outcome
			}
			ip = found.Addrs[0].Addr()
		}
		to = address{network: netip.AddrPortFrom(ip, uint16(max(r.target.Addr.Port, 0)))}
	}
	if c.Port > 0 && to.socket == "" {
		to.network = netip.AddrPortFrom(to.network.Addr(), uint16(c.Port))
	}
	return to, Outcome{}
}

// checkedAt returns a target as it is looked up for a check of another host.
func (t *Target) checkedAt(host string) *Target {
	other := *t
	other.Addr.Host, other.Addr.Socket, other.Lookup = host, "", Lookup{How: Libc}
	return &other
}

// read waits for more of the answer. What comes of a connection that breaks after an answer is judged as it is.
func (r *checkReplay) read() error {
	r.unread = false
	if r.ended {
		return nil
	}
	var part [4096]byte
	n, err := r.conn.Read(part[:])
	r.came = append(r.came, part[:n]...)
	switch {
	case n > 0 && err == nil:
		r.ended = len(r.came) >= maxCheckAnswer
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, io.EOF) || len(r.came) > 0:
		r.ended = true
		return nil
	}
	return err
}

// head returns the step to go on with once more came: the first of the expectations in a row that says what must not come.
func (r *checkReplay) head(i int) int {
	head := i
	for ; i >= 0 && r.steps[i].Expect != nil; i-- {
		if r.steps[i].Expect.Not {
			head = i
		}
	}
	return head
}

// broken says what a connection tells that ended while one wrote or waited.
func (r *checkReplay) broken(err error, expect *CheckExpect) Outcome {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return Outcome{Code: SOCKERR, Cause: Closed, Detail: reason(err)}
	case r.cut:
		return Outcome{Code: L7TOUT, Cause: NotTested, Detail: "the check waits longer than this run"}
	case expect != nil && expect.Late != "":
		return Outcome{Code: expect.Late, Cause: Silent}
	}
	return Outcome{Code: L7TOUT, Cause: Silent}
}

// reason returns the innermost words of an error of the network.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// passed says what a check tells whose last step is done.
func (r *checkReplay) passed() Outcome {
	last := r.steps[len(r.steps)-1]
	switch {
	case last.Expect != nil && r.check.HTTP && r.check.NotFound && r.status == 404:
		return Outcome{Code: L7OKC, Cause: BadStatus, Status: r.status}
	case last.Expect != nil:
		if last.Expect.Coded && len(r.came) >= 3 {
			r.status, _ = strconv.Atoi(string(r.came[:3]))
		}
		return Outcome{Code: cmp.Or(last.Expect.OK, L7OK), Status: r.status}
	case last.Send != nil:
		return Outcome{Code: L7OK}
	case r.secured:
		return Outcome{Code: L6OK}
	}
	return Outcome{Code: L4OK}
}

// checkHeader returns the PROXY protocol header of a check: version 2 says LOCAL, version 1 names the check's own ends.
func checkHeader(version int, conn net.Conn) []byte {
	if version == 1 {
		return proxyHeader(1, conn)
	}
	return proxyHeader2(netip.AddrPort{}, netip.AddrPort{})
}
