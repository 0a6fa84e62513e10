package main

import (
	"io"
	"os"

	"github.com/cheggaaa/pb/v3"
	"github.com/mattn/go-isatty"
)

// slowLogs is how many bytes take long enough to be read that somebody at a terminal wonders.
const slowLogs = 256 << 20

// logProgress shows on a terminal how much of big logs is read; nil: it shows nothing.
type logProgress struct{ bar *pb.ProgressBar }

// startLogProgress begins to show it, for the files of a list whose size is known.
func startLogProgress(stderr io.Writer, paths []string) *logProgress {
	file, ok := stderr.(*os.File)
	if !ok || !isatty.IsTerminal(file.Fd()) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	var size int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	if size < slowLogs {
		return nil
	}
	bar := pb.New64(size).SetWriter(file).Set(pb.Bytes, true).Set(pb.CleanOnFinish, true)
	bar.SetTemplateString(`{{counters .}} {{bar .}} {{etime .}}`)
	return &logProgress{bar.Start()}
}

// reader counts what is read of a file.
func (p *logProgress) reader(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return p.bar.NewProxyReader(r)
}

// end takes the bar away.
func (p *logProgress) end() {
	if p != nil {
		p.bar.Finish()
	}
}
