package report

import "github.com/proxylint/proxylint/lint/probe"

// htmlLiveRows is how many addresses a page shows at most.
const htmlLiveRows = 2000

type (
	// htmlLive is the table of what was dialed.
	htmlLive struct {
		Vantage string
		Heads   []string
		Rows    []htmlLiveRow
	}
	htmlLiveRow struct {
		Class string // of the row: "error" where the address does not answer as it should, "quiet" where nothing is known
		Cells []string
	}
)

// addLive shows what was dialed; nil: nothing was. What fails comes first where there is no room for all.
func (p *htmlPage) addLive(o Options, results *probe.Results) {
	if results == nil {
		return
	}
	rows := liveRows(results)
	if left := len(rows) - htmlLiveRows; left > 0 {
		rows = failingFirst(rows)[:htmlLiveRows]
		p.LeftOut = append(p.LeftOut, count(left, "dialed address")+", none of which fails unless all shown do")
	}
	p.Live = &htmlLive{Vantage: vantage(results), Heads: liveHeads}
	for _, r := range rows {
		p.Live.Rows = append(p.Live.Rows, htmlLiveRow{liveClass(r), o.liveCells(r)})
	}
}

func failingFirst(rows []liveRow) []liveRow {
	var failing, rest []liveRow
	for _, r := range rows {
		if liveClass(r) == "error" {
			failing = append(failing, r)
		} else {
			rest = append(rest, r)
		}
	}
	return append(failing, rest...)
}

func liveClass(r liveRow) string {
	switch {
	case !r.Try.Tells():
		return "quiet"
	case !r.Try.OK(), r.sees() != "":
		return "error"
	}
	return ""
}
