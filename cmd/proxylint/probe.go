package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/probe"
)

// dialFlags say how upstreams are dialed.
func dialFlags() []cli.Flag {
	o := probe.Defaults()
	return []cli.Flag{
		&cli.GenericFlag{Name: "resolver", Value: new(resolver), Usage: "ask the DNS server `IP[:PORT]` for all names; system: as this machine looks them up"},
		&cli.GenericFlag{Name: "resolve-host", Value: standIns{}, Usage: "take an address for a name that is not looked up: `NAME:PORT=IP`; may be repeated"},
		&cli.GenericFlag{Name: "allow", Value: &prefixes{}, Usage: "dial the addresses of `CIDR` alone, once names are looked up; may be repeated"},
		&cli.GenericFlag{Name: "deny", Value: &prefixes{}, Usage: "never dial the addresses of `CIDR`; may be repeated"},
		&cli.BoolFlag{Name: "allow-public", DisableDefaultText: true, Usage: "dial public addresses where the environment variable CI is set, too"},
		&cli.IntFlag{Name: "concurrency", Value: o.Concurrency, Usage: "dial `N` upstreams at once"},
		&cli.IntFlag{Name: "per-address", Value: o.PerAddress, Usage: "dial `N` upstreams of one IP address at once"},
		&cli.IntFlag{Name: "rate", Value: o.Rate, Usage: "open `N` connections in a second; 0: as many as can be"},
		timeFlag("connect-timeout", o.ConnectTimeout, "wait `TIME` for a connection, or as long as the proxy if that is less"),
		&cli.BoolFlag{Name: "as-configured", DisableDefaultText: true, Usage: "wait as long as the proxy, however long"},
		timeFlag("answer-timeout", o.AnswerTimeout, "wait `TIME` for an answer"),
		timeFlag("idle-budget", o.IdleBudget, "hold an idle connection for `TIME` to see it closed"),
		timeFlag("wait", o.Wait, "try again for `TIME` what fails, for upstreams that are starting"),
		timeFlag("deadline", o.Deadline, "end dialing after `TIME` and that of --wait; the rest is not tested"),
		&cli.BoolFlag{Name: "no-diagnose", DisableDefaultText: true, Usage: "do not find out what else is spoken where the protocol fails"},
		&cli.BoolFlag{Name: "strict-live", DisableDefaultText: true, Usage: "an upstream that does not answer a connection is an error"},
		&cli.BoolFlag{Name: "require-complete", DisableDefaultText: true, Usage: "an upstream that could not be tested is an error"},
	}
}

// hide keeps flags out of a command's help.
func hide(flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.BoolFlag:
			f.Hidden = true
		case *cli.IntFlag:
			f.Hidden = true
		case *cli.GenericFlag:
			f.Hidden = true
		}
	}
	return flags
}

// dialOptions reads dialFlags.
func dialOptions(c *cli.Context) (probe.Options, error) {
	o := probe.Defaults()
	o.Resolver, o.ResolveHost = string(*c.Generic("resolver").(*resolver)), c.Generic("resolve-host").(standIns)
	o.Allow, o.Deny = *c.Generic("allow").(*prefixes), *c.Generic("deny").(*prefixes)
	o.AllowPublic = c.Bool("allow-public") || os.Getenv("CI") == ""
	o.AsConfigured, o.Strict, o.Complete = c.Bool("as-configured"), c.Bool("strict-live"), c.Bool("require-complete")
	o.Diagnose = !c.Bool("no-diagnose")
	return o, cmp.Or(
		wholeNumber(c, "concurrency", &o.Concurrency, 1), wholeNumber(c, "per-address", &o.PerAddress, 1), wholeNumber(c, "rate", &o.Rate, 0),
		lasting(c, "connect-timeout", &o.ConnectTimeout, 1), lasting(c, "answer-timeout", &o.AnswerTimeout, 1),
		lasting(c, "deadline", &o.Deadline, 1), lasting(c, "wait", &o.Wait, 0), lasting(c, "idle-budget", &o.IdleBudget, 0),
	)
}

// wholeNumber reads a flag whose value is a number that is not below the least.
func wholeNumber(c *cli.Context, flag string, n *int, least int) error {
	const most = 1 << 20
	if *n = c.Int(flag); *n < least || *n > most {
		return fmt.Errorf("--%s: %d is not between %d and %d", flag, *n, least, most)
	}
	return nil
}

// timeFlag is a flag whose value is a length of time.
func timeFlag(name string, value time.Duration, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Value: (*timeValue)(&value), Usage: usage}
}

// timeValue is the value of a flag.
type timeValue time.Duration

// Set reads a time with its unit.
func (t *timeValue) Set(value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return errors.New("want a time such as 30s or 2m")
	}
	*t = timeValue(d)
	return nil
}

// String writes it as Set reads it.
func (t *timeValue) String() string { return time.Duration(*t).String() }

// lasting reads a flag whose value is a time that is not below the least.
func lasting(c *cli.Context, flag string, d *time.Duration, least time.Duration) error {
	if *d = time.Duration(*c.Generic(flag).(*timeValue)); *d < least {
		return fmt.Errorf("--%s: it must be longer than nothing", flag)
	}
	return nil
}

// prefixes is the values of a flag that takes networks.
type prefixes []netip.Prefix

// Set adds a network, or one address.
func (p *prefixes) Set(value string) error {
	if addr, err := netip.ParseAddr(value); err == nil && addr.Zone() == "" {
		*p = append(*p, netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		return errors.New("want a network such as 10.0.0.0/8, or an address")
	}
	*p = append(*p, prefix.Masked())
	return nil
}

// String is for the help, which shows no default.
func (p *prefixes) String() string { return "" }

// dial dials targets, and shows on standard error how far it is. Then it looks up the names that stand beside addresses. An
// interrupt ends it early, with what is known by then; a second one ends the program.
func dial(c *cli.Context, targets []*probe.Target, beside []string, o probe.Options) *probe.Results {
	ctx, stop := interruptible(c.Context)
	defer stop()
	if c.String("shard") == "" && c.Command.Name != "logs" { // there, other targets may have it
		for _, dialed := range o.Unused(targets) {
			fmt.Fprintf(c.App.ErrWriter, "proxylint: --resolve-host %s: no target has this name and port\n", dialed)
		}
	}
	done := showProgress(c.App.ErrWriter, &o, len(targets))
	results := probe.Run(ctx, targets, o)
	done()
	results.Named = probe.LookUp(ctx, beside, o)
	if ctx.Err() != nil {
		fmt.Fprintln(c.App.ErrWriter, "proxylint: interrupted: this is what is known so far")
	}
	return results
}

// interruptible returns a context that an interrupt ends. A second one has its usual effect.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
