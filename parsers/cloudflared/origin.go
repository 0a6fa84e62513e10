package cloudflared

import (
	"strconv"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// What holds where no originRequest says otherwise (Cloudflare's documentation, "Origin configuration parameters").
const (
	connectTimeout       = 30 * time.Second
	keepAliveTimeout     = 90 * time.Second
	keepAliveConnections = 100
)

// origin is how a rule's service is spoken to: its own originRequest, and the one at the top that all rules share.
type origin struct{ own, shared yamldoc.Node }

// find returns the value in effect of a parameter, and where it comes from.
func (o origin) find(name string) (yamldoc.Node, proxy.Origin) {
	if n := o.own.Get(name); n.Exists() && !n.IsNull() {
		return n, proxy.Explicit
	}
	if n := o.shared.Get(name); n.Exists() && !n.IsNull() {
		return n, proxy.Inherited
	}
	return yamldoc.Node{}, proxy.Default
}

// setting returns a parameter in effect, read by parse. What can't be read is unknown: a problem tells of it.
func setting[T any](o origin, name string, builtIn T, parse func(string) (T, error)) proxy.Setting[T] {
	n, from := o.find(name)
	if from == proxy.Default {
		return proxy.Setting[T]{Value: builtIn, Origin: from}
	}
	value, err := parse(n.Text())
	return proxy.Setting[T]{Value: value, Origin: from, Dynamic: err != nil || isFilledIn(n.Text()), At: n.Ref()}
}

func (o origin) duration(name string, builtIn time.Duration) proxy.Setting[time.Duration] {
	return setting(o, name, builtIn, time.ParseDuration)
}

func (o origin) yes(name string) proxy.Setting[bool] { return setting(o, name, false, parseBool) }

func (o origin) number(name string, builtIn int64) proxy.Setting[int64] {
	return setting(o, name, builtIn, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
}

func (o origin) text(name, builtIn string) proxy.Setting[string] {
	return setting(o, name, builtIn, func(s string) (string, error) { return s, nil })
}

// parseBool reads a boolean of YAML 1.1, which the YAML library takes where one is wanted.
func parseBool(s string) (bool, error) {
	switch s {
	case "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, nil
	case "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, nil
	}
	return false, strconv.ErrSyntax
}
