package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

// methodView is one way to prove.
type methodView struct {
	Method string     `json:"method" enum:"sms_code,email_code,password,passkey,totp,recovery_code,questions,device_prompt,linked"`
	State  string     `json:"state" enum:"on,off,unavailable" doc:"off: can be switched on; unavailable: the reason has to go first."`
	Reason string     `json:"reason,omitempty" doc:"Why it is unavailable: no_phone, no_email, no_other_device, used_up, too_many_tries ...; or why what is on counts for less now: contact_too_new, too_new, sms_protected. More words may come."`
	Until  *time.Time `json:"until,omitempty" doc:"When the reason ends by itself; missing if it does not."`
	To     string     `json:"to,omitempty" doc:"Where codes go, masked."`
	Since  *time.Time `json:"since,omitempty" doc:"When the account got it: the contact was verified, the password set, the oldest passkey added."`
	Count  int        `json:"count,omitempty" minimum:"1" doc:"How many passkeys there are, or recovery codes are left."`
}

type methodsView struct {
	Methods []methodView `json:"methods" doc:"In the order in which they are offered."`
	TwoStep twoStepView  `json:"two_step" doc:"2-step verification."`
	SMS     smsView      `json:"sms_protection"`
}

type twoStepView struct {
	On    bool       `json:"on"`
	Since *time.Time `json:"since,omitempty" doc:"Missing if it is off."`
}

type smsView struct {
	On bool `json:"on" doc:"A text message alone is never enough for anything."`
}

func (a *api) methods() {
	ask(a, call{id: "get-methods", method: http.MethodGet, path: "/api/v1/methods", tag: "Methods", session: true,
		summary: "Ways to prove that the account is yours",
		about:   "Every method that this server has: on, off, or unavailable with the reason. It is what decides at the next proof too.", examples: methodsExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*methodsView, error) {
			list, err := a.Settings.Methods(ctx, l)
			if err != nil {
				return nil, err
			}
			v := &methodsView{Methods: make([]methodView, 0, len(list)), TwoStep: twoStepView{l.Account.TwoStep, timeOrNone(l.Account.TwoStepSince)}, SMS: smsView{l.Account.Protected}}
			for _, m := range list {
				v.Methods = append(v.Methods, methodView{string(m.Method), m.State, m.Reason, timeOrNone(m.Until), m.To, timeOrNone(m.Since), m.Count})
			}
			return v, nil
		})
}

// timeOrNone is a time that is left out where there is none.
func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ownMethods tells of each method whether it is on.
func (a *api) ownMethods(ctx context.Context, l *session.Live) ([]ownMethod, error) {
	list, err := a.Settings.Methods(ctx, l)
	out := make([]ownMethod, 0, len(list))
	for _, m := range list {
		out = append(out, ownMethod{string(m.Method), m.State == settings.MethodOn})
	}
	return out, err
}
