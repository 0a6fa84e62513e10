package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/proxylint/proxylint/lint/probe"
)

// WriteLive writes what was dialed as a table, one line for each address tried. As in Write, nothing in it can act on a
// terminal.
func WriteLive(w io.Writer, results *probe.Results, o Options) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "UPSTREAM\tADDRESS\tPROTOCOL\tCODE\tDETAIL\tWHERE")
	for _, r := range results.List {
		for _, try := range r.Tries {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", clean(r.Pool.Name), try.Addr, r.Protocol, try.Code, clean(try.Detail), clean(o.place(r.Addr.At)))
		}
	}
	return table.Flush()
}
