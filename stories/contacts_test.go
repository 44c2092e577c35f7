package stories

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const cam = "+14155550125"

// owner is a person whose account is older than anything that is new: it has a
// phone, an e-mail and a password.
type owner struct {
	*person
	phone, mail string
}

func (h *house) owner(phone, mail string) *owner {
	h.t.Helper()
	o := &owner{h.person("Pixel 9").signUp(phone), phone, mail}
	o.begin("change_email", "intl").give("email", "email", mail).at("code").give("code", "code", h.mailbox(mail).code()).at("done")
	o.setPassword(good)
	h.pass(8 * 24 * time.Hour)
	return o
}

// proves gives every proof of the account that the journey asks for, until it is
// at something else, and tells which they were.
func (o *owner) proves() (given []string) {
	o.t.Helper()
	for range 8 {
		s := o.last.Step
		switch {
		case o.last.Code != "":
			return given
		case s.Type == "choose_method" && len(s.Methods) > 0:
			o.give("method", "method", s.Methods[0].Method)
			continue
		case s.Type == "password":
			o.give("password", "password", good)
		case s.Type == "code" && slices.Contains(s.Inputs, "other_way") && s.Channel == "sms":
			o.give("code", "code", o.house.phone(o.phone).code())
		case s.Type == "code" && slices.Contains(s.Inputs, "other_way"):
			o.give("code", "code", o.mailbox(o.mail).code())
		default:
			return given
		}
		given = append(given, s.Type+s.Channel)
	}
	o.t.Fatalf("it never ends: %s", o.last.body)
	return nil
}

// contacts are the masked contacts of the account.
func (p *person) contacts() (phone, mail string) {
	p.t.Helper()
	var o struct{ Phone, Email struct{ Address string } }
	p.ask("GET", "/account", nil).json(p.t, &o)
	return o.Phone.Address, o.Email.Address
}

var objectionLink = regexp.MustCompile(`/objection\?token=([A-Za-z0-9_-]+)`)

// link waits for a message with a link to object, and answers its token.
func (p *phone) link() string {
	p.t.Helper()
	for {
		if found := objectionLink.FindStringSubmatch(p.next().Text); found != nil {
			return found[1]
		}
	}
}

// changes are what waits to happen to the account.
func (p *person) changes() (list []struct {
	ID, Kind, Contact string
	ReadyAt           time.Time `json:"ready_at"`
}) {
	p.t.Helper()
	var o struct {
		Changes []struct {
			ID, Kind, Contact string
			ReadyAt           time.Time `json:"ready_at"`
		}
	}
	p.ask("GET", "/account/changes", nil).json(p.t, &o)
	return o.Changes
}

// TestTopic_R03_ChangeThePhone: with the old number at hand, code to the old, the
// password, code to the new, and it is changed; the old number's link undoes it
// and freezes the account, once.
func TestTopic_R03_ChangeThePhone(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.begin("change_phone", "intl").at("add_contact").give("phone", "phone", bob)
	if given := o.proves(); !slices.Contains(given, "codesms") || len(given) != 2 {
		t.Errorf("it asked for %q; want the old number and one proof more", given)
	}
	o.at("code").give("code", "code", h.phone(bob).code()).at("done")
	if phone, _ := o.contacts(); !strings.HasSuffix(phone, bob[len(bob)-3:]) {
		t.Errorf("the phone is %s", phone)
	}
	token := h.phone(ada).link()
	for range 3 { // a scanner looks, and a person
		if page := h.get("/objection?token="+token, "en"); page.StatusCode != http.StatusOK || page.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("the page of the link answers %s", page.Status)
		}
	}
	stranger := h.person("")
	if r := stranger.ask("POST", "/objections", map[string]string{"token": token}); r.StatusCode != http.StatusOK || r.Kind != "change_phone" {
		t.Fatalf("the objection answers %s: %s", r.Status, r.body)
	}
	stranger.ask("POST", "/objections", map[string]string{"token": token})
	stranger.refused(http.StatusConflict, "objection_used")
	if o.signedIn() {
		t.Error("the session of who changed it is alive")
	}
	h.pass(time.Minute)
	p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code())
	p.refused(http.StatusForbidden, "account_frozen")
}

// TestTopic_R04_ChangeTheEmail: the same for the e-mail.
func TestTopic_R04_ChangeTheEmail(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	const fresh = "new@example.com"
	o.begin("change_email", "intl").give("email", "email", fresh)
	if given := o.proves(); !slices.Contains(given, "codeemail") {
		t.Errorf("it asked for %q; want the old address among it", given)
	}
	o.at("code").give("code", "code", h.mailbox(fresh).code()).at("done")
	if _, mail := o.contacts(); !strings.HasPrefix(mail, "n") {
		t.Errorf("the e-mail is %s", mail)
	}
	if h.mailbox(mail1).link() == "" {
		t.Error("the old address has no link to object")
	}
}

// TestTopic_R05_WithTheOldNumberAtHand: what the journey asks first is the code to
// the old number, and it offers the way without it.
func TestTopic_R05_WithTheOldNumberAtHand(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.begin("change_phone", "intl").give("phone", "phone", bob).at("code")
	if s := o.last.Step; s.Channel != "sms" || !strings.HasSuffix(s.To, ada[len(ada)-3:]) {
		t.Errorf("the first code goes to %s", s.To)
	}
	o.give("other_way").at("choose_method")
	if !slices.Contains(o.last.Step.Inputs, "wait") {
		t.Errorf("the step offers %q", o.last.Step.Inputs)
	}
}

// withoutOld changes a contact without the old one, up to the wait.
func (o *owner) withoutOld(kind, input, fresh string) {
	o.t.Helper()
	o.begin(kind, "intl").give(input, input, fresh).at("code").give("other_way").at("choose_method").give("wait")
	o.proves()
	if o.last.Step.Type == "code" {
		reader := o.house.phone
		if input == "email" {
			reader = o.mailbox
		}
		o.give("code", "code", reader(fresh).code())
	}
	o.at("wait")
}

// TestTopic_R06_WithoutTheOldEmail: other proofs and three days; then it is
// changed by itself, and everybody is told at both ends.
func TestTopic_R06_WithoutTheOldEmail(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.withoutOld("change_email", "email", "new@example.com")
	list := o.changes()
	if len(list) != 1 || list[0].Kind != "replace_email" || !strings.HasPrefix(list[0].Contact, "n") {
		t.Fatalf("waiting are %+v", list)
	}
	if h.mailbox(mail1).link() == "" || h.phone(ada).link() == "" {
		t.Error("the old address or the phone has no link to object")
	}
	h.pass(72*time.Hour + time.Minute)
	until(t, "the change", func() bool { _, mail := o.contacts(); return strings.HasPrefix(mail, "n") })
	if len(o.changes()) != 0 {
		t.Errorf("it still waits: %s", o.last.body)
	}
}

// TestTopic_R08_WithoutTheOldNumber: the old number objects, and nothing happens.
func TestTopic_R08_WithoutTheOldNumber(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.withoutOld("change_phone", "phone", bob)
	if r := h.person("").ask("POST", "/objections", map[string]string{"token": h.phone(ada).link()}); r.StatusCode != http.StatusOK {
		t.Fatalf("the objection answers %s: %s", r.Status, r.body)
	}
	h.pass(73 * time.Hour)
	p := h.person("").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", h.phone(ada).code())
	p.refused(http.StatusForbidden, "account_frozen") // the number is the account's still
}

// TestTopic_R08_Withdraw: who began it can do without.
func TestTopic_R08_Withdraw(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.withoutOld("change_phone", "phone", bob)
	list := o.changes()
	if len(list) != 1 {
		t.Fatalf("waiting are %+v", list)
	}
	for i, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if r := o.ask("DELETE", "/account/changes/"+list[0].ID, nil); r.StatusCode != want {
			t.Errorf("withdrawing %d answers %s", i+1, r.Status)
		}
	}
	if len(o.changes()) != 0 {
		t.Errorf("it still waits: %s", o.last.body)
	}
}

// TestTopic_R09_WhyNot: the reasons why a contact is not added, each with its code.
func TestTopic_R09_WhyNot(t *testing.T) {
	h := open(t)
	h.person("").signUp(bob)
	o := h.owner(ada, mail1)
	o.begin("change_phone", "intl").give("phone", "phone", "+862066668888")
	o.refused(http.StatusUnprocessableEntity, "phone_not_mobile")
	o.give("phone", "phone", ada)
	o.refused(http.StatusConflict, "contact_unchanged")
	o.give("phone", "phone", bob)
	o.proves()
	o.at("code").give("code", "code", h.phone(bob).code())
	o.refused(http.StatusConflict, "contact_in_use")
	if !slices.Contains(o.last.Step.Inputs, "dispute") {
		t.Errorf("the refusal leads to %q", o.last.Step.Inputs)
	}
}

// TestTopic_R10_Remove: only what the account can do without.
func TestTopic_R10_Remove(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.begin("remove_email", "intl").at("confirm").give("confirm")
	o.refused(http.StatusConflict, "contact_required") // the region wants it
	o.begin("remove_phone", "intl").at("confirm").give("confirm")
	o.proves()
	o.at("done")
	if phone, mail := o.contacts(); phone != "" || mail == "" {
		t.Errorf("left are %q and %q", phone, mail)
	}
	if h.phone(ada).link() == "" {
		t.Error("the removed number has no link to object")
	}
	lone := h.person("").signUp(cam)
	lone.begin("remove_phone", "intl").give("confirm")
	lone.refused(http.StatusConflict, "last_way_in")
}

// TestTopic_R11_TheirsHasMine: somebody holds a number that is on another account:
// told, three days, then it is theirs.
func TestTopic_R11_TheirsHasMine(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	p := h.claimant(ada)
	if list := o.changes(); len(list) != 1 || list[0].Kind != "dispute_phone" {
		t.Errorf("the holder sees %+v", list)
	}
	if h.mailbox(mail1).link() == "" {
		t.Error("the holder has no link to object")
	}
	h.pass(72*time.Hour + time.Minute)
	until(t, "the number to come", func() bool { phone, _ := p.contacts(); return phone != "" })
	if phone, mail := o.contacts(); phone != "" || mail == "" {
		t.Errorf("the other account still has %q, or lost %q", phone, mail)
	}
}

// TestTopic_R11_TheHolderObjects: by the link or signed in, and it stays.
func TestTopic_R11_TheHolderObjects(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	p := h.claimant(ada)
	list := o.changes()
	if len(list) != 1 {
		t.Fatalf("the holder sees %+v", list)
	}
	if r := o.ask("DELETE", "/account/changes/"+list[0].ID, nil); r.StatusCode != http.StatusNoContent {
		t.Fatalf("objecting answers %s", r.Status)
	}
	if !o.signedIn() || len(p.changes()) != 0 {
		t.Error("the holder is signed out, or the claim still waits")
	}
	h.pass(73 * time.Hour)
	if phone, _ := o.contacts(); phone == "" {
		t.Error("the number is gone all the same")
	}
}

// claimant is somebody with an account of an e-mail who disputes a number.
func (h *house) claimant(number string) *person {
	h.t.Helper()
	const mail = "claimant@example.com"
	p := h.person("Laptop").begin("signup", "intl").give("email", "email", mail).at("code")
	p.give("code", "code", h.mailbox(mail).code()).give("new_password", "password", good).at("done")
	h.pass(time.Minute)
	p.begin("dispute_phone", "intl").at("add_contact").give("phone", "phone", number).at("code").give("code", "code", h.phone(number).code()).at("confirm")
	p.give("confirm").at("wait")
	return p
}

// TestTopic_Z01_WithoutMyNumber: who no longer has the number signs in by another
// way, and the number can leave the account.
func TestTopic_Z01_WithoutMyNumber(t *testing.T) {
	h := open(t)
	o := h.owner(ada, mail1)
	o.session = ""
	o.begin("signin", "intl").give("username", "username", mail1).at("password").give("password", "password", good).at("done")
	o.begin("remove_phone", "intl").give("confirm")
	o.proves()
	o.at("done")
	if phone, _ := o.contacts(); phone != "" || !o.signedIn() {
		t.Errorf("the account has %q, or is closed", phone)
	}
}

// TestStory_ChangeThePhone: in a browser, with the old number, and then the link
// in the text to it: a look changes nothing, the button undoes and freezes.
func TestStory_ChangeThePhone(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.signUp(ada)
		h.pass(8 * 24 * time.Hour)
		v.visit("/account/contacts")
		v.press("Change")
		v.fill("Phone number", "(415) 555-0124")
		v.press("Continue")
		v.enter(h.phone(ada).code())
		v.sees("+1 41 **** 124")
		v.enter(h.phone(bob).code())
		v.visit("/account/contacts")
		v.sees("+1 41 **** 124", "proves nothing by itself")
		link := "/objection?token=" + h.phone(ada).link()
		v.visit(link)
		v.sees("Was that you?", "+1 41 **** 123", "Nothing has happened by opening it")
		v.visit("/account/contacts")
		v.sees("+1 41 **** 124")
		v.visit(link)
		v.press("That was not me: undo it")
		v.visit(link)
		v.sees("The objection was made already", "Get the account back")
		v.visit("/account")
		if !strings.HasPrefix(v.path(), "/signin") {
			t.Errorf("the browser is still at %s", v.path())
		}
	})
}
