package pages

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Factors is what the pages about authenticator apps, recovery codes and security
// questions ask for and do: *settings.House.
type Factors interface {
	Factors(ctx context.Context, me *session.Live) (settings.Factors, error)
	BeginTOTP(ctx context.Context, me *session.Live) (settings.TOTPOffer, error)
	ConfirmTOTP(ctx context.Context, me *session.Live, code string) error
	RemoveTOTP(ctx context.Context, me *session.Live) error
	NewRecoveryCodes(ctx context.Context, me *session.Live) ([]string, error)
	SetQuestions(ctx context.Context, me *session.Live, answers []question.Answer) error
	RemoveQuestions(ctx context.Context, me *session.Live) error
}

var _ Factors = (*settings.House)(nil)

const (
	totpPath      = "/account/security/authenticator"
	codesPath     = "/account/security/recovery-codes"
	questionsPath = "/account/security/questions"
)

func (p *Pages) mountFactors(rt *httpd.Router) {
	rt.Handle("GET "+totpPath, p.signedIn(p.totp))
	rt.Handle("POST "+totpPath, p.signedIn(p.totpAnswer))
	rt.Handle("GET "+codesPath, p.signedIn(p.recoveryCodes))
	rt.Handle("POST "+codesPath, p.signedIn(p.recoveryCodesAnswer))
	rt.Handle("GET "+questionsPath, p.signedIn(p.questions))
	rt.Handle("POST "+questionsPath, p.signedIn(p.questionsAnswer))
}

// totpPage is the authenticator app: off, on, or being set up. The secret is drawn
// into the page itself, as the path of an SVG: no picture with it has an address,
// and it is shown in the one answer that made it (S-37).
type totpPage struct {
	accountFrame
	Since   time.Time // zero: it is off
	Offer   bool      // the secret is shown here
	Confirm bool      // its code is asked for
	Key     []string  // the secret, in groups
	Side    int       // of the QR code, in modules
	Modules string    // its path
	Length  int
}

func (totpPage) file() string { return "security_totp" }

func (p *Pages) totp(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.totpPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) totpPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	have, err := p.cfg.Factors.Factors(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.totpView(f, have.TOTP))
}

func (p *Pages) totpView(f *Frame, since time.Time) *totpPage {
	v := &totpPage{accountFrame: p.accountFrame(f, "/account/security"), Since: since, Length: totp.Length}
	f.titled(f.T("page.totp.title"))
	return v
}

// totpOfferView shows the secret, or after a wrong code only asks for another one.
func (p *Pages) totpOfferView(f *Frame, o settings.TOTPOffer) *totpPage {
	v := p.totpView(f, time.Time{})
	v.Confirm = true
	if o.Secret != "" {
		v.Offer, v.Side, v.Modules = true, o.QR.Side, o.QR.Path()
		for i := 0; i < len(o.Secret); i += 4 {
			v.Key = append(v.Key, o.Secret[i:min(i+4, len(o.Secret))])
		}
	}
	return v
}

// KeyText is the secret as people type it.
func (v totpPage) KeyText() string { return strings.Join(v.Key, " ") }

func (p *Pages) totpAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	ctx, input, done := r.Context(), form.Get("input"), ""
	switch input {
	case "begin":
		o, err := p.cfg.Factors.BeginTOTP(ctx, me)
		if err == nil {
			return p.write(w, http.StatusOK, p.totpOfferView(p.frame(r, me), o))
		}
		return p.factorRefused(w, r, me, err, p.totpPage)
	case "confirm":
		err, done = p.cfg.Factors.ConfirmTOTP(ctx, me, form.Get("code")), "totp_on"
	case "remove":
		err, done = p.cfg.Factors.RemoveTOTP(ctx, me), "totp_off"
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, totpPath+"?done="+done)
	}
	return p.factorRefused(w, r, me, err, func(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
		if input == "confirm" && f.Fault.Field == "code" {
			return p.write(w, status, p.totpOfferView(f, settings.TOTPOffer{}))
		}
		return p.totpPage(w, r, me, status, f)
	})
}

// factorRefused leads to the proof that is missing, or shows the page again with
// the refusal.
func (p *Pages) factorRefused(w http.ResponseWriter, r *http.Request, me *session.Live, err error, again func(http.ResponseWriter, *http.Request, *session.Live, int, *Frame) error) error {
	if led, gone := toProof(w, r, err); led {
		return gone
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	return again(w, r, me, fail.Status, f)
}
