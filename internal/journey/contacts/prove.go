package contacts

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// advance asks for what is still to be proved of the account, the old contact
// first, or goes on where that is enough.
func (h *House) advance(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	f.Action, f.Ready, f.Method = f.action(), false, ""
	var prefer []policy.Method
	if f.Act == toChange && f.Old != "" && !f.Without {
		prefer = append(prefer, method(f.Contact))
	}
	if err := h.Prover.Continue(ctx, tx, proof.NewTurn(c, &f.Proving), prefer...); err != nil || !f.Ready {
		return err
	}
	return h.enough(ctx, tx, c)
}

// enough goes on once the policy is content. A change with the old contact at hand
// also wants a code to it, and beside it another proof where the account has one:
// never the method alone that is replaced (S-67).
func (h *House) enough(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	missing, err := h.missing(ctx, tx, c)
	switch {
	case err != nil:
		return err
	case len(missing) == 1:
		return h.Prover.Ask(ctx, tx, proof.NewTurn(c, &f.Proving), missing[0])
	case len(missing) > 1:
		f.Ready = false // the person chooses
		return nil
	case f.Act == toRemove:
		return h.remove(ctx, tx, c)
	}
	return h.sendNew(ctx, tx, c)
}

// missing lists the methods of which a change with the old contact wants one more,
// beyond what the policy asks for; none if it has what it wants.
func (h *House) missing(ctx context.Context, q sqldb.Querier, c *call) ([]policy.Method, error) {
	f := c.Facts
	if f.Act != toChange || f.Old == "" || f.Without {
		return nil, nil
	}
	list, err := h.Contacts.List(ctx, q, f.Account)
	if err != nil {
		return nil, err
	}
	old := method(f.Contact)
	had, _ := contact.Of(list, f.Contact)
	if !slices.ContainsFunc(f.Proved, func(p session.Proof) bool { // a proof of the contact that was there before is none
		return p.Method == string(old) && !p.At.Before(had.VerifiedAt)
	}) {
		return []policy.Method{old}, nil
	}
	if slices.ContainsFunc(f.Proved, func(p session.Proof) bool { return p.Method != string(old) }) {
		return nil, nil
	}
	who, err := h.Accounts.Load(ctx, q, f.Account)
	if err != nil {
		return nil, err
	}
	standing, err := h.Prover.Standing(ctx, q, who, c.Visitor.DeviceSecret)
	if err != nil {
		return nil, err
	}
	var others []policy.Method
	for _, w := range standing.Ways {
		young := c.Now.Sub(w.Since) < policy.Young && w.Since.Sub(who.CreatedAt) > time.Hour && !w.Replaced
		if w.Method != old && w.Method != policy.Questions && w.Unavailable == "" && !young {
			others = append(others, w.Method)
		}
	}
	return others, nil
}

// showChoose adds to the ways of the policy what this change wants besides, and
// the way without the old contact.
func (h *House) showChoose(show showing) showing {
	return func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
		shown, err := show(ctx, q, c)
		s, ok := shown.(step.ChooseMethod)
		if err != nil || !ok {
			return shown, err
		}
		missing, err := h.missing(ctx, q, c)
		if err != nil {
			return nil, err
		}
		if len(s.Methods) == 0 {
			contacts, err := h.Contacts.List(ctx, q, c.Facts.Account)
			if err != nil {
				return nil, err
			}
			for _, m := range missing {
				s.Methods = append(s.Methods, step.Method{Method: string(m), To: shownTo(m, contacts)})
			}
		}
		if c.Facts.mayGoWithout() {
			s.Wait = &step.WaitOption{Hours: int(h.Rules.Wait / time.Hour)}
			s.Inputs = append(s.Inputs, "wait")
		}
		if c.Facts.Act != toRemove {
			s.Inputs = append(s.Inputs, "back")
		}
		return s, nil
	}
}

type showing = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error)

// shownTo is the masked contact that a code by a method goes to.
func shownTo(m policy.Method, contacts []contact.Contact) string {
	switch m {
	case policy.SMSCode:
		c, _ := contact.Of(contacts, contact.Phone)
		return masked(c)
	case policy.EmailCode:
		c, _ := contact.Of(contacts, contact.Email)
		return masked(c)
	}
	return ""
}

func masked(c contact.Contact) string {
	if c.Kind == contact.Email {
		return email.Mask(c.Address)
	}
	return numbers.Mask(c.Address)
}

// mayGoWithout tells whether the person can still say that the old contact is out
// of reach.
func (f *facts) mayGoWithout() bool { return f.Act == toChange && f.Old != "" && !f.Without }

// withoutOld lets time and higher proofs stand in for the old contact.
func (h *House) withoutOld() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if !c.Facts.mayGoWithout() {
				return proof.MethodUnavailable.With("reason", "no_wait")
			}
			return nil
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			c.Facts.Without = true
			return h.advance(ctx, tx, c)
		},
	}
}

// back goes back to the question which contact it is to be.
func (h *House) back() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Act == toRemove {
				return flow.JourneyStep.With("present", string(c.Step))
			}
			return nil
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			c.Facts.restart()
			c.Facts.Without = false
			return nil
		},
	}
}
