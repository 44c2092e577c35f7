package signin_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// TestTopic_C03_FirstUse: who has no account gets one, in two taps and with the
// contact that the region wants; from then on the third-party account opens it.
func TestTopic_C03_FirstUse(t *testing.T) {
	each(t, func(w *town) {
		device := strings.Repeat("d", 43)
		v := w.begin("intl", on(device), surface("page")).visits(w.google, adaThere).want(step.TypeLinkOrCreate, "")
		s := v.step.(step.LinkOrCreate)
		if s.Provider != "google" || s.Name != "Ada Lovelace" || !slices.Equal(s.Inputs, []string{"link", "create", "back"}) {
			w.t.Errorf("asked %+v", s)
		}
		if rows := w.rows(); rows["account"]+rows["link"]+rows["session"] != 0 {
			w.t.Errorf("before anything is chosen there is %v", rows)
		}
		v.do("create").want(step.TypeAddContact, "")
		if s := v.step.(step.AddContact); s.Kind != "email" || s.Hint != adaMail || !slices.Equal(s.Inputs, []string{"email", "skip"}) {
			w.t.Errorf("asked %+v", s)
		}
		if got := w.rows()["session"]; got != 0 {
			w.t.Errorf("%d sessions before the contact", got)
		}
		d := v.email(adaMail).want(step.TypeCode, "").code(w.post.code(adaMail)).done()
		if !d.Created || d.Account.Nickname != "Ada Lovelace" || d.Session == nil {
			w.t.Errorf("ended in %+v", d)
		}
		if got := w.proved(d.Session.Token); !slices.Equal(got, []string{"linkedgoogle"}) {
			w.t.Errorf("the session rests on %v", got)
		}
		for kind, n := range map[audit.Kind]int{audit.AccountCreated: 1, audit.Linked: 1, audit.ContactAdded: 1, audit.SignedIn: 1} {
			hasAct(w.t, w.acts(d.Account.ID), kind, n)
		}
		w.later(time.Hour)
		if again := w.begin("intl", on(device)).hands(w.google, adaThere).done(); again.Account.ID != d.Account.ID || again.Created {
			w.t.Errorf("the second time %+v", again)
		}
		w.post.all(adaMail)
		other := w.begin("intl", on(strings.Repeat("e", 43))).visits(w.google, adaThere).done()
		if told := w.post.all(adaMail); other.Account.ID != d.Account.ID || len(told) != 1 || !strings.Contains(told[0], "did not know before") {
			w.t.Errorf("on another device %+v, told %q", other, told)
		}
	})
}

// TestTopic_C03_RegionWantsAContact: in a region that must have a phone nobody is in
// without one, however often they come back.
func TestTopic_C03_RegionWantsAContact(t *testing.T) {
	each(t, func(w *town) {
		who := towntest.Somebody("w-lin", "小林", "")
		v := w.begin("cn").visits(w.wechat, who).want(step.TypeLinkOrCreate, "").do("create").want(step.TypeAddContact, "")
		if s := v.step.(step.AddContact); s.Kind != "phone" || s.Hint != "" || len(s.Inputs) != 1 {
			w.t.Errorf("asked %+v", s)
		}
		v.do("skip").want(step.TypeAddContact, "journey_step")
		w.later(time.Hour)
		again := w.begin("cn").visits(w.wechat, who).want(step.TypeAddContact, "")
		if n := w.sessions(); n != 0 {
			w.t.Errorf("%d sessions without a phone", n)
		}
		again.phone(ada).want(step.TypeCode, "").code(w.post.code(ada)).done()
		w.later(time.Hour)
		w.begin("cn").visits(w.wechat, who).done()
	})
}

// A question that can be skipped is put when the account is linked or made, and to
// who has no contact at all; not at every sign-in to who has another.
func TestProvider_SkippedContact(t *testing.T) {
	each(t, func(w *town) {
		w.begin("intl").visits(w.google, adaThere).do("create").want(step.TypeAddContact, "").do("skip").done()
		w.later(time.Hour)
		w.begin("intl").visits(w.google, adaThere).want(step.TypeAddContact, "").do("skip").done()

		d := w.signUp(bob)
		w.later(time.Hour)
		who := towntest.Somebody("g-bob", "", "")
		v := w.begin("intl").visits(w.google, who).do("link").phone(bob)
		v.code(w.post.code(bob)).want(step.TypeAddContact, "").do("skip").done()
		w.later(80 * time.Hour) // what is linked then is no longer new
		if again := w.begin("intl").visits(w.google, who).done(); again.Account.ID != d.Account.ID {
			w.t.Errorf("in %s", again.Account.ID)
		}
	})
}

// TestTopic_L01_LinkAtSignIn: who has an account proves it in any way, and only then
// the third-party account is linked to it; every contact is told.
func TestTopic_L01_LinkAtSignIn(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		ways := map[string]func(v *visit) *visit{
			"text":   func(v *visit) *visit { return v.phone(o.phone).code(w.post.code(o.phone)) },
			"e-mail": func(v *visit) *visit { return v.email(o.email).code(w.post.code(o.email)) },
			"another provider": func(v *visit) *visit {
				return v.visits(w.wechat, towntest.Somebody("w-ada", "Ada", ""))
			},
		}
		w.linkTo(o.id, w.wechat, towntest.Somebody("w-ada", "Ada", ""))
		w.later(80 * time.Hour)
		for name, prove := range ways {
			w.exec(`DELETE FROM quota`)
			w.post.all(o.phone)
			w.post.all(o.email)
			v := w.begin("intl", on(o.device)).visits(w.google, adaThere).want(step.TypeLinkOrCreate, "").do("link").want(step.TypeIdentify, "")
			if s := v.step.(step.Identify); s.Link != "google" || !slices.Contains(s.Inputs, "back") {
				w.t.Errorf("%s: asked %+v", name, s)
			}
			prove(v).want(step.TypePassword, "") // linking asks for more than signing in
			if s := v.step.(step.Password); !slices.Contains(s.Why, "sensitive") || slices.Contains(w.linked(o.id), "google g-ada") {
				w.t.Errorf("%s: asked %+v, linked %v", name, s, w.linked(o.id))
			}
			d := v.password(o.password).done()
			if d.Account.ID != o.id || d.Created || !slices.Contains(w.linked(o.id), "google g-ada") {
				w.t.Errorf("%s: in %+v, linked %v", name, d, w.linked(o.id))
			}
			if got := w.proved(d.Session.Token); slices.Contains(got, "linkedgoogle") {
				w.t.Errorf("%s: the session rests on what was just linked: %v", name, got)
			}
			for _, to := range []string{o.phone, o.email} {
				if told := w.post.all(to); !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "Google account was linked") }) {
					w.t.Errorf("%s: %s was told %q", name, to, told)
				}
			}
			last := w.history(o.id)
			if i := slices.IndexFunc(last, func(e audit.Entry) bool { return e.Kind == audit.Linked }); i < 0 || last[i].Details["provider"] != "google" {
				w.t.Errorf("%s: the history says %v", name, w.acts(o.id))
			}
			w.unlink(o.id, "google")
			w.later(25 * time.Hour)
		}
	})
}

// What is offered to be linked to asks for an account that is there, and makes none.
func TestProvider_LinkingMakesNoAccount(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").visits(w.google, adaThere).do("link").want(step.TypeIdentify, "")
		v.phone(bob).code(w.post.code(bob)).want(step.TypeIdentify, "method_unavailable")
		if v.arg("reason") != "no_account" || v.step.(step.Identify).Link != "google" {
			w.t.Errorf("reason %v at %+v", v.arg("reason"), v.step)
		}
		v.visits(w.wechat, towntest.Somebody("w-ada", "Ada", "")).want(step.TypeIdentify, "method_unavailable")
		if v.arg("reason") != "not_linked" {
			w.t.Errorf("reason %v", v.arg("reason"))
		}
		if rows := w.rows(); rows["account"]+rows["link"]+rows["link_holder"] != 0 {
			w.t.Errorf("there is %v", rows)
		}
		v.do("back").want(step.TypeLinkOrCreate, "").do("back").want(step.TypeIdentify, "")
		v.do("back").want(step.TypeIdentify, "journey_step")
		v.do("create").want(step.TypeIdentify, "journey_step")
		if s := v.step.(step.Identify); s.Link != "" {
			w.t.Errorf("still linking: %+v", s)
		}
	})
}

// One account has one account of a provider, and the refusal says so; another account
// can be chosen, or made, with what was shown at the provider.
func TestTopic_L02_LinkedAlready(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, towntest.Somebody("g-other", "Ada", ""))
		v := w.begin("intl", on(o.device)).visits(w.google, adaThere).do("link").phone(o.phone)
		v.code(w.post.code(o.phone)).password(o.password).want(step.TypeIdentify, "linked_already")
		if v.arg("provider") != "google" || !slices.Equal(w.linked(o.id), []string{"google g-other"}) {
			w.t.Errorf("%v, linked %v", v.err, w.linked(o.id))
		}
		d := v.do("back").want(step.TypeLinkOrCreate, "").do("create").want(step.TypeAddContact, "").do("skip").done()
		if d.Account.ID == o.id {
			w.t.Error("in the other account")
		}
	})
}

// TestTopic_C03_Offered: the region and the surface decide what is offered, and what
// is not offered is refused.
func TestTopic_C03_Offered(t *testing.T) {
	each(t, func(w *town) {
		names := func(s step.Step) (out []string) {
			for _, p := range s.(step.Identify).Providers {
				out = append(out, p.Provider)
			}
			return out
		}
		for _, tt := range []struct {
			region, surface string
			want            []string
			nonce           bool
		}{
			{"intl", "page", []string{"google", "wechat"}, false}, {"intl", "in_app", []string{"wechat"}, false}, {"intl", "", []string{"google", "wechat"}, true},
			{"intl", "app", []string{"google", "wechat"}, true}, {"intl", "setup", []string{"google"}, true},
			{"cn", "page", []string{"wechat"}, false}, {"cn", "setup", nil, false}, {"both", "page", nil, false},
		} {
			v := w.begin(tt.region, surface(tt.surface))
			s := v.step.(step.Identify)
			if !slices.Equal(names(s), tt.want) || slices.Contains(s.Inputs, "provider") != (len(tt.want) > 0) {
				w.t.Errorf("%s on %q: %v, inputs %v", tt.region, tt.surface, names(s), s.Inputs)
			}
			for _, p := range s.Providers {
				if (p.Nonce != "") != tt.nonce || (len(p.Takes) > 0) != tt.nonce {
					w.t.Errorf("%s on %q: %+v", tt.region, tt.surface, p)
				}
			}
			for _, name := range []string{"google", "wechat", "apple", "", "myspace", "goo\ngle", strings.Repeat("g", 4096)} {
				if !slices.Contains(tt.want, name) {
					v.provider(name).want(step.TypeIdentify, "provider_not_offered")
				}
			}
		}
		for _, on := range []string{"page", "in_app"} {
			if got := names(w.house.Opening("intl", on)); !slices.Equal(got, map[string][]string{"page": {"google", "wechat"}, "in_app": {"wechat"}}[on]) {
				w.t.Errorf("the opening on %s shows %v", on, got)
			}
		}
	})
}

// What did not come to anything has its word, and the journey is at its beginning,
// where every other way is.
func TestProvider_Refusals(t *testing.T) {
	each(t, func(w *town) {
		for _, tt := range []struct {
			what   string
			answer url.Values
			fail   error
			code   string
			reason any
		}{
			{"the person said no", url.Values{"error": {"access_denied"}}, nil, "provider_denied", nil},
			{"a code that the provider does not know", url.Values{"code": {"nonsense"}}, nil, "provider_failed", "refused"},
			{"a code and an error", url.Values{"code": {"x"}, "error": {"y"}}, nil, "provider_failed", "refused"},
			{"the provider is down", url.Values{"code": {"x"}}, provider.Fail(provider.Temporary, "503"), "provider_failed", "unavailable"},
			{"our secret is wrong", url.Values{"code": {"x"}}, provider.Fail(provider.Config, "invalid_client"), "provider_failed", "unavailable"},
			{"it answers nonsense", url.Values{"code": {"x"}}, provider.Fail(provider.Malformed, "html"), "provider_failed", "refused"},
			{"signed by nobody", url.Values{"code": {"x"}}, provider.Fail(provider.Untrusted, "signature"), "provider_failed", "refused"},
		} {
			v := w.begin("intl").provider("google").want(step.TypeRedirect, "")
			v.comes(tt.answer)
			w.google.Fail = tt.fail
			v.do("check").want(step.TypeIdentify, tt.code)
			w.google.Fail = nil
			if fault.From(v.err).Args["reason"] != tt.reason {
				w.t.Errorf("%s: %v", tt.what, fault.From(v.err).Args)
			}
			v.do("check").want(step.TypeIdentify, "journey_step") // it is over
			v.visits(w.google, adaThere).want(step.TypeLinkOrCreate, "")
		}
		v := w.begin("intl").provider("google")
		if s := v.step.(step.Redirect); s.Provider != "google" || !slices.Equal(s.Inputs, []string{"check", "back"}) || !s.ExpiresAt.Equal(w.clock.Now().Add(10*time.Minute)) {
			w.t.Errorf("asked %+v", s)
		}
		v.do("check").want(step.TypeRedirect, "") // nothing came yet
		v.do("back").want(step.TypeIdentify, "")
		v.provider("google").want(step.TypeRedirect, "")
		w.later(10 * time.Minute)
		v.do("check").want(step.TypeIdentify, "provider_failed")
		if v.arg("reason") != "expired" {
			w.t.Errorf("reason %v", v.arg("reason"))
		}
	})
}

// TestS045_NativeNonce: what an app hands over is made for the nonce of this very
// step, which is used up by the first try, right or wrong.
func TestS045_NativeNonce(t *testing.T) {
	each(t, func(w *town) {
		other := w.begin("intl")
		v := w.begin("intl")
		first := v.nonce("google")
		v.give(flow.Input{Input: "provider", Provider: "google", Token: w.google.Slip(adaThere, other.nonce("google"))}).want(step.TypeIdentify, "provider_failed")
		if v.nonce("google") == first {
			w.t.Error("the nonce is shown again")
		}
		v.give(flow.Input{Input: "provider", Provider: "google", Token: w.google.Slip(adaThere, first)}).want(step.TypeIdentify, "provider_failed")
		v.give(flow.Input{Input: "provider", Provider: "google", Token: w.google.Slip(adaThere, "n"), Code: "x"}).want(step.TypeIdentify, "invalid_input")
		v.give(flow.Input{Input: "provider", Provider: "google", Token: strings.Repeat("t", 17<<10)}).want(step.TypeIdentify, "invalid_input")
		v.hands(w.google, adaThere).want(step.TypeLinkOrCreate, "")

		// A page has no nonce, and takes nothing from an SDK.
		page := w.begin("intl", surface("page"))
		page.give(flow.Input{Input: "provider", Provider: "google", Token: w.google.Slip(adaThere, "")}).want(step.TypeIdentify, "invalid_input")

		// A token without a nonce counts once, in whichever journey.
		bare := w.wechat.Slip(towntest.Somebody("w-lin", "", ""), "")
		w.begin("intl").give(flow.Input{Input: "provider", Provider: "wechat", Token: bare}).want(step.TypeLinkOrCreate, "")
		late := w.begin("intl").give(flow.Input{Input: "provider", Provider: "wechat", Token: bare}).want(step.TypeIdentify, "provider_failed")
		if late.arg("reason") != "replayed" {
			w.t.Errorf("reason %v", late.arg("reason"))
		}
		code := w.wechat.Slip(towntest.Somebody("w-lin", "", ""), "")
		w.begin("intl").give(flow.Input{Input: "provider", Provider: "wechat", Code: code}).want(step.TypeLinkOrCreate, "")
	})
}

// TestS040_Provider: with 2-step verification a third-party account is the first step.
func TestS040_Provider(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, adaThere)
		w.later(80 * time.Hour)
		w.wantTwoSteps(o.id)
		before := w.sessions()
		for _, device := range []string{o.device, ""} {
			v := w.begin("intl", on(device)).visits(w.google, adaThere).want(step.TypeChooseMethod, "")
			if s := v.step.(step.ChooseMethod); !slices.Contains(s.Why, "two_step") {
				w.t.Errorf("asked with %+v", s)
			}
			if w.sessions() != before {
				w.t.Fatal("a session began")
			}
			w.later(time.Hour)
		}
		v := w.begin("intl", on(o.device)).visits(w.google, adaThere).method("sms_code").want(step.TypeCode, "")
		d := v.code(w.post.code(o.phone)).done()
		if got := w.proved(d.Session.Token); !slices.Equal(got, []string{"linkedgoogle", "sms_code"}) {
			w.t.Errorf("the session rests on %v", got)
		}
		// Linking at sign-in asks for them too, and what is being linked is none of them.
		w.later(time.Hour)
		link := w.begin("intl", on(o.device)).visits(w.wechat, towntest.Somebody("w-ada", "", "")).do("link").phone(o.phone)
		link.code(w.post.code(o.phone))
		if at := link.step.StepType(); at == step.TypeDone || slices.Contains(w.linked(o.id), "wechat w-ada") {
			w.t.Errorf("at %s, linked %v", at, w.linked(o.id))
		}
	})
}

// TestS069_YoungLink: what was linked yesterday opens the account on no strange
// device by itself, so that an intruder's does not.
func TestS069_YoungLink(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.later(30 * 24 * time.Hour)
		w.linkTo(o.id, w.google, towntest.Somebody("g-thief", "", ""))
		w.later(24 * time.Hour)
		v := w.begin("intl").visits(w.google, towntest.Somebody("g-thief", "", "")).want(step.TypeChooseMethod, "")
		if slices.Contains(v.offered(), "linked") {
			w.t.Errorf("offered %v", v.offered())
		}
		w.later(49 * time.Hour)
		w.begin("intl").visits(w.google, towntest.Somebody("g-thief", "", "")).done()
	})
}

// TestS086_Provider: the state of the account is asked at this entrance as at all
// others, before the session and before a link.
func TestS086_Provider(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, adaThere)
		w.later(80 * time.Hour)
		before := w.sessions()
		for state, code := range map[account.State]string{account.IsFrozen: "account_frozen", account.IsBlocked: "account_blocked", account.IsLeaving: "account_leaving", account.Gone: "credentials_invalid", "odd": "credentials_invalid"} {
			w.setState(o.id, state)
			w.exec(`DELETE FROM quota`)
			w.begin("intl", on(o.device)).visits(w.google, adaThere).want(step.TypeIdentify, code)
			v := w.begin("intl", on(o.device)).visits(w.wechat, towntest.Somebody("w-ada", "", "")).do("link").phone(o.phone)
			v.code(w.post.code(o.phone)).want(step.TypeIdentify, code)
			if len(w.linked(o.id)) != 1 || w.sessions() != before {
				w.t.Errorf("%s: linked %v, %d sessions", state, w.linked(o.id), w.sessions())
			}
			w.later(time.Hour)
		}
	})
}

// A link that its provider disabled opens nothing until it is enabled again.
func TestS170_SuspendedLink(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, adaThere)
		w.later(80 * time.Hour)
		n, _ := account.ReadID(o.id)
		change := func(f func(tx *sqldb.Tx) (bool, error)) {
			if err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error { _, err := f(tx); return err }); err != nil {
				t.Fatal(err)
			}
		}
		change(func(tx *sqldb.Tx) (bool, error) { return w.house.Links.Suspend(t.Context(), tx, n, "google") })
		v := w.begin("intl", on(o.device)).visits(w.google, adaThere).want(step.TypeIdentify, "method_unavailable")
		if v.arg("reason") != "provider_suspended" {
			w.t.Errorf("reason %v", v.arg("reason"))
		}
		change(func(tx *sqldb.Tx) (bool, error) { return w.house.Links.Resume(t.Context(), tx, n, "google") })
		v.visits(w.google, adaThere).done()
	})
}

// TestS028_Unlinked: what was unlinked after it was proved proves nothing any more.
func TestS028_Unlinked(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, adaThere)
		w.wantTwoSteps(o.id)
		w.later(80 * time.Hour)
		v := w.begin("intl", on(o.device)).visits(w.google, adaThere).method("sms_code").want(step.TypeCode, "")
		w.unlink(o.id, "google")
		w.linkTo(o.id, w.google, towntest.Somebody("g-other", "", ""))
		v.code(w.post.code(o.phone))
		if at := v.step.StepType(); at == step.TypeDone {
			w.t.Fatal("in by what was unlinked")
		}
	})
}

// TestS051_SwitchedOff: a provider that is switched off ends what is under way through
// it at once, wherever that stands.
func TestS051_SwitchedOff(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.linkTo(o.id, w.google, adaThere)
		w.later(80 * time.Hour)
		there, stranger := adaThere, towntest.Somebody("g-new", "New", "")
		away := w.begin("intl", on(o.device)).provider("google").want(step.TypeRedirect, "")
		away.comes(url.Values{"code": {w.google.Slip(there, "")}})
		asked := w.begin("intl").visits(w.google, stranger).want(step.TypeLinkOrCreate, "")
		asked2 := w.begin("intl").visits(w.google, towntest.Somebody("g-newer", "", "")).want(step.TypeLinkOrCreate, "")
		linking := w.begin("intl", on(o.device)).visits(w.google, towntest.Somebody("g-newest", "", "")).do("link").phone(o.phone)
		w.house.Desk.Providers = provider.NewBook(w.wechat)
		away.do("check").want(step.TypeIdentify, "provider_not_offered")
		asked.do("create").want(step.TypeIdentify, "provider_not_offered")
		asked2.do("link").want(step.TypeIdentify, "provider_not_offered")
		linking.code(w.post.code(o.phone)).want(step.TypePassword, "")
		linking.password(o.password).want(step.TypeIdentify, "provider_not_offered")
		if rows := w.rows(); rows["account"] != 1 || !slices.Equal(w.linked(o.id), []string{"google g-ada"}) {
			w.t.Errorf("rows %v, linked %v", rows, w.linked(o.id))
		}
	})
}

// TestS021_ForeignTooOld: what was shown at the provider makes and links nothing ten
// minutes later.
func TestS021_ForeignTooOld(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		create := w.begin("intl").visits(w.google, adaThere).want(step.TypeLinkOrCreate, "")
		link := w.begin("intl").visits(w.wechat, adaThere).do("link").want(step.TypeIdentify, "")
		w.later(10*time.Minute + time.Microsecond)
		create.do("create").want(step.TypeIdentify, "journey_expired")
		create.do("create").want(step.TypeIdentify, "journey_step")
		link.phone(o.phone)
		link.code(w.post.code(o.phone)).want(step.TypeIdentify, "journey_expired")
		if s := link.step.(step.Identify); s.Link != "" || len(w.linked(o.id)) != 0 || w.rows()["account"] != 1 {
			w.t.Errorf("still linking %q; linked %v", s.Link, w.linked(o.id))
		}
		// The last proof may be one that nothing was proved before.
		device := strings.Repeat("n", 43)
		d := w.signUp(bob, on(device))
		w.setPassword(d.Account.ID, good)
		late := w.begin("intl", on(device)).visits(w.wechat, adaThere).do("link").username(bob).want(step.TypePassword, "")
		w.later(10*time.Minute + time.Microsecond)
		late.password(good).want(step.TypeIdentify, "journey_expired")
		if len(w.linked(d.Account.ID)) != 0 {
			w.t.Errorf("linked %v", w.linked(d.Account.ID))
		}
	})
}

// An account of a region that does not offer a provider is neither linked to it nor
// opened by it, wherever the sign-in plays.
func TestProvider_RegionOfTheAccount(t *testing.T) {
	each(t, func(w *town) {
		first := w.begin("cn").phone(ada)
		id := first.code(w.post.code(ada)).done().Account.ID
		v := w.begin("intl").visits(w.google, adaThere).do("link")
		w.later(time.Minute)
		v.phone(ada)
		v.code(w.post.code(ada)).want(step.TypeIdentify, "provider_not_offered")
		if len(w.linked(id)) != 0 {
			w.t.Errorf("linked %v", w.linked(id))
		}
		w.linkTo(id, w.google, adaThere) // while it was offered
		w.begin("intl").visits(w.google, adaThere).want(step.TypeIdentify, "provider_not_offered")
	})
}

// A region that makes no accounts by providers still lets them in and links them.
func TestProvider_ClosedRegion(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("closed").visits(w.google, adaThere).want(step.TypeLinkOrCreate, "")
		if s := v.step.(step.LinkOrCreate); slices.Contains(s.Inputs, "create") {
			w.t.Errorf("offered %v", s.Inputs)
		}
		v.do("create").want(step.TypeLinkOrCreate, "method_unavailable")
		if w.rows()["account"] != 0 {
			w.t.Error("an account was made")
		}
	})
}

// TestS050_HostileProfiles: what a provider calls a person is text. It is shown
// cleaned, becomes a nickname only if it can be one, and an address is a hint only if
// it is one.
func TestS050_HostileProfiles(t *testing.T) {
	each(t, func(w *town) {
		for i, tt := range []struct{ name, email, shown, nickname, hint string }{
			{"Ada Lovelace", "ada@example.net", "Ada Lovelace", "Ada Lovelace", "ada@example.net"},
			{"<script>alert(1)</script>", "\"><script>@example.net", "<script>alert(1)</script>", "<script>alert(1)</script>", ""},
			{"Ada\x00\x1b[31m\u202eevol\u2066", "ada@example.net\r\nBcc: all@example.net", "Ada[31mevol", "Ada[31mevol", ""},
			{"  Ada \t\n Lovelace  ", " ", "Ada Lovelace", "Ada Lovelace", ""},
			{"Selfsame Support", "support", "Selfsame Support", "", ""},
			{"call 0800 123456789 now", "", "call 0800 123456789 now", "", ""},
			{"ada@example.com", "", "ada@example.com", "", ""},
			{strings.Repeat("ä", 5000), strings.Repeat("a", 5000) + "@example.net", strings.Repeat("ä", 40), strings.Repeat("ä", 40), ""},
			{"\xff\xfe\xfd", "\xff@example.net", "", "", ""},
			{"", "", "", "", ""},
			{"{{.Secret}} %s {provider}", "", "{{.Secret}} %s {provider}", "{{.Secret}} %s {provider}", ""},
		} {
			v := w.begin("intl").visits(w.google, towntest.Somebody("g-"+string(rune('a'+i)), tt.name, tt.email)).want(step.TypeLinkOrCreate, "")
			if got := v.step.(step.LinkOrCreate).Name; got != tt.shown {
				w.t.Errorf("%q is shown as %q", tt.name, got)
			}
			v.do("create").want(step.TypeAddContact, "")
			if got := v.step.(step.AddContact).Hint; got != tt.hint {
				w.t.Errorf("%q is hinted at as %q", tt.email, got)
			}
			if d := v.do("skip").done(); d.Account.Nickname != tt.nickname {
				w.t.Errorf("%q becomes %q", tt.name, d.Account.Nickname)
			}
		}
		for _, subject := range []string{"", strings.Repeat("s", 10<<10), "a b", "a\x00b", "ä"} {
			w.begin("intl").visits(w.google, towntest.Somebody(subject, "", "")).want(step.TypeIdentify, "provider_failed")
		}
	})
}
