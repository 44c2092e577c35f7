package stories

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// state is the state of the account as a frozen sign-in tells it.
func (h *house) entrance(number string) reply {
	h.t.Helper()
	p := h.person("Laptop").begin("signin", "intl").give("phone", "phone", number).at("code")
	return p.give("code", "code", h.phone(number).code()).last
}

// TestTopic_F01_FreezeAndUnfreeze: with a text from any device, everybody is out;
// two kinds of proof and a new password lift it.
func TestTopic_F01_FreezeAndUnfreeze(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	p := h.person("Borrowed").begin("freeze", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code()).at("confirm")
	if !strings.Contains(string(p.last.body), "freeze_ends") {
		t.Errorf("it does not say when it ends: %s", p.last.body)
	}
	if s := p.give("confirm").at("done").last.Step; s.Session.Token != "" || s.Result != "frozen" {
		t.Errorf("the end is %+v", s)
	}
	if o.signedIn() {
		t.Error("a session lives")
	}
	if !h.mailbox(mail1).gets("/unfreeze") {
		t.Error("the e-mail was not told")
	}
	h.pass(2 * time.Minute)
	r := h.entrance(ada)
	if r.StatusCode != http.StatusForbidden || r.Code != "account_frozen" || r.RetryAt.IsZero() || !strings.Contains(string(r.body), `"/unfreeze"`) {
		t.Errorf("the entrance says %s", r.body)
	}
	h.pass(2 * time.Minute)
	q := h.person("Pixel 9").begin("unfreeze", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code()).at("choose_method")
	q.give("method", "method", "password").give("password", "password", good).at("new_password").give("new_password", "password", newWord).at("done")
	if !q.signedIn() || q.last.StatusCode != http.StatusOK {
		t.Error("nobody is signed in after unfreezing")
	}
}

// TestTopic_F01_AWeakFreezeEnds: by itself, a day later, and the owner hears of it.
func TestTopic_F01_AWeakFreezeEnds(t *testing.T) {
	h := open(t)
	h.owner(ada, mail1)
	h.person("Borrowed").begin("freeze", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code()).at("confirm").give("confirm").at("done")
	h.pass(24*time.Hour + 2*time.Minute)
	if !h.mailbox(mail1).gets("has ended") {
		t.Error("the e-mail was not told")
	}
	if r := h.entrance(ada); r.Code == "account_frozen" {
		t.Errorf("it is still frozen: %s", r.body)
	}
}

// TestTopic_F02_WhyItWasFrozen: somebody knows the password and guesses at the
// second step on new devices; the account freezes by itself and says why.
func TestTopic_F02_WhyItWasFrozen(t *testing.T) {
	h := open(t)
	h.owner(ada, mail1)
	for i := 0; i < 4; i++ {
		p := h.person("Stranger").begin("signin", "intl").give("username", "username", mail1).at("password").give("password", "password", good)
		if p.last.Step.Type == "choose_method" {
			p.give("method", "method", "sms_code")
		}
		if p.last.Step.Type != "code" {
			break // the limits of codes, or of tries
		}
		code := h.phone(ada).code()
		for range 4 {
			p.give("code", "code", other(code))
		}
		h.pass(10 * time.Minute)
	}
	if !h.mailbox(mail1).gets("kept failing the second step") {
		t.Error("the owner was not told why")
	}
	h.pass(2 * time.Hour)
	if r := h.entrance(ada); r.Code != "account_frozen" || !strings.Contains(string(r.body), `"rule":"second_steps_failed"`) || !strings.Contains(r.Detail, "second step") {
		t.Errorf("the entrance says %s", r.body)
	}
}

// TestTopic_F04_FreezeFromANotice: the mail about a new device leads to the freeze,
// and who is signed in needs one button.
func TestTopic_F04_FreezeFromANotice(t *testing.T) {
	h := openForBrowsers(t)
	o := h.owner(ada, mail1)
	h.person("Somebody's phone").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code())
	if !h.mailbox(mail1).gets("on a device that it did not know") {
		t.Error("the e-mail was not told of a new device")
	}
	for _, m := range h.mailbox(mail1).texts() {
		if strings.Contains(m.Subject, "New sign-in") && !strings.Contains(m.Text, "/freeze") {
			t.Errorf("the notice of a new device says %q", m.Text)
		}
	}
	v := h.browser(true, "en")
	v.visit("/freeze")
	v.sees("Freeze an account")
	v.fill("Phone, e-mail address or account ID", mail1)
	v.press("Continue")
	v.sees("Enter the code")
	v.enter(h.mailbox(mail1).code())
	v.sees("Freeze this account?", "ends by itself")
	v.press("Freeze the account")
	v.sees("The account is frozen")
	if o.signedIn() {
		t.Error("a session lives")
	}
}

// TestStory_FreezeSignedIn: in a browser where somebody is signed in, one button.
func TestStory_FreezeSignedIn(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.signUp(ada)
		v.visit("/freeze")
		v.sees("Freeze this account?", "Nothing in the account is lost")
		v.press("Freeze the account")
		v.sees("The account is frozen")
		v.visit("/account")
		v.sees("Sign in")
	})
}
