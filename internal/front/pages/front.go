package pages

import (
	"net/http"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// languageLife is how long a browser keeps the chosen language.
const languageLife = httpd.DeviceLife

type frontPage struct{ *Frame }

func (frontPage) file() string { return "front" }

func (p *Pages) front(w http.ResponseWriter, r *http.Request) error {
	me, err := p.cfg.Session(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.frontView(p.noticed(r, me)))
}

func (p *Pages) frontView(f *Frame) view {
	f.Public = true
	f.titled(f.BrandName)
	return frontPage{f}
}

type signOutPage struct {
	*Frame
	Nickname string
}

func (signOutPage) file() string { return "signout" }

func (p *Pages) signOutAsk(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.write(w, http.StatusOK, p.signOutView(p.frame(r, me)))
}

func (p *Pages) signOutView(f *Frame) view {
	f.titled(f.T("page.signout.title"))
	name := f.Me.Account.Nickname
	if name == "" {
		name = f.Me.AccountID.Spaced()
	}
	return signOutPage{f, name}
}

// signOut ends the session at the server, then forgets it here (S-63). Without a
// session there is nothing to end, and the person is signed out all the same.
func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	me, err := p.cfg.Session(r)
	if err != nil {
		return err
	}
	if me != nil {
		if err := p.cfg.Accounts.SignOut(r.Context(), me); err != nil {
			return err
		}
	}
	httpd.SignOut(r)
	return seeOther(w, "/?done=signed_out")
}

// language keeps the chosen language in a cookie, and for the notices of the
// person who is signed in, and goes back.
func (p *Pages) language(w http.ResponseWriter, r *http.Request) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	chosen := locale.Tag(form.Get("language"))
	for _, tag := range p.cfg.Words.Tags() {
		if tag == chosen {
			httpd.SetCookie(r, httpd.LangCookie, string(tag), languageLife)
			if err := p.tellLanguage(r, form.Get("language")); err != nil {
				return err
			}
			back, ok := httpd.ReturnPath(form.Get("back"))
			if !ok {
				back = "/"
			}
			return seeOther(w, back)
		}
	}
	return fault.InvalidInput
}

// tellLanguage changes the language of notices. That its limit is spent does not
// keep anybody from reading these pages in another language.
func (p *Pages) tellLanguage(r *http.Request, tag string) error {
	me, err := p.cfg.Session(r)
	if err != nil || me == nil {
		return err
	}
	err = p.cfg.Accounts.ChangeProfile(r.Context(), me, nil, &tag)
	if fault.From(err) != nil {
		return nil
	}
	return err
}
