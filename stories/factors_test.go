package stories

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"
)

// codeApp is an authenticator app: it knows a secret and the time.
type codeApp struct {
	h      *house
	secret string
}

// shows is its code so many steps from now.
func (a codeApp) shows(steps int64) string {
	a.h.t.Helper()
	code, err := hotp.GenerateCode(a.secret, uint64(a.h.now().Unix()/30+steps))
	if err != nil {
		a.h.t.Fatal(err)
	}
	return code
}

// codeApp sets one up over the API, in a session that has just proved enough.
func (p *person) codeApp() codeApp {
	p.t.Helper()
	var made struct{ Secret, URI, QR string }
	p.ask("POST", "/methods/totp", nil).json(p.t, &made)
	if len(made.Secret) != 32 || !strings.HasPrefix(made.URI, "otpauth://totp/") || !strings.HasPrefix(made.QR, "data:image/png;base64,") {
		p.t.Fatalf("setting up an app is answered by %s", p.last.body)
	}
	a := codeApp{p.house, made.Secret}
	p.confirm(a.shows(0), http.StatusNoContent)
	return a
}

func (p *person) confirm(code string, status int) reply {
	p.t.Helper()
	r := p.ask("POST", "/methods/totp/confirm", map[string]string{"code": code})
	if r.StatusCode != status {
		p.t.Fatalf("confirming an app: %s %s, want %d", r.Status, r.body, status)
	}
	return r
}

// proving begins a step-up for an action, to the list of ways.
func (p *person) proving(action string) *person {
	p.t.Helper()
	p.id, p.key = "", ""
	r := p.ask("POST", "/journeys", map[string]any{"kind": "prove", "for": action})
	if r.StatusCode != http.StatusCreated || r.Step.Type != "choose_method" {
		p.t.Fatalf("a step-up for %s begins with %s: %s", action, r.Status, r.body)
	}
	p.id, p.key = r.ID, r.Key
	return p
}

// gives answers with the answers to the security questions.
func (p *person) gives(answers ...string) *person {
	p.t.Helper()
	p.ask("POST", "/journeys/"+p.id, map[string]any{"input": "answers", "answers": answers})
	return p
}

// TestTopic_Y02_AuthenticatorApp: set up, asked for when more is needed, refused
// when a code comes twice, and taken away by its owner only.
func TestTopic_Y02_AuthenticatorApp(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	p.setPassword(good)
	own.next()
	p.confirm("123456", http.StatusConflict)
	p.refused(http.StatusConflict, "totp_not_begun")
	a := p.codeApp()
	if text := own.next().Text; !strings.Contains(text, "an authenticator app was set up") {
		t.Errorf("the owner is told: %q", text)
	}
	h.pass(73 * time.Hour)
	p.ask("GET", "/account/contacts", nil)
	p.refused(http.StatusForbidden, "proof_required")
	p.proving("view_contacts").give("method", "method", "totp").at("totp")
	if r := p.give("code", "code", other(a.shows(2))).refused(http.StatusUnprocessableEntity, "code_wrong"); r.TriesLeft == nil || !strings.Contains(r.Detail, "authenticator app") {
		t.Errorf("a wrong code is refused with %s", r.body)
	}
	used := a.shows(0)
	p.give("code", "code", used[:3]+" "+used[3:]).at("done")
	if full := p.ask("GET", "/account/contacts", nil); full.StatusCode != http.StatusOK {
		t.Errorf("after the proof the contacts are %s %s", full.Status, full.body)
	}
	p.proving("recovery_codes").give("method", "method", "totp").at("totp")
	p.give("code", "code", used).refused(http.StatusUnprocessableEntity, "code_used")
	h.pass(30 * time.Second)
	if p.give("code", "code", a.shows(0)).at(""); p.last.Step.Type == "choose_method" {
		p.give("method", "method", "password").at("password")
	}
	p.give("password", "password", good).at("done")
	var made struct{ Codes []string }
	p.ask("POST", "/methods/recovery-codes", nil).json(t, &made)
	if len(made.Codes) != 10 {
		t.Fatalf("recovery codes are %s", p.last.body)
	}
	thief := h.person("").begin("signin", "intl")
	thief.session = p.session
	h.pass(11 * time.Minute)
	thief.ask("DELETE", "/methods/totp", nil)
	thief.refused(http.StatusForbidden, "proof_required")
}

// TestTopic_Y02_RecoveryCode: a code of the list proves once, its owner is told,
// and one of them is not enough for a new list.
func TestTopic_Y02_RecoveryCode(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	var made struct{ Codes []string }
	p.ask("POST", "/methods/recovery-codes", nil).json(t, &made)
	if len(made.Codes) != 10 || !strings.Contains(own.next().Text, "new recovery codes were made") {
		t.Fatalf("recovery codes are %s", p.last.body)
	}
	h.pass(73 * time.Hour)
	p.proving("view_contacts").give("method", "method", "recovery_code").at("recovery_code")
	p.give("code", "code", "0000-0000-0000-0000").refused(http.StatusUnprocessableEntity, "code_wrong")
	p.give("code", "code", "not a code").refused(http.StatusUnprocessableEntity, "invalid_input")
	p.give("code", "code", strings.ToLower(strings.ReplaceAll(made.Codes[4], "-", " "))).at("done")
	if text := own.next().Text; !strings.Contains(text, "a recovery code of your account was used") {
		t.Errorf("the owner is told: %q", text)
	}
	h.pass(11 * time.Minute)
	p.proving("view_contacts").give("method", "method", "recovery_code").at("recovery_code")
	p.give("code", "code", made.Codes[4]).refused(http.StatusUnprocessableEntity, "code_used")
	p.give("other_way").at("choose_method").give("method", "method", "recovery_code").give("code", "code", made.Codes[5]).at("done")
	p.ask("POST", "/methods/recovery-codes", nil)
	p.refused(http.StatusForbidden, "proof_required")
}

var three = []map[string]string{
	{"question": "hiding_place", "answer": "Behind the coal shed"}, {"question": "neighbor_nickname", "answer": "Küchen Karl"}, {"question": "lost_thing", "answer": "a tin whistle"},
}

// TestTopic_Q01_Questions: three from the list, refused where they are easy to
// guess, and one proof beside phone and mailbox together.
func TestTopic_Q01_Questions(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	p.addEmail(mail1)
	own.next()
	var list struct {
		Questions []struct{ Question, Text string }
		Reason    string
	}
	p.ask("GET", "/methods/questions", nil).json(t, &list)
	if len(list.Questions) < 10 || list.Reason != "" || !strings.HasSuffix(list.Questions[0].Text, "?") {
		t.Errorf("the list is %s", p.last.body)
	}
	bad := slices.Clone(three)
	bad[1] = map[string]string{"question": "family_word", "answer": "ada@example.com"}
	p.ask("PUT", "/methods/questions", map[string]any{"questions": bad})
	if r := p.refused(http.StatusUnprocessableEntity, "answer_guessable"); r.Field != "questions.1.answer" || r.Reason != "personal" {
		t.Errorf("a guessable answer is refused with %s", r.body)
	}
	p.ask("PUT", "/methods/questions", map[string]any{"questions": three[:2]})
	p.refused(http.StatusUnprocessableEntity, "invalid_input")
	if r := p.ask("PUT", "/methods/questions", map[string]any{"questions": three}); r.StatusCode != http.StatusNoContent {
		t.Fatalf("setting them: %s %s", r.Status, r.body)
	}
	if text := own.next().Text; !strings.Contains(text, "security questions were set") {
		t.Errorf("the owner is told: %q", text)
	}
	h.pass(73 * time.Hour)
	p.proving("view_contacts").give("method", "method", "sms_code").at("code").give("code", "code", own.code()).at("choose_method")
	p.give("method", "method", "questions").at("questions")
	p.gives("behind the COAL SHED", "kuchen karl", "a tin whistle").refused(http.StatusUnprocessableEntity, "answers_wrong")
	p.gives("behind the COAL SHED.", "küchen-karl", "A tin whistle").at("")
	if p.last.Step.Type == "done" {
		t.Error("beside a text only they are enough")
	}
	if p.last.Step.Type == "choose_method" {
		p.give("method", "method", "email_code")
	}
	p.at("code").give("code", "code", h.mailbox(mail1).code()).at("done")
}

// TestTopic_Q02_Reset: a verified contact and a proof are enough for new questions.
func TestTopic_Q02_Reset(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	p.ask("PUT", "/methods/questions", map[string]any{"questions": three})
	p.at("")
	h.pass(11 * time.Minute)
	others := []map[string]string{{"question": "family_word", "answer": "frumpelig"}, {"question": "way_to_school", "answer": "the burnt oak"}, three[2]}
	p.ask("PUT", "/methods/questions", map[string]any{"questions": others})
	if r := p.refused(http.StatusForbidden, "proof_required"); r.For != "add_method" {
		t.Errorf("the proof is for %q", r.For)
	}
	h.pass(time.Minute)
	p.proving("add_method").give("method", "method", "sms_code").at("code").give("code", "code", h.phone(ada).code()).at("done")
	if r := p.ask("PUT", "/methods/questions", map[string]any{"questions": others}); r.StatusCode != http.StatusNoContent {
		t.Errorf("resetting: %s %s", r.Status, r.body)
	}
	if seen := p.ask("GET", "/activity", nil); strings.Count(string(seen.body), `"questions_set"`) != 2 {
		t.Errorf("recent activity: %s", seen.body)
	}
}

// TestTopic_Q03_WhyNot: after too many wrong answers they can be neither answered
// nor set, and the refusal says until when.
func TestTopic_Q03_WhyNot(t *testing.T) {
	h := open(t)
	p, own := h.person("Pixel 9").signUp(ada), h.phone(ada)
	p.addEmail(mail1)
	p.ask("PUT", "/methods/questions", map[string]any{"questions": three})
	p.at("")
	h.pass(73 * time.Hour)
	p.proving("view_contacts").give("method", "method", "sms_code").at("code").give("code", "code", own.code()).at("choose_method")
	p.give("method", "method", "email_code").at("code").give("code", "code", h.mailbox(mail1).code()).at("")
	if p.last.Step.Type == "choose_method" {
		p.give("method", "method", "questions")
	}
	p.at("questions")
	for left := 2; left >= 0; left-- {
		if r := p.gives("x", "y", "z").refused(http.StatusUnprocessableEntity, "answers_wrong"); r.TriesLeft == nil || *r.TriesLeft != left {
			t.Errorf("a wrong try is refused with %s", r.body)
		}
	}
	if r := p.gives("Behind the coal shed", "Küchen Karl", "a tin whistle").refused(http.StatusTooManyRequests, "too_many_attempts"); r.RetryAt.Sub(h.now()) < 23*time.Hour {
		t.Errorf("the fourth try is refused with %s", r.body)
	}
	p.ask("PUT", "/methods/questions", map[string]any{"questions": three})
	if r := p.refused(http.StatusForbidden, "questions_unavailable"); r.Reason != "too_many_tries" || r.RetryAt.Sub(h.now()) < 23*time.Hour {
		t.Errorf("setting them is refused with %s", r.body)
	}
	article := h.get("/help/security-questions/why-cant-i-reset-them", "en")
	if article.StatusCode != http.StatusOK || !strings.Contains(string(article.body), "Too many wrong answers") {
		t.Errorf("the article answers %s", article.Status)
	}
}

// TestStory_AuthenticatorApp: set up on the account page past a wrong code, then
// used; the secret is on no other page.
func TestStory_AuthenticatorApp(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.signUp(ada)
		v.visit("/account/security")
		v.press("Authenticator app")
		v.accessible("authenticator: off", looks(scripts))
		v.press("Set up an app")
		v.sees("Scan this QR code", "Nothing has changed yet")
		v.accessible("authenticator: being set up", looks(scripts))
		a := codeApp{h, strings.ReplaceAll(eval[string](v, `document.querySelector(".kept").innerText`), " ", "")}
		if width := eval[float64](v, `document.querySelector("svg.qr").getBoundingClientRect().width`); width < 200 {
			t.Errorf("the QR code is %v wide", width)
		}
		if status := v.enter(other(a.shows(3))); status != http.StatusUnprocessableEntity {
			t.Errorf("a wrong code is answered with %d", status)
		}
		v.sees("That code isn't right", "The app has the key already")
		v.enter(a.shows(0))
		v.sees("Your authenticator app is on.", "New phone or another app")
		v.accessible("authenticator: on", looks(scripts))
		if text := v.reads(); strings.Contains(text, a.secret[:4]) {
			t.Errorf("the secret is shown again: %s", text)
		}
		h.pass(73 * time.Hour)
		v.visit("/account/contacts")
		v.press("Show")
		v.press("Enter a code from your authenticator app")
		v.sees("Enter the code from your app", "6 digits")
		v.accessible("asked for a code of the app", looks(scripts))
		v.enter(a.shows(0))
		if path := v.path(); path != "/account/contacts" {
			t.Errorf("the proof leads back to %s", path)
		}
	})
}

// TestStory_RecoveryCodes: made, kept as a file, and one of them used.
func TestStory_RecoveryCodes(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.signUp(ada)
		v.visit("/account/security/recovery-codes")
		v.press("Make 10 recovery codes")
		v.sees("they are shown only this once")
		v.accessible("recovery codes: made", looks(scripts))
		codes := eval[[]string](v, `[...document.querySelectorAll(".kept li")].map(e => e.innerText)`)
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		eval[any](v, `document.querySelector("[name=kept]").click()`)
		v.press("Done")
		v.sees("Your recovery codes are ready.", "10")
		v.visit("/account/security/recovery-codes")
		v.sees("10 codes are left")
		h.pass(73 * time.Hour)
		v.visit("/account/contacts")
		v.press("Show")
		v.press("Enter a recovery code")
		v.accessible("asked for a recovery code", looks(scripts))
		v.fill("Recovery code", strings.ToLower(codes[3]))
		v.press("Continue")
		if path := v.path(); path != "/account/contacts" {
			t.Errorf("the proof leads back to %s: %s", path, v.reads())
		}
		v.visit("/account/security/recovery-codes")
		v.sees("9 codes are left")
	})
}

// TestStory_Questions: set on the account page past an answer that is easy to guess.
func TestStory_Questions(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.signUp(ada)
		v.visit("/account/security/questions")
		v.accessible("questions: none", looks(scripts))
		fill := func(second string) {
			for i, answer := range []string{"behind the coal shed", second, "Küchen Karl, for his pans"} {
				eval[any](v, `(e => { e.focus(); e.select(); })(document.getElementById("answer`+string(rune('1'+i))+`"))`)
				v.do(insert(answer))
			}
		}
		fill("work hard")
		if status := v.press("Save these questions"); status != http.StatusUnprocessableEntity {
			t.Errorf("a popular answer is answered with %d", status)
		}
		v.sees("That answer is too easy to guess", "Many people give this answer")
		v.accessible("questions: guessable", looks(scripts))
		fill("three blind mice never pay rent")
		v.press("Save these questions")
		v.sees("Your security questions are set.", "Remove the questions")
	})
}
