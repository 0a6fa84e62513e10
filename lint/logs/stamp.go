package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// stripPrefix cuts off what syslog (RFC 3164, RFC 5424), journald or a container runtime writes before a message.
// stamp is the time there, as written.
func stripPrefix(text []byte) (message, stamp []byte) {
	text = stripService(text)
	text = stripPriority(text)
	n := stampLength(text)
	if n == 0 {
		return text, nil
	}
	stamp, rest := text[:n], text[min(n+1, len(text)):]
	if text[0] == '1' && text[1] == ' ' {
		return stripStructured(rest), stamp[2:]
	}
	return stripTag(rest), stamp
}

// stripService cuts off the name that docker compose writes before each line: "web-1  | ".
func stripService(text []byte) []byte {
	n := bytes.IndexByte(text[:min(len(text), 64)], '|')
	if n < 1 || text[n-1] != ' ' || !bytes.HasPrefix(text[n:], []byte("| ")) {
		return text
	}
	if name := bytes.TrimRight(text[:n], " "); bytes.IndexByte(name, ' ') >= 0 {
		return text
	}
	return text[n+2:]
}

// stripPriority cuts off "<134>".
func stripPriority(text []byte) []byte {
	if len(text) > 2 && text[0] == '<' {
		if n := bytes.IndexByte(text[:min(len(text), 6)], '>'); n > 1 {
			return text[n+1:]
		}
	}
	return text
}

// stampLength returns the length of the time that a prefix begins with: "Nov 23 01:18:31",
// "2026-11-23T01:18:31.123+01:00", or the latter behind the version of RFC 5424, "1 ".
func stampLength(text []byte) int {
	if len(text) < 16 {
		return 0
	}
	if text[3] == ' ' && text[6] == ' ' && text[9] == ':' && text[12] == ':' && text[15] == ' ' {
		return 15
	}
	version := 0
	if text[0] == '1' && text[1] == ' ' {
		version = 2
	}
	iso := text[version:]
	if len(iso) < 20 || iso[4] != '-' || iso[7] != '-' || iso[10] != 'T' || iso[13] != ':' {
		return 0
	}
	if n := bytes.IndexByte(iso[:min(len(iso), 40)], ' '); n > 0 {
		return version + n
	}
	return 0
}

// stripTag cuts off "host haproxy[123]: ", which is not there after the time that docker writes.
func stripTag(text []byte) []byte {
	n := bytes.Index(text[:min(len(text), 64)], []byte(": "))
	if n < 0 {
		return text
	}
	tag := text[:n]
	if space := bytes.IndexByte(tag, ' '); space >= 0 {
		tag = tag[space+1:]
	} else if bytes.ContainsAny(tag, ":\"{") {
		return text
	}
	if bytes.IndexByte(tag, ' ') >= 0 {
		return text
	}
	return text[n+2:]
}

// stripStructured cuts off the fields of RFC 5424 behind the time: host, program, process, message, data.
func stripStructured(text []byte) []byte {
	for range 4 {
		n := bytes.IndexByte(text, ' ')
		if n < 0 {
			return text
		}
		text = text[n+1:]
	}
	if rest, none := bytes.CutPrefix(text, []byte("- ")); none {
		return bytes.TrimPrefix(rest, []byte("\ufeff"))
	}
	if n := bytes.Index(text, []byte("] ")); n > 0 && text[0] == '[' {
		return bytes.TrimPrefix(text[n+2:], []byte("\ufeff"))
	}
	return text
}

// prefixTime reads the time of a prefix. A year that is not told is this one, or the last where that were still to come.
func prefixTime(stamp []byte, now time.Time, location *time.Location) time.Time {
	s := string(stamp)
	if t := isoTime(s); !t.IsZero() {
		return t
	}
	t, err := time.ParseInLocation("2006 Jan _2 15:04:05", strconv.Itoa(now.Year())+" "+s, location)
	if err != nil {
		return time.Time{}
	}
	if t.After(now.Add(24 * time.Hour)) {
		t = t.AddDate(-1, 0, 0)
	}
	return t
}

func isoTime(s string) time.Time {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// errorTime reads the time of nginx' error log, "2026/11/23 01:18:31".
func errorTime(s string, location *time.Location) time.Time {
	var n [6]int
	for i, at := range [...]int{0, 5, 8, 11, 14, 17} {
		end := at + 2
		if i == 0 {
			end = 4
		}
		var ok bool
		if n[i], ok = digits(s[at:end]); !ok {
			return time.Time{}
		}
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, location)
}

// accessTime reads the time of an access log: "23/Nov/2026:01:18:31 +0100" in nginx' and CLF, "23/Nov/2026:01:18:31.655"
// in HAProxy's, ISO 8601, or seconds since 1970.
func accessTime(s string, location *time.Location) time.Time {
	switch {
	case len(s) >= 20 && s[2] == '/' && s[6] == '/':
		return clfTime(s, location)
	case len(s) >= 20 && s[4] == '-':
		return isoTime(s)
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds > 1e8 && seconds < 1e11 {
		return time.UnixMilli(int64(seconds * 1000))
	}
	return time.Time{}
}

func clfTime(s string, location *time.Location) time.Time {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	month := strings.Index(names, s[3:6])
	day, ok1 := digits(s[:2])
	year, ok2 := digits(s[7:11])
	hour, ok3 := digits(s[12:14])
	minute, ok4 := digits(s[15:17])
	second, ok5 := digits(s[18:20])
	if month < 0 || month%3 != 0 || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return time.Time{}
	}
	nanoseconds := 0
	rest := s[20:]
	if len(rest) >= 4 && rest[0] == '.' {
		milliseconds, _ := digits(rest[1:4])
		nanoseconds = milliseconds * int(time.Millisecond)
		rest = rest[4:]
	}
	if len(rest) == 6 && (rest[1] == '+' || rest[1] == '-') {
		hours, _ := digits(rest[2:4])
		minutes, _ := digits(rest[4:])
		offset := (hours*60 + minutes) * 60
		if rest[1] == '-' {
			offset = -offset
		}
		return time.Date(year, time.Month(month/3+1), day, hour, minute, second, nanoseconds, time.UTC).
			Add(-time.Duration(offset) * time.Second)
	}
	return time.Date(year, time.Month(month/3+1), day, hour, minute, second, nanoseconds, location)
}

// digits reads a number of decimal digits alone.
func digits[T string | []byte](s T) (n int, ok bool) {
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' || n > 1e8 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(s) > 0
}
