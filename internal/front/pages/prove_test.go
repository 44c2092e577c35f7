package pages

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// ways is the first step of a proof.
func ways() step.Step {
	return step.ChooseMethod{Head: step.Head{Type: step.TypeChooseMethod, Inputs: []string{"method"}}, For: "set_password",
		Methods: []step.Method{{Method: "sms_code", To: "+1 41 **** 123"}}, Unavailable: []step.Method{}}
}

// browserThatProves opens a browser in which somebody is signed in; opening is how a proof
// opens for them.
func browserThatProves(t *testing.T, s *script, opening func(action string) (step.Step, error)) *browser {
	t.Helper()
	h := &house{}
	h.me.ID = "s1"
	b := open(t, s, func(cfg *Config) {
		cfg.Accounts = h
		cfg.Session = func(r *http.Request) (*session.Live, error) {
			if _, err := r.Cookie("session"); err != nil {
				return nil, nil
			}
			return &h.me, nil
		}
		cfg.ProveOpening = func(_ context.Context, v flow.Visitor, action string) (step.Step, error) {
			if v.Session != &h.me {
				t.Errorf("asked for %v", v.Session)
			}
			return opening(action)
		}
	})
	b.cookies["session"] = "sst_1"
	return b
}

func location(t *testing.T, w interface{ Header() http.Header }) string {
	t.Helper()
	return w.Header().Get("Location")
}

// A look at the page writes nothing; choosing begins the journey for what the
// address said, in the session; its end gives the browser the new token and leads
// back.
func TestProve_ThePage(t *testing.T) {
	s := &script{answers: []answer{{step.Done{Head: step.Head{Type: step.TypeDone}, Result: "proved", Session: &step.Session{Token: "sst_2"}}, nil}}}
	b := browserThatProves(t, s, func(string) (step.Step, error) { return ways(), nil })
	if w := b.get("/prove?for=set_password&return=/account/password"); w.Code != http.StatusOK || !strings.Contains(b.page, "set a password") || len(s.asked) > 0 {
		t.Fatalf("%d, asked %v", w.Code, s.asked)
	}
	if !strings.Contains(b.page, `action="/prove?for=set_password&amp;return=%2Faccount%2Fpassword"`) {
		t.Errorf("what it is for does not travel with the form")
	}
	w := b.post("/prove?for=set_password&return=%2Faccount%2Fpassword", "input", "method", "method", "sms_code")
	if w.Code != http.StatusSeeOther || location(t, w) != "/account/password" || b.cookies["session"] != "sst_2" || b.cookies["journey"] != "" {
		t.Errorf("%d to %q with %v", w.Code, location(t, w), b.cookies)
	}
	if len(s.begun) != 1 || s.begun[0].Kind != "prove" || s.begun[0].For != "set_password" || s.begun[0].ReturnTo != "/account/password" {
		t.Errorf("begun %+v", s.begun)
	}
}

func TestProve_TheWayThere(t *testing.T) {
	b := browserThatProves(t, &script{}, func(action string) (step.Step, error) {
		switch action {
		case "set_password":
			return ways(), nil
		case "view_contacts":
			return nil, nil // enough is proved
		}
		return nil, fault.InvalidInput.On("for")
	})
	for path, want := range map[string]string{
		"/prove?for=view_contacts&return=/account/contacts": "/account/contacts",
		"/prove?for=view_contacts&return=//evil.example":    "/account",
		"/prove?for=everything":                             "/account",
		"/prove":                                            "/account",
		"/account/password?from=help":                       "/prove?for=set_password&return=%2Faccount%2Fpassword%3Ffrom%3Dhelp",
	} {
		if w := b.get(path); w.Code != http.StatusSeeOther || location(t, w) != want {
			t.Errorf("%s: %d to %q, want %q", path, w.Code, location(t, w), want)
		}
	}
	b.get("/prove?for=set_password")
	if w := b.post("/prove?for=set_password", "input", "restart"); location(t, w) != "/account" {
		t.Errorf("leaving leads to %q", location(t, w))
	}
	delete(b.cookies, "session")
	if w := b.get("/prove?for=set_password&return=/account"); location(t, w) != "/signin?return=%2Fprove%3Ffor%3Dset_password%26return%3D%2Faccount" {
		t.Errorf("who is not signed in is led to %q", location(t, w))
	}
}

// A form that is refused for want of proof leads to the proof, and to its page after it.
func TestProve_ARefusedForm(t *testing.T) {
	h := &house{refuse: session.ProofRequired.With("for", "set_password")}
	b := signedInAs(t, h)
	b.get("/account/profile")
	w := b.post("/account/password", "password", "correct horse battery")
	if w.Code != http.StatusSeeOther || location(t, w) != "/prove?for=set_password&return=%2Faccount%2Fpassword" {
		t.Errorf("%d to %q", w.Code, location(t, w))
	}
}
