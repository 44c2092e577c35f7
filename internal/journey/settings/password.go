package settings

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// passwordChanges bounds how often one account sets a password.
var passwordChanges = quota.Limit{Name: "password.changes", Windows: []quota.Window{{Max: 10, Per: time.Hour}, {Max: 20, Per: 24 * time.Hour}}}

// passwordTries bounds how many new passwords are compared with the earlier ones:
// each comparison is up to six hashes, and its answer confirms a password (S-178).
var passwordTries = quota.Limit{Name: "password.proposed", Windows: []quota.Window{{Max: 30, Per: time.Hour}}}

// objectFor is how long a new password can be objected to by the links of its notices.
const objectFor = 72 * time.Hour

// SetPassword sets or changes the password. It needs what the policy asks for, ends
// all other sessions unless keepOthers, and whatever is pending, and is told to
// every contact (S-28, S-72).
func (h *House) SetPassword(ctx context.Context, l *session.Live, password string, keepOthers bool) error {
	if err := h.allow(ctx, l, policy.SetPassword); err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return err
	}
	hashed, err := h.newPassword(ctx, l, password, contacts)
	if errors.Is(err, errAgain) {
		return nil
	}
	if err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		if err := h.Passwords.Set(ctx, tx, l.AccountID, hashed); err != nil {
			return err
		}
		entry := h.entry(l, audit.PasswordSet)
		if !keepOthers {
			names, err := h.sawOthersEnd(ctx, tx, l)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				entry.Details["signed_out"] = strings.Join(names, ", ")
			}
			if _, err := h.endOthers(ctx, tx, l); err != nil {
				return err
			}
		}
		if _, err := h.Devices.Distrust(ctx, tx, l.AccountID, l.DeviceID); err != nil { // also where others stay signed in
			return err
		}
		if err := h.Endings.Pending(ctx, tx, l.AccountID); err != nil {
			return err
		}
		if err := h.tellPassword(ctx, tx, l, contacts); err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, entry)
	})
}

// errAgain means that the password was set a moment ago: the answer was lost, and
// the call is sent again.
var errAgain = errors.New("settings: it is the password since a moment")

// againFor is how long a moment is.
const againFor = 10 * time.Minute

// newPassword judges a password and hashes it: neither weak, nor the present one,
// nor one of those before.
func (h *House) newPassword(ctx context.Context, l *session.Live, password string, contacts []contact.Contact) (credential.Hashed, error) {
	about := []string{h.Brand, l.Account.Nickname}
	for _, c := range contacts {
		about = append(about, c.Address)
	}
	if err := h.Passwords.Judge(ctx, password, about...); err != nil {
		return credential.Hashed{}, err
	}
	if err := h.spend(ctx, l, passwordTries); err != nil {
		return credential.Hashed{}, err
	}
	stored, err := h.Passwords.Load(ctx, h.DB, l.AccountID)
	if err != nil {
		return credential.Hashed{}, err
	}
	if err := h.Passwords.Fresh(ctx, stored, password); err != nil {
		if f := fault.From(err); f != nil && f.Args["since"] != nil && h.DB.Now().Sub(stored.SetAt()) < againFor {
			return credential.Hashed{}, errAgain
		}
		return credential.Hashed{}, err
	}
	if err := h.spend(ctx, l, passwordChanges); err != nil { // each is told by a text
		return credential.Hashed{}, err
	}
	return h.Passwords.Hash(ctx, password)
}

// tellPassword tells every contact, with a link by which a change that was not the
// owner's freezes the account.
func (h *House) tellPassword(ctx context.Context, tx *sqldb.Tx, l *session.Live, contacts []contact.Contact) error {
	var by []string
	for _, p := range l.Proved {
		if !slices.Contains(by, p.Method) {
			by = append(by, p.Method)
		}
	}
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: l.AccountID, Kind: change.SetPassword, State: change.Done,
		By: strings.Join(by, " "), ObjectUntil: tx.Now().Add(objectFor)})
	if err != nil {
		return err
	}
	return h.Notices.Send(ctx, tx, proof.Notice{Who: l.Account, To: contacts, Purpose: "notice_password", Device: l.Device.Name, Place: l.Device.Place, Token: token})
}
