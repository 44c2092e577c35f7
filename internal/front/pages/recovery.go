package pages

import (
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
)

// The addresses of getting back in, and of shutting everybody out.
const (
	recoverPath  = "/recover"
	freezePath   = "/freeze"
	unfreezePath = "/unfreeze"
)

// named are the journeys that begin with one field for whatever a person knows of
// the account; the words are step.identify.<kind> and <kind>_lead.
var named = map[string]string{recoverPath: "recover", freezePath: "freeze", unfreezePath: "unfreeze"}

// isNamed tells whether the journey is one of these.
func (j *journeyPage) isNamed() bool { return named[j.path] != "" }

// findAction is what a recovery is for that ends with the account ID.
const findAction = "find"

func (p *Pages) mountRecovery(rt *httpd.Router) {
	for path, kind := range named {
		j := &journeyPage{Pages: p, path: path, kind: kind}
		show, answer := j.show, j.answer
		switch kind {
		case "freeze":
			show, answer = j.freeze, j.freezeAnswer
		case "recover":
			show, answer = j.recover, j.recoverAnswer
		}
		rt.Handle("GET "+path, show)
		rt.Handle("POST "+path, answer)
		rt.Handle("GET "+path+"/delivery", j.delivery)
		rt.Handle("POST "+path+"/passkey", j.passkey)
	}
}

// recover shows a recovery; ?for=find looks for the account ID only.
func (j *journeyPage) recover(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	if answered, err := v.comeBack(); answered {
		return err
	}
	v.find(r.URL.Query().Get("for"))
	return v.page(http.StatusOK, nil)
}

func (j *journeyPage) recoverAnswer(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	v.find(v.form.Get("for"))
	return v.answer()
}

// find takes over what the person wants of a recovery. One under way that is for
// something else is left where they are asked who they are.
func (v *visit) find(asked string) {
	if asked != findAction {
		asked = ""
	}
	_, first := asStep[step.Identify](v.ticket.Step)
	if v.ticket.Step != nil && (!first || v.action == asked) {
		return
	}
	v.handle, v.ticket, v.action = flow.Handle{}, flow.Ticket{}, asked
}

// freeze shows a freeze: who is signed in is asked one question only.
func (j *journeyPage) freeze(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); session.Required.Is(err) { // it was begun in a session that is over
		v.handle, v.ticket = flow.Handle{}, flow.Ticket{}
	} else if err != nil {
		return err
	}
	if answered, err := v.comeBack(); answered {
		return err
	}
	v.openFreeze()
	return v.page(http.StatusOK, nil)
}

// openFreeze is what is asked of who is signed in before anything began.
func (v *visit) openFreeze() {
	if v.me == nil || v.ticket.Step != nil {
		return
	}
	v.opening = step.Confirm{Head: step.Head{Type: step.TypeConfirm, Inputs: []string{"confirm"}}, Action: "freeze",
		Effects: []step.Effect{{Effect: "sign_in_stops"}, {Effect: "all_signed_out"}, {Effect: "nothing_lost"}}}
}

func (j *journeyPage) freezeAnswer(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); session.Required.Is(err) {
		v.handle, v.ticket = flow.Handle{}, flow.Ticket{}
	} else if err != nil {
		return err
	}
	if v.me == nil || v.ticket.Step != nil || v.form.Get("input") != "confirm" {
		return v.answer()
	}
	if err := v.begin(); err != nil {
		return err
	}
	if _, asked := asStep[step.Confirm](v.ticket.Step); !asked { // a proof comes first
		return v.goOn()
	}
	return v.answer()
}

// namePage asks who somebody is, in one field.
type namePage struct {
	stepFrame
	Heading, Lead string
	Username      string
	Countries     []CountryChoice
	Region        string
	ReturnTo      string
	For           string
	Ways          []Way
}

func (namePage) file() string { return "step_identify_name" }

// nameWays are the ways on beside the question, by the kind of the journey.
var nameWays = map[string][]struct{ href, key, icon string }{
	"recover": {{recoverPath + "?for=" + findAction, "step.identify.way_find", "search"}, {unfreezePath, "step.identify.way_unfreeze", "lock-open"},
		{"/help/lost-stolen-replaced/how-do-i-get-a-stolen-account-back", "step.identify.way_stolen", "circle-help"}},
	findAction: {{"/signin", "step.identify.way_signin", "user-round"}, {recoverPath, "step.identify.way_recover", "life-buoy"}},
	"freeze":   {{unfreezePath, "step.identify.way_unfreeze", "lock-open"}, {"/help/frozen-accounts/when-should-i-freeze-it", "step.identify.way_when", "circle-help"}},
	"unfreeze": {{recoverPath, "step.identify.way_recover", "life-buoy"}, {"/help/frozen-accounts/why-was-it-frozen-automatically", "step.identify.way_why", "circle-help"}},
}

// name is the first step where it is one field.
func (b stepBuilder) name(s step.Identify) view {
	kind := b.v.kind
	if b.v.action == findAction {
		kind = findAction
	}
	p := namePage{stepFrame: b.base(), Heading: b.T("step.identify." + kind), Lead: b.T("step.identify." + kind + "_lead"),
		Username: b.typed("username"), Countries: b.countries(s.Country), Region: b.v.region.Name, ReturnTo: b.v.returnTo, For: b.v.action}
	for _, w := range nameWays[kind] {
		if strings.HasPrefix(w.href, "/help/") && !b.Article(w.href) {
			continue
		}
		p.Ways = append(p.Ways, Way{Href: w.href, Text: b.T(w.key), Icon: w.icon})
	}
	p.Scripts = append(p.Scripts, "country.js")
	p.titled(p.Heading)
	return p
}

// recoveryStories are the samples of these pages.
func recoveryStories() []story {
	one := func(kind, action, code string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			present := step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: []string{"phone", "email", "username"}}, Country: "US", Providers: []step.Provider{}}
			v := &visit{journeyPage: &journeyPage{Pages: s.Pages, path: "/" + kind, kind: kind}, r: s.r, action: action}
			v.region, v.ticket = s.cfg.Regions.All()[0], flow.Ticket{Step: present}
			b := stepBuilder{Frame: s.f, v: v}
			if code != "" {
				refused := s.declared(code)
				s.f.Fault = s.f.refusal(s.failure(refused), b.waysOut(refused.Code)...)
			}
			return b.build()
		}
	}
	return []story{
		{name: "recovery.recover", make: one("recover", "", "")},
		{name: "recovery.find", make: one("recover", findAction, "")},
		{name: "recovery.freeze", make: one("freeze", "", "")},
		{name: "recovery.unfreeze", make: one("unfreeze", "", "")},
		{name: "recovery.frozen", status: http.StatusForbidden, make: one("recover", "", "account_frozen")},
		{name: "recovery.blocked", status: http.StatusForbidden, make: one("unfreeze", "", "account_blocked")},
		{name: "recovery.not_frozen", status: http.StatusConflict, make: one("unfreeze", "", "account_not_frozen")},
		{name: "recovery.over", status: http.StatusConflict, make: one("recover", "", "recovery_over")},
	}
}
