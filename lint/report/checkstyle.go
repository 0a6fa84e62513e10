package report

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// The types below are the report of Checkstyle's XMLLogger, which many tools read.
type (
	checkstyleReport struct {
		XMLName xml.Name         `xml:"checkstyle"`
		Version string           `xml:"version,attr"`
		Files   []checkstyleFile `xml:"file"`
	}
	checkstyleFile struct {
		Name   string            `xml:"name,attr"`
		Errors []checkstyleError `xml:"error"`
	}
	checkstyleError struct {
		Line     int    `xml:"line,attr"`
		Column   int    `xml:"column,attr"`
		Severity string `xml:"severity,attr"`
		Message  string `xml:"message,attr"`
		Source   string `xml:"source,attr"`
	}
)

// writeCheckstyle writes every file with its findings; a clean file has none. A message is one line.
func writeCheckstyle(w io.Writer, result lint.Result, o Options) error {
	report := checkstyleReport{Version: "4.3"}
	for _, f := range byFile(result) {
		file := checkstyleFile{Name: clean(o.path(f.path))}
		for _, d := range f.found {
			at := d.At.Position()
			file.Errors = append(file.Errors, checkstyleError{
				Line:     at.Line,
				Column:   at.Rune,
				Severity: d.Severity.String(),
				Message:  strings.Join(append([]string{d.Message}, o.notes(d)...), "; "),
				Source:   "proxylint." + d.Rule,
			})
		}
		report.Files = append(report.Files, file)
	}
	return writeXML(w, report)
}
