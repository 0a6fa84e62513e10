package spell

import "testing"

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"proxy_pass", "proxy_pass", 2, 0},
		{"proxy_pass", "proxy_psas", 2, 1},
		{"proxy_pas", "proxy_pass", 2, 1},
		{"proxy_passs", "proxy_pass", 2, 1},
		{"poxy_pas", "proxy_pass", 2, 2},
		{"listen", "server", 2, 3},
		{"listen", "server", 9, 5},
		{"", "ab", 2, 2},
		{"", "abc", 2, 3},
		{"ab", "", 1, 2},
	} {
		if got := Distance(tt.a, tt.b, tt.limit); got != tt.want {
			t.Errorf("Distance(%q, %q, %d) = %d, want %d", tt.a, tt.b, tt.limit, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"app1", "app2", "backend", "web"}
	for name, want := range map[string]struct {
		best   string
		unique bool
	}{
		"backned": {"backend", true},
		"app3":    {"app1", false},
		"wbe":     {"web", true},
		"bd":      {"", false},
		"other":   {"", false},
		"":        {"", false},
	} {
		if best, unique := Nearest(name, candidates); best != want.best || unique != want.unique {
			t.Errorf("Nearest(%q) = %q, %v; want %q, %v", name, best, unique, want.best, want.unique)
		}
	}
}
