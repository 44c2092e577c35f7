// Package settings holds what a signed-in person sees and changes in the account
// page without a journey: profile, password, devices, activity, the contacts as
// they are. Each act checks how fresh the proof is, writes its audit row in its
// own transaction and tells the owner. It owns no table.
package settings

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// House is what the settings use.
type House struct {
	DB            *sqldb.DB
	Accounts      *account.Store
	Contacts      *contact.Store
	Devices       *device.Store
	Sessions      *session.Store
	Audit         *audit.Store
	Passwords     *credential.Passwords
	Book          *quota.Book
	Notices       *proof.Notices
	Prover        *proof.Prover
	Changes       *change.Store
	Endings       *proof.Endings
	Watch         proof.Watch // nil: nobody watches
	Passkeys      *passkey.Store
	Party         *passkey.Party
	TOTP          *totp.Store
	RecoveryCodes *recoverycode.Store
	Questions     *proof.Questions
	Prompts       *proof.Prompts
	Watching      *Watching
	Brand         string
	Tags          []string    // languages an account may choose
	ProfileLimit  quota.Limit // profile changes of one account
}

// Live checks a session token for a door, and notes its use.
func (h *House) Live(ctx context.Context, token string) (*session.Live, error) {
	l, err := h.Sessions.Check(ctx, h.DB, token)
	if err == session.ErrNone {
		return nil, session.Required
	}
	if err != nil {
		return nil, err
	}
	return l, h.Sessions.Touch(ctx, h.DB, l)
}

// allow refuses a sensitive act for which the session has not proved enough, as
// the policy says for this account now (S-67); a prove journey for the action
// helps.
func (h *House) allow(ctx context.Context, l *session.Live, action policy.Action) error {
	d, err := h.Prover.Allows(ctx, h.DB, l, action)
	if err == nil && !d.Enough {
		err = session.ProofRequired.With("for", string(action))
	}
	return err
}

// Allowed tells whether the session has proved enough for an action now, for the
// pages that ask before somebody types.
func (h *House) Allowed(ctx context.Context, l *session.Live, action policy.Action) (bool, error) {
	err := h.allow(ctx, l, action)
	if session.ProofRequired.Is(err) {
		return false, nil
	}
	return err == nil, err
}

// Overview is the account as its page and GET /api/v1/account show it.
type Overview struct {
	Account  account.Account
	Contacts []contact.Contact
	Password time.Time // when it was set; zero: none
	// Ways are all that the account can be proved by, and Offered the methods that
	// accounts here can have.
	Ways    []policy.Way
	Offered []policy.Method
	// CodesLeft is how many recovery codes are not used yet.
	CodesLeft int
	Trusted   bool // this device skips the second step
}

// Overview reads the account.
func (h *House) Overview(ctx context.Context, l *session.Live) (Overview, error) {
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return Overview{}, err
	}
	stored, err := h.Passwords.Load(ctx, h.DB, l.AccountID)
	o := Overview{Account: l.Account, Contacts: contacts, Password: stored.SetAt()}
	if err != nil {
		return o, err
	}
	standing, err := h.Prover.StandingOf(ctx, h.DB, l)
	o.Ways, o.Trusted, o.Offered = standing.Ways, standing.TrustedDevice, h.Prover.Offered()
	for _, w := range standing.Ways {
		o.CodesLeft += w.Left
	}
	return o, err
}

// FullContacts reads the contacts unmasked. It needs a fresh proof and is audited (S-67).
func (h *House) FullContacts(ctx context.Context, l *session.Live) ([]contact.Contact, error) {
	if err := h.allow(ctx, l, policy.ViewContacts); err != nil {
		return nil, err
	}
	err := h.act(ctx, l, func(tx *sqldb.Tx) error {
		return h.Audit.Write(ctx, tx, h.entry(l, audit.ContactsViewed))
	})
	if err != nil {
		return nil, err
	}
	return h.Contacts.List(ctx, h.DB, l.AccountID)
}

func (h *House) entry(l *session.Live, kind audit.Kind) audit.Entry {
	e := audit.Entry{AccountID: l.AccountID, Kind: kind, DeviceID: l.DeviceID, Details: map[string]string{}}
	if l.Device.Name != "" {
		e.Details["device"] = l.Device.Name
	}
	return e
}

// act runs a change in a transaction in which the session still stands: it may
// have been ended while a picture was decoded or a password hashed (S-60).
func (h *House) act(ctx context.Context, l *session.Live, f func(tx *sqldb.Tx) error) error {
	return h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		still, err := h.Sessions.Still(ctx, tx, l)
		if err != nil {
			return err
		}
		if !still {
			return session.Required
		}
		return f(tx)
	})
}

// spend charges a limit of the account before the work is done (S-152).
func (h *House) spend(ctx context.Context, l *session.Live, limit quota.Limit) error {
	var refused *quota.Refusal
	err := h.DB.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		refused, err = h.Book.Spend(ctx, tx, quota.Spend{Limit: limit, Subject: l.AccountID.String()})
		return err
	})
	if err == nil && refused != nil {
		return fault.RateLimited.Until(refused.RetryAt)
	}
	return err
}

// Activity reads recent activity, newest first, older than before (zero: all).
func (h *House) Activity(ctx context.Context, l *session.Live, before time.Time, n int) ([]audit.Entry, error) {
	return h.Audit.List(ctx, h.DB, l.AccountID, before, n)
}
