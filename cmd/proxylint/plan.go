package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// planFlags are the flags about what is dialed, rather than how.
func planFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "plan", DisableDefaultText: true, Usage: "write what would be dialed, as text or json, and dial nothing"},
		&cli.StringFlag{Name: "plan-file", Usage: "dial what the `FILE` lists, which --plan --format json wrote elsewhere"},
	}
}

// shard is one of several parts that a run is split into. The zero value is the whole.
type shard struct{ index, of int } // index from 1

func parseShard(text string) (shard, error) {
	if text == "" {
		return shard{}, nil
	}
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if errors.Join(err, err2) != nil || i < 1 || i > n {
		return shard{}, fmt.Errorf("--shard: %q is not I/N, such as 2/5", text)
	}
	return shard{i, n}, nil
}

// pick returns the targets of the shard. Servers of one upstream stay together, since what a client sees depends on all
// of them.
func (s shard) pick(targets []*probe.Target) []*probe.Target {
	if s.of == 0 {
		return targets
	}
	return slices.DeleteFunc(targets, func(t *probe.Target) bool {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s\x00%s", t.Pool.At.File.Path, t.Pool.Name) // a Hash takes all
		return int(h.Sum32()%uint32(s.of)) != s.index-1
	})
}

// targets returns what is to be dialed for the configurations.
func (f liveFlags) targets(configs []*proxy.Config, facts *inventory.Facts) []*probe.Target {
	return f.shard.pick(probe.Plan(configs, facts))
}

// readPlan reads a --plan-file, and stands in for the configurations that it was made from.
func readPlan(path string) ([]*probe.Target, []*proxy.Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("--plan-file: %w", err)
	}
	defer file.Close()
	targets, err := probe.ReadPlan(file)
	if err != nil {
		return nil, nil, fmt.Errorf("--plan-file: %s: %w", path, err)
	}
	var configs []*proxy.Config
	for _, t := range targets {
		if !slices.Contains(configs, t.Config) {
			configs = append(configs, t.Config)
		}
	}
	return targets, configs, nil
}

// writePlan writes what would be dialed to standard output.
func writePlan(c *cli.Context, outputs []output, targets []*probe.Target) error {
	if len(outputs) != 1 || outputs[0].file != "" || outputs[0].format != "text" && outputs[0].format != "json" {
		return errors.New("--plan is written as --format text or json, to standard output")
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if outputs[0].format == "json" {
		err = probe.WritePlan(&out, targets)
	} else {
		err = report.WritePlan(&out, targets, report.Options{Dir: dir})
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(c.App.Writer)
	return err
}
