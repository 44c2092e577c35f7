package signin

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

func (h *House) showCode(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	code := f.Sent.Newest()
	if code == nil {
		return nil, fmt.Errorf("signin: at the code step without a code")
	}
	limits := h.Codes.Limits()
	s := step.Code{
		Head:    step.Head{Type: step.TypeCode, Inputs: []string{"code", "resend", "other_way", "back"}},
		Channel: string(code.Channel), To: h.shown(f, code), Length: limits.Length,
		ExpiresAt: code.ExpiresAt, SentAt: code.SentAt, ResendAt: h.Codes.ResendAt(&f.Sent, code.Channel, code.Address),
		Sends: len(f.Sent.Codes), TriesLeft: max(0, limits.Tries-code.Tries),
		Delivery: step.Delivery{State: "queued", At: code.SentAt},
	}
	switch {
	case f.Adding != "" && h.region(f).AskFor == "yes":
		s.Inputs = []string{"code", "resend", "back", "skip"}
	case f.Adding != "":
		s.Inputs = []string{"code", "resend", "back"}
	case len(f.Proved) > 0:
		s.Reason = "new_device"
	}
	if code.Address == "" || code.SentAt.Equal(c.Now) {
		return s, nil
	}
	d, err := h.Courier.Delivery(ctx, q, code.MessageID)
	s.Delivery = step.Delivery{State: d.State, Reason: d.Reason, At: d.At}
	return s, err
}

// shown is the masked destination. What the person did not type is shown only
// after a first proof (S-77).
func (h *House) shown(f *facts, code *proof.Code) string {
	typed := code.Address != "" && (code.Address == f.Phone.E164 || code.Address == f.Email ||
		code.Address == f.Username.Value || code.Address == f.AddPhone.E164 || code.Address == f.AddEmail)
	if !typed && len(f.Proved) == 0 {
		return ""
	}
	if code.Channel == courier.SMS {
		return numbers.Mask(code.Address)
	}
	return email.Mask(code.Address)
}

// answerCode judges the code in Count, where the try is spent, and acts in Apply.
func (h *House) answerCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			from, err := h.source(ctx, tx, c, c.Facts.Account)
			if err != nil {
				return err
			}
			c.Answer = from
			err = h.Codes.Try(ctx, tx, c.ID, &c.Facts.Sent, c.Input.Code, from)
			if proof.CodeWrong.Is(err) && c.Facts.Sent.Newest().Tries >= h.Codes.Limits().Tries && c.Facts.Account != 0 {
				if err := h.Audit.Write(ctx, tx, audit.Entry{AccountID: c.Facts.Account, Kind: audit.CodesExhausted, Details: h.where(c)}); err != nil {
					return err
				}
			}
			return err
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if c.Facts.Adding != "" {
				return h.addProved(ctx, tx, c)
			}
			return h.codeProved(ctx, tx, c)
		},
	}
}

// codeProved goes on with a right code: into the account that has the contact,
// or to a new one where nobody has it and the region allows.
func (h *House) codeProved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	code := f.Sent.Newest()
	kind, method := contact.Phone, bySMS
	if code.Channel == courier.Email {
		kind, method = contact.Email, byEmail
	}
	id, err := h.Contacts.Holder(ctx, tx, kind, code.Address)
	if err != nil {
		return err
	}
	var who account.Account
	if id != 0 {
		if who, err = h.Accounts.Load(ctx, tx, id); err != nil {
			return err
		}
		if err := account.Gate(who.State); err != nil {
			return err
		}
		if len(f.Proved) > 0 && id != f.Account {
			return CredentialsInvalid // the contact left the account between the two proofs
		}
	} else if !h.region(f).MaySignUp(string(kind)) || len(f.Proved) > 0 {
		return MethodUnavailable.With("reason", "region")
	}
	if err := h.Codes.Burn(ctx, tx, &f.Sent, c.Answer.(proof.Source)); err != nil {
		return err
	}
	f.Proved = append(f.Proved, session.Proof{Method: method, At: tx.Now()})
	f.Method = ""
	switch {
	case id != 0:
		f.Account = id
		if err := h.Contacts.Proved(ctx, tx, id, kind); err != nil {
			return err
		}
		return h.finish(ctx, tx, c, who)
	case kind == contact.Email:
		f.Email, f.NewPassword = code.Address, true
		return nil
	}
	return h.create(ctx, tx, c, contact.Phone, code.Address)
}

// resend sends another code to where the last one went.
func (h *House) resend() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			last := c.Facts.Sent.Newest()
			s := sending{method: bySMS, purpose: last.Purpose, phone: numbers.Number{E164: last.Address, Country: last.Country}, account: c.Facts.Account}
			if last.Channel == courier.Email {
				s.method, s.email = byEmail, last.Address
			}
			return h.countSend(ctx, tx, c, s)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.send(ctx, tx, c, c.Answer.(*sending))
		},
	}
}

// lateCode answers a code that comes when the journey is over.
func (h *House) lateCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.Codes.Try(ctx, tx, c.ID, &c.Facts.Sent, c.Input.Code, proof.Source{Addr: c.Visitor.Addr})
		},
	}
}
