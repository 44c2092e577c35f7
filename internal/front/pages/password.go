package pages

import (
	"net/http"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type passwordSetPage struct {
	accountFrame
	MinLength, MaxLength int
	Username             string
	KeepOthers           bool
	Others               []string // other devices that are signed in: they have to sign in anew
}

func (passwordSetPage) file() string { return "account_password" }

// password asks for the proof first: who has typed a new password must not lose it
// to that.
func (p *Pages) password(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	allowed, err := p.cfg.Accounts.Allowed(r.Context(), me, policy.SetPassword)
	if err == nil && !allowed {
		err = session.ProofRequired.With("for", string(policy.SetPassword))
	}
	if err != nil {
		return err
	}
	others, err := p.othersSignedIn(r, me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.passwordView(p.noticed(r, me), false, others))
}

// othersSignedIn names the other devices on which the person is signed in.
func (p *Pages) othersSignedIn(r *http.Request, me *session.Live) (names []string, err error) {
	list, err := p.cfg.Accounts.ListDevices(r.Context(), me)
	for _, d := range list {
		if d.SignedIn && !d.Current {
			names = append(names, d.Name)
		}
	}
	return names, err
}

func (p *Pages) passwordView(f *Frame, keep bool, others []string) view {
	v := passwordSetPage{
		accountFrame: p.accountFrame(f, "/account/security"), MinLength: p.cfg.PasswordMin, MaxLength: p.cfg.PasswordMax,
		Username: f.Me.AccountID.String(), KeepOthers: keep,
	}
	for _, name := range others {
		if name == "" {
			name = f.T("page.devices.unnamed")
		}
		v.Others = append(v.Others, name)
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
	if fault.From(err) == nil || proveFor(err) != "" {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	if fail.Field == "new_password" {
		fail.Field = "password"
	}
	f.Fault = f.refusal(fail)
	others, err := p.othersSignedIn(r, me)
	if err != nil {
		return err
	}
	return p.write(w, fail.Status, p.passwordView(f, keep, others))
}
