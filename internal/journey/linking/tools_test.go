package linking_test

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

const (
	ada, adaMail = "+14155550123", "ada@example.com"
	bob, bobMail = "+14155550124", "bob@example.com"
	password     = "1000 purple walruses"
)

// town is a town with providers around it.
type town struct {
	*towntest.Town
	*linking.House
	google, wechat *vendor
	queue          *job.Queue
	ids            string // of again2
}

// vendor is a provider that also tells of things by itself, and takes grants back.
type vendor struct {
	*towntest.Vendor
	mu      sync.Mutex
	says    provider.Received // to the next message
	refuses error
	given   []provider.Grant // back
	down    error            // of Revoke and Gone
	gone    bool
	asked   int
}

func (v *vendor) Receive(context.Context, provider.Message) (provider.Received, error) {
	return v.says, v.refuses
}

func (v *vendor) Revoke(_ context.Context, g provider.Grant) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down != nil {
		return v.down
	}
	v.given = append(v.given, g)
	return nil
}

func (v *vendor) Gone(context.Context, provider.Grant) (bool, error) {
	v.asked++
	return v.gone, v.down
}

// each runs a test in a fresh town on each engine.
func each(t *testing.T, f func(w *town)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(newTown(t, db, c, ring))
	})
}

func newTown(t *testing.T, db *sqldb.DB, c *clock.Clock, ring *seal.Ring) *town {
	w := &town{Town: towntest.New(t, db, c, ring), queue: job.New(db, c, slog.New(slog.DiscardHandler)),
		google: &vendor{Vendor: towntest.NewVendor("google")}, wechat: &vendor{Vendor: towntest.NewVendor("wechat")}}
	silent := towntest.NewVendor("qq") // tells nothing, takes nothing back, and is not offered
	offered := []string{"google", "wechat"}
	regions := region.New(region.Region{Name: "intl", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email"}, Required: "email",
		Providers: map[string][]string{"page": offered, "in_app": offered, "app": offered}})
	providers := provider.NewBook(w.google, w.wechat, silent)
	links, r := link.New(ring), w.Recovery
	desk := &federation.Desk{DB: db, Ring: ring, Providers: providers, Regions: regions, PublicURL: "https://id.example.test", Book: r.Book, PerMinute: 60}
	if !slices.ContainsFunc(w.Town.Prover.Means, func(m proof.Means) bool { return m.Method() == policy.LinkedSignIn }) {
		w.Town.Prover.Means = append(w.Town.Prover.Means, proof.ByLinked(w.Town.Prover, links, desk))
	}
	w.House = &linking.House{DB: db, Ring: ring, Accounts: r.Accounts, Contacts: r.Contacts, Sessions: r.Sessions, Links: links, Audit: r.Audit, Book: r.Book,
		Prover: w.Town.Prover, Notices: r.Notices, Desk: desk, Providers: providers, PublicURL: desk.PublicURL, Life: 30 * time.Minute}
	w.House.Work(w.queue)
	flow.Add(w.Runner, linking.Journey(w.House))
	return w
}

// node is another node on the same store.
func (w *town) node() *town { return newTown(w.TB.(*testing.T), w.Town.DB, w.Clock, w.House.Ring) }

// work runs the queue until it is empty of revocations, or f says that it is enough.
func (w *town) work(f func() bool) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = w.queue.Run(ctx)
	}()
	defer func() { cancel(); <-over }()
	for range 4000 {
		if f() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	w.Fatal("the queue does not come to it")
}

// revocations are the jobs that stand, dead ones too.
func (w *town) revocations() (n int) {
	w.Helper()
	if err := w.Town.DB.QueryRow(w.Context(), `SELECT COUNT(*) FROM job WHERE kind = 'link.revoke'`).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// has gives a person a link, as old as the account.
func (w *town) has(id account.ID, v *vendor, who provider.Identity, grant string) {
	w.Helper()
	subjects := []link.Subject{}
	for _, s := range who.Subjects {
		subjects = append(subjects, link.Subject{Scope: s.Scope, Value: s.Value})
	}
	l := link.Link{Provider: v.Name(), Subjects: subjects, Name: who.Name, Email: who.Email}
	if grant != "" {
		l.Grant = []byte(`{"token":"` + grant + `"}`)
	}
	w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		if won, err := w.Links.Claim(ctx, tx, v.Name(), subjects, id); err != nil || !won {
			w.Fatalf("claiming: %v, %v", won, err)
		}
		return w.Links.Add(ctx, tx, id, l)
	})
}

// stranger is an account with links and nothing else.
func (w *town) stranger(v *vendor, who provider.Identity) *towntest.Person {
	w.Helper()
	p := &towntest.Person{Town: w.Town, ID: account.NewID(), Secret: (who.Subjects[0].Value + "-device-device-device-device-device-device-device")[:43]}
	w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		return w.House.Accounts.Create(ctx, tx, account.Account{ID: p.ID, Region: "intl", Locale: "en"})
	})
	w.has(p.ID, v, who, "")
	w.Later(30 * 24 * time.Hour)
	return p
}

// resting opens a session that rests on a link alone.
func (w *town) resting(p *towntest.Person, name, deviceSecret string) (token string) {
	w.Helper()
	w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := w.House.Accounts.Load(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		d, err := w.Recovery.Devices.Remember(ctx, tx, p.ID, (deviceSecret + "-rests-rests-rests-rests-rests-rests-rests-rests")[:43], device.Device{Kind: "phone", Name: "Tab"})
		if err != nil {
			return err
		}
		token, _, _, err = w.House.Sessions.Open(ctx, tx, who, d.ID, []session.Proof{{Method: "linked", Key: name, At: tx.Now()}})
		return err
	})
	return token
}

// fresh signs a person in with all that the account needs, just now.
func fresh(p *towntest.Person) string {
	p.Helper()
	return p.SignsIn(p.Secret, policy.SMSCode, policy.Password, policy.EmailCode)
}

// on is a person in a session of theirs, on a surface.
func (w *town) on(p *towntest.Person, token, surface string) flow.Visitor {
	w.Helper()
	v := towntest.Visitor(p.Secret)
	v.Session, v.Surface = p.Live(token), surface
	if v.Session != nil {
		v.Session.Addr = v.Addr
	}
	return v
}

// begins begins to link.
func (w *town) begins(v flow.Visitor, name string) *towntest.Visit {
	w.Helper()
	return w.Begin(v, flow.Begin{Kind: linking.Kind, For: name})
}

// visits goes to the provider that the step names and comes back as somebody.
func (w *town) visits(v *towntest.Visit, at *vendor, who provider.Identity) *towntest.Visit {
	w.Helper()
	w.returns(v, url.Values{"code": {at.Slip(who, "")}})
	return v.Just("check")
}

func (w *town) returns(v *towntest.Visit, answer url.Values) {
	w.Helper()
	if _, err := towntest.GoesOut(w, w.Desk, v.Step).ComesBack(w, w.Desk, v.Handle, v.Visitor.Addr, answer); err != nil {
		w.Fatalf("coming back: %v", err)
	}
}

// linked are the providers of an account, the oldest link first.
func (w *town) linked(id account.ID) (names []string) {
	w.Helper()
	list, err := w.Links.List(w.Context(), w.Town.DB, id)
	if err != nil {
		w.Fatal(err)
	}
	for _, l := range list {
		names = append(names, l.Provider)
	}
	return names
}

// did tells how often an act stands in a history.
func did(p *towntest.Person, kind audit.Kind) (n int) {
	for _, k := range p.History() {
		if k == kind {
			n++
		}
	}
	return n
}

func code(err error) string {
	if f := fault.From(err); f != nil {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
