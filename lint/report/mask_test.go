package report

import (
	"strings"
	"testing"
)

// A place that is cut off from its statement's start by thousands of bytes is still masked.
func TestSecretFarFromKeyword(t *testing.T) {
	at := haproxy("stats auth admin:" + strings.Repeat("s3", 1500) + "«cret»")
	if source, carets := excerpt(at, secretFinder{}.near(at)); source != "…***" || carets != " ^^^" {
		t.Errorf("excerpt: %s\n%s", source, carets)
	}
}
