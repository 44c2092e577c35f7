package stories

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	good  = "correct horse battery staple"
	mail1 = "ada@example.com"
)

// TestTopic_A01_WhatIsIt: the front page and its article tell what the account
// is, in both languages, and lead on.
func TestTopic_A01_WhatIsIt(t *testing.T) {
	h := open(t)
	for language, words := range map[string][]string{
		"en":    {"12 digits", "works once", "we tell you"},
		"zh-CN": {"12 位", "只能用一次", "只显示手机号和邮箱的一部分"},
	} {
		front, article := string(h.get("/", language).body), string(h.get("/help/about/what-is-this-account", language).body)
		for _, link := range []string{`href="/signin"`, `href="/signup"`, `href="/help/about/what-is-this-account"`} {
			if !strings.Contains(front, link) {
				t.Errorf("%s: the front page lacks %s", language, link)
			}
		}
		for _, w := range words {
			if !strings.Contains(article, w) {
				t.Errorf("%s: the article lacks %q", language, w)
			}
		}
	}
}

// TestTopic_C01_ByEmail: an account by e-mail and password where the region has
// it; where it does not, the refusal says so and the phone remains.
func TestTopic_C01_ByEmail(t *testing.T) {
	h := open(t)
	box := h.mailbox(mail1)
	p := h.person("Laptop").begin("signup", "intl").give("email", "email", "Ada@EXAMPLE.com").at("code")
	p.give("code", "code", box.code()).at("new_password")
	if p.last.Step.MinLength != 8 {
		t.Errorf("the shortest password is %d", p.last.Step.MinLength)
	}
	for weak, code := range map[string]string{"short": "password_short", "password1": "password_common", strings.Repeat("x", 257): "password_long"} {
		if r := p.give("new_password", "password", weak).refused(http.StatusUnprocessableEntity, code); r.Step.Type != "new_password" {
			t.Errorf("after %s the step is %q", code, r.Step.Type)
		}
	}
	p.give("new_password", "password", good).at("done")
	made := p.last.Step
	if !made.Created || !p.signedIn() {
		t.Errorf("the sign-up ended with %s", p.last.body)
	}
	h.pass(time.Minute)
	again := h.person("Phone").begin("signin", "intl").give("email", "email", "ada@example.COM").at("code").give("code", "code", box.code()).at("done")
	if again.last.Step.Created || again.last.Step.Account.ID != made.Account.ID {
		t.Errorf("signing in ended with %s; want the account %s", again.last.body, made.Account.ID)
	}

	cn := h.person("").begin("signup", "cn")
	if contains(cn.last.Step.Inputs, "email") || !contains(cn.last.Step.Inputs, "phone") {
		t.Errorf("cn offers %q", cn.last.Step.Inputs)
	}
	if r := cn.give("email", "email", mail1).refused(http.StatusForbidden, "method_unavailable"); r.Field != "email" || r.Step.Type != "identify" {
		t.Errorf("in cn an e-mail is refused with %s", r.body)
	}
	for _, bad := range []string{"ada", "ada@", "ada@example", "a da@example.com"} {
		h.person("").begin("signup", "intl").give("email", "email", bad).refused(http.StatusUnprocessableEntity, "email_invalid")
	}
}

// TestTopic_C04_Recycled: the article says what a recycled number is.
func TestTopic_C04_Recycled(t *testing.T) {
	h := open(t)
	for language, words := range map[string]string{"en": "earlier subscriber", "zh-CN": "二次放号"} {
		a := h.get("/help/creating-an-account/what-is-a-recycled-phone-number", language)
		if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), words) {
			t.Errorf("%s: %s without %q", language, a.Status, words)
		}
	}
}

// TestTopic_C06_OneAccountANumber: many prove one number in the same moment, and
// there is one account; everybody is in it.
func TestTopic_C06_OneAccountANumber(t *testing.T) {
	h := open(t)
	own := h.phone(ada)
	var people []*person
	var codes []string
	for range 6 {
		people = append(people, h.person("").begin("signup", "intl").give("phone", "phone", ada).at("code"))
		codes = append(codes, own.code())
	}
	replies := make([]reply, len(people))
	var all sync.WaitGroup
	for i, p := range people {
		all.Go(func() {
			a, err := h.try("POST", "/api/v1/journeys/"+p.id, map[string]string{"input": "code", "code": codes[i]}, "Journey-Key", p.key)
			if err == nil {
				replies[i].answer = a
			}
		})
	}
	all.Wait()
	created := 0
	for i, p := range people {
		if replies[i].answer == nil {
			t.Fatal("no answer")
		}
		replies[i].json(t, &replies[i])
		p.last = replies[i]
		p.at("done")
		if p.last.Step.Created {
			created++
		}
		if got, want := p.last.Step.Account.ID, replies[0].Step.Account.ID; got != want {
			t.Errorf("two accounts for one number: %s and %s", got, want)
		}
	}
	if created != 1 {
		t.Errorf("%d of them made the account, want 1", created)
	}
}

// TestTopic_C06_InUse: a number that another account has cannot be added, which is
// said only to who has proved it; the refusal leads to the ways out.
func TestTopic_C06_InUse(t *testing.T) {
	h := open(t)
	h.person("Pixel 9").signUp(ada)
	p := h.person("Laptop").begin("signup", "intl").give("email", "email", mail1).at("code")
	p.give("code", "code", h.mailbox(mail1).code()).give("new_password", "password", good).at("done")
	h.pass(time.Minute)
	p.begin("change_phone", "intl").at("add_contact").give("phone", "phone", ada).at("code")
	p.give("code", "code", h.phone(ada).code())
	if r := p.refused(http.StatusConflict, "contact_in_use"); r.Field != "phone" || r.Step.Type != "add_contact" {
		t.Errorf("the refusal is %s", r.body)
	}
	p.give("phone", "phone", bob).at("code").give("code", "code", h.phone(bob).code()).at("done")
	var o struct{ Phone *struct{ Address string } }
	if p.ask("GET", "/account", nil).json(t, &o); o.Phone == nil {
		t.Errorf("the free number is not there: %s", p.last.body)
	}
}

// TestTopic_C07_WhatIsAnIoTSIM: the article lists the ranges of the reader's country.
func TestTopic_C07_WhatIsAnIoTSIM(t *testing.T) {
	h := open(t)
	const article = "/help/creating-an-account/what-is-an-iot-sim"
	cn := string(h.get(article+"?country=CN", "zh-CN").body)
	if !strings.Contains(cn, "10648…") || !strings.Contains(cn, "13 位") {
		t.Errorf("the article lacks the ranges of China: %s", cn)
	}
	if en := string(h.get(article, "en").body); strings.Contains(en, "10648…") || !strings.Contains(en, "country=CN") {
		t.Errorf("the article of another country lists China's ranges, or does not lead there")
	}
}

// TestTopic_C08_NoIoTSIM: refused before anything is sent, by the table of ranges
// and by what the network says of the line; so are other lines that are nobody's
// mobile phone.
func TestTopic_C08_NoIoTSIM(t *testing.T) {
	h := open(t)
	voip := h.phone("+14155550177")
	voip.behaves(map[string]string{"line": "voip"})
	metered := h.phone("+8613800138001")
	metered.behaves(map[string]string{"line": "iot"})
	for _, c := range []struct{ number, code string }{
		{"+861064812345678", "phone_not_personal"},
		{"+8614012345678", "phone_not_personal"},
		{metered.to, "phone_not_personal"},
		{voip.to, "phone_not_mobile"},
		{"+862066668888", "phone_not_mobile"},
		{"+8612345", "phone_invalid"},
		{"+442079460000", "phone_not_mobile"},
	} {
		p := h.person("").begin("signup", "cn").give("phone", "phone", c.number)
		if r := p.refused(http.StatusUnprocessableEntity, c.code); r.Field != "phone" || r.Step.Type != "identify" {
			t.Errorf("%s: %s", c.number, r.body)
		}
		if sent := h.phone(c.number).texts(); len(sent) != 0 {
			t.Errorf("%s got a text: %+v", c.number, sent)
		}
	}
}

// TestTopic_L04_WhatBelongsToIt: one overview of what is associated.
func TestTopic_L04_WhatBelongsToIt(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	type overview struct {
		ID, State, Region, Nickname string
		Phone, Email                *struct {
			Address    string
			VerifiedAt time.Time `json:"verified_at"`
		}
		Methods []struct {
			Method string
			On     bool
		}
		Linked    []any
		CreatedAt time.Time `json:"created_at"`
	}
	read := func() (o overview) {
		t.Helper()
		p.ask("GET", "/account", nil).json(t, &o)
		return o
	}
	on := func(o overview) string {
		var names []string
		for _, m := range o.Methods {
			if m.On {
				names = append(names, m.Method)
			}
		}
		return strings.Join(names, " ")
	}
	o := read()
	if o.State != "active" || o.Region != "intl" || o.Phone == nil || o.Phone.VerifiedAt.IsZero() || o.Email != nil || on(o) != "sms_code" {
		t.Errorf("a new account shows %s", p.last.body)
	}
	p.setPassword(good)
	if r := p.ask("PATCH", "/account", map[string]string{"nickname": "Ada L."}); r.StatusCode != http.StatusOK {
		t.Errorf("the nickname: %s", r.body)
	}
	if o := read(); o.Nickname != "Ada L." || on(o) != "sms_code password" {
		t.Errorf("then it shows %s", p.last.body)
	}
}

// TestTopic_R01_R02_Status: what the recovery contacts are, for an account by
// phone and for one by e-mail, and an article for each.
func TestTopic_R01_R02_Status(t *testing.T) {
	h := open(t)
	byPhone := h.person("Pixel 9").signUp(ada)
	byMail := h.person("Laptop").begin("signup", "intl").give("email", "email", mail1).at("code")
	byMail.give("code", "code", h.mailbox(mail1).code()).give("new_password", "password", good).at("done")
	for who, has := range map[*person]string{byPhone: "phone", byMail: "email"} {
		var o map[string]any
		who.ask("GET", "/account", nil).json(t, &o)
		for _, kind := range []string{"phone", "email"} {
			c, there := o[kind].(map[string]any)
			if there != (kind == has) {
				t.Errorf("the account by %s shows the %s %v", has, kind, c)
			}
			if there && (!strings.Contains(c["address"].(string), "*") || c["verified_at"] == nil) {
				t.Errorf("the %s is shown as %v", kind, c)
			}
		}
	}
	for _, article := range []string{"what-is-the-recovery-phone", "what-is-the-recovery-e-mail"} {
		if a := h.get("/help/recovery-phone-and-e-mail/"+article, "en"); a.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", article, a.Status)
		}
	}
}

// TestTopic_R07_WhichAreMine: masked everywhere, in full after a proof of the
// last ten minutes, and the owner sees that they were shown.
func TestTopic_R07_WhichAreMine(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	if masked := p.ask("GET", "/account", nil); strings.Contains(string(masked.body), "5550123") {
		t.Errorf("the overview shows the number: %s", masked.body)
	}
	if full := p.ask("GET", "/account/contacts", nil); full.StatusCode != http.StatusOK || !strings.Contains(string(full.body), ada) {
		t.Errorf("after the sign-in the contacts are %s %s", full.Status, full.body)
	}
	if seen := p.ask("GET", "/activity", nil); !strings.Contains(string(seen.body), `"contacts_viewed"`) {
		t.Errorf("recent activity does not show it: %s", seen.body)
	}
	h.pass(10 * time.Minute)
	p.ask("GET", "/account/contacts", nil)
	if r := p.refused(http.StatusForbidden, "proof_required"); r.For != "view_contacts" {
		t.Errorf("proof_required is for %q", r.For)
	}
	p.begin("signin", "intl").give("phone", "phone", ada).give("code", "code", h.phone(ada).code()).at("done")
	if full := p.ask("GET", "/account/contacts", nil); full.StatusCode != http.StatusOK {
		t.Errorf("after a new proof the contacts are %s %s", full.Status, full.body)
	}
}
