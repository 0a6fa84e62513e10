package probe

import (
	"bytes"
	"strings"
)

// identify names the protocol that the first bytes of an answer belong to; "" when they fit none that is known.
func identify(b []byte) string {
	text := string(b[:min(len(b), 128)])
	switch {
	case len(b) >= 3 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3 && b[2] <= 4: // an alert or a handshake record
		return "TLS"
	case len(b) >= 9 && b[0] == 0 && b[3] == 4 && b[4] <= 1 && bytes.Equal(b[5:9], make([]byte, 4)): // a SETTINGS frame
		return "HTTP/2"
	case strings.HasPrefix(text, "HTTP/"):
		return "HTTP"
	case strings.HasPrefix(text, "SSH-"):
		return "SSH"
	case strings.HasPrefix(text, "220") && len(text) > 3 && (text[3] == ' ' || text[3] == '-'):
		if strings.Contains(strings.ToUpper(text), "FTP") {
			return "FTP"
		}
		return "SMTP"
	case strings.HasPrefix(text, "+OK"):
		return "POP3"
	case strings.HasPrefix(text, "* OK"):
		return "IMAP"
	case strings.HasPrefix(text, "-ERR"), strings.HasPrefix(text, "-NOAUTH"), strings.HasPrefix(text, "-DENIED"), strings.HasPrefix(text, "+PONG"):
		return "redis"
	case strings.HasPrefix(text, "ERROR\r\n"), strings.HasPrefix(text, "VERSION "):
		return "memcached"
	case strings.HasPrefix(text, "RFB 0"):
		return "VNC"
	case strings.HasPrefix(text, "AMQP"):
		return "AMQP"
	case len(b) >= 5 && b[3] == 0 && b[4] == 0x0a && int(b[0])+int(b[1])<<8 > 20: // a greeting: its length, number 0, version 10
		return "MySQL"
	case len(b) >= 8 && b[0] == 1 && b[1] >= 1 && b[1] <= 11: // a record of version 1
		return "FastCGI"
	case len(b) >= 5 && b[0] == 'A' && b[1] == 'B':
		return "AJP"
	}
	return ""
}

// other is the outcome for an answer in a protocol that was not asked for.
func other(b []byte, code Code) Outcome {
	if name := identify(b); name != "" {
		return Outcome{Code: code, Cause: OtherProtocol, Speaks: name}
	}
	return Outcome{Code: code, Cause: OtherProtocol, Speaks: unnamed, Detail: quoted(b)}
}

// unnamed is what an answer speaks that fits no protocol known here.
const unnamed = "something else"

// quoted shows the beginning of an answer that could not be read.
func quoted(b []byte) string {
	const most = 32
	return "it says " + strings.ToValidUTF8(string(b[:min(len(b), most)]), "\uFFFD")
}
