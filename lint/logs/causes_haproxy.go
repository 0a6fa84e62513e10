package logs

import "strings"

// states are HAProxy's termination states, of which the first two letters count (HAProxy's configuration manual,
// section 8.5): who ended the session, and in which phase. The first that fits counts; a dot is any letter.
var states = []struct {
	letters string
	cause   Cause
}{
	{"SC", ConnectFailed}, {"sC", ConnectTimeout},
	{"SH", ClosedEarly}, {"sH", ReadTimeout},
	{"SD", AnswerCut}, {"sD", AnswerTimeout},
	{"SL", AnswerCut}, {"sL", AnswerTimeout},
	{"sQ", QueueTimeout}, {"SQ", QueueTimeout},
	{"sR", ReadTimeout}, {"SR", ClosedEarly},
	{"PH", HeaderInvalid}, {"PC", ProxyResources}, {"P.", Denied},
	{"L.", Local}, {"R.", ProxyResources}, {"I.", InternalError},
	{"K.", Killed}, {"D.", ServerWentDown}, {"U.", ServerWentDown},
	{"C.", ClientClosed}, {"c.", ClientTimeout},
}

// stateCause returns the cause of a termination state; Unknown where the session ended as it should.
func stateCause(state string) Cause {
	if len(state) < 2 {
		return Unknown
	}
	for _, s := range states {
		if state[0] == s.letters[0] && (state[1] == s.letters[1] || s.letters[1] == '.') {
			return s.cause
		}
	}
	return Unknown
}

// checkReasons are the results of health checks (HAProxy's management guide, section 9.1, field check_status; check.c).
var checkReasons = []struct {
	prefix string
	cause  Cause
}{
	{"Layer4 timeout", CheckConnectTimeout},
	{"Layer4 ", CheckConnect},
	{"Socket error", CheckConnect},
	{"Layer6 ", CheckTLS},
	{"Layer7 timeout", CheckTimeout},
	{"Layer7 wrong status", CheckStatus},
	{"Layer7 invalid response", CheckInvalid},
	{"Layer7 ", CheckStatus},
}

func checkCause(reason string) Cause {
	for _, r := range checkReasons {
		if strings.HasPrefix(reason, r.prefix) {
			return r.cause
		}
	}
	return CheckFailed
}
