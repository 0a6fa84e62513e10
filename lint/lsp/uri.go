package lsp

import (
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

// pathOf returns the absolute path of a file: URI; false for any other.
func pathOf(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return "", false
	}
	path := u.Path
	switch {
	case runtime.GOOS != "windows":
	case u.Host != "":
		path = "//" + u.Host + path
	default:
		path = strings.TrimPrefix(path, "/") // file:///C:/nginx.conf
	}
	path = filepath.Clean(filepath.FromSlash(path))
	return path, filepath.IsAbs(path)
}

// uriOf returns the URI of an absolute path.
func uriOf(path string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if share, ok := strings.CutPrefix(u.Path, "//"); ok { // Windows: //host/share
		u.Host, u.Path, _ = strings.Cut(share, "/")
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return u.String()
}
