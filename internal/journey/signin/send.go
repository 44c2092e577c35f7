package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// sending is a code about to be sent: what Count paid for and Apply sends, or
// what waits for a captcha.
type sending struct {
	Code    proof.Code     `json:"code"`
	Account account.ID     `json:"account,omitempty"` // whom it is for, as far as is known
	Typed   numbers.Number `json:"typed,omitzero"`    // a number that a line look-up has not seen
	asked   bool           // a captcha comes first: nothing was paid
	out     bool           // such a code was sent a moment ago: nothing is sent
}

// The purposes of codes; each has its own message and its own MAC.
const (
	purposeSignIn  = "signin"
	purposeContact = "contact"
)

// toPhone is a code for a number that the person typed.
func toPhone(purpose string, n numbers.Number, id account.ID) *sending {
	return &sending{Account: id, Typed: n, Code: proof.Code{Purpose: purpose, Channel: courier.SMS, Address: n.E164, Subject: n.E164, Country: n.Country, Shown: numbers.Mask(n.E164)}}
}

// toEmail is a code for an e-mail that the person typed.
func toEmail(purpose, address string, id account.ID) *sending {
	return &sending{Account: id, Code: proof.Code{Purpose: purpose, Channel: courier.Email, Address: address, Subject: address, Shown: email.Mask(address)}}
}

// countSend spends the limits of a code, unless a captcha has to come first or
// the same was asked for a moment ago, and leaves it for Apply.
func (h *House) countSend(ctx context.Context, tx *sqldb.Tx, c *call, s *sending) error {
	from, err := h.source(ctx, tx, c, s.Account)
	if err != nil {
		return err
	}
	c.Answer, s.asked, s.out = s, false, h.Codes.Out(&c.Facts.Sent, s.Code, c.Now)
	if s.out {
		return nil
	}
	if !c.Facts.Human {
		if s.asked, err = h.Codes.Challenged(ctx, tx, from); err != nil || s.asked {
			return err
		}
	}
	err = h.Codes.Spend(ctx, tx, &c.Facts.Sent, &s.Code, from)
	if proof.CodesLimited.Is(err) && fault.From(err).Args["limit"] == "destination" && !c.Now.Before(h.Codes.ResendAt(&c.Facts.Sent, s.Code.Channel, s.Code.Subject)) {
		if err := proof.AuditLimit(ctx, tx, h.Book, h.Audit, audit.Entry{AccountID: s.Account, Kind: audit.CodesLimited, Details: h.where(c)}, s.Code.Subject); err != nil {
			return err
		}
	}
	return err
}

// send sends the code that countSend paid for, or asks for the captcha first.
func (h *House) send(ctx context.Context, tx *sqldb.Tx, c *call, s *sending) error {
	f := c.Facts
	if s.asked {
		var err error
		f.Captcha, err = h.Captchas.Ask("network", 1, c.Now)
		f.Waiting = s
		return err
	}
	f.Choosing = false
	if s.Code.Purpose == purposeContact {
		f.AddSent = true
	} else {
		f.Method = bySMS
		if s.Code.Channel == courier.Email {
			f.Method = byEmail
		}
	}
	if s.out {
		return nil
	}
	f.Human = false
	return h.Codes.Send(ctx, tx, c.ID, &f.Sent, s.Code, f.Locale, int64(s.Account))
}

// destination finds where the first code by a method goes: to what was typed, else
// to the contact of the account that was meant, else to nobody. The person is told
// no difference between the last two (S-17, S-77).
func (h *House) destination(ctx context.Context, q sqldb.Querier, f *facts, method policy.Method) (*sending, error) {
	switch {
	case method == bySMS && f.Typed.Way == directory.ByPhone:
		return toPhone(purposeSignIn, numbers.Known(f.Typed.Value), f.Account), nil
	case method == byEmail && f.Typed.Way == directory.ByEmail && h.region(f).MaySignUp("email"):
		return toEmail(purposeSignIn, f.Typed.Value, f.Account), nil
	}
	contacts, err := h.Contacts.List(ctx, q, f.Account)
	if err != nil {
		return nil, err
	}
	s := toPhone(purposeSignIn, numbers.Number{}, f.Account)
	if method == byEmail {
		have, _ := contact.Of(contacts, contact.Email)
		s = toEmail(purposeSignIn, have.Address, f.Account)
	} else if have, ok := contact.Of(contacts, contact.Phone); ok {
		s = toPhone(purposeSignIn, numbers.Known(have.Address), f.Account)
	}
	s.Typed = numbers.Number{} // an account keeps the number it has, whatever is found out about it now
	s.Code.Hidden, s.Code.Shown, s.Code.Subject = true, "", "username\x00"+f.typed()
	if method == byEmail && f.Typed.Way == directory.ByEmail {
		s.Code.Shown = email.Mask(f.Typed.Value)
	}
	return s, nil
}

// needsNumber tells whether the number that a code is for has to be looked up first.
func (h *House) needsNumber(c *call) bool {
	s, ok := c.Answer.(*sending)
	return ok && !s.asked && !s.out && s.Typed.E164 != "" && h.Numbers.HasLookup()
}

// askNumber asks the line-type look-up.
func (h *House) askNumber(ctx context.Context, c *call) error {
	_, err := h.Numbers.Ask(ctx, c.Answer.(*sending).Typed)
	return onField(err, "phone")
}
