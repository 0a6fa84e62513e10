package haproxy

import (
	"fmt"
	"strconv"
	"strings"
)

// maxWeight is the highest weight of a server (manual 5.2 "weight").
const maxWeight = 256

// badWord tells what is wrong with the first argument of a keyword that takes one of a few words; ""
// when nothing is.
func badWord(keyword, text string) string {
	var words string
	switch keyword {
	case "mode":
		words = "http tcp log spop health haterm"
	case "balance":
		text, _, _ = strings.Cut(text, "(")
		words = "roundrobin static-rr leastconn first source uri url_param hdr random rdp-cookie hash log-hash log-sticky sticky"
	default:
		return ""
	}
	for _, w := range strings.Fields(words) {
		if w == text {
			return ""
		}
	}
	return fmt.Sprintf("%s is no %s of HAProxy", clip(text), map[string]string{"mode": "mode", "balance": "balancing method"}[keyword])
}

// isTimeOption reports whether a server option's value is a time.
func isTimeOption(name string) bool {
	switch name {
	case "inter", "fastinter", "downinter", "slowstart", "agent-inter", "pool-purge-delay":
		return true
	}
	return false
}

// badOption tells what is wrong with the value of a server option; "" when nothing is.
func badOption(name, value string) string {
	switch {
	case isTimeOption(name):
		if _, _, ok := validTime(value); !ok {
			return fmt.Sprintf("%s is no time, which %s takes", clip(value), name)
		}
	case name == "weight":
		if n, err := strconv.Atoi(value); err != nil || n < 0 || n > maxWeight {
			return fmt.Sprintf("%s is no weight from 0 to %d", clip(value), maxWeight)
		}
	}
	return ""
}
