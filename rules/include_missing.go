package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "include-missing",
	Family:   lint.Reading,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      includeMissing,
	Doc: lint.Doc{
		Title: "an include that names no readable file",
		Why: `An include without a wildcard must name a file that exists, counted from the folder of the main file (not
from the file that holds the include). If it does not, nginx does not start. A folder is refused as well, and where
files include each other in a circle nginx crashes as it reads them, without naming a line.

A pattern such as conf.d/*.conf may match nothing: that is no fault. Neither is a file that is elsewhere on purpose
(mime.types and the other files that come with nginx, or a path outside the files being linted): it is told as
an info, because what such a file sets is unknown to all other rules. Paths outside are told once of each file.`,
		How: `Correct the path, lint from the folder that holds all files, say in .proxylint.yaml where absolute paths
lie ("map:" of a root), or use a pattern where the file may be absent.`,
		Bad: lint.Example{Nginx: `events {}
http {
    include upstreams.conf;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    include upstreams*.conf;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Links: []string{"https://nginx.org/en/docs/ngx_core_module.html#include"},
		Since: "0.1.0",
	},
})

// includeMissing tells of the paths that one file names outside of what is linted as one: they have one remedy, the hint.
func includeMissing(ctx context.Context, p *lint.Pass) {
	first := map[*syntax.File]*lint.Diagnostic{}
	others := map[*syntax.File][]syntax.Ref{}
	var order []*syntax.File
	gathering := *p
	gathering.Report = func(d lint.Diagnostic) {
		file := d.At.File
		switch {
		case d.Severity != lint.Info || d.Hint == "":
			p.Report(d)
		case first[file] == nil:
			first[file] = &d
			order = append(order, file)
		default:
			others[file] = append(others[file], d.At)
		}
	}
	reportProblems("include-missing")(ctx, &gathering)
	for _, file := range order {
		d := first[file]
		if more := len(others[file]); more > 0 {
			d.Message += fmt.Sprintf(", and %d more like it", more)
			d.Related = alsoAt(others[file], "nor was this read")
		}
		p.Report(*d)
	}
}
