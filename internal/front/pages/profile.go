package pages

import (
	"io"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// avatar serves the person's own picture.
func (p *Pages) avatar(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	if r.PathValue("id") != me.Account.Avatar {
		return fault.NotFound
	}
	picture, err := p.cfg.Accounts.Avatar(r.Context(), me)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{http.DetectContentType(picture)}
	_, err = w.Write(picture)
	return err
}

type profilePage struct {
	accountFrame
	Nickname        string
	AvatarMegabytes int
}

func (profilePage) file() string { return "account_profile" }

func (p *Pages) profile(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.write(w, http.StatusOK, p.profileView(p.noticed(r, me), me.Account.Nickname))
}

func (p *Pages) profileView(f *Frame, nickname string) view {
	return profilePage{accountFrame: p.accountFrame(f, "/account/profile"), Nickname: nickname, AvatarMegabytes: int(p.cfg.AvatarBytes >> 20)}
}

func (p *Pages) profileAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done, nickname := form.Get("input"), me.Account.Nickname
	switch done {
	case "nickname":
		nickname = form.Get("nickname")
		err = p.cfg.Accounts.ChangeProfile(r.Context(), me, &nickname, nil)
	case "avatar":
		err = p.setAvatar(r, me)
	case "remove_avatar":
		done = "avatar_removed"
		err = p.cfg.Accounts.SetAvatar(r.Context(), me, nil)
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, "/account/profile?done="+done)
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	if f.Fault.Field == "" {
		f.Fault.Field = done
	}
	return p.write(w, fail.Status, p.profileView(f, nickname))
}

func (p *Pages) setAvatar(r *http.Request, me *session.Live) error {
	file, header, err := r.FormFile("avatar")
	if err != nil || header.Size == 0 {
		return fault.InvalidInput.On("avatar")
	}
	defer file.Close()
	if header.Size > p.cfg.AvatarBytes {
		return httpd.TooLarge.On("avatar")
	}
	picture, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	return p.cfg.Accounts.SetAvatar(r.Context(), me, picture)
}
