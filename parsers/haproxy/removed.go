package haproxy

import (
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// renamed are removed keywords of which nothing but the name has changed.
func renamed(name string) string {
	switch name {
	case "contimeout", "timeout contimeout":
		return "timeout connect"
	case "clitimeout", "timeout clitimeout":
		return "timeout client"
	case "srvtimeout", "timeout srvtimeout":
		return "timeout server"
	case "redisp", "redispatch":
		return "option redispatch"
	case "option independant-streams":
		return "option independent-streams"
	case "block":
		return "http-request deny"
	}
	return ""
}

// successor returns the line that does what a line with a removed keyword did; "" where none is known. Words in capitals
// stand for what the old line does not say.
func successor(stmt *syntax.Stmt, name string) string {
	value := textFrom(stmt, 1)
	switch name {
	case "nbproc", "bind-process", "stats bind-process":
		return "delete it: HAProxy starts a thread for each core by itself"
	case "option http-tunnel", "option http-use-htx":
		return "delete it"
	case "option forceclose":
		return "option httpclose"
	case "tune.chksize":
		return "tune.bufsize " + value
	case "monitor-net":
		return "http-request return status 200 if { src " + value + " }"
	case "dispatch":
		return "server NAME " + value
	case "reqadd", "rspadd":
		return addedHeader(stmt)
	case "reqrep", "reqirep", "rsprep", "rspirep":
		return replaced(stmt)
	case "reqdel", "reqidel", "rspdel", "rspidel":
		return messageOf(name) + " del-header " + headerOf(stmt)
	case "reqdeny", "reqideny", "rspdeny", "rspideny":
		return messageOf(name) + " deny if CONDITION"
	case "reqallow", "reqiallow", "reqpass", "reqipass":
		return "http-request allow if CONDITION"
	case "reqtarpit", "reqitarpit":
		return "http-request tarpit if CONDITION"
	}
	return ""
}

// textFrom returns a line from word i on, as written.
func textFrom(stmt *syntax.Stmt, i int) string {
	if i >= len(stmt.Words) {
		return ""
	}
	return stmt.File.Text(syntax.Span{Start: stmt.Words[i].Start, End: stmt.Words[len(stmt.Words)-1].End})
}

// messageOf returns the keyword that took the place of those which rewrote requests or answers.
func messageOf(name string) string {
	if strings.HasPrefix(name, "rsp") {
		return "http-response"
	}
	return "http-request"
}

// addedHeader carries over "reqadd Name:\ value [condition]".
func addedHeader(stmt *syntax.Stmt) string {
	header, value, found := strings.Cut(stmt.Arg(1), ":")
	if !found {
		header, value = "NAME", "VALUE"
	}
	value = strings.ReplaceAll(strings.TrimSpace(value), "%", "%%")
	if value == "" || strings.ContainsAny(value, " \t\"'\\#") {
		value = strconv.Quote(value)
	}
	return strings.TrimRight(messageOf(stmt.Name())+" add-header "+header+" "+value+" "+textFrom(stmt, 2), " ")
}

// headerOf returns the header that a line such as "reqdel ^Name:" is about; NAME where it is not clear.
func headerOf(stmt *syntax.Stmt) string {
	header, _, found := strings.Cut(strings.TrimPrefix(stmt.Arg(1), "^"), ":")
	if !found || strings.ContainsAny(header, `^$.*+?()[]{}|\ `) {
		return "NAME"
	}
	return header
}

// replaced carries over "reqrep search replacement [condition]". The search went over whole lines: the request's, as in
// "^([^\ :]*)\ /old/(.*)", or a header's, as in "^Name:\ value".
func replaced(stmt *syntax.Stmt) string {
	rewrite := messageOf(stmt.Name())
	search, replacement := textOf(stmt, 1), textOf(stmt, 2)
	condition := ""
	if text := textFrom(stmt, 3); text != "" {
		condition = " " + text
	}
	const method = `^([^\ :]*)\ `
	path, isPath := strings.CutPrefix(search, method)
	target, keepsMethod := strings.CutPrefix(replacement, `\1\ `)
	if isPath && keepsMethod && !strings.Contains(path+target, `\ `) {
		return rewrite + " replace-path ^" + strings.TrimPrefix(path, "^") + " " + firstGroupLess(target) + condition
	}
	_, value, _ := strings.Cut(search, ":")
	_, newValue, keepsHeader := strings.Cut(replacement, ":")
	if header := headerOf(stmt); header != "NAME" && keepsHeader && !strings.ContainsAny(search+replacement, `"'`) {
		return rewrite + " replace-header " + header + " ^" + strings.TrimPrefix(value, `\ `) + " " + strings.TrimPrefix(newValue, `\ `) + condition
	}
	if rewrite == "http-response" {
		return rewrite + " replace-header NAME SEARCH REPLACEMENT"
	}
	return rewrite + " replace-path SEARCH REPLACEMENT, or replace-header NAME SEARCH REPLACEMENT"
}

// textOf returns word i as written; "" where there is none.
func textOf(stmt *syntax.Stmt, i int) string {
	if i >= len(stmt.Words) {
		return ""
	}
	return stmt.File.Text(stmt.Words[i].Span)
}

// firstGroupLess counts the groups of a replacement anew after the search lost its first one.
func firstGroupLess(replacement string) string {
	b := []byte(replacement)
	for i := 1; i < len(b); i++ {
		if b[i-1] == '\\' && b[i] >= '1' && b[i] <= '9' {
			b[i]--
		}
	}
	return string(b)
}
