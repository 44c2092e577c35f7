package api

import (
	"context"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type switchBody struct {
	On bool `json:"on"`
}

type trustBody struct {
	Trusted bool `json:"trusted"`
}

type twoStepSetView struct {
	On bool `json:"on"`
	// Codes are those that were made now.
	Codes []string `json:"recovery_codes,omitempty" doc:"Ten new recovery codes, shown this once; those of before are over. Missing where enough of the last set are left."`
}

func (a *api) twoStep() {
	ask(a, call{id: "set-two-step", method: http.MethodPut, path: "/api/v1/methods/two-step", tag: "Methods", session: true,
		summary: "Turn 2-step verification on or off",
		about: "Needs a proof for two_step_on or two_step_off. To turn it on takes a way to begin with and another for the second step; ten recovery codes are made unless five or more are left, " +
			"and other devices are trusted no longer. Every contact of the account is told.",
		repeat:  "Answers without recovery codes: it is so already. Make new ones if they were lost with the answer.",
		refuses: []*fault.Fault{session.ProofRequired, settings.SecondMethodMissing, fault.RateLimited}, examples: twoStepExamples},
		func(ctx context.Context, l *session.Live, in *struct{ body[switchBody] }) (*twoStepSetView, error) {
			codes, err := a.Settings.SetTwoStep(ctx, l, in.Sent.On)
			return &twoStepSetView{in.Sent.On, codes}, err
		})
	do(a, call{id: "set-sms-protection", method: http.MethodPut, path: "/api/v1/methods/sms-protection", tag: "Methods", session: true,
		summary: "Let a text message alone never be enough",
		about:   "Against theft of the phone number: a code by text counts beside another proof only. Needs a proof for two_step_on or two_step_off, and another way in. Every contact of the account is told.",
		repeat:  "Leaves it the same.",
		refuses: []*fault.Fault{session.ProofRequired, settings.OtherMethodMissing, fault.RateLimited}, examples: switchExamples},
		func(ctx context.Context, l *session.Live, in *struct{ body[switchBody] }) error {
			return a.Settings.SetProtected(ctx, l, in.Sent.On)
		})
	do(a, call{id: "trust-device", method: http.MethodPut, path: "/api/v1/devices/{id}/trust", tag: "Devices", session: true,
		summary: "Trust a device, or no longer",
		about: "A trusted device skips the second step of 2-step verification for 90 days. Trust is given on the device itself, right after a strong proof, and taken from anywhere. " +
			"It ends with a new password, a recovery, a freeze, or when 2-step verification is turned on.",
		repeat:  "Leaves it the same; trust begins anew.",
		refuses: []*fault.Fault{session.ProofRequired, settings.TrustedElsewhere, fault.NotFound}, examples: trustExamples},
		func(ctx context.Context, l *session.Live, in *struct {
			ID string `path:"id" doc:"The device's id."`
			body[trustBody]
		}) error {
			if !isName(in.ID) {
				return fault.NotFound
			}
			return a.Settings.SetTrust(ctx, l, in.ID, in.Sent.Trusted)
		})
}
