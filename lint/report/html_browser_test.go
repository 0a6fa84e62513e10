package report

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/graph"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const chromium = "/usr/bin/chromium" // where Debian's package has it

// browserPage is a page with all there is on one: 2 errors, 1 warning, 1 info in 2 files, and a picture.
func browserPage(t *testing.T) []byte {
	first := complete()
	parsed(first.Diagnostics[0].At)
	second := finding(parsed(haproxy("defaults\n  timeout connect «5»\n")), "a short time")
	second.Fix = &lint.Fix{Title: `write "5s"`, Safe: true, Edits: []lint.Edit{{At: second.At, New: "5s"}}}
	third := finding(second.At.File.Ref(syntax.Span{Start: 11, End: 18}), `</script><script>document.title = "run"</script>`)
	third.Severity, third.Rule = lint.Error, "other-rule"
	first.Diagnostics = append(first.Diagnostics, third, second)

	configs, err := parsers.Load([]string{"../../testdata/configs/shop"}, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := documented
	o.Picture = graph.New(configs, nil, "").SVG
	first.Live = liveResult().Live
	return write(t, "html", first, o)
}

// browser is a page that is open in Chromium.
type browser struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
	faults   []string // what the browser complains about
}

// open opens a page after the actions given, in a browser of its own that ends with the test.
func open(t *testing.T, page []byte, before ...chromedp.Action[chromedp.Void]) *browser {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Skip("no browser: ", err)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, page, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	t.Setenv("TMPDIR", t.TempDir()) // where it leaves more than its profile
	ctx, cancel = chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun, chromedp.NoSandbox,
		chromedp.Headless, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{T: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.run(command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}))
	b.run(before...)
	b.run(chromedp.Navigate("file://" + path))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		b.faults = append(b.faults, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, e.ExceptionDetails.Text)
	}
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// evaluate returns the value of a script in the page.
func evaluate[T any](b *browser, script string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// command is an action that sends a command of the protocol, and leaves its answer.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, c, params)
		return err
	})
}

const shownMessages = `[...document.querySelectorAll('.finding')].filter((f) => f.checkVisibility()).map((f) => f.id).join(' ')`

func TestBrowserFilter(t *testing.T) {
	b := open(t, browserPage(t))
	all := "finding1 finding2 finding3 finding4"
	for _, step := range []struct {
		name   string
		action chromedp.Action[chromedp.Void]
		shown  string
		count  string
	}{
		{"at first", chromedp.WaitVisible("#filter"), all, "4 of 4"},
		{"no errors", click("input[value=error]"), "finding2 finding4", "2 of 4"},
		{"nor infos", click("input[value=info]"), "finding4", "1 of 4"},
		{"all", click("#filter button"), all, "4 of 4"},
		{"one rule", choose("rule", "some-rule"), "finding4", "1 of 4"},
		{"of a file that has none", choose("file", "file1"), "", "0 of 4"},
		{"one file", choose("rule", ""), "finding1 finding2", "2 of 4"},
		{"all again", click("#filter button"), all, "4 of 4"},
	} {
		b.run(step.action)
		b.waitFor(step.name+": the count", `document.querySelector('[aria-live]').textContent`, step.count+" findings shown")
		if got := evaluate[string](b, shownMessages); got != step.shown {
			t.Errorf("%s: %q is shown, want %q", step.name, got, step.shown)
		}
	}
	if n := evaluate[int](b, `[...document.querySelectorAll('.file')].filter((f) => f.checkVisibility()).length`); n != 2 {
		t.Errorf("%d files are shown", n)
	}
	b.isAlone()
}

// TestBrowserMark follows a mark to its finding, which the filter hides at the time.
func TestBrowserMark(t *testing.T) {
	b := open(t, browserPage(t))
	const mark = `.source a[href="#finding4"]`
	b.run(click("input[value=warning]"), click(mark))
	b.waitFor("the finding", `document.querySelector(':target')?.checkVisibility() && document.querySelector(':target').id`, "finding4")
	b.waitFor("the finding's place", `(() => {
		const r = document.getElementById('finding4').getBoundingClientRect();
		return r.top >= 0 && r.top < innerHeight ? 'in sight' : 'at ' + r.top;
	})()`, "in sight")
	b.run(click(`#finding4 .where a[href="#rule-some-rule"]`))
	b.waitFor("the rule", `document.getElementById('rule-some-rule').checkVisibility() ? 'open' : 'shut'`, "open")
	b.isAlone()
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// choose chooses from a list as a person with a keyboard does.
func choose(name, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`{ const list = document.querySelector('select[name=` + name + `]');
		list.value = '` + value + `';
		list.dispatchEvent(new Event('input', {bubbles: true})); }`)
}

// waitFor waits until a script gives a text.
func (b *browser) waitFor(name, script, want string) {
	b.Helper()
	var got any
	for range 100 {
		if got = evaluate[any](b, script); got == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Errorf("%s: got %v, want %s", name, got, want)
}

// isAlone fails for requests beside the page, and for complaints.
func (b *browser) isAlone() {
	b.Helper()
	title := evaluate[string](b, "document.title")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) != 1 || len(b.faults) > 0 || !strings.HasPrefix(title, "proxylint: ") {
		b.Errorf("requests %q, faults %q, title %q", b.requests, b.faults, title)
	}
}

// TestBrowserPolicy makes sure that the browser would stop what isAlone looks for, and tell.
func TestBrowserPolicy(t *testing.T) {
	page := strings.Replace(string(browserPage(t)), "</main>", `<script>document.title = "run"</script><img src="x.png"></main>`, 1)
	b := open(t, []byte(page))
	b.waitFor("the title", "document.title.split(' ')[0]", "proxylint:")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) != 2 {
		t.Errorf("faults %q", b.faults)
	}
}

func TestBrowserWithoutScript(t *testing.T) {
	b := open(t, browserPage(t), command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	if got, want := evaluate[string](b, shownMessages), "finding1 finding2 finding3 finding4"; got != want {
		t.Errorf("%q is shown", got)
	}
	if evaluate[bool](b, `document.querySelector('form').checkVisibility()`) {
		t.Error("the filter is shown")
	}
	b.isAlone()
}

func TestBrowserPicture(t *testing.T) {
	b := open(t, browserPage(t))
	sizes := evaluate[[][]float64](b, `[...document.querySelectorAll('svg .pl-node')].map((n) => n.getBoundingClientRect()).map((r) => [r.width, r.height])`)
	if len(sizes) < 10 {
		t.Errorf("%d nodes are drawn", len(sizes))
	}
	for _, size := range sizes {
		if size[0] < 20 || size[1] < 10 {
			t.Errorf("a node of %v", size)
		}
	}
	if fill := evaluate[string](b, `getComputedStyle(document.querySelector('.pl-node rect')).fill`); fill == "rgb(0, 0, 0)" {
		t.Error("the picture's own style does nothing")
	}
	b.isAlone()
}

// faint lists the texts whose colour has less than the contrast that WCAG 2.2, 1.4.3 asks for.
const faint = `(() => {
	document.querySelectorAll('details').forEach((d) => { d.open = true; });
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => {
		const [r, g, b] = channels(color).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const background = (e) => {
		for (; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor;
			if (channels(color)[3] !== 0) return color;
		}
	};
	const list = [];
	let texts = 0;
	for (const e of document.body.querySelectorAll('*:not(svg *, script, style)')) {
		if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		texts++;
		const [a, b] = [getComputedStyle(e).color, background(e)].map(luminance);
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (!(contrast >= 4.5)) list.push(e.outerHTML.slice(0, 80) + ': ' + contrast);
	}
	return texts > 50 ? list : ['no more than ' + texts + ' texts'];
})()`

func TestBrowserSchemes(t *testing.T) {
	pages := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		b := open(t, browserPage(t), command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}))
		for _, text := range evaluate[[]string](b, faint) {
			t.Errorf("%s: %s", scheme, text)
		}
		pages[scheme] = evaluate[string](b, `getComputedStyle(document.body).backgroundColor`)
	}
	if pages["light"] == pages["dark"] {
		t.Errorf("both schemes are %s", pages["light"])
	}
}

// Sideways opens a page on a phone, and returns the elements of it that hide something at their sides, "HTML" for the page
// itself. It is exported to the tests of pages whose packages import this one.
func Sideways(t *testing.T, page []byte) []string {
	b := open(t, page, chromedp.EmulateViewport(390, 800))
	return evaluate[[]string](b, `[...document.querySelectorAll('html, body *')].filter((e) => e.scrollWidth > e.clientWidth &&
		(e.tagName === 'HTML' || getComputedStyle(e).overflowX !== 'visible')).map((e) => e.tagName)`)
}

// TestBrowserPhone lets tables and pictures scroll, and not the page itself.
func TestBrowserPhone(t *testing.T) {
	if found := Sideways(t, browserPage(t)); slices.Contains(found, "HTML") || !slices.Contains(found, "DIV") {
		t.Errorf("%s scroll", found)
	}
}

// TestBrowserOrder has what the page is for come first.
func TestBrowserOrder(t *testing.T) {
	b := open(t, browserPage(t))
	if got, want := evaluate[string](b, `[...document.querySelectorAll('h2')].map((h) => h.id).join(' ')`), "findings live picture rules"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if top := evaluate[float64](b, `document.getElementById('findings').getBoundingClientRect().top`); top > 600 {
		t.Errorf("the findings begin at %v", top)
	}
}

// TestBrowserLive has a table that is wider than a phone: it scrolls by itself, and shows a server's words as text.
func TestBrowserLive(t *testing.T) {
	b := open(t, browserPage(t), chromedp.EmulateViewport(390, 800))
	const table = "document.querySelector('.live table')"
	if rows := evaluate[int](b, table+".tBodies[0].rows.length"); rows != 6 {
		t.Errorf("%d rows", rows)
	}
	if wide := evaluate[bool](b, table+".parentElement.scrollWidth > "+table+".parentElement.clientWidth"); !wide {
		t.Error("the table is squeezed")
	}
	if text := evaluate[string](b, table+".tBodies[0].rows[2].cells[9].textContent"); !strings.HasSuffix(text, "<b>x") {
		t.Errorf("the detail is %q", text)
	}
}
