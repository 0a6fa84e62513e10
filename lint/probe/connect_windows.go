package probe

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// classifyErrno says what an error of Winsock's connect tells; OK when nothing is known of it.
func classifyErrno(errno syscall.Errno) Outcome {
	switch errno {
	case windows.WSAECONNREFUSED:
		return Outcome{Code: L4CON, Cause: Refused}
	case windows.WSAECONNRESET:
		return Outcome{Code: L4CON, Cause: Closed}
	case windows.WSAETIMEDOUT:
		return Outcome{Code: L4TOUT, Cause: TimedOut}
	case windows.WSAEHOSTUNREACH, windows.WSAEHOSTDOWN:
		return Outcome{Code: L4CON, Cause: Unreachable}
	case windows.WSAENETUNREACH:
		return Outcome{Code: L4CON, Cause: NoRoute}
	case windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEADDRNOTAVAIL, windows.WSAEACCES:
		return Outcome{Code: SOCKERR, Cause: Local}
	}
	return Outcome{}
}

// classifySocketErrno says what an error of Winsock's connect at a unix socket tells; OK when nothing is known of it.
func classifySocketErrno(errno syscall.Errno) Outcome {
	switch errno {
	case windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND:
		return Outcome{Code: L4CON, Cause: SocketMissing}
	case windows.WSAECONNREFUSED:
		return Outcome{Code: L4CON, Cause: SocketDead}
	case windows.WSAEACCES:
		return Outcome{Code: L4CON, Cause: SocketPermission}
	}
	return Outcome{}
}

// fileLimit returns how many files this process may have open, which Windows does not limit in effect.
func fileLimit() int { return 1 << 20 }
