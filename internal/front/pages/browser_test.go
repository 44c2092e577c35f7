package pages

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// eval reads something of the page; what it throws is an error of the test.
func eval[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

func press(t *testing.T, ctx context.Context, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(k)); err != nil {
			t.Fatal(err)
		}
	}
}

func visit360(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, emulate(360, "light"), chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
}

// TestCountryPickerByKeyboard walks the combobox as the WAI-ARIA Authoring
// Practices say that a keyboard and a screen reader meet it.
func TestCountryPickerByKeyboard(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	visit360(t, ctx, at+"/storybook/identify.phone")
	const input = `document.getElementById("country-text")`
	state := func() string {
		return eval[string](t, ctx, `[`+input+`.value, `+input+`.getAttribute("aria-expanded"), document.getElementById(`+input+`.getAttribute("aria-activedescendant"))?.innerText.replace(/\s+/g, " ") ?? "-", document.getElementById("country").value].join(" | ")`)
	}
	look := func(when, want string) {
		t.Helper()
		if got := state(); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	eval[any](t, ctx, input+`.focus(), 0`)
	look("focused", "United States +1 | false | - | US")
	press(t, ctx, kb.ArrowDown)
	look("down opens at the chosen one", "United States +1 | true | United States +1 | US")
	press(t, ctx, kb.Escape)
	look("escape closes", "United States +1 | false | - | US")
	press(t, ctx, "u", "n", "i", "t", "e", "d", " ", "k")
	look("typing filters by name", "united k | true | United Kingdom +44 | US")
	press(t, ctx, kb.Enter)
	look("enter takes it", "United Kingdom +44 | false | - | GB")
	eval[any](t, ctx, input+`.select(), 0`)
	press(t, ctx, "+", "8", "5", "2")
	look("typing filters by code", "+852 | true | Hong Kong +852 | GB")
	press(t, ctx, kb.Tab)
	look("leaving takes the marked one", "Hong Kong +852 | false | - | HK")
	if id := eval[string](t, ctx, `document.activeElement.id`); id != "phone" {
		t.Errorf("tab leads to %q, want the phone number", id)
	}
	eval[any](t, ctx, input+`.focus(), 0`)
	press(t, ctx, "z", "z", "z", kb.Enter)
	look("nothing found changes nothing", "Hong Kong +852 | false | - | HK")
	eval[any](t, ctx, `(() => { const p = document.getElementById("phone"); p.value = "+81 90 1234 5678"; p.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	look("a number with its code moves the picker", "Japan +81 | false | - | JP")
}

// TestTopic_V01_PasteTheWholeMessage pastes a text message into the code field.
func TestTopic_V01_PasteTheWholeMessage(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	visit360(t, ctx, at+"/storybook/code.sms")
	if id := eval[string](t, ctx, `document.activeElement.id`); id != "code" {
		t.Errorf("the focus is on %q", id)
	}
	got := eval[[]string](t, ctx, `(() => {
		const code = document.getElementById("code"); const sent = [];
		code.form.addEventListener("submit", (e) => { e.preventDefault(); sent.push(code.value); });
		const data = new DataTransfer(); data.setData("text", "Selfsame: 482913 is your sign-in code. We never ask for it.\n\n@127.0.0.1 #482913");
		code.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
		return sent; })()`)
	if len(got) != 1 || got[0] != "482913" {
		t.Errorf("the form was sent with %q, want 482913 once", got)
	}
}

// TestScriptsSpeakAndCountDown looks at what scripts change on the code page.
func TestScriptsSpeakAndCountDown(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	visit360(t, ctx, at+"/storybook/code.sms")
	resend := eval[string](t, ctx, `(() => { const b = document.querySelector("[value=resend]"); return b.getAttribute("aria-disabled") + " " + b.innerText.replace(/\s+/g, " "); })()`)
	if !strings.HasPrefix(resend, "true Send another code") || !strings.Contains(resend, "seconds)") {
		t.Errorf("the resend row says %q", resend)
	}
	eval[any](t, ctx, `document.querySelector("[value=resend]").click(), 0`)
	if where := eval[string](t, ctx, `location.pathname`); where != "/storybook/code.sms" {
		t.Errorf("a button that waits was pressed, and led to %s", where)
	}
	visit360(t, ctx, at+"/storybook/step.new_password")
	press(t, ctx, kb.Tab)
	eval[any](t, ctx, `document.getElementById("new-password").focus(), 0`)
	press(t, ctx, "a", "b", "c")
	if says := eval[string](t, ctx, `document.querySelector("[data-length-of] p").innerText`); says != "3 of at least 8 characters" {
		t.Errorf("the meter says %q", says)
	}
	press(t, ctx, kb.Tab, " ")
	if kind := eval[string](t, ctx, `document.getElementById("new-password").type`); kind != "text" {
		t.Errorf("after Show the field is of type %q", kind)
	}
}

// TestEveryPageByKeyboard tabs through pages: everything that can be pressed is
// reached, in the order of the page, and shows that it has the focus.
func TestEveryPageByKeyboard(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	for _, name := range []string{"front", "identify.phone", "identify.password", "code.wrong", "step.choose_method", "step.captcha_picture", "account.overview_look", "account.devices", "account.profile", "error.not_found"} {
		visit360(t, ctx, at+"/storybook/"+name)
		n := eval[int](t, ctx, `(() => { document.activeElement.blur(); window.scrollTo(0, 0);
			window.wanted = [...document.querySelectorAll("a[href],button,input:not([type=hidden]),select,summary,audio")].filter(e => e.tabIndex >= 0 && e.checkVisibility()); return window.wanted.length; })()`)
		eval[any](t, ctx, `(() => { const s = document.createElement("span"); s.tabIndex = -1; document.body.prepend(s); s.focus(); })()`)
		for i := range n {
			press(t, ctx, kb.Tab)
			got := eval[string](t, ctx, `(() => { const e = document.activeElement; const at = window.wanted.indexOf(e); const s = getComputedStyle(e);
				const box = e.getBoundingClientRect();
				return [at, s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 ? "ring" : "no ring " + e.outerHTML.slice(0, 120), box.top >= -1 && box.bottom <= innerHeight + 1 ? "seen" : "out of sight"].join(" "); })()`)
			if want := strconv.Itoa(i) + " ring seen"; got != want && !strings.Contains(got, "<audio") {
				t.Errorf("%s, after %d tabs: %s, want %s", name, i+1, got, want)
			}
			if strings.Contains(got, "<audio") {
				break // its own controls take tabs that the page does not see
			}
		}
	}
}

// TestTargetsAreLarge measures what people press: 44 pixels, except links inside
// sentences (WCAG 2.2, 2.5.8 has the same exception); and that no page is wider
// than a small phone.
func TestTargetsAreLarge(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	for _, name := range chosenStories() {
		visit360(t, ctx, at+"/storybook/"+name+"?language=en-XA") // a third longer than English
		small := eval[[]string](t, ctx, `[...document.querySelectorAll("a[href],button,input:not([type=hidden]):not([type=checkbox]),select,summary")].filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.closest("p, li.stack, .skip, .prose, altcha-widget") && !e.matches(".skip, .stack li a")).map(e => [e.getBoundingClientRect(), e]).filter(([b]) => b.height < 43.5 || b.width < 24).map(([b, e]) => Math.round(b.height) + " " + e.outerHTML.slice(0, 90))`)
		for _, s := range small {
			t.Errorf("%s: %s", name, s)
		}
		wide := eval[int](t, ctx, `document.documentElement.scrollWidth`)
		if wide > 360 {
			t.Errorf("%s is %d pixels wide at 360", name, wide)
		}
	}
}

// TestS125_WithoutScript looks at the pages as a browser without scripting shows them.
func TestS125_WithoutScript(t *testing.T) {
	at, ctx := storybookServer(t), tab(t)
	off := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	if err := chromedp.Do(ctx, emulate(360, "light"), off); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"identify.phone":    {"Country or region", "Phone number", "Continue"},
		"identify.password": {"Country or region", "Counts only if you use your phone number above."},
		"code.sms":          {"Look again", "Possible from", "UTC", "Send another code"},
		"step.captcha_work": {"Characters", "Listen instead"},
	} {
		if err := chromedp.Do(ctx, chromedp.Navigate(at+"/storybook/"+name)); err != nil {
			t.Fatal(err)
		}
		text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q: %q", name, w, text)
			}
		}
	}
}
