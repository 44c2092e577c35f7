package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
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

// showChooseMethod lists the ways. Before a first proof it is the same list for
// everybody, with no hint of what the account has (S-17, S-77).
func (h *House) showChooseMethod(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	s := step.ChooseMethod{Head: step.Head{Type: step.TypeChooseMethod, Inputs: []string{"method", "back"}}, Methods: []step.Method{}, Unavailable: []step.Method{}}
	if len(c.Facts.Proved) == 0 {
		s.Methods = []step.Method{{Method: bySMS}, {Method: byEmail}, {Method: byPassword}}
		return s, nil
	}
	contacts, err := h.Contacts.List(ctx, q, c.Facts.Account)
	if err != nil {
		return nil, err
	}
	if have, ok := contact.Of(contacts, contact.Phone); ok {
		s.Methods = append(s.Methods, step.Method{Method: bySMS, To: numbers.Mask(have.Address)})
	} else {
		s.Unavailable = append(s.Unavailable, step.Method{Method: bySMS, Reason: "not_set"})
	}
	if have, ok := contact.Of(contacts, contact.Email); ok {
		s.Methods = append(s.Methods, step.Method{Method: byEmail, To: email.Mask(have.Address)})
	} else {
		s.Unavailable = append(s.Unavailable, step.Method{Method: byEmail, Reason: "not_set"})
	}
	return s, nil
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
			switch c.Input.Method {
			case byPassword:
				if len(c.Facts.Proved) > 0 {
					return proof.MethodUnavailable.On("method").With("reason", "used")
				}
				return nil
			case bySMS, byEmail:
				s, err := h.destination(ctx, tx, c.Facts, c.Input.Method)
				if err != nil {
					return err
				}
				if len(c.Facts.Proved) > 0 && s.Code.Address == "" {
					return proof.MethodUnavailable.On("method").With("reason", "not_set")
				}
				return h.countSend(ctx, tx, c, s)
			}
			return fault.InvalidInput.On("method")
		},
		NeedsAsk: h.needsNumber,
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Input.Method != byPassword {
				return h.send(ctx, tx, c, c.Answer.(*sending))
			}
			c.Facts.Choosing, c.Facts.Method = false, byPassword
			return h.challengePassword(ctx, tx, c)
		},
	}
}

// sendOrChoose sends a code inside Apply; where a limit stops it, or there is
// nowhere to send it to, the person is told and chooses another way, and keeps
// what is already proved.
func (h *House) sendOrChoose(ctx context.Context, tx *sqldb.Tx, c *call, method string) error {
	s, err := h.destination(ctx, tx, c.Facts, method)
	if err != nil {
		return err
	}
	if s.Code.Address == "" {
		c.Facts.Choosing = true
		c.Refuse(proof.MethodUnavailable.On("method").With("reason", "not_set"))
		return nil
	}
	switch err := h.countSend(ctx, tx, c, s); {
	case fault.From(err) != nil:
		c.Facts.Choosing = true
		c.Refuse(err)
		return nil
	case err != nil:
		return err
	}
	return h.send(ctx, tx, c, s)
}
