package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/mattn/go-isatty"

	"github.com/proxylint/proxylint/lint/probe"
)

// progressEvery is how often a run that nobody watches on a terminal tells how far it is.
const progressEvery = 5 * time.Second

// showProgress shows how far a run is: a bar on a terminal, else a line now and then. The function returned ends it and
// takes the bar away.
func showProgress(stderr io.Writer, o *probe.Options, all int) (done func()) {
	if file, ok := stderr.(*os.File); ok && isatty.IsTerminal(file.Fd()) && os.Getenv("TERM") != "dumb" {
		bar := pb.New(all).SetWriter(file).Set(pb.CleanOnFinish, true)
		bar.SetTemplateString(`{{counters .}} upstreams {{bar .}} {{etime .}}`)
		o.Progress = func(done, _ int) { bar.SetCurrent(int64(done)) }
		bar.Start()
		return func() { bar.Finish() }
	}
	var count atomic.Int64
	o.Progress = func(done, _ int) { count.Store(int64(done)) }
	return tellEvery(progressEvery, func() {
		fmt.Fprintf(stderr, "proxylint: %d of %d upstreams are tested\n", count.Load(), all)
	})
}

// tellEvery calls a function now and then, until the function returned is called.
func tellEvery(interval time.Duration, tell func()) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
