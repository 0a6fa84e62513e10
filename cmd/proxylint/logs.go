package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/lint/safe"
)

const logsHelp = `Usage: proxylint logs [flags] FILE...

Say what the lines of nginx' and HAProxy's logs mean: which upstreams failed, how, how often, and when.
A FILE is an error log or an access log, or - for standard input; gzip is read, too, and what was rotated
away from a log is read before it. With a configuration, each cause stands on the line of its server.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint logs --since 2h /var/log/nginx/error.log /var/log/nginx/access.log
  proxylint logs --config /etc/nginx/nginx.conf /var/log/nginx/error.log
  journalctl -u haproxy -o cat | proxylint logs -
  proxylint logs --follow --since 10m --config haproxy.cfg /var/log/haproxy.log

Exit codes: 0 no cause of level error, 1 one at least, 2 proxylint could not do its work.
`

// logWriters write what was found in logs.
var logWriters = map[string]func(io.Writer, logs.Report) error{
	"text": logs.WriteText, "json": logs.WriteJSON, "html": logs.WriteHTML, "prometheus": logs.WritePrometheus,
}

func logsCommand() *cli.Command {
	return &cli.Command{
		Name:               "logs",
		CustomHelpTemplate: logsHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runLogs,
		Flags: append([]cli.Flag{
			oneOf(keys(logWriters), &cli.StringFlag{
				Name: "format", Value: "text", DefaultText: "text", Usage: "write `F`: " + alternatives(keys(logWriters)),
			}),
			&cli.StringFlag{Name: "since", Usage: "pass over what is older than `AGE`, such as 2h or 30m, or than a time, such as 2026-11-23T14:00"},
			&cli.BoolFlag{Name: "follow", DisableDefaultText: true, Usage: "go on as the FILEs grow, and tell what is new, until an interrupt"},
			&cli.BoolFlag{Name: "live", DisableDefaultText: true, Usage: "dial the servers of --config that the logs blame, see proxylint live --help"},
		}, append(hide(dialFlags()), logInputFlags()...)...),
	}
}

func runLogs(c *cli.Context) error {
	write, err := pick(c, "format", logWriters)
	if err != nil {
		return err
	}
	if err := checkFollow(c); err != nil {
		return err
	}
	if c.NArg() == 0 {
		return errors.New("logs wants a FILE, or - for standard input")
	}
	since, err := parseSince(c.String("since"), time.Now())
	if err != nil {
		return err
	}
	configs, err := newLogConfigs(c)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	reader := newLogReader(c, logs.Declared(configs.read), since, dir)
	if c.Bool("follow") {
		return reader.follow(c, configs)
	}
	report, err := reader.readAll(c)
	if err != nil {
		return err
	}
	configs.join(c, report.Summary)
	var out bytes.Buffer
	if err := write(&out, report); err != nil {
		return err
	}
	if _, err := out.WriteTo(c.App.Writer); err != nil {
		return err
	}
	if report.Summary.Failed() {
		return errFindings
	}
	return nil
}

// parseSince reads an age, or a time of this machine's zone; the zero time for "".
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(s); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since: %q is neither an age nor a time, want 2h, 30m or 2026-11-23T14:00", safe.Clean(s))
}
