package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// sending is a code about to be sent: what Count paid for and Apply sends.
type sending struct {
	method  string
	purpose string
	phone   numbers.Number
	email   string
	account account.ID
	asked   bool // a captcha comes first: nothing was paid
}

// The purposes of codes; each has its own message and its own MAC.
const (
	purposeSignIn  = "signin"
	purposeDevice  = "device" // the second proof on a new device
	purposeContact = "contact"
)

func (s *sending) code() proof.Code {
	if s.method == bySMS {
		return proof.Code{Purpose: s.purpose, Channel: courier.SMS, Address: s.phone.E164, Country: s.phone.Country}
	}
	return proof.Code{Purpose: s.purpose, Channel: courier.Email, Address: s.email}
}

// countSend spends the limits of a code, unless a captcha has to come first.
func (h *House) countSend(ctx context.Context, tx *sqldb.Tx, c *call, s sending) error {
	if s.purpose == "" {
		s.purpose = purposeSignIn
	}
	from, err := h.source(ctx, tx, c, s.account)
	if err != nil {
		return err
	}
	if !c.Facts.Human {
		if s.asked, err = h.Codes.Challenged(ctx, tx, from); err != nil {
			return err
		}
	}
	c.Answer = &s
	if s.asked {
		return nil
	}
	return h.Codes.Spend(ctx, tx, &c.Facts.Sent, s.code(), from)
}

// send sends the code that countSend paid for, or asks for the captcha first.
func (h *House) send(ctx context.Context, tx *sqldb.Tx, c *call, s *sending) error {
	f := c.Facts
	f.Choosing = false
	if s.asked {
		asked, err := h.Captchas.Ask("network", 1, c.Now)
		f.Captcha, f.Wanted = asked, s.method
		return err
	}
	if f.Adding == "" {
		f.Method = s.method
	}
	f.Human = false
	return h.Codes.Send(ctx, tx, c.ID, &f.Sent, s.code(), f.Locale, int64(s.account))
}

// destination finds where a code by method would go: to what was typed, else to
// the contact of the account that was meant, else to nobody (which the person
// is not told).
func (h *House) destination(ctx context.Context, q sqldb.Querier, f *facts, method string) (sending, error) {
	s := sending{method: method, account: f.Account, purpose: purposeSignIn}
	if len(f.Proved) > 0 {
		s.purpose = purposeDevice
	}
	typed := len(f.Proved) == 0
	switch {
	case method == bySMS && typed && f.Phone.E164 != "":
		s.phone = f.Phone
		return s, nil
	case method == byEmail && typed && f.Email != "":
		s.email = f.Email
		return s, nil
	case method == bySMS && typed && f.Username.Way == directory.ByPhone:
		s.phone = numbers.Known(f.Username.Value)
		return s, nil
	case method == byEmail && typed && f.Username.Way == directory.ByEmail && h.region(f).MaySignUp("email"):
		s.email = f.Username.Value
		return s, nil
	}
	contacts, err := h.Contacts.List(ctx, q, f.Account)
	if err != nil {
		return s, err
	}
	if method == byEmail {
		have, _ := contact.Of(contacts, contact.Email)
		s.email = have.Address
		return s, nil
	}
	if have, ok := contact.Of(contacts, contact.Phone); ok {
		s.phone = numbers.Known(have.Address) // an account keeps the number it has, whatever the policy says now
	}
	return s, nil
}
