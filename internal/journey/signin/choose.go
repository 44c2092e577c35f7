package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
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
	s := step.ChooseMethod{Head: step.Head{Type: step.TypeChooseMethod, Inputs: []string{"method", "back"}}, Unavailable: []step.Method{}}
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

// chooseMethod goes on with another proof, from zero (S-75).
func (h *House) chooseMethod() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"method"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			switch c.Input.Method {
			case byPassword:
				if len(f.Proved) > 0 {
					return MethodUnavailable.On("method").With("reason", "used")
				}
				return nil
			case bySMS, byEmail:
				s, err := h.destination(ctx, tx, f, c.Input.Method)
				if err != nil {
					return err
				}
				if len(f.Proved) > 0 && s.phone.E164 == "" && s.email == "" {
					return MethodUnavailable.On("method").With("reason", "not_set")
				}
				return h.countSend(ctx, tx, c, s)
			}
			return fault.InvalidInput.On("method")
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			if c.Input.Method != byPassword {
				return h.send(ctx, tx, c, c.Answer.(*sending))
			}
			f.Choosing, f.Method = false, byPassword
			switch {
			case f.Username.Value != "":
			case f.Phone.E164 != "":
				f.Username = directory.Username{Way: directory.ByPhone, Value: f.Phone.E164}
			default:
				f.Username = directory.Username{Way: directory.ByEmail, Value: f.Email}
			}
			return h.challengePassword(ctx, tx, c)
		},
	}
}
