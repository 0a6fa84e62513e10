//go:build unix

package probe

import "syscall"

// classifyErrno says what an error of connect(2) over TCP tells; OK when nothing is known of it.
func classifyErrno(errno syscall.Errno) Outcome {
	switch errno {
	case syscall.ECONNREFUSED:
		return Outcome{Code: L4CON, Cause: Refused}
	case syscall.ECONNRESET:
		return Outcome{Code: L4CON, Cause: Closed}
	case syscall.ETIMEDOUT:
		return Outcome{Code: L4TOUT, Cause: TimedOut}
	case syscall.EHOSTUNREACH, syscall.EHOSTDOWN:
		return Outcome{Code: L4CON, Cause: Unreachable}
	case syscall.ENETUNREACH:
		return Outcome{Code: L4CON, Cause: NoRoute}
	case syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EPERM, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EAGAIN, // no local port is left
		syscall.EACCES, // a route of the kind prohibit
		syscall.EINVAL: // a route of the kind blackhole
		return Outcome{Code: SOCKERR, Cause: Local}
	}
	return Outcome{}
}

// classifySocketErrno says what an error of connect(2) at a unix socket tells (unix(7)); OK when nothing is known of it.
func classifySocketErrno(errno syscall.Errno) Outcome {
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		return Outcome{Code: L4CON, Cause: SocketMissing}
	case syscall.ECONNREFUSED:
		return Outcome{Code: L4CON, Cause: SocketDead}
	case syscall.EACCES, syscall.EPERM:
		return Outcome{Code: L4CON, Cause: SocketPermission}
	case syscall.EAGAIN:
		return Outcome{Code: L4CON, Cause: SocketBusy}
	case syscall.EPROTOTYPE:
		return Outcome{Code: L4CON, Cause: SocketKind}
	}
	return Outcome{}
}

// fileLimit returns how many files this process may have open.
func fileLimit() int {
	const enough = 1 << 20
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return enough
	}
	return int(min(uint64(limit.Cur), enough)) // its type differs by system
}
