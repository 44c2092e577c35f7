package recovery_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// TestR17_OneRecoveryWins: of several recoveries of one account that end at once
// one does; the others are told that they came too late.
func TestR17_OneRecoveryWins(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		var visits []*towntest.Visit
		for range 3 {
			visits = append(visits, recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, ""))
			w.Later(2 * time.Minute)
		}
		errs := make(chan error, len(visits))
		for i, v := range visits {
			go func() {
				_, err := w.Runner.Answer(context.WithoutCancel(w.Context()), v.Visitor, v.Handle, flow.Input{Input: "new_password", Password: fmt.Sprintf("%d purple walruses", i+1000)})
				errs <- err
			}()
		}
		won := 0
		for range visits {
			switch err := <-errs; {
			case err == nil:
				won++
			case fault.From(err) == nil || fault.From(err).Code != "recovery_over":
				w.Errorf("%v", err)
			}
		}
		if won != 1 {
			w.Errorf("%d won", won)
		}
		if a := p.Account(); a.Epoch != 2 {
			w.Errorf("the epoch is %d", a.Epoch)
		}
	})
}

// TestS012_AWaitIsUsedOnce: of two that build on one wait one goes on.
func TestS012_AWaitIsUsedOnce(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		p.AddsPasskey()
		w.Later(5 * 24 * time.Hour)
		v := recover(w).Phone(ada).CodeOf(ada).Just("wait").Want(step.TypeWait, "")
		w.Later(v.Step.(step.Wait).Until.Sub(w.Clock.Now()) + time.Second)
		first := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "")
		w.Later(2 * time.Minute)
		second := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "")
		first.NewPassword(after).Done()
		second.NewPassword("eight purple walruses").Want(step.TypeIdentify, "recovery_over")
		list, err := p.Recovery.Changes.List(w.Context(), p.DB, p.ID, time.Time{})
		if err != nil {
			w.Fatal(err)
		}
		used := 0
		for _, c := range list {
			if c.State == change.Used {
				used++
			}
		}
		if used != 1 || !p.Knows(after) {
			w.Errorf("%d waits are used", used)
		}
	})
}
