package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/parsers"
)

// How often a log that is followed is looked at, and what is new is told.
const (
	lookEvery = 250 * time.Millisecond
	newsEvery = time.Second
)

// checkFollow refuses flags that --follow can't be used with.
func checkFollow(c *cli.Context) error {
	format := c.String("format")
	switch {
	case !c.Bool("follow"):
		return nil
	case format != "text" && format != "json":
		return fmt.Errorf("--follow writes text or json, not %s", format)
	case c.Bool("live"):
		return errors.New("--follow and --live can't be used together: what is dialed once says nothing of what comes later")
	}
	return nil
}

// follow reads logs as they grow, and tells what is new, until an interrupt or the end of standard input. At the end it
// tells what all of it comes to.
func (r *logReader) follow(c *cli.Context, configs *logConfigs) error {
	ctx, stop := interruptible(c.Context)
	defer stop()
	news := &logs.News{JSON: c.String("format") == "json"}
	ended, isCaughtUp := r.followAll(ctx, c.Args().Slice())
	ticker := time.NewTicker(newsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !isCaughtUp() {
				continue
			}
			if err := r.write(c, configs, news.Tell); err != nil {
				return err
			}
		case err := <-ended:
			if err != nil {
				return err
			}
			if err := r.write(c, configs, news.End); err != nil {
				return err
			}
			r.tellCut()
			if r.report.Summary.Failed() {
				return errFindings
			}
			return nil
		}
	}
}

// write writes what is known by now. Nothing is read meanwhile, but for what it takes to write it.
func (r *logReader) write(c *cli.Context, configs *logConfigs, tell func(io.Writer, logs.Report, time.Time) error) error {
	var out bytes.Buffer
	r.mu.Lock()
	configs.join(c, r.report.Summary)
	err := tell(&out, r.report, time.Now())
	r.mu.Unlock()
	if err == nil {
		_, err = out.WriteTo(c.App.Writer)
	}
	return err
}

// followAll reads each of the arguments beside the others. The channel tells when none of them can go on, and the function
// whether all that was there at first is read.
func (r *logReader) followAll(ctx context.Context, args []string) (ended chan error, isCaughtUp func() bool) {
	slices.Sort(args)
	args = slices.Compact(args)
	var behind atomic.Int64
	behind.Store(int64(len(args)))
	group, ctx := errgroup.WithContext(ctx)
	for _, arg := range args {
		caughtUp := sync.OnceFunc(func() { behind.Add(-1) })
		if arg == stdinPath {
			r.stdin = until(ctx, r.stdin)
			caughtUp() // whether more is to come at once can't be known
		}
		group.Go(func() error { return r.followOne(ctx, arg, caughtUp) })
	}
	ended = make(chan error, 1)
	go func() { ended <- group.Wait() }()
	return ended, func() bool { return behind.Load() == 0 }
}

// followOne reads what was rotated away from a log, then the log itself as it grows.
func (r *logReader) followOne(ctx context.Context, arg string, caughtUp func()) error {
	parser := r.newParser()
	add := func(e *logs.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.add(e)
	}
	for _, path := range logPaths([]string{arg}, r.since) {
		if path == arg && arg != stdinPath {
			continue
		}
		count, err := r.read(parser, path, nil, add)
		if r.leave(path, count); err != nil {
			return err
		}
	}
	if arg == stdinPath {
		return nil
	}
	count, err := parser.Follow(ctx, arg, logs.Following{Every: lookEvery, CaughtUp: caughtUp, Absent: func(err error) {
		fmt.Fprintf(r.stderr, "proxylint: %s; waiting for it\n", oneLine(parsers.PathError(arg, err).Error()))
	}}, add)
	r.leave(arg, count)
	if err != nil {
		err = parsers.PathError(arg, err)
	}
	return err
}

// leave counts a log that is read no more, if there was one.
func (r *logReader) leave(path string, count logs.Count) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if count.Bytes > 0 {
		r.report.Files++
	}
	r.count(path, count)
}

// until returns what a stream holds until the context ends, though nothing can end a Read of standard input.
func until(ctx context.Context, stream io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.Close() })
	go func() {
		_, err := io.Copy(in, stream)
		in.CloseWithError(err)
	}()
	return out
}
