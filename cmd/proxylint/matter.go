package main

import (
	"path"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
)

// mayMatter reports whether a file of the revision can play a part in a lint, by its path below the root. A
// configuration may include files of any name, but hardly what most of a repository is made of.
func (p *past) mayMatter(name string) bool {
	return p.isNamed(name) || inventory.MayHold(name) || !isOther(path.Ext(name))
}

// matters reports the same of a file by its text, too.
func (p *past) matters(name string, text []byte) bool {
	switch path.Ext(name) {
	case ".json", ".yaml", ".yml":
		// A compose file of any name may be part of another.
		return p.isNamed(name) || inventory.Holds(name, string(text)) || strings.Contains(string(text), "services:")
	}
	return true
}

// isNamed reports whether the user names a file.
func (p *past) isNamed(name string) bool { return slices.Contains(p.named, name) }

// isOther reports whether files that end so are program text, documents, pictures, sound or archives.
func isOther(ending string) bool {
	switch strings.ToLower(ending) {
	case ".c", ".cc", ".cpp", ".cs", ".css", ".dart", ".ex", ".exs", ".go", ".gradle", ".h", ".hpp", ".htm", ".html", ".java", ".js",
		".jsx", ".kt", ".less", ".lock", ".m", ".mjs", ".mod", ".php", ".pl", ".proto", ".py", ".rb", ".rs", ".scala", ".scss", ".sh",
		".sql", ".sum", ".svelte", ".swift", ".tf", ".toml", ".ts", ".tsx", ".vue",
		".doc", ".docx", ".ipynb", ".md", ".pdf", ".po", ".rst", ".txt", ".xls", ".xlsx", ".xml",
		".avif", ".bmp", ".eot", ".gif", ".ico", ".jpeg", ".jpg", ".mov", ".mp3", ".mp4", ".png", ".psd", ".svg", ".tif", ".tiff",
		".ttf", ".wav", ".webm", ".webp", ".woff", ".woff2",
		".a", ".bin", ".bz2", ".class", ".dll", ".exe", ".gz", ".jar", ".map", ".o", ".so", ".tar", ".tgz", ".wasm", ".whl", ".xz",
		".zip", ".zst":
		return true
	}
	return false
}
