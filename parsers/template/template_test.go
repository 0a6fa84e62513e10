package template

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// show makes the bytes of an overlay visible.
var show = strings.NewReplacer(string(syntax.Silent), "-", string(syntax.Filling), "?", string(syntax.Known), "=")

func TestRead(t *testing.T) {
	for _, test := range []struct{ path, src, want string }{
		// what each ending stands for
		{"a.conf", "{{ a }} ${A}", ""},
		{"a.conf.j2", "listen {{ a }} ${A};", "listen ??????? ${A};"},
		{"a.conf.J2", "{{a}}", "?????"},
		{"a.jinja2", "{% if a %}b{% endif %}{# c #}", "----------b------------------"},
		{"a.j2", "{{ if a }}<%= b %>", "??????????<%= b %>"},
		{"a.gotmpl", "{{ if .A }}{{ .B }}{{ end }}{% a %}", "-----------????????---------{% a %}"},
		{"a.erb", "<% if a %><%= b %>{{ c }}<%# d %>", "----------????????{{ c }}--------"},
		{"a.epp", "<%- | $a | -%>\n<% if $a { -%>b<% } -%>", "--------------\n--------------b--------"},
		{"a.erb", "<%% a %>", ""},
		{"a.template", "{{ if a }}<%= b %>{% c %}", "----------????????-------"},

		// names
		{"a.template", "${A} $host ${A_B1}:${C:-80}${D-}", "???? $host ???????:?????????????"},
		{"a.template", "$A $AB $aB $1 ${", "$A ??? $aB $1 ${"},
		{"a.template", "${KNOWN}:$KNOWN ${SPACED}", "========:====== ?????????"},
		{"a.tmpl", "${A} {{ .B }}", "${A} ????????"},
		{"a.tpl", "${A} @BC@ @@DE@@ __FG__ a@b@ __x__ @", "???? ???? ?????? ?????? a@b@ __x__ @"},
		{"a.template", "${A\n} ${A B} ${}", ""},

		// ends of marks
		{"a.j2", "{{ a", ""},
		{"a.j2", "{% if a\n{{ b }}", "{% if a\n???????"},
		{"a.j2", "{{ {'a': {'b': 1}}['a'] }};", "??????????????????????????;"},
		{"a.j2", `{{ "}}" }};`, "??????????;"},
		{"a.j2", `{% if a == "%}" %};`, "------------------;"},
		{"a.j2", `{{ it's }};'`, "??????????;'"},
		{"a.j2", "{{ { }} a {{ b }}", "??????? a ???????"},
		{"a.erb", `<%= "%>" %>`, `???????" %>`},
		{"a.j2", "{{ a\r\n}}\r\nb", "????????\r\nb"},
		{"a.j2", "# {% if a %} b\n'{{ c }}'", "# ---------- b\n'???????'"},
		{"a.j2", "{% raw %}{{ a }}{% b %}{% endraw %}{{ c }}", "---------{{ a }}{% b %}------------???????"},
		{"a.tmpl", "server {# not of Jinja #}", ""},
		{"a.tmpl", "{{/* a */}}{{ $a := 1 }}{{ range $i, $a := .B }}", "-----------------------" + strings.Repeat("-", 25)},

		// text that goes on from the line above or on the line below
		{"a.tmpl", "a\n  {{- if .B }} b\n  {{- end }}\nc", "a   ------------ b\n  ----------\nc"},
		{"a.tmpl", "a\n  {{- if .B }}\n  {{- if .C }} b", "a   ------------   ------------ b"},
		{"a.tmpl", "a {{ .B -}}\n\n b\n{{ .C -}}\nd", "a ?????????   b\n?????????\nd"},
		{"a.erb", "a <% if b -%>\n\n<% c -%>\n", "a ----------- \n--------\n"},
	} {
		env := map[string]string{"KNOWN": "a", "SPACED": "a b"}
		got := ""
		if tmpl := Read(syntax.Source{Path: test.path, Src: test.src, Env: env}); tmpl != nil {
			got = show.Replace(tmpl.Text)
		}
		if got != test.want {
			t.Errorf("%s, %q:\ngot  %q\nwant %q", test.path, test.src, got, test.want)
		}
	}
}

func TestRoles(t *testing.T) {
	const fills, quiet, opens, other, closes = syntax.Fills, syntax.Quiet, syntax.Opens, syntax.Else, syntax.Closes
	for src, want := range map[string]syntax.Role{
		"a.j2 {% for a in b %}":          opens,
		"a.j2 {%- if a -%}":              opens,
		"a.j2 {% elif a %}":              other,
		"a.j2 {% endfor %}":              closes,
		"a.j2 {% set a = 1 %}":           quiet,
		"a.j2 {% set a %}":               opens,
		"a.j2 {% include 'a' %}":         fills,
		"a.j2 {{ end }}":                 fills,
		"a.tmpl {{- range .A }}":         opens,
		"a.tmpl {{ else if .A }}":        other,
		"a.tmpl {{ end -}}":              closes,
		"a.tmpl {{ $a := .B }}":          quiet,
		"a.tmpl {{ printf \"%s=\" $a }}": fills,
		"a.tmpl {{ $a }}":                fills,
		"a.tmpl {{ .if }}":               fills,
		"a.tmpl {{ template \"a\" . }}":  fills,
		"a.erb <% a.each do |b| -%>":     opens,
		"a.erb <% a.each { |b| %>":       opens,
		"a.erb <% unless a %>":           opens,
		"a.erb <% elsif a -%>":           other,
		"a.erb <% end %>":                closes,
		"a.erb <% if a\n b = 1\nend %>":  quiet,
		"a.erb <% a = 1 %>":              quiet,
		"a.epp <% if $a { -%>":           opens,
		"a.epp <% } elsif $b { -%>":      other,
		"a.epp <% } -%>":                 closes,
		"a.epp <% $a.each |$b| { -%>":    opens,
	} {
		path, text, _ := strings.Cut(src, " ")
		tmpl := Read(syntax.Source{Path: path, Src: text})
		if tmpl == nil || len(tmpl.Marks) != 1 || tmpl.Marks[0].Role != want {
			t.Errorf("%s: got %+v, want one mark of role %d", src, tmpl, want)
		} else if tmpl.Open != (want >= opens) {
			t.Errorf("%s: Open is %v", src, tmpl.Open)
		}
	}
}

// TestReadIsLinear reads texts whose marks end far away or nowhere.
func TestReadIsLinear(t *testing.T) {
	const n = 200_000
	for _, unit := range []string{"{{", "{%", "{#", "<%", "{{ { }}", "{% raw %}{%", "${A", "${A:", "_", "__A", "@A", "$A", "{{- a }}", "{{ a -}}\n", "{{ '"} {
		Read(syntax.Source{Path: "a.template", Src: "{%" + strings.Repeat(unit, n) + "%} }}"})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"{{ a }}", "{%- if b -%}\n{{- c }} d", "<%= e -%>\nf", "${G:-h}$IJ@@K@@__L__", "{% raw %}{{{% endraw %}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for ending := range byEnding {
			tmpl := Read(syntax.Source{Path: "a" + ending, Src: src})
			if tmpl == nil {
				continue
			}
			if len(tmpl.Text) != len(src) {
				t.Fatalf("%s: the overlay has %d bytes, the text %d", ending, len(tmpl.Text), len(src))
			}
			end := syntax.Pos(0)
			for _, m := range tmpl.Marks {
				if m.Start < end || m.End <= m.Start {
					t.Fatalf("%s: mark %v after %d", ending, m.Span, end)
				}
				end = m.End
			}
		}
	})
}
