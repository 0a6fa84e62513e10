package inventory

import (
	"encoding/xml"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// isTomcatName reports whether a file may be a Tomcat server.xml, by its path.
func isTomcatName(path string) bool { return filepath.Base(path) == "server.xml" }

// holdsTomcat reports whether a text is a Tomcat server.xml.
func holdsTomcat(src string) bool {
	return strings.Contains(src, "<Server") && strings.Contains(src, "<Connector")
}

// tomcat reads the connectors of a Tomcat server.xml, each as an app of its own: its limits are its own.
func (r *reader) tomcat(f *syntax.File) {
	decoder := xml.NewDecoder(strings.NewReader(f.Src))
	// Positions are of the bytes as they stand, and what counts here is ASCII.
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		start := int(decoder.InputOffset())
		token, err := decoder.RawToken()
		if err == io.EOF {
			return
		}
		if err != nil {
			r.gap(f.Path, "is not well-formed XML")
			return
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "Connector" {
			r.apps = append(r.apps, connectorApp(f, element, start, int(decoder.InputOffset())))
		}
	}
}

// connectorApp makes the facts of the Connector tag between two offsets.
func connectorApp(f *syntax.File, element xml.StartElement, from, to int) *App {
	attrs := tagValues(f, element, from, to)
	name := syntax.Span{Start: syntax.Pos(from + 1), End: syntax.Pos(from + 1 + len("Connector"))}
	app := &App{Kind: "Tomcat", At: f.Ref(name)}
	b := Bind{Protocol: proxy.HTTP, TLS: attrs["SSLEnabled"].Text == "true"}
	if protocol := attrs["protocol"]; strings.HasPrefix(protocol.Text, "AJP") || strings.Contains(protocol.Text, ".ajp.") {
		b.Protocol = proxy.AJP
	}
	if port := attrs["port"]; port.isSet() && port.Text != "-1" {
		b.Addr = joinAddress(attrs["address"], port)
		app.Binds = []Bind{b}
	}
	if b.Protocol == proxy.HTTP {
		app.setConnectorLimits(attrs)
	}
	return app
}

// setConnectorLimits sets the limits of an HTTP connector.
func (a *App) setConnectorLimits(attrs map[string]Value) {
	a.Idle = byDefault(connectorLimits.idle)
	for _, name := range []string{"connectionTimeout", "keepAliveTimeout"} {
		if v := attrs[name]; v.isSet() {
			a.Idle = inUnits(v, time.Millisecond)
		}
	}
	a.Header = byDefault(connectorLimits.header)
	for _, name := range []string{"maxHttpHeaderSize", "maxHttpRequestHeaderSize"} {
		if v := attrs[name]; v.isSet() {
			a.Header = byteLimit(v)
		}
	}
}

// tagValues returns the attributes of the tag between two offsets, with their places.
func tagValues(f *syntax.File, element xml.StartElement, from, to int) map[string]Value {
	values := map[string]Value{}
	for _, attr := range element.Attr {
		// The text is well-formed: the attributes stand in this order, each between quotes.
		equals := strings.IndexByte(f.Src[from:to], '=')
		if equals < 0 {
			break
		}
		open := strings.IndexAny(f.Src[from+equals:to], `"'`)
		if open < 0 {
			break
		}
		from += equals + open + 1
		length := strings.IndexByte(f.Src[from:to], f.Src[from-1])
		if length < 0 {
			break
		}
		value := fileValue(f, from, from+length)
		value.Text = strings.TrimSpace(attr.Value)
		values[attr.Name.Local] = value.dynamicIf("${", "@", "{{")
		from += length + 1
	}
	return values
}
