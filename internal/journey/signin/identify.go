package signin

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
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
	s := step.Identify{Country: c.Facts.Country, Providers: []step.Provider{}}
	if h.Passkeys != nil {
		inputs = append(inputs, "passkey")
		if options := h.Passkeys.Options(c.ID, c.Facts.Held, c.Now); options != nil {
			s.Passkey = options
		}
	}
	if h.Desk != nil {
		if list := h.Desk.Choices(c.Facts.Region, c.Facts.Surface, c.Facts.Nonce, c.Now); len(list) > 0 {
			inputs, s.Providers = append(inputs, "provider"), list
		}
	}
	if c.Facts.Linking {
		inputs, s.Link = append(inputs, "back"), c.Facts.Foreign.Provider
	}
	s.Head = step.Head{Type: step.TypeIdentify, Inputs: inputs}
	return s, nil
}

// Opening is the first step of a journey that has not begun: a page can show it
// and nothing is written; surface is where ("page", "in_app").
func (h *House) Opening(regionName, surface string) step.Step {
	r, err := h.Regions.Get(regionName)
	if err != nil {
		r, _ = h.Regions.Get("")
	}
	s, _ := h.showIdentify(context.Background(), nil, &call{Facts: &facts{Region: r.Name, Country: r.Country, Surface: surface}})
	return s
}

// identified sends the first code, and remembers who was meant.
func (h *House) identified(ctx context.Context, tx *sqldb.Tx, c *call) error {
	s := c.Answer.(*sending)
	way := directory.ByPhone
	if s.Typed.E164 == "" {
		way = directory.ByEmail
	}
	c.Facts.Typed, c.Facts.Account = directory.Username{Way: way, Value: s.Code.Address}, s.Account
	return h.send(ctx, tx, c, s)
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
			return h.countSend(ctx, tx, c, toPhone(purposeSignIn, number, id))
		},
		NeedsAsk: h.needsNumber,
		Ask:      h.askNumber,
		Apply:    h.identified,
	}
}

// readPhone reads the number of the input, dialed from the country that was picked.
func (h *House) readPhone(c *call) (numbers.Number, error) {
	number, err := h.Numbers.Read(c.Input.Phone, h.country(c))
	return number, onField(err, "phone")
}

// onField names the field that a refusal of what was typed is about.
func onField(err error, field string) error {
	if f := fault.From(err); f != nil && f.Field == "" {
		return f.On(field)
	}
	return err
}

func (h *House) country(c *call) string {
	if c.Input.Country != "" {
		return c.Input.Country
	}
	return c.Facts.Country
}

// identifyEmail does the same for an e-mail, where the region signs up by it.
func (h *House) identifyEmail() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"email"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if !h.region(c.Facts).MaySignUp("email") {
				return proof.MethodUnavailable.On("email").With("reason", "region")
			}
			address, err := email.Read(c.Input.Email)
			if err != nil {
				return onField(err, "email")
			}
			id, err := h.Contacts.Holder(ctx, tx, contact.Email, address.Canonical)
			if err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, toEmail(purposeSignIn, address.Canonical, id))
		},
		Apply: h.identified,
	}
}

// identifyUsername reads a username and asks for the password, whether or not
// there is such an account (S-26).
func (h *House) identifyUsername() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"username", "country"},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			u, err := h.Directory.Read(c.Input.Username, h.country(c))
			if err != nil {
				return err
			}
			id, err := h.find(ctx, tx, u)
			if err != nil {
				return err
			}
			c.Facts.Typed, c.Facts.Account, c.Facts.Method = u, id, byPassword
			return h.challengePassword(ctx, tx, c)
		},
	}
}

// find answers the account that a username means; 0 if there is none, of a
// number that nobody has as of a phone that nobody has.
func (h *House) find(ctx context.Context, tx *sqldb.Tx, u directory.Username) (account.ID, error) {
	id, err := h.Directory.Find(ctx, tx, u)
	if err != nil || u.Way != directory.ByID {
		return id, err
	}
	_, err = h.Accounts.Load(ctx, tx, id)
	if errors.Is(err, sqldb.ErrNone) {
		return 0, nil
	}
	return id, err
}
