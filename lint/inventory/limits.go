package inventory

import (
	"io/fs"
	"strconv"
	"time"
)

// limits are what a server does to slow requests, idle connections and long headers by default; 0: nothing that is
// known.
type limits struct {
	kill, idle time.Duration
	header     int64 // bytes
}

// knownLimits are the limits of servers by their kind, or the family of programs they are of.
var knownLimits = map[string]limits{
	// https://docs.gunicorn.org/en/stable/settings.html: timeout (of sync workers), keepalive (of the others),
	// limit_request_field_size
	"gunicorn":  {kill: 30 * time.Second, idle: 2 * time.Second, header: 8190},
	"uvicorn":   {idle: 5 * time.Second}, // https://www.uvicorn.org/settings/#timeouts
	"hypercorn": {idle: 5 * time.Second}, // https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html: keep_alive_timeout
	"uwsgi":     {header: 4096},          // https://uwsgi-docs.readthedocs.io/en/latest/Options.html#buffer-size
	// https://nodejs.org/docs/latest-v24.x/api/http.html#serverkeepalivetimeout; those after version 25 wait for 65 s
	"node": {idle: 5 * time.Second},
	// https://github.com/jetty/jetty.project/blob/jetty-12.0.x/jetty-core/jetty-server/src/main/java/org/eclipse/jetty/server/AbstractConnector.java
	"Jetty": {idle: 30 * time.Second},
	// https://github.com/apache/tomcat/blob/10.1.x/conf/server.xml, as it is delivered: connectionTimeout
	"Tomcat": {idle: 20 * time.Second},
	"Apache": {idle: 5 * time.Second}, // https://httpd.apache.org/docs/2.4/mod/core.html#keepalivetimeout
}

// connectorLimits are those of a Tomcat connector that does not say otherwise
// (https://tomcat.apache.org/tomcat-10.1-doc/config/http.html: connectionTimeout, maxHttpHeaderSize).
var connectorLimits = limits{idle: 60 * time.Second, header: 8192}

// uwsgiRouterLimit ends a request that uwsgi's HTTP router passes on
// (https://uwsgi-docs.readthedocs.io/en/latest/Options.html#http-timeout).
const uwsgiRouterLimit = 60 * time.Second

// The modes of sockets whose servers are not told otherwise.
const (
	fpmMode        fs.FileMode = 0o660 // https://www.php.net/manual/en/install.fpm.configuration.php, listen.mode
	gunicornMode   fs.FileMode = 0o777 // https://docs.gunicorn.org/en/stable/settings.html#umask
	uvicornMode    fs.FileMode = 0o666 // https://www.uvicorn.org/settings/#socket-binding, --uds
	uwsgiMode      fs.FileMode = 0o666 // https://uwsgi-docs.readthedocs.io/en/latest/Options.html#chmod-socket, without a value
	socketUnitMode fs.FileMode = 0o666 // systemd.socket(5), SocketMode=
)

// setKnownLimits sets what a server of its kind does by default.
func (a *App) setKnownLimits() {
	known, ok := knownLimits[a.Kind]
	if !ok {
		known = knownLimits[familyOf(a.Kind)]
	}
	a.Kill, a.Idle, a.Header = byDefault(known.kill), byDefault(known.idle), byDefault(known.header)
}

// byDefault returns a limit that a server has by default; 0 is none.
func byDefault[T time.Duration | int64](value T) Limit[T] {
	return Limit[T]{Value: value, Known: value > 0}
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
