package report

import (
	"fmt"
	"io"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/proxylint/proxylint/lint"
)

// writeJUnit writes a suite for every file, with a case for every finding or one that passes. An info
// passes too: it breaks nothing.
func writeJUnit(w io.Writer, result lint.Result, o Options) error {
	suites := junit.Testsuites{Name: "proxylint"}
	secrets := secretFinder{}
	for i, f := range byFile(result) {
		path := clean(o.path(f.path))
		suite := junit.Testsuite{Name: path, File: path, ID: i, Time: "0"}
		for _, d := range f.found {
			suite.AddTestcase(junitCase(d, path, o.asText(d, secrets)))
		}
		if len(f.found) == 0 {
			suite.AddTestcase(junit.Testcase{Name: "no findings", Classname: path})
		}
		suites.AddSuite(suite)
	}
	return writeXML(w, suites)
}

func junitCase(d lint.Diagnostic, path, text string) junit.Testcase {
	at := d.At.Position()
	c := junit.Testcase{Name: fmt.Sprintf("%s at %d:%d", d.Rule, at.Line, at.Rune), Classname: path}
	if d.Severity == lint.Info {
		c.SystemOut = &junit.Output{Data: text}
	} else {
		c.Failure = &junit.Result{Message: d.Message, Type: d.Severity.String(), Data: text}
	}
	return c
}
