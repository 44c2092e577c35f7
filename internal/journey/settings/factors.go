package settings

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// factorChanges bounds how often one account sets up or removes such methods: each
// is told by a text, and some are hashed.
var factorChanges = quota.Limit{Name: "factor.changes", Windows: []quota.Window{{Max: 30, Per: time.Hour}, {Max: 60, Per: 24 * time.Hour}}}

// Factors is how the account stands with what is set up in a few steps.
type Factors struct {
	TOTP          time.Time // since when an authenticator app is on; zero: it is off
	RecoveryCodes int       // that are left
	CodesMadeAt   time.Time // zero: none were made
	Questions     time.Time // when they were set; zero: they are not
	// QuestionsRefused is why they cannot be set now; nil: they can.
	QuestionsRefused *fault.Fault
}

// Factors reads them.
func (h *House) Factors(ctx context.Context, l *session.Live) (Factors, error) {
	var f Factors
	app, err := h.TOTP.Load(ctx, h.DB, l.AccountID)
	if err != nil {
		return f, err
	}
	set, err := h.RecoveryCodes.Load(ctx, h.DB, l.AccountID)
	if err != nil {
		return f, err
	}
	stored, err := h.Questions.Stored.Load(ctx, h.DB, l.AccountID)
	if err != nil {
		return f, err
	}
	f = Factors{TOTP: app.Since, RecoveryCodes: set.Left, CodesMadeAt: set.MadeAt, Questions: stored.Since}
	err = h.questionsAllowed(ctx, h.DB, l)
	if f.QuestionsRefused = fault.From(err); f.QuestionsRefused != nil {
		err = nil
	}
	return f, err
}

// TOTPOffer is a secret for an authenticator app, shown this once (S-37).
type TOTPOffer struct {
	Secret string // base32, to be typed
	URI    string // to be opened or shown as a QR code
	QR     totp.QR
}

// qrScale is how many pixels a module of a QR code has.
const qrScale = 5

// Picture is the QR code as the address of a picture (RFC 2397).
func (o TOTPOffer) Picture() (string, error) {
	png, err := o.QR.PNG(qrScale)
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png), err
}

// BeginTOTP makes a secret for an authenticator app. It is no factor until a code
// confirms it, and takes the place of one that was begun before.
func (h *House) BeginTOTP(ctx context.Context, l *session.Live) (o TOTPOffer, err error) {
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return o, err
	}
	if err := h.spend(ctx, l, factorChanges); err != nil {
		return o, err
	}
	err = h.act(ctx, l, func(tx *sqldb.Tx) (err error) {
		o.Secret, err = h.TOTP.Begin(ctx, tx, l.AccountID)
		return err
	})
	if err != nil {
		return o, err
	}
	o.URI = totp.URI(o.Secret, h.Brand, l.AccountID.Spaced())
	o.QR, err = totp.NewQR(o.URI)
	return o, err
}

// ConfirmTOTP turns the authenticator app on, or puts it in the place of another,
// if code is one that it shows. Every contact is told.
func (h *House) ConfirmTOTP(ctx context.Context, l *session.Live, typed string) error {
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return err
	}
	code, ok := totp.Read(typed)
	if !ok {
		return fault.InvalidInput.On("code")
	}
	if err := h.spend(ctx, l, factorChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		right, err := h.TOTP.Confirm(ctx, tx, l.AccountID, code)
		if errors.Is(err, sqldb.ErrNone) {
			return TOTPNotBegun
		}
		if err != nil {
			return err
		}
		if !right {
			left, err := proof.TriesLeft(ctx, tx, h.Book, factorChanges, l.AccountID.String())
			if err != nil {
				return err
			}
			return proof.CodeWrong.On("code").With("method", string(policy.TOTP)).With("tries_left", left)
		}
		return h.changed(ctx, tx, l, audit.TOTPOn, "notice_totp_on")
	})
}

// RemoveTOTP turns the authenticator app off, and ends an enrolment that was only
// begun. Every contact is told.
func (h *House) RemoveTOTP(ctx context.Context, l *session.Live) error {
	if err := h.allow(ctx, l, policy.RemoveMethod); err != nil {
		return err
	}
	if err := h.spend(ctx, l, factorChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		found, err := h.TOTP.Remove(ctx, tx, l.AccountID)
		if err != nil || !found {
			return err
		}
		if err := h.keepsSecond(ctx, tx, l); err != nil {
			return err // and nothing of the above has happened
		}
		return h.changed(ctx, tx, l, audit.TOTPOff, "notice_totp_off")
	})
}

// keepsSecond refuses, inside the transaction that takes a way away and with the
// account locked, to leave 2-step verification without a second step.
func (h *House) keepsSecond(ctx context.Context, tx *sqldb.Tx, l *session.Live) error {
	who, err := h.Accounts.Load(ctx, tx, l.AccountID)
	if err != nil || !who.TwoStep {
		return err
	}
	standing, err := h.Prover.StandingOf(ctx, tx, l)
	if err == nil && !proof.StillSecond(standing.Ways) {
		err = proof.LastSecondStep
	}
	return err
}

// NewRecoveryCodes makes ten recovery codes, which end those of before, and answers
// them, this once (S-39). Every contact is told.
func (h *House) NewRecoveryCodes(ctx context.Context, l *session.Live) ([]string, error) {
	if err := h.allow(ctx, l, policy.RecoveryCodes); err != nil {
		return nil, err
	}
	if err := h.spend(ctx, l, factorChanges); err != nil { // ten hashes, and a text
		return nil, err
	}
	fresh, err := h.RecoveryCodes.Make(ctx)
	if err != nil {
		return nil, err
	}
	err = h.act(ctx, l, func(tx *sqldb.Tx) error {
		if err := h.RecoveryCodes.Keep(ctx, tx, l.AccountID, fresh); err != nil {
			return err
		}
		return h.changed(ctx, tx, l, audit.RecoveryCodesNew, "notice_recovery_codes")
	})
	if err != nil {
		return nil, err
	}
	return fresh.Codes, nil
}

// CodesFile is recovery codes as the lines of a file to keep: only what is a code
// gets in, because it comes back from a form.
func CodesFile(codes []string) string {
	var b strings.Builder
	for _, code := range codes[:min(len(codes), recoverycode.Count)] {
		if _, ok := recoverycode.Read(code); ok {
			b.WriteString(code + "\r\n")
		}
	}
	return b.String()
}

// SetQuestions sets the security questions, in place of any others. Every contact
// is told. Where they cannot be set the refusal says why.
func (h *House) SetQuestions(ctx context.Context, l *session.Live, answers []question.Answer) error {
	if err := h.questionsAllowed(ctx, h.DB, l); err != nil {
		return err
	}
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return err
	}
	about := []string{h.Brand, l.Account.Nickname, l.AccountID.String()}
	for _, c := range contacts {
		about = append(about, c.Address)
	}
	if err := question.Judge(answers, about, h.Questions.Texts); err != nil {
		return err
	}
	if err := h.spend(ctx, l, factorChanges); err != nil {
		return err
	}
	hashed, err := h.Questions.Stored.Hash(ctx, answers)
	if err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		if err := h.questionsAllowed(ctx, tx, l); err != nil {
			return err // a contact may have gone while the answers were hashed
		}
		if err := h.Questions.Stored.Set(ctx, tx, l.AccountID, hashed); err != nil {
			return err
		}
		return h.changed(ctx, tx, l, audit.QuestionsSet, "notice_questions_set")
	})
}

// questionsAllowed refuses to set questions, naming the reason.
func (h *House) questionsAllowed(ctx context.Context, q sqldb.Querier, l *session.Live) error {
	refuse := func(reason string) *fault.Fault { return QuestionsUnavailable.With("reason", reason) }
	switch {
	case !h.Questions.Enabled:
		return refuse("policy")
	case l.Account.State == account.IsFrozen:
		return refuse("frozen")
	}
	until, err := h.Questions.Barred(ctx, q, h.Book, l.AccountID)
	if err != nil {
		return err
	}
	if !until.IsZero() {
		return refuse("too_many_tries").Until(until)
	}
	standing, err := h.Prover.StandingOf(ctx, q, l)
	if err != nil {
		return err
	}
	settled := time.Time{} // when the first contact will be old enough
	for _, w := range standing.Ways {
		if w.Method != policy.SMSCode && w.Method != policy.EmailCode {
			continue
		}
		at := w.Since.Add(policy.Young)
		if !q.Now().Before(at) || w.Since.Sub(standing.CreatedAt) <= time.Hour { // what came with the account is as old as it
			return nil
		}
		if settled.IsZero() || at.Before(settled) {
			settled = at
		}
	}
	if settled.IsZero() {
		return refuse("no_contact")
	}
	return refuse("contact_too_new").Until(settled)
}

// RemoveQuestions takes the security questions away. Every contact is told.
func (h *House) RemoveQuestions(ctx context.Context, l *session.Live) error {
	if err := h.allow(ctx, l, policy.RemoveMethod); err != nil {
		return err
	}
	if err := h.spend(ctx, l, factorChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		found, err := h.Questions.Stored.Remove(ctx, tx, l.AccountID)
		if err != nil || !found {
			return err
		}
		return h.changed(ctx, tx, l, audit.QuestionsOff, "notice_questions_off")
	})
}

// changed tells every contact of a change of the ways to prove, and writes the
// history (S-72).
func (h *House) changed(ctx context.Context, tx *sqldb.Tx, l *session.Live, kind audit.Kind, purpose string) error {
	contacts, err := h.Contacts.List(ctx, tx, l.AccountID)
	if err != nil {
		return err
	}
	if err := h.Notices.Tell(ctx, tx, l.Account, contacts, nil, purpose, l.Device.Name, l.Device.Place); err != nil {
		return err
	}
	return h.Audit.Write(ctx, tx, h.entry(l, kind))
}
