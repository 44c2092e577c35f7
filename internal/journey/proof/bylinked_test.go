package proof_test

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// vendor is a provider where a code or a token is the subject of who has it.
type vendor struct {
	name  string
	also  []provider.Subject // beside that subject
	asked int
}

func (v *vendor) Name() string          { return v.name }
func (v *vendor) Takes() provider.Takes { return provider.Takes{Token: true} }

func (v *vendor) Authorize(a provider.Attempt) (string, error) {
	if !a.Again {
		return "", errors.New("a proof asks for a fresh sign-in")
	}
	return "https://" + v.name + ".test/?state=" + a.State, nil
}

func (v *vendor) Exchange(_ context.Context, _ provider.Attempt, callback url.Values) (provider.Identity, error) {
	v.asked++
	if callback.Get("error") != "" {
		return provider.Identity{}, provider.Fail(provider.Denied, callback.Get("error"))
	}
	return v.identity(callback.Get("code")), nil
}

func (v *vendor) Redeem(_ context.Context, h provider.Handed) (provider.Identity, error) {
	v.asked++
	nonce, who, _ := strings.Cut(h.Token, " ")
	if nonce != h.Nonce {
		return provider.Identity{}, provider.Fail(provider.Untrusted, "nonce")
	}
	return v.identity(who), nil
}

func (v *vendor) identity(who string) provider.Identity {
	return provider.Identity{Subjects: append([]provider.Subject{{Scope: "global", Value: who}}, v.also...), Name: "Ada there"}
}

// gate is an account with a password that was right, and with links; journeys that
// want more.
type gate struct {
	t             *testing.T
	db            *sqldb.DB
	clock         *clock.Clock
	ring          *seal.Ring
	runner        *flow.Runner
	prover        *proof.Prover
	links         *link.Store
	desk          *federation.Desk
	google, apple *vendor
	ada, bob      account.ID
	stolen        time.Time
	last          []session.Proof // what the last journey that ended had proved
}

func eachGate(t *testing.T, f func(g *gate)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newGate(t, db, c)) })
}

func newGate(t *testing.T, db *sqldb.DB, c *clock.Clock) *gate {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, db: db, clock: c, ring: ring, links: link.New(ring), google: &vendor{name: "google"}, apple: &vendor{name: "apple"}}
	every := []string{"google", "apple"}
	g.desk = &federation.Desk{DB: db, Ring: ring, Providers: provider.NewBook(g.google, g.apple), PublicURL: "https://id.example.com", Book: quota.New(ring.Key("quota")), PerMinute: 60,
		Regions: region.New(region.Region{Name: "intl", Providers: map[string][]string{"page": every, "app": every}})}
	g.prover = &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: account.New(ring), Contacts: contact.New(ring), Devices: device.New(ring),
		Audit: audit.New(ring), Book: g.desk.Book, Tries: quota.Limit{Name: "secret.wrong", Windows: []quota.Window{{Max: 10, Per: time.Hour}}}}
	g.prover.Means = []proof.Means{proof.ByLinked(g.prover, g.links, g.desk)}
	g.runner = flow.New(db, ring, nil)
	steps := proof.Steps(g.prover, func(f *lockFacts) *proof.Proving { return &f.Proving }, func(_ context.Context, _ *sqldb.Tx, c *flow.Call[lockFacts]) error {
		g.last = c.Facts.Proved
		return nil
	})
	steps[step.TypeDone] = flow.Step[lockFacts]{Show: func(context.Context, sqldb.Querier, *flow.Call[lockFacts]) (step.Step, error) {
		return step.Done{Head: step.Head{Type: step.TypeDone}}, nil
	}}
	flow.Add(g.runner, &flow.Journey[lockFacts]{Kinds: []string{"second", "blind", "then"}, Life: time.Hour, Steps: steps,
		Begin: func(_ flow.Visitor, b flow.Begin, now time.Time) (*lockFacts, error) {
			if b.Kind == "then" { // as the account stood before g.stolen
				return &lockFacts{proof.Proving{Action: policy.SignIn, Account: g.ada, AsOf: g.stolen, Risk: policy.Risk{Level: policy.Low},
					Proved: []session.Proof{{Method: "password", At: now}}}}, nil
			}
			if b.Kind == "blind" {
				return &lockFacts{proof.Proving{Action: policy.Recover, Account: g.ada, Subject: "username\x00ada"}}, nil
			}
			return &lockFacts{proof.Proving{Action: policy.SignIn, Account: g.ada, Risk: policy.Risk{Level: policy.Low},
				Proved: []session.Proof{{Method: "password", At: now}}}}, nil
		},
		Next: func(f *lockFacts) step.Type {
			if f.Active() {
				return f.Proving.Next()
			}
			return step.TypeDone
		}})
	for i, id := range []*account.ID{&g.ada, &g.bob} {
		*id = account.NewID()
		g.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := g.prover.Accounts.Create(ctx, tx, account.Account{ID: *id, Region: "intl", Locale: "en"}); err != nil {
				return err
			}
			return g.prover.Contacts.Add(ctx, tx, *id, contact.Phone, []string{"+14155550123", "+14155550124"}[i])
		})
	}
	return g
}

func (g *gate) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	g.t.Helper()
	if err := g.db.InTx(g.t.Context(), func(tx *sqldb.Tx) error { return f(g.t.Context(), tx) }); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gate) link(id account.ID, provider, subject string) {
	g.t.Helper()
	who := []link.Subject{{Scope: "global", Value: subject}}
	g.do(func(ctx context.Context, tx *sqldb.Tx) error {
		if won, err := g.links.Claim(ctx, tx, provider, who, id); err != nil || !won {
			g.t.Fatalf("claiming %s: %v, %v", subject, won, err)
		}
		return g.links.Add(ctx, tx, id, link.Link{Provider: provider, Subjects: who})
	})
	g.clock.Advance(10 * 24 * time.Hour)
}

// asks is a journey that asks for a second proof.
type asks struct {
	*gate
	flow.Handle
	visitor flow.Visitor
	now     step.Step
}

func (g *gate) begin(kind, surface string) *asks {
	g.t.Helper()
	a := &asks{gate: g, visitor: flow.Visitor{Addr: netip.MustParseAddr("192.0.2.7"), Surface: surface, DeviceName: "Pixel 9"}}
	ticket, err := g.runner.Begin(g.t.Context(), a.visitor, flow.Begin{Kind: kind})
	if err != nil {
		g.t.Fatal(err)
	}
	a.Handle, a.now = flow.Handle{ID: ticket.ID, Key: ticket.Key}, ticket.Step
	return a
}

// give answers the present step, and wants to be at another one with a refusal.
func (a *asks) give(in flow.Input, at step.Type, code string) *asks {
	a.t.Helper()
	ticket, err := a.runner.Answer(a.t.Context(), a.visitor, a.Handle, in)
	if err != nil && fault.From(err) == nil {
		a.t.Fatal(err)
	}
	a.now = ticket.Step
	if got := why(err); got != code || a.now.StepType() != at {
		a.t.Fatalf("%+v: at %s with %q; want %s with %q", in, a.now.StepType(), got, at, code)
	}
	return a
}

// why is the code of a fault, and its reason.
func why(err error) string {
	f := fault.From(err)
	if f == nil {
		return ""
	}
	if reason, is := f.Args["reason"].(string); is {
		return f.Code + " " + reason
	}
	return f.Code
}

func (a *asks) method(at step.Type, code string) *asks {
	a.t.Helper()
	return a.give(flow.Input{Input: "method", Method: "linked"}, at, code)
}

// visits goes to the provider of the step in a browser, and comes back.
func (a *asks) visits(answer ...string) *asks {
	a.t.Helper()
	r := a.now.(step.Redirect)
	out, err := a.desk.Leave(a.t.Context(), path.Base(r.URL), "")
	if err != nil {
		a.t.Fatal(err)
	}
	_, state, _ := strings.Cut(out.URL, "state=")
	values := url.Values{"state": {state}}
	for i := 0; i < len(answer); i += 2 {
		values.Set(answer[i], answer[i+1])
	}
	if _, err := a.desk.Arrive(a.t.Context(), r.Provider, false, values, out.Browser, a.Handle, a.visitor.Addr); err != nil {
		a.t.Fatal(err)
	}
	return a
}

func (a *asks) check(at step.Type, code string) *asks {
	a.t.Helper()
	return a.give(flow.Input{Input: "check"}, at, code)
}

func (a *asks) hands(name, token string, at step.Type, code string) *asks {
	a.t.Helper()
	return a.give(flow.Input{Input: "provider", Provider: name, Token: token}, at, code)
}

func TestLinked_visit(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		linked := g.clock.Now().Add(-10 * 24 * time.Hour)
		for _, surface := range []string{"page", "app"} {
			a := g.begin("second", surface).method(step.TypeRedirect, "")
			r := a.now.(step.Redirect)
			if r.Provider != "google" || !slices.Equal(r.Inputs, []string{"check", "provider", "other_way"}) || len(r.Providers) != 1 ||
				(r.Providers[0].Nonce == "") != (surface == "page") || !r.ExpiresAt.Equal(g.clock.Now().Add(federation.TripLife)) {
				g.t.Errorf("%s: the step is %+v", surface, r)
			}
			a.check(step.TypeRedirect, "").visits("code", "ada").check(step.TypeDone, "")
			want := session.Proof{Method: "linked", At: g.clock.Now(), Key: "google", Since: linked}
			if diff := cmp.Diff(want, g.last[len(g.last)-1]); diff != "" {
				g.t.Errorf("%s: %s", surface, diff)
			}
			l, err := g.links.Load(g.t.Context(), g.db, g.ada, "google")
			if err != nil || l.Name != "Ada there" || !l.UsedAt.Equal(g.clock.Now()) {
				g.t.Errorf("%s: the link is %+v, %v", surface, l, err)
			}
		}
		if g.google.asked != 2 {
			g.t.Errorf("the provider was asked %d times", g.google.asked)
		}
	})
}

// TestS045_LinkedToThisAccount: whoever it was at the provider proves the account
// that has this very link, and no other.
func TestS045_LinkedToThisAccount(t *testing.T) {
	const other = "provider_failed other_account"
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		g.link(g.ada, "apple", "ada-at-apple")
		g.link(g.bob, "google", "bob")
		g.link(g.bob, "apple", "ada") // the same subject elsewhere
		a := g.begin("second", "app").method(step.TypeRedirect, "")
		a.hands("google", "", step.TypeRedirect, "")
		for _, who := range []string{"bob", "nobody", "ada-at-apple", "ADA"} {
			a.visits("code", who).check(step.TypeRedirect, other)
		}
		g.google.also = []provider.Subject{{Scope: "global", Value: "bob"}} // leads to two accounts
		a.visits("code", "ada").check(step.TypeRedirect, other)
		g.google.also = nil
		a.visits("error", "access_denied").check(step.TypeRedirect, "provider_denied")
		a.visits("code", "ada", "error", "x").check(step.TypeRedirect, "provider_failed refused")
		a.visits("code", "ada").check(step.TypeDone, "")
	})
}

// What is over leads to another visit: nobody is left at a door that does not open.
func TestLinked_visitIsOver(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		a := g.begin("second", "page").method(step.TypeRedirect, "")
		first := a.now.(step.Redirect).URL
		g.clock.Advance(9 * time.Minute)
		a.check(step.TypeRedirect, "")
		if a.now.(step.Redirect).URL != first {
			g.t.Error("a visit under way was given up")
		}
		a.give(flow.Input{Input: "other_way"}, step.TypeChooseMethod, "")
		a = g.begin("second", "page").method(step.TypeRedirect, "")
		second := a.now.(step.Redirect)
		a.visits("code", "nobody").check(step.TypeRedirect, "provider_failed other_account")
		if third := a.now.(step.Redirect); third.URL == second.URL {
			g.t.Error("the step leads to a visit that is over")
		}
		if _, err := g.desk.Leave(g.t.Context(), path.Base(second.URL), ""); why(err) != "provider_failed state_used" {
			g.t.Errorf("the old one: %v", err)
		}
	})
}

// TestS013_LinkedTries: sign-ins at providers by others than the owner are wrong tries
// at the account, over all journeys.
func TestS013_LinkedTries(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		for range 10 {
			g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "eve").check(step.TypeRedirect, "provider_failed other_account")
		}
		g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "ada").check(step.TypeRedirect, "too_many_attempts")
		g.clock.Advance(time.Hour)
		g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "ada").check(step.TypeDone, "")
	})
}

func TestLinked_app(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		g.link(g.ada, "apple", "ada-at-apple")
		a := g.begin("second", "app").method(step.TypeRedirect, "")
		nonce := func() string { return a.now.(step.Redirect).Providers[0].Nonce }
		first := nonce()
		if len(a.now.(step.Redirect).Providers) != 2 {
			g.t.Errorf("%+v", a.now)
		}
		a.hands("google", "stale ada", step.TypeRedirect, "provider_failed refused")
		a.hands("google", first+" ada", step.TypeRedirect, "provider_failed refused") // used up by the first try
		a.hands("weibo", nonce()+" ada", step.TypeRedirect, "provider_not_offered")
		a.give(flow.Input{Input: "provider", Provider: "google", Code: "c"}, step.TypeRedirect, "invalid_input")
		a.give(flow.Input{Input: "provider", Provider: "google", Code: "c", Token: "t"}, step.TypeRedirect, "invalid_input")
		a.hands("google", nonce()+" bob", step.TypeRedirect, "provider_failed other_account")
		token := nonce() + " ada"
		g.do(func(ctx context.Context, tx *sqldb.Tx) error { // handed over before, in whatever journey
			_, err := g.desk.Seen(ctx, tx, federation.Handed{Provider: "google", Token: token}.Text(), tx.Now().Add(time.Hour))
			return err
		})
		a.hands("google", token, step.TypeRedirect, "provider_failed replayed")
		a.hands("google", nonce()+" ada", step.TypeDone, "")
		b := g.begin("second", "page").method(step.TypeRedirect, "") // pages have no SDK
		b.hands("google", "x ada", step.TypeRedirect, "invalid_input")
	})
}

// Of several linked accounts, the one that was used last comes first, and another one
// can be taken.
func TestLinked_several(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		g.link(g.ada, "apple", "ada-at-apple")
		a := g.begin("second", "page").method(step.TypeRedirect, "")
		if r := a.now.(step.Redirect); r.Provider != "apple" {
			g.t.Errorf("first comes %s", r.Provider)
		}
		a.hands("google", "", step.TypeRedirect, "").visits("code", "ada").check(step.TypeDone, "")
		if last := g.last[len(g.last)-1]; last.Key != "google" {
			g.t.Errorf("%+v", last)
		}
		if r := g.begin("second", "page").method(step.TypeRedirect, "").now.(step.Redirect); r.Provider != "google" {
			g.t.Errorf("after google was used, first comes %s", r.Provider)
		}
	})
}

// TestS077_LinkedIsNeverFirst: before a first proof nothing tells what an account is
// linked to.
func TestS077_LinkedIsNeverFirst(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		a := g.begin("blind", "page")
		if s := a.now.(step.ChooseMethod); len(s.Methods) != 0 {
			g.t.Errorf("offered are %+v", s.Methods)
		}
		a.method(step.TypeChooseMethod, "method_unavailable unknown")
	})
}

// What the provider disabled, and what the operator switched off, is no way, and the
// person is told so (S-51, S-170).
func TestLinked_barred(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		suspend := func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := g.links.Suspend(ctx, tx, g.ada, "google")
			return err
		}
		ways := func() int {
			w, err := g.prover.Means[0].Ways(g.t.Context(), g.db, g.ada)
			if err != nil {
				g.t.Fatal(err)
			}
			return len(w)
		}
		there := g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "ada")
		g.do(suspend)
		there.check(step.TypeRedirect, "method_unavailable provider_suspended")
		a := g.begin("second", "page")
		if diff := cmp.Diff(step.Method{Method: "linked", Reason: "provider_suspended"}, a.now.(step.ChooseMethod).Unavailable[0]); ways() != 0 || diff != "" {
			g.t.Errorf("%d ways, %s", ways(), diff)
		}
		a.method(step.TypeChooseMethod, "method_unavailable provider_suspended")
		g.link(g.ada, "apple", "ada")
		if a = g.begin("second", "page"); ways() != 1 || len(a.now.(step.ChooseMethod).Unavailable) != 0 {
			g.t.Errorf("with another that works: %d ways, %+v", ways(), a.now)
		}
		g.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := g.links.Resume(ctx, tx, g.ada, "google")
			return errors.Join(err, func() error { _, err := g.links.Remove(ctx, tx, g.ada, "apple"); return err }())
		})
		there = g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "ada")
		all := g.desk.Providers
		g.desk.Providers = provider.NewBook(g.apple)
		there.check(step.TypeRedirect, "provider_not_offered")
		if g.begin("second", "page").method(step.TypeChooseMethod, "method_unavailable provider_off"); ways() != 0 {
			g.t.Errorf("%d ways by what is switched off", ways())
		}
		g.desk.Providers = all
		there = g.begin("second", "page").method(step.TypeRedirect, "").visits("code", "ada")
		g.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := g.links.Remove(ctx, tx, g.ada, "google")
			return err
		})
		there.check(step.TypeRedirect, "provider_failed other_account")
	})
}

// An account that is proved as it stood before somebody took it over is not proved by
// what they linked.
func TestTopic_X01_LinkedSince(t *testing.T) {
	eachGate(t, func(g *gate) {
		g.link(g.ada, "google", "ada")
		g.stolen = g.clock.Now()
		g.link(g.ada, "apple", "eve")
		a := g.begin("then", "page").method(step.TypeRedirect, "")
		if r := a.now.(step.Redirect); r.Provider != "google" || len(r.Providers) != 1 {
			g.t.Errorf("the step leads to what came since: %+v", r)
		}
		a.hands("apple", "", step.TypeRedirect, "provider_not_offered").visits("code", "ada").check(step.TypeDone, "")
		a = g.begin("second", "page").method(step.TypeRedirect, "") // as it stands, it is one
		if r := a.now.(step.Redirect); r.Provider != "google" || len(r.Providers) != 2 {
			g.t.Errorf("as it stands: %+v", r)
		}
		a.hands("apple", "", step.TypeRedirect, "").visits("code", "eve").check(step.TypeDone, "")
	})
}

// TestS076_LinksAreOfTheFingerprint: a recovery that began before a link came or went
// dies.
func TestS076_LinksAreOfTheFingerprint(t *testing.T) {
	eachGate(t, func(g *gate) {
		seen := map[string]bool{}
		look := func() {
			g.t.Helper()
			f, err := g.prover.Fingerprint(g.t.Context(), g.db, g.ada)
			if err != nil || seen[f] {
				g.t.Errorf("it is as before: %v", err)
			}
			seen[f] = true
		}
		look()
		g.link(g.ada, "google", "ada")
		look()
		g.link(g.ada, "apple", "ada")
		look()
		g.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := g.links.Remove(ctx, tx, g.ada, "apple")
			return err
		})
		g.link(g.ada, "apple", "eve")
		look()
	})
}
