package stories

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// vendors are the providers of each region's sign-in page, and what their button says.
var vendors = map[string][]struct{ name, button string }{
	"cn":   {{"wechat", "Continue with WeChat"}, {"weibo", "Continue with Weibo"}, {"qq", "Continue with QQ"}, {"alipay", "Continue with Alipay"}, {"apple", "Apple"}},
	"intl": {{"google", "Continue with Google"}, {"facebook", "Continue with Facebook"}, {"apple", "Continue with Apple"}},
}

// someone makes a person at a provider and answers the person's id there.
func (h *house) someone(provider, name, email string) string {
	h.t.Helper()
	var made struct{ ID string }
	h.lab("POST", "/providers/"+provider+"/people", map[string]string{"name": name, "email": email}, &made)
	return made.ID
}

// fails makes a provider fail from now on; "none" ends it.
func (h *house) fails(provider, how string) {
	h.t.Helper()
	h.lab("PUT", "/providers/"+provider, map[string]string{"failure": how}, nil)
}

// comes waits until the page says one of these, by itself or after something was
// pressed, and answers which. A provider's page that has to be sent on by hand where
// there is no script, as Apple's, is sent on.
func (v *visitor) comes(words ...string) (found string) {
	v.t.Helper()
	// What has not come whole yet says nothing: the rest of it is looked at next.
	const read = `(() => { if (document.readyState === "loading") return "";
		const page = document.body?.innerText.replace(/\s+/g, " ") ?? "";
		if (location.pathname.startsWith("/lab/") && document.forms.length && !document.querySelector("[name=person]") && !window.sent) {
			window.sent = true;
			document.forms[0].submit();
		}
		return page; })()`
	over := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](read))
		for _, w := range words {
			if err == nil && strings.Contains(text, w) {
				return w
			}
		}
		select {
		case <-over:
			v.t.Fatalf("waited in vain for %q; the page is %s", words, v.place())
		case <-tick.C:
		}
	}
}

// leaves presses what leads to a provider, and waits for its page.
func (v *visitor) leaves(text string) {
	v.t.Helper()
	v.press(text)
	v.comes(atProvider)
}

// atProvider is what the simulators' pages say.
const atProvider = "Simulator: this is not the real"

// says answers at the provider as a person there, "Allow" or "Do not allow", and
// waits for a page of ours that says this.
func (v *visitor) says(person, answer, then string) {
	v.t.Helper()
	if !eval[bool](v, `(id => { const one = document.querySelector("input[name=person][value=" + JSON.stringify(id) + "]"); one?.click(); return Boolean(one); })(`+quote(person)+`)`) {
		v.t.Fatalf("%s has no account there: %s", person, v.place())
	}
	v.do(chromedp.Click(v.mark(findControl, answer)))
	v.comes(then)
}

// toProvider walks from the sign-in page of a region to a provider.
func (v *visitor) toProvider(region, button string) {
	v.t.Helper()
	v.visit("/signin?region=" + region)
	v.leaves(button)
}

// begins makes an account with a person at a provider who was never here, to the
// account page.
func (v *visitor) begins(region, button, person, number string) {
	v.t.Helper()
	v.toProvider(region, button)
	v.says(person, "Allow", "opens no account here yet")
	v.press("Create an account")
	switch region {
	case "cn":
		v.sees("Add a phone number")
		v.fill("Phone number", number)
		v.press("Continue")
		v.enter(v.phone(number).code())
	default:
		v.sees("Add an e-mail address")
		v.press("Not now")
	}
	v.sees("Everything is in order")
}

// TestTopic_S02_EachProvider: each of the seven from the sign-in page to the account
// page; the second time without a question. In a region of each kind.
func TestTopic_S02_EachProvider(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		for region, list := range vendors {
			for i, one := range list {
				v := h.browser(scripts, "en")
				who := h.someone(one.name, "Ana Example", "ana@example.com")
				number := "+861380013800" + string(rune('1'+i))
				v.begins(region, one.button, who, number)
				title := strings.TrimPrefix(one.button, "Continue with ")
				v.visit("/account/linked")
				v.sees("Linked accounts", title, "Linked on")
				v.accessible("linked "+one.name, looks(scripts)[:1])
				v.signOut()
				v.toProvider(region, one.button)
				if region == "cn" {
					v.says(who, "Allow", "Everything is in order")
				} else { // it has no contact at all
					v.says(who, "Allow", "Add an e-mail address")
					v.press("Not now")
				}
				v.visit("/account/activity")
				v.sees("Signed in with a linked account", "A "+title+" account was linked")
			}
		}
	})
}

// TestTopic_S02_WhatGoesWrong: a provider at which the person says no, that is down,
// talks nonsense or takes too long has its sentence, and the way on is on the page.
func TestTopic_S02_WhatGoesWrong(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		who := h.someone("google", "Ana Example", "ana@example.com")
		v.toProvider("intl", "Continue with Google")
		v.says(who, "Do not allow", "You did not agree at Google")
		v.sees("Continue with Google", "Phone number")
		v.accessible("denied", looks(scripts)[:1])
		for _, one := range []struct{ failure, says string }{
			{"5xx", "Google can't be reached or does not work right now"}, {"malformed", "Google gave an answer that we can't rely on"}, {"slow", "Google took too long to answer"},
		} {
			h.fails("google", one.failure)
			v.toProvider("intl", "Continue with Google")
			v.says(who, "Allow", one.says)
			v.sees("Phone number", "Use a password", "Continue with Google")
		}
		h.fails("google", "none")
		v.begins("intl", "Continue with Google", who, "")
	})
}

// TestTopic_C03_LinkToTheAccountThatOneHas: who has an account already opens it once
// and keeps one account.
func TestTopic_C03_LinkToTheAccountThatOneHas(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		home := h.browser(scripts, "en")
		home.signUp(ada)
		home.visit("/account")
		id := home.accountID()
		away := h.browser(scripts, "en")
		who := h.someone("facebook", "Ana Example", "ana@example.com")
		away.toProvider("intl", "Continue with Facebook")
		away.says(who, "Allow", "opens no account here yet")
		away.accessible("link or create", looks(scripts)[:1])
		away.press("Link it to my account")
		away.sees("Sign in to link Facebook")
		away.accessible("linking", looks(scripts)[:1])
		away.askCode(ada)
		away.enter(h.phone(ada).code())
		away.sees("Add an e-mail address")
		away.press("Not now")
		away.visit("/account")
		if got := away.accountID(); got != id {
			t.Errorf("it is linked to the account %q, want %q", got, id)
		}
		away.visit("/account/linked")
		away.sees("Facebook", "Ana Example")
		away.signOut()
		away.toProvider("intl", "Continue with Facebook")
		away.says(who, "Allow", id)
	})
}

// accountID reads the account ID from the account page.
func (v *visitor) accountID() string {
	v.t.Helper()
	_, rest, _ := strings.Cut(v.reads(), "Account ID ")
	if len(rest) < 14 {
		v.t.Fatalf("no account ID on %s", v.place())
	}
	return rest[:14]
}

// adds adds a provider on the page of linked accounts, giving a code if one is asked for.
func (v *visitor) adds(title, number string) {
	v.t.Helper()
	v.visit("/account/linked")
	v.press("Add " + title)
	if v.comes(atProvider, byText) == byText {
		v.press(byText)
		v.enter(v.phone(number).code())
		v.comes(atProvider)
	}
}

// The ways to prove, as the page offers them.
const (
	byText   = "Get a code by text message"
	byLinked = "Sign in with a linked account"
)

// TestTopic_L03_AddAndRemove: an account by phone gets a linked account and loses it
// again; both are told. In a region of each kind.
func TestTopic_L03_AddAndRemove(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		for region, number := range map[string]string{"intl": ada, "cn": "+8613800138009"} {
			provider, title := "google", "Google"
			if region == "cn" {
				provider, title = "wechat", "WeChat"
			}
			v := h.browser(scripts, "en")
			who := h.someone(provider, "Ana Example", "")
			v.visit("/signin?region=" + region)
			v.askCode(number)
			v.enter(h.phone(number).code())
			v.sees("Everything is in order")
			v.adds(title, number)
			v.says(who, "Allow", "The account is linked.")
			v.sees(title, "Ana Example", "Linked on")
			if text := h.phone(number).next().Text; !strings.Contains(text, title+" account was linked") {
				t.Errorf("%s: the owner is told %q", region, text)
			}
			v.visit("/account/security")
			v.sees("Linked accounts " + title)
			v.visit("/account/linked")
			v.press("Remove " + title)
			v.sees("What happens if you remove it", "It no longer opens this account")
			v.accessible("remove", looks(scripts)[:1])
			v.press("Remove " + title)
			v.sees("This needs two proofs that do not depend on each other.")
			v.leaves(byLinked)
			v.says(who, "Allow", "What happens if you remove it")
			v.press("Remove " + title)
			v.sees("The linked account is removed.", "No account is linked yet.")
			v.signOut()
			v.toProvider(region, "Continue with "+title)
			v.says(who, "Allow", "opens no account here yet")
		}
	})
}

// TestTopic_L03_TheLastWayIn: an account that nothing else opens keeps its link.
func TestTopic_L03_TheLastWayIn(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.begins("intl", "Continue with Google", h.someone("google", "Ana Example", ""), "")
		v.visit("/account/linked/google")
		if status := v.press("Remove Google"); status != http.StatusConflict {
			t.Errorf("removing the last way in answers %d", status)
		}
		v.sees("This is your only way in", "Add a passkey")
	})
}

// TestTopic_L02_MoveFromAnotherAccount: what opens another account of mine is moved
// after that account was proved, too.
func TestTopic_L02_MoveFromAnotherAccount(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		who := h.someone("google", "Ana Example", "")
		first := h.browser(scripts, "en")
		first.signUp(ada)
		first.adds("Google", ada)
		first.says(who, "Allow", "The account is linked.")
		h.phone(ada).next()
		second := h.browser(scripts, "en")
		second.signUp(bob)
		second.visit("/account")
		id := second.accountID()
		second.adds("Google", bob)
		second.says(who, "Allow", "This Google account opens another account")
		second.sees("Move it here", "It no longer opens the other account")
		second.accessible("move", looks(scripts)[:1])
		second.press("Move it here")
		second.press(byText)
		second.enter(h.phone(ada).code())
		second.sees("The account was moved here.")
		second.signOut()
		second.toProvider("intl", "Continue with Google")
		second.says(who, "Allow", id)
		first.visit("/account/linked")
		first.sees("No account is linked yet.")
	})
}

// TestS045_AnotherBrowser: an answer of a provider counts in the browser that went
// there and in no other.
func TestS045_AnotherBrowser(t *testing.T) {
	h := openForBrowsers(t)
	who := h.someone("google", "Ana Example", "")
	thief, victim := h.browser(true, "en"), h.browser(true, "en")
	thief.toProvider("intl", "Continue with Google")
	there := thief.path()
	victim.visit(there) // a link that was sent
	victim.says(who, "Allow", "It was begun in another browser or app")
	victim.accessible("another browser", looks(true)[:1])
	thief.visit("/signin")
	thief.sees("Continue at Google")
	thief.press("I have signed in at Google")
	thief.sees("Nothing has come from Google yet")
}

// TestTopic_S02_AnAppByABrowser: an app without the provider's SDK sends a browser,
// and goes on where it was when the browser is done.
func TestTopic_S02_AnAppByABrowser(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		who := h.someone("google", "Ana Example", "")
		app := h.person("Pixel 9").begin("signin", "intl").give("provider", "provider", "google").at("redirect")
		var at struct{ Step struct{ URL string } }
		app.last.json(t, &at)
		_, path, _ := strings.Cut(strings.TrimPrefix(at.Step.URL, "http://"), "/")
		v := h.browser(scripts, "en")
		v.visit("/" + path)
		v.says(who, "Allow", "You can go back to the app")
		v.sees("Google has answered")
		v.accessible("back to the app", looks(scripts)[:1])
		app.give("check").at("link_or_create").give("create").at("add_contact").give("skip").at("done")
		if !app.last.Step.Created || !app.signedIn() {
			t.Errorf("the app ends with %s", app.last.body)
		}
	})
}

// TestTopic_S02_InsideWeChat: a page that is opened inside WeChat signs in without a
// picture to scan.
func TestTopic_S02_InsideWeChat(t *testing.T) {
	h := openForBrowsers(t)
	v := h.browser(true, "en")
	v.do(call(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x18003237) NetType/WIFI Language/en"}))
	who := h.someone("wechat", "Ana Example", "")
	v.toProvider("cn", "Continue with WeChat")
	if path := v.path(); !strings.Contains(path, "/connect/oauth2/authorize") {
		t.Errorf("WeChat is asked at %s", path)
	}
	v.says(who, "Allow", "opens no account here yet")
}
