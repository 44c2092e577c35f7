package proof

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// noticeFor is how long a security notice is worth delivering.
const noticeFor = 24 * time.Hour

// Notices tells owners what happened to their accounts (S-72). Nobody can
// unsubscribe from it.
type Notices struct {
	courier *courier.Courier
	words   *locale.Book
	brand   string
	zone    func(region string) *time.Location
	store   *notice.Store // nil: it is not kept what was told
	site    url.URL       // where the links lead
	queue   *job.Queue    // nil: nobody is told of what is seen of their passwords
	// Where the accounts and their contacts are, if there is a queue.
	accounts *account.Store
	contacts *contact.Store
}

// NewNotices makes Notices; zone is the time zone of a region.
func NewNotices(c *courier.Courier, words *locale.Book, brand string, zone func(region string) *time.Location) *Notices {
	return &Notices{courier: c, words: words, brand: brand, zone: zone}
}

// Keep notes what is told in a store, and says where the site is that the links
// of mails lead to.
func (n *Notices) Keep(store *notice.Store, site *url.URL) *Notices {
	n.store, n.site = store, url.URL{Scheme: site.Scheme, Host: site.Host}
	return n
}

// Notice is something that the owner of an account is told.
type Notice struct {
	Who account.Account
	// To are all contacts in force before the change and after it; one that is in
	// both is told once.
	To []contact.Contact
	// Except are addresses that are left out: those whose codes just opened the
	// door, and whose holder knows.
	Except  []string
	Purpose string // "notice_device": the catalogs' sms.<purpose>, mail.<purpose>.subject and .text
	Device  string
	Place   string
	// Token makes the link of mails one that undoes the change; empty: one that
	// freezes the account.
	Token string
	// Frozen makes the link of mails lead to where the account is unfrozen.
	Frozen bool
	Args   []any // more places of the texts, by name
}

// Tell sends the notice of a purpose to the contacts of an account, in its
// language, but not to the addresses except.
func (n *Notices) Tell(ctx context.Context, tx *sqldb.Tx, who account.Account, contacts []contact.Contact, except []string, purpose, device, place string) error {
	return n.Send(ctx, tx, Notice{Who: who, To: contacts, Except: except, Purpose: purpose, Device: device, Place: place})
}

// Send puts a notice into the outbox, one message a contact, and notes it. A text
// to a phone carries no link but says where the account is frozen; a mail ends
// with the one link that undoes or freezes.
func (n *Notices) Send(ctx context.Context, tx *sqldb.Tx, x Notice) error {
	var told []string
	for _, to := range x.To {
		key := string(to.Kind) + to.Address
		if slices.Contains(x.Except, to.Address) || slices.Contains(told, key) {
			continue
		}
		m := n.compose(x, to, tx.Now())
		if err := n.courier.Post(ctx, tx, m); err != nil {
			return err
		}
		told = append(told, key)
		if n.store == nil {
			continue
		}
		at := tx.Now().Add(time.Duration(len(told)-1) * time.Microsecond) // notices of one act keep their order
		if err := n.store.Write(ctx, tx, notice.Notice{AccountID: x.Who.ID, ID: m.ID, At: at, Purpose: x.Purpose, Channel: string(m.Channel), To: masked(to)}); err != nil {
			return err
		}
	}
	return nil
}

func masked(c contact.Contact) string {
	if c.Kind == contact.Email {
		return email.Mask(c.Address)
	}
	return numbers.Mask(c.Address)
}

// compose writes the message to one contact. What is the same in all mails (that
// the owner need not do anything, the link, that this cannot be switched off)
// stands in the catalogs once.
func (n *Notices) compose(x Notice, to contact.Contact, now time.Time) courier.Message {
	tag := locale.Tag(x.Who.Locale)
	args := append([]any{"brand", n.brand, "device", cmp.Or(plain(x.Device), n.words.T(tag, "notice.unknown_device")),
		"place", cmp.Or(x.Place, n.words.T(tag, "notice.unknown_place")), "time", n.words.DateTime(tag, now, n.zone(x.Who.Region)), "site", n.site.Host}, x.Args...)
	m := courier.Message{ID: randid.ID(now), Channel: courier.SMS, To: to.Address, Purpose: x.Purpose,
		Locale: x.Who.Locale, AccountID: int64(x.Who.ID), ExpiresAt: now.Add(noticeFor)}
	if to.Kind != contact.Email {
		m.Text = n.words.T(tag, "sms."+x.Purpose, args...)
		return m
	}
	m.Channel = courier.Email
	m.Subject = n.words.T(tag, "mail."+x.Purpose+".subject", args...)
	m.Text = strings.TrimSpace(n.words.T(tag, "mail."+x.Purpose+".text", args...)) + "\n\n" + n.words.T(tag, "notice.yours") + "\n\n" +
		n.words.T(tag, n.remedy(x)) + "\n\n" + n.link(x) + "\n\n" + n.words.T(tag, "notice.foot") + "\n"
	return m
}

// remedy is the key of the sentence before the link.
func (n *Notices) remedy(x Notice) string {
	switch {
	case x.Token != "":
		return "notice.undo"
	case x.Frozen:
		return "notice.unfreeze"
	}
	return "notice.freeze"
}

// At writes a time as the owner of an account reads it.
func (n *Notices) At(who account.Account, at time.Time) string {
	return n.words.DateTime(locale.Tag(who.Locale), at, n.zone(who.Region))
}

// Say is a sentence of the catalogs in the language of an account's owner.
func (n *Notices) Say(who account.Account, key string) string {
	return n.words.T(locale.Tag(who.Locale), key)
}

// link is the address in a mail.
func (n *Notices) link(x Notice) string {
	if x.Token == "" && x.Frozen {
		at := n.site
		at.Path = "/unfreeze"
		return at.String()
	}
	return n.Link(x.Token)
}

// Link is the address where a change is objected to, or with no token where the
// account is frozen. Opening it changes nothing; a button there does (S-19).
func (n *Notices) Link(token string) string {
	at := n.site
	at.Path = "/freeze"
	if token != "" {
		at.Path, at.RawQuery = "/objection", url.Values{"token": {token}}.Encode()
	}
	return at.String()
}

// Told is a notice and what became of it.
type Told struct {
	notice.Notice
	// State is how far the message came: queued, sent, delivered, failed, or empty
	// where that is not known any more. Reason is why it failed.
	State, Reason string
}

// List reads what an account was told, the newest first, older than before (zero:
// from the newest): two reads.
func (n *Notices) List(ctx context.Context, q sqldb.Querier, id account.ID, before time.Time, most int) ([]Told, error) {
	if n.store == nil {
		return nil, nil
	}
	list, err := n.store.List(ctx, q, id, before, most)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, one := range list {
		ids[i] = one.ID
	}
	states, err := n.courier.Deliveries(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	told := make([]Told, len(list))
	for i, one := range list {
		told[i] = Told{one, states[one.ID].State, states[one.ID].Reason}
	}
	return told, nil
}

// failedJob tells an owner of failed tries (S-159), once a day at most. It is a
// job, so that trying at an account takes as long as trying at nobody (S-17).
const failedJob = "notice.failed_attempts"

// Watch says with which queue owners are told of failed tries, and where the
// accounts and their contacts are. It needs Keep.
func (n *Notices) Watch(queue *job.Queue, accounts *account.Store, contacts *contact.Store) {
	n.queue, n.accounts, n.contacts = queue, accounts, contacts
	queue.Handle(failedJob, job.Options{}, func(ctx context.Context, j job.Job) (func(context.Context, *sqldb.Tx) error, error) {
		return func(ctx context.Context, tx *sqldb.Tx) error {
			return n.tellFailed(ctx, tx, account.ID(j.AccountID))
		}, nil
	})
}

// FailedAttempts has the owner told that passwords or codes are being guessed. The
// account 0 costs the same and tells nobody. It is called where the history gets
// password_limited or codes_exhausted.
func (n *Notices) FailedAttempts(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	if n == nil || n.queue == nil {
		return nil
	}
	return n.queue.Put(ctx, tx, job.Job{Kind: failedJob, AccountID: int64(id), Key: id.String()})
}

func (n *Notices) tellFailed(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	if id == 0 {
		return nil
	}
	const purpose = "notice_failed_attempts"
	told, err := n.store.Told(ctx, tx, id, purpose, tx.Now().Add(-24*time.Hour))
	if err != nil || told {
		return err
	}
	return n.toAll(ctx, tx, id, purpose)
}

// toAll tells every contact of an account, if it is there.
func (n *Notices) toAll(ctx context.Context, tx *sqldb.Tx, id account.ID, purpose string) error {
	who, err := n.accounts.Load(ctx, tx, id)
	if errors.Is(err, sqldb.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := n.contacts.List(ctx, tx, id)
	if err != nil {
		return err
	}
	return n.Send(ctx, tx, Notice{Who: who, To: to, Purpose: purpose})
}

// Breached tells an owner that a password which was just right is in a list of
// stolen ones. It is called once for each password.
func (n *Notices) Breached(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	if n == nil || n.accounts == nil {
		return nil
	}
	return n.toAll(ctx, tx, id, "notice_password_breached")
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
