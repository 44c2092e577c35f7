// Package proof holds the ways to show that an account is yours: it sends a
// code, checks it and burns it, and it asks for a captcha where a robot is
// likely. It must never decide which proof is enough; journeys do. It owns no
// table: what is out is in the journey's facts, what is spent is in quota.
package proof

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
)

// Code is a verification code that is out. It stands in the facts of its
// journey, hashed under the journey, purpose and destination (S-09, S-10).
type Code struct {
	Purpose string          `json:"purpose"`
	Channel courier.Channel `json:"channel"`
	Address string          `json:"address"` // canonical; empty: sent to nobody, so that nobody learns that there is nobody
	Country string          `json:"country,omitempty"`
	// Subject is whom the person asked a code for, as the limits count it: the
	// address that was typed or, of a Hidden code, the username.
	Subject string `json:"subject"`
	Shown   string `json:"shown,omitempty"` // the masked destination; empty: not to be shown
	// Hidden: the person typed another name of the account and has proved nothing.
	// Nothing about this code may tell whether it goes to anybody (S-17, S-77).
	Hidden    bool      `json:"hidden,omitempty"`
	MAC       []byte    `json:"mac"`
	MessageID string    `json:"message"`
	SentAt    time.Time `json:"sent_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Tries     int       `json:"tries"`
	UsedAt    time.Time `json:"used_at,omitzero"`
}

// Sent is all the codes of one journey: the newest first; only it can count.
type Sent struct {
	Codes []Code `json:"codes,omitempty"`
}

// sentMost bounds how many earlier codes are kept for a precise refusal.
const sentMost = 8

// Newest is the code that counts; nil if none was sent.
func (s *Sent) Newest() *Code {
	if len(s.Codes) == 0 {
		return nil
	}
	return &s.Codes[0]
}

// Codes sends and checks verification codes.
type Codes struct {
	ring    *seal.Ring
	book    *quota.Book
	courier *courier.Courier
	words   *locale.Book
	brand   string
	host    string // of the public URL, for the domain-bound line
	limits  Limits
	country *quota.Shared // limits.Country
	guard   *guard
}

// NewCodes makes Codes. host is the host that pages are served from, without port.
func NewCodes(ring *seal.Ring, book *quota.Book, c *courier.Courier, words *locale.Book, brand, host string, limits Limits) *Codes {
	limits = limits.withDefaults()
	return &Codes{ring, book, c, words, brand, host, limits, book.Share(limits.Country), new(guard)}
}

// Limits are the numbers in force.
func (c *Codes) Limits() Limits { return c.limits }

// ResendAt is when a journey may ask for its next code for the same subject.
func (c *Codes) ResendAt(s *Sent, channel courier.Channel, subject string) time.Time {
	n, at := 0, time.Time{}
	for _, code := range s.Codes {
		if code.Channel == channel && code.Subject == subject {
			if n == 0 {
				at = code.SentAt
			}
			n++
		}
	}
	if n == 0 {
		return time.Time{}
	}
	return at.Add(c.limits.ResendAfter[min(n, len(c.limits.ResendAfter))-1])
}

// Out tells whether the newest code was sent for the same thing a moment ago and
// can still be entered: who asks for it again goes on with it.
func (c *Codes) Out(s *Sent, to Code, now time.Time) bool {
	n := s.Newest()
	return n != nil && n.UsedAt.IsZero() && n.Tries < c.limits.Tries && now.Before(n.ExpiresAt) &&
		n.Purpose == to.Purpose && n.Channel == to.Channel && n.Subject == to.Subject && now.Before(c.ResendAt(s, to.Channel, to.Subject))
}

// Spend charges the limits of one send, or refuses with codes_limited and the
// time at which it will be allowed. It runs in Count: a refused send is not sent.
func (c *Codes) Spend(ctx context.Context, tx *sqldb.Tx, s *Sent, to *Code, from Source) error {
	if at := c.ResendAt(s, to.Channel, to.Subject); tx.Now().Before(at) {
		return CodesLimited.With("limit", "destination").Until(at)
	}
	narrow, wide := quota.Groups(from.Addr)
	spends := []quota.Spend{
		{Limit: c.limits.Destination, Subject: from.lane(string(to.Channel) + to.Subject)},
		{Limit: c.limits.Network, Subject: narrow},
		{Limit: c.limits.NetworkWide, Subject: wide},
	}
	if from.Device != "" {
		spends = append(spends, quota.Spend{Limit: c.limits.Device, Subject: from.Device})
	}
	if to.Hidden {
		if err := c.limited(c.book.Spend(ctx, tx, spends...)); err != nil {
			return err
		}
		return c.spendHidden(ctx, tx, to, from)
	}
	return c.limited(c.spend(ctx, tx, to.Country, spends...))
}

// spend charges the country of a text, if it has one, and all the others, or
// nothing and answers the refusal.
func (c *Codes) spend(ctx context.Context, tx *sqldb.Tx, country string, others ...quota.Spend) (*quota.Refusal, error) {
	if country == "" {
		return c.book.Spend(ctx, tx, others...)
	}
	if refused, err := c.country.Spend(ctx, tx, country); err != nil || refused != nil {
		return refused, err
	}
	refused, err := c.book.Spend(ctx, tx, others...)
	if err == nil && refused != nil {
		err = c.country.Refund(ctx, tx, country, 1)
	}
	return refused, err
}

// spendHidden charges what a hidden code costs the contact that it goes to. If
// that is spent the code goes to nobody: a refusal would tell whose it is.
func (c *Codes) spendHidden(ctx context.Context, tx *sqldb.Tx, to *Code, from Source) error {
	refused, err := c.spend(ctx, tx, to.Country, quota.Spend{Limit: c.limits.Destination, Subject: from.lane(to.counter())})
	if refused != nil {
		to.Address, to.Country = "", ""
	}
	return err
}

// counter is where the guesses at a code are counted: at the contact, over all
// journeys and spellings (S-13). What goes to nobody has a counter too.
func (code *Code) counter() string {
	if code.Address == "" {
		return string(code.Channel) + "nobody\x00" + code.Subject
	}
	return string(code.Channel) + code.Address
}

func (c *Codes) limited(r *quota.Refusal, err error) error {
	if err != nil || r == nil {
		return err
	}
	return CodesLimited.With("limit", limitNames[r.Limit]).Until(r.RetryAt)
}

// Challenged tells whether a captcha must come before the next code: this address
// has asked for many, or somebody is guessing at everybody's (S-15). A known
// device is never asked.
func (c *Codes) Challenged(ctx context.Context, q sqldb.Querier, from Source) (bool, error) {
	if from.KnownAs != "" {
		return false, nil
	}
	if c.guard.up(q.Now()) {
		return true, nil
	}
	narrow, _ := quota.Groups(from.Addr)
	hour := quota.Limit{Name: c.limits.Network.Name, Windows: []quota.Window{{Max: c.limits.ChallengeAfter, Per: time.Hour}}}
	n, _, err := c.book.Used(ctx, q, hour, narrow)
	return n >= c.limits.ChallengeAfter, err
}

// Send makes a new code, which replaces any other of the journey, and puts the
// message into the outbox. The caller has spent the limits. An empty address
// costs the same and reaches nobody.
func (c *Codes) Send(ctx context.Context, tx *sqldb.Tx, journey string, s *Sent, code Code, tag locale.Tag, accountID int64) error {
	digits := randid.Digits(c.limits.Length)
	now := tx.Now()
	code.SentAt, code.ExpiresAt = now, now.Add(c.limits.Life)
	code.MessageID = randid.ID(now)
	code.MAC = c.mac(journey, &code, digits)
	m := courier.Message{ID: code.MessageID, Channel: code.Channel, To: code.Address, Purpose: code.Purpose,
		Locale: string(tag), AccountID: accountID, ExpiresAt: code.ExpiresAt}
	c.compose(&m, digits, tag)
	if err := c.courier.Post(ctx, tx, m); err != nil {
		return err
	}
	s.Codes = append([]Code{code}, s.Codes...)
	s.Codes = s.Codes[:min(len(s.Codes), sentMost)]
	return nil
}

// compose writes the fixed message of a purpose: "<purpose>" keys of the
// catalogs, and for texts the domain-bound last line (WICG origin-bound codes).
func (c *Codes) compose(m *courier.Message, digits string, tag locale.Tag) {
	args := []any{"brand", c.brand, "code", digits, "minutes", int(c.limits.Life / time.Minute)}
	if m.Channel == courier.SMS {
		m.Text = c.words.T(tag, "sms."+m.Purpose, args...) + "\n\n@" + c.host + " #" + digits
		return
	}
	m.Subject = c.words.T(tag, "mail."+m.Purpose+".subject", args...)
	m.Text = c.words.T(tag, "mail."+m.Purpose+".text", args...)
}

func (c *Codes) mac(journey string, code *Code, digits string) []byte {
	return c.ring.MAC("code", []byte(journey), []byte(code.Purpose), []byte(code.Channel), []byte(code.Address), []byte(code.MessageID), []byte(digits))
}

// matches costs the same for a code that went to nobody, which nothing matches.
func (c *Codes) matches(journey string, code *Code, digits string) bool {
	same := c.ring.VerifyMAC("code", code.MAC, []byte(journey), []byte(code.Purpose), []byte(code.Channel), []byte(code.Address), []byte(code.MessageID), []byte(digits))
	return same && code.Address != ""
}

// Try judges what was typed. It runs in Count, in one transaction under the
// lock of the destination's counter: the try is reserved before anything is
// compared (S-14), and a wrong one stays charged to the code and to the
// destination, over all journeys (S-13). nil: the newest code is right and
// still has to be burned.
func (c *Codes) Try(ctx context.Context, tx *sqldb.Tx, journey string, s *Sent, typed string, from Source) error {
	digits := onlyDigits(typed)
	if len(digits) != c.limits.Length {
		return fault.InvalidInput.On("code")
	}
	newest := s.Newest()
	if newest == nil || !newest.UsedAt.IsZero() {
		return c.Late(journey, s, digits)
	}
	if newest.Tries >= c.limits.Tries {
		return CodeTriesExceeded.On("code")
	}
	refused, err := c.book.Check(ctx, tx, c.tries(newest, from))
	switch {
	case err != nil:
		return err
	case refused != nil && !newest.Hidden:
		return c.limited(refused, nil)
	case refused != nil:
		return c.wrong(ctx, tx, newest, from) // to say more would tell whose code it is
	case c.matches(journey, newest, digits) && tx.Now().Before(newest.ExpiresAt):
		newest.Tries++ // right; the count tells Burn whether there were wrong ones before
		return nil
	case c.matches(journey, newest, digits):
		return CodeExpired.On("code").With("time", newest.ExpiresAt)
	}
	if err := c.Late(journey, s, digits); !CodeWrong.Is(err) {
		return err // an earlier code of this journey: the person has it, so it is no guess and costs no try
	}
	return c.wrong(ctx, tx, newest, from)
}

// wrong charges a wrong guess to the code, to its destination and to the guard.
func (c *Codes) wrong(ctx context.Context, tx *sqldb.Tx, code *Code, from Source) error {
	code.Tries++
	if _, err := c.book.Spend(ctx, tx, c.tries(code, from)); err != nil {
		return err
	}
	refused, err := c.book.Spend(ctx, tx, quota.Spend{Limit: c.limits.Guesses, Subject: "all"})
	if err != nil {
		return err
	}
	if refused != nil {
		tx.AfterCommit(func() { c.guard.raise(refused.RetryAt) })
	}
	return CodeWrong.On("code").With("tries_left", c.limits.Tries-code.Tries)
}

// Late says what became of a code that this journey sent earlier and that counts
// no more; of any other it says only that it is wrong.
func (c *Codes) Late(journey string, s *Sent, typed string) error {
	digits := onlyDigits(typed)
	if len(digits) != c.limits.Length {
		return fault.InvalidInput.On("code")
	}
	for i := range s.Codes {
		code := &s.Codes[i]
		if !c.matches(journey, code, digits) {
			continue
		}
		switch {
		case !code.UsedAt.IsZero() || i == 0: // the newest counts no more: the journey went on without it
			return CodeUsed.On("code")
		case code.Purpose != s.Codes[0].Purpose:
			return CodeOtherPurpose.On("code")
		}
		return CodeReplaced.On("code").With("time", s.Codes[0].SentAt)
	}
	return CodeWrong.On("code").With("tries_left", 0)
}

func (c *Codes) tries(code *Code, from Source) quota.Spend {
	return quota.Spend{Limit: c.limits.DestinationTries, Subject: from.lane(code.counter())}
}

// Burn uses up the newest code, gives its country the credit of a verified
// send, and forgets the wrong guesses of the destination.
func (c *Codes) Burn(ctx context.Context, tx *sqldb.Tx, s *Sent, from Source) error {
	code := s.Newest()
	if code == nil || !code.UsedAt.IsZero() {
		return fmt.Errorf("proof: there is no live code to burn")
	}
	code.UsedAt = tx.Now()
	if code.Country != "" {
		if err := c.country.Refund(ctx, tx, code.Country, c.limits.CountryCredit); err != nil {
			return err
		}
	}
	if code.Tries > 1 {
		spend := c.tries(code, from)
		return c.book.Clear(ctx, tx, spend.Limit, spend.Subject)
	}
	return nil
}

// onlyDigits finds the code in what was typed or pasted: full-width digits
// count, spaces and hyphens do not, and a pasted text is searched for its
// first run of digits.
func onlyDigits(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '０' && r <= '９':
			b.WriteRune(r - '０' + '0')
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u3000':
		case b.Len() > 0:
			return b.String()
		}
	}
	return b.String()
}
