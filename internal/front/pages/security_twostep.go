package pages

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// SecondSteps is what the pages about 2-step verification, trusted devices and
// prompts ask for and do: *settings.House.
type SecondSteps interface {
	Methods(ctx context.Context, me *session.Live) ([]settings.Method, error)
	ListDevices(ctx context.Context, me *session.Live) ([]settings.Device, error)
	SetTwoStep(ctx context.Context, me *session.Live, on bool) (codes []string, err error)
	SetProtected(ctx context.Context, me *session.Live, on bool) error
	SetTrust(ctx context.Context, me *session.Live, deviceID string, trusted bool) error
	TrustHere(ctx context.Context, token string) error
	Prompt(ctx context.Context, me *session.Live) (*prompt.Prompt, error)
	AnswerPrompt(ctx context.Context, me *session.Live, id, number string, approve bool) (prompt.State, error)
}

var _ SecondSteps = (*settings.House)(nil)

const twoStepPath = "/account/security/two-step"

func (p *Pages) mountSecondSteps(rt *httpd.Router) {
	rt.Handle("GET "+twoStepPath, p.signedIn(p.twoStep))
	rt.Handle("POST "+twoStepPath, p.signedIn(p.twoStepAnswer))
	rt.Handle("GET "+promptPath, p.signedIn(p.prompt))
	rt.Handle("POST "+promptPath, p.signedIn(p.promptAnswer))
}

// twoStepPage is 2-step verification: what counts, which devices skip it, and
// whether a text alone may be enough.
type twoStepPage struct {
	accountFrame
	On        bool
	Since     time.Time
	Protected bool
	Seconds   []methodRow
	Trusted   []deviceRow
	Here      bool // this device is trusted
	Days      int  // that trust lasts
	Device    string
}

func (twoStepPage) file() string { return "security_two_step" }

// secondPlaces are the methods that can be the second step, and where each is
// looked after.
var secondPlaces = []struct {
	method policy.Method
	href   string
}{
	{policy.Passkey, "/account/security/passkeys"}, {policy.TOTP, totpPath}, {policy.SMSCode, "/account/contacts"},
	{policy.DevicePrompt, "/account/devices"}, {policy.RecoveryCode, codesPath},
}

func (p *Pages) twoStep(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.twoStepPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) twoStepPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	methods, err := p.cfg.SecondSteps.Methods(r.Context(), me)
	if err != nil {
		return err
	}
	devices, err := p.cfg.SecondSteps.ListDevices(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.twoStepView(f, methods, devices))
}

func (p *Pages) twoStepView(f *Frame, methods []settings.Method, devices []settings.Device) view {
	v := twoStepPage{accountFrame: p.accountFrame(f, "/account/security"), On: f.Me.Account.TwoStep, Since: f.Me.Account.TwoStepSince,
		Protected: f.Me.Account.Protected, Days: trustDays, Device: f.Me.DeviceID}
	for _, place := range secondPlaces {
		for _, m := range methods {
			if m.Method == place.method {
				v.Seconds = append(v.Seconds, f.secondRow(m, place.href))
			}
		}
	}
	for _, d := range p.deviceRows(f, devices) {
		if d.Trusts {
			v.Trusted = append(v.Trusted, d)
			v.Here = v.Here || d.Current
		}
	}
	f.titled(f.T("page.two_step.title"))
	return v
}

// trustDays is how long trust lasts, as the page says it.
const trustDays = 90

// secondRow tells how a method stands as a second step.
func (f *Frame) secondRow(m settings.Method, href string) methodRow {
	name := string(m.Method)
	row := methodRow{Way: Way{Href: href, Icon: methodIcons[name], Text: f.T("page.two_step.method." + name)}, On: m.State == settings.MethodOn, State: f.T("page.two_step.off")}
	switch {
	case row.On && m.Method == policy.RecoveryCode:
		row.State = f.T("page.security.codes_left", "n", m.Count)
	case row.On && m.Method == policy.DevicePrompt:
		row.State = f.T("page.two_step.prompt_on")
	case row.On && m.To != "":
		row.State = f.Num(m.To)
	case row.On:
		row.State = f.H("page.security.since", "time", f.Day(m.Since))
	case m.Reason != "" && f.has("page.two_step.reason."+m.Reason):
		row.State = f.T("page.two_step.reason." + m.Reason)
	}
	return row
}

func (p *Pages) twoStepAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	ctx, done := r.Context(), form.Get("input")
	switch done {
	case "two_step_on":
		var codes []string
		if codes, err = p.cfg.SecondSteps.SetTwoStep(ctx, me, true); err == nil && len(codes) > 0 {
			f := p.frame(r, me)
			f.Notice = f.T("page.notice.two_step_on")
			return p.write(w, http.StatusOK, p.codesView(f, settings.Factors{}, codes)) // this once
		}
	case "two_step_off":
		_, err = p.cfg.SecondSteps.SetTwoStep(ctx, me, false)
	case "sms_protected":
		err = p.cfg.SecondSteps.SetProtected(ctx, me, true)
	case "sms_unprotected":
		err = p.cfg.SecondSteps.SetProtected(ctx, me, false)
	case "trusted":
		err = p.cfg.SecondSteps.SetTrust(ctx, me, me.DeviceID, true)
	case "distrusted":
		err = p.cfg.SecondSteps.SetTrust(ctx, me, form.Get("device"), false)
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, twoStepPath+"?done="+done)
	}
	return p.factorRefused(w, r, me, err, p.twoStepPage)
}
