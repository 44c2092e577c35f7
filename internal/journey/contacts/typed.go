package contacts

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

func (h *House) showAddContact(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return addContact(c.Facts), nil
}

func addContact(f *facts) step.AddContact {
	inputs := []string{string(f.Contact)}
	if !f.TakenAt.IsZero() {
		inputs = append(inputs, "dispute")
	}
	return step.AddContact{Head: step.Head{Type: step.TypeAddContact, Inputs: inputs}, Kind: string(f.Contact), Country: f.Country}
}

// Opening is the first step of a journey that has not begun, so that a look at
// the page writes nothing; nil if the kind is none of ours.
func (h *House) Opening(kind, regionName string) step.Step {
	k, ours := kinds[kind]
	if !ours {
		return nil
	}
	r, err := h.Regions.Get(regionName)
	if err != nil {
		r, _ = h.Regions.Get("")
	}
	f := &facts{Country: r.Country, Act: k.act, Contact: k.contact}
	if k.act == toRemove {
		return h.confirmStep(f, nil)
	}
	return addContact(f)
}

// typePhone reads the new phone, has its line looked up, and goes on to the proofs.
func (h *House) typePhone() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"phone", "country"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			country := c.Input.Country
			if country == "" {
				country = c.Facts.Country
			}
			number, err := h.Numbers.Read(c.Input.Phone, country)
			if err != nil {
				return onField(err, "phone")
			}
			return h.named(ctx, tx, c, contact.Phone, typed{Address: number.E164, Number: number, Shown: numbers.Mask(number.E164)})
		},
		NeedsAsk: func(c *call) bool { return h.Numbers.HasLookup() },
		Ask: func(ctx context.Context, c *call) error {
			_, err := h.Numbers.Ask(ctx, c.Answer.(*typed).Number)
			return onField(err, "phone")
		},
		Apply: h.take,
	}
}

// typeEmail does the same for an e-mail.
func (h *House) typeEmail() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"email"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			address, err := email.Read(c.Input.Email)
			if err != nil {
				return onField(err, "email")
			}
			return h.named(ctx, tx, c, contact.Email, typed{Address: address.Canonical, Shown: email.Mask(address.Canonical)})
		},
		Apply: h.take,
	}
}

// onField names the field that a refusal of what was typed is about.
func onField(err error, field string) error {
	if f := fault.From(err); f != nil && f.Field == "" {
		return f.On(field)
	}
	return err
}

// named spends what naming a contact costs, and tells early what will not go.
// Whether another account has it is not among that (S-17).
func (h *House) named(ctx context.Context, tx *sqldb.Tx, c *call, kind contact.Kind, t typed) error {
	if c.Facts.Contact != kind {
		return flow.JourneyStep.With("present", string(c.Step))
	}
	c.Answer = &t
	id := c.Facts.Account.String()
	refused, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: h.Rules.Typed, Subject: id})
	if err != nil {
		return err
	}
	if refused != nil {
		return fault.RateLimited.Until(refused.RetryAt)
	}
	spend := h.changing(c.Facts)
	if c.Facts.Act == toDispute {
		spend = quota.Spend{Limit: h.Rules.Disputes, Subject: id}
	}
	if refused, err = h.Book.Check(ctx, tx, spend); err != nil || refused == nil {
		return err
	}
	if c.Facts.Act == toDispute {
		return DisputesLimited.Until(refused.RetryAt)
	}
	return ContactChangesLimited.Until(refused.RetryAt)
}

// changing is the price of a change of one kind of contact.
func (h *House) changing(f *facts) quota.Spend {
	return quota.Spend{Limit: h.Rules.Changes, Subject: string(f.Contact) + f.Account.String()}
}

// take goes on with the contact that was typed: to the proofs, or where they are
// enough to the code.
func (h *House) take(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	list, err := h.Contacts.List(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	old, _ := contact.Of(list, f.Contact)
	t := c.Answer.(*typed)
	if t.Address == old.Address {
		return ContactUnchanged.On(string(f.Contact))
	}
	if f.Old != old.Address {
		f.Without = false
	}
	f.restart()
	f.New, f.Old = t, old.Address
	return h.advance(ctx, tx, c)
}

// restart forgets the contact that was typed and what became of it. What was sent
// and what was proved stays, so that nobody counts from zero by going back.
func (f *facts) restart() {
	f.New, f.CodeOut, f.SendWaits, f.Claiming, f.Confirmed = nil, false, false, false, false
	f.TakenAt = time.Time{}
	f.Method, f.Ready = "", false
}
