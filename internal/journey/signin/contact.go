package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showAddContact(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	inputs := []string{string(c.Facts.Adding)}
	if c.Facts.MaySkip {
		inputs = append(inputs, "skip")
	}
	hint := ""
	if c.Facts.Adding == contact.Email {
		hint = c.Facts.Hint
	}
	return step.AddContact{Head: step.Head{Type: step.TypeAddContact, Inputs: inputs}, Kind: string(c.Facts.Adding), Country: c.Facts.Country, Hint: hint}, nil
}

// wants tells whether the region of an account asks it for a contact that it
// lacks. An account that was left at that question is asked again when its owner
// comes back: only here is there no session without it.
func (h *House) wants(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) (bool, error) {
	f := c.Facts
	r, err := h.Regions.Get(who.Region)
	asks, linked := r.AskFor, len(f.Proved) > 0 && f.Proved[0].Method == string(byLinked)
	if linked || f.Linked {
		asks = r.AskAfterProvider
	}
	if err != nil || f.Asked || asks == "no" || asks == "" || r.Required == "" {
		return false, nil // a region that is no longer offered asks for nothing
	}
	contacts, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return false, err
	}
	if _, has := contact.Of(contacts, contact.Kind(r.Required)); has {
		return false, nil
	}
	if linked && asks == "yes" && len(contacts) > 0 && !f.Linked {
		return false, nil // it has another, and this was asked when it was linked
	}
	f.Asked, f.Adding, f.AddSent, f.MaySkip = true, contact.Kind(r.Required), false, asks == "yes"
	return true, nil
}

// addPhone sends a code to the phone that the region wants.
func (h *House) addPhone() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"phone", "country"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Adding != contact.Phone {
				return flow.JourneyStep
			}
			if err := h.recent(c); err != nil {
				return err
			}
			number, err := h.readPhone(c)
			if err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, toPhone(purposeContact, number, c.Facts.Account))
		},
		NeedsAsk: h.needsNumber,
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.send(ctx, tx, c, c.Answer.(*sending))
		},
	}
}

// addEmail sends a code to the e-mail that the region wants.
func (h *House) addEmail() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"email"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Adding != contact.Email {
				return flow.JourneyStep
			}
			if err := h.recent(c); err != nil {
				return err
			}
			address, err := email.Read(c.Input.Email)
			if err != nil {
				return onField(err, "email")
			}
			return h.countSend(ctx, tx, c, toEmail(purposeContact, address.Canonical, c.Facts.Account))
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.send(ctx, tx, c, c.Answer.(*sending))
		},
	}
}

// addProved gives the proved contact to the account, if nobody else holds it.
func (h *House) addProved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, address := c.Facts, c.Facts.Sent.Newest().Address
	who, err := h.Accounts.Load(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	if err := h.Codes.Burn(ctx, tx, &f.Sent, c.Answer.(*proof.Taken).From); err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	kind := f.Adding
	if _, has := contact.Of(contacts, kind); has { // another journey of the same person was quicker
		f.Adding = ""
		return h.enter(ctx, tx, c, who)
	}
	won, err := h.Contacts.Claim(ctx, tx, kind, address, f.Account)
	if err != nil {
		return err
	}
	if !won {
		f.AddSent = false // another one, then
		c.Refuse(contact.InUse.On(string(kind)))
		return nil
	}
	if err := h.Contacts.Add(ctx, tx, f.Account, kind, address); err != nil {
		return err
	}
	details := h.where(c)
	details["kind"], details["contact"] = string(kind), f.Sent.Newest().Shown
	if !f.Made {
		if err := h.Notices.Tell(ctx, tx, who, contacts, nil, "notice_contact", f.Device.Name, c.Visitor.Place); err != nil {
			return err
		}
	}
	f.Adding = ""
	return h.enter(ctx, tx, c, who, audit.Entry{AccountID: f.Account, Kind: audit.ContactAdded, Details: details})
}

// skipContact goes on without, where the region allows.
func (h *House) skipContact() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Adding == "" || !c.Facts.MaySkip {
				return flow.JourneyStep
			}
			return h.recent(c)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
			if err != nil {
				return err
			}
			c.Facts.Adding = ""
			return h.enter(ctx, tx, c, who)
		},
	}
}
