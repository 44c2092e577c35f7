package stories

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTopic_S01_TextMessage: one way in for everybody: the number and the code.
func TestTopic_S01_TextMessage(t *testing.T) {
	h := open(t)
	first := h.person("Pixel 9").signUp(ada)
	id := first.last.Step.Account.ID
	for _, spelling := range []string{"+14155550123", "(415) 555-0123", "415.555.0123", "１４１５５５５０１２３"} {
		h.pass(time.Minute)
		p := h.person("Tablet").begin("signin", "intl").give("phone", "phone", spelling).at("code")
		text := h.phone(ada).next()
		if !strings.HasSuffix(text.Text, "\n\n@localhost #"+text.Code) || !strings.Contains(text.Text, "Selfsame") {
			t.Errorf("the text is %q", text.Text)
		}
		if p.give("code", "code", text.Code).at("done").last.Step.Account.ID != id || !p.signedIn() {
			t.Errorf("%q opens %s, want %s", spelling, p.last.body, id)
		}
	}
	if !first.signedIn() {
		t.Error("signing in elsewhere ended the first session")
	}
}

// TestTopic_S01_Password: every username with the password, then a code on a new
// device; a known device goes straight in.
func TestTopic_S01_Password(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	id := owner.last.Step.Account.ID
	owner.setPassword(good)
	for _, username := range []string{ada, "415 555 0123", id, id[:4] + " " + id[4:8] + " " + id[8:]} {
		p := h.person("Laptop").begin("signin", "intl").give("username", "username", username).at("password")
		p.give("password", "password", good).at("code")
		if p.last.Step.Reason != "new_device" {
			t.Errorf("the second step gives no reason: %s", p.last.body)
		}
		p.give("code", "code", h.phone(ada).code()).at("done")
		p.begin("signin", "intl").give("username", "username", username).give("password", "password", good).at("done")
		if p.last.Step.Account.ID != id {
			t.Errorf("%q opens %s", username, p.last.body)
		}
		h.pass(10 * time.Minute)
	}
	if notices := h.phone(ada).texts(); len(notices) == 0 {
		t.Error("no texts")
	}
}

// TestTopic_S03_EachRefusal: whatever stands in the way says what it is, until
// when, and where to read on.
func TestTopic_S03_EachRefusal(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	id := owner.last.Step.Account.ID
	owner.setPassword(good)

	wrong := h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", "not it at all")
	if r := wrong.refused(http.StatusUnauthorized, "credentials_invalid"); r.Step.Type != "password" {
		t.Errorf("after a wrong password the step is %q", r.Step.Type)
	}
	typo := h.person("").begin("signin", "intl").give("username", "username", id[:11]+fmt.Sprint((id[11]-'0'+1)%10))
	typo.refused(http.StatusUnprocessableEntity, "username_invalid")

	odd := h.person("").begin("signin", "intl").give("code", "code", "123456")
	odd.refused(http.StatusConflict, "journey_step")
	odd.give("nonsense").refused(http.StatusConflict, "journey_step")
	odd.give("phone").refused(http.StatusUnprocessableEntity, "phone_invalid")
	odd.key = strings.Repeat("A", len(odd.key))
	odd.give("phone", "phone", ada).refused(http.StatusNotFound, "not_found")

	late := h.person("").begin("signin", "intl").give("phone", "phone", ada).at("code")
	code := h.phone(ada).code()
	h.pass(15 * time.Minute)
	late.give("code", "code", code).refused(http.StatusGone, "journey_expired")

	owner.ask("PUT", "/password", map[string]string{"new_password": good + "!"})
	if r := owner.refused(http.StatusForbidden, "proof_required"); r.For != "set_password" {
		t.Errorf("proof_required is for %q", r.For)
	}
	nobody := h.person("")
	nobody.ask("GET", "/account", nil)
	nobody.refused(http.StatusUnauthorized, "session_required")

	for range 5 {
		h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", "not it at all")
	}
	many := h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", good)
	r := many.refused(http.StatusTooManyRequests, "too_many_attempts")
	if r.RetryAt.IsZero() {
		t.Fatalf("too_many_attempts has no retry_at: %s", r.body)
	}
	h.pass(r.RetryAt.Sub(h.now()))
	many.give("password", "password", good).at("code")
}

// TestTopic_S03_OwnerIsNotShutOut: strangers' guesses do not shut out a device
// that the account knows (S-154).
func TestTopic_S03_OwnerIsNotShutOut(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	owner.setPassword(good)
	for range 8 {
		h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", "not it at all")
	}
	owner.begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("done")
}

// TestTopic_S04_WhereAmI: the list names every device, marks this one, and one or
// all others can be signed out, which counts at once.
func TestTopic_S04_WhereAmI(t *testing.T) {
	h := open(t)
	phone := h.person("Pixel 9").signUp(ada)
	in := func(name string) *person {
		t.Helper()
		h.pass(time.Minute)
		p := h.person(name).begin("signin", "intl").give("phone", "phone", ada).at("code")
		return p.give("code", "code", h.phone(ada).code()).at("done")
	}
	tablet, laptop := in("Tablet"), in("Laptop")
	type device struct {
		ID, Name, Kind string
		Current        bool
		SignedIn       bool      `json:"signed_in"`
		UsedAt         time.Time `json:"used_at"`
	}
	list := func() map[string]device {
		t.Helper()
		var l struct{ Devices []device }
		phone.ask("GET", "/devices", nil).json(t, &l)
		if len(l.Devices) == 0 || !l.Devices[0].Current {
			t.Errorf("the present device is not the first: %s", phone.last.body)
		}
		byName := map[string]device{}
		for _, d := range l.Devices {
			byName[d.Name] = d
		}
		return byName
	}
	now := list()
	if len(now) != 3 || !now["Pixel 9"].Current || now["Tablet"].Current || now["Tablet"].Kind != "phone" || now["Laptop"].UsedAt.IsZero() {
		t.Fatalf("the list is %+v", now)
	}
	if r := phone.ask("DELETE", "/devices/"+now["Tablet"].ID, nil); r.StatusCode != http.StatusNoContent {
		t.Fatalf("signing the tablet out: %s", r.body)
	}
	if tablet.signedIn() || !laptop.signedIn() || !phone.signedIn() {
		t.Error("after the tablet was signed out, the wrong ones are signed in")
	}
	phone.ask("DELETE", "/devices/"+now["Tablet"].ID, nil)
	phone.refused(http.StatusNotFound, "not_found")
	var ended struct{ Ended int }
	phone.ask("POST", "/devices/sign-out-others", map[string]any{}).json(t, &ended)
	if ended.Ended != 1 || laptop.signedIn() || !phone.signedIn() {
		t.Errorf("signing out the others ended %d sessions", ended.Ended)
	}
	if after := list(); len(after) != 1 {
		t.Errorf("then the list is %+v", after)
	}
	stranger := h.person("").signUp(bob)
	stranger.ask("DELETE", "/devices/"+now["Pixel 9"].ID, nil)
	stranger.refused(http.StatusNotFound, "not_found")
}

// addEmail adds the e-mail address that the account lacks.
func (p *person) addEmail(address string) {
	p.t.Helper()
	p.begin("change_email", "intl").at("add_contact").give("email", "email", address).at("code")
	p.give("code", "code", p.mailbox(address).code()).at("done")
}

// TestTopic_S04_Notice: what happens to the ways in is told to every contact but
// the one that has just proved it: a new password, a new contact, a new device. A
// new contact is told whose it is, and a device only once.
func TestTopic_S04_Notice(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	own, box := h.phone(ada), h.mailbox(mail1)
	owner.setPassword(good)
	if note := own.next(); note.Code != "" || !strings.Contains(note.Text, "your password was changed") || !strings.Contains(note.Text, "Pixel 9") {
		t.Errorf("the new password is told as %q", note.Text)
	}
	owner.addEmail(mail1)
	if note := own.next(); note.Code != "" || !strings.Contains(note.Text, "an e-mail address was added") {
		t.Errorf("the new contact is told as %q", note.Text)
	}
	if note := box.next(); note.Code != "" || !strings.Contains(note.Subject, "This is now the e-mail address") {
		t.Errorf("the new contact itself is told %q", note.Subject)
	}
	h.pass(time.Hour)
	thief := h.person("Strange Laptop").begin("signin", "intl").give("username", "username", mail1).give("password", "password", good).at("code")
	thief.give("code", "code", own.code()).at("done")
	if note := box.next(); note.Code != "" || !strings.Contains(note.Subject, "New sign-in") || !strings.Contains(note.Text, "Strange Laptop") {
		t.Errorf("the new device is told as %q: %q", note.Subject, note.Text)
	}
	before := len(box.texts())
	thief.begin("signin", "intl").give("username", "username", mail1).give("password", "password", good).at("done")
	if after := len(box.texts()); after != before {
		t.Error("a known device is told again")
	}
}

// TestTopic_O01_SigningOut: in the app and from another device; the token is dead
// at once, and the device stays known.
func TestTopic_O01_SigningOut(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	p.setPassword(good)
	if r := p.ask("DELETE", "/session", nil); r.StatusCode != http.StatusNoContent {
		t.Fatalf("signing out: %s", r.body)
	}
	if p.signedIn() {
		t.Error("the session lives on")
	}
	p.session = ""
	p.begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("done")
	if seen := p.ask("GET", "/activity", nil); !strings.Contains(string(seen.body), `"signed_out"`) {
		t.Errorf("recent activity lacks it: %s", seen.body)
	}
}

// TestTopic_W02_Incorrect: one message for every failure, whether there is an
// account or not; hints help with typing and tell nothing; a device that the
// account knows hears when the password was replaced.
func TestTopic_W02_Incorrect(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	owner.setPassword(good)
	for language, hint := range map[string]string{"en": "country", "zh-Hans": "国家"} {
		said := map[string]string{}
		for who, username := range map[string]string{"somebody": ada, "nobody": bob} {
			p := h.person("")
			p.language = language
			p.begin("signin", "intl").give("username", "username", username).at("password").give("password", "password", "not it at all")
			r := p.refused(http.StatusUnauthorized, "credentials_invalid")
			said[who] = strings.ReplaceAll(string(r.body), r.Step.Username, "")
			if !r.ReplacedAt.IsZero() || !strings.Contains(r.Detail, hint) {
				t.Errorf("%s is told %s; want a hint at the %s", who, r.body, hint)
			}
		}
		if said["somebody"] != said["nobody"] {
			t.Errorf("the two differ:\n%s\n%s", said["somebody"], said["nobody"])
		}
	}
	h.pass(time.Hour)
	replaced := h.now()
	owner.begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("done")
	owner.setPassword("a quite different sentence")
	owner.begin("signin", "intl").give("username", "username", ada).give("password", "password", good)
	if r := owner.refused(http.StatusUnauthorized, "credentials_invalid"); r.ReplacedAt.Sub(replaced).Abs() > patience {
		t.Errorf("the known device is told %s, want replaced_at %s", r.body, replaced)
	}
	h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", good)
	if r := h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", good).refused(http.StatusUnauthorized, "credentials_invalid"); !r.ReplacedAt.IsZero() {
		t.Errorf("a stranger is told when the password was replaced: %s", r.body)
	}
}

// TestTopic_Y03_Picture: after ten wrong passwords a captcha comes first, as work
// and as a picture with its sound; each counts once. The owner's device is not asked.
func TestTopic_Y03_Picture(t *testing.T) {
	h := open(t)
	owner := h.person("Pixel 9").signUp(ada)
	owner.setPassword(good)
	p := h.person("")
	guess := func() { // in a journey of its own, past the delays between tries
		t.Helper()
		h.pass(time.Minute)
		p.begin("signin", "intl").give("username", "username", ada).at("password").give("password", "password", "not it at all")
		p.refused(http.StatusUnauthorized, "credentials_invalid")
	}
	for range 10 {
		guess()
	}
	s := p.last.Step
	if s.Type != "captcha" || s.Kind != "work" || s.Reason != "tries" || s.Challenge == nil {
		t.Fatalf("after ten wrong passwords the step is %s", p.last.body)
	}
	p.give("password", "password", good).refused(http.StatusConflict, "journey_step")
	for path, kind := range map[string]string{s.Image: "image/png", s.Audio: "audio/wav"} {
		if a := h.send("GET", path, nil); a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != kind || len(a.body) < 1000 {
			t.Errorf("%s answers %s %s, %d bytes", path, a.Status, a.Header.Get("Content-Type"), len(a.body))
		}
	}
	if r := p.give("captcha", "answer", "wrong").refused(http.StatusUnprocessableEntity, "captcha_wrong"); r.Step.Image == s.Image || r.Step.Image == "" {
		t.Error("after a wrong answer the picture is the same")
	}
	before := p.last.Step.Image
	if p.give("refresh").at("captcha").last.Step.Image == before {
		t.Error("refresh shows the same picture")
	}
	solved := p.last.Step.Challenge.solve(t)
	p.give("captcha", "answer", solved).at("password")
	h.pass(time.Minute)
	if p.give("password", "password", "not it at all").last.Step.Type != "captcha" {
		t.Fatalf("one captcha buys more than one try: %s", p.last.body)
	}
	p.give("captcha", "answer", solved).refused(http.StatusUnprocessableEntity, "captcha_wrong")
	owner.begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("done")
}

// TestTopic_Y03_PictureOnly: after twenty wrong passwords work is not enough.
func TestTopic_Y03_PictureOnly(t *testing.T) {
	if len(buildFlags) > 0 {
		t.Skip("ten times the work takes minutes in a test under the race detector")
	}
	h := open(t)
	h.person("Pixel 9").signUp(ada).setPassword(good)
	p := h.person("")
	for range 20 {
		h.pass(time.Minute)
		p.begin("signin", "intl").give("username", "username", ada)
		if p.last.Step.Type == "captcha" {
			p.give("captcha", "answer", p.last.Step.Challenge.solve(t))
		}
		p.at("password").give("password", "password", "not it at all")
	}
	if s := p.last.Step; s.Type != "captcha" || s.Kind != "picture" || s.Challenge != nil {
		t.Errorf("after twenty wrong passwords the captcha is %s", p.last.body)
	}
}
