package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// otherWay leaves the present proof for the list of proofs.
func (h *House) otherWay() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if c.Facts.Adding != "" {
			return flow.JourneyStep
		}
		c.Facts.Choosing = true
		return nil
	}}
}

// showChooseMethod lists the ways to prove first. It is the same list for
// everybody, with no hint of what the account has (S-17, S-77).
func (h *House) showChooseMethod(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return step.ChooseMethod{Head: step.Head{Type: step.TypeChooseMethod, Inputs: []string{"method", "back"}},
		Methods: []step.Method{{Method: string(bySMS)}, {Method: string(byEmail)}, {Method: string(byPassword)}}, Unavailable: []step.Method{}}, nil
}

// chooseMethod goes on with another proof, from zero (S-75); what was counted
// stays counted.
func (h *House) chooseMethod() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"method"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.recent(c); err != nil {
				return err
			}
			switch m := policy.Method(c.Input.Method); m {
			case byPassword:
				return nil
			case bySMS, byEmail:
				s, err := h.destination(ctx, tx, c.Facts, m)
				if err != nil {
					return err
				}
				return h.countSend(ctx, tx, c, s)
			}
			return fault.InvalidInput.On("method")
		},
		NeedsAsk: h.needsNumber,
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Input.Method != string(byPassword) {
				return h.send(ctx, tx, c, c.Answer.(*sending))
			}
			c.Facts.Choosing, c.Facts.Method = false, byPassword
			return h.challengePassword(ctx, tx, c)
		},
	}
}
