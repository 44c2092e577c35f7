package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// ContactInUse is said only after the contact was proved by code (S-17).
var ContactInUse = fault.Declare("contact_in_use", 409, "creating-an-account/how-many-accounts-can-my-number-have")

func (h *House) showAddContact(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	inputs := []string{string(c.Facts.Adding)}
	if h.region(c.Facts).AskFor == "yes" {
		inputs = append(inputs, "skip")
	}
	return step.AddContact{Head: step.Head{Type: step.TypeAddContact, Inputs: inputs}, Kind: string(c.Facts.Adding), Country: c.Facts.Country}, nil
}

// addPhone sends a code to the phone that the region wants.
func (h *House) addPhone() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"phone", "country"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Adding != contact.Phone {
				return flow.JourneyStep
			}
			number, err := h.readPhone(c)
			if err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, sending{method: bySMS, purpose: purposeContact, phone: number, account: c.Facts.Account})
		},
		NeedsAsk: func(c *call) bool { return h.Numbers.HasLookup() },
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			s := c.Answer.(*sending)
			c.Facts.AddPhone = s.phone
			return h.send(ctx, tx, c, s)
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
			address, err := email.Read(c.Input.Email)
			if err != nil {
				return onField(err, "email")
			}
			return h.countSend(ctx, tx, c, sending{method: byEmail, purpose: purposeContact, email: address.Canonical, account: c.Facts.Account})
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			s := c.Answer.(*sending)
			c.Facts.AddEmail = s.email
			return h.send(ctx, tx, c, s)
		},
	}
}

// addProved gives the proved contact to the account, if nobody else holds it.
func (h *House) addProved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	address := f.AddPhone.E164
	if f.Adding == contact.Email {
		address = f.AddEmail
	}
	holder, err := h.Contacts.Holder(ctx, tx, f.Adding, address)
	if err != nil {
		return err
	}
	who, err := h.Accounts.Load(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	if err := h.Codes.Burn(ctx, tx, &f.Sent, c.Answer.(proof.Source)); err != nil {
		return err
	}
	won := false
	if holder == 0 {
		if won, err = h.Contacts.Claim(ctx, tx, f.Adding, address, f.Account); err != nil {
			return err
		}
	}
	if !won {
		f.AddPhone.E164, f.AddEmail = "", "" // ask for another one
		c.Refuse(ContactInUse.On(string(f.Adding)))
		return nil
	}
	if err := h.Contacts.Add(ctx, tx, f.Account, f.Adding, address); err != nil {
		return err
	}
	if err := h.Audit.Write(ctx, tx, audit.Entry{AccountID: f.Account, Kind: audit.ContactAdded, Details: map[string]string{"kind": string(f.Adding)}}); err != nil {
		return err
	}
	f.Adding = ""
	return h.finish(ctx, tx, c, who)
}

// skipContact goes on without, where the region allows.
func (h *House) skipContact() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if c.Facts.Adding == "" || h.region(c.Facts).AskFor != "yes" {
			return flow.JourneyStep
		}
		who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
		if err != nil {
			return err
		}
		c.Facts.Adding = ""
		return h.finish(ctx, tx, c, who)
	}}
}
