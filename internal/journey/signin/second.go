package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// proving are the steps of what is asked for after the first proof. From each the
// person can go back to the start; nothing goes on from a proof that is too old.
func (h *House) proving() map[step.Type]flow.Step[facts] {
	steps := proof.Steps(h.Prover, func(f *facts) *proof.Proving { return &f.Proving }, h.proved)
	for name, s := range steps {
		for input, move := range s.Moves {
			s.Moves[input] = h.stillRecent(move)
		}
		if _, has := s.Moves["back"]; has || name == step.TypeCaptcha {
			continue
		}
		s.Moves["back"] = h.startOver()
		show := s.Show
		s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
			shown, err := show(ctx, q, c)
			if err != nil {
				return nil, err
			}
			return step.With(shown, "back"), nil
		}
		steps[name] = s
	}
	return steps
}

func (h *House) stillRecent(move flow.Move[facts]) flow.Move[facts] {
	count := move.Count
	move.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if err := h.recent(c); err != nil {
			return err
		}
		return count(ctx, tx, c)
	}
	return move
}

// suffices asks the policy whether what is proved opens the account. If it does
// not, the next proof is begun, or the person chooses one.
func (h *House) suffices(ctx context.Context, tx *sqldb.Tx, c *call, who *account.Account) (bool, error) {
	f := c.Facts
	f.Action = policy.SignIn
	t := proof.NewTurn(c, &f.Proving)
	if err := h.Prover.Notice(ctx, tx, t); err != nil {
		return false, err
	}
	if h.Prover.Plain(t, *who) {
		f.Ready, f.Method = true, ""
		return true, nil
	}
	var prefer []policy.Method
	if !who.TwoStep && f.Proved[0].Method == string(byPassword) { // a text, as ever; after another proof the person chooses
		prefer = []policy.Method{policy.SMSCode, policy.EmailCode}
	}
	err := h.Prover.Continue(ctx, tx, t, prefer...)
	if err != nil || !f.Ready {
		return false, err
	}
	*who, err = h.Accounts.Load(ctx, tx, f.Account) // a rule may have frozen it just now
	return err == nil, err
}

// proved goes on once enough is proved. What was right when it was proved may have
// been changed since (S-28).
func (h *House) proved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	switch same, err := h.samePassword(ctx, tx, c.Facts); {
	case err != nil:
		return err
	case !same:
		return h.stop(c, proof.CredentialsInvalid.With("username", string(c.Facts.Typed.Way)))
	}
	switch same, err := h.sameLink(ctx, tx, c.Facts); {
	case err != nil:
		return err
	case !same:
		return h.stop(c, flow.JourneyExpired)
	}
	who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
	if err != nil {
		return err
	}
	return h.enter(ctx, tx, c, who)
}
