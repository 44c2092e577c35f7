package recovery

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// dropAdditions removes the ways to prove that came to an account since a time.
// What an intruder took away cannot be brought back: its secrets are gone.
func (h *House) dropAdditions(ctx context.Context, tx *sqldb.Tx, who account.Account, since time.Time) error {
	dropped, left := false, false
	keys, err := h.Passkeys.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.CreatedAt.Before(since) {
			left = true
			continue
		}
		dropped = true
		if _, err := h.Passkeys.Remove(ctx, tx, who.ID, k.ID); err != nil {
			return err
		}
	}
	app, err := h.TOTP.Load(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if app.IsSet() && app.Since.Before(since) {
		left = true
	} else if app.IsSet() {
		dropped = true
		if _, err := h.TOTP.Remove(ctx, tx, who.ID); err != nil {
			return err
		}
	}
	codes, err := h.RecoveryCodes.Load(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if codes.IsSet() && !codes.MadeAt.Before(since) {
		if err := h.RecoveryCodes.Remove(ctx, tx, who.ID); err != nil {
			return err
		}
	}
	asked, err := h.Questions.Load(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if asked.IsSet() && !asked.Since.Before(since) {
		if _, err := h.Questions.Remove(ctx, tx, who.ID); err != nil {
			return err
		}
	}
	if err := h.dropLinks(ctx, tx, who.ID, since); err != nil {
		return err
	}
	if dropped && !left && who.TwoStep { // else it would ask for what is gone
		_, err = h.Accounts.SetTwoStep(ctx, tx, who.ID, false)
	}
	return err
}

// dropLinks removes the accounts at third-party providers that were linked since a
// time: they are an intruder's, and free again for whomever they are of. Nothing is
// given back at the provider, whose grant is the intruder's own.
func (h *House) dropLinks(ctx context.Context, tx *sqldb.Tx, id account.ID, since time.Time) error {
	list, err := h.Links.List(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, l := range list {
		if l.LinkedAt.Before(since) {
			continue
		}
		if _, err := h.Links.Remove(ctx, tx, id, l.Provider); err != nil {
			return err
		}
	}
	return nil
}
