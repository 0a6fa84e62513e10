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

	"github.com/proxylint/proxylint/parsers/syntax"
)

// secure agrees on TLS as the proxy would. The connection is nil when that fails.
func (p *prober) secure(ctx context.Context, t *Target, conn net.Conn, m *Measure) (net.Conn, Outcome) {
	secured, outcome := handshake(ctx, t, conn, m)
	if outcome.Cause == TLSFailed {
		outcome.Detail += p.secondTry(ctx, t, conn, outcome.Detail)
	}
	return secured, outcome
}

// handshake makes one handshake, and judges the certificate if the proxy does.
func handshake(ctx context.Context, t *Target, conn net.Conn, m *Measure) (net.Conn, Outcome) {
	asked := false
	config := t.TLS.config(t.TLS.SNI)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return t.TLS.clientCertificate(), nil
	}
	heard := &listener{Conn: conn}
	secured := tls.Client(heard, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, handshakeFault(err, heard.first(), asked)
	}
	state := secured.ConnectionState()
	m.TLS, m.ALPN = state.Version, state.NegotiatedProtocol
	leaf := state.PeerCertificates[0]
	m.Expires, m.Names, m.Cert = leaf.NotAfter, namesOf(leaf), fingerprint(leaf)
	if !t.TLS.Verify {
		return secured, Outcome{Code: L6OK}
	}
	if outcome := t.verify(state.PeerCertificates, time.Now(), m); !outcome.OK() {
		return nil, outcome
	}
	return secured, Outcome{Code: L6OK}
}

// config offers what the proxy offers, which OpenSSL does for both: unlike crypto/tls it takes RSA key exchange, and its hello
// is without the large shares of post-quantum key exchange, which some servers don't take. Certificates are judged
// afterwards, as the proxy judges them.
func (s *TLS) config(name string) *tls.Config {
	return &tls.Config{
		ServerName: name, InsecureSkipVerify: true, NextProtos: s.ALPN, MinVersion: s.Minimum, MaxVersion: s.Maximum,
		CipherSuites: cipherSuites(), CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
	}
}

// cipherSuites returns those that OpenSSL offers by default: all that are known but for the ones with RC4 or 3DES.
func cipherSuites() []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !strings.Contains(suite.Name, "_RC4_") && !strings.Contains(suite.Name, "_3DES_") {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// clientCertificate returns the certificate that the proxy sends; an empty one where there is none, or it can't be read
// here.
func (s *TLS) clientCertificate() *tls.Certificate {
	pair, err := s.loadCertificate()
	if err != nil {
		return &tls.Certificate{}
	}
	return &pair
}

func (s *TLS) loadCertificate() (tls.Certificate, error) {
	certificate, err := syntax.ReadFile(s.Cert) // of a regular file alone: the path is a stranger's
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := syntax.ReadFile(s.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair([]byte(certificate), []byte(key))
}

// lacksCertificate reports whether the proxy sends a certificate that can't be read here, since the path is the proxy's.
func (s *TLS) lacksCertificate() bool {
	if s.Cert == "" {
		return false
	}
	_, err := s.loadCertificate()
	return err != nil
}

// notTLS is the detail of an answer to a TLS hello that is none.
const notTLS = "the answer is no TLS"

// handshakeFault says what a failed handshake tells, of which came are the first bytes. asked: the server asked for a client
// certificate.
func handshakeFault(err error, came []byte, asked bool) Outcome {
	var header tls.RecordHeaderError
	switch name := identify(came); {
	case name != "" && name != "TLS":
		return Outcome{Code: L6RSP, Cause: OtherProtocol, Speaks: name}
	case errors.As(err, &header):
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

func isVersionAlert(detail string) bool {
	return isAlertDetail(detail) && strings.Contains(detail, "protocol version")
}

func alertText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return alertPrefix + strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return err.Error()
}

// isCertificateAlert reports whether an alert says that the client's certificate is missing, or what is wrong with it
// (RFC 8446, 6.2: bad_certificate to unknown_ca, and certificate_required).
func isCertificateAlert(err error) bool {
	return isAlert(err) && strings.Contains(alertText(err), "certificate")
}

// secondTry finds out by another connection what would have worked: a server name, or an older version of TLS.
func (p *prober) secondTry(ctx context.Context, t *Target, conn net.Conn, failed string) string {
	a := addressOfConn(conn)
	name := hostOnly(t.Host)
	if _, err := netip.ParseAddr(name); t.TLS.SNI == "" && err != nil && name != "" {
		if p.agrees(ctx, t, a, name, t.TLS.Minimum) != 0 {
			return fmt.Sprintf("; with the server name %s it agrees", name)
		}
	}
	if !isVersionAlert(failed) {
		return ""
	}
	if newest := p.agrees(ctx, t, a, t.TLS.SNI, tls.VersionTLS10); newest != 0 {
		return fmt.Sprintf("; it speaks nothing newer than %s", tls.VersionName(newest))
	}
	return ""
}

// agrees returns the version that a handshake with another server name or lowest version agrees on; 0 when it fails.
func (p *prober) agrees(ctx context.Context, t *Target, a address, name string, lowest uint16) uint16 {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return 0
	}
	defer conn.Close()
	defer p.arm(ctx, t, conn)()
	if t.SendProxy > 0 {
		conn.Write(proxyHeader(t.SendProxy, conn)) // what comes of it shows below
	}
	config := t.TLS.config(name)
	config.MinVersion = lowest
	secured := tls.Client(conn, config)
	if secured.HandshakeContext(ctx) != nil {
		return 0
	}
	return secured.ConnectionState().Version
}

// addressOfConn returns what a connection was made to.
func addressOfConn(conn net.Conn) address {
	if unix, ok := conn.RemoteAddr().(*net.UnixAddr); ok {
		return address{socket: unix.Name}
	}
	return address{network: endOf(conn.RemoteAddr())}
}

// verify judges a chain of certificates as the proxy does: its time, who signed it, and its names.
func (t *Target) verify(chain []*x509.Certificate, now time.Time, m *Measure) Outcome {
	leaf := chain[0]
	fault := func(cause Cause, detail string) Outcome { return Outcome{Code: L6RSP, Cause: cause, Detail: detail} }
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return fault(TLSExpired, validity(leaf))
	}
	if roots, known := t.TLS.roots(); known {
		options := x509.VerifyOptions{
			Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		}
		for _, c := range chain[1:] {
			options.Intermediates.AddCert(c)
		}
		_, err := leaf.Verify(options)
		var invalid x509.CertificateInvalidError
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // the authority's own
			m.Expires = invalid.Cert.NotAfter
			return fault(TLSExpired, "of "+invalid.Cert.Subject.CommonName+", "+validity(invalid.Cert))
		case err != nil:
			return fault(TLSUntrusted, err.Error())
		}
	}
	if t.TLS.Name != "" && !t.takes(leaf) {
		return fault(TLSName, "")
	}
	return Outcome{Code: L6OK}
}

func validity(c *x509.Certificate) string {
	return fmt.Sprintf("valid from %s to %s", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
}

// roots returns the certificates that the proxy trusts; false where they can't be read here, since the path is the proxy's.
func (s *TLS) roots() (*x509.CertPool, bool) {
	if s.CA == "" || s.CA == "@system-ca" {
		roots, err := x509.SystemCertPool()
		return roots, err == nil && s.CA != ""
	}
	pem, err := syntax.ReadFile(s.CA)
	if err != nil {
		return nil, false
	}
	roots := x509.NewCertPool()
	return roots, roots.AppendCertsFromPEM([]byte(pem))
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

// takes reports whether the proxy takes a certificate for one of the name that it wants. Neither looks at IP addresses, and
// they differ: for HAProxy the common name counts beside others, and "*.test" is as good as "*.app.test".
func (t *Target) takes(c *x509.Certificate) bool {
	names, least := namesOf(c), 2
	if t.Dialect == syntax.HAProxy {
		names, least = append(slices.Clip(names), c.Subject.CommonName), 1
	}
	return slices.ContainsFunc(names, func(pattern string) bool { return matchesName(pattern, t.TLS.Name, least) })
}

// matchesName compares a name with one of a certificate, whose first label may hold a "*" if no fewer than so many follow.
func matchesName(pattern, name string, least int) bool {
	pattern, name = strings.ToLower(pattern), strings.ToLower(name)
	if pattern == name {
		return true
	}
	label, rest, _ := strings.Cut(pattern, ".")
	first, tail, _ := strings.Cut(name, ".")
	begin, end, isWild := strings.Cut(label, "*")
	return isWild && rest != "" && rest == tail && strings.Count(rest, ".")+1 >= least &&
		len(first) > len(begin+end) && strings.HasPrefix(first, begin) && strings.HasSuffix(first, end)
}
