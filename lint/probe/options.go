package probe

import (
	"net/netip"
	"time"
)

// Options say how a run behaves. The zero value is not usable: begin with Defaults.
type Options struct {
	ResolveOnly  bool // look names up, and connect to nothing
	Diagnose     bool // find out what answers where the configured protocol did not
	Measure      bool // take samples after the first answer
	AsConfigured bool // wait as long for a connection as the proxy would, however long

	Strict   bool // an address that does not answer is an error
	Complete bool // what could not be tested is an error

	Concurrency    int           // targets dialed at once, no more than half the files that may be open
	PerAddress     int           // targets of one IP address or unix socket dialed at once
	Rate           int           // new connections in a second; 0: as many as can be
	ConnectTimeout time.Duration // the longest wait for a connection
	AnswerTimeout  time.Duration // the longest wait for an answer
	IdleBudget     time.Duration // how long an idle connection is held to see it close
	Deadline       time.Duration // of the whole run, Wait not counted
	Wait           time.Duration // how long what fails is tried again, for upstreams that are starting

	Resolver    string                  // ask this DNS server, "IP:port", instead of those configured; "system": the system
	ResolveHost map[string][]netip.Addr // "name:port" in lower case, and what it stands for
	Hosts       map[string][]netip.Addr // names that the proxy's machine knows, in lower case
	Allow, Deny []netip.Prefix          // after resolution, Deny first; Allow empty: all but link-local, metadata and the like
	Within      []netip.Prefix          // beside these nothing is dialed, and unlike Allow they lift no ban; nil: no such bound
	AllowPublic bool                    // public addresses may be dialed that Allow does not have

	Progress func(done, all int) // called after each target, from one goroutine at a time; nil: nobody watches
}

// Defaults are the options of a plain run, with the reasons: a connection whose neighbour does not exist fails after
// 3.07 s on Linux, the kernel sends a lost SYN again after 1 s, and 500 connections in a second spare firewalls' tables.
func Defaults() Options {
	return Options{
		Diagnose:       true,
		Measure:        true,
		Concurrency:    128,
		PerAddress:     4,
		Rate:           500,
		ConnectTimeout: 4 * time.Second,
		AnswerTimeout:  10 * time.Second,
		Deadline:       time.Minute,
		AllowPublic:    true,
	}
}
