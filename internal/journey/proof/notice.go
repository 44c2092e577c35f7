package proof

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
)

// noticeFor is how long a security notice is worth delivering.
const noticeFor = 24 * time.Hour

// Notices tells owners what happened to their accounts (S-72).
type Notices struct {
	courier *courier.Courier
	words   *locale.Book
	brand   string
	zone    func(region string) *time.Location
}

// NewNotices makes Notices; zone is the time zone of a region.
func NewNotices(c *courier.Courier, words *locale.Book, brand string, zone func(region string) *time.Location) *Notices {
	return &Notices{c, words, brand, zone}
}

// Tell sends the notice of a purpose ("notice_device") to the contacts of an
// account, in its language, but not to the addresses except: those whose codes
// just opened the door, and whose holder knows.
func (n *Notices) Tell(ctx context.Context, tx *sqldb.Tx, who account.Account, contacts []contact.Contact, except []string, purpose, device, place string) error {
	tag := locale.Tag(who.Locale)
	device = cmp.Or(device, n.words.T(tag, "notice.unknown_device"))
	place = cmp.Or(place, n.words.T(tag, "notice.unknown_place"))
	args := []any{"brand", n.brand, "device", device, "place", place, "time", n.words.DateTime(tag, tx.Now(), n.zone(who.Region))}
	for _, to := range contacts {
		if slices.Contains(except, to.Address) {
			continue
		}
		m := courier.Message{ID: randid.ID(tx.Now()), Channel: courier.SMS, To: to.Address, Purpose: purpose,
			Locale: who.Locale, AccountID: int64(who.ID), ExpiresAt: tx.Now().Add(noticeFor)}
		if to.Kind == contact.Email {
			m.Channel = courier.Email
			m.Subject = n.words.T(tag, "mail."+purpose+".subject", args...)
			m.Text = n.words.T(tag, "mail."+purpose+".text", args...)
		} else {
			m.Text = n.words.T(tag, "sms."+purpose, args...)
		}
		if err := n.courier.Post(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}
