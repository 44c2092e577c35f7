package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// provePath is where a signed-in person proves more, for an action that asks for
// it (the kind prove).
const provePath = "/prove"

// proveAddress leads to the proof for an action, and back to where it was asked.
func proveAddress(action, back string) string {
	q := url.Values{"for": {action}}
	if back != "" {
		q.Set("return", back)
	}
	return provePath + "?" + q.Encode()
}

// proveFor is the action that a refusal asks a proof for; empty if it asks for none.
func proveFor(err error) string {
	if !session.ProofRequired.Is(err) {
		return ""
	}
	action, _ := fault.From(err).Args["for"].(string)
	return action
}

// toProof leads who has proved too little on, and says whether it did.
func toProof(w http.ResponseWriter, r *http.Request, err error) (bool, error) {
	action := proveFor(err)
	if action == "" {
		return false, nil
	}
	back, ok := httpd.ReturnPath(r.URL.RequestURI())
	if r.Method != http.MethodGet || !ok {
		back = r.URL.Path
	}
	return true, seeOther(w, proveAddress(action, back))
}

// prove answers GET: the present step, or, where nothing has begun, the ways to
// choose from; looking writes nothing. Who has proved enough goes straight on.
func (j *journeyPage) prove(w http.ResponseWriter, r *http.Request, _ *session.Live) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	if v.ticket.Step == nil {
		enough, err := v.opens()
		switch {
		case fault.InvalidInput.Is(err):
			return seeOther(w, "/account") // an address that nobody gave out
		case err != nil:
			return err
		case enough:
			return v.leave()
		}
	}
	if answered, err := v.comeBack(); answered {
		return err
	}
	return v.page(http.StatusOK, nil)
}

// proveAnswer answers POST.
func (j *journeyPage) proveAnswer(w http.ResponseWriter, r *http.Request, _ *session.Live) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil { // a journey of another kind, or for something else, is not moved from here
		return err
	}
	if v.ticket.Step == nil {
		if _, err := v.opens(); err != nil {
			return err
		}
	}
	return v.answer()
}

// opens finds the first step of a proof that has not begun; enough: none is needed.
func (v *visit) opens() (enough bool, err error) {
	v.opening, err = v.cfg.ProveOpening(v.r.Context(), v.who, v.action)
	return err == nil && v.opening == nil, err
}

// leave goes back to where the proof was asked for.
func (v *visit) leave() error {
	if v.returnTo != "" {
		return seeOther(v.w, v.returnTo)
	}
	return seeOther(v.w, "/account")
}

// formAddress is where the forms of the present step go. What a journey is for
// travels with the address until it has begun.
func (v *visit) formAddress() string {
	if v.kind == proveKind && v.ticket.Step == nil {
		return proveAddress(v.action, v.returnTo)
	}
	return v.path
}

// proveKind is the kind of the journey at provePath.
const proveKind = "prove"

// beginning tells whether an input may begin a journey of this kind.
func (v *visit) beginning(in flow.Input) bool {
	if v.kind == proveKind {
		return in.Input == "method" && v.handle.ID == ""
	}
	if v.kind == linkKind { // it begins where one is picked
		return false
	}
	return slices.Contains(identifying, in.Input) || in.Input == "confirm" && strings.HasPrefix(v.kind, "remove_")
}

// first is the first step of a journey that has not begun.
func (v *visit) first() step.Step {
	if v.opening != nil {
		return v.opening
	}
	return v.cfg.Opening(v.kind, v.region.Name, v.who.Surface)
}
