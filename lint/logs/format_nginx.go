package logs

import (
	"errors"
	"strings"
)

// CompileNginx compiles the format of a log_format directive, the parts of its value joined and unquoted, without
// "escape=".
func CompileNginx(format string) (*Format, error) {
	parts := []part{{}}
	for format != "" {
		if format[0] != '$' {
			n := strings.IndexByte(format, '$')
			if n < 0 {
				n = len(format)
			}
			parts, format = addText(parts, format[:n]), format[n:]
			continue
		}
		name, rest := variable(format[1:])
		if name == "" {
			return nil, errors.New("the log format has a $ without a name")
		}
		parts = append(parts, part{field: nginxField(name)})
		format = rest
	}
	return newFormat(NginxAccess, parts)
}

// variable cuts a variable's name off, "name" or "{name}".
func variable(s string) (name, rest string) {
	if inside, ok := strings.CutPrefix(s, "{"); ok {
		name, rest, _ = strings.Cut(inside, "}")
		return name, rest
	}
	end := 0
	for end < len(s) && isWord(s[end]) {
		end++
	}
	return s[:end], s[end:]
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// nginxField returns what a variable tells.
func nginxField(name string) field {
	switch name {
	case "time_local", "time_iso8601", "msec":
		return fTime
	case "remote_addr", "http_x_forwarded_for", "realip_remote_addr", "proxy_add_x_forwarded_for":
		return fClient
	case "request":
		return fRequest
	case "request_method":
		return fMethod
	case "request_uri", "uri", "document_uri":
		return fPath
	case "server_name", "host", "http_host":
		return fHost
	case "status":
		return fStatus
	case "upstream_addr":
		return fUpstream
	case "upstream_status":
		return fUpstreamStatus
	case "upstream_connect_time":
		return fConnectTime
	case "upstream_header_time", "upstream_first_byte_time":
		return fHeaderTime
	case "upstream_response_time":
		return fResponseTime
	case "request_time", "session_time":
		return fTotalTime
	case "connection":
		return fConnection
	}
	return none
}
