package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// identifyPasskey takes a passkey as the answer to who one is: it names the account
// and proves it at once. Nothing tells beforehand which accounts have one (S-34).
func (h *House) identifyPasskey() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"credential"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if h.Passkeys == nil {
				return flow.JourneyStep.With("present", string(c.Step))
			}
			if err := h.recent(c); err != nil {
				return err
			}
			found, err := h.Passkeys.Discover(ctx, tx, proof.NewTurn(c, &c.Facts.Proving))
			c.Answer = found
			return err
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f, found := c.Facts, c.Answer.(*proof.Found)
			who, err := h.Accounts.Load(ctx, tx, found.Account)
			if err != nil {
				return err
			}
			f.Account, f.Action = found.Account, policy.SignIn
			if err := h.Passkeys.Accept(ctx, tx, proof.NewTurn(c, &f.Proving), found); err != nil {
				return err
			}
			if len(f.Proved) == 0 { // there may be a copy of it: it proves nothing
				h.restart(f)
				return nil
			}
			return h.enter(ctx, tx, c, who)
		},
	}
}
