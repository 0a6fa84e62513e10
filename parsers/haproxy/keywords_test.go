package haproxy

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestKeywordsSortedAndSound(t *testing.T) {
	for i := range keywords {
		kw := &keywords[i]
		if i > 0 && keywords[i-1].Name >= kw.Name {
			t.Errorf("%q is after %q", kw.Name, keywords[i-1].Name)
		}
		if kw.Sections == 0 {
			t.Errorf("%q is allowed nowhere", kw.Name)
		}
		if kw.Sections&kw.Ignored != 0 {
			t.Errorf("%q is allowed and ignored in %v", kw.Name, kw.Sections&kw.Ignored)
		}
		if kw.Max >= 0 && kw.Max < kw.Min {
			t.Errorf("%q takes %d to %d arguments", kw.Name, kw.Min, kw.Max)
		}
		if kw.Value != Any && kw.Max == 0 {
			t.Errorf("%q has a value but no arguments", kw.Name)
		}
		if (kw.Value == Time) != (kw.Unit != 0) {
			t.Errorf("%q: value %v with unit %v", kw.Name, kw.Value, kw.Unit)
		}
		if found, n := lookup(strings.Fields(kw.Name)...); found != kw || n != len(strings.Fields(kw.Name)) {
			t.Errorf("lookup(%q) = %v, %d", kw.Name, found, n)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, test := range []struct {
		line, name string
		n          int
	}{
		{"timeout client 5s", "timeout client", 2},
		{"maxconn 100", "maxconn", 1},
		{"capture request header Host len 10", "capture request header", 3},
		{"http-request set-var(txn.a) src", "http-request set-var", 2},
		{"http-request track-sc0 src", "http-request track-sc", 2},
		{"tcp-request connection track-sc12 src", "tcp-request connection track-sc", 3},
		{"http-request lua.check if TRUE", "http-request lua.", 2},
		{"use_backend app if a", "use_backend", 1},
		{"timeout nothing 5s", "", 1},
		{"timeout", "", 1},
		{"option", "", 1},
		{"tcp-request content nothing", "", 2},
		{"tcp-request nothing", "", 1},
		{"capture request cookie", "", 2},
		{"time client", "", 0},
		{"timeoutclient", "", 0},
		{"nothing at all", "", 0},
		{"optionhttplog", "", 0},
		{"", "", 0},
	} {
		kw, n := lookup(strings.Fields(test.line)...)
		name := ""
		if kw != nil {
			name = kw.Name
		}
		if name != test.name || n != test.n {
			t.Errorf("lookup(%s) = %q, %d; want %q, %d", test.line, name, n, test.name, test.n)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	words := []string{"http-request", "set-var(txn.a)", "src"}
	if n := testing.AllocsPerRun(100, func() { lookup(words...) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	words := []string{"tcp-request", "content", "set-var(txn.a)", "src"}
	for b.Loop() {
		lookup(words...)
	}
}

func TestSuggest(t *testing.T) {
	for _, test := range []struct {
		line string
		in   Section
		want string
	}{
		{"maxcon 100", Global, "maxconn"},
		{"blance roundrobin", Backend, "balance"},
		{"serverr a 127.0.0.1:80", Backend, "server"},
		{"use-backend app", Frontend, "use_backend"},
		{"use_backend app", Frontend, ""},
		{"maxcon 100", Enterprise, "maxconn"},
		{"default-backend app", Frontend, "default_backend"},
		{"timeout clinet 5s", Frontend, "timeout client"},
		{"timeout-client 5s", Frontend, "timeout client"},
		{"option httplogs", Frontend, "option httplog"},
		{"httplog", Frontend, "option httplog"},
		{"http-reqest deny", Frontend, "http-request deny"},
		{"http-request set-heade X y", Frontend, "http-request set-header"},
		{"tcp-request conten accept", Frontend, "tcp-request content"},
		{"nothing alike", Frontend, ""},
		{"timeout", Frontend, ""},
		{"a", Frontend, ""},
	} {
		if got := suggest(strings.Fields(test.line), test.in); got != test.want {
			t.Errorf("suggest(%s) = %q, want %q", test.line, got, test.want)
		}
	}
}

func TestSectionString(t *testing.T) {
	for s, want := range map[Section]string{
		0:                           "",
		Global:                      "global",
		Frontend | Listen:           "frontend or listen",
		Frontend | Listen | Backend: "frontend, listen or backend",
		CrtStore | Healthcheck:      "crt-store or healthcheck",
	} {
		if got := s.String(); got != want {
			t.Errorf("%d is %q, want %q", s, got, want)
		}
	}
}

func TestSectionKind(t *testing.T) {
	for s := Global; s < Enterprise; s <<= 1 {
		if got, ok := sectionKind(s.String()); got != s || !ok {
			t.Errorf("sectionKind(%q) = %v, %v", s.String(), got, ok)
		}
	}
	if s, ok := sectionKind("server"); ok {
		t.Errorf("server is a section: %v", s)
	}
}

func TestValidTime(t *testing.T) {
	for _, test := range []struct {
		s        string
		d        time.Duration
		unitless bool
		ok       bool
	}{
		{"10", 10 * time.Millisecond, true, true},
		{"0", 0, true, true},
		{"10us", 10 * time.Microsecond, false, true},
		{"10ms", 10 * time.Millisecond, false, true},
		{"5s", 5 * time.Second, false, true},
		{"1m", time.Minute, false, true},
		{"2h", 2 * time.Hour, false, true},
		{"1d", 24 * time.Hour, false, true},
		{"007s", 7 * time.Second, false, true},
		{"1h30m", time.Hour, false, true},
		{"5sec", 5 * time.Second, false, true},
		{"", 0, false, false},
		{"s", 0, false, false},
		{"5S", 0, false, false},
		{"5 s", 0, false, false},
		{"1.5s", 0, false, false},
		{"-5", 0, false, false},
		{"+5", 0, false, false},
		{"1y", 0, false, false},
		{"1w", 0, false, false},
		{"99999999999999999999", 0, false, false},
	} {
		d, unitless, ok := validTime(test.s)
		if d != test.d || unitless != test.unitless || ok != test.ok {
			t.Errorf("validTime(%q) = %v, %v, %v", test.s, d, unitless, ok)
		}
	}
}

func TestFits(t *testing.T) {
	client, _ := lookup("timeout", "client")
	refresh, _ := lookup("stats", "refresh")
	if client.fits(25*24*time.Hour) || !client.fits(24*24*time.Hour) || !refresh.fits(30*24*time.Hour) {
		t.Error("24.8 days are the most HAProxy can count in milliseconds")
	}
}

// Faults of one line, as the table sees them.
const (
	unknownKeyword = "unknown"
	misplaced      = "misplaced"
	ignored        = "ignored"
	tooFew         = "too few"
	tooMany        = "too many"
	badValue       = "bad value"
)

// faultOf judges one line of a section of kind in; "" when nothing is wrong with it.
func faultOf(words []string, in Section) string {
	kw, n := lookup(words...)
	switch {
	case kw == nil:
		return unknownKeyword
	case kw.Ignored&in != 0:
		return ignored
	case kw.Sections&in == 0:
		return misplaced
	case len(words)-n < int(kw.Min):
		return tooFew
	case kw.Max >= 0 && len(words)-n > int(kw.Max):
		return tooMany
	case len(words) > n && !plausible(kw, words[n]):
		return badValue
	}
	return ""
}

func plausible(kw *Keyword, value string) bool {
	if strings.Contains(value, "$") {
		return true
	}
	switch kw.Value {
	case Time:
		d, unitless, ok := validTime(value)
		if unitless {
			d *= kw.Unit / time.Millisecond
		}
		return ok && kw.fits(d)
	case Number:
		_, err := strconv.ParseInt(value, 10, 64)
		return err == nil
	case Size:
		_, err := strconv.ParseInt(strings.TrimRight(value, "kmgKMG"), 10, 64)
		return err == nil
	}
	return true
}

// line is one line of a configuration and the kind of the section it stands in.
type line struct {
	number int
	words  []string
	in     Section
	negate bool
}

// linesOf splits a file well enough to test the table with it: conditions, scopes and
// section headers are left out, as are lines of sections it does not know.
func linesOf(text string) []line {
	var lines []line
	var in Section
	for i, s := range strings.Split(text, "\n") {
		words := fieldsOf(s)
		if len(words) == 0 || strings.HasPrefix(words[0], ".") || strings.HasPrefix(words[0], "[") {
			continue
		}
		if kind, ok := sectionKind(words[0]); ok {
			in = kind
			continue
		}
		negate := words[0] == "no" || words[0] == "default"
		if negate {
			words = words[1:]
		}
		if in != 0 && in != Enterprise && len(words) > 0 {
			lines = append(lines, line{i + 1, words, in, negate})
		}
	}
	return lines
}

// fieldsOf splits a line at blanks outside quotes, up to a comment.
func fieldsOf(s string) []string {
	var words []string
	var word []byte
	var quote byte
	within := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			word, within = append(word, s[i]), true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word = append(word, c)
		case c == '"' || c == '\'':
			quote, within = c, true
		case c == '#':
			i = len(s)
		case strings.IndexByte(" \t\v\f\r", c) >= 0:
			if within {
				words = append(words, string(word))
			}
			word, within = word[:0], false
		default:
			word, within = append(word, c), true
		}
	}
	if within {
		words = append(words, string(word))
	}
	return words
}

// TestKeywordsAgainstCorpus reads the configurations in $PROXYLINT_CORPUS that HAProxy
// accepts: the table must find no fault in them but what HAProxy itself says it ignores.
func TestKeywordsAgainstCorpus(t *testing.T) {
	corpus := os.Getenv("PROXYLINT_CORPUS")
	if corpus == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	files, total := acceptedFiles(t, corpus), 0
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(corpus, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range linesOf(string(text)) {
			total++
			fault := faultOf(l.words, l.in)
			if fault == "" || fault == ignored || fault == tooFew && l.negate {
				continue
			}
			t.Errorf("%s:%d: %s in %v: %q", file, l.number, fault, l.in, l.words)
		}
	}
	t.Logf("%d files, %d lines", len(files), total)
}

func acceptedFiles(t *testing.T, corpus string) []string {
	list, err := os.Open(filepath.Join(corpus, "haproxy.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	var files []string
	for scanner := bufio.NewScanner(list); scanner.Scan(); {
		if columns := strings.Split(scanner.Text(), "\t"); len(columns) > 2 && columns[2] == "accepted" {
			files = append(files, columns[0])
		}
	}
	return files
}

// judged are lines HAProxy 2.6 understands somewhere, to be tried in every section.
var judged = []string{
	"acl a always_true",
	"backlog 100",
	"balance roundrobin",
	"bind 127.0.0.1:8081",
	"capture cookie a len 5",
	"capture request header Host len 5",
	"chroot /",
	"clitcpka-idle 5s",
	"compression offload",
	"contimeout 5s",
	"cookie a insert",
	"daemon",
	"declare capture request len 5",
	"default-server check",
	"default_backend other",
	"description some text",
	"disabled",
	"dispatch 127.0.0.1:80",
	"email-alert level alert",
	"errorloc 503 http://localhost/",
	"external-check command /bin/true",
	"filter compression",
	"force-persist if TRUE",
	"fullconn 5",
	"group nogroup",
	"hash-type consistent",
	"hold valid 5s",
	"http-after-response set-header a b",
	"http-check send-state",
	"http-request deny",
	"http-response set-header a b",
	"http-reuse safe",
	"id 900",
	"log 127.0.0.1 local0",
	"log-format x",
	"log-tag x",
	"max-age 5",
	"maxconn 10",
	"mode http",
	"monitor fail if TRUE",
	"monitor-uri /ok",
	"nameserver a 127.0.0.1:53",
	"nbthread 1",
	"option dontlognull",
	"option forwardfor",
	"option httpchk",
	"option httplog",
	"option redispatch",
	"option tcp-smart-connect",
	"parse-resolv-conf",
	"peer a 127.0.0.1:1024",
	"persist rdp-cookie",
	"rate-limit sessions 5",
	"redirect prefix /a",
	"reqadd a",
	"retries 5",
	"retry-on none",
	"server a 127.0.0.1:80",
	"server-template a 1-2 127.0.0.1:80",
	"size 32768",
	"source 127.0.0.1",
	"srvtcpka-idle 5s",
	"stats admin if TRUE",
	"stats enable",
	"stats timeout 5s",
	"stats uri /s",
	"stick on src",
	"stick-table type ip size 1k",
	"table t type ip size 1k",
	"tcp-check send a",
	"tcp-request connection accept",
	"tcp-request content accept",
	"tcp-request inspect-delay 5s",
	"tcp-request session accept",
	"tcp-response content accept",
	"timeout check 5s",
	"timeout client 5s",
	"timeout connect 5s",
	"timeout http-keep-alive 5s",
	"timeout http-request 5s",
	"timeout mail 5s",
	"timeout queue 5s",
	"timeout resolve 5s",
	"timeout server 5s",
	"timeout tunnel 5s",
	"total-max-size 4",
	"transparent",
	"tune.bufsize 32768",
	"unique-id-header a",
	"use-fcgi-app a",
	"use-server a if TRUE",
	"use_backend other",
	"user nobody",
}

// TestKeywordsAgainstHAProxy compares where the table allows each of these lines with
// what an installed HAProxy says of it in that section.
func TestKeywordsAgainstHAProxy(t *testing.T) {
	haproxy, version := installedHAProxy(t)
	folder := t.TempDir()
	for kind := Global; kind < Enterprise; kind <<= 1 {
		if kind == Namespaces || !hasSection(haproxy, folder, kind) {
			continue
		}
		t.Run(kind.String(), func(t *testing.T) {
			size := 10
			if kind == Program || kind == LogForward {
				size = 1 // HAProxy stops at the first fault there
			}
			for lines := range slices.Chunk(judged, size) {
				for i, said := range answers(haproxy, t.TempDir(), kind, lines) {
					want := expectedOf(strings.Fields(lines[i]), kind, version)
					if kind == Ring && want == ignored {
						want = "" // HAProxy drops it without a word
					}
					if got := verdictOf(said); got != want {
						t.Errorf("%s: the table says %q, HAProxy says %q: %s", lines[i], want, got, said)
					}
				}
			}
		})
	}
}

// installedHAProxy finds HAProxy of a version the table was compared with.
func installedHAProxy(t *testing.T) (path string, version float64) {
	path, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	said, err := exec.Command(path, "-v").Output()
	if err != nil {
		t.Skip(err)
	}
	found := regexp.MustCompile(`version (\d\.\d)`).FindSubmatch(said)
	if found == nil {
		t.Skipf("%s", said)
	}
	version, _ = strconv.ParseFloat(string(found[1]), 64)
	if version < 2.6 {
		t.Skipf("haproxy %v is too old", version)
	}
	return path, version
}

// expectedOf is the table's judgement of the first words of a line for one version.
func expectedOf(words []string, in Section, version float64) string {
	kw, _ := lookup(words...)
	switch {
	case kw == nil:
		return misplaced
	case kw.Ignored&in != 0:
		return ignored
	case kw.Sections&in == 0, after(kw.Since, version), kw.Removed != "" && !after(kw.Removed, version):
		return misplaced
	}
	return ""
}

func after(since string, version float64) bool {
	v, err := strconv.ParseFloat(since, 64)
	return err == nil && v > version
}

func hasSection(haproxy, folder string, kind Section) bool {
	_, said := check(haproxy, folder, kind.String()+" x\n")
	return !strings.Contains(said, "unknown keyword '"+kind.String()+"'")
}

var (
	saidIgnored   = regexp.MustCompile(`ignored because|will be ignored|is ignored in backends`)
	saidMisplaced = regexp.MustCompile(`unknown keyword '|unknown statement|unknown (option|stats parameter)|not allowed|only (available|allowed)|not available|cannot handle|not supported|capability|doesn't exist anymore|parameter.*not supported|expects '.*got|supports '.*got|'timeout' (only )?supports|must be 'resolve' or 'retry'`)
)

// answers runs HAProxy on a section with these lines and gives what it says of each.
func answers(haproxy, folder string, kind Section, lines []string) []string {
	header := kind.String() + " x\n"
	if kind == Global || kind == Traces || kind == CrtStore {
		header = kind.String() + "\n"
	}
	place, all := check(haproxy, folder, header+strings.Join(lines, "\n")+"\n")
	said := make([]string, len(lines))
	for i := range lines {
		marks := regexp.MustCompile(regexp.QuoteMeta(place) + ":" + strconv.Itoa(i+2) + `\b`)
		for s := range strings.SplitSeq(all, "\n") {
			if marks.MatchString(s) {
				said[i] += s + "\n"
			}
		}
	}
	return said
}

// verdictOf sorts what HAProxy says of a line.
func verdictOf(said string) string {
	switch {
	case saidIgnored.MatchString(said):
		return ignored
	case saidMisplaced.MatchString(said):
		return misplaced
	}
	return ""
}

func check(haproxy, folder, text string) (place, said string) {
	place = filepath.Join(folder, "judge.cfg")
	if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
		return place, fmt.Sprint(err)
	}
	output, _ := exec.Command(haproxy, "-c", "-dr", "-f", place).CombinedOutput()
	return place, string(output)
}
