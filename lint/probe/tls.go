package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// secure agrees on TLS as the proxy would. The connection is nil when that fails.
func (p *prober) secure(ctx context.Context, t *Target, conn net.Conn, m *Measure) (net.Conn, Outcome) {
	secured, outcome := handshake(ctx, t, conn, t.TLS.SNI, m)
	if outcome.Cause == TLSFailed {
		outcome.Detail += p.secondTry(ctx, t, conn)
	}
	return secured, outcome
}

// handshake makes one handshake with a server name, "" for none, and judges the certificate if the proxy does.
func handshake(ctx context.Context, t *Target, conn net.Conn, name string, m *Measure) (net.Conn, Outcome) {
	asked := false
	config := t.TLS.config(name)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return t.TLS.clientCertificate(), nil
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, handshakeFault(err, asked)
	}
	state := secured.ConnectionState()
	m.TLS, m.ALPN = state.Version, state.NegotiatedProtocol
	leaf := state.PeerCertificates[0]
	m.Expires, m.Names, m.Cert = leaf.NotAfter, namesOf(leaf), fingerprint(leaf)
	if !t.TLS.Verify {
		return secured, Outcome{Code: L6OK}
	}
	if outcome := t.TLS.verify(state.PeerCertificates, time.Now()); !outcome.OK() {
		return nil, outcome
	}
	return secured, Outcome{Code: L6OK}
}

// config offers what the proxy offers. Certificates are judged afterwards, as the proxy judges them.
func (s *TLS) config(name string) *tls.Config {
	return &tls.Config{
		ServerName: name, InsecureSkipVerify: true, NextProtos: s.ALPN, MinVersion: s.Minimum, MaxVersion: s.Maximum,
	}
}

// clientCertificate returns the certificate that the proxy sends; an empty one where there is none, or it can't be read
// here.
func (s *TLS) clientCertificate() *tls.Certificate {
	if s.Cert == "" {
		return &tls.Certificate{}
	}
	pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return &tls.Certificate{}
	}
	return &pair
}

// notTLS is the detail of an answer to a TLS hello that is none.
const notTLS = "the answer is no TLS"

// handshakeFault says what a failed handshake tells. asked: the server asked for a client certificate.
func handshakeFault(err error, asked bool) Outcome {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		// five bytes are enough for protocols of text
		if name := identify(append(header.RecordHeader[:], ' ')); name != "" {
			return Outcome{Code: L6RSP, Cause: OtherProtocol, Speaks: name}
		}
		return Outcome{Code: L6RSP, Cause: TLSFailed, Detail: notTLS}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Outcome{Code: L6TOUT, Cause: Silent}
	case isCertificateAlert(err), asked && isAlert(err):
		return Outcome{Code: L6RSP, Cause: TLSClientNeeded, Detail: alertText(err)}
	case isAlert(err):
		return Outcome{Code: L6RSP, Cause: TLSFailed, Detail: alertText(err)}
	}
	o := broken(err, L6RSP)
	return Outcome{Code: L6RSP, Cause: TLSFailed, Detail: o.Detail}
}

// isAlert reports whether the other side sent an alert. The type of alerts is not exported for TCP.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// alertPrefix begins the detail of an outcome that an alert gave.
const alertPrefix = "alert: "

func isAlertDetail(detail string) bool { return strings.HasPrefix(detail, alertPrefix) }

func alertText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return alertPrefix + strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return err.Error()
}

// isCertificateAlert reports whether an alert says that a client certificate is missing (RFC 8446, 6.2).
func isCertificateAlert(err error) bool {
	return isAlert(err) && strings.Contains(err.Error(), "certificate required")
}

// secondTry finds out by another connection what would have worked: a server name, or an older version of TLS.
func (p *prober) secondTry(ctx context.Context, t *Target, conn net.Conn) string {
	a := addressOfConn(conn)
	name := hostOnly(t.Host)
	if _, err := netip.ParseAddr(name); t.TLS.SNI == "" && err != nil && name != "" {
		if p.agrees(ctx, t, a, name, t.TLS.Minimum) {
			return fmt.Sprintf("; with the server name %s it agrees", name)
		}
	}
	if t.TLS.Minimum == 0 && p.agrees(ctx, t, a, t.TLS.SNI, tls.VersionTLS10) {
		return "; it speaks TLS 1.0 or 1.1 alone"
	}
	return ""
}

// agrees reports whether a handshake comes about with another server name or lowest version.
func (p *prober) agrees(ctx context.Context, t *Target, a address, name string, lowest uint16) bool {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return false
	}
	defer conn.Close()
	defer p.arm(ctx, t, conn)()
	if t.SendProxy > 0 {
		conn.Write(proxyHeader(t.SendProxy, conn)) // what comes of it shows below
	}
	config := t.TLS.config(name)
	config.MinVersion = lowest
	return tls.Client(conn, config).HandshakeContext(ctx) == nil
}

// addressOfConn returns what a connection was made to.
func addressOfConn(conn net.Conn) address {
	if unix, ok := conn.RemoteAddr().(*net.UnixAddr); ok {
		return address{socket: unix.Name}
	}
	return address{network: endOf(conn.RemoteAddr())}
}

// verify judges a chain of certificates as the proxy does: its time, who signed it, and its names.
func (s *TLS) verify(chain []*x509.Certificate, now time.Time) Outcome {
	leaf := chain[0]
	fault := func(cause Cause, detail string) Outcome { return Outcome{Code: L6RSP, Cause: cause, Detail: detail} }
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return fault(TLSExpired, fmt.Sprintf("valid from %s to %s", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly)))
	}
	if roots, known := s.roots(); known {
		options := x509.VerifyOptions{
			Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		}
		for _, c := range chain[1:] {
			options.Intermediates.AddCert(c)
		}
		if _, err := leaf.Verify(options); err != nil {
			return fault(TLSUntrusted, err.Error())
		}
	}
	if s.Name != "" && !slices.ContainsFunc(namesOf(leaf), func(pattern string) bool { return matchesName(pattern, s.Name) }) {
		return fault(TLSName, "")
	}
	return Outcome{Code: L6OK}
}

// roots returns the certificates that the proxy trusts; false where they can't be read here, since the path is the proxy's.
func (s *TLS) roots() (*x509.CertPool, bool) {
	if s.CA == "" || s.CA == "@system-ca" {
		roots, err := x509.SystemCertPool()
		return roots, err == nil && s.CA != ""
	}
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, false
	}
	roots := x509.NewCertPool()
	return roots, roots.AppendCertsFromPEM(pem)
}

// namesOf returns the names of a certificate: the common name counts where there is no other, for OpenSSL's
// X509_check_host and HAProxy's verifyhost alike.
func namesOf(c *x509.Certificate) []string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames
	}
	if c.Subject.CommonName != "" {
		return []string{c.Subject.CommonName}
	}
	return nil
}

// matchesName compares a name with one of a certificate, whose first label may be "*".
func matchesName(pattern, name string) bool {
	pattern, name = strings.ToLower(strings.TrimSuffix(pattern, ".")), strings.ToLower(strings.TrimSuffix(name, "."))
	if rest, isWild := strings.CutPrefix(pattern, "*."); isWild {
		_, tail, found := strings.Cut(name, ".")
		return found && tail == rest
	}
	return pattern == name
}
