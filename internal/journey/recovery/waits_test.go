package recovery_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// TestS076_WhoCanObjectToAWait: a contact that could carry no decision hears of a
// wait, but gets no link that would stop it: else whoever has put one in yesterday
// keeps the owner waiting for ever.
func TestS076_WhoCanObjectToAWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // since the e-mail came
		stops bool
	}{
		{"of yesterday", 24 * time.Hour, false},
		{"settled", 73 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := w.Person(ada, "", before)
				p.AddsPasskey()
				w.Later(5 * 24 * time.Hour)
				p.Gets(contact.Email, eveMail)
				w.Later(tt.after)
				v := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "")
				w.Post.All(eveMail)
				v.Just("wait").Want(step.TypeWait, "")
				if told := w.Post.All(ada); len(told) != 1 || !strings.Contains(told[0], "/objection?token=") {
					w.Errorf("the phone was told %q", told)
				}
				told := w.Post.All(eveMail)
				if len(told) != 1 || strings.Contains(told[0], "/objection?token=") != tt.stops || strings.Contains(told[0], "/freeze") == tt.stops {
					w.Errorf("the e-mail was told %q", told)
				}
			})
		})
	}
}

// TestS040_ARecoveryByWaitingTurnsTwoStepOff: who came back without the second step
// has shown that it is lost; it would be asked for at each sign-in, for three days.
func TestS040_ARecoveryByWaitingTurnsTwoStepOff(t *testing.T) {
	for _, kind := range []string{"recover", "unfreeze"} {
		t.Run(kind, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := twoStep(w)
				if kind == "unfreeze" {
					freeze(p, account.Cause{By: account.Owner})
				}
				v := begin(w, kind).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "").Just("wait").Want(step.TypeWait, "")
				w.Later(v.Step.(step.Wait).Until.Sub(w.Clock.Now()))
				w.Post.All(adaMail)
				begin(w, kind).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "").NewPassword(after).Done()
				if p.Account().TwoStep {
					w.Error("it asks for the second step still")
				}
				if !slices.Contains(p.History(), audit.TwoStepOff) {
					w.Errorf("the history lacks it: %v", p.History())
				}
				off := func(text string) bool { return strings.Contains(text, "2-step verification was turned off") }
				if told := w.Post.All(adaMail); len(told) != 2 || !slices.ContainsFunc(told, off) {
					w.Errorf("told %q", told)
				}
			})
		})
	}
}

// TestS040_ARecoveryByTwoStepsKeepsThem: who has shown the second step has it.
func TestS040_ARecoveryByTwoStepsKeepsThem(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := twoStep(w)
		recover(w).Phone(ada).CodeOf(ada).By("password").Password(before).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if !p.Account().TwoStep {
			w.Error("2-step verification was turned off")
		}
	})
}

// twoStep is somebody with 2-step verification, an e-mail and a passkey.
func twoStep(w *towntest.Town) *towntest.Person {
	w.Helper()
	p := w.Person(ada, adaMail, before)
	p.AddsPasskey()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := p.Recovery.Accounts.SetTwoStep(ctx, tx, p.ID, true)
		return err
	})
	w.Later(5 * 24 * time.Hour)
	return p
}
