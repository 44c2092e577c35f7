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
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// House is what the settings use.
type House struct {
	DB        *sqldb.DB
	Accounts  *account.Store
	Contacts  *contact.Store
	Devices   *device.Store
	Sessions  *session.Store
	Audit     *audit.Store
	Passwords *credential.Passwords
	Book      *quota.Book
	Notices   *proof.Notices
	Brand     string
	Tags      []string      // languages an account may choose
	FreshFor  time.Duration // how long a proof is good for a sensitive act
	Changes   quota.Limit   // profile changes of one account
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

// fresh refuses a sensitive act whose last proof is too old; action is what a
// prove journey would be for.
func (h *House) fresh(l *session.Live, action string) error {
	if l.ProvedWithin(h.FreshFor, h.DB.Now()) {
		return nil
	}
	return session.ProofRequired.With("for", action)
}

// Overview is the account as its page and GET /api/v1/account show it.
type Overview struct {
	Account  account.Account
	Contacts []contact.Contact
	Password time.Time // when it was set; zero: none
}

// Overview reads the account.
func (h *House) Overview(ctx context.Context, l *session.Live) (Overview, error) {
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return Overview{}, err
	}
	stored, err := h.Passwords.Load(ctx, h.DB, l.AccountID)
	return Overview{l.Account, contacts, stored.SetAt()}, err
}

// FullContacts reads the contacts unmasked. It needs a fresh proof and is audited (S-67).
func (h *House) FullContacts(ctx context.Context, l *session.Live) ([]contact.Contact, error) {
	if err := h.fresh(l, "view_contacts"); err != nil {
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
