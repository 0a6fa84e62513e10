package report

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"text/tabwriter"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/safe"
)

// WritePlan writes what would be dialed as a table. As in Write, nothing in it can act on a terminal.
func WritePlan(w io.Writer, targets []*probe.Target, o Options) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tLOOKUP\tPROTOCOL\tSENDS\tWHERE")
	for _, t := range targets {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
			clean(dialed(t)), lookup(t), spoken(t), clean(safe.Mask(t.Opening(), nil)), clean(o.place(t.Addr.At.Outer())))
		if t.Check != nil {
			fmt.Fprintf(table, "\t\tcheck\t%s\t%s\n", clean(safe.Mask(t.Check.String(), nil)), clean(o.place(t.Check.At.Outer())))
		}
	}
	fmt.Fprintf(table, "%s\n", count(len(targets), "target"))
	return table.Flush()
}

func dialed(t *probe.Target) string {
	if t.Addr.Socket != "" {
		return "unix:" + t.Addr.Socket
	}
	return net.JoinHostPort(t.Addr.Host, strconv.Itoa(t.Addr.Port))
}

func lookup(t *probe.Target) string {
	switch t.Lookup.How {
	case probe.AtStart:
		return "system, all addresses"
	case probe.OnDial:
		return "system, each time"
	case probe.Libc:
		return "system, first address"
	case probe.ByDNS:
		if len(t.Lookup.Servers) > 0 {
			return "DNS " + clean(t.Lookup.Servers[0])
		}
		return "DNS"
	}
	return "-"
}

// spoken names what is spoken to a target, and the PROXY header before it: "HTTP/2 over TLS after PROXY v2".
func spoken(t *probe.Target) string {
	if t.SendProxy > 0 {
		return fmt.Sprintf("%s after PROXY v%d", t.Spoken(), t.SendProxy)
	}
	return t.Spoken()
}
