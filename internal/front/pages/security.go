package pages

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type securityPage struct {
	accountFrame
	Methods []methodRow
}

func (securityPage) file() string { return "account_security" }

type methodRow struct {
	Way
	On    bool
	State any
	Link  string
}

func (p *Pages) security(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	o, err := p.cfg.Accounts.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.securityView(p.noticed(r, me), o))
}

func (p *Pages) securityView(f *Frame, o settings.Overview) view {
	v := securityPage{accountFrame: p.accountFrame(f, "/account/security")}
	for _, c := range p.masked(o.Contacts) {
		method := "sms_code"
		if c.Kind == contact.Email {
			method = "email_code"
		}
		row := methodRow{Way: Way{Icon: methodIcons[method], Text: f.T("page.security.method." + method)}, State: f.T("page.security.off." + method)}
		if c.Value != "" {
			row.On, row.State = true, f.Num(c.Value)
		}
		v.Methods = append(v.Methods, row)
	}
	password := methodRow{Way: Way{Icon: "key-round", Text: f.T("page.security.password"), Href: "/account/password"}, Link: f.T("page.security.set"), State: f.T("page.security.password_none")}
	if !o.Password.IsZero() {
		password.On, password.Link, password.State = true, f.T("page.security.change"), f.H("page.security.password_since", "time", f.Day(o.Password))
	}
	v.Methods = append(v.Methods, password)
	return v
}

type passwordSetPage struct {
	accountFrame
	MinLength, MaxLength int
	Username             string
	Fresh                bool
	FreshFor             time.Duration
	KeepOthers           bool
}

func (passwordSetPage) file() string { return "account_password" }

func (p *Pages) password(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.write(w, http.StatusOK, p.passwordView(p.noticed(r, me), false))
}

func (p *Pages) passwordView(f *Frame, keep bool) view {
	v := passwordSetPage{
		accountFrame: p.accountFrame(f, "/account/security"), MinLength: p.cfg.PasswordMin, MaxLength: p.cfg.PasswordMax,
		Username: f.Me.AccountID.String(), Fresh: f.Me.ProvedWithin(p.cfg.FreshFor, f.now), FreshFor: p.cfg.FreshFor, KeepOthers: keep,
	}
	f.titled(f.T("page.password.title"))
	return v
}

func (p *Pages) passwordAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	keep := form.Get("keep_others") != ""
	err = p.cfg.Accounts.SetPassword(r.Context(), me, form.Get("password"), keep)
	if err == nil {
		return seeOther(w, "/account/security?done=password")
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	if fail.Field == "new_password" {
		fail.Field = "password"
	}
	f.Fault = f.refusal(fail)
	return p.write(w, fail.Status, p.passwordView(f, keep))
}
