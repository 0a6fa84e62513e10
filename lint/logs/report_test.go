package logs

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"",
		errorHead + "connect() failed (111: Connection refused) while connecting to upstream" + errorTail + "\n",
		"Server app/a1 is DOWN, reason: Layer7 timeout, check duration: 1ms.\n",
	} {
		s := NewSummary()
		for _, e := range read(t, text) {
			s.Add(&e)
		}
		var b bytes.Buffer
		if err := WriteJSON(&b, Report{Summary: s, Files: 1, Read: Count{Lines: strings.Count(text, "\n")}}); err != nil {
			t.Fatal(err)
		}
		object, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); err != nil {
			t.Error(err)
		}
	}
}
