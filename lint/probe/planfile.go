package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// planVersion changes when a field of a plan changes its meaning or goes away.
const planVersion = 1

// maxPlan bounds the size of a plan that is read, in bytes.
const maxPlan = 64 << 20

// The types below are a plan as JSON, field by field in its order.
type (
	planFile struct {
		Version int          `json:"version"`
		Targets []planTarget `json:"targets"`
	}
	planTarget struct {
		Proxy     string       `json:"proxy"`
		Version   string       `json:"proxy_version,omitempty"`
		Root      string       `json:"configuration"`
		At        planRef      `json:"at"`
		HostAt    planRef      `json:"host_at,omitzero"`
		PortAt    planRef      `json:"port_at,omitzero"`
		Also      []planRef    `json:"also,omitempty"`
		Host      string       `json:"host,omitempty"`
		Port      int          `json:"port,omitempty"`
		Socket    string       `json:"socket,omitempty"`
		Pool      string       `json:"pool"`
		PoolAt    planRef      `json:"pool_at,omitzero"`
		Servers   int          `json:"servers"`
		Server    string       `json:"server,omitempty"`
		Backup    bool         `json:"backup,omitempty"`
		User      string       `json:"user,omitempty"`
		Group     string       `json:"group,omitempty"`
		Chroot    string       `json:"chroot,omitempty"`
		Lookup    planLookup   `json:"lookup,omitzero"`
		Protocol  string       `json:"protocol"`
		HTTP2     bool         `json:"http2,omitempty"`
		TLS       *planTLS     `json:"tls,omitempty"`
		SendProxy int          `json:"send_proxy,omitempty"`
		Path      string       `json:"path,omitempty"`
		Authority string       `json:"authority,omitempty"`
		Sends     string       `json:"sends,omitempty"`
		Check     *Check       `json:"check,omitempty"`
		CheckAt   planRef      `json:"check_at,omitzero"`
		Connect   planDuration `json:"connect_timeout,omitzero"`
		Read      planDuration `json:"read_timeout,omitzero"`
		Idle      planDuration `json:"idle_timeout,omitzero"`
		Header    planSize     `json:"header_buffer,omitzero"`
	}
	planLookup struct {
		How      string   `json:"how,omitempty"`
		Servers  []string `json:"servers,omitempty"`
		System   bool     `json:"system,omitempty"`
		SRV      bool     `json:"srv,omitempty"`
		NoIPv4   bool     `json:"no_ipv4,omitempty"`
		NoIPv6   bool     `json:"no_ipv6,omitempty"`
		Prefer   int      `json:"prefer,omitempty"`
		Slots    int      `json:"slots,omitempty"`
		Timeout  string   `json:"timeout,omitempty"`
		At       planRef  `json:"at,omitzero"`
		Declared planRef  `json:"declared,omitzero"`
	}
	planTLS struct {
		At      planRef  `json:"at,omitzero"`
		SNI     string   `json:"sni,omitempty"`
		Name    string   `json:"name,omitempty"`
		NameAt  planRef  `json:"name_at,omitzero"`
		Verify  bool     `json:"verify,omitempty"`
		CA      string   `json:"ca,omitempty"`
		Cert    string   `json:"certificate,omitempty"`
		Key     string   `json:"key,omitempty"`
		ALPN    []string `json:"alpn,omitempty"`
		Minimum uint16   `json:"minimum,omitempty"`
		Maximum uint16   `json:"maximum,omitempty"`
	}
	// planRef is a place, and the words there: where a plan runs the files may be absent.
	planRef struct {
		File   string `json:"file"`
		Line   int    `json:"line"`   // from 1
		Column int    `json:"column"` // in bytes, from 1
		Text   string `json:"text"`
	}
	planDuration struct {
		Value  string  `json:"value"`
		Origin string  `json:"origin"`
		At     planRef `json:"at,omitzero"`
	}
	planSize struct {
		Value  int64   `json:"value"`
		Origin string  `json:"origin"`
		At     planRef `json:"at,omitzero"`
	}
)

var (
	originNames = []string{"unknown", "default", "inherited", "explicit"}
	howNames    = []string{"literal", "at start", "libc", "dns", "on dial"}
)

// WritePlan writes targets as JSON that ReadPlan reads again elsewhere. Of the configurations it holds the words that the
// targets were read from, and no others.
func WritePlan(w io.Writer, targets []*Target) error {
	out := planFile{Version: planVersion, Targets: []planTarget{}}
	for _, t := range targets {
		out.Targets = append(out.Targets, wireOf(t))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func wireOf(t *Target) planTarget {
	w := planTarget{
		Proxy: t.Dialect.String(), Version: t.Version.String(), Root: t.Config.Tree.Roots[0].Path,
		At: refOf(t.Addr.At), HostAt: refOf(t.Addr.HostAt), PortAt: refOf(t.Addr.PortAt),
		Host: t.Addr.Host, Port: t.Addr.Port, Socket: t.Addr.Socket,
		Pool: t.Pool.Name, PoolAt: refOf(t.Pool.At), Servers: t.Pool.Servers, Server: t.Server, Backup: t.Backup, User: t.User, Group: t.Group, Chroot: t.Chroot,
		Protocol: t.Protocol.String(), HTTP2: t.HTTP2, SendProxy: t.SendProxy, Path: t.Path, Authority: t.Host,
		Sends: t.Opening(), Check: t.Check,
		Connect: durationOf(t.Limits.Connect), Read: durationOf(t.Limits.Read), Idle: durationOf(t.Limits.Idle),
		Header: planSize{t.Limits.Header.Value, originNames[t.Limits.Header.Origin], refOf(t.Limits.Header.At)},
	}
	for _, at := range t.Also {
		w.Also = append(w.Also, refOf(at))
	}
	if l := t.Lookup; l.How != Literal {
		w.Lookup = planLookup{
			howNames[l.How], l.Servers, l.System, l.SRV, l.NoIPv4, l.NoIPv6, l.Prefer, l.Slots, l.Timeout.String(), refOf(l.At), refOf(l.Declared),
		}
	}
	if s := t.TLS; s != nil {
		w.TLS = &planTLS{refOf(s.At), s.SNI, s.Name, refOf(s.NameAt), s.Verify, s.CA, s.Cert, s.Key, s.ALPN, s.Minimum, s.Maximum}
	}
	if t.Check != nil {
		w.CheckAt = refOf(t.Check.At)
	}
	return w
}

func refOf(r syntax.Ref) planRef {
	if r.IsZero() {
		return planRef{}
	}
	r = r.Outer()
	p := r.Position()
	text, _, _ := strings.Cut(r.Text(), "\n")
	return planRef{r.File.Path, p.Line, p.Byte, text}
}

func durationOf(s proxy.Setting[time.Duration]) planDuration {
	if s.Origin == proxy.Unknown || s.Dynamic {
		return planDuration{}
	}
	return planDuration{s.Value.String(), originNames[s.Origin], refOf(s.At)}
}

// ReadPlan reads what WritePlan wrote. The targets' places are in files that hold nothing but the words of the plan.
func ReadPlan(r io.Reader) ([]*Target, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPlan+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPlan {
		return nil, errors.New("the plan is longer than 64 MiB")
	}
	var in planFile
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("no plan: %w", err)
	}
	if in.Version != planVersion {
		return nil, fmt.Errorf("version %d of a plan, want %d", in.Version, planVersion)
	}
	return newPlanReader(in).read()
}

// planReader makes targets of a plan.
type planReader struct {
	in      planFile
	files   map[string]*syntax.File
	starts  map[string][]int // of every line of a file that is made, in bytes
	configs map[string]*proxy.Config
}

func newPlanReader(in planFile) *planReader {
	return &planReader{in: in, files: map[string]*syntax.File{}, starts: map[string][]int{}, configs: map[string]*proxy.Config{}}
}

func (p *planReader) read() ([]*Target, error) {
	if err := p.makeFiles(); err != nil {
		return nil, err
	}
	var targets []*Target
	for i, w := range p.in.Targets {
		t, err := p.target(w)
		if err != nil {
			return nil, fmt.Errorf("target %d: %w", i+1, err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// Where a plan may place its words at most: beyond, the files made for them would fill the memory.
const (
	maxPlanLine   = 1 << 20
	maxPlanColumn = 1 << 16
	maxPlanLines  = 1 << 23 // of all files together
)

// makeFiles makes a text for every file that the plan names, with its words at their places and blanks between.
func (p *planReader) makeFiles() error {
	lines := map[string]map[int][]byte{}
	dialects := map[string]syntax.Dialect{}
	for i, t := range p.in.Targets {
		dialect, err := dialectOf(t.Proxy)
		if err != nil {
			return fmt.Errorf("target %d: %w", i+1, err)
		}
		for _, ref := range t.refs() {
			switch {
			case ref == planRef{}:
				continue
			case ref.Line < 1 || ref.Line > maxPlanLine || ref.Column < 1 || ref.Column+len(ref.Text) > maxPlanColumn:
				return fmt.Errorf("target %d: no place %s:%d:%d", i+1, ref.File, ref.Line, ref.Column)
			case strings.ContainsRune(ref.Text, '\n'):
				return fmt.Errorf("target %d: the words at %s:%d hold a line end", i+1, ref.File, ref.Line)
			}
			if lines[ref.File] == nil {
				lines[ref.File] = map[int][]byte{}
			}
			line := lines[ref.File][ref.Line]
			if end := ref.Column - 1 + len(ref.Text); len(line) < end {
				line = append(line, strings.Repeat(" ", end-len(line))...)
			}
			copy(line[ref.Column-1:], ref.Text)
			lines[ref.File][ref.Line] = line
		}
		dialects[t.At.File] = dialect
	}
	all := 0
	for path, written := range lines {
		last := slices.Max(slices.Collect(maps.Keys(written)))
		if all += last; all > maxPlanLines {
			return fmt.Errorf("the files of the plan have more than %d lines", maxPlanLines)
		}
		p.makeFile(path, dialects[path], written, last)
	}
	return nil
}

func (p *planReader) makeFile(path string, dialect syntax.Dialect, written map[int][]byte, last int) {
	var src strings.Builder
	starts := make([]int, last+1)
	for n := 1; n <= last; n++ {
		starts[n] = src.Len()
		src.Write(written[n])
		src.WriteByte('\n')
	}
	p.starts[path] = starts
	p.files[path] = syntax.NewFile(path, src.String(), dialect, func(raw string) string { return raw })
}

// refs returns every place that a target names.
func (t *planTarget) refs() []planRef {
	list := []planRef{t.At, t.HostAt, t.PortAt, t.PoolAt, t.Lookup.At, t.Lookup.Declared, t.CheckAt,
		t.Connect.At, t.Read.At, t.Idle.At, t.Header.At}
	if t.TLS != nil {
		list = append(list, t.TLS.At, t.TLS.NameAt)
	}
	return append(list, t.Also...)
}

func (p *planReader) ref(r planRef) syntax.Ref {
	if r == (planRef{}) {
		return syntax.Ref{}
	}
	start := p.starts[r.File][r.Line] + r.Column - 1
	return p.files[r.File].Ref(syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(start + len(r.Text))})
}

// config returns the stand-in of the configuration that a target was read from.
func (p *planReader) config(w planTarget, dialect syntax.Dialect) *proxy.Config {
	c := p.configs[w.Root]
	if c == nil {
		root := p.files[w.Root]
		if root == nil {
			root = syntax.NewFile(w.Root, "", dialect, func(raw string) string { return raw })
		}
		c = &proxy.Config{Dialect: dialect, Tree: &syntax.Tree{
			Dialect: dialect, Roots: []*syntax.File{root}, Files: map[string]*syntax.File{root.Path: root}, Fragment: true,
		}}
		p.configs[w.Root] = c
	}
	if file := p.files[w.At.File]; file != nil {
		c.Tree.Files[w.At.File] = file
	}
	return c
}

func (p *planReader) target(w planTarget) (*Target, error) {
	dialect, _ := dialectOf(w.Proxy) // makeFiles has asked
	var version proxy.Version
	var err error
	if w.Version != "" {
		if version, err = proxy.ParseVersion(w.Version); err != nil {
			return nil, err
		}
	}
	protocol, err := protocolOf(w.Protocol)
	if err != nil {
		return nil, err
	}
	if w.At == (planRef{}) || w.Host == "" && w.Socket == "" {
		return nil, errors.New("it names no address")
	}
	t := &Target{
		Config: p.config(w, dialect), Dialect: dialect, Version: version,
		Addr: proxy.Address{Host: w.Host, Port: w.Port, Socket: w.Socket, At: p.ref(w.At), HostAt: p.ref(w.HostAt), PortAt: p.ref(w.PortAt)},
		Pool: Pool{w.Pool, p.ref(w.PoolAt), w.Servers}, Server: w.Server, Backup: w.Backup, User: w.User, Group: w.Group, Chroot: w.Chroot,
		Protocol: protocol, HTTP2: w.HTTP2, SendProxy: w.SendProxy, Path: w.Path, Host: w.Authority, Check: w.Check,
	}
	if err := p.lookup(&t.Lookup, w.Lookup); err != nil {
		return nil, err
	}
	if !t.hasPort() {
		return nil, fmt.Errorf("%d is no port", w.Port)
	}
	for _, at := range w.Also {
		t.Also = append(t.Also, p.ref(at))
	}
	if s := w.TLS; s != nil {
		t.TLS = &TLS{p.ref(s.At), s.SNI, s.Name, p.ref(s.NameAt), s.Verify, s.CA, s.Cert, s.Key, s.ALPN, s.Minimum, s.Maximum}
	}
	if t.Check != nil {
		t.Check.At = p.ref(w.CheckAt)
		if err := t.Check.valid(); err != nil {
			return nil, err
		}
	}
	return t, p.limits(&t.Limits, w)
}

func (p *planReader) lookup(l *Lookup, w planLookup) error {
	if w.How == "" {
		return nil
	}
	how := slices.Index(howNames, w.How)
	if how < 0 {
		return fmt.Errorf("unknown lookup %q", w.How)
	}
	timeout, err := time.ParseDuration(w.Timeout)
	*l = Lookup{How(how), w.Servers, w.System, w.SRV, w.NoIPv4, w.NoIPv6, w.Prefer, w.Slots, timeout, p.ref(w.At), p.ref(w.Declared)}
	return err
}

func (p *planReader) limits(l *Limits, w planTarget) error {
	var errs [3]error
	l.Connect, errs[0] = p.duration(w.Connect)
	l.Read, errs[1] = p.duration(w.Read)
	l.Idle, errs[2] = p.duration(w.Idle)
	if origin := slices.Index(originNames, w.Header.Origin); origin > 0 {
		l.Header = proxy.Setting[int64]{Value: w.Header.Value, Origin: proxy.Origin(origin), At: p.ref(w.Header.At)}
	}
	return errors.Join(errs[:]...)
}

func (p *planReader) duration(w planDuration) (proxy.Setting[time.Duration], error) {
	origin := slices.Index(originNames, w.Origin)
	if origin < 0 {
		return proxy.Setting[time.Duration]{}, nil
	}
	value, err := time.ParseDuration(w.Value)
	return proxy.Setting[time.Duration]{Value: value, Origin: proxy.Origin(origin), At: p.ref(w.At)}, err
}

func dialectOf(name string) (syntax.Dialect, error) {
	for _, d := range syntax.Dialects() {
		if d.String() == name {
			return d, nil
		}
	}
	return syntax.AnyDialect, fmt.Errorf("unknown proxy %s", strconv.Quote(name))
}

func protocolOf(name string) (proxy.Protocol, error) {
	for p := proxy.UnknownProtocol; p <= proxy.AJP; p++ {
		if p.String() == name {
			return p, nil
		}
	}
	return proxy.UnknownProtocol, fmt.Errorf("unknown protocol %s", strconv.Quote(name))
}
