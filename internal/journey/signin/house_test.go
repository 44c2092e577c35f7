package signin_test

import (
	"context"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/words"
)

// town is a house with people around it: the journeys on a real store, and an
// outside world that keeps what it is sent.
type town struct {
	t      testing.TB
	db     *sqldb.DB
	clock  *clock.Clock
	house  *signin.House
	runner *flow.Runner
	post   *postOffice
	ring   *seal.Ring
	google *towntest.Vendor
	wechat *towntest.Vendor
}

type phones struct{ *numbers.Plan }

func (p phones) Mobile(text, country string) (string, bool) {
	n, err := p.Read(text, country)
	return n.E164, err == nil
}

func day(n int) []quota.Window  { return []quota.Window{{Max: n, Per: 24 * time.Hour}} }
func hour(n int) []quota.Window { return []quota.Window{{Max: n, Per: time.Hour}} }

// limits are those of the defaults.
func limits() proof.Limits {
	return proof.Limits{
		Length: 6, Life: 5 * time.Minute, Tries: 5,
		ResendAfter:      []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute},
		Destination:      quota.Limit{Name: "codes.destination", Windows: day(10)},
		DestinationTries: quota.Limit{Name: "codes.tries", Windows: append(hour(10), day(30)...)},
		Device:           quota.Limit{Name: "codes.device", Windows: hour(20)},
		Network:          quota.Limit{Name: "codes.network", Windows: hour(100)},
		NetworkWide:      quota.Limit{Name: "codes.network_wide", Windows: hour(1000)},
		Country:          quota.Limit{Name: "codes.country", Windows: hour(500)},
		Guesses:          quota.Limit{Name: "codes.guesses", Windows: hour(200)},
		CountryCredit:    4, ChallengeAfter: 50,
	}
}

func newTown(t testing.TB, db *sqldb.DB, c *clock.Clock, change ...func(*signin.House, *proof.Limits)) *town {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	book := words.Book()
	post := newPostOffice(t, db, c, ring)
	plan := numbers.New(numbers.Policy{}, nil)
	counts := quota.New(ring.Key("quota"))
	l := limits()
	google, wechat := towntest.NewVendor("google"), towntest.NewVendor("wechat")
	west := map[string][]string{"page": {"google", "wechat"}, "in_app": {"wechat"}, "app": {"google", "wechat", "apple"}, "setup": {"google"}}
	h := &signin.House{
		Regions: region.New(
			region.Region{Name: "intl", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email", "provider"}, Required: "email", AskFor: "no", AskAfterProvider: "yes", Providers: west},
			region.Region{Name: "cn", Country: "CN", Zone: time.FixedZone("CST", 8*3600), SignUp: []string{"phone", "provider"}, Required: "phone", AskFor: "no", AskAfterProvider: "must",
				Providers: map[string][]string{"page": {"wechat"}, "app": {"wechat"}}},
			region.Region{Name: "both", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email"}, Required: "phone", AskFor: "yes"},
			region.Region{Name: "must", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email"}, Required: "phone", AskFor: "must"},
			region.Region{Name: "closed", Country: "US", Zone: time.UTC, AskFor: "no", Providers: west}),
		Numbers: plan, Accounts: account.New(ring), Contacts: contact.New(ring), Devices: device.New(ring), Audit: audit.New(ring),
		Passwords: credential.New(credential.NewGate(credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}, 2, 100, c), ring, credential.Rules{}),
		Book:      counts, Captchas: proof.NewCaptchas(ring, 20), Courier: post.courier, Brand: "Selfsame",
		Guesses: &proof.Passwords{Rules: proof.PasswordRules{
			Tries:        quota.Limit{Name: "password.tries", Windows: day(100), Pace: []time.Duration{0, 0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}},
			TriesNetwork: quota.Limit{Name: "password.network", Windows: hour(1000)},
			TriesWide:    quota.Limit{Name: "password.network_wide", Windows: hour(10000)},
			CaptchaAfter: 10, PictureAfter: 20,
		}},
		Rules: signin.Rules{MinLength: 8, MaxLength: 256, Life: 30 * time.Minute},
	}
	h.Links = link.New(ring)
	h.Desk = &federation.Desk{DB: db, Ring: ring, Providers: provider.NewBook(google, wechat), Regions: h.Regions, PublicURL: "https://id.example.test"}
	for _, f := range change {
		f(h, &l)
	}
	h.Guesses.Stored, h.Guesses.Book, h.Guesses.Captchas, h.Guesses.Audit = h.Passwords, h.Book, h.Captchas, h.Audit
	h.Directory = directory.New(h.Contacts, phones{plan})
	h.Sessions = session.New(h.Accounts, h.Devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
	h.Codes = proof.NewCodes(ring, counts, post.courier, book, "Selfsame", "id.example.test", l)
	p := &proof.Prover{Policy: policy.New(policy.Settings{PasswordAlone: h.Rules.Alone}), Accounts: h.Accounts, Contacts: h.Contacts, Devices: h.Devices,
		Audit: h.Audit, Book: h.Book, Codes: h.Codes, Captchas: h.Captchas, Footprints: footprint.New(ring), Numbers: h.Numbers, Tries: quota.Limit{Name: "proof.tries", Windows: append(hour(10), day(30)...)}}
	p.Means = []proof.Means{proof.BySMS(p), proof.ByEmail(p), proof.ByPassword(p, h.Guesses), proof.ByLinked(p, h.Links, h.Desk)}
	h.Prover = p
	h.Notices = proof.NewNotices(post.courier, book, "Selfsame", func(string) *time.Location { return time.UTC })
	r := flow.New(db, ring, nil)
	flow.Add(r, signin.Journey(h))
	return &town{t: t, db: db, clock: c, house: h, runner: r, post: post, ring: ring, google: google, wechat: wechat}
}

// visit is one person's journey.
type visit struct {
	*town
	visitor flow.Visitor
	handle  flow.Handle
	step    step.Step
	err     error
}

func (w *town) begin(region string, change ...func(*flow.Visitor)) *visit {
	w.t.Helper()
	v := &visit{town: w, visitor: flow.Visitor{Addr: netip.MustParseAddr("192.0.2.7"), Locale: "en", DeviceName: "Pixel 9", DeviceKind: "phone"}}
	for _, f := range change {
		f(&v.visitor)
	}
	t, err := w.runner.Begin(w.t.Context(), v.visitor, flow.Begin{Kind: "signin", Region: region})
	if err != nil {
		w.t.Fatal(err)
	}
	v.handle, v.step = flow.Handle{ID: t.ID, Key: t.Key}, t.Step
	return v
}

// on makes a visitor come with a device's secret.
func on(secret string) func(*flow.Visitor) {
	return func(v *flow.Visitor) { v.DeviceSecret = secret }
}

// give answers the present step and keeps what came back.
func (v *visit) give(in flow.Input) *visit {
	v.t.Helper()
	t, err := v.runner.Answer(context.WithoutCancel(v.t.Context()), v.visitor, v.handle, in)
	if err != nil && fault.From(err) == nil {
		v.t.Fatalf("%s: %v", in.Input, err)
	}
	v.err = err
	if t.Step != nil {
		v.step = t.Step
	}
	return v
}

func (v *visit) phone(number string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "phone", Phone: number})
}
func (v *visit) code(digits string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "code", Code: digits})
}
func (v *visit) username(name string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "username", Username: name})
}
func (v *visit) password(p string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "password", Password: p})
}

// want checks where the journey stands, "" for no refusal.
func (v *visit) want(at step.Type, code string) *visit {
	v.t.Helper()
	got := ""
	if f := fault.From(v.err); f != nil {
		got = f.Code
	}
	if v.step.StepType() != at || got != code {
		v.t.Fatalf("at %q with %q; want %q with %q (step %+v)", v.step.StepType(), got, at, code, v.step)
	}
	return v
}

func (v *visit) done() step.Done {
	v.t.Helper()
	v.want(step.TypeDone, "")
	return v.step.(step.Done)
}

// signUp makes an account by text message and answers its end.
func (w *town) signUp(number string, change ...func(*flow.Visitor)) step.Done {
	w.t.Helper()
	v := w.begin("intl", change...).phone(number).want(step.TypeCode, "")
	return v.code(w.post.code(number)).done()
}

// setPassword gives an account a password, as the account page would.
func (w *town) setPassword(id, password string) {
	w.t.Helper()
	h, err := w.house.Passwords.Hash(w.t.Context(), password)
	if err != nil {
		w.t.Fatal(err)
	}
	n, _ := account.ReadID(id)
	if err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error { return w.house.Passwords.Set(w.t.Context(), tx, n, h) }); err != nil {
		w.t.Fatal(err)
	}
}

func each(t *testing.T, f func(w *town)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newTown(t, db, c)) })
}

var digits = regexp.MustCompile(`\d{6}`)

func other(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+1)%10
	return string(b)
}
