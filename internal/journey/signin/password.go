package signin

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showPassword(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return step.Password{Head: step.Head{Type: step.TypePassword, Inputs: []string{"password", "other_way", "back"}}, Username: proof.ShownName(c.Facts.typed())}, nil
}

// typed is the username as the counters and the steps know it.
func (f *facts) typed() string { return string(f.Typed.Way) + "\x00" + f.Typed.Value }

// guess is the try of this call at the password of whom the person means.
func (h *House) guess(ctx context.Context, q sqldb.Querier, c *call) (*proof.Guess, error) {
	from, err := h.source(ctx, q, c, c.Facts.Account)
	return &proof.Guess{Account: c.Facts.Account, Typed: c.Facts.typed(), From: from, Where: h.where(c)}, err
}

// challengePassword asks for a captcha before the next try where many were wrong.
func (h *House) challengePassword(ctx context.Context, tx *sqldb.Tx, c *call) error {
	g, err := h.guess(ctx, tx, c)
	if err != nil {
		return err
	}
	asked, err := h.Guesses.Challenge(ctx, tx, g, c.Facts.Human)
	if asked != nil {
		c.Facts.Captcha = asked
	}
	return err
}

// answerPassword: count the try, hash outside any transaction, then either go
// in, or ask for a second proof, or refuse in words that fit every failure.
func (h *House) answerPassword() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"password"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.recent(c); err != nil {
				return err
			}
			g, err := h.guess(ctx, tx, c)
			if err != nil {
				return err
			}
			c.Answer = g
			asked, err := h.Guesses.Reserve(ctx, tx, g, c.Facts.Human)
			if asked != nil {
				c.Facts.Captcha = asked
			}
			if err == nil {
				c.Facts.Human = false // one captcha buys one try
			}
			return err
		},
		Ask: func(ctx context.Context, c *call) error {
			return h.Guesses.Check(ctx, c.Answer.(*proof.Guess), c.Input.Password)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			g := c.Answer.(*proof.Guess)
			who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
			there := err == nil && who.State != account.Gone
			if err != nil && !errors.Is(err, sqldb.ErrNone) {
				return err
			}
			right, err := h.Guesses.Right(ctx, tx, g)
			if err != nil {
				return err
			}
			if right && there {
				return h.rightPassword(ctx, tx, c, g, who)
			}
			c.Refuse(g.Refusal(string(c.Facts.Typed.Way)))
			c.Facts.Captcha, err = h.Guesses.Wrong(ctx, tx, g)
			return err
		},
	}
}

// rightPassword notes the proof. On a device that the account does not know the
// policy asks for another one: a password alone opens no session there (S-23).
func (h *House) rightPassword(ctx context.Context, tx *sqldb.Tx, c *call, g *proof.Guess, who account.Account) error {
	c.Facts.Breached = g.Breached
	c.Facts.Proved, c.Facts.Method = []session.Proof{{Method: string(byPassword), At: tx.Now()}}, ""
	return h.enter(ctx, tx, c, who)
}
