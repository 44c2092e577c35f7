package stories

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium is the one browser process of all stories; every visitor has a
// context of his own in it, as strangers' browsers are strangers to each other.
var chromium struct {
	once  sync.Once
	ctx   context.Context
	err   error
	close []func()
}

func closeChromium() {
	for i := len(chromium.close) - 1; i >= 0; i-- {
		chromium.close[i]()
	}
}

// findChromium answers where it is; "" if there is none.
func findChromium() string {
	for _, name := range []string{os.Getenv("SELFSAME_TEST_CHROMIUM"), "/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

func startChromium(t *testing.T) context.Context {
	t.Helper()
	path := findChromium()
	if path == "" || os.Getenv("SELFSAME_TEST_CHROMIUM") == "none" {
		t.Skip("there is no Chromium here: install it, or name it in SELFSAME_TEST_CHROMIUM")
	}
	chromium.once.Do(func() {
		dir, err := os.MkdirTemp("", "selfsame-chromium-")
		if err != nil {
			chromium.err = err
			return
		}
		chromium.close = append(chromium.close, func() { os.RemoveAll(dir) })
		options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.Headless, chromedp.NoSandbox,
			chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck}
		for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
			"disable-extensions", "disable-renderer-backgrounding", "disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "metrics-recording-only", "hide-scrollbars"} {
			options = append(options, chromedp.Flag(name, true))
		}
		// The popup of the address bar is a page in a process of its own, which starts
		// with each visitor's window and takes a second of work; nobody here types there.
		options = append(options, chromedp.Flag("disable-features", "WebUIOmniboxPopup,WebUIOmniboxAimPopup"))
		ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
		chromium.close = append(chromium.close, stop)
		ctx, end := chromedp.NewContext(ctx)
		chromium.close = append(chromium.close, end)
		chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatalf("Chromium does not start: %v", chromium.err)
	}
	return chromium.ctx
}

// visitor is somebody with a browser of their own, one tab, maybe without scripts.
type visitor struct {
	*house
	ctx     context.Context
	scripts bool

	mu     sync.Mutex
	faults []string // what the browser held against the page
}

// browser opens a browser that nobody used before. What it holds against our
// pages fails the story: a script's error, a breach of the content policy, a
// missing file, a request to anybody else.
func (h *house) browser(scripts bool, languages string) *visitor {
	h.t.Helper()
	v := &visitor{house: h, scripts: scripts}
	ctx, end := chromedp.NewContext(startChromium(h.t), chromedp.WithNewBrowserContext(), chromedp.WithListener(v.watch))
	ctx, cancel := context.WithTimeout(ctx, 6*patience)
	h.t.Cleanup(func() {
		cancel()
		end()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, f := range v.faults {
			h.t.Errorf("the browser says: %s", f)
		}
	})
	v.ctx = ctx
	v.do(chromedp.EmulateViewport(360, 740), prefer("light"))
	v.do(call(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": languages}}))
	v.allowScripts(scripts)
	return v
}

// tab opens another tab of the same browser.
func (v *visitor) tab() *visitor {
	v.t.Helper()
	w := &visitor{house: v.house, scripts: v.scripts}
	ctx, end := chromedp.NewContext(v.ctx, chromedp.WithListener(w.watch))
	v.t.Cleanup(end)
	w.ctx = ctx
	w.allowScripts(v.scripts)
	return w
}

// watch hears what the browser tells about the page.
func (v *visitor) watch(event any) {
	fault := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = "a script failed: " + e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			fault += " " + x.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			fault = string(e.Entry.Source) + ": " + e.Entry.Text
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || strings.HasPrefix(u.Scheme, "http") && "http://"+u.Host != v.at {
			fault = "a request to somebody else: " + e.Request.URL
		}
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 {
			fault = fmt.Sprintf("%s answers %d", e.Response.URL, e.Response.Status)
		}
	}
	if fault != "" {
		v.mu.Lock()
		v.faults = append(v.faults, fault)
		v.mu.Unlock()
	}
}

func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, command, params)
		return err
	})
}

func (v *visitor) allowScripts(yes bool) {
	v.t.Helper()
	v.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !yes}))
}

// prefer makes the browser ask for a color scheme, and for no motion.
func prefer(mode string) chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: mode}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.t.Fatalf("%v; the page is %s", err, v.place())
	}
}

// eval reads something of the page.
func eval[T any](v *visitor, js string, options ...chromedp.EvaluateOption) T {
	v.t.Helper()
	got, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](js, options...))
	if err != nil {
		v.t.Fatalf("%.200s: %v", js, err)
	}
	return got
}

// place is where the visitor is, for messages.
func (v *visitor) place() string {
	at, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`location.pathname + location.search + ": " + (document.querySelector("main")?.innerText ?? document.body?.innerText ?? "")`))
	if err != nil {
		return "not to be read: " + err.Error()
	}
	return at
}

// visit types an address of ours and answers its status.
func (v *visitor) visit(path string) int64 {
	v.t.Helper()
	return v.arrive(chromedp.Navigate(v.at + path))
}

// opens types an address from where a script may lead on before all has come, and
// does not wait for it.
func (v *visitor) opens(path string) {
	v.t.Helper()
	eval[any](v, "location.assign("+quote(path)+")")
}

// arrive does something that leads to another page, and answers its status.
func (v *visitor) arrive(actions ...chromedp.Action[chromedp.Void]) int64 {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, 2*patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, actions...)
	if err != nil {
		v.t.Fatalf("no page came: %v; the page is %s", err, v.place())
	}
	if resp == nil {
		return 0
	}
	return resp.Status
}

// path is the present address without the host.
func (v *visitor) path() string {
	v.t.Helper()
	return eval[string](v, `location.pathname + location.search`)
}

// reads is the text of the page as it is seen.
func (v *visitor) reads() string {
	v.t.Helper()
	return eval[string](v, `document.body.innerText.replace(/\s+/g, " ")`)
}

// sees checks that the page says all of this.
func (v *visitor) sees(words ...string) {
	v.t.Helper()
	text := v.reads()
	for _, w := range words {
		if !strings.Contains(text, w) {
			v.t.Fatalf("the page %s does not say %q: %s", v.path(), w, text)
		}
	}
}

// waits until the page says this, by a script or a page that comes by itself.
func (v *visitor) waits(words string) {
	v.t.Helper()
	until(v.t, words, func() bool {
		text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.readyState === "loading" ? "" : document.body?.innerText.replace(/\s+/g, " ") ?? ""`))
		return err == nil && strings.Contains(text, words)
	})
}

// findControl marks what bears a text: a button or a link whose text it is, or
// whose text begins with it.
const findControl = `(text => {
	document.querySelectorAll("[data-story]").forEach(e => e.removeAttribute("data-story"));
	const plain = e => (e.getAttribute("aria-label") ?? e.innerText).replace(/\s+/g, " ").trim();
	const all = [...document.querySelectorAll("button, a[href], summary")].filter(e => e.checkVisibility());
	const found = all.find(e => plain(e) === text) ?? all.find(e => plain(e).startsWith(text));
	found?.setAttribute("data-story", "");
	return Boolean(found);
})`

// findField marks the field with a label.
const findField = `(text => {
	document.querySelectorAll("[data-story]").forEach(e => e.removeAttribute("data-story"));
	const label = [...document.querySelectorAll("label")].filter(e => e.checkVisibility()).find(e => e.innerText.trim() === text);
	label?.control?.setAttribute("data-story", "");
	return Boolean(label?.control);
})`

func (v *visitor) mark(find, text string) chromedp.CSS {
	v.t.Helper()
	if !eval[bool](v, fmt.Sprintf("%s(%q)", find, text)) {
		v.t.Fatalf("there is no %q on the page %s", text, v.place())
	}
	return "[data-story]"
}

// press clicks a button or a link that leads to another page, and answers its status.
func (v *visitor) press(text string) int64 {
	v.t.Helper()
	return v.arrive(chromedp.Click(v.mark(findControl, text)))
}

// fill writes into the field with a label, over what is there.
func (v *visitor) fill(label, text string) {
	v.t.Helper()
	v.mark(findField, label)
	eval[any](v, `(e => { e.focus(); e.select(); })(document.querySelector("[data-story]"))`)
	v.do(insert(text))
}

// insert puts text in at once, as autofill and input methods do.
func insert(text string) chromedp.Action[chromedp.Void] {
	return call(input.InsertText, input.InsertTextParams{Text: text})
}

// types presses keys one after the other.
func (v *visitor) types(keys ...string) {
	v.t.Helper()
	for _, k := range keys {
		v.do(chromedp.KeyEvent(k))
	}
}

// enter types a code digit by digit, over what is there, and goes on.
func (v *visitor) enter(code string) int64 {
	v.t.Helper()
	eval[any](v, `(e => { e.focus(); e.select(); })(document.getElementById("code"))`)
	v.types(strings.Split(code, "")...)
	return v.arrive(chromedp.KeyEvent(kb.Enter))
}
