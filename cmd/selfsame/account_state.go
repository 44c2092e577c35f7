package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// reasonMost bounds the reason that the owner of a blocked account reads, in bytes.
const reasonMost = 500

// runAccountState makes the command that brings an account into another state.
func runAccountState(name string, cause account.Cause, said string) func(ctx context.Context, sh *shell, args []string) error {
	return func(ctx context.Context, sh *shell, args []string) error {
		fs := flags("account " + name)
		config, reason, until := configFlag(fs), fs.String("reason", "", ""), fs.String("until", "", "")
		id, s, err := sh.accountArgs(fs, args, config)
		if err != nil {
			return err
		}
		c := cause
		c.By, c.Reason = account.Operator, *reason
		switch {
		case c.Event == account.Block && c.Reason == "":
			return usageError{"--reason is missing: the owner sees it"}
		case c.Event != account.Block && *until != "":
			return usageError{"--until is for account block only"}
		case len(c.Reason) > reasonMost:
			return usageError{fmt.Sprintf("the reason is longer than %d bytes", reasonMost)}
		}
		if c.Until, err = readEnd(*until); err != nil {
			return err
		}
		return sh.within(ctx, s, func(h *house) error {
			if err := h.ChangeState(ctx, id, c); err != nil {
				return err
			}
			_, err := fmt.Fprintf(sh.out, said+"\n", id)
			return err
		})
	}
}

// readEnd reads a day (its beginning, in UTC) or a time (RFC 3339); empty: no end.
func readEnd(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, usageError{"--until is a day such as 2026-12-31 or a time such as 2026-12-31T18:00:00Z"}
}

// changeState brings an account into another state, and tells its owner.
func (b *site) changeState(ctx context.Context, text string, c account.Cause) error {
	a, err := b.findAccount(ctx, text)
	if err != nil {
		return err
	}
	if !c.Until.IsZero() && !c.Until.After(b.Clock.Now()) {
		return errors.New("the end of the block is past")
	}
	if c.Event == account.Freeze && !a.StateUntil.IsZero() {
		c.Event = account.KeepFrozen // it no longer ends by itself
	}
	err = b.db.InTx(ctx, func(tx *sqldb.Tx) error {
		where := map[string]string{}
		if c.Reason != "" {
			where["reason"] = c.Reason
		}
		_, err := b.life.freeze.Apply(ctx, tx, a.ID, c, where)
		return err
	})
	if errors.Is(err, account.ErrNoMove) {
		return fmt.Errorf("the account is %s: this cannot be done to it", a.State)
	}
	return err
}
