package pages

import (
	"html/template"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
)

// stories lists every page, step and refusal with sample data.
func stories() []story {
	var all []story
	for _, part := range [][]story{frontStories(), identifyStories(), codeStories(), stepStories(), proveStories(), passkeyStories(), factorStories(), secretStories(), secondStepStories(), resultStories(), objectionStories(), federationStories(), linkedStories(), recoveryStories(), accountStories(), helpStories(), errorStories()} {
		all = append(all, part...)
	}
	return all
}

func frontStories() []story {
	return []story{
		{name: "front", make: func(s *stage) (view, error) { return s.frontView(s.f), nil }},
		{name: "front.signed_in", make: func(s *stage) (view, error) { s.signIn(); return s.frontView(s.f), nil }},
		{name: "front.signed_out", make: func(s *stage) (view, error) {
			s.f.Notice = s.f.T("page.notice.signed_out")
			return s.frontView(s.f), nil
		}},
		{name: "front.signout", make: func(s *stage) (view, error) { s.signIn(); return s.signOutView(s.f), nil }},
	}
}

// signIn makes the frame that of a person who is signed in.
func (s *stage) signIn() {
	s.f.Me = &session.Live{
		AccountID: 482109375564, ID: "s1", DeviceID: "d1",
		Account:   account.Account{ID: 482109375564, Nickname: "Lin Yue", Region: "intl", CreatedAt: s.f.now.Add(-400 * 24 * time.Hour)},
		Proved:    []session.Proof{{Method: "sms_code", At: s.f.now.Add(-2 * time.Minute)}},
		CreatedAt: s.f.now.Add(-2 * time.Minute),
	}
}

var (
	bothInputs = []string{"phone", "email", "username", "passkey"}
	someone    = url.Values{"phone": {"138 0013 80"}, "country": {"CN"}, "username": {"lin.yue@example.com"}, "email": {"lin.yue@example"}}
)

func identify(kind, with string, form url.Values, code, field string) func(s *stage) (view, error) {
	return func(s *stage) (view, error) {
		present := step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: bothInputs}, Country: "CN"}
		if code == "" {
			return s.play(kind, present, form, with, nil)
		}
		return s.play(kind, present, form, with, s.declared(code).On(field))
	}
}

func identifyStories() []story {
	return []story{
		{name: "identify.phone", make: identify("signin", "", nil, "", "")},
		{name: "identify.signup", make: identify("signup", "", nil, "", "")},
		{name: "identify.password", make: identify("signin", "password", nil, "", "")},
		{name: "identify.email", make: identify("signin", "email", nil, "", "")},
		{name: "identify.phone_invalid", status: 422, make: identify("signin", "", someone, "phone_invalid", "phone")},
		{name: "identify.phone_not_personal", status: 422, make: identify("signin", "", someone, "phone_not_personal", "phone")},
		{name: "identify.email_invalid", status: 422, make: identify("signin", "email", someone, "email_invalid", "email")},
		{name: "identify.credentials_invalid", status: 401, make: identify("signin", "password", someone, "credentials_invalid", "password")},
		{name: "identify.too_many_attempts", status: 429, make: identify("signin", "password", someone, "too_many_attempts", "")},
		{name: "identify.codes_limited", status: 429, make: identify("signin", "", someone, "codes_limited", "")},
		{name: "identify.journey_expired", status: 410, make: identify("signin", "", nil, "journey_expired", "")},
	}
}

func code(change func(c *step.Code), refusal, field string) func(s *stage) (view, error) {
	return func(s *stage) (view, error) {
		c := step.Code{
			Head: step.Head{Type: step.TypeCode, Inputs: []string{"code", "resend", "other_way", "back"}}, Channel: "sms", To: "+86 138 **** 8000", Length: 6,
			SentAt: s.f.now.Add(-20 * time.Second), ExpiresAt: s.f.now.Add(280 * time.Second), ResendAt: s.f.now.Add(40 * time.Second),
			Sends: 1, TriesLeft: 5, Delivery: step.Delivery{State: "sent", At: s.f.now},
		}
		if change != nil {
			change(&c)
		}
		if refusal == "" {
			return s.play("signin", c, nil, "", nil)
		}
		return s.play("signin", c, nil, "", s.declared(refusal).On(field))
	}
}

func codeStories() []story {
	failed := func(reason string) func(c *step.Code) {
		return func(c *step.Code) { c.Delivery = step.Delivery{State: "failed", Reason: reason}; c.ResendAt = c.SentAt }
	}
	return []story{
		{name: "code.sms", make: code(nil, "", "")},
		{name: "code.queued", make: code(func(c *step.Code) { c.Delivery.State = "queued" }, "", "")},
		{name: "code.delivered", make: code(func(c *step.Code) { c.Delivery.State = "delivered" }, "", "")},
		{name: "code.failed", make: code(failed("handset_off"), "", "")},
		{name: "code.failed_unknown", make: code(failed("something_new"), "", "")},
		{name: "code.email", make: code(func(c *step.Code) { c.Channel, c.To = "email", "l***@example.com" }, "", "")},
		{name: "code.second", make: code(func(c *step.Code) { c.Sends, c.ResendAt = 2, c.SentAt }, "", "")},
		{name: "code.new_device", make: code(func(c *step.Code) { c.Reason = "new_device" }, "", "")},
		{name: "code.add_contact", make: code(func(c *step.Code) {
			c.Channel, c.To, c.Inputs = "email", "l***@example.com", []string{"code", "resend", "back", "skip"}
		}, "", "")},
		{name: "code.wrong", status: 422, make: code(nil, "code_wrong", "code")},
		{name: "code.expired", status: 422, make: code(func(c *step.Code) { c.ResendAt = c.SentAt }, "code_expired", "code")},
		{name: "code.limited", status: 429, make: code(nil, "codes_limited", "")},
	}
}

func stepStories() []story {
	head := func(t step.Type, inputs ...string) step.Head { return step.Head{Type: t, Inputs: inputs} }
	fresh := step.NewPassword{Head: head(step.TypeNewPassword, "new_password", "skip"), MinLength: 8, MaxLength: 256, Username: "l***@example.com"}
	play := func(present func(s *stage) step.Step, code, field string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			if code == "" {
				return s.play("signin", present(s), nil, "", nil)
			}
			return s.play("signin", present(s), nil, "", s.declared(code).On(field))
		}
	}
	is := func(x step.Step) func(*stage) step.Step { return func(*stage) step.Step { return x } }
	password := is(step.Password{Head: head(step.TypePassword, "password", "other_way", "back"), Username: "+86 138 **** 8000"})
	picture := func(s *stage) step.Step {
		mark, _ := s.assets.address("mark.svg")
		return step.Captcha{Head: head(step.TypeCaptcha, "captcha", "refresh"), Kind: "picture", Image: mark, Audio: "/storybook", Reason: "tries"}
	}
	work := func(s *stage) step.Step {
		challenge, _ := captcha.NewWork(make([]byte, 32), "story", 1<<20, s.f.now.Add(time.Hour))
		c := picture(s).(step.Captcha)
		c.Kind, c.Challenge, c.Reason = "work", challenge, "network"
		return c
	}
	return []story{
		{name: "step.password", make: play(password, "", "")},
		{name: "step.password_wrong", status: 401, make: play(password, "credentials_invalid", "password")},
		{name: "step.captcha_picture", make: play(picture, "", "")},
		{name: "step.captcha_wrong", status: 422, make: play(picture, "captcha_wrong", "answer")},
		{name: "step.captcha_work", make: play(work, "", "")},
		{name: "step.new_password", make: play(is(fresh), "", "")},
		{name: "step.new_password_short", status: 422, make: play(is(fresh), "password_short", "password")},
		{name: "step.add_email", make: play(is(step.AddContact{Head: head(step.TypeAddContact, "email", "skip"), Kind: "email"}), "", "")},
		{name: "step.add_phone", make: play(is(step.AddContact{Head: head(step.TypeAddContact, "phone"), Kind: "phone", Country: "CN"}), "", "")},
		{name: "step.contact_in_use", status: 409, make: play(is(step.AddContact{Head: head(step.TypeAddContact, "email"), Kind: "email"}), "contact_in_use", "email")},
	}
}

func (s *stage) sampleContacts() []contact.Contact {
	return []contact.Contact{{Kind: contact.Phone, Address: "+8613800138000", VerifiedAt: s.f.now.Add(-400 * 24 * time.Hour)},
		{Kind: contact.Email, Address: "lin.yue@example.com", VerifiedAt: s.f.now.Add(-30 * 24 * time.Hour)}}
}

// everyMethod is what a house with all methods offers.
var everyMethod = []policy.Method{policy.SMSCode, policy.EmailCode, policy.Password, policy.Passkey, policy.TOTP, policy.RecoveryCode, policy.Questions, policy.DevicePrompt}

func (s *stage) sampleOverview() settings.Overview {
	since := s.f.now.Add(-90 * 24 * time.Hour)
	return settings.Overview{Account: s.f.Me.Account, Contacts: s.sampleContacts(), Password: since, Offered: everyMethod,
		Ways: []policy.Way{{Method: policy.SMSCode, Since: since}, {Method: policy.EmailCode, Since: since}, {Method: policy.Password, Since: since}}}
}

// safeOverview is that of an account with 2-step verification and every method.
func (s *stage) safeOverview() settings.Overview {
	o := s.sampleOverview()
	o.Account.TwoStep, o.Trusted, o.CodesLeft = true, true, 9
	for _, m := range []policy.Method{policy.Passkey, policy.TOTP, policy.RecoveryCode, policy.Questions, policy.LinkedSignIn} {
		o.Ways = append(o.Ways, policy.Way{Method: m, Since: o.Password})
	}
	return o
}

func (s *stage) sampleNotices() []proof.Told {
	states := []proof.Told{{State: "queued"}, {State: "sent"}, {State: "delivered"}, {State: "failed", Reason: "mailbox_unknown"}, {State: "failed", Reason: "something_new"}, {}}
	for i := range states {
		n := &states[i]
		n.At, n.Channel, n.To = s.f.now.Add(-time.Duration(i*i*i)*time.Hour), "sms", "+86 138 **** 8000"
		n.Purpose = []string{"notice_device", "notice_failed_attempts", "notice_something_new"}[i%3]
		if i > 2 {
			n.Channel, n.To = "email", "l***@example.com"
		}
	}
	return states
}

func (s *stage) sampleDevices() []settings.Device {
	ago := func(d time.Duration) time.Time { return s.f.now.Add(-d) }
	return []settings.Device{
		{Device: device.Device{ID: "d1", Kind: "browser", Name: "Firefox on Windows", Place: "Shanghai, China", CreatedAt: ago(300 * 24 * time.Hour), UsedAt: ago(0)}, Current: true, SignedIn: true},
		{Device: device.Device{ID: "d2", Kind: "phone", Name: "Pixel 9", Place: "Hangzhou, China", CreatedAt: ago(2 * 24 * time.Hour), UsedAt: ago(3 * time.Hour)}, SignedIn: true},
		{Device: device.Device{ID: "d3", Kind: "tv", CreatedAt: ago(80 * 24 * time.Hour), UsedAt: ago(2 * 24 * time.Hour)}, SignedIn: true},
		{Device: device.Device{ID: "d4", Kind: "computer", Name: "Chrome on macOS", CreatedAt: ago(200 * 24 * time.Hour), UsedAt: ago(60 * 24 * time.Hour)}},
	}
}

func (s *stage) sampleActivity() []audit.Entry {
	kinds := []audit.Kind{audit.SignedIn, audit.PasswordWrong, audit.PasswordWrong, audit.PasswordWrong, audit.ContactsViewed, audit.DeviceRemoved, audit.OthersSignedOut,
		audit.ProfileChanged, audit.PasswordSet, audit.ContactAdded, audit.CodesExhausted, audit.SignedOut, audit.OperatorSignOut, audit.AccountCreated}
	var list []audit.Entry
	for i, kind := range kinds {
		list = append(list, audit.Entry{ID: string(kind), Kind: kind, At: s.f.now.Add(-time.Duration(i*i) * 50 * time.Minute),
			Details: map[string]string{"device": "Firefox on Windows", "place": "Shanghai, China", "method": "sms_code", "contact": "+86 138 **** 8000"}})
	}
	return list
}

func accountStories() []story {
	in := func(make func(s *stage) view) func(s *stage) (view, error) {
		return func(s *stage) (view, error) { s.signIn(); return make(s), nil }
	}
	return []story{
		{name: "account.overview", make: in(func(s *stage) view {
			return s.overviewView(s.f, s.safeOverview(), s.sampleLinked(), s.sampleDevices()[:1], s.sampleActivity()[:1], nil)
		})},
		{name: "account.overview_look", make: in(func(s *stage) view {
			return s.overviewView(s.f, s.sampleOverview(), nil, s.sampleDevices(), s.sampleActivity(), s.sampleNotices())
		})},
		{name: "account.overview_new", make: in(func(s *stage) view {
			s.f.Me.Account.Nickname = ""
			return s.overviewView(s.f, settings.Overview{Account: s.f.Me.Account, Ways: []policy.Way{{Method: policy.SMSCode}}}, nil, nil, nil, nil)
		})},
		{name: "account.contacts", make: in(func(s *stage) view { return s.contactsView(s.f, s.masked(s.sampleContacts()), nil, false) })},
		{name: "account.contacts_full", make: in(func(s *stage) view { return s.contactsView(s.f, s.inFull(s.sampleContacts()), nil, true) })},
		{name: "account.contacts_stale", make: in(func(s *stage) view {
			s.f.Me.Proved = nil
			return s.contactsView(s.f, s.masked(s.sampleContacts()[:1]), nil, false)
		})},
		{name: "account.security", make: in(func(s *stage) view { return s.securityView(s.f, s.sampleOverview(), nil, s.sampleActivity()) })},
		{name: "account.security_safe", make: in(func(s *stage) view {
			return s.securityView(s.f, s.safeOverview(), s.sampleLinked(), s.sampleActivity())
		})},
		{name: "account.security_few_codes", make: in(func(s *stage) view {
			o := s.safeOverview()
			o.CodesLeft, o.Trusted = 1, false
			return s.securityView(s.f, o, nil, s.sampleActivity())
		})},
		{name: "account.security_new", make: in(func(s *stage) view {
			return s.securityView(s.f, settings.Overview{Contacts: s.sampleContacts()[:1], Offered: everyMethod, Ways: []policy.Way{{Method: policy.SMSCode}}}, nil, nil)
		})},
		{name: "account.password", make: in(func(s *stage) view { return s.passwordView(s.f, false, []string{"Pixel 9", "Firefox on Windows"}) })},
		{name: "account.password_common", status: 422, make: in(func(s *stage) view {
			s.refuse(s.declared("password_common").On("password"))
			return s.passwordView(s.f, true, nil)
		})},
		{name: "account.devices", make: in(func(s *stage) view { return s.devicesView(s.f, s.sampleDevices()) })},
		{name: "account.devices_one", make: in(func(s *stage) view {
			s.f.Notice = s.f.T("page.notice.others")
			return s.devicesView(s.f, s.sampleDevices()[:1])
		})},
		{name: "account.activity", make: in(func(s *stage) view {
			many := s.sampleActivity()
			for len(many) <= eventsAPage {
				many = append(many, many[len(many)-1])
			}
			return s.activityView(s.f, many)
		})},
		{name: "account.activity_none", make: in(func(s *stage) view { return s.activityView(s.f, nil) })},
		{name: "account.notices", make: in(func(s *stage) view { return s.noticesView(s.f, s.sampleNotices()) })},
		{name: "account.notices_none", make: in(func(s *stage) view { return s.noticesView(s.f, nil) })},
		{name: "account.profile", make: in(func(s *stage) view { return s.profileView(s.f, "Lin Yue") })},
		{name: "account.nickname_invalid", status: 422, make: in(func(s *stage) view {
			s.refuse(s.declared("nickname_invalid").On("nickname"))
			return s.profileView(s.f, "13800138000")
		})},
	}
}

func helpStories() []story {
	links := func(s *stage) []HelpLink {
		title, detail := s.f.voice.Fault(s.declared("code_used"))
		return []HelpLink{{Href: "/help/verification-codes/why-is-my-code-unusable", Title: title, Excerpt: detail}, {Href: "/help/signing-in/why-cant-i-sign-in", Title: s.f.T("page.front.trouble")}}
	}
	return []story{
		{name: "help.index", make: func(s *stage) (view, error) {
			return helpIndexView(s.f, []HelpSection{{Slug: "a", Title: s.f.T("page.front.trouble"), Articles: links(s)}, {Slug: "b", Title: s.f.T("page.front.what"), Articles: links(s)}}), nil
		}},
		{name: "help.article", make: func(s *stage) (view, error) {
			_, detail := s.f.voice.Fault(s.declared("code_used"))
			text := template.HTMLEscapeString(detail)
			return helpArticleView(s.f, HelpArticle{Title: s.f.T("page.front.trouble"), Section: s.f.T("page.front.what"), Lang: s.f.Lang, Related: links(s),
				Body: template.HTML("<p>" + text + "</p><h2>" + text + "</h2><ol><li>" + text + "</li><li>" + text + "</li></ol><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>")}), nil
		}},
		{name: "help.results", make: func(s *stage) (view, error) { return helpResultsView(s.f, "code", links(s)), nil }},
		{name: "help.nothing", make: func(s *stage) (view, error) { return helpResultsView(s.f, "<b>", nil), nil }},
		{name: "help.missing", status: 404, make: func(s *stage) (view, error) { return helpMissingView(s.f, links(s)), nil }},
	}
}

func errorStories() []story {
	var list []story
	for _, code := range []string{"not_found", "session_required", "cookies_off", "form_expired", "forbidden_origin", "method_not_allowed", "misdirected_request",
		"body_too_large", "rate_limited", "unavailable", "internal", "account_frozen", "account_blocked"} {
		list = append(list, failed(code))
	}
	return list
}
