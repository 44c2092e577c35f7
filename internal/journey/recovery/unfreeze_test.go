package recovery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
)

// TestTopic_F01_Unfreeze: two kinds of proof and a new password lift a freeze.
func TestTopic_F01_Unfreeze(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		freeze(p, account.Cause{By: account.Owner})
		w.Post.All(adaMail)
		v := begin(w, "unfreeze").Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "")
		if s := v.Step.(step.ChooseMethod); s.Wait == nil || s.For != "unfreeze" {
			w.Errorf("the choice is %+v", s)
		}
		v.By("password").Password(before).Want(step.TypeNewPassword, "").NewPassword(before).Want(step.TypeNewPassword, "password_reused")
		d := v.NewPassword(after).Done()
		if d.Result != "unfrozen" || p.Live(d.Session.Token) == nil || p.Account().State != account.Active || p.Account().FrozenBy != "" {
			w.Errorf("the end is %+v of %+v", d, p.Account())
		}
		if told := w.Post.All(adaMail); len(told) != 1 || !strings.Contains(told[0], "/objection?token=") {
			w.Errorf("the e-mail was told %q", told)
		}
	})
}

// TestTopic_F01_OneProofAndADay: who has one proof waits a day while every contact
// is told; an account with nothing else is no exception.
func TestTopic_F01_OneProofAndADay(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		freeze(p, account.Cause{By: account.Owner})
		v := begin(w, "unfreeze").Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "").Just("wait").Want(step.TypeWait, "")
		if until := v.Step.(step.Wait).Until; !until.Equal(w.Clock.Now().Add(24 * time.Hour)) {
			w.Errorf("it waits until %v", until)
		}
		w.Later(24 * time.Hour)
		begin(w, "unfreeze").Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if p.Account().State != account.Active {
			w.Errorf("it is %s", p.Account().State)
		}
	})
}

// TestTopic_F01_AnObjectionEndsTheWait: what was objected to cannot be gone on
// with, nor begun again by the same proof for a while.
func TestTopic_F01_AnObjectionEndsTheWait(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		freeze(p, account.Cause{By: account.Owner})
		begin(w, "unfreeze").Phone(ada).CodeOf(ada).Just("wait").Want(step.TypeWait, "")
		list, err := p.Recovery.Changes.List(w.Context(), p.DB, p.ID, time.Time{})
		if err != nil || len(list) != 1 {
			w.Fatalf("%d changes, %v", len(list), err)
		}
		objects(p, list[0].ID)
		w.Later(25 * time.Hour)
		v := begin(w, "unfreeze").Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "").Just("wait").Want(step.TypeChooseMethod, "too_many_attempts")
		if again := list[0].BegunAt.Add(7 * 24 * time.Hour); !v.Fault().RetryAt.Equal(again) {
			w.Errorf("again at %v", v.Fault().RetryAt)
		}
		v.By("password").Password(before).Want(step.TypeNewPassword, "") // two kinds still do
	})
}

// TestS083_APasskeyLiftsAtOnce: a passkey that verified its owner is two kinds, so
// its owner lifts a freeze immediately.
func TestS083_APasskeyLiftsAtOnce(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		key := p.AddsPasskey()
		w.Later(5 * 24 * time.Hour)
		freeze(p, account.Cause{By: account.Owner})
		v := begin(w, "unfreeze").Username(p.ID.String()).By("passkey").Want(step.TypePasskey, "")
		v.Give(flow.Input{Input: "passkey", Credential: key.Get(v.Step.(step.Passkey).Options)}).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if p.Account().State != account.Active {
			w.Errorf("it is %s", p.Account().State)
		}
	})
}

// TestS086_UnfreezeStates: only what is frozen can be unfrozen.
func TestS086_UnfreezeStates(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", before)
		begin(w, "unfreeze").Phone(ada).CodeOf(ada).By("password").Password(before).Want(step.TypeIdentify, "account_not_frozen")
		if p.Live(p.Token) == nil {
			w.Error("it ended a session")
		}
		w.Later(time.Hour)
		freeze(p, account.Cause{By: account.Owner})
		v := begin(w, "unfreeze").Phone(ada).CodeOf(ada).By("password").Password(before).Want(step.TypeNewPassword, "")
		block(p)
		v.NewPassword(after).Want(step.TypeIdentify, "recovery_over")
		w.Later(time.Hour)
		begin(w, "unfreeze").Phone(ada).CodeOf(ada).By("password").Password(before).Want(step.TypeIdentify, "account_blocked")
	})
}
