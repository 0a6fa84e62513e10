package main

import (
	"testing"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/rules"
)

// TestLogRules checks that the rules that explain causes exist.
func TestLogRules(t *testing.T) {
	for _, cause := range logs.Causes() {
		for _, id := range cause.Info().Rules {
			if rules.Find(id) == nil {
				t.Errorf("%s names the rule %s, which is not there", cause, id)
			}
		}
	}
}
