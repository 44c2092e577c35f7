package proof

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	args := []any{"brand", n.brand, "device", cmp.Or(plain(device), n.words.T(tag, "notice.unknown_device")),
		"place", cmp.Or(place, n.words.T(tag, "notice.unknown_place")), "time", n.words.DateTime(tag, tx.Now(), n.zone(who.Region))}
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

// plain is the name of a device if it can be neither a link nor a number to call
// nor a sentence, else empty: an app names its device as it likes, and a text to
// the owner must not carry a stranger's words (S-18).
func plain(device string) string {
	digits := 0
	for _, r := range device {
		switch {
		case unicode.IsDigit(r):
			digits++
		case !unicode.IsLetter(r) && !strings.ContainsRune(" -'()", r):
			return ""
		}
	}
	if digits > 6 || utf8.RuneCountInString(device) > 32 || strings.Count(device, " ") > 3 {
		return ""
	}
	return device
}
