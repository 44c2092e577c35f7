package settings

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// twoStepChanges bounds how often one account turns these on and off: each is told
// by a text, and turning on may hash ten codes.
var twoStepChanges = quota.Limit{Name: "two_step.changes", Windows: []quota.Window{{Max: 10, Per: time.Hour}, {Max: 20, Per: 24 * time.Hour}}}

// enoughCodes is how many recovery codes must be left for 2-step verification to
// be turned on without a new set.
const enoughCodes = 5

// SetTwoStep turns 2-step verification on or off, which every contact is told. To
// turn it on takes two ways of which one can be the second step. Trust in other
// devices ends, and unless enough recovery codes are left, ten new ones are made
// and answered, this once.
func (h *House) SetTwoStep(ctx context.Context, l *session.Live, on bool) (codes []string, err error) {
	action := policy.TwoStepOff
	if on {
		action = policy.TwoStepOn
	}
	if err := h.allow(ctx, l, action); err != nil {
		return nil, err
	}
	if l.Account.TwoStep == on {
		return nil, nil // the answer was lost, or another page was quicker
	}
	if err := h.spend(ctx, l, twoStepChanges); err != nil {
		return nil, err
	}
	if !on {
		return nil, h.act(ctx, l, func(tx *sqldb.Tx) error {
			changed, err := h.Accounts.SetTwoStep(ctx, tx, l.AccountID, false)
			if err != nil || !changed {
				return err
			}
			return h.changed(ctx, tx, l, audit.TwoStepOff, "notice_two_step_off")
		})
	}
	var fresh recoverycode.Fresh
	if fresh, err = h.freshCodes(ctx, l); err != nil {
		return nil, err
	}
	err = h.act(ctx, l, func(tx *sqldb.Tx) error {
		codes = nil
		standing, err := h.Prover.StandingOf(ctx, tx, l)
		if err != nil {
			return err
		}
		if !proof.StillSecond(standing.Ways) {
			return SecondMethodMissing
		}
		changed, err := h.Accounts.SetTwoStep(ctx, tx, l.AccountID, true)
		if err != nil || !changed {
			return err
		}
		codes = fresh.Codes
		return h.turnedOn(ctx, tx, l, fresh)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// freshCodes makes recovery codes if few are left, outside any transaction.
func (h *House) freshCodes(ctx context.Context, l *session.Live) (recoverycode.Fresh, error) {
	set, err := h.RecoveryCodes.Load(ctx, h.DB, l.AccountID)
	if err != nil || set.Left >= enoughCodes {
		return recoverycode.Fresh{}, err
	}
	return h.RecoveryCodes.Make(ctx)
}

// turnedOn does what comes with 2-step verification.
func (h *House) turnedOn(ctx context.Context, tx *sqldb.Tx, l *session.Live, fresh recoverycode.Fresh) error {
	if len(fresh.Codes) > 0 {
		if err := h.RecoveryCodes.Keep(ctx, tx, l.AccountID, fresh); err != nil {
			return err
		}
		if err := h.Audit.Write(ctx, tx, h.entry(l, audit.RecoveryCodesNew)); err != nil {
			return err
		}
	}
	if _, err := h.Devices.Distrust(ctx, tx, l.AccountID, l.DeviceID); err != nil {
		return err
	}
	return h.changed(ctx, tx, l, audit.TwoStepOn, "notice_two_step_on")
}

// SetProtected says whether a text message alone may be enough for anything (S-81).
// Turning it on takes another way in; turning it off needs as much as turning
// 2-step verification off. Every contact is told.
func (h *House) SetProtected(ctx context.Context, l *session.Live, on bool) error {
	action := policy.TwoStepOff
	if on {
		action = policy.TwoStepOn
	}
	if err := h.allow(ctx, l, action); err != nil {
		return err
	}
	if l.Account.Protected == on {
		return nil
	}
	if err := h.spend(ctx, l, twoStepChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		standing, err := h.Prover.StandingOf(ctx, tx, l)
		if err != nil {
			return err
		}
		others := slices.DeleteFunc(standing.Ways, func(w policy.Way) bool { return w.Method == policy.SMSCode })
		if on && !proof.StillIn(others) {
			return OtherMethodMissing
		}
		changed, err := h.Accounts.SetProtected(ctx, tx, l.AccountID, on)
		if err != nil || !changed {
			return err
		}
		kind := audit.SMSUnprotected
		if on {
			kind = audit.SMSProtected
		}
		return h.changed(ctx, tx, l, kind, "notice_"+string(kind))
	})
}
