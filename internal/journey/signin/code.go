package signin

import (
	"context"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
)

func (h *House) showCode(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	s, err := h.Codes.Show(ctx, q, &f.Sent, c.Now)
	if err != nil {
		return nil, err
	}
	s.Inputs = []string{"code", "resend", "other_way", "back"}
	switch {
	case f.MaySkip:
		s.Inputs = []string{"code", "resend", "back", "skip"}
	case f.Adding != "":
		s.Inputs = []string{"code", "resend", "back"}
	}
	return s, nil
}

// answerCode judges the code in Count, where the try is spent, and acts in Apply.
func (h *House) answerCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.recent(c); err != nil {
				return err
			}
			from, err := h.source(ctx, tx, c, c.Facts.Account)
			if err != nil {
				return err
			}
			c.Answer = &proof.Taken{From: from}
			err = h.Codes.Try(ctx, tx, c.ID, &c.Facts.Sent, c.Input.Code, from)
			if proof.CodeWrong.Is(err) && c.Facts.Sent.Newest().Tries >= h.Codes.Limits().Tries {
				if err := h.Audit.Write(ctx, tx, audit.Entry{AccountID: c.Facts.Account, Kind: audit.CodesExhausted, Details: h.where(c)}); err != nil {
					return err
				}
				if err := h.Notices.FailedAttempts(ctx, tx, c.Facts.Account); err != nil {
					return err
				}
			}
			return err
		},
		NeedsAsk: func(c *call) bool { return c.Facts.Adding == "" && h.Prover.AsksHistory(&c.Facts.Sent) },
		Ask: func(ctx context.Context, c *call) error {
			h.Prover.AskHistory(ctx, &c.Facts.Sent, c.Answer.(*proof.Taken))
			return nil
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
// or to a new one where nobody has it, the person typed it and the region allows.
// The code is used up whatever comes of it (S-12).
func (h *House) codeProved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, code := c.Facts, *c.Facts.Sent.Newest()
	kind, method := contact.Phone, bySMS
	if code.Channel == courier.Email {
		kind, method = contact.Email, byEmail
	}
	if code.Purpose != purposeSignIn {
		return fmt.Errorf("signin: a code for %s as the first proof", code.Purpose)
	}
	id, who, err := h.holder(ctx, tx, kind, code.Address)
	if err != nil {
		return err
	}
	if err := h.Codes.Burn(ctx, tx, &f.Sent, c.Answer.(*proof.Taken).From); err != nil {
		return err
	}
	if code.Hidden && id != f.Account { // the contact changed hands since
		return h.stop(c, proof.CredentialsInvalid.With("username", string(f.Typed.Way)))
	}
	switch {
	case id == 0 && f.Linking: // whose account is to be linked has one
		return h.stop(c, proof.MethodUnavailable.With("reason", "no_account"))
	case id == 0 && !h.region(f).MaySignUp(string(kind)):
		return h.stop(c, proof.MethodUnavailable.With("reason", "region"))
	}
	f.Proved = append(f.Proved, session.Proof{Method: string(method), At: tx.Now()})
	f.Method = ""
	switch {
	case id != 0:
		f.Account = id
		if err := h.proveContact(ctx, tx, c, kind, method); err != nil {
			return err
		}
		return h.enter(ctx, tx, c, who)
	case kind == contact.Email:
		f.NewPassword = true
		return nil
	}
	return h.create(ctx, tx, c, contact.Phone, code.Address)
}

// proveContact notes that a contact answers, unless it is doubted just now: what is
// doubted does not end the doubt (S-80).
func (h *House) proveContact(ctx context.Context, tx *sqldb.Tx, c *call, kind contact.Kind, method policy.Method) error {
	f := c.Facts
	t := proof.NewTurn(c, &f.Proving)
	t.History = c.Answer.(*proof.Taken).History
	if err := h.Prover.Notice(ctx, tx, t); err != nil || slices.Contains(f.Risk.Doubted, method) {
		return err
	}
	return h.Contacts.Proved(ctx, tx, f.Account, kind)
}

// holder finds and locks the account that has a contact; 0 if none has.
func (h *House) holder(ctx context.Context, tx *sqldb.Tx, kind contact.Kind, address string) (account.ID, account.Account, error) {
	id, err := h.Contacts.Holder(ctx, tx, kind, address)
	if err != nil || id == 0 {
		return 0, account.Account{}, err
	}
	who, err := h.Accounts.Load(ctx, tx, id)
	return id, who, err
}

// samePassword tells whether the password that was proved is still that of the
// account: one that was changed meanwhile proves nothing (S-28).
func (h *House) samePassword(ctx context.Context, tx *sqldb.Tx, f *facts) (bool, error) {
	i := slices.IndexFunc(f.Proved, func(p session.Proof) bool { return p.Method == string(byPassword) })
	if i < 0 {
		return true, nil
	}
	now, err := h.Passwords.Load(ctx, tx, f.Account)
	return now.IsSet() && !now.SetAt().After(f.Proved[i].At), err
}

// resend sends another code to where the last one went.
func (h *House) resend() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.recent(c); err != nil {
				return err
			}
			last := c.Facts.Sent.Newest()
			s := &sending{Account: c.Facts.Account, Code: proof.Code{Purpose: last.Purpose, Channel: last.Channel, Address: last.Address,
				Country: last.Country, Subject: last.Subject, Shown: last.Shown, Hidden: last.Hidden}}
			if at := h.Codes.ResendAt(&c.Facts.Sent, last.Channel, last.Subject); c.Now.Before(at) {
				return proof.CodesLimited.With("limit", "destination").Until(at)
			}
			return h.countSend(ctx, tx, c, s)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.send(ctx, tx, c, c.Answer.(*sending))
		},
	}
}

// lateCode tells what became of a code that comes when the journey is over.
func (h *House) lateCode() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			return h.Codes.Late(c.ID, &c.Facts.Sent, c.Input.Code)
		},
	}
}
