package inventory

import "strings"

// isSet reports whether the value is written.
func (v Value) isSet() bool { return !v.At.IsZero() }

// part returns the text from byte i to byte j; its place is the whole value's where that is not written as is.
func (v Value) part(i, j int) Value {
	if v.At.Text() == v.Text {
		v.At = v.At.Sub(i, j)
	}
	v.Text = v.Text[i:j]
	return v
}

// after returns the value without a prefix that it has.
func (v Value) after(prefix string) Value { return v.part(len(prefix), len(v.Text)) }

// assigned cuts "name=value".
func (v Value) assigned() (name string, value Value, ok bool) {
	name, _, ok = strings.Cut(v.Text, "=")
	if !ok {
		return name, Value{}, false
	}
	return name, v.part(len(name)+1, len(v.Text)), true
}

// dynamicIf returns the value, Dynamic when its text holds one of the marks.
func (v Value) dynamicIf(marks ...string) Value {
	for _, mark := range marks {
		v.Dynamic = v.Dynamic || strings.Contains(v.Text, mark)
	}
	return v
}

// isDigits reports whether a text is a number without sign.
func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
