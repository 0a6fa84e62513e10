package nginx

import "testing"

func TestIsOwn(t *testing.T) {
	for name, want := range map[string]bool{
		"proxy_pass":          true,
		"server":              true, // nginx-rtmp-module has one, too
		"js_set":              true,
		"auth_jwt":            true,
		"otel_trace":          true,
		"geoip2":              false,
		"more_set_headers":    false,
		"echo":                false,
		"set_by_lua_block":    false,
		"subs_filter":         false,
		"push_stream_channel": false,
		"no_such_directive":   false,
	} {
		if got := IsOwn(name); got != want {
			t.Errorf("IsOwn(%q) = %v, want %v", name, got, want)
		}
	}
}
