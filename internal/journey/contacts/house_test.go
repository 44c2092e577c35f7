package contacts_test

import (
	"context"
	"net/netip"
	"net/url"
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
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/words"
)

// town is a house with people around it: the journeys on a real store, and an
// outside world that keeps what it is sent.
type town struct {
	*testing.T
	db        *sqldb.DB
	clock     *clock.Clock
	house     *contacts.House
	runner    *flow.Runner
	post      *postOffice
	devices   *device.Store
	passwords *credential.Passwords
}

func days(n, d int) []quota.Window {
	return []quota.Window{{Max: n, Per: time.Duration(d) * 24 * time.Hour}}
}

const wait = 72 * time.Hour

func newTown(t *testing.T, db *sqldb.DB, c *clock.Clock) *town {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	book := words.Book()
	post := newPostOffice(t, db, c, ring)
	counts := quota.New(ring.Key("quota"))
	w := &town{T: t, db: db, clock: c, post: post, devices: device.New(ring)}
	w.passwords = credential.New(credential.NewGate(credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}, 2, 100, c), ring, credential.Rules{})
	limits := proof.Limits{Length: 6, Life: 5 * time.Minute, Tries: 5, ResendAfter: []time.Duration{time.Minute},
		Destination: quota.Limit{Name: "codes.destination", Windows: days(100, 1)}, DestinationTries: quota.Limit{Name: "codes.tries", Windows: days(100, 1)},
		Device: quota.Limit{Name: "codes.device", Windows: days(100, 1)}, Network: quota.Limit{Name: "codes.network", Windows: days(1000, 1)},
		NetworkWide: quota.Limit{Name: "codes.network_wide", Windows: days(1000, 1)}, Country: quota.Limit{Name: "codes.country", Windows: days(500, 1)},
		Guesses: quota.Limit{Name: "codes.guesses", Windows: days(200, 1)}, CountryCredit: 4, ChallengeAfter: 500}
	h := &contacts.House{
		DB: db, Numbers: numbers.New(numbers.Policy{}, nil), Accounts: account.New(ring), Contacts: contact.New(ring), Changes: change.New(ring),
		Audit: audit.New(ring), Book: counts,
		Regions: region.New(region.Region{Name: "intl", Country: "CN", Zone: time.UTC, SignUp: []string{"phone", "email"}},
			region.Region{Name: "cn", Country: "CN", Zone: time.UTC, SignUp: []string{"phone"}, Required: "phone"}),
		Rules: contacts.Rules{Life: 30 * time.Minute, Wait: wait, ObjectFor: wait,
			Changes: quota.Limit{Name: "contacts.changes", Windows: days(3, 30)}, Typed: quota.Limit{Name: "contacts.typed", Windows: days(30, 1)},
			Disputes: quota.Limit{Name: "contacts.disputes", Windows: days(3, 30)}, Disputed: quota.Limit{Name: "contacts.disputed", Windows: days(2, 30)}},
	}
	h.Sessions = session.New(h.Accounts, w.devices, session.Life{Idle: 100 * 24 * time.Hour, Absolute: 100 * 24 * time.Hour})
	h.Prover = &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: h.Accounts, Contacts: h.Contacts, Devices: w.devices, Audit: h.Audit, Book: counts,
		Codes:    proof.NewCodes(ring, counts, post.courier, book, "Selfsame", "id.example.test", limits),
		Captchas: proof.NewCaptchas(ring, 20), Tries: quota.Limit{Name: "proof.tries", Windows: days(100, 1)}}
	guesses := &proof.Passwords{Stored: w.passwords, Book: counts, Captchas: h.Prover.Captchas, Audit: h.Audit, Rules: proof.PasswordRules{
		Tries: quota.Limit{Name: "password.tries", Windows: days(100, 1)}, TriesNetwork: quota.Limit{Name: "password.network", Windows: days(1000, 1)},
		TriesWide: quota.Limit{Name: "password.network_wide", Windows: days(1000, 1)}, CaptchaAfter: 10, PictureAfter: 20}}
	h.Prover.Means = []proof.Means{proof.BySMS(h.Prover), proof.ByEmail(h.Prover), proof.ByPassword(h.Prover, guesses)}
	site, _ := url.Parse("https://id.example.test")
	h.Notices = proof.NewNotices(post.courier, book, "Selfsame", func(string) *time.Location { return time.UTC }).Keep(notice.New(ring), site)
	w.house, w.runner = h, flow.New(db, ring, nil)
	flow.Add(w.runner, contacts.Journey(h))
	return w
}

func each(t *testing.T, f func(w *town)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newTown(t, db, c)) })
}

func (w *town) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	w.Helper()
	if err := w.db.InTx(w.Context(), func(tx *sqldb.Tx) error { return f(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

const (
	ada, adaNew, bob    = "+8613800138000", "+8613900139000", "+8613700137000"
	adaMail, adaNewMail = "ada@example.com", "lovelace@example.com"
	secret              = "correct horse staple"
)

// person is somebody with an account.
type person struct {
	*town
	id      account.ID
	secret  string // of the device
	visitor flow.Visitor
}

// owner makes an account that is a week old, in a region, with these contacts
// (and a password, where one of them is that), and signs it in.
func (w *town) owner(in string, has ...string) *person {
	w.Helper()
	p := &person{town: w, id: account.NewID(), secret: strings.Repeat("d", 43)}
	w.do(func(ctx context.Context, tx *sqldb.Tx) error {
		return w.house.Accounts.Create(ctx, tx, account.Account{ID: p.id, Region: in, Locale: "en"})
	})
	for _, one := range has {
		switch {
		case one == secret:
			hashed, err := w.passwords.Hash(w.Context(), secret)
			if err != nil {
				w.Fatal(err)
			}
			w.do(func(ctx context.Context, tx *sqldb.Tx) error { return w.passwords.Set(ctx, tx, p.id, hashed) })
		case strings.Contains(one, "@"):
			p.gain(contact.Email, one)
		default:
			p.gain(contact.Phone, one)
		}
	}
	w.clock.Advance(7 * 24 * time.Hour)
	p.signIn()
	return p
}

func (p *person) gain(kind contact.Kind, address string) {
	p.Helper()
	p.do(func(ctx context.Context, tx *sqldb.Tx) error {
		won, err := p.house.Contacts.Claim(ctx, tx, kind, address, p.id)
		if err != nil || !won {
			p.Fatalf("claiming %s: %v, %v", address, won, err)
		}
		return p.house.Contacts.Add(ctx, tx, p.id, kind, address)
	})
}

// signIn begins a session that proved these methods just now.
func (p *person) signIn(methods ...policy.Method) {
	p.Helper()
	var given []session.Proof
	for _, m := range methods {
		given = append(given, session.Proof{Method: string(m), At: p.clock.Now()})
	}
	var token string
	p.do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := p.house.Accounts.Load(ctx, tx, p.id)
		if err != nil {
			return err
		}
		d, err := p.devices.Remember(ctx, tx, p.id, p.secret, device.Device{Kind: "phone", Name: "Pixel 9"})
		if err != nil {
			return err
		}
		token, _, _, err = p.house.Sessions.Open(ctx, tx, who, d.ID, given)
		return err
	})
	live, err := p.house.Sessions.Check(p.Context(), p.db, token)
	if err != nil {
		p.Fatal(err)
	}
	p.visitor = flow.Visitor{Addr: netip.MustParseAddr("192.0.2.7"), Locale: "en", DeviceSecret: p.secret, DeviceName: "Pixel 9", Session: live}
}

func (p *person) contact(kind contact.Kind) string {
	p.Helper()
	list, err := p.house.Contacts.List(p.Context(), p.db, p.id)
	if err != nil {
		p.Fatal(err)
	}
	c, _ := contact.Of(list, kind)
	return c.Address
}

func (p *person) account() account.Account {
	p.Helper()
	who, err := p.house.Accounts.Load(p.Context(), p.db, p.id)
	if err != nil {
		p.Fatal(err)
	}
	return who
}

// acts tells whether the history has an act of this kind.
func (p *person) did(kind audit.Kind) bool {
	p.Helper()
	list, err := p.house.Audit.List(p.Context(), p.db, p.id, time.Time{}, 1000)
	if err != nil {
		p.Fatal(err)
	}
	return slices.ContainsFunc(list, func(e audit.Entry) bool { return e.Kind == kind })
}

// visit is one journey of a person.
type visit struct {
	*person
	handle flow.Handle
	step   step.Step
	err    error
}

func (p *person) begin(kind string) *visit {
	p.Helper()
	v := &visit{person: p}
	t, err := p.runner.Begin(p.Context(), p.visitor, flow.Begin{Kind: kind})
	if err != nil && fault.From(err) == nil {
		p.Fatal(err)
	}
	v.handle, v.step, v.err = flow.Handle{ID: t.ID, Key: t.Key}, t.Step, err
	return v
}

func (v *visit) give(in flow.Input) *visit {
	v.Helper()
	t, err := v.runner.Answer(context.WithoutCancel(v.Context()), v.visitor, v.handle, in)
	if err != nil && fault.From(err) == nil {
		v.Fatalf("%s: %v", in.Input, err)
	}
	v.err = err
	if t.Step != nil {
		v.step = t.Step
	}
	return v
}

func (v *visit) do(input string) *visit { v.Helper(); return v.give(flow.Input{Input: input}) }
func (v *visit) phone(n string) *visit {
	v.Helper()
	return v.give(flow.Input{Input: "phone", Phone: n})
}
func (v *visit) email(a string) *visit {
	v.Helper()
	return v.give(flow.Input{Input: "email", Email: a})
}
func (v *visit) method(m policy.Method) *visit {
	v.Helper()
	return v.give(flow.Input{Input: "method", Method: string(m)})
}

// code gives the code that came to a destination.
func (v *visit) code(to string) *visit {
	v.Helper()
	return v.give(flow.Input{Input: "code", Code: v.post.code(to)})
}
func (v *visit) password() *visit {
	v.Helper()
	return v.give(flow.Input{Input: "password", Password: secret})
}

// want checks where the journey stands, "" for no refusal.
func (v *visit) want(at step.Type, code string) *visit {
	v.Helper()
	got := ""
	if f := fault.From(v.err); f != nil {
		got = f.Code
	}
	if v.step == nil && at == "" && got == code {
		return v
	}
	if v.step == nil || v.step.StepType() != at || got != code {
		v.Fatalf("at %+v with %q; want %q with %q", v.step, got, at, code)
	}
	return v
}

func (v *visit) retryAt() time.Time { return fault.From(v.err).RetryAt }

func (w *town) due() {
	w.Helper()
	if err := w.house.Due(w.Context()); err != nil {
		w.Fatal(err)
	}
}
