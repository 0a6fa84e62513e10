package report

import (
	"encoding/xml"
	"io"
)

// writeXML writes a document. What comes from a file must be clean: XML has no way to write control
// characters.
func writeXML(w io.Writer, document any) error {
	text, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), append(text, '\n')...))
	return err
}
