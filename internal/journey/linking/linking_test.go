package linking_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

var lin = towntest.Somebody("g-lin", "Lin", "lin@example.org")

// TestLink: after a fresh proof and a visit the account has the link, its history and
// every contact say so, and the list shows it.
func TestLink(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		v := w.begins(w.on(p, fresh(p), "page"), "google")
		v.Want(step.TypeRedirect, "")
		if v.Just("check").Want(step.TypeRedirect, ""); v.Err != nil {
			t.Errorf("before anybody came back: %v", v.Err)
		}
		if done := w.visits(v, w.google, lin).Done(); done.Result != "linked" || done.Session != nil || done.Account.ID != p.ID.String() {
			t.Errorf("done: %+v", done)
		}
		if got := w.linked(p.ID); !slices.Equal(got, []string{"google"}) {
			t.Errorf("linked: %v", got)
		}
		if did(p, audit.Linked) != 1 {
			t.Errorf("history: %v", p.History())
		}
		for _, to := range []string{ada, adaMail} {
			if got := strings.Join(w.Post.All(to), "\n"); !strings.Contains(got, "Google account was linked") {
				t.Errorf("%s was told %q", to, got)
			}
		}
		o, err := w.Overview(w.Context(), p.Live(fresh(p)), "page")
		if err != nil || len(o.Linked) != 1 || o.Linked[0].Name != "Lin" || o.Linked[0].Kept != nil || o.Linked[0].LinkedAt.IsZero() {
			t.Fatalf("overview: %+v, %v", o, err)
		}
		got := []string{}
		for _, c := range o.Choices {
			reason := ""
			if c.Refused != nil {
				reason = c.Refused.Code
			}
			got = append(got, c.Provider+" "+reason)
		}
		if want := []string{"google linked_already", "wechat ", "qq provider_not_offered"}; !slices.Equal(got, want) {
			t.Errorf("choices: %q, want %q", got, want)
		}
	})
}

// TestL02_EachReasonHasItsCode: why an account cannot be linked.
func TestL02_EachReasonHasItsCode(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(w.Person(bob, bobMail, password).ID, w.google, lin, "")
		begin := func(v flow.Visitor, name string) error {
			_, err := w.Runner.Begin(w.Context(), v, flow.Begin{Kind: linking.Kind, For: name})
			return err
		}
		for what, tt := range map[string]struct{ name, want string }{
			"not offered in the region": {"qq", "provider_not_offered"},
			"unknown":                   {"google\x00", "provider_not_offered"},
			"none":                      {"", "provider_not_offered"},
		} {
			if got := code(begin(w.on(p, fresh(p), "page"), tt.name)); got != tt.want {
				t.Errorf("%s: %q, want %q", what, got, tt.want)
			}
		}
		if got := code(begin(towntest.Visitor(p.Secret), "google")); got != "session_required" {
			t.Errorf("nobody is signed in: %q", got)
		}
		w.visits(w.begins(w.on(p, fresh(p), "page"), "google"), w.google, lin).Want(step.TypeConfirm, "linked_elsewhere")

		v := w.begins(w.on(p, fresh(p), "page"), "google")
		w.returns(v, url.Values{"error": {"access_denied"}})
		v.Just("check").Want(step.TypeRedirect, "provider_denied")
		w.google.Fail = provider.Fail(provider.Temporary, "")
		w.visits(v, w.google, lin).Want(step.TypeRedirect, "provider_failed")
		w.google.Fail = nil
		asks := w.google.Asks
		w.visits(v, w.google, towntest.Somebody("g-other", "", "")).Done()
		if w.google.Asks != asks+1 {
			t.Errorf("asked %d times", w.google.Asks-asks)
		}
		if got := code(begin(w.on(p, fresh(p), "page"), "google")); got != "linked_already" {
			t.Errorf("one of that provider is linked: %q", got)
		}
	})
}

// TestL02_Frozen: an account that was frozen while its owner was at the provider links
// nothing (S-86).
func TestL02_Frozen(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		v := w.begins(w.on(p, fresh(p), "page"), "google")
		w.returns(v, url.Values{"code": {w.google.Slip(lin, "")}})
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			return w.Freeze.Secure(ctx, tx, p.Account(), "test")
		})
		_, err := w.Runner.Answer(w.Context(), v.Visitor, v.Handle, flow.Input{Input: "check"}) // the door saw the session before
		if got := code(err); got != "account_frozen" {
			t.Errorf("refused with %q", got)
		}
		if got := w.linked(p.ID); len(got) != 0 {
			t.Errorf("linked: %v", got)
		}
	})
}

// TestS045_AJourneyLinksInItsOwnSessionOnly: neither a journey that was carried to
// another session nor one that was begun for somebody else links anything.
func TestS045_AJourneyLinksInItsOwnSessionOnly(t *testing.T) {
	each(t, func(w *town) {
		p, eve := w.Person(ada, adaMail, password), w.Person(bob, bobMail, password)
		v := w.begins(w.on(eve, fresh(eve), "page"), "google")
		w.returns(v, url.Values{"code": {w.google.Slip(lin, "")}})
		own := v.Visitor
		for what, other := range map[string]flow.Visitor{
			"another account's session": w.on(p, fresh(p), "page"),
			"another of the account's":  w.on(eve, eve.SignsIn(strings.Repeat("y", 43)), "page"),
			"nobody's":                  towntest.Visitor(p.Secret),
		} {
			for _, in := range []string{"check", "provider", "confirm", "back"} {
				_, err := w.Runner.Answer(w.Context(), other, v.Handle, flow.Input{Input: in, Provider: map[string]string{"provider": "google"}[in]})
				if got := code(err); got != "session_required" && got != "journey_step" {
					t.Errorf("%s, %s: %q", what, in, got)
				}
			}
			if _, err := w.Runner.Show(w.Context(), other, v.Handle); code(err) != "session_required" {
				t.Errorf("%s sees it: %v", what, err)
			}
		}
		if got := append(w.linked(p.ID), w.linked(eve.ID)...); len(got) != 0 {
			t.Errorf("linked: %v", got)
		}
		v.Visitor = own
		v.Just("check").Done()
		if got := w.linked(p.ID); len(got) != 0 {
			t.Errorf("linked to somebody else: %v", got)
		}

		// A page's journey that is forced on another browser: the browser that comes back
		// does not hold the journey.
		v = w.begins(w.on(eve, fresh(eve), "page"), "wechat")
		mine := w.begins(w.on(p, fresh(p), "page"), "wechat")
		_, err := towntest.GoesOut(w, w.Desk, v.Step).ComesBack(w, w.Desk, mine.Handle, v.Visitor.Addr, url.Values{"code": {w.wechat.Slip(lin, "")}})
		if code(err) != "provider_failed" {
			t.Errorf("forced: %v", err)
		}
		v.Just("check").Want(step.TypeRedirect, "")
	})
}

// TestS043_ProofsAreFresh: without a fresh proof of the account nothing is linked, and
// one that grew old at the provider is asked for again; the visit goes on.
func TestS043_ProofsAreFresh(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, "", password)
		token := fresh(p)
		w.Later(11 * time.Minute)
		v := w.begins(w.on(p, token, "page"), "google").Want(step.TypeChooseMethod, "")
		v.By("sms_code").CodeOf(ada)
		v.By("password").Password(password).Want(step.TypeRedirect, "")
		w.returns(v, url.Values{"code": {w.google.Slip(lin, "")}})
		w.Clock.Advance(9 * time.Minute)
		v.Just("check").Done()

		token = fresh(p)
		w.Later(6 * time.Minute)
		v = w.begins(w.on(p, token, "page"), "wechat").Want(step.TypeRedirect, "")
		w.Clock.Advance(5 * time.Minute)
		w.returns(v, url.Values{"code": {w.wechat.Slip(lin, "")}})
		v.Just("check").Want(step.TypeChooseMethod, "proof_required")
		if got := w.linked(p.ID); !slices.Equal(got, []string{"google"}) {
			t.Fatalf("linked: %v", got)
		}
		v.By("sms_code").CodeOf(ada)
		v.By("password").Password(password).Want(step.TypeRedirect, "")
		v.Just("check").Done()
		if got := w.linked(p.ID); !slices.Equal(got, []string{"google", "wechat"}) {
			t.Errorf("linked: %v", got)
		}
	})
}

// TestApp: what an app hands over counts once, with the nonce of the step, and a nonce
// for one try (S-45).
func TestApp(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		v := w.begins(w.on(p, fresh(p), "app"), "google").Want(step.TypeRedirect, "")
		nonce := func() string { return v.Step.(step.Redirect).Providers[0].Nonce }
		first := nonce()
		hand := func(in flow.Input) *towntest.Visit {
			in.Input, in.Provider = "provider", "google"
			return v.Give(in)
		}
		hand(flow.Input{Token: "forged"}).Want(step.TypeRedirect, "provider_failed")
		if nonce() == first || first == "" {
			t.Error("the nonce is good for two tries")
		}
		hand(flow.Input{Token: w.google.Slip(lin, first)}).Want(step.TypeRedirect, "provider_failed")
		hand(flow.Input{Token: "a", Code: "b"}).Want(step.TypeRedirect, "invalid_input")
		v.Give(flow.Input{Input: "provider", Provider: "wechat", Token: "x"}).Want(step.TypeRedirect, "provider_not_offered")
		bare := w.google.Slip(lin, "") // of a vendor without nonces
		hand(flow.Input{Token: bare}).Done()

		eve := w.Person(bob, bobMail, password)
		v = w.begins(w.on(eve, fresh(eve), "app"), "google")
		hand(flow.Input{Token: bare}).Want(step.TypeRedirect, "provider_failed")
		if f := v.Fault(); f.Args["reason"] != "replayed" {
			t.Errorf("refused with %v", f.Args)
		}
		hand(flow.Input{Token: w.google.Slip(towntest.Somebody("g-eve", "", ""), nonce())}).Done()
	})
}

// TestS051_SwitchedOffMeanwhile: a provider that is gone when the person comes back
// links nothing.
func TestS051_SwitchedOffMeanwhile(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		v := w.begins(w.on(p, fresh(p), "page"), "google")
		w.returns(v, url.Values{"code": {w.google.Slip(lin, "")}})
		w.Desk.Providers = provider.NewBook(w.wechat)
		v.Just("check").Want(step.TypeIdentify, "provider_not_offered")
		if s := v.Step.(step.Identify); len(s.Inputs)+len(s.Providers) != 0 {
			t.Errorf("offered: %+v", s)
		}
		if w.google.Asks != 0 || len(w.linked(p.ID)) != 0 {
			t.Error("it was asked, or linked")
		}
	})
}

// TestAnotherLinkProves: an account that is linked already proves the person who links
// another; the two visits are not mixed up.
func TestAnotherLinkProves(t *testing.T) {
	each(t, func(w *town) {
		mine := towntest.Somebody("w-mine", "Lin", "")
		p := w.stranger(w.wechat, mine)
		token := w.resting(p, "wechat", "one")
		w.Later(11 * time.Minute)
		visitor := w.on(p, token, "page")
		v := w.begins(visitor, "google").Want(step.TypeChooseMethod, "")
		v.Give(flow.Input{Input: "method", Method: "linked"}).Want(step.TypeRedirect, "")
		if to := v.Step.(step.Redirect).Provider; to != "wechat" {
			t.Fatalf("to %s", to)
		}
		w.visits(v, w.wechat, towntest.Somebody("w-other", "", "")).Want(step.TypeRedirect, "provider_failed")
		w.visits(v, w.wechat, mine).Want(step.TypeRedirect, "")
		if to := v.Step.(step.Redirect).Provider; to != "google" {
			t.Fatalf("then to %s", to)
		}
		w.visits(v, w.google, lin).Done()
		if got := w.linked(p.ID); !slices.Equal(got, []string{"wechat", "google"}) {
			t.Errorf("linked: %v", got)
		}
	})
}
