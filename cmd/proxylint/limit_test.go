package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/settings"
)

// TestLimit holds flags and settings beside each other.
func TestLimit(t *testing.T) {
	networks := func(texts ...string) []netip.Prefix {
		var list []netip.Prefix
		for _, text := range texts {
			list = append(list, netip.MustParsePrefix(text))
		}
		return list
	}
	yes, no := true, false
	all := settings.Live{
		Concurrency: 8, Rate: 20, Timeout: time.Second, Deadline: time.Hour,
		Allow: networks("10.0.0.0/8"), Deny: networks("10.9.0.0/16"), AllowPublic: &no,
	}
	for _, test := range []struct {
		name string
		ci   string
		args []string
		said settings.Live
		want func(o *probe.Options) // what differs from the defaults
	}{
		{name: "nothing is said", want: func(*probe.Options) {}},
		{name: "settings", said: all, want: func(o *probe.Options) {
			o.Concurrency, o.Rate, o.ConnectTimeout, o.Deadline = 8, 20, time.Second, time.Hour
			o.Within, o.Deny, o.AllowPublic = all.Allow, all.Deny, false
		}},
		{
			name: "flags are stronger, if they say what is the default, too", said: all,
			args: []string{
				"--concurrency=128", "--rate=0", "--connect-timeout=4s", "--deadline=1m",
				"--allow=10.1.0.0/16", "--deny=10.2.0.0/16", "--allow-public",
			},
			want: func(o *probe.Options) {
				o.Rate, o.Allow, o.Deny = 0, networks("10.1.0.0/16"), networks("10.2.0.0/16", "10.9.0.0/16")
			},
		},
		{name: "nothing is allowed", said: settings.Live{Allow: []netip.Prefix{}}, want: func(o *probe.Options) { o.Within = []netip.Prefix{} }},
		{name: "in CI", ci: "true", want: func(o *probe.Options) { o.AllowPublic = false }},
		{name: "in CI, asked for", ci: "true", args: []string{"--allow-public"}, want: func(*probe.Options) {}},
		{name: "in CI, by a file that was found", ci: "true", said: settings.Live{AllowPublic: &yes}, want: func(o *probe.Options) { o.AllowPublic = false }},
		{name: "in CI, by a file that was named", ci: "true", said: settings.Live{AllowPublic: &yes}, args: []string{"--config=x"}, want: func(*probe.Options) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CI", test.ci)
			var got probe.Options
			app := &cli.App{Flags: slices.Concat(dialFlags(), configFlags()), Action: func(c *cli.Context) (err error) {
				got, err = dialOptions(c)
				limit(c, &got, test.said)
				return err
			}}
			if err := app.Run(append([]string{"proxylint"}, test.args...)); err != nil {
				t.Fatal(err)
			}
			want := probe.Defaults()
			want.ResolveHost, want.Allow = map[string][]netip.Addr{}, []netip.Prefix{} // flags that are not given
			test.want(&want)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
