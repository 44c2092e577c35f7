// Package towntest holds a town for tests of journeys: the whole floor of them on a
// real store, an outside world that keeps what it is sent, and people with phones,
// mailboxes and devices. It must never be imported outside tests, and never decide
// what a test wants to find out. It owns no table.
package towntest

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/passkey/passkeytest"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/lifecycle"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/recovery"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/words"
)

// Town is one house with people around it.
type Town struct {
	testing.TB
	DB       *sqldb.DB
	Clock    *clock.Clock
	Runner   *flow.Runner
	Post     *Post
	Freeze   *lifecycle.House
	Recovery *recovery.House
	Settings *settings.House
	Prover   *proof.Prover
	Party    *passkey.Party
	Vendors  *federation.Desk // the way to them
	ring     *seal.Ring
}

const origin = "https://id.example.test"

type phones struct{ *numbers.Plan }

func (p phones) Mobile(text, country string) (string, bool) {
	n, err := p.Read(text, country)
	return n.E164, err == nil
}

func within(n int, per time.Duration) []quota.Window { return []quota.Window{{Max: n, Per: per}} }

// limits are those of the defaults where a test may meet them.
func limits() proof.Limits {
	return proof.Limits{
		Length: 6, Life: 5 * time.Minute, Tries: 5, ResendAfter: []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute},
		Destination:      quota.Limit{Name: "codes.destination", Windows: within(10, 24*time.Hour)},
		DestinationTries: quota.Limit{Name: "codes.tries", Windows: within(10, time.Hour)},
		Device:           quota.Limit{Name: "codes.device", Windows: within(100, time.Hour)},
		Network:          quota.Limit{Name: "codes.network", Windows: within(1000, time.Hour)},
		NetworkWide:      quota.Limit{Name: "codes.network_wide", Windows: within(10000, time.Hour)},
		Country:          quota.Limit{Name: "codes.country", Windows: within(5000, time.Hour)},
		CountryCredit:    4, ChallengeAfter: 500,
	}
}

// Each runs a test in a fresh town on each engine.
func Each(t *testing.T, f func(w *Town)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(New(t, db, c, ring))
	})
}

// New makes a town. Two on one database with one ring are two nodes. Vendors called
// google or wechat are open in it: accounts that are linked there prove whose they are.
func New(t testing.TB, db *sqldb.DB, c *clock.Clock, ring *seal.Ring, vendors ...provider.Provider) *Town {
	t.Helper()
	post := newPost(t, db, c, ring)
	book, counts, plan := words.Book(), quota.New(ring.Key("quota")), numbers.New(numbers.Policy{}, nil)
	accounts, contacts, devices, history := account.New(ring), contact.New(ring), device.New(ring), audit.New(ring)
	sessions := session.New(accounts, devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
	passwords := credential.New(credential.NewGate(credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}, 2, 100, c), ring, credential.Rules{})
	regions := region.New(region.Region{Name: "intl", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email"}, Required: "email", AskFor: "no",
		Providers: map[string][]string{"page": {"google", "wechat"}, "app": {"google", "wechat"}}})
	changes, captchas := change.New(ring), proof.NewCaptchas(ring, 20)
	notices := proof.NewNotices(post.Courier, book, "Selfsame", func(string) *time.Location { return time.UTC })
	guesses := &proof.Passwords{Stored: passwords, Book: counts, Captchas: captchas, Audit: history, Rules: proof.PasswordRules{
		Tries:        quota.Limit{Name: "password.tries", Windows: within(100, 24*time.Hour)},
		TriesNetwork: quota.Limit{Name: "password.network", Windows: within(1000, time.Hour)},
		TriesWide:    quota.Limit{Name: "password.network_wide", Windows: within(10000, time.Hour)},
		CaptchaAfter: 10, PictureAfter: 20,
	}}
	p := &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: accounts, Contacts: contacts, Devices: devices, Audit: history, Book: counts,
		Codes: proof.NewCodes(ring, counts, post.Courier, book, "Selfsame", "id.example.test", limits()), Captchas: captchas,
		Tries: quota.Limit{Name: "proof.tries", Windows: within(30, time.Hour)}}
	p.Waits = &proof.PatientWaits{Changes: changes, Contacts: contacts, Notices: notices, Audit: history, At: p.ContactsAt}
	party := &passkey.Party{ID: "id.example.test", Name: "Selfsame", Origins: []string{origin}}
	keys, apps, codes := passkey.New(ring), totp.New(ring), recoverycode.New(ring, passwords)
	asked := &proof.Questions{Stored: question.New(ring, passwords), Words: book, Tries: proof.QuestionTries()}
	p.Means = []proof.Means{proof.BySMS(p), proof.ByEmail(p), proof.ByPassword(p, guesses), proof.ByPasskey(p, keys, party, notices),
		proof.ByTOTP(p, apps), proof.ByRecoveryCode(p, codes, notices), proof.ByQuestions(p, asked)}
	links, desk := link.New(ring), &federation.Desk{DB: db, Ring: ring, Providers: provider.NewBook(vendors...), Regions: regions, PublicURL: origin}
	if len(vendors) > 0 {
		p.Means = append(p.Means, proof.ByLinked(p, links, desk))
	}
	names := &proof.Names{Directory: directory.New(contacts, phones{plan}), Numbers: plan, Accounts: accounts, Contacts: contacts}
	endings, freezes := &proof.Endings{Sessions: sessions, Devices: devices, Changes: changes}, &proof.WeakFreezes{Book: counts}
	w := &Town{TB: t, DB: db, Clock: c, Runner: flow.New(db, ring, nil), Post: post, Prover: p, Party: party, Vendors: desk, ring: ring}
	w.Freeze = &lifecycle.House{DB: db, Regions: regions, Names: names, Prover: p, Accounts: accounts, Contacts: contacts, Devices: devices,
		Sessions: sessions, Audit: history, Book: counts, Notices: notices, Endings: endings, Freezes: freezes, Life: 30 * time.Minute}
	w.Recovery = &recovery.House{DB: db, Regions: regions, Names: names, Prover: p, Accounts: accounts, Contacts: contacts, Devices: devices,
		Sessions: sessions, Changes: changes, Audit: history, Passwords: passwords, Book: counts, Notices: notices, Endings: endings, Freezes: freezes,
		Passkeys: keys, TOTP: apps, RecoveryCodes: codes, Questions: asked.Stored, Links: links, Brand: "Selfsame", MinLength: 8, MaxLength: 256, Life: 30 * time.Minute}
	w.Settings = &settings.House{DB: db, Accounts: accounts, Contacts: contacts, Devices: devices, Sessions: sessions, Audit: history, Passwords: passwords,
		Book: counts, Notices: notices, Prover: p, Changes: changes, Endings: endings, Watch: w.Freeze, Brand: "Selfsame"}
	p.Watch = w.Freeze
	flow.Add(w.Runner, signin.Journey(&signin.House{Regions: regions, Numbers: plan, Accounts: accounts, Contacts: contacts, Devices: devices, Sessions: sessions,
		Audit: history, Directory: names.Directory, Passwords: passwords, Book: counts, Codes: p.Codes, Captchas: captchas, Guesses: guesses, Prover: p, Links: links, Desk: desk,
		Notices: notices, Courier: post.Courier, Brand: "Selfsame", Rules: signin.Rules{MinLength: 8, MaxLength: 256, Life: 30 * time.Minute}}))
	flow.Add(w.Runner, lifecycle.Journey(w.Freeze))
	flow.Add(w.Runner, recovery.Journey(w.Recovery))
	return w
}

// Do runs a transaction that must succeed.
func (w *Town) Do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	w.Helper()
	if err := w.DB.InTx(w.Context(), func(tx *sqldb.Tx) error { return f(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

// Later moves the clock once everything that was posted has gone out.
func (w *Town) Later(d time.Duration) {
	w.Helper()
	w.Post.Settle()
	w.Clock.Advance(d)
}

// Person is somebody with an account that is thirty days old: a phone, perhaps an
// e-mail and a password, and a device on which they are signed in.
type Person struct {
	*Town
	ID       account.ID
	Phone    string
	Email    string
	Password string
	Secret   string // of the device
	Token    string // of the session on it
}

// Person moves into the town. An empty e-mail or password is none.
func (w *Town) Person(phone, email, password string) *Person {
	w.Helper()
	p := &Person{Town: w, ID: account.NewID(), Phone: phone, Email: email, Password: password, Secret: secret("device of " + phone)}
	w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		return w.Recovery.Accounts.Create(ctx, tx, account.Account{ID: p.ID, Region: "intl", Locale: "en"})
	})
	p.Gets(contact.Phone, phone)
	if email != "" {
		p.Gets(contact.Email, email)
	}
	if password != "" {
		p.Sets(password)
	}
	w.Later(30 * 24 * time.Hour)
	p.Token = p.SignsIn(p.Secret)
	return p
}

// secret is 43 characters, as a device keeps it.
func secret(of string) string {
	clean := regexp.MustCompile(`[^a-zA-Z0-9]`).ReplaceAllString(of, "x")
	return (clean + strings.Repeat("x", 43))[:43]
}

// Gets gives the account a contact that it lacks, as another journey would.
func (p *Person) Gets(kind contact.Kind, address string) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		if won, err := p.Recovery.Contacts.Claim(ctx, tx, kind, address, p.ID); err != nil || !won {
			p.Fatalf("claiming %s: %v, %v", address, won, err)
		}
		return p.Recovery.Contacts.Add(ctx, tx, p.ID, kind, address)
	})
}

// Replaces puts another contact in the place of one.
func (p *Person) Replaces(kind contact.Kind, address string) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		if _, won, err := p.Recovery.Contacts.Replace(ctx, tx, p.ID, kind, address); err != nil || !won {
			p.Fatalf("replacing by %s: %v, %v", address, won, err)
		}
		return nil
	})
}

// Sets sets the password.
func (p *Person) Sets(password string) {
	p.Helper()
	h, err := p.Recovery.Passwords.Hash(p.Context(), password)
	if err != nil {
		p.Fatal(err)
	}
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error { return p.Recovery.Passwords.Set(ctx, tx, p.ID, h) })
}

// SignsIn opens a session on the device that keeps a secret, with proofs that are
// fresh, and answers its token.
func (p *Person) SignsIn(deviceSecret string, methods ...policy.Method) (token string) {
	p.Helper()
	if len(methods) == 0 {
		methods = []policy.Method{policy.SMSCode}
	}
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := p.Recovery.Accounts.Load(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		d, err := p.Recovery.Devices.Remember(ctx, tx, p.ID, deviceSecret, device.Device{Kind: "phone", Name: "Pixel 9"})
		if err != nil {
			return err
		}
		var proved []session.Proof
		for _, m := range methods {
			proved = append(proved, session.Proof{Method: string(m), At: tx.Now(), Verified: m == policy.Passkey})
		}
		token, _, _, err = p.Recovery.Sessions.Open(ctx, tx, who, d.ID, proved)
		return err
	})
	return token
}

// Live is the session of a token; nil: it opens nothing.
func (p *Person) Live(token string) *session.Live {
	p.Helper()
	l, err := p.Recovery.Sessions.Check(p.Context(), p.DB, token)
	if err == session.ErrNone {
		return nil
	}
	if err != nil {
		p.Fatal(err)
	}
	return l
}

// Account is the account as it stands.
func (p *Person) Account() account.Account {
	p.Helper()
	a, err := p.Recovery.Accounts.Load(p.Context(), p.DB, p.ID)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

// Contacts are the addresses of the account as it stands, the phone first.
func (p *Person) Contacts() (out []string) {
	p.Helper()
	list, err := p.Recovery.Contacts.List(p.Context(), p.DB, p.ID)
	if err != nil {
		p.Fatal(err)
	}
	for _, c := range list {
		out = append(out, c.Address)
	}
	return out
}

// Knows tells whether a password is that of the account.
func (p *Person) Knows(password string) bool {
	p.Helper()
	s, err := p.Recovery.Passwords.Load(p.Context(), p.DB, p.ID)
	if err != nil {
		p.Fatal(err)
	}
	v, err := p.Recovery.Passwords.Check(p.Context(), s, password)
	if err != nil {
		p.Fatal(err)
	}
	return v.Right
}

// History are the kinds of the acts, the oldest first.
func (p *Person) History() (kinds []audit.Kind) {
	p.Helper()
	list, err := p.Recovery.Audit.List(p.Context(), p.DB, p.ID, time.Time{}, 1000)
	if err != nil {
		p.Fatal(err)
	}
	for _, e := range slices.Backward(list) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// AddsPasskey gives the account a passkey, and answers the authenticator.
func (p *Person) AddsPasskey() *passkeytest.Authenticator {
	p.Helper()
	a := passkeytest.New(origin)
	challenge := []byte("a challenge of thirty-two bytes!")
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		handle, err := p.Recovery.Passkeys.Handle(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		key, err := p.Party.Register(a.Create(p.Party.Creation(challenge, handle, "Ada", nil)), func([]byte) bool { return true })
		if err != nil {
			return err
		}
		_, err = p.Recovery.Passkeys.Add(ctx, tx, p.ID, key)
		return err
	})
	return a
}

// AddsCodes gives the account recovery codes.
func (p *Person) AddsCodes() []string {
	p.Helper()
	fresh, err := p.Recovery.RecoveryCodes.Make(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		return p.Recovery.RecoveryCodes.Keep(ctx, tx, p.ID, fresh)
	})
	return fresh.Codes
}

// Visitor is a browser that nobody is signed in with.
func Visitor(deviceSecret string) flow.Visitor {
	return flow.Visitor{Addr: netip.MustParseAddr("192.0.2.7"), Locale: "en", DeviceName: "Pixel 9", DeviceKind: "phone", Place: "Oslo", DeviceSecret: deviceSecret}
}
