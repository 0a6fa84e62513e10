package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
)

// handshake agrees TLS over a connection, and judges the certificate as far as the configuration does.
func (p *prober) handshake(ctx context.Context, t *Target, conn net.Conn, s *TLS) (net.Conn, Outcome) {
	client := tls.Client(conn, &tls.Config{
		ServerName: s.SNI, NextProtos: s.ALPN, MinVersion: s.Minimum, MaxVersion: s.Maximum,
		InsecureSkipVerify: true, // the certificate is judged below
		VerifyConnection:   func(state tls.ConnectionState) error { return s.verify(state) },
	})
	err := client.HandshakeContext(ctx)
	switch {
	case err == nil:
		return client, Outcome{Code: L6OK}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, Outcome{Code: L6TOUT, Cause: Silent}
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return nil, Outcome{Code: L6RSP, Cause: TLSUntrusted, Detail: short(err.Error())}
	case errors.As(err, new(x509.HostnameError)):
		return nil, Outcome{Code: L6RSP, Cause: TLSName, Detail: short(err.Error())}
	}
	return nil, Outcome{Code: L6RSP, Cause: TLSFailed, Detail: short(err.Error())}
}

// verify judges the certificates of a connection.
func (s *TLS) verify(state tls.ConnectionState) error {
	if !s.Verify || len(state.PeerCertificates) == 0 {
		return nil
	}
	options := x509.VerifyOptions{DNSName: s.Name, Intermediates: x509.NewCertPool()}
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)
		if err != nil {
			return err
		}
		options.Roots = x509.NewCertPool()
		options.Roots.AppendCertsFromPEM(text)
	}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
