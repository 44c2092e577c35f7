package settings

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// passwordChanges bounds how often one account sets a password.
var passwordChanges = quota.Limit{Name: "password.changes", Windows: []quota.Window{{Max: 10, Per: time.Hour}, {Max: 20, Per: 24 * time.Hour}}}

// SetPassword sets or changes the password. It needs a fresh proof, ends all
// other sessions unless keepOthers, and is told to every contact (S-28, S-72).
func (h *House) SetPassword(ctx context.Context, l *session.Live, password string, keepOthers bool) error {
	if err := h.allow(ctx, l, policy.SetPassword); err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return err
	}
	about := []string{h.Brand, l.Account.Nickname}
	for _, c := range contacts {
		about = append(about, c.Address)
	}
	if err := h.Passwords.Judge(ctx, password, about...); err != nil {
		return err
	}
	if err := h.spend(ctx, l, passwordChanges); err != nil { // each is hashed, and told by a text
		return err
	}
	hashed, err := h.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		if err := h.Passwords.Set(ctx, tx, l.AccountID, hashed); err != nil {
			return err
		}
		if !keepOthers {
			if _, err := h.endOthers(ctx, tx, l); err != nil {
				return err
			}
		}
		if err := h.Notices.Tell(ctx, tx, l.Account, contacts, nil, "notice_password", l.Device.Name, l.Device.Place); err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, h.entry(l, audit.PasswordSet))
	})
}
