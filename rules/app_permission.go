package rules

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// runsAs is whom a proxy becomes before it connects to backends.
type runsAs struct {
	user, group string
	at          syntax.Ref
}

// runsAsOf returns what a configuration says of its user; false when it says nothing, or that it stays root.
func runsAsOf(c *proxy.Config) (who runsAs, ok bool) {
	if c.Tree.Fragment {
		return who, false
	}
	c.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		switch name := s.Name(); {
		case name == "user" && c.Dialect == syntax.Nginx && scope.Stmt == nil:
			who = runsAs{user: s.Arg(1), group: s.Arg(2), at: s.Ref(1)}
		case name == "user" && c.Dialect == syntax.HAProxy:
			who.user, who.at = s.Arg(1), s.Ref(1)
		case name == "group" && c.Dialect == syntax.HAProxy:
			who.group = s.Arg(1)
		}
		return s.Name() == "global"
	})
	if who.group == "" {
		who.group = who.user
	}
	return who, who.user != "" && who.user != "root" && isPlainName(who.user) && isPlainName(who.group)
}

// Bits of a socket's mode: connecting needs the right to write (unix(7)).
const (
	ownerWrites fs.FileMode = 0o200
	groupWrites fs.FileMode = 0o020
	othersWrite fs.FileMode = 0o002
)

// keptOut reports whether a socket's owner, group and mode leave a proxy out, as far as they are written. Who else is
// in the group is not known, but for the group of the user's own name.
func (who runsAs) keptOut(b backendApp) bool {
	mode := b.bind.Mode
	owner, group := ownerOf(b)
	switch {
	case mode == 0 || mode&othersWrite != 0 || owner == "":
		return false
	case owner == who.user:
		return mode&ownerWrites == 0
	case mode&groupWrites == 0:
		return true
	}
	return group != "" && group != who.group && group != who.user
}

// ownerOf returns who owns a socket; "" where that isn't known. php-fpm leaves a socket to root, who started it, when
// its pool names a user and no owner.
func ownerOf(b backendApp) (owner, group string) {
	if b.bind.Owner.Dynamic || b.bind.Group.Dynamic {
		return "", ""
	}
	owner, group = b.bind.Owner.Text, b.bind.Group.Text
	if isFPM(b.App) && b.User.Text != "" {
		if owner == "" {
			owner = "root"
		}
		if group == "" {
			group = "root"
		}
	}
	return owner, group
}

// reportKeptOut tells of the sockets that a proxy may not connect to. fits says which servers are meant.
func reportKeptOut(p *lint.Pass, fits func(*inventory.App) bool) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	who, ok := runsAsOf(p.Config)
	if !ok {
		return
	}
	for u := range appUses(p.Config) {
		if u.endpoint.Addr.Socket == "" {
			continue
		}
		found := around.onSocket(u.endpoint.Addr.Socket)
		open := func(b backendApp) bool { return !fits(b.App) || !who.keptOut(b) }
		if len(found) == 0 || slices.ContainsFunc(found, open) {
			continue
		}
		p.Report(keptOutFinding(around, u, who, found[0]))
	}
}

func keptOutFinding(around *surroundings, u appUse, who runsAs, b backendApp) lint.Diagnostic {
	owner, group := ownerOf(b)
	holder := owner
	if b.bind.Mode&groupWrites != 0 {
		holder = owner + " and the group " + group
	}
	at := b.bind.ModeAt
	for _, v := range []inventory.Value{b.bind.Group, b.bind.Owner} {
		if !v.At.IsZero() {
			at = v.At
		}
	}
	d := lint.Diagnostic{
		Symptom: u.failure(),
		At:      u.endpoint.Addr.At,
		Message: fmt.Sprintf("%s runs as %s, and %s is open to %s alone (mode %04o)",
			u.endpoint.Addr.At.File.Dialect.Product(), who.user, u.endpoint.Addr.Socket, holder, b.bind.Mode.Perm()),
		Related: append(around.chain(b, b.title()+" makes the socket", at), lint.Related{At: who.at, Message: "the proxy's user"}),
	}
	switch {
	case isFPM(b.App):
		d.Hint = fmt.Sprintf("listen.owner = %s (and listen.group = %s)", who.user, who.group)
	case b.Kind == "systemd" || b.bind.Addr.At.File != b.At.File:
		d.Hint = fmt.Sprintf("SocketUser=%s (in the .socket unit)", who.user)
	case b.Kind == "uwsgi":
		d.Hint = fmt.Sprintf("chown-socket = %s:%s", who.user, who.group)
	default:
		d.Hint = fmt.Sprintf("Group=%s and a umask of 007", who.group)
	}
	return d
}
