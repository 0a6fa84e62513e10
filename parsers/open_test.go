package parsers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// What an editor has open is read in place of what is on disk, whichever way leads to it.
func TestOpen(t *testing.T) {
	files{
		"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "other.conf": site, "names.txt": "names\n",
		"map.yaml": "kind: ConfigMap\n",
	}.enter(t)
	for _, tt := range []struct {
		name  string
		open  map[string]Document
		paths []string
		want  []string
		text  map[string]string // by path, of files read
	}{
		{
			name:  "an included file",
			open:  map[string]Document{"conf.d/a.conf": {Text: "# new\n"}},
			paths: []string{"nginx.conf"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf"},
			text:  map[string]string{"conf.d/a.conf": "# new\n"},
		},
		{
			name:  "the file around a fragment, which includes another now",
			open:  map[string]Document{"nginx.conf": {Text: mainConf("conf.d/*.conf", "other.conf")}},
			paths: []string{"conf.d/a.conf", "other.conf"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf other.conf only conf.d/a.conf other.conf"},
			text:  map[string]string{"nginx.conf": mainConf("conf.d/*.conf", "other.conf")},
		},
		{
			name:  "a file that is not on disk",
			open:  map[string]Document{"new.conf": {Text: site}},
			paths: []string{"new.conf"},
			want:  []string{"nginx new.conf"},
			text:  map[string]string{"new.conf": site},
		},
		{
			name:  "a file whose language the editor knows",
			open:  map[string]Document{"names.txt": {Text: "names;\n", Dialect: syntax.Nginx}},
			paths: []string{"names.txt"},
			want:  []string{"nginx names.txt"},
			text:  map[string]string{"names.txt": "names;\n"},
		},
		{
			name: "a configuration inside a YAML file",
			open: map[string]Document{"map.yaml": {
				Text: "kind: ConfigMap\ndata:\n  nginx.conf: |\n    events {}\n",
			}},
			paths: []string{"map.yaml"},
			want:  []string{"nginx map.yaml#4/nginx.conf"},
			text:  map[string]string{"map.yaml#4/nginx.conf": "events {}\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			configs, err := Load(tt.paths, Options{Open: tt.open})
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(configs); !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
			for path, want := range tt.text {
				if file := configs[0].Tree.Files[path]; file == nil || file.Src != want {
					t.Errorf("%s is read as %+v, want %q", path, file, want)
				}
			}
		})
	}
}
