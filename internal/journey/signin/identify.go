package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

func (h *House) showIdentify(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	inputs := []string{"phone", "username"}
	if h.region(c.Facts).MaySignUp("email") {
		inputs = []string{"phone", "email", "username"}
	}
	return step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: inputs}, Country: c.Facts.Country, Providers: []step.Provider{}}, nil
}

// Opening is the first step of a journey that has not begun: a page can show it
// and nothing is written.
func (h *House) Opening(regionName string) step.Identify {
	r, err := h.Regions.Get(regionName)
	if err != nil {
		r, _ = h.Regions.Get("")
	}
	s, _ := h.showIdentify(context.Background(), nil, &call{Facts: &facts{Region: r.Name, Country: r.Country}})
	return s.(step.Identify)
}

// identifyPhone reads a phone number and sends a code to it, whether or not an
// account has it (S-17).
func (h *House) identifyPhone() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"phone", "country"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			number, err := h.readPhone(c)
			if err != nil {
				return err
			}
			id, err := h.Contacts.Holder(ctx, tx, contact.Phone, number.E164)
			if err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, sending{method: bySMS, phone: number, account: id})
		},
		NeedsAsk: func(c *call) bool { return h.Numbers.HasLookup() },
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			s := c.Answer.(*sending)
			f := c.Facts
			f.Phone, f.Account = s.phone, s.account
			return h.send(ctx, tx, c, s)
		},
	}
}

// readPhone reads the number of the input, dialed from the country that was picked.
func (h *House) readPhone(c *call) (numbers.Number, error) {
	country := c.Input.Country
	if country == "" {
		country = c.Facts.Country
	}
	number, err := h.Numbers.Read(c.Input.Phone, country)
	return number, onField(err, "phone")
}

// onField names the field that a refusal of what was typed is about.
func onField(err error, field string) error {
	if f := fault.From(err); f != nil && f.Field == "" {
		return f.On(field)
	}
	return err
}

// askNumber asks the line-type lookup, where one is configured.
func (h *House) askNumber(ctx context.Context, c *call) error {
	s := c.Answer.(*sending)
	number, err := h.Numbers.Ask(ctx, s.phone)
	s.phone = number
	return onField(err, "phone")
}

// identifyEmail does the same for an e-mail, where the region signs up by it.
func (h *House) identifyEmail() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"email"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if !h.region(c.Facts).MaySignUp("email") {
				return MethodUnavailable.On("email").With("reason", "region")
			}
			address, err := email.Read(c.Input.Email)
			if err != nil {
				return onField(err, "email")
			}
			id, err := h.Contacts.Holder(ctx, tx, contact.Email, address.Canonical)
			if err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, sending{method: byEmail, email: address.Canonical, account: id})
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			s := c.Answer.(*sending)
			c.Facts.Email, c.Facts.Account = s.email, s.account
			return h.send(ctx, tx, c, s)
		},
	}
}

// identifyUsername reads a username and asks for the password, whether or not
// there is such an account (S-26).
func (h *House) identifyUsername() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"username", "country"},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			country := c.Input.Country
			if country == "" {
				country = c.Facts.Country
			}
			u, err := h.Directory.Read(c.Input.Username, country)
			if err != nil {
				return err
			}
			id, err := h.Directory.Find(ctx, tx, u)
			if err != nil {
				return err
			}
			c.Facts.Username, c.Facts.Account, c.Facts.Method = u, id, byPassword
			return h.challengePassword(ctx, tx, c)
		},
	}
}

// MethodUnavailable says that a way is not offered here, and why.
var MethodUnavailable = fault.Declare("method_unavailable", 403, "signing-in/how-do-i-sign-in")
