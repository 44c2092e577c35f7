package stories

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	newWord  = "seven purple walruses"
	thiefTel = "+14155550199"
)

// gets waits for a message that says something, past those that do not.
func (p *phone) gets(words string) bool {
	p.t.Helper()
	for range 8 {
		if m := p.next(); strings.Contains(m.Subject+m.Text, words) {
			return true
		}
	}
	return false
}

// finding begins a search for the account ID.
func (p *person) finding() *person {
	p.t.Helper()
	p.id, p.key = "", ""
	r := p.ask("POST", "/journeys", map[string]any{"kind": "recover", "for": "find"})
	if r.StatusCode != http.StatusCreated {
		p.t.Fatalf("a search begins with %s: %s", r.Status, r.body)
	}
	p.id, p.key = r.ID, r.Key
	return p
}

// signedOut are the names in the newest act of a new password.
func (p *person) signedOut() string {
	p.t.Helper()
	var list struct {
		Activity []struct {
			Kind    string
			Details map[string]string
		}
	}
	p.ask("GET", "/activity", nil).json(p.t, &list)
	for _, a := range list.Activity {
		if a.Kind == "password_set" {
			return a.Details["signed_out"]
		}
	}
	return ""
}

// TestTopic_W01_ForgottenPassword: a code to the phone and a new password; the old
// one opens nothing, a used one is not taken, and the contacts are told.
func TestTopic_W01_ForgottenPassword(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	p := h.person("New phone").begin("recover", "intl").give("phone", "phone", ada).at("code")
	if to := p.last.Step.To; to != "" {
		t.Errorf("the step tells %q before a proof", to)
	}
	p.give("code", "code", h.phone(ada).code())
	if p.last.Step.Type == "choose_method" { // two kinds are wanted, or a wait
		t.Fatalf("a phone is not enough: %s", p.last.body)
	}
	p.at("new_password").give("new_password", "password", good).refused(http.StatusUnprocessableEntity, "password_reused")
	p.give("new_password", "password", newWord).at("done")
	if !p.signedIn() || o.signedIn() {
		t.Error("who recovered is not signed in, or the device of before still is")
	}
	if !h.mailbox(mail1).gets("recovered") {
		t.Error("the e-mail was not told")
	}
	h.pass(time.Hour)
	h.person("Laptop").begin("signin", "intl").give("username", "username", mail1).give("password", "password", good).refused(http.StatusUnauthorized, "credentials_invalid")
}

// TestTopic_W03_OldTokensAfterANewPassword: an app with a token of before hears
// session_required, and the history names the devices that must sign in anew.
func TestTopic_W03_OldTokensAfterANewPassword(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	tv := h.person("Television")
	tv.begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code())
	for range 3 {
		if tv.last.Step.Type != "choose_method" {
			break
		}
		tv.give("method", "method", "password").give("password", "password", good)
	}
	tv.at("done")
	h.pass(time.Minute)
	o.begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code())
	if o.last.Step.Type == "choose_method" {
		o.give("method", "method", "password").give("password", "password", good)
	}
	o.at("done")
	o.setPassword(newWord)
	if tv.signedIn() {
		t.Error("the television is still signed in")
	}
	if names := o.signedOut(); !strings.Contains(names, "Television") {
		t.Errorf("the history names %q", names)
	}
}

// TestTopic_W04_NoPhoneNoMail: who has neither phone nor mailbox at hand nor the
// password gets back in with a recovery code, and everybody hears of it.
func TestTopic_W04_NoPhoneNoMail(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	var made struct{ Codes []string }
	o.proving("recovery_codes")
	o.proves()
	o.at("done")
	o.ask("POST", "/methods/recovery-codes", nil).json(t, &made)
	if len(made.Codes) != 10 {
		t.Fatalf("the codes are %s", o.last.body)
	}
	id := h.person("x").finding().give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code()).at("done").last.Step.Account.ID
	h.pass(5 * 24 * time.Hour)
	p := h.person("Borrowed").begin("recover", "intl").give("username", "username", id).at("choose_method")
	p.give("method", "method", "recovery_code").at("recovery_code").give("code", "code", made.Codes[0]).at("new_password")
	p.give("new_password", "password", newWord).at("done")
	if !p.signedIn() {
		t.Error("nobody is signed in at the end")
	}
	if !h.mailbox(mail1).gets("recovered") {
		t.Error("the e-mail was not told")
	}
}

// TestTopic_X02_FindMyAccount: the ID by what I have; for others nothing.
func TestTopic_X02_FindMyAccount(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	var me struct{ ID string }
	o.ask("GET", "/account", nil).json(t, &me)
	p := h.person("Laptop").finding().give("email", "email", mail1).at("code")
	if strings.Contains(string(p.last.body), me.ID) {
		t.Error("the ID is shown before a proof")
	}
	if s := p.give("code", "code", h.mailbox(mail1).code()).at("done").last.Step; s.Account.ID != me.ID || s.Session.Token != "" {
		t.Errorf("the end is %+v", s)
	}
	unknown := h.person("Laptop").finding().give("email", "email", "nobody@example.com").at("code")
	if unknown.give("code", "code", "123456").last.Step.Type != "code" {
		t.Errorf("a guess for nobody: %s", unknown.last.body)
	}
}

// stealing is a takeover: on a device of their own, with the owner's phone and
// password in their hands for a moment, somebody gives the account another phone.
func stealing(h *house, o *owner) (thief *person) {
	h.t.Helper()
	thief = h.person("Thief")
	thief.begin("signin", "intl").give("phone", "phone", o.phone).at("code").give("code", "code", h.phone(o.phone).code())
	if thief.last.Step.Type == "choose_method" {
		thief.give("method", "method", "password").give("password", "password", good)
	}
	thief.at("done")
	h.pass(2 * time.Minute)
	hand := &owner{thief, o.phone, o.mail}
	hand.begin("change_phone", "intl").at("add_contact").give("phone", "phone", thiefTel)
	hand.proves()
	hand.at("code").give("code", "code", h.phone(thiefTel).code()).at("done")
	return thief
}

// TestTopic_X01_StolenAccount: the phone of before and the password get the
// account back, with everything that was changed undone together.
func TestTopic_X01_StolenAccount(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	thief := stealing(h, o)
	if phone, _ := thief.contacts(); !strings.HasSuffix(phone, "199") {
		t.Fatalf("the phone is %s", phone)
	}
	h.pass(3 * 24 * time.Hour)
	p := h.person("Pixel 9").begin("recover", "intl").give("phone", "phone", ada).at("code")
	p.give("code", "code", h.phone(ada).code()).at("choose_method").give("method", "method", "password").at("password").give("password", "password", good).at("new_password")
	p.give("new_password", "password", newWord).at("done")
	if phone, mail := p.contacts(); !strings.HasSuffix(phone, "123") || mail == "" {
		t.Errorf("the contacts are %s, %s", phone, mail)
	}
	if thief.signedIn() {
		t.Error("the thief is signed in")
	}
	h.pass(time.Hour)
	// The thief's phone opens nothing: it is a stranger's, who may begin anew.
	again := h.person("Thief").begin("recover", "intl").give("phone", "phone", thiefTel).at("code")
	if again.give("code", "code", "123456").last.Step.Type != "code" {
		t.Errorf("the thief's phone: %s", again.last.body)
	}
}

// TestTopic_D03_ProofForADeletion: who forgot the password can still show enough
// for a deletion, if not at once: after a recovery it is held for three days.
func TestTopic_D03_ProofForADeletion(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.begin("recover", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code()).at("new_password").
		give("new_password", "password", newWord).at("done")
	ask := func() reply {
		return o.ask("POST", "/journeys", map[string]any{"kind": "prove", "for": "delete"})
	}
	if r := ask(); r.StatusCode == http.StatusCreated && r.Step.Type == "done" {
		t.Errorf("a deletion is open right after a recovery: %s", r.body)
	}
	h.pass(73 * time.Hour)
	r := ask()
	o.id, o.key = r.ID, r.Key
	hand := *o
	for range 6 {
		s := hand.last.Step
		switch {
		case s.Type == "choose_method" && slices.ContainsFunc(s.Methods, func(m struct{ Method, To string }) bool { return m.Method == "password" }):
			hand.give("method", "method", "password").give("password", "password", newWord)
		case s.Type == "choose_method":
			hand.give("method", "method", s.Methods[0].Method)
		case s.Type == "code" && s.Channel == "sms":
			hand.give("code", "code", h.phone(ada).code())
		case s.Type == "code":
			hand.give("code", "code", h.mailbox(mail1).code())
		}
	}
	hand.at("done")
}

// TestStory_Recover: the same in a browser, from the sign-in page.
func TestStory_Recover(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		h.owner(ada, mail1)
		v := h.browser(scripts, "en")
		v.visit("/recover")
		v.sees("Get back into your account")
		v.fill("Phone, e-mail address or account ID", "(415) 555-0123")
		v.press("Continue")
		v.sees("Enter the code")
		v.enter(h.phone(ada).code())
		v.fill("New password", newWord)
		v.press("Save and continue")
		v.sees("You are back in your account", "Check devices")
		if path := v.path(); path != "/done/recovered" {
			t.Errorf("the way ends at %s", path)
		}
		v.visit("/recover?for=find")
		v.fill("Phone, e-mail address or account ID", mail1)
		v.press("Continue")
		v.enter(h.mailbox(mail1).code())
		v.sees("This is your account", "Account ID")
	})
}
