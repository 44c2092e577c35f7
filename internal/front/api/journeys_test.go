package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/quota"
)

func TestJourney_SignInByText(t *testing.T) {
	each(t, func(h *house) {
		j, r := h.begin(beginApp)
		r.step("identify")
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		code := h.box.code("+8613800138000")
		j.show().want(200, "").step("code")
		wrong := j.input("code", "code", otherCode(code)).want(422, "code_wrong").step("code")
		if wrong.at("tries_left") != 4.0 || wrong.str("field") != "code" {
			t.Errorf("the refusal is %s", wrong.text)
		}
		d := j.input("code", "code", code).want(200, "").step("done")
		if d.at("step.created") != true || d.str("step.account.id") == "" {
			t.Errorf("no account was made: %s", d.text)
		}
		again := j.input("code", "code", code).want(422, "code_used").step("done")
		if again.str("step.session.token") != d.str("step.session.token") {
			t.Error("a client that lost the answer does not get its session again (R-03)")
		}
		h.clock.Advance(3 * time.Minute)
		if late := j.show().want(200, "").step("done"); strings.Contains(late.text, "token") {
			t.Errorf("three minutes later the journey still tells its token: %s", late.text)
		}
	})
}

// A lost answer is asked for again: nothing happens twice.
func TestR03_RepeatedInputsHaveNoSecondEffect(t *testing.T) {
	each(t, func(h *house) {
		j, _ := h.begin(beginApp)
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		j.input("phone", "phone", "+8613800138000").want(409, "journey_step").step("code")
		first := h.box.code("+8613800138000")
		limited := j.give(`{"input":"resend"}`).want(429, "codes_limited").step("code")
		if limited.str("limit") != "destination" {
			t.Errorf("the limit is %q", limited.str("limit"))
		}
		until, err := time.Parse(time.RFC3339, limited.str("retry_at"))
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(until.Sub(h.clock.Now()))
		j.give(`{"input":"resend"}`).want(200, "").step("code")
		second := h.box.code("+8613800138000")
		j.input("code", "code", first).want(422, "code_replaced")
		j.input("code", "code", second).want(200, "").step("done")
	})
}

func TestJourney_SignInByPassword(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		p.do("PUT", "/api/v1/password", `{"new_password":"correct horse battery"}`).want(204, "")

		j, _ := h.begin(`{"kind":"signin","device":{"token":"` + p.deviceToken + `"}}`)
		j.input("username", "username", p.id).want(200, "").step("password")
		j.input("password", "password", "wrong horse battery").want(401, "credentials_invalid").step("password")
		j.input("password", "password", strings.Repeat("x", 300)).want(422, "password_long").step("password")
		if r := j.input("password", "password", strings.Repeat("x", 60_000)); r.status != 422 || r.str("field") != "password" {
			t.Errorf("a huge password: %d %s", r.status, r.text)
		}
		j.input("password", "password", "correct horse battery").want(200, "").step("done")

		stranger, _ := h.begin(beginApp)
		stranger.input("username", "username", p.id).want(200, "").step("password")
		second := stranger.input("password", "password", "correct horse battery").want(200, "").step("code")
		if second.str("step.reason") != "new_device" {
			t.Errorf("a new device is not told why it needs a code: %s", second.text)
		}
		stranger.input("code", "code", h.box.code("+8613800138000")).want(200, "").step("done")
	})
}

func TestJourney_SignUpByEmail(t *testing.T) {
	each(t, func(h *house) {
		j, _ := h.begin(`{"kind":"signup","region":"intl"}`)
		j.input("email", "email", "Someone@Example.com").want(200, "").step("code")
		j.input("code", "code", h.box.code("someone@example.com")).want(200, "").step("new_password")
		j.input("new_password", "password", "short").want(422, "password_short").step("new_password")
		j.input("new_password", "password", strings.Repeat("x", 5000)).want(422, "password_long")
		j.input("new_password", "password", "password1").want(422, "password_common")
		j.input("new_password", "password", "someone@example.com").want(422, "password_personal")
		j.input("new_password", "password", "correct horse battery").want(200, "").step("done")
	})
}

func TestJourney_AddsTheContactThatTheRegionWants(t *testing.T) {
	each(t, func(h *house) {
		h.signUpByEmail("taken@example.com")
		j, _ := h.begin(`{"kind":"signin","region":"both"}`)
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		j.input("code", "code", h.box.code("+8613800138000")).want(200, "").step("add_contact")
		j.input("email", "email", "nobody").want(422, "email_invalid").step("add_contact")
		j.input("email", "email", "taken@example.com").want(200, "").step("code")
		j.input("code", "code", h.box.code("taken@example.com")).want(409, "contact_in_use").step("add_contact")
		j.give(`{"input":"skip"}`).want(200, "").step("done")
	})
}

func (h *house) signUpByEmail(address string) person {
	h.t.Helper()
	j, _ := h.begin(`{"kind":"signup","region":"intl"}`)
	j.input("email", "email", address).want(200, "").step("code")
	j.input("code", "code", h.box.code(address)).want(200, "").step("new_password")
	d := j.input("new_password", "password", "correct horse battery").want(200, "").step("done")
	return person{h, d.str("step.account.id"), d.str("step.session.token"), d.str("step.device.token"), d.str("step.device.id")}
}

func TestJourney_RefusesPhones(t *testing.T) {
	each(t, func(h *house) {
		j, _ := h.begin(beginApp)
		for _, tt := range []struct{ phone, code string }{
			{"", "phone_invalid"}, {"+", "phone_invalid"}, {"hello", "phone_invalid"}, {"+861380013800", "phone_invalid"},
			{"+86138001380001", "phone_invalid"}, {"+861064000000", "phone_not_mobile"}, {"+8614400000001", "phone_not_personal"},
			{"+1415\x005550123", "invalid_input"}, {strings.Repeat("1", 60_000), "invalid_input"},
		} {
			r := j.input("phone", "phone", tt.phone)
			if r.status != 422 || r.str("code") != tt.code {
				t.Errorf("%.20q: %d %s, want %s", tt.phone, r.status, r.str("code"), tt.code)
			}
			if tt.phone != "" && len(tt.phone) < 100 && len(tt.phone) > 4 && strings.Contains(r.text, tt.phone) {
				t.Errorf("the refusal repeats %q: %s", tt.phone, r.text)
			}
		}
		j.show().want(200, "").step("identify")
	})
}

func TestJourney_OffersOtherWays(t *testing.T) {
	each(t, func(h *house) {
		h.signIn("+8613800138000")
		j, _ := h.begin(`{"kind":"signin","region":"cn"}`)
		j.input("email", "email", "a@example.com").want(403, "method_unavailable").step("identify")
		j.input("username", "username", "no such name").want(422, "username_invalid").step("identify")
		j.input("username", "username", "13800138000").want(200, "").step("password")
		j.give(`{"input":"other_way"}`).want(200, "").step("choose_method")
		j.input("method", "method", "dowsing").want(422, "invalid_input").step("choose_method")
		j.input("method", "method", "sms_code").want(200, "").step("code")
		j.give(`{"input":"other_way"}`).want(200, "").step("choose_method")
		j.give(`{"input":"back"}`).want(200, "").step("identify")
	})
}

func TestJourney_AsksForACaptchaAfterManyTries(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		before, _ := h.begin(beginApp)
		before.input("username", "username", p.id).want(200, "").step("password")
		j, _ := h.begin(beginApp)
		j.input("username", "username", p.id).want(200, "").step("password")
		for range 3 {
			j.input("password", "password", "wrong horse battery").want(401, "credentials_invalid")
		}
		asked := j.show().want(200, "").step("captcha")
		if asked.str("step.kind") != "work" || asked.at("step.challenge.signature") == nil {
			t.Errorf("no work is asked for: %s", asked.text)
		}
		picture, sound := asked.str("step.image"), asked.str("step.audio")
		for path, kind := range map[string]string{picture: "image/png", sound: "audio/wav"} {
			got := h.send(call{method: "GET", path: path})
			if got.status != 200 || got.header.Get("Content-Type") != kind || len(got.text) < 500 {
				t.Errorf("%s: %d %s, %d bytes", path, got.status, got.header.Get("Content-Type"), len(got.text))
			}
		}
		j.input("captcha", "answer", "nonsense").want(422, "captcha_wrong").step("captcha")
		for _, path := range []string{picture, sound, strings.TrimSuffix(picture, ".png") + ".svg", "/captcha/" + j.id + "/%00.png", "/captcha/%ff/a.png"} {
			h.send(call{method: "GET", path: path}).want(404, "not_found") // used up, or never there
		}
		j.give(`{"input":"refresh"}`).want(200, "").step("captcha")
		other, _ := h.begin(beginApp)
		other.input("username", "username", p.id).want(200, "").step("captcha")
		before.input("password", "password", "wrong horse battery").want(403, "captcha_required").step("captcha")
	})
}

func TestJourney_ManyPasswordsWait(t *testing.T) {
	each(t, func(h *house) {
		h.sign.Guesses.Rules.CaptchaAfter, h.sign.Guesses.Rules.Tries = 1000, limit("password.tries", 2)
		p := h.signIn("+8613800138000")
		j, _ := h.begin(beginApp)
		j.input("username", "username", p.id).want(200, "").step("password")
		j.input("password", "password", "wrong horse battery").want(401, "credentials_invalid")
		j.input("password", "password", "wrong horse battery").want(401, "credentials_invalid")
		limited := j.input("password", "password", "wrong horse battery").want(429, "too_many_attempts")
		until, err := time.Parse(time.RFC3339, limited.str("retry_at"))
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(until.Sub(h.clock.Now()))
		journey, _ := h.begin(beginApp) // the first one is over by now
		journey.input("username", "username", p.id).want(200, "").step("password")
		journey.input("password", "password", "wrong horse battery").want(401, "credentials_invalid")
	})
}

func TestJourney_SaysWhyACodeIsUnusable(t *testing.T) {
	each(t, func(h *house) {
		j, _ := h.begin(beginApp)
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		code := h.box.code("+8613800138000")
		for _, text := range []string{"", "12345", "1234567", "abcdef", strings.Repeat("1", 60_000), "12\x003456"} {
			j.input("code", "code", text).want(422, "invalid_input").step("code")
		}
		h.clock.Advance(5 * time.Minute)
		j.input("code", "code", code).want(422, "code_expired")
		j.give(`{"input":"resend"}`).want(200, "").step("code")
		code = h.box.code("+8613800138000")
		for range 5 {
			j.input("code", "code", otherCode(code)).want(422, "code_wrong")
		}
		j.input("code", "code", code).want(422, "code_tries_exceeded")
		h.clock.Advance(31 * time.Minute)
		j.show().want(410, "journey_expired")
		j.give(`{"input":"resend"}`).want(410, "journey_expired")
	})
}

// A journey is opened by its key alone, sent once, as a header (S-124).
func TestS124_AHandleOpensOnlyWithItsKey(t *testing.T) {
	each(t, func(h *house) {
		a, _ := h.begin(beginApp)
		b, _ := h.begin(beginApp)
		missing := h.send(call{method: "GET", path: "/api/v1/journeys/" + strings.Repeat("A", 22), key: a.key}).want(404, "not_found")
		set := func(values ...string) func(*http.Request) {
			return func(r *http.Request) { r.Header["Journey-Key"] = values }
		}
		for name, c := range map[string]call{
			"no key":        {path: "/api/v1/journeys/" + a.id},
			"another's key": {path: "/api/v1/journeys/" + a.id, key: b.key},
			"the id as key": {path: "/api/v1/journeys/" + a.id, key: a.id},
			"shortened":     {path: "/api/v1/journeys/" + a.id, key: a.key[:42]},
			"lengthened":    {path: "/api/v1/journeys/" + a.id, key: a.key + "A"},
			"other case":    {path: "/api/v1/journeys/" + a.id, key: swapCase(a.key)},
			"twice":         {path: "/api/v1/journeys/" + a.id, change: set(a.key, a.key)},
			"joined":        {path: "/api/v1/journeys/" + a.id, change: set(a.key + ", " + a.key)},
			"empty":         {path: "/api/v1/journeys/" + a.id, change: set("")},
			"in the query":  {path: "/api/v1/journeys/" + a.id + "?key=" + a.key},
			"as a cookie":   {path: "/api/v1/journeys/" + a.id, change: func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-journey", Value: a.id + "." + a.key}) }},
			"as a bearer":   {path: "/api/v1/journeys/" + a.id, token: a.key},
			"NUL in id":     {path: "/api/v1/journeys/" + a.id + "%00", key: a.key},
			"no UTF-8":      {path: "/api/v1/journeys/%ff%fe", key: a.key},
			"long id":       {path: "/api/v1/journeys/" + strings.Repeat("A", 2000), key: a.key},
			"quote":         {path: "/api/v1/journeys/'%20OR%201=1--", key: a.key},
		} {
			for _, method := range []string{"GET", "POST"} {
				c.method = method
				if method == "POST" {
					c.body = `{"input":"phone","phone":"+8613800138000"}`
					inner := c.change
					c.change = func(r *http.Request) {
						r.Header.Set("Sec-Fetch-Site", "same-origin")
						if inner != nil {
							inner(r)
						}
					}
				}
				got := h.send(c)
				if got.status != 404 || got.text != missing.text {
					t.Errorf("%s %s: %d %s", method, name, got.status, got.text)
				}
			}
		}
		a.show().want(200, "").step("identify")
	})
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 32
		case r >= 'A' && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}

// Only the fields that an input takes may be set (S-71, S-127), and an input
// that the step does not take moves nothing.
func TestS127_InputsTakeTheirOwnFieldsOnly(t *testing.T) {
	each(t, func(h *house) {
		fields := []string{"phone", "country", "email", "username", "password", "code", "method", "answer"}
		for input, takes := range map[string][]string{
			"phone": {"phone", "country"}, "email": {"email"}, "username": {"username", "country"}, "password": {"password"}, "code": {"code"},
			"resend": nil, "other_way": nil, "back": nil, "method": {"method"}, "captcha": {"answer"}, "refresh": nil, "new_password": {"password"}, "skip": nil,
		} {
			for _, field := range fields {
				j := h.stand(input)
				r := j.input(input, field, "x")
				extra := !slices.Contains(takes, field)
				if refused := r.str("code") == "invalid_input" && r.str("field") == field; refused != extra && !(field == "code" && input == "code") && !(field == "method" && input == "method") {
					t.Errorf("%s with %s: %d %s", input, field, r.status, r.text)
				}
			}
		}
	})
}

// stand brings a fresh journey to a step that takes an input.
func (h *house) stand(input string) journey {
	h.t.Helper()
	h.clock.Advance(10 * time.Minute) // the next code of the same number
	region := "intl"
	if input == "skip" {
		region = "both"
	}
	j, _ := h.begin(`{"kind":"signin","region":"` + region + `"}`)
	switch input {
	case "password", "other_way", "back", "method":
		j.input("username", "username", "+8613800138000").want(200, "")
		if input == "method" {
			j.give(`{"input":"other_way"}`).want(200, "")
		}
	case "code", "resend":
		j.input("phone", "phone", h.fresh()).want(200, "")
		h.clock.Advance(time.Minute)
	case "captcha", "refresh":
		for range 4 {
			j.input("username", "username", "+8613900139000")
			j.input("password", "password", "wrong horse battery")
		}
		j.show().step("captcha")
	case "new_password":
		j.input("email", "email", "new"+h.fresh()[1:]+"@example.com").want(200, "")
		j.input("code", "code", h.box.code("new"+h.last[1:]+"@example.com")).want(200, "").step("new_password")
	case "skip":
		j.input("phone", "phone", h.fresh()).want(200, "")
		j.input("code", "code", h.box.code(h.last)).want(200, "").step("add_contact")
	}
	return j
}

// fresh is a phone number that nobody has used yet.
func (h *house) fresh() string {
	h.numbers++
	h.last = "+86138001" + []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}[h.numbers/1000%10] +
		string(rune('0'+h.numbers/100%10)) + string(rune('0'+h.numbers/10%10)) + string(rune('0'+h.numbers%10)) + "7"
	return h.last
}

func TestS16_CountriesHaveABudget(t *testing.T) {
	each(t, func(h *house) {
		l := h.limits
		l.Country = quota.Limit{Name: "codes.country", Windows: []quota.Window{{Max: 1, Per: time.Hour}}}
		h.setLimits(l)
		a, _ := h.begin(beginApp)
		a.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		b, _ := h.begin(beginApp)
		if r := b.input("phone", "phone", "+8613900139000").want(429, "codes_limited").step("identify"); r.str("limit") != "country" {
			t.Errorf("the limit is %q", r.str("limit"))
		}
		c, _ := h.begin(beginApp)
		c.input("phone", "phone", "+4915123456789").want(200, "").step("code")
	})
}

func TestJourney_BeginRefuses(t *testing.T) {
	each(t, func(h *house) {
		for body, field := range map[string]string{
			`{}`:                                                                                     "kind",
			`{"kind":"nonsense"}`:                                                                    "kind",
			`{"kind":"signin","region":"atlantis"}`:                                                  "region",
			`{"kind":"signin","country":"USA"}`:                                                      "country",
			`{"kind":"signin","country":"1\u0000"}`:                                                  "country",
			`{"kind":"signin","country":"ÄÖ"}`:                                                       "country",
			`{"kind":"signin","return_to":"//evil"}`:                                                 "return_to",
			`{"kind":"signin","return_to":"https://evil.example"}`:                                   "return_to",
			`{"kind":"signin","locale":"` + strings.Repeat("en-", 20) + `"}`:                         "locale",
			`{"kind":"signin","device":{"kind":"toaster"}}`:                                          "device.kind",
			`{"kind":"signin","device":{"name":"a\u0000b"}}`:                                         "device.name",
			`{"kind":"signin","device":{"name":"a\nb"}}`:                                             "device.name",
			`{"kind":"signin","device":{"name":"a\u202eb"}}`:                                         "device.name",
			`{"kind":"signin","device":{"name":"` + strings.Repeat("ü", 61) + `"}}`:                  "device.name",
			`{"kind":"signin","device":{"token":"short"}}`:                                           "device.token",
			`{"kind":"signin","device":{"token":"` + strings.Repeat("ü", 21) + `x"}}`:                "device.token",
			`{"kind":"signin","device":{"token":"` + strings.Repeat("A", 43) + `","name":"\ufffd"}}`: "device.name",
			`{"kind":["signin"]}`:                                                                    "kind",
			`{"kind":"signin","device":[]}`:                                                          "device",
			`{"kind":"signin","device":{"name":1}}`:                                                  "device.name",
			`{"kind":"signin","device":null}`:                                                        "device",
			`{"kind":"signin","device":{"kind":null}}`:                                               "device.kind",
		} {
			r := h.send(call{method: "POST", path: "/api/v1/journeys", body: body})
			if r.status != 422 || r.str("code") != "invalid_input" || r.str("field") != field {
				t.Errorf("%s: %d %s %q, want field %q", body, r.status, r.str("code"), r.str("field"), field)
			}
		}
		var n int
		if err := h.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM journey`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d journeys began (%v)", n, err)
		}
	})
}

func TestJourney_SpeaksItsLanguage(t *testing.T) {
	each(t, func(h *house) {
		j, _ := h.begin(`{"kind":"signin","locale":"zh-CN"}`)
		r := j.input("phone", "phone", "1")
		if title := r.str("title"); title == "" || title[0] < 0x80 {
			t.Errorf("the refusal of a Chinese journey is titled %q", title)
		}
		r = h.send(call{method: "GET", path: "/api/v1/session", change: func(r *http.Request) { r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9") }})
		if title := r.str("title"); title == "" || title[0] < 0x80 {
			t.Errorf("the refusal of a Chinese reader is titled %q", title)
		}
	})
}

// The schema's inputs are the ones that the wire knows.
func TestJourney_ShowsOnlyWhatItTakes(t *testing.T) {
	each(t, func(h *house) {
		for region, want := range map[string]string{"both": `["phone","email","username"] null null`, "cn": `["phone","username"] null null`, "intl": `["phone","email","username","provider"] "google" "wechat"`} {
			_, r := h.begin(`{"kind":"signin","region":"` + region + `"}`)
			inputs, _ := json.Marshal(r.at("step.inputs"))
			first, _ := json.Marshal(r.at("step.providers.0.provider"))
			second, _ := json.Marshal(r.at("step.providers.1.provider"))
			if got := string(inputs) + " " + string(first) + " " + string(second); got != want {
				t.Errorf("%s shows %s", region, got)
			}
		}
	})
}

// A signed-in person adds the contact that the account lacks, in that session only.
func TestJourney_AddsAContact(t *testing.T) {
	each(t, func(h *house) {
		p, stranger := h.signIn("+8613800138000"), h.signIn("+8613900139000")
		begin := func(kind, token string) reply {
			return h.send(call{method: "POST", path: "/api/v1/journeys", body: `{"kind":"` + kind + `"}`, token: token})
		}
		begin("change_email", "").want(401, "session_required")
		begin("change_email", "nonsense").want(401, "session_required")
		r := begin("change_email", p.token).want(201, "").step("add_contact")
		path, key := "/api/v1/journeys/"+r.str("id"), r.str("key")
		give := func(token, body string) reply {
			return h.send(call{method: "POST", path: path, key: key, token: token, body: body})
		}
		give("", `{"input":"email","email":"lin@example.com"}`).want(401, "session_required")
		give(stranger.token, `{"input":"email","email":"lin@example.com"}`).want(401, "session_required")
		give(p.token, `{"input":"email","email":"lin@example.com"}`).want(200, "").step("code")
		code := h.box.code("lin@example.com")
		give(stranger.token, `{"input":"code","code":"`+code+`"}`).want(401, "session_required")
		d := give(p.token, `{"input":"code","code":"`+code+`"}`).want(200, "").step("done")
		if d.at("step.session") != nil || d.str("step.account.id") != p.id {
			t.Errorf("the journey ends with %s", d.text)
		}
		if r := p.do("GET", "/api/v1/account", "").want(200, ""); r.str("email.address") == "" {
			t.Errorf("the account is %s", r.text)
		}
	})
}
