package contacts

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
)

// purposeContact is what codes to a new contact are for.
const purposeContact = "contact"

// newCode is a code to the contact that was typed.
func (f *facts) newCode() proof.Code {
	code := proof.Code{Purpose: purposeContact, Channel: courier.SMS, Address: f.New.Address, Subject: f.New.Address, Country: f.New.Number.Country, Shown: f.New.Shown}
	if f.Contact == contact.Email {
		code.Channel = courier.Email
	}
	return code
}

// sendNew sends a code to the new contact, unless one is out or a captcha has to
// come first. It runs in Apply: a limit that stops it is told, and what it counted
// is kept.
func (h *House) sendNew(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, code := c.Facts, c.Facts.newCode()
	if h.Prover.Codes.Out(&f.NewSent, code, c.Now) {
		f.CodeOut = true
		return nil
	}
	from, err := h.Prover.Source(ctx, tx, proof.NewTurn(c, &f.Proving))
	if err != nil {
		return err
	}
	if !f.Human {
		asked, err := h.Prover.Codes.Challenged(ctx, tx, from)
		if err != nil {
			return err
		}
		if asked {
			f.SendWaits = true
			f.Captcha, err = h.Prover.Captchas.Ask("network", 1, c.Now)
			return err
		}
	}
	if err := h.Prover.Codes.Spend(ctx, tx, &f.NewSent, &code, from); err != nil {
		if fault.From(err) == nil {
			return err
		}
		if !f.CodeOut {
			f.restart()
		}
		c.Refuse(onField(err, string(f.Contact)))
		return nil
	}
	return h.post(ctx, tx, c, code)
}

func (h *House) post(ctx context.Context, tx *sqldb.Tx, c *call, code proof.Code) error {
	f := c.Facts
	f.Human, f.CodeOut = false, true
	return h.Prover.Codes.Send(ctx, tx, c.ID, &f.NewSent, code, f.Locale, int64(f.Account))
}

// thenSend sends the code that waited for the captcha, once that is solved.
func (h *House) thenSend(captcha flow.Move[facts]) flow.Move[facts] {
	apply := captcha.Apply
	captcha.Apply = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		f := c.Facts
		if !f.SendWaits || f.Captcha != nil {
			return apply(ctx, tx, c)
		}
		f.SendWaits = false
		return h.sendNew(ctx, tx, c)
	}
	return captcha
}

// showCode shows the code to the new contact, or the one that proves the account.
func (h *House) showCode(theirs showing) showing {
	return func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
		if c.Facts.Active() {
			return theirs(ctx, q, c)
		}
		s, err := h.Prover.Codes.Show(ctx, q, &c.Facts.NewSent, c.Now)
		s.Inputs = []string{"code", "resend", "back"}
		return s, err
	}
}

// fresh refuses to go on with proofs that were made too long ago; they are asked
// for again, and the contact that was typed stays. It runs in Count.
func (h *House) fresh(c *call) error {
	f := c.Facts
	for _, p := range f.Proved {
		if c.Now.Sub(p.At) > policy.FreshFor {
			f.Proved, f.Ready, f.Method = nil, false, ""
			return session.ProofRequired.With("for", string(f.Action))
		}
	}
	return nil
}

// answerCode judges the code to the new contact.
func (h *House) answerCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.fresh(c); err != nil {
				return err
			}
			t := proof.NewTurn(c, &c.Facts.Proving)
			from, err := h.Prover.Source(ctx, tx, t)
			if err != nil {
				return err
			}
			c.Answer = from
			err = h.Prover.Codes.Try(ctx, tx, c.ID, &c.Facts.NewSent, c.Input.Code, from)
			if proof.CodeWrong.Is(err) && c.Facts.NewSent.Newest().Tries >= h.Prover.Codes.Limits().Tries {
				if err := h.Audit.Write(ctx, tx, h.entry(c, audit.CodesExhausted)); err != nil {
					return err
				}
			}
			return err
		},
		Apply: h.proved,
	}
}

// resend sends another code to the new contact.
func (h *House) resend() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.fresh(c); err != nil {
				return err
			}
			last := c.Facts.NewSent.Newest()
			if at := h.Prover.Codes.ResendAt(&c.Facts.NewSent, last.Channel, last.Subject); c.Now.Before(at) {
				return proof.CodesLimited.With("limit", "destination").Until(at)
			}
			return nil
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error { return h.sendNew(ctx, tx, c) },
	}
}

// lateCode tells what became of a code that comes when the journey is over.
func (h *House) lateCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.Prover.Codes.Late(c.ID, &c.Facts.NewSent, c.Input.Code)
		},
	}
}

// entry is an act of this journey for the history.
func (h *House) entry(c *call, kind audit.Kind) audit.Entry {
	e := audit.Entry{AccountID: c.Facts.Account, Kind: kind, Details: h.where(c)}
	if s := c.Visitor.Session; s != nil {
		e.DeviceID = s.DeviceID
	}
	return e
}

// where tells, for the owner's eyes, from which device and place something was done.
func (h *House) where(c *call) map[string]string {
	device, at := origin(c.Visitor)
	out := map[string]string{}
	if device != "" {
		out["device"] = device
	}
	if at != "" {
		out["place"] = at
	}
	return out
}

// origin is the device and the place of a visitor, as the session knows them.
func origin(v flow.Visitor) (device, place string) {
	device, place = v.DeviceName, v.Place
	if s := v.Session; s != nil {
		if device == "" {
			device = s.Device.Name
		}
		if place == "" {
			place = s.Device.Place
		}
	}
	return device, place
}
