package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers"
)

// lockFlags are the flags about upstreams.lock.
func lockFlags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{
			Name: "update-lock", Value: &optional{},
			Usage: "write what was found into upstreams.lock here, or the file behind `[=FILE]`, for later runs",
		},
		&cli.BoolFlag{Name: "lock-hash", DisableDefaultText: true, Usage: "with --update-lock: hash addresses, from then on"},
		&cli.GenericFlag{
			Name: "locked", Value: &optional{},
			Usage: "report what is not as upstreams.lock here, or the file behind `[=FILE]`, has it",
		},
	}
}

// optional is the value of a flag that may stand alone, and takes one behind "=" only.
type optional struct {
	set   bool
	value string // "" when the flag stands alone
}

// Set takes over the value; a flag that stands alone has "true".
func (o *optional) Set(value string) error {
	o.set = true
	if value != "true" {
		o.value = value
	}
	return nil
}

// String is for the help, which shows no default.
func (o *optional) String() string { return "" }

// IsBoolFlag has the flag take no value from the next word.
func (o *optional) IsBoolFlag() bool { return true }

// isOptional reports whether a flag's value may be left out.
func isOptional(f cli.Flag) bool {
	generic, ok := f.(*cli.GenericFlag)
	if !ok {
		return false
	}
	_, ok = generic.Value.(*optional)
	return ok
}

// lockFile says what is done with a lock file. The zero value is nothing.
type lockFile struct {
	update, held string // the path; "": not asked for
	hash         bool
	lock         *inventory.Lock
}

// newLockFile reads the lock file that the flags name.
func newLockFile(c *cli.Context) (lockFile, error) {
	f := lockFile{update: lockPath(c, "update-lock"), held: lockPath(c, "locked"), hash: c.Bool("lock-hash")}
	switch {
	case f.update != "" && f.held != "":
		return f, errors.New("--update-lock takes over what --locked would report: give one of them")
	case f.hash && f.update == "":
		return f, errors.New("--lock-hash says how --update-lock writes, and that is not given")
	case f.update != "" && c.Bool("plan"):
		return f, errors.New("--update-lock writes what was dialed, and --plan dials nothing")
	}
	var err error
	path := cmp.Or(f.held, f.update)
	if path != "" {
		f.lock, err = inventory.ReadLock(path)
	}
	if f.update != "" && errors.Is(err, fs.ErrNotExist) {
		f.lock, err = inventory.NewLock(), nil
	}
	if err != nil {
		return f, fmt.Errorf("--%s: %w", map[bool]string{true: "locked", false: "update-lock"}[f.held != ""], err)
	}
	return f, nil
}

func lockPath(c *cli.Context, flag string) string {
	o, ok := c.Generic(flag).(*optional)
	if !ok || !o.set {
		return ""
	}
	return cmp.Or(o.value, inventory.LockName)
}

// hold has rules compare results with the lock file.
func (f lockFile) hold(results *probe.Results) {
	if f.held != "" {
		results.Lock = f.lock
	}
}

// save writes what was found into the lock file, beside what it holds already.
func (f lockFile) save(results *probe.Results) error {
	if f.update == "" {
		return nil
	}
	if f.hash {
		probe.HashAddresses(f.lock)
	}
	probe.Remember(f.lock, results)
	text, err := f.lock.Text()
	if err == nil {
		err = replaceFile(f.update, text)
	}
	if err != nil {
		return fmt.Errorf("--update-lock: %w", err)
	}
	return nil
}

// replaceMetrics puts metrics into place at one blow: who collects them reads at any time.
func replaceMetrics(path string, result lint.Result, o report.Options) error {
	var text strings.Builder
	err := report.Write(&text, report.Prometheus, result, o)
	if err == nil {
		err = replaceFile(path, text.String())
	}
	if err != nil {
		return fmt.Errorf("--format: %w", parsers.PathError(path, err))
	}
	return nil
}
