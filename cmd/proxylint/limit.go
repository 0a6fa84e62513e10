package main

import (
	"cmp"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/settings"
)

// limit takes from the settings what no flag says. Whoever changes the repository writes them, so they can forbid more
// and permit nothing that is forbidden, but for public addresses, and those only where the user named the file.
func limit(c *cli.Context, o *probe.Options, said settings.Live) {
	unlessSet(c, "concurrency", &o.Concurrency, said.Concurrency)
	unlessSet(c, "rate", &o.Rate, said.Rate)
	unlessSet(c, "connect-timeout", &o.ConnectTimeout, said.Timeout)
	unlessSet(c, "deadline", &o.Deadline, said.Deadline)
	o.Deny = slices.Concat(o.Deny, said.Deny)
	if !c.IsSet("allow") {
		o.Within = said.Allow
	}
	if public := said.AllowPublic; public != nil && !c.IsSet("allow-public") {
		o.AllowPublic = *public && (o.AllowPublic || c.String("config") != "")
	}
}

// unlessSet takes over a value that is not zero, unless the flag is given.
func unlessSet[T comparable](c *cli.Context, flag string, to *T, value T) {
	if !c.IsSet(flag) {
		*to = cmp.Or(value, *to)
	}
}
