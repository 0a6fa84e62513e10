package logs

import (
	"fmt"
	"strings"
)

// nginxDetail puts the number or text that a message holds into words.
func nginxDetail(c Cause, text string) string {
	switch c {
	case NotFastCGI:
		if strings.Contains(text, "FastCGI protocol version") {
			return protocolByte(number(text[strings.LastIndexByte(text, ':')+1:]))
		}
	case ProtocolError:
		if _, size, ok := strings.Cut(text, "too large http2 frame: "); ok {
			return protocolByte(number(size) >> 16) // the length stands in the first three bytes
		}
	case TLSAlert:
		return alert(text)
	case TLSVerify, TLSName, AuthRequest, BodyTooLarge, NotHTTP:
		if _, rest, ok := strings.Cut(text, ": "); ok {
			return rest
		}
	case ScriptStderr, ScriptUnknown:
		if _, rest, ok := strings.Cut(text, stderrMark); ok {
			return strings.TrimSuffix(rest, `"`)
		}
	case SocketMissing:
		if strings.Contains(text, ": Not a directory)") {
			return "what stands before the last slash is no folder: a socket's path ends at a colon"
		}
	case TLSHandshake, TLSNotSpoken:
		return opensslReason(text)
	}
	return ""
}

// protocolByte says what the first byte of an answer tells of a server that FastCGI or HTTP/2 was spoken to.
func protocolByte(n int) string {
	meaning := map[int]string{
		0x48: "the letter H: the server answered in HTTP",
		0x15: "a TLS alert: the server speaks TLS",
		0x16: "a TLS handshake: the server speaks TLS",
		0x53: "the letter S, as an SSH server greets",
		0x32: "the figure 2, as an SMTP or FTP server greets",
		0x2b: "a plus, as a POP3 or Redis server answers",
		0x2d: "a minus, as Redis answers with an error",
		0x3c: "an opening angle bracket: the server sent HTML or XML without a header",
		0x00: "a zero, as the settings of HTTP/2 begin",
	}[n]
	switch {
	case meaning != "":
		return fmt.Sprintf("%d is %s", n, meaning)
	case n > ' ' && n < 0x7f:
		return fmt.Sprintf("%d is the character %c", n, n)
	}
	return ""
}

// alerts are those of TLS that tell what to do (RFC 8446, section 6).
var alerts = map[int]string{
	40:  "handshake_failure: no version or cipher in common, or a client certificate is wanted",
	42:  "bad_certificate: the client certificate is refused",
	46:  "certificate_unknown: the client certificate is refused",
	48:  "unknown_ca: the client certificate's issuer is not trusted",
	70:  "protocol_version: no version of TLS in common",
	71:  "insufficient_security: the ciphers offered are too weak",
	80:  "internal_error: often a server that has no certificate for the name sent",
	112: "unrecognized_name: the server does not know the name sent (SNI)",
	116: "certificate_required: the server wants a client certificate",
	120: "no_application_protocol: none of the protocols offered (ALPN)",
}

// alert reads the number of a TLS alert.
func alert(text string) string {
	_, rest, ok := strings.Cut(text, "SSL alert number ")
	if !ok {
		return opensslReason(text)
	}
	n := number(rest)
	if known, ok := alerts[n]; ok {
		return fmt.Sprintf("alert %d, %s", n, known)
	}
	return fmt.Sprintf("alert %d", n)
}

// opensslReason returns the words of an error of OpenSSL, "error:0A00010B:SSL routines::wrong version number".
func opensslReason(text string) string {
	_, rest, ok := strings.Cut(text, "error:")
	if !ok {
		return ""
	}
	rest = strings.TrimRight(rest, ")")
	parts := strings.SplitN(rest, ":", 5)
	if len(parts) < 4 {
		return ""
	}
	reason, _, _ := strings.Cut(parts[3], ") (")
	return reason
}
