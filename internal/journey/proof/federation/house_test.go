package federation_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// vendor is a provider that answers what a test wants and remembers what it was asked.
type vendor struct {
	name     string
	posts    bool
	takes    provider.Takes
	who      provider.Identity
	err      error
	mu       sync.Mutex
	attempts []provider.Attempt
	answers  []url.Values
	handed   []provider.Handed
}

func (v *vendor) Name() string          { return v.name }
func (v *vendor) Takes() provider.Takes { return v.takes }
func (v *vendor) AnswersByPost() bool   { return v.posts }

func (v *vendor) Authorize(a provider.Attempt) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.attempts = append(v.attempts, a)
	return "https://" + v.name + ".test/authorize?state=" + a.State, nil
}

func (v *vendor) Exchange(_ context.Context, a provider.Attempt, callback url.Values) (provider.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.attempts, v.answers = append(v.attempts, a), append(v.answers, callback)
	return v.who, v.err
}

func (v *vendor) Redeem(_ context.Context, h provider.Handed) (provider.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.handed = append(v.handed, h)
	return v.who, v.err
}

// plain is a vendor whose SDK gives apps nothing.
type plain struct{ provider.Provider }

// preparing is one whose SDK wants something of ours first.
type preparing struct{ *vendor }

func (p preparing) Prepare(nonce string, now time.Time) (string, error) {
	if p.err != nil {
		return "", p.err
	}
	return "login?" + nonce, nil
}

type office struct {
	*federation.Desk
	t              *testing.T
	clock          *clock.Clock
	google, apple  *vendor
	mine, faraway  netip.Addr
	runner         *flow.Runner
	browser, other string
}

type nothing struct{}

func each(t *testing.T, f func(o *office)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		o := &office{t: t, clock: c, mine: netip.MustParseAddr("2001:db8:1:1::7"), faraway: netip.MustParseAddr("198.51.100.7"),
			google: &vendor{name: "google", takes: provider.Takes{Token: true, Code: true}}, apple: &vendor{name: "apple", posts: true, takes: provider.Takes{Token: true}},
			browser: strings.Repeat("A", 42) + "E", other: strings.Repeat("B", 42) + "E"}
		o.google.who = provider.Identity{Subjects: []provider.Subject{{Scope: "global", Value: "1"}}, Name: "Ada"}
		o.apple.who = o.google.who
		every := []string{"google", "apple", "weibo"}
		o.Desk = &federation.Desk{DB: db, Ring: ring, Providers: provider.NewBook(o.google, o.apple), PublicURL: "https://id.example.test", Book: quota.New(ring.Key("quota")), PerMinute: 60,
			Regions: region.New(region.Region{Name: "intl", Providers: map[string][]string{"page": every, "in_app": every, "app": {"apple", "google"}}})}
		o.runner = flow.New(db, ring, nil)
		flow.Add(o.runner, &flow.Journey[nothing]{Kinds: []string{"signin"}, Life: 30 * time.Minute,
			Begin: func(flow.Visitor, flow.Begin, time.Time) (*nothing, error) { return &nothing{}, nil },
			Next:  func(*nothing) step.Type { return step.TypeRedirect },
			Steps: map[step.Type]flow.Step[nothing]{step.TypeRedirect: {Show: func(context.Context, sqldb.Querier, *flow.Call[nothing]) (step.Step, error) {
				return step.Redirect{}, nil
			}}}})
		f(o)
	})
}

// visit is one on its way.
type visit struct {
	*office
	journey flow.Handle
	trip    *federation.Trip
	state   string
}

// departs begins a visit from a surface.
func (o *office) departs(surface, name string) *visit {
	o.t.Helper()
	v := flow.Visitor{Addr: o.mine, Surface: surface, DeviceName: "Pixel 9", Place: "Berlin", Locale: "de"}
	ticket, err := o.runner.Begin(o.t.Context(), v, flow.Begin{Kind: "signin"})
	if err != nil {
		o.t.Fatal(err)
	}
	w := &visit{office: o, journey: flow.Handle{ID: ticket.ID, Key: ticket.Key}}
	o.tx(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		w.trip, err = o.Depart(ctx, tx, flow.Record{ID: ticket.ID, Kind: "signin"}, v, "intl", name, federation.SignIn, false)
		return err
	})
	return w
}

// leaves does it and opens the address in the browser.
func (o *office) leaves(surface, name string) *visit {
	o.t.Helper()
	w := o.departs(surface, name)
	d, err := o.Leave(o.t.Context(), path.Base(o.Show(w.trip).URL), o.browser)
	if err != nil {
		o.t.Fatal(err)
	}
	to, err := url.Parse(d.URL)
	if err != nil || d.Browser != o.browser {
		o.t.Fatalf("%v, browser %q", err, d.Browser)
	}
	w.state = to.Query().Get("state")
	return w
}

func (o *office) tx(f func(ctx context.Context, tx *sqldb.Tx) error) {
	o.t.Helper()
	if err := o.DB.InTx(o.t.Context(), func(tx *sqldb.Tx) error { return f(o.t.Context(), tx) }); err != nil {
		o.t.Fatal(err)
	}
}

// with is a callback with the state and more.
func (w *visit) with(more ...string) url.Values {
	v := url.Values{"state": {w.state}}
	for i := 0; i < len(more); i += 2 {
		v.Add(more[i], more[i+1])
	}
	return v
}

// arrives brings an answer by GET, in the browser that went, from the same network.
func (w *visit) arrives(answer url.Values) (federation.Arrival, error) {
	return w.Arrive(w.t.Context(), w.trip.Provider, false, answer, w.browser, w.journey, w.mine)
}

// collects takes what came back; nil: nothing.
func (w *visit) collects() (back *federation.Returned, err error) {
	w.t.Helper()
	var refused error
	w.tx(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		back, refused = w.Collect(ctx, tx, w.journey.ID, w.trip)
		if refused != nil && fault.From(refused) == nil {
			return refused
		}
		return nil
	})
	return back, refused
}

// ends is how the journey of a visit ends: the person, or why not.
func (w *visit) ends() (*federation.Person, error) {
	w.t.Helper()
	back, err := w.collects()
	if err != nil || back == nil {
		return nil, err
	}
	return w.Exchange(w.t.Context(), back)
}

// why is the code of a fault, and its reason; "" for no error.
func why(err error) string {
	f := fault.From(err)
	switch {
	case err == nil:
		return ""
	case f == nil:
		return "error: " + err.Error()
	}
	if reason, is := f.Args["reason"].(string); is {
		return f.Code + " " + reason
	}
	return f.Code
}

// stored is everything that the tables hold, as text.
func (o *office) stored() string {
	o.t.Helper()
	var all strings.Builder
	rows, err := o.DB.Query(o.t.Context(), `SELECT state_hash, network, asked, browser, answer, stage FROM federation_trip`)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var b [5][]byte
		var stage string
		if err := rows.Scan(&b[0], &b[1], &b[2], &b[3], &b[4], &stage); err != nil {
			o.t.Fatal(err)
		}
		for _, one := range b {
			all.Write(one)
		}
		all.WriteString(stage)
	}
	return all.String()
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
