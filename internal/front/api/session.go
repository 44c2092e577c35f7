package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
)

type accountBrief struct {
	ID       string `json:"id" doc:"12 digits."`
	State    string `json:"state" enum:"active" doc:"Other states have no sessions."`
	Nickname string `json:"nickname" doc:"Empty if none was chosen."`
}

type deviceBrief struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Kind  string `json:"kind" enum:"phone,tablet,computer,browser,tv,other"`
	Place string `json:"place,omitempty" doc:"Approximate."`
}

type proofView struct {
	Method   string    `json:"method" enum:"sms_code,email_code,password,passkey,totp,recovery_code,questions,device_prompt,linked"`
	At       time.Time `json:"at"`
	Verified bool      `json:"verified,omitempty" doc:"The authenticator verified the person, by a finger, a face or a PIN."`
	For      string    `json:"for,omitempty" doc:"The action that a prove journey was for; missing for a sign-in."`
}

type sessionView struct {
	Account   accountBrief `json:"account"`
	Device    deviceBrief  `json:"device"`
	Proved    []proofView  `json:"proved" doc:"The methods that proved this session, and when."`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt time.Time    `json:"expires_at" doc:"When it ends without further use, or at the latest."`
}

func (a *api) session() {
	const tag = "Session"
	ask(a, call{id: "get-session", method: http.MethodGet, path: "/api/v1/session", tag: tag, session: true, summary: "Who am I", examples: sessionExamples},
		func(_ context.Context, l *session.Live, _ *none) (*sessionView, error) {
			v := &sessionView{
				Account: accountBrief{l.AccountID.String(), string(l.Account.State), l.Account.Nickname},
				Device:  deviceBrief{l.DeviceID, l.Device.Name, l.Device.Kind, l.Device.Place},
				Proved:  make([]proofView, 0, len(l.Proved)), CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
			}
			for _, p := range l.Proved {
				v.Proved = append(v.Proved, proofView{p.Method, p.At, p.Verified, p.For})
			}
			return v, nil
		})
	do(a, call{id: "end-session", method: http.MethodDelete, path: "/api/v1/session", tag: tag, session: true, summary: "Sign out",
		about:  "The session ends at once on every node. The device stays known.",
		repeat: "Answers session_required: it is over."},
		func(ctx context.Context, l *session.Live, _ *none) error { return a.Settings.SignOut(ctx, l) })
}
