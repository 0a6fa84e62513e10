package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/lint/report"
)

// TestBrowserLogs has the page of the logs on a phone: all of its table, and when a cause was seen, are in sight.
func TestBrowserLogs(t *testing.T) {
	const text = `2026/11/23 05:17:20 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.example, request: "GET /a HTTP/1.1", upstream: "http://10.0.0.7:8080/a", host: "shop.example"
2026/11/23 06:17:22 [error] 7#7: *2 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.example, request: "GET /b HTTP/1.1", upstream: "http://10.0.0.7:8080/b", host: "shop.example"
2026/11/23 06:17:22 [error] 7#7: *3 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.1, server: shop.example, request: "GET /c HTTP/1.1", upstream: "http://10.0.0.8:8080/c", host: "shop.example"
`
	summary := logs.NewSummary()
	parser := logs.NewParser(logs.Options{Location: time.UTC, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)})
	read, err := parser.Read(strings.NewReader(text), "error.log", func(e *logs.Event) { summary.Add(e) })
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := logs.WriteHTML(&page, logs.Report{Summary: summary, Files: 1, Read: read}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"<td>504</td>", "05:17:20 to 2026-11-23 06:17:22<", "█......................█<"} {
		if !strings.Contains(page.String(), part) {
			t.Errorf("no %s in\n%s", part, page.String())
		}
	}
	if found := report.Sideways(t, page.Bytes()); len(found) > 0 {
		t.Errorf("%s scroll", found)
	}
}
