package pages

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// codesPage is the recovery codes: how many are left, or the ten that were just
// made, which this one answer shows.
type codesPage struct {
	accountFrame
	MadeAt    time.Time // zero: none were made
	Left      int
	Count     int
	Codes     []string // just made
	AccountID string
	Today     time.Time
}

func (codesPage) file() string { return "security_codes" }

func (p *Pages) recoveryCodes(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.codesPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) codesPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	have, err := p.cfg.Factors.Factors(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.codesView(f, have, nil))
}

func (p *Pages) codesView(f *Frame, have settings.Factors, fresh []string) view {
	v := codesPage{accountFrame: p.accountFrame(f, "/account/security"), MadeAt: have.CodesMadeAt, Left: have.RecoveryCodes,
		Count: recoverycode.Count, Codes: fresh, AccountID: f.Me.AccountID.Spaced(), Today: f.now}
	f.titled(f.T("page.codes.title"))
	return v
}

// Joined is the codes as a form gives them back for the file.
func (v codesPage) Joined() string { return strings.Join(v.Codes, " ") }

func (p *Pages) recoveryCodesAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	switch form.Get("input") {
	case "make":
		codes, err := p.cfg.Factors.NewRecoveryCodes(r.Context(), me)
		if err == nil {
			return p.write(w, http.StatusOK, p.codesView(p.frame(r, me), settings.Factors{}, codes))
		}
		return p.factorRefused(w, r, me, err, p.codesPage)
	case "file":
		return p.codesFile(w, r, me, strings.Fields(form.Get("codes")))
	case "kept":
		return seeOther(w, "/account/security?done=codes_kept")
	}
	return p.factorRefused(w, r, me, fault.InvalidInput, p.codesPage)
}

// codesFile gives the codes that the page holds back as a file. Nothing is read:
// we could not tell them again.
func (p *Pages) codesFile(w http.ResponseWriter, r *http.Request, me *session.Live, codes []string) error {
	f := p.frame(r, me)
	text := f.T("page.codes.file_title", "brand", f.BrandName, "id", me.AccountID.Spaced()) + "\r\n" +
		f.T("page.codes.file_note") + "\r\n\r\n" + settings.CodesFile(codes)
	w.Header()["Content-Disposition"] = []string{`attachment; filename="recovery-codes.txt"`}
	return httpd.WriteBuffer(w, "text/plain; charset=utf-8", bytes.NewBufferString(text))
}
