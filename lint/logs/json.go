package logs

import "bytes"

// jsonLine reads a flat JSON object: an access log in JSON whose format is not known, its names being nginx' variables
// or what is usual in their place.
func (p *Parser) jsonLine(line Line, text []byte) bool {
	if len(text) < 2 || text[0] != '{' {
		return false
	}
	p.fields = fields{}
	for at := 1; at < len(text); {
		key, value, next := jsonMember(text, at)
		if next < 0 {
			break
		}
		if f := jsonField(text[key.start:key.end]); f != none && !p.fields.has(f) {
			p.fields[f] = value
		}
		at = next
	}
	if !isStatus(p.fields.of(text, fStatus)) {
		return false
	}
	p.known++
	return p.fields.isRemarkable(text, NginxAccess) && p.request(line, text, NginxAccess)
}

type span = struct{ start, end int32 }

// jsonMember finds the next key and its value from a place on, and where to go on; -1: there is none. Objects and arrays
// are gone into, so that their keys count as if they stood outside.
func jsonMember(text []byte, at int) (key, value span, next int) {
	n := bytes.IndexByte(text[at:], '"')
	if n < 0 {
		return key, value, -1
	}
	start := at + n + 1
	end := jsonStringEnd(text, start)
	if end < 0 {
		return key, value, -1
	}
	key = span{int32(start), int32(end)}
	at = skipSpace(text, end+1)
	if at >= len(text) || text[at] != ':' {
		return span{}, value, end + 1
	}
	at = skipSpace(text, at+1)
	if at < len(text) && text[at] == '"' {
		if end = jsonStringEnd(text, at+1); end < 0 {
			return key, value, -1
		}
		return key, span{int32(at + 1), int32(end)}, end + 1
	}
	end = at
	for end < len(text) && bytes.IndexByte([]byte(",}] {["), text[end]) < 0 {
		end++
	}
	return key, span{int32(at), int32(end)}, end
}

// jsonStringEnd returns where the quote stands that closes a string.
func jsonStringEnd(text []byte, from int) int {
	for {
		n := bytes.IndexByte(text[from:], '"')
		if n < 0 {
			return -1
		}
		if n == 0 || !isEscaped(text[from:from+n]) {
			return from + n
		}
		from += n + 1
	}
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return at
}

// jsonField returns what a key tells.
func jsonField(key []byte) field {
	switch string(key) {
	case "@timestamp", "timestamp", "time", "ts", "date":
		return fTime
	case "client", "client_ip", "clientip", "remote_ip", "remote":
		return fClient
	case "method", "verb":
		return fMethod
	case "path", "url":
		return fPath
	case "server", "domain", "vhost":
		return fHost
	case "status_code", "response", "code":
		return fStatus
	case "upstream", "upstream_address":
		return fUpstream
	case "frontend":
		return fFrontend
	}
	return nginxField(string(key))
}
