package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "missing-semicolon",
	Family:   lint.Reading,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      reportProblems("missing-semicolon"),
	Doc: lint.Doc{
		Title: "no semicolon at the end of a directive",
		Why: `To nginx a line's end is a blank like any other: without the semicolon, the next directive's name and values
become arguments of this one. Mostly it then refuses the file, but blames the next line, or a brace further down
("invalid number of arguments", "unexpected }").

Worse are directives that take any number of words: server_name and index swallow the next line without a murmur, nginx
starts, and the swallowed proxy_read_timeout or listen is simply not set. Such a finding is a warning.`,
		How: `End the directive with a semicolon.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080
        server_name app.internal;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        server_name app.internal;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Links: []string{"https://nginx.org/en/docs/beginners_guide.html#conf_structure"},
		Since: "0.1.0",
	},
})
