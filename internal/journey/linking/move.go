package linking

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// showConfirm tells what moving a link here will do. Of the other account it tells
// nothing: so far the person has shown one proof of it.
func (h *House) showConfirm(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return step.Confirm{Head: step.Head{Type: step.TypeConfirm, Inputs: []string{"confirm", "back"}}, Action: "move_link",
		Effects: []step.Effect{{Effect: "link_proved"}, {Effect: "link_leaves"}, {Effect: "link_comes"}, {Effect: "link_told"}}}, nil
}

// confirm asks for the proofs of the other account. The sign-in at the provider just
// now is one of them.
func (h *House) confirm() move {
	return move{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error { return h.fresh(c) },
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			had, who, err := h.leaving(ctx, tx, f)
			if federation.ProviderFailed.Is(err) {
				return h.stop(ctx, tx, c, err)
			}
			if err == nil {
				err = h.removable(ctx, tx, who, f.Provider) // told before anything is proved for nothing
			}
			if err != nil {
				return err
			}
			f.Other = &proof.Proving{Action: policy.Unlink, Account: f.Holder, Locale: f.Locale, Device: proof.DeviceOf(c.Visitor),
				Proved: []session.Proof{{Method: string(policy.LinkedSignIn), At: f.Person.At, Key: f.Provider, Since: had.LinkedAt}}}
			if err := h.Prover.Continue(ctx, tx, proof.NewTurn(c, f.Other)); err != nil || !f.Other.Ready {
				return err
			}
			return h.moveHere(ctx, tx, c)
		},
	}
}

// leaving finds the link that is to leave the other account, and that account. It
// refuses where the person at the provider was seen too long ago, where the link is
// there no more, and where the account's state lets nobody in (S-86).
func (h *House) leaving(ctx context.Context, tx *sqldb.Tx, f *facts) (had link.Link, who account.Account, err error) {
	failed := federation.ProviderFailed.With("provider", f.Provider).With("reason", "expired")
	if tx.Now().Sub(f.Person.At) > policy.FreshFor {
		return had, who, failed
	}
	holder, many, err := h.Links.Holder(ctx, tx, f.Provider, f.Person.Subjects)
	if err != nil {
		return had, who, err
	}
	if holder != f.Holder || many {
		return had, who, failed
	}
	if who, err = h.Accounts.Load(ctx, tx, f.Holder); err == nil {
		had, err = h.Links.Load(ctx, tx, f.Holder, f.Provider)
	}
	switch {
	case errors.Is(err, sqldb.ErrNone):
		return had, who, failed
	case err != nil:
		return had, who, err
	case !had.Works():
		return had, who, proof.MethodUnavailable.With("reason", "provider_suspended")
	}
	return had, who, who.Gate()
}

// overtaken stops a move whose link left the other account while that was being
// proved, or whose sign-in at the provider grew old: nobody proves it for nothing.
func (h *House) overtaken(ctx context.Context, tx *sqldb.Tx, c *call) (bool, error) {
	_, _, err := h.leaving(ctx, tx, c.Facts)
	if fault.From(err) == nil {
		return false, err
	}
	return true, h.stop(ctx, tx, c, err)
}

// moveHere moves the link, once both accounts are proved. Both are locked.
func (h *House) moveHere(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, p := c.Facts, c.Facts.Person
	who, ok, err := h.stands(ctx, tx, c)
	if err != nil || !ok {
		return err
	}
	_, other, err := h.leaving(ctx, tx, f)
	if err == nil {
		err = h.removable(ctx, tx, other, f.Provider)
	}
	if err == nil {
		err = h.mayAdd(ctx, tx, c, who)
	}
	if fault.From(err) != nil {
		return h.stop(ctx, tx, c, err)
	}
	if err != nil {
		return err
	}
	if _, err := h.Links.Remove(ctx, tx, other.ID, f.Provider); err != nil {
		return err
	}
	if _, err := h.Sessions.EndResting(ctx, tx, other.ID, string(policy.LinkedSignIn), f.Provider, ""); err != nil {
		return err
	}
	if err := h.happened(ctx, tx, other, act{kind: audit.LinkMoved, tell: "notice_link_moved", provider: f.Provider, by: c.Visitor}); err != nil {
		return err
	}
	return h.claim(ctx, tx, c, who, p, "moved")
}

// mayAdd refuses where the account that a link comes to cannot have it now.
func (h *House) mayAdd(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) error {
	if err := h.fresh(c); err != nil {
		return err
	}
	switch _, err := h.Links.Load(ctx, tx, who.ID, c.Facts.Provider); {
	case err == nil:
		return federation.LinkedAlready.With("provider", c.Facts.Provider)
	case !errors.Is(err, sqldb.ErrNone):
		return err
	}
	return h.spend(ctx, tx, who.ID)
}
