package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// hand gives what an app got from Google's SDK for the nonce of the step.
func (j journey) hand(who provider.Identity) reply {
	j.t.Helper()
	return j.give(`{"input":"provider","provider":"google","token":"` + j.google.Slip(who, j.show().str("step.providers.0.nonce")) + `"}`)
}

// TestJourney_SignInByProvider: an app without a browser makes an account with what
// the provider's SDK gave it, and signs in by it from then on.
func TestJourney_SignInByProvider(t *testing.T) {
	each(t, func(h *house) {
		lin := towntest.Somebody("g-lin", "Lin", "lin@example.org")
		j, r := h.begin(beginApp)
		if r.step("identify"); r.str("step.providers.0.provider") != "google" || r.str("step.providers.0.nonce") == "" || r.str("step.providers.0.takes.0") != "token" || !strings.Contains(r.text, `"provider"`) {
			t.Errorf("begun: %s", r.text)
		}
		j.give(`{"input":"provider","provider":"google","token":"forged"}`).want(502, "provider_failed").step("identify")
		j.give(`{"input":"provider","provider":"qq"}`).want(403, "provider_not_offered").step("identify")
		j.give(`{"input":"provider"}`).want(403, "provider_not_offered")
		j.give(`{"input":"provider","provider":"google","token":"a","code":"b"}`).want(422, "invalid_input")
		j.give(`{"input":"provider","provider":"google","nonce":"a"}`).want(400, "invalid_json")
		r = j.hand(lin).want(200, "").step("link_or_create")
		if r.str("step.provider") != "google" || r.str("step.name") != "Lin" || strings.Contains(r.text, "example.org") || strings.Contains(r.text, "g-lin") {
			t.Errorf("asked %s", r.text)
		}
		r = j.give(`{"input":"create"}`).want(200, "").step("add_contact")
		if r.str("step.kind") != "email" || r.str("step.hint") != "lin@example.org" {
			t.Errorf("asked %s", r.text)
		}
		d := j.give(`{"input":"skip"}`).want(200, "").step("done")
		if d.at("step.created") != true || d.str("step.account.nickname") != "Lin" || d.str("step.session.token") == "" {
			t.Errorf("the end is %s", d.text)
		}
		s := h.send(call{method: "GET", path: "/api/v1/session", token: d.str("step.session.token")}).want(200, "")
		if s.str("proved.0.method") != "linked" {
			t.Errorf("the session rests on %s", s.text)
		}
		again, _ := h.begin(`{"kind":"signin","region":"intl","device":{"token":"` + d.str("step.device.token") + `"}}`)
		again.hand(lin).want(200, "").step("add_contact")
		if r := again.give(`{"input":"skip"}`).want(200, "").step("done"); r.str("step.account.id") != d.str("step.account.id") {
			t.Errorf("the second time %s", r.text)
		}
	})
}

// By a browser: the app shows the address or opens it, and asks.
func TestJourney_SignInByProviderInABrowser(t *testing.T) {
	each(t, func(h *house) {
		lin := towntest.Somebody("g-lin", "Lin", "")
		j, _ := h.begin(beginApp)
		r := j.give(`{"input":"provider","provider":"google"}`).want(200, "").step("redirect")
		j.give(`{"input":"check"}`).want(200, "").step("redirect")
		j.give(`{"input":"other_way"}`).want(409, "journey_step").step("redirect")
		h.returns(r, j, url.Values{"error": {"access_denied"}})
		j.give(`{"input":"check"}`).want(403, "provider_denied").step("identify")
		j.give(`{"input":"provider","provider":"google"}`).want(200, "").step("redirect")
		h.clock.Advance(10 * time.Minute)
		if late := j.give(`{"input":"check"}`).want(502, "provider_failed").step("identify"); late.str("reason") != "expired" || late.str("provider") != "google" {
			t.Errorf("refused with %s", late.text)
		}
		r = j.give(`{"input":"provider","provider":"google"}`).want(200, "").step("redirect")
		h.visit(r, lin, j)
		j.give(`{"input":"check"}`).want(200, "").step("link_or_create")

		// Who has an account proves it, and the two are linked.
		p := h.signIn("+8613800138000")
		r = j.give(`{"input":"link"}`).want(200, "").step("identify")
		if r.str("step.link") != "google" {
			t.Errorf("asked %s", r.text)
		}
		h.clock.Advance(2 * time.Minute)
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		j.input("code", "code", h.box.code("+8613800138000")).want(200, "").step("add_contact")
		if d := j.give(`{"input":"skip"}`).want(200, "").step("done"); d.str("step.account.id") != p.id || d.at("step.created") != false {
			t.Errorf("the end is %s", d.text)
		}
		if list := p.do("GET", linkedPath, "").want(200, ""); list.str("linked.0.provider") != "google" {
			t.Errorf("linked is %s", list.text)
		}
	})
}

// Where the person is says which providers are offered.
func TestJourney_Surface(t *testing.T) {
	h := oneHouse(t)
	for surface, want := range map[string]int{`"app"`: 2, `"setup"`: 1} {
		_, r := h.begin(`{"kind":"signin","region":"intl","surface":` + surface + `}`)
		if list, _ := r.at("step.providers").([]any); len(list) != want {
			t.Errorf("on %s: %s", surface, r.text)
		}
	}
	for _, bad := range []string{"page", "in_app", "App", "\u0000", strings.Repeat("x", 5000)} {
		r := h.send(call{method: "POST", path: "/api/v1/journeys", body: `{"kind":"signin","surface":"` + strings.ReplaceAll(bad, "\u0000", `\u0000`) + `"}`})
		if r.want(422, "invalid_input").str("field") != "surface" {
			t.Errorf("%.10q: %s", bad, r.text)
		}
	}
}
