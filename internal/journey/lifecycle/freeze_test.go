package lifecycle_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const (
	ada     = "+14155550123"
	adaMail = "ada@example.com"
	word    = "blue kettle on the stove"
)

func begin(w *towntest.Town, kind string) *towntest.Visit {
	w.Helper()
	return w.Begin(towntest.Visitor(""), flow.Begin{Kind: kind, Region: "intl"})
}

func effects(t *testing.T, v *towntest.Visit) map[string]step.Effect {
	t.Helper()
	out := map[string]step.Effect{}
	for _, e := range v.Want(step.TypeConfirm, "").Step.(step.Confirm).Effects {
		out[e.Effect] = e
	}
	return out
}

// TestTopic_F01_Freeze: from any browser, with one proof: every session ends, what
// is pending dies, everybody is told, and the state says since when and until when.
func TestTopic_F01_Freeze(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, word)
		second := p.SignsIn("tablet")
		p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := p.Recovery.Changes.Begin(ctx, tx, change.Change{AccountID: p.ID, Kind: change.ReplacePhone, ReadyAt: tx.Now().Add(72 * time.Hour)})
			return err
		})
		w.Post.All(adaMail)
		v := begin(w, "freeze").Phone(ada).Want(step.TypeCode, "").CodeOf(ada)
		e := effects(t, v)
		until := w.Clock.Now().Add(24 * time.Hour)
		if e["sessions_end"].Count != 2 || e["freeze_ends"].At == nil || !e["freeze_ends"].At.Equal(until) {
			w.Errorf("the effects are %+v", e)
		}
		if p.Live(p.Token) == nil {
			w.Error("it froze before it was confirmed")
		}
		if d := v.Just("confirm").Done(); d.Result != "frozen" || d.Session != nil {
			w.Errorf("the end is %+v", d)
		}
		if p.Live(p.Token) != nil || p.Live(second) != nil {
			w.Error("a session lives")
		}
		a := p.Account()
		if a.State != account.IsFrozen || !a.StateUntil.Equal(until) || a.FrozenBy != "owner" {
			w.Errorf("the account is %+v", a)
		}
		list, err := p.Recovery.Changes.List(w.Context(), p.DB, p.ID, time.Time{})
		if err != nil || len(list) != 1 || list[0].State != change.Withdrawn {
			w.Errorf("what was pending is %+v, %v", list, err)
		}
		for _, to := range []string{ada, adaMail} {
			if told := w.Post.All(to); len(told) != 1 || !strings.Contains(told[0], "/unfreeze") {
				w.Errorf("%s was told %q", to, told)
			}
		}
		if !slices.Contains(p.History(), audit.Frozen) {
			w.Error("the history lacks it")
		}
	})
}

// TestS083_AWeakFreezeEndsByItself: after a day, with a notice, and nobody is
// signed in by it.
func TestS083_AWeakFreezeEndsByItself(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		begin(w, "freeze").Phone(ada).CodeOf(ada).Just("confirm").Done()
		w.Post.All(ada)
		for _, c := range []struct {
			after time.Duration
			state account.State
		}{{24*time.Hour - time.Second, account.IsFrozen}, {time.Second, account.Active}} {
			w.Later(c.after)
			if err := w.Freeze.Lapse(w.Context()); err != nil {
				w.Fatal(err)
			}
			if s := p.Account().State; s != c.state {
				w.Errorf("after %v it is %s", c.after, s)
			}
		}
		if told := w.Post.All(ada); len(told) != 1 || !strings.Contains(told[0], "ended") {
			w.Errorf("told %q", told)
		}
		if p.Live(p.Token) != nil {
			w.Error("a session of before lives again")
		}
	})
}

// TestS083_AWeakFreezeIsNotExtendedByALink: the notices of a short freeze carry no
// link that does more than lift it, and securing the account by a link does not
// make it last.
func TestS083_AWeakFreezeIsNotExtendedByALink(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, "")
		w.Post.All(adaMail)
		begin(w, "freeze").Phone(ada).CodeOf(ada).Just("confirm").Done()
		for _, to := range []string{ada, adaMail} {
			if told := w.Post.All(to); len(told) != 1 || strings.Contains(told[0], "token=") {
				w.Errorf("%s was told %q", to, told)
			}
		}
		until := p.Account().StateUntil
		p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			return w.Freeze.Secure(ctx, tx, p.Account(), "objection")
		})
		if a := p.Account(); a.State != account.IsFrozen || until.IsZero() || !a.StateUntil.Equal(until) {
			w.Errorf("it is %s until %v; was until %v", a.State, a.StateUntil, until)
		}
	})
}

// TestS083_BoundedHarm: whoever has nothing but the owner's texts tries to freeze
// twice a day for sixty days. The owner is locked out for four days of them at most
// if they do nothing, and for a day at most in any stretch in which they lift it.
func TestS083_BoundedHarm(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		attack := func() {
			v := begin(w, "freeze").Phone(ada)
			if v.Step.StepType() != step.TypeCode || v.Fault() != nil {
				return // the limits of codes
			}
			v.CodeOf(ada)
			if v.Step.StepType() == step.TypeConfirm {
				v.Just("confirm")
			}
		}
		var frozen time.Duration
		for range 60 * 2 {
			attack()
			if p.Account().State == account.IsFrozen {
				frozen += 12 * time.Hour
			}
			w.Later(12 * time.Hour)
			if err := w.Freeze.Lapse(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
		w.Logf("frozen for %v of 60 days", frozen)
		if frozen > 4*24*time.Hour || frozen == 0 {
			w.Errorf("frozen for %v of 60 days", frozen)
		}
	})
}

// TestS083_NotSoonAfterTheOwnerLiftedIt, and an owner with a passkey always wins.
func TestS083_NotSoonAfterTheOwnerLiftedIt(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		key := p.AddsPasskey()
		w.Later(5 * 24 * time.Hour)
		begin(w, "freeze").Phone(ada).CodeOf(ada).Just("confirm").Done()
		v := begin(w, "unfreeze").Username(p.ID.String()).By("passkey").Want(step.TypePasskey, "")
		v.Give(flow.Input{Input: "passkey", Credential: key.Get(v.Step.(step.Passkey).Options)}).NewPassword("seven purple walruses").Done()
		lifted := w.Clock.Now()
		w.Later(23 * time.Hour)
		again := begin(w, "freeze").Phone(ada).CodeOf(ada).Just("confirm").Want(step.TypeConfirm, "freeze_limited")
		if !again.Fault().RetryAt.Equal(lifted.Add(24 * time.Hour)) {
			w.Errorf("again at %v", again.Fault().RetryAt)
		}
		// The owner's own passkey freezes all the same, and until it is lifted.
		v = begin(w, "freeze").Username(p.ID.String()).By("passkey")
		v.Give(flow.Input{Input: "passkey", Credential: key.Get(v.Step.(step.Passkey).Options)})
		if e := effects(t, v); e["freeze_ends"].At != nil {
			w.Errorf("a strong proof freezes until %v", e["freeze_ends"].At)
		}
		v.Just("confirm").Done()
		if a := p.Account(); a.State != account.IsFrozen || !a.StateUntil.IsZero() {
			w.Errorf("the account is %+v", a)
		}
	})
}

// TestS083_AStrongProofMakesItLast: and a weak one cannot make it shorter.
func TestS083_AStrongProofMakesItLast(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		codes := p.AddsCodes()
		w.Later(5 * 24 * time.Hour)
		begin(w, "freeze").Phone(ada).CodeOf(ada).Just("confirm").Done()
		begin(w, "freeze").Username(p.ID.String()).By("recovery_code").Give(flow.Input{Input: "recovery_code", Code: codes[0]})
		v := begin(w, "freeze").Username(p.ID.String()).By("recovery_code")
		v.Give(flow.Input{Input: "code", Code: codes[1]}).Want(step.TypeConfirm, "").Just("confirm").Done()
		if a := p.Account(); !a.StateUntil.IsZero() {
			w.Errorf("it ends at %v", a.StateUntil)
		}
		w.Later(2 * time.Hour)
		begin(w, "freeze").Phone(ada).CodeOf(ada).Done()
		if a := p.Account(); !a.StateUntil.IsZero() {
			w.Errorf("a weak proof made it end at %v", a.StateUntil)
		}
	})
}

// TestTopic_F01_SignedIn: who is signed in and proved something lately confirms at
// once; the journey goes nowhere without that session.
func TestTopic_F01_SignedIn(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, word)
		visitor := towntest.Visitor("")
		visitor.Session = p.Live(p.Token)
		v := w.Begin(visitor, flow.Begin{Kind: "freeze"}).Want(step.TypeConfirm, "")
		v.Visitor.Session = nil
		if v.Just("confirm"); v.Fault() == nil || v.Fault().Code != "session_required" || p.Account().State != account.Active {
			w.Errorf("without the session: %v", v.Err)
		}
		v.Visitor.Session = p.Live(p.Token)
		v.Just("confirm").Done()
		if p.Live(p.Token) != nil {
			w.Error("the session lives")
		}
		w.Later(25 * time.Hour)
		if err := w.Freeze.Lapse(w.Context()); err != nil {
			w.Fatal(err)
		}
		visitor.Session = p.Live(p.SignsIn("tablet"))
		w.Later(11 * time.Minute)
		v = w.Begin(visitor, flow.Begin{Kind: "freeze"}).Want(step.TypeChooseMethod, "")
		v.By("password").Password(word).Want(step.TypeConfirm, "").Just("confirm").Done()
	})
}

// TestS086_FreezeStates: who is blocked hears that; a former contact freezes nobody.
func TestS086_FreezeStates(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", "")
		p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := w.Freeze.Apply(ctx, tx, p.ID, account.Cause{Event: account.Block, By: account.Operator, Reason: "Spam", Until: tx.Now().Add(48 * time.Hour)}, nil)
			return err
		})
		v := begin(w, "freeze").Phone(ada).CodeOf(ada).Want(step.TypeIdentify, "account_blocked")
		if v.Fault().Args["reason"] != "Spam" || v.Fault().RetryAt.IsZero() {
			w.Errorf("the refusal is %+v", v.Fault())
		}
		w.Later(48 * time.Hour)
		if err := w.Freeze.Lapse(w.Context()); err != nil {
			w.Fatal(err)
		}
		if s := p.Account().State; s != account.Active {
			w.Errorf("after its end it is %s", s)
		}
		p.Replaces(contact.Phone, "+14155550177")
		w.Post.All(ada)
		begin(w, "freeze").Phone(ada).Want(step.TypeCode, "")
		for _, to := range []string{ada, "+14155550177"} {
			if got := w.Post.All(to); len(got) != 0 {
				w.Errorf("%s got %q: a former phone names nobody", to, got)
			}
		}
	})
}

// TestS060_R18_TwoNodes: what one node freezes, or recovers, the other refuses with
// its next request: nothing is cached. The limit is 5 s.
func TestS060_R18_TwoNodes(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLiteURL, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			c, at := clock.At(sqldbtest.Start), url(t)
			first := sqldbtest.Open(t, at, c)
			sqldbtest.Migrate(t, first)
			ring, err := seal.New()
			if err != nil {
				t.Fatal(err)
			}
			here, there := towntest.New(t, first, c, ring), towntest.New(t, sqldbtest.Open(t, at, c), c, ring)
			p := here.Person(ada, "", word)
			elsewhere := &towntest.Person{Town: there, ID: p.ID}
			var tokens []string
			for _, d := range []string{"one", "two", "three"} {
				token := elsewhere.SignsIn(d)
				if elsewhere.Live(token) == nil {
					t.Fatal("a session does not begin")
				}
				tokens = append(tokens, token)
			}
			v := code(here, there, begin(here, "freeze").Phone(ada)).Want(step.TypeConfirm, "")
			began := clock.System().Now()
			v.Just("confirm").Done()
			for _, token := range tokens {
				if elsewhere.Live(token) != nil || p.Live(token) != nil {
					t.Error("a session lives on the other node")
				}
			}
			if elsewhere.Account().State != account.IsFrozen {
				t.Error("the other node does not know")
			}
			t.Logf("dead on the other node within %v of the button", clock.System().Now().Sub(began))
		})
	}
}

// code enters the code that one of two nodes sent: both work on one outbox.
func code(here, there *towntest.Town, v *towntest.Visit) *towntest.Visit {
	here.Post.Settle()
	for _, w := range []*towntest.Town{here, there} {
		for _, text := range w.Post.All(ada) {
			if d := digits(text); d != "" {
				return v.Code(d)
			}
		}
	}
	here.Fatal("no code came")
	return nil
}

func digits(text string) string {
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(f) == 6 {
			return f
		}
	}
	return ""
}
