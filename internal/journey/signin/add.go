package signin

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// adds names the contact that each kind of journey gives to an account.
var adds = map[string]contact.Kind{"change_phone": contact.Phone, "change_email": contact.Email}

// Adding is the journeys change_phone and change_email as far as they give an
// account the contact that it lacks: a signed-in person with a fresh proof names
// it and proves it by a code.
//
//	add_contact --phone/email--> [captcha] -> code --right--> done
func Adding(h *House) *flow.Journey[facts] {
	j := Journey(h)
	j.Kinds = []string{"change_phone", "change_email"}
	j.Begin = h.beginAdding
	for _, unused := range []step.Type{step.TypeIdentify, step.TypePassword, step.TypeChooseMethod, step.TypeNewPassword} {
		delete(j.Steps, unused)
	}
	for _, s := range j.Steps {
		for name, move := range s.Moves {
			s.Moves[name] = h.onlyMember(move)
		}
	}
	return j
}

// onlyMember lets nobody make a move but the person who began, in the same
// session: what a signed-out browser began goes no further (S-70).
func (h *House) onlyMember(move flow.Move[facts]) flow.Move[facts] {
	count := move.Count
	move.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if s := c.Visitor.Session; s == nil || s.ID != c.Facts.Member || s.AccountID != c.Facts.Account {
			return session.Required
		}
		if count == nil {
			return nil
		}
		return count(ctx, tx, c)
	}
	return move
}

func (h *House) beginAdding(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	if v.Session == nil {
		return nil, session.Required
	}
	if !v.Session.ProvedWithin(proofFor, now) {
		return nil, session.ProofRequired.With("for", b.Kind)
	}
	b.Region = v.Session.Account.Region
	f, err := h.begin(v, b, now)
	if fault.InvalidInput.Is(err) && b.Country == "" { // the account's region is no longer offered
		b.Region = ""
		f, err = h.begin(v, b, now)
	}
	if err != nil {
		return nil, err
	}
	f.Account, f.Member, f.Adding = v.Session.AccountID, v.Session.ID, adds[b.Kind]
	for _, p := range v.Session.Proved {
		if now.Sub(p.At) <= proofFor {
			f.Proved = append(f.Proved, p)
		}
	}
	return f, nil
}

// lacks refuses to add what the account has already: changing it needs the old one.
func (h *House) lacks(ctx context.Context, q sqldb.Querier, c *call) error {
	if c.Facts.Member == "" {
		return nil
	}
	contacts, err := h.Contacts.List(ctx, q, c.Facts.Account)
	if err != nil {
		return err
	}
	if _, has := contact.Of(contacts, c.Facts.Adding); has {
		return proof.MethodUnavailable.With("reason", "has_one")
	}
	return nil
}

// added ends the journey of a signed-in person; the session that began it goes on.
func (h *House) added(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, acts ...audit.Entry) error {
	c.Facts.Done = &done{At: tx.Now(), Account: who.ID, Nickname: who.Nickname}
	return h.Audit.Write(ctx, tx, acts...)
}
