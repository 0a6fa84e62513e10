package proxy

import "testing"

func TestVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"1.27.3": {1, 27, 3}, "v2.6": {2, 6, 0}, "3": {3, 0, 0}, "2.6.12-1+deb12u4": {2, 6, 12}, "3.2.1+x": {3, 2, 1},
	} {
		if got, err := ParseVersion(text); err != nil || got != want {
			t.Errorf("ParseVersion(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1.2.3.4", "1.-2", "1..2"} {
		if got, err := ParseVersion(text); err == nil {
			t.Errorf("ParseVersion(%q) = %v", text, got)
		}
	}
	v := Version{1, 27, 3}
	if !v.AtLeast(Version{1, 27, 3}) || !v.AtLeast(Version{1, 9, 9}) || v.AtLeast(Version{1, 27, 4}) || !v.Before(Version{2, 0, 0}) || v.Before(v) {
		t.Error("1.27.3 is not where it belongs among versions")
	}
	if (Version{}).Before(v) || (Version{}).AtLeast(v) {
		t.Error("an unknown version is neither older nor newer")
	}
}
