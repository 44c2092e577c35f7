package stories

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTopic_Y01_Why: who is asked for more than usual is told what for and what
// made it necessary, and the article says what else there can be.
func TestTopic_Y01_Why(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	p.setPassword(good)
	own.behaves(map[string]string{"sim_swapped_at": h.now().Add(-time.Hour).UTC().Format(time.RFC3339)})
	h.pass(time.Hour)
	thief := h.person("Another phone").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", own.code()).at("choose_method")
	if s := thief.last.Step; s.For != "sign_in" || !slices.Contains(s.Why, "sim_swapped") || s.Session.Token != "" {
		t.Errorf("asked with %s", thief.last.body)
	}
	thief.give("method", "method", "sms_code").refused(http.StatusForbidden, "method_unavailable")
	thief.give("method", "method", "password").at("password").give("password", "password", "wrong horse battery staple").refused(http.StatusUnauthorized, "credentials_invalid")
	owner := h.person("My new phone").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", own.code()).at("choose_method")
	owner.give("method", "method", "password").at("password").give("password", "password", good).at("done")
	for language, words := range map[string]string{"en": "SIM", "zh-CN": "SIM"} {
		if a := h.get("/help/verification/why-does-the-account-want-to-verify-me", language); a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), words) {
			t.Errorf("%s: the article is %s", language, a.Status)
		}
	}
}

// TestTopic_Y02_StepUp: a change that needs more proof says what for, the ways are
// listed with the reasons of those that don't work, and what was proved is good in
// this session, for ten minutes.
func TestTopic_Y02_StepUp(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	h.pass(11 * time.Minute)
	if p.ask("PUT", "/password", map[string]any{"new_password": good}); p.last.For != "set_password" {
		t.Errorf("the proof is for %q", p.last.For)
	}
	p.refused(http.StatusForbidden, "proof_required")
	p.proving("set_password")
	s := p.last.Step
	if s.For != "set_password" || len(s.Methods) != 1 || s.Methods[0].Method != "sms_code" || strings.Contains(s.Methods[0].To, "415555") || !slices.ContainsFunc(s.Unavailable, func(u struct{ Method, Reason string }) bool {
		return u.Method == "email_code" && u.Reason == "not_set"
	}) {
		t.Errorf("the ways are %s", p.last.body)
	}
	before := p.session
	p.give("method", "method", "sms_code").at("code").give("code", "code", own.code()).at("done")
	if p.session == before {
		t.Error("the token is the old one")
	}
	p.setPassword(good)
	p.session, before = before, p.session
	if p.signedIn() {
		t.Error("the old token still opens")
	}
	p.session = before
	h.pass(11 * time.Minute)
	p.ask("PUT", "/password", map[string]any{"new_password": good + "2"})
	p.refused(http.StatusForbidden, "proof_required")
}

// TestTopic_Y02_Page: on the pages the change leads to the proof, and the proof back
// to the change, with scripts and without.
func TestTopic_Y02_Page(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		v.enter(h.phone(ada).code())
		v.sees("Everything is in order")
		h.pass(11 * time.Minute)
		v.visit("/account/password")
		v.sees("set a password")
		v.press("Get a code by text message")
		v.enter(h.phone(ada).code())
		v.fill("New password", good)
		v.press("Set this password")
		v.sees("Your new password is in force.")
	})
}

// TestTopic_Y05_AfterThePassword: a right password on a device that the account
// does not know asks for a code, says why, and a known device goes straight in.
func TestTopic_Y05_AfterThePassword(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	p.setPassword(good)
	h.pass(time.Hour)
	p.begin("signin", "intl").give("username", "username", ada).at("password").give("password", "password", good).at("done")
	q := h.person("Another phone").begin("signin", "intl").give("username", "username", ada).at("password").give("password", "password", good).at("code")
	if s := q.last.Step; s.Reason != "new_device" || !slices.Contains(s.Why, "password_alone") || s.Session.Token != "" {
		t.Errorf("asked with %s", q.last.body)
	}
	q.give("code", "code", own.code()).at("done")
	if a := h.get("/help/verification/why-verify-my-phone-after-the-password", "en"); a.StatusCode != http.StatusOK {
		t.Errorf("the article is %s", a.Status)
	}
}
