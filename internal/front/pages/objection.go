package pages

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// objectionPage is where the link of a notice leads. Looking at it changes
// nothing, whoever looks: scanners of mails open links too (S-19).
type objectionPage struct {
	*Frame
	Secret  string // its secret; empty: there is nothing to object to
	Heading string
	Text    template.HTML
	When    template.HTML
	Effects []effectRow
	Button  string
	Ways    []Way
}

func (objectionPage) file() string { return "objection" }

// objection answers GET.
func (p *Pages) objection(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	o, err := p.cfg.Changes.Look(r.Context(), token)
	if err != nil && !fault.NotFound.Is(err) {
		return err
	}
	status := http.StatusOK
	if err == nil {
		err = o.Refused
	}
	f := p.objectionFrame(r)
	if err != nil {
		fail := p.cfg.Explain(r.Context(), known(err))
		f.Fault, status = f.refusal(fail), fail.Status
	}
	return p.write(w, status, p.objectionView(f, o, token, err))
}

func (p *Pages) objectionFrame(r *http.Request) *Frame {
	f := p.frame(r, nil) // it says nothing about who is signed in here
	f.Path = "/objection"
	return f
}

// known tells of a link that leads to nothing what is told of one that is over:
// it was swept, or cut off on the way.
func known(err error) error {
	if fault.NotFound.Is(err) {
		return contacts.ObjectionExpired
	}
	return err
}

// object answers POST: the button.
func (p *Pages) object(w http.ResponseWriter, r *http.Request) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	o, err := p.cfg.Changes.Object(r.Context(), form.Get("objection"), p.cfg.Visitor(r))
	switch {
	case err == nil && o.Freezes:
		return seeOther(w, resultPath("objected", ""))
	case err == nil:
		return seeOther(w, resultPath("kept", ""))
	case fault.From(err) == nil:
		return err
	}
	f := p.objectionFrame(r)
	fail := p.cfg.Explain(r.Context(), known(err))
	f.Fault = f.refusal(fail)
	return p.write(w, fail.Status, p.objectionView(f, o, "", err))
}

func (p *Pages) objectionView(f *Frame, o contacts.Objection, token string, refused error) view {
	v := objectionPage{Frame: f, Secret: token, Heading: f.T("page.objection.title"), Button: f.T("page.objection.undo")}
	v.Ways = []Way{{Href: "/recover", Icon: "lock-open", Text: f.T("page.objection.recover_way")}, {Href: "/signin", Icon: "user-round", Text: f.T("page.objection.signin_way")}}
	v.titled(v.Heading)
	if o.Kind != "" {
		key := "page.objection." + string(o.Kind)
		if !f.has(key) {
			key = "page.objection.other"
		}
		v.Text = f.H(key, "before", f.Num(o.Before), "after", f.Num(o.After))
		v.When = f.H("page.objection.happened", "time", f.At(o.BegunAt))
		if o.Waits {
			v.When = f.H("page.objection.will_happen", "time", f.from(o.ReadyAt))
		}
	}
	if refused != nil || o.Kind == "" {
		v.Secret = ""
		return v
	}
	add := func(icon, key string) {
		v.Effects = append(v.Effects, effectRow{icon, f.H(key, "to", f.Num(o.Before))})
	}
	switch {
	case o.Waits:
		v.Button = f.T("page.objection.stop")
		add("circle-alert", "page.objection.effect_stops")
	case o.Before != "":
		add("undo-2", "page.objection.effect_back")
	case strings.HasPrefix(string(o.Kind), "add_"):
		add("trash-2", "page.objection.effect_goes")
	}
	if o.Freezes {
		add("snowflake", "page.objection.effect_freezes")
	} else {
		add("shield-check", "page.objection.effect_stays")
	}
	return v
}
