package contacts

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// showConfirm tells what a removal or a dispute will do.
func (h *House) showConfirm(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	list, err := h.Contacts.List(ctx, q, c.Facts.Account)
	if err != nil {
		return nil, err
	}
	return h.confirmStep(c.Facts, list), nil
}

func (h *House) confirmStep(f *facts, list []contact.Contact) step.Confirm {
	s := step.Confirm{Head: step.Head{Type: step.TypeConfirm, Inputs: []string{"confirm"}}}
	if f.Act == toRemove {
		own, _ := contact.Of(list, f.Contact)
		s.Action = "remove_" + string(f.Contact)
		s.Effects = []step.Effect{{Effect: "contact_goes", To: orNone(own)}}
		for _, c := range list {
			s.Effects = append(s.Effects, step.Effect{Effect: "contact_told", To: masked(c)})
		}
		s.Effects = append(s.Effects, step.Effect{Effect: "can_undo", Count: int(h.Rules.ObjectFor / time.Hour)})
		return s
	}
	s.Action = "dispute_" + string(f.Contact)
	s.Inputs = append(s.Inputs, "back")
	s.Effects = []step.Effect{{Effect: "holder_told", To: f.New.Shown}, {Effect: "waits", Count: int(h.Rules.Wait / time.Hour)}, {Effect: "contact_comes"}}
	return s
}

func orNone(c contact.Contact) string {
	if c.Address == "" {
		return ""
	}
	return masked(c)
}

// claim asks to confirm that a contact that another account has is disputed.
func (h *House) claim() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.TakenAt.IsZero() {
				return flow.JourneyStep.With("present", string(c.Step))
			}
			return nil
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			c.Facts.Claiming = true
			return nil
		},
	}
}

// confirm accepts what was told: the proofs of a removal come next, or the dispute
// begins.
func (h *House) confirm() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Act != toRemove {
				return nil
			}
			who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
			if err != nil {
				return err
			}
			return h.removable(ctx, tx, who, c.Facts.Contact) // told before anything is proved for nothing
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Act != toRemove {
				return h.dispute(ctx, tx, c)
			}
			c.Facts.Confirmed = true
			return h.advance(ctx, tx, c)
		},
	}
}

// removable refuses a removal that would leave the account without a way in, or
// without a way back, or without the contact that its region wants (S-73). Its
// caller holds the account's row.
func (h *House) removable(ctx context.Context, q sqldb.Querier, who account.Account, kind contact.Kind) error {
	list, err := h.Contacts.List(ctx, q, who.ID)
	if err != nil {
		return err
	}
	if _, has := contact.Of(list, kind); !has {
		return ContactMissing
	}
	if r, err := h.Regions.Get(who.Region); err == nil && r.Required == string(kind) {
		return ContactRequired
	}
	left, err := h.waysWithout(ctx, q, who, method(kind))
	if err != nil {
		return err
	}
	if !left {
		return proof.LastWayIn
	}
	return nil
}

// ways in, and ways back where the password is forgotten.
var (
	waysIn   = map[policy.Method]bool{policy.SMSCode: true, policy.EmailCode: true, policy.Password: true, policy.Passkey: true}
	waysBack = map[policy.Method]bool{policy.SMSCode: true, policy.EmailCode: true, policy.Passkey: true, policy.RecoveryCode: true}
)

// waysWithout tells whether the account can still be entered, and come back to,
// without one method.
func (h *House) waysWithout(ctx context.Context, q sqldb.Querier, who account.Account, gone policy.Method) (bool, error) {
	standing, err := h.Prover.Standing(ctx, q, who, "")
	if err != nil {
		return false, err
	}
	in, back := false, false
	for _, w := range standing.Ways {
		if w.Method != gone && w.Unavailable == "" {
			in, back = in || waysIn[w.Method], back || waysBack[w.Method]
		}
	}
	return in && back, nil
}

// remove takes the contact off the account, once enough is proved. Of two removals
// at once the lock of the account lets one in, and the other finds what it left.
func (h *House) remove(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	who, ok, err := h.stands(ctx, tx, c)
	if err != nil || !ok {
		return err
	}
	if err := h.removable(ctx, tx, who, f.Contact); err != nil {
		if fault.From(err) == nil {
			return err
		}
		f.restart()
		c.Refuse(err)
		return nil
	}
	before, err := h.Contacts.List(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	old, err := h.Contacts.Release(ctx, tx, f.Account, f.Contact)
	if err != nil {
		return err
	}
	if _, err := h.Changes.EndWaiting(ctx, tx, f.Account, change.Withdrawn, kindOf("replace", f.Contact)); err != nil {
		return err
	}
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: f.Account, Kind: kindOf("remove", f.Contact), By: f.by(),
		Before: old.Address, ObjectUntil: tx.Now().Add(h.Rules.ObjectFor)})
	if err != nil {
		return err
	}
	n := h.notice(c, who, "notice_contact_removed")
	n.To, n.Token = before, token
	if err := h.tell(ctx, tx, n, f.Contact); err != nil {
		return err
	}
	return h.happened(ctx, tx, c, audit.ContactRemoved, "removed", masked(old))
}
