package inventory

import (
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// isSet reports whether the value is written.
func (v Value) isSet() bool { return !v.At.IsZero() }

// part returns the text from byte i to byte j; its place is the whole value's where that is not written as is.
func (v Value) part(i, j int) Value {
	if v.At.Text() == v.Text {
		v.At = v.At.Sub(i, j)
	}
	v.Text = v.Text[i:j]
	return v
}

// after returns the value without a prefix that it has.
func (v Value) after(prefix string) Value { return v.part(len(prefix), len(v.Text)) }

// dynamicIf returns the value, Dynamic when its text holds one of the marks.
func (v Value) dynamicIf(marks ...string) Value {
	for _, mark := range marks {
		v.Dynamic = v.Dynamic || strings.Contains(v.Text, mark)
	}
	return v
}

// socketAddress returns the address of a unix socket.
func socketAddress(path Value) proxy.Address {
	return proxy.Address{Socket: path.Text, Port: -1, Dynamic: path.Dynamic, At: path.At}
}

// portAddress returns the address of a port alone.
func portAddress(port Value) proxy.Address {
	return proxy.Address{Port: digitsPort(port.Text), Dynamic: port.Dynamic, At: port.At, PortAt: port.At}
}

// hostPort returns the address "host:port", "[host]:port", ":port" or "host", whose port is then the usual one.
// A host "*" is none: the server listens on all addresses.
func hostPort(v Value, usual int) proxy.Address {
	addr := proxy.Address{Port: usual, Dynamic: v.Dynamic, At: v.At}
	host := v
	if i := strings.LastIndexByte(v.Text, ':'); i >= 0 && !strings.HasSuffix(v.Text, "]") {
		port := v.part(i+1, len(v.Text))
		addr.Port, addr.PortAt = digitsPort(port.Text), port.At
		host = v.part(0, i)
	} else if v.Dynamic {
		addr.Port = -1
	}
	if strings.HasPrefix(host.Text, "[") && strings.HasSuffix(host.Text, "]") {
		host = host.part(1, len(host.Text)-1)
	}
	if host.Text != "" && host.Text != "*" {
		addr.Host, addr.HostAt = host.Text, host.At
	}
	return addr
}

// joinAddress returns the address of a host and a port that stand apart; one of them may be absent.
func joinAddress(host, port Value) proxy.Address {
	addr := portAddress(port)
	if !port.isSet() {
		addr.Port, addr.At = -1, host.At
	}
	if host.Text != "" && host.Text != "*" {
		addr.Host, addr.HostAt = strings.Trim(host.Text, "[]"), host.At
	}
	addr.Dynamic = addr.Dynamic || host.Dynamic
	return addr
}

// digitsPort returns the number that a text of digits is; -1 for any other.
func digitsPort(text string) int {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// isDigits reports whether a text is a number without sign.
func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// seconds returns a limit in whole seconds or with a fraction; not Known for 0, which switches it off.
func seconds(v Value) Limit[time.Duration] { return inUnits(v, time.Second) }

// inUnits returns a limit that is a number of units.
func inUnits(v Value, unit time.Duration) Limit[time.Duration] {
	n, err := strconv.ParseFloat(v.Text, 64)
	return durationLimit(v, time.Duration(n*float64(unit)), err == nil && n < 1e9)
}

// durationLimit returns a limit as read; not Known where it is none.
func durationLimit(v Value, d time.Duration, ok bool) Limit[time.Duration] {
	if !ok || d <= 0 || v.Dynamic {
		return Limit[time.Duration]{}
	}
	return Limit[time.Duration]{Value: d, Known: true, At: v.At}
}

// byteLimit returns a limit that is a number of bytes.
func byteLimit(v Value) Limit[int64] {
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil || n <= 0 || v.Dynamic {
		return Limit[int64]{}
	}
	return Limit[int64]{Value: n, Known: true, At: v.At}
}

// byDefault returns a limit that the server has by default.
func byDefault[T any](value T) Limit[T] { return Limit[T]{Value: value, Known: true} }

// setMode sets the mode of a unix socket from octal digits.
func (b *Bind) setMode(v Value) {
	n, err := strconv.ParseUint(v.Text, 8, 12)
	if err == nil && !v.Dynamic {
		b.Mode, b.ModeAt = fs.FileMode(n), v.At
	}
}
