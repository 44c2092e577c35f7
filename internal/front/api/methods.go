package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// The states of a method.
const (
	methodOn          = "on"
	methodOff         = "off"
	methodUnavailable = "unavailable"
)

// methodView is one way to prove.
type methodView struct {
	Method string     `json:"method" enum:"sms_code,email_code,password"`
	State  string     `json:"state" enum:"on,off,unavailable" doc:"off: can be switched on; unavailable: the reason has to go first."`
	Reason string     `json:"reason,omitempty" enum:"no_phone,no_email" doc:"Why it is unavailable."`
	To     string     `json:"to,omitempty" doc:"Where codes go, masked."`
	Since  *time.Time `json:"since,omitempty" doc:"When the contact was last proved, or the password set."`
}

type methodsView struct {
	Methods []methodView `json:"methods"`
}

func (a *api) methods() {
	ask(a, call{id: "get-methods", method: http.MethodGet, path: "/api/v1/methods", tag: "Account", session: true,
		summary: "Ways to prove that the account is yours", about: "Every method that this server has: on, off, or unavailable with the reason.", examples: methodsExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*methodsView, error) {
			o, err := a.Settings.Overview(ctx, l)
			if err != nil {
				return nil, err
			}
			return &methodsView{methodsOf(o)}, nil
		})
}

// methodsOf tells of each method how it stands with an account.
func methodsOf(o settings.Overview) []methodView {
	sms := methodView{Method: "sms_code", State: methodUnavailable, Reason: "no_phone"}
	if c, ok := contact.Of(o.Contacts, contact.Phone); ok {
		sms = methodView{Method: "sms_code", State: methodOn, To: numbers.Mask(c.Address), Since: &c.VerifiedAt}
	}
	mail := methodView{Method: "email_code", State: methodUnavailable, Reason: "no_email"}
	if c, ok := contact.Of(o.Contacts, contact.Email); ok {
		mail = methodView{Method: "email_code", State: methodOn, To: email.Mask(c.Address), Since: &c.VerifiedAt}
	}
	password := methodView{Method: "password", State: methodOff}
	if !o.Password.IsZero() {
		password.State, password.Since = methodOn, &o.Password
	}
	return []methodView{sms, mail, password}
}
