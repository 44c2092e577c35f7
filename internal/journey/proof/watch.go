package proof

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Event is an act that may be part of a pattern by which an account is frozen.
type Event string

// The events that a Watch hears of.
const (
	// SecondStepFailed: a password was right and the second step after it wrong.
	SecondStepFailed Event = "second_step_failed"
	// ContactChanged: another phone or e-mail took the place of one.
	ContactChanged Event = "contact_changed"
	// OthersSignedOut: one device signed out all the others.
	OthersSignedOut Event = "others_signed_out"
	// LeakedPassword: a password that is in a public list was right.
	LeakedPassword Event = "leaked_password"
)

// Sight is an event as it was seen.
type Sight struct {
	Event Event
	// Device is the ID of the device from which it was done, as far as the account
	// knows it; empty: the account does not know it.
	Device string
	Risk   policy.Risk
	Where  map[string]string // device and place, for the owner's eyes
}

// Watch hears of acts in their transaction, and freezes the account there if they
// complete a pattern. frozen says that it did: whoever acted has no session any
// more, and the act itself stands. lifecycle.House is one.
type Watch interface {
	Saw(ctx context.Context, tx *sqldb.Tx, who account.Account, s Sight) (frozen bool, err error)
}

// Saw tells a watch; nil sees nothing.
func Saw(ctx context.Context, tx *sqldb.Tx, w Watch, who account.Account, s Sight) (frozen bool, err error) {
	if w == nil {
		return false, nil
	}
	return w.Saw(ctx, tx, who, s)
}

// watches tells whether a refusal is of a wrong second step of a sign-in whose
// password was right, and somebody watches.
func (p *Prover) watches(t *Turn, refusal error) bool {
	wrong := CodeWrong.Is(refusal) || AnswersWrong.Is(refusal) || PromptDenied.Is(refusal)
	knows := slices.ContainsFunc(t.Proved, func(g sessionProof) bool { return g.Method == string(policy.Password) })
	return p.Watch != nil && wrong && knows && t.Action == policy.SignIn && t.Account != 0
}

// sawWrong tells the watch of a wrong second step.
func (p *Prover) sawWrong(ctx context.Context, tx *sqldb.Tx, t *Turn, refusal error) error {
	if !p.watches(t, refusal) {
		return nil
	}
	who, err := p.Accounts.Load(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	from, err := p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	_, err = p.Watch.Saw(ctx, tx, who, Sight{Event: SecondStepFailed, Device: from.KnownAs, Risk: t.Risk, Where: t.Where()})
	return err
}

// sawLeak tells the watch that a sign-in was begun with a password that is in a
// public list.
func (p *Prover) sawLeak(ctx context.Context, tx *sqldb.Tx, t *Turn, who account.Account) error {
	if p.Watch == nil || !t.Breached || t.Action != policy.SignIn {
		return nil
	}
	from, err := p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	_, err = p.Watch.Saw(ctx, tx, who, Sight{Event: LeakedPassword, Device: from.KnownAs, Risk: t.Risk, Where: t.Where()})
	return err
}
