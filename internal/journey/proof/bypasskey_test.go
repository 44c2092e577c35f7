package proof_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/passkey/passkeytest"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/words"
)

// lockFacts are those of a journey that is a door with a lock for passkeys.
type lockFacts struct{ proof.Proving }

func (f *lockFacts) Path() (string, locale.Tag, string) { return "intl", "en", "" }

// lock is two accounts, and journeys that passkeys open.
type lock struct {
	t        *testing.T
	db       *sqldb.DB
	clock    *clock.Clock
	runner   *flow.Runner
	prover   *proof.Prover
	store    *passkey.Store
	party    *passkey.Party
	keys     *proof.Passkeys
	ada, bob account.ID
	last     []session.Proof // what the last journey that ended had proved
}

const keyOrigin = "https://id.example.com"

func eachLock(t *testing.T, f func(l *lock)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newLock(t, db, c)) })
}

func newLock(t *testing.T, db *sqldb.DB, c *clock.Clock) *lock {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	l := &lock{t: t, db: db, clock: c, store: passkey.New(ring), party: &passkey.Party{ID: "id.example.com", Name: "Selfsame", Origins: []string{keyOrigin}}}
	l.prover = &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: account.New(ring), Contacts: contact.New(ring), Devices: device.New(ring),
		Audit: audit.New(ring), Book: quota.New(ring.Key("quota")), Tries: quota.Limit{Name: "secret.wrong", Windows: []quota.Window{{Max: 10, Per: time.Hour}}}}
	letters := courier.New(db, c, job.New(db, c, slog.New(slog.DiscardHandler)), ring, courier.Options{})
	l.keys = proof.ByPasskey(l.prover, l.store, l.party, proof.NewNotices(letters, words.Book(), "Selfsame", func(string) *time.Location { return time.UTC }))
	l.prover.Means = []proof.Means{l.keys}
	l.runner = flow.New(db, ring, func(string, string) {})
	flow.Add(l.runner, l.journey())
	for i, id := range []*account.ID{&l.ada, &l.bob} {
		*id = account.NewID()
		l.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := l.prover.Accounts.Create(ctx, tx, account.Account{ID: *id, Region: "intl", Locale: "en"}); err != nil {
				return err
			}
			return l.prover.Contacts.Add(ctx, tx, *id, contact.Phone, []string{"+14155550123", "+14155550124"}[i])
		})
	}
	c.Advance(10 * 24 * time.Hour)
	return l
}

// journey enters by a passkey alone (kind enter), adds one to a password (second),
// or asks for one where nothing is proved (blind; For names the account).
func (l *lock) journey() *flow.Journey[lockFacts] {
	enough := func(_ context.Context, _ *sqldb.Tx, c *flow.Call[lockFacts]) error {
		l.last = c.Facts.Proved
		return nil
	}
	steps := proof.Steps(l.prover, func(f *lockFacts) *proof.Proving { return &f.Proving }, enough)
	steps[step.TypeDone] = flow.Step[lockFacts]{Show: func(context.Context, sqldb.Querier, *flow.Call[lockFacts]) (step.Step, error) {
		return step.Done{Head: step.Head{Type: step.TypeDone}}, nil
	}}
	steps[step.TypeIdentify] = flow.Step[lockFacts]{
		Show: func(_ context.Context, _ sqldb.Querier, c *flow.Call[lockFacts]) (step.Step, error) {
			return step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: []string{"passkey"}}, Passkey: l.keys.Options(c.ID, c.Facts.Held, c.Now)}, nil
		},
		Moves: map[string]flow.Move[lockFacts]{"passkey": {Takes: []string{"credential"},
			Count: func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[lockFacts]) error {
				found, err := l.keys.Discover(ctx, tx, proof.NewTurn(c, &c.Facts.Proving))
				c.Answer = found
				return err
			},
			Apply: func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[lockFacts]) error {
				found := c.Answer.(*proof.Found)
				before := c.Facts.Proving
				c.Facts.Proving = proof.Proving{Action: policy.SignIn, Account: found.Account, Held: before.Held}
				turn := proof.NewTurn(c, &c.Facts.Proving)
				if err := l.keys.Accept(ctx, tx, turn, found); err != nil {
					return err
				}
				if len(c.Facts.Proved) == 0 { // refused, with a trace
					c.Facts.Proving = before
					return nil
				}
				if err := l.prover.Continue(ctx, tx, turn); err != nil || !c.Facts.Ready {
					return err
				}
				return enough(ctx, tx, c)
			}}},
	}
	return &flow.Journey[lockFacts]{Kinds: []string{"enter", "second", "blind"}, Life: 15 * time.Minute, Steps: steps,
		Begin: func(_ flow.Visitor, b flow.Begin, now time.Time) (*lockFacts, error) {
			f := &lockFacts{}
			switch b.Kind {
			case "enter":
				f.Held = l.keys.Fresh()
			case "second":
				f.Proving = proof.Proving{Action: policy.SignIn, Account: l.ada, Risk: policy.Risk{Level: policy.High}, Proved: []session.Proof{{Method: "password", At: now}}}
			case "blind":
				f.Proving = proof.Proving{Action: policy.Recover, Subject: "username\x00" + b.For}
				if b.For == "ada" {
					f.Account = l.ada
				}
			}
			return f, nil
		},
		Next: func(f *lockFacts) step.Type {
			switch {
			case f.Ready:
				return step.TypeDone
			case f.Action == "":
				return step.TypeIdentify
			}
			return f.Proving.Next()
		}}
}

func (l *lock) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	l.t.Helper()
	if err := l.db.InTx(l.t.Context(), func(tx *sqldb.Tx) error { return f(l.t.Context(), tx) }); err != nil {
		l.t.Fatal(err)
	}
}

// give registers a passkey for an account.
func (l *lock) give(id account.ID) *passkeytest.Authenticator {
	l.t.Helper()
	a, challenge := passkeytest.New(keyOrigin), []byte("0123456789abcdef0123456789abcdef")
	l.do(func(ctx context.Context, tx *sqldb.Tx) error {
		handle, err := l.store.Handle(ctx, tx, id)
		if err != nil {
			return err
		}
		k, err := l.party.Register(a.Create(l.party.Creation(challenge, handle, "Ada", nil)), func(got []byte) bool { return string(got) == string(challenge) })
		if err != nil {
			return err
		}
		k.Name = "Pixel 9"
		_, err = l.store.Add(ctx, tx, id, k)
		return err
	})
	return a
}

// begin begins a journey and comes to the passkey.
func (l *lock) begin(kind, who string) (flow.Handle, step.Step) {
	l.t.Helper()
	t, err := l.runner.Begin(l.t.Context(), stranger, flow.Begin{Kind: kind, For: who})
	if err != nil {
		l.t.Fatal(err)
	}
	at := flow.Handle{ID: t.ID, Key: t.Key}
	if kind != "enter" {
		if t, err = l.runner.Answer(l.t.Context(), stranger, at, flow.Input{Input: "method", Method: "passkey"}); err != nil {
			l.t.Fatal(err)
		}
	}
	return at, t.Step
}

// options are those of a step.
func (l *lock) options(s step.Step) passkey.RequestOptions {
	l.t.Helper()
	switch s := s.(type) {
	case step.Identify:
		return *s.Passkey.(*passkey.RequestOptions)
	case step.Passkey:
		return s.Options.(passkey.RequestOptions)
	}
	l.t.Fatalf("%T asks for no passkey", s)
	return passkey.RequestOptions{}
}

// show is the present step.
func (l *lock) show(at flow.Handle) step.Step {
	l.t.Helper()
	t, err := l.runner.Show(l.t.Context(), stranger, at)
	if err != nil {
		l.t.Fatal(err)
	}
	return t.Step
}

func (l *lock) answer(at flow.Handle, credential []byte) (done bool, code string) {
	l.t.Helper()
	t, err := l.runner.Answer(l.t.Context(), stranger, at, flow.Input{Input: "passkey", Credential: json.RawMessage(credential)})
	if f := fault.From(err); f != nil {
		code = f.Code
	} else if err != nil {
		l.t.Fatal(err)
	}
	return t.Step != nil && t.Step.StepType() == step.TypeDone, code
}

func (l *lock) want(what string, at flow.Handle, credential []byte, code string) {
	l.t.Helper()
	if done, got := l.answer(at, credential); got != code || done != (code == "") {
		l.t.Errorf("%s: %q, done %v; want %q", what, got, done, code)
	}
}

// TestS034_Usernameless: a passkey says which account and proves it, at once.
func TestS034_Usernameless(t *testing.T) {
	eachLock(t, func(l *lock) {
		a := l.give(l.ada)
		l.clock.Advance(4 * 24 * time.Hour)
		at, s := l.begin("enter", "")
		o := l.options(s)
		if len(o.AllowCredentials) != 0 || o.RPID != "id.example.com" {
			l.t.Errorf("%+v", o)
		}
		l.want("signing in", at, a.Get(o), "")
		keys, err := l.store.List(l.t.Context(), l.db, l.ada)
		if err != nil || len(keys) != 1 || !keys[0].UsedAt.Equal(l.clock.Now()) {
			l.t.Fatalf("%+v, %v", keys, err)
		}
		want := []session.Proof{{Method: "passkey", At: l.clock.Now(), Verified: true, Key: keys[0].ID, Since: keys[0].CreatedAt}}
		if diff := cmp.Diff(want, l.last); diff != "" {
			l.t.Error(diff)
		}
	})
}

// TestS030_OneUse: a challenge ends with the first answer, right or wrong, is good
// for its journey, its purpose and five minutes, and a new one is shown at once.
func TestS030_OneUse(t *testing.T) {
	eachLock(t, func(l *lock) {
		a := l.give(l.ada)
		l.clock.Advance(4 * 24 * time.Hour)
		at, s := l.begin("enter", "")
		shown := l.options(s)
		answer := a.Get(shown)
		l.want("a wrong answer", at, a.Get(shown, func(c *passkeytest.Ceremony) { c.Flags &^= passkeytest.UP }), "passkey_invalid")
		l.want("the right one, after it", at, answer, "passkey_invalid")
		other, _ := l.begin("enter", "")
		l.want("in another journey", other, answer, "passkey_invalid")

		old := a.Get(l.options(l.show(at)))
		l.clock.Advance(5 * time.Minute)
		l.want("after five minutes", at, old, "passkey_invalid")

		second, _ := l.begin("second", "")
		l.want("one to enter, as a second proof", second, a.Get(l.options(l.show(other))), "passkey_invalid")
		l.want("a second proof, to enter", other, a.Get(l.options(l.show(second))), "passkey_invalid")
		l.want("a fresh one", at, a.Get(l.options(l.show(at))), "")
		l.want("a fresh second one", second, a.Get(l.options(l.show(second))), "")
	})
}

// TestS033_TheRightAccount: a passkey of another account, of nobody, with another's
// handle or without one proves nothing, and all of it reads the same.
func TestS033_TheRightAccount(t *testing.T) {
	eachLock(t, func(l *lock) {
		adas, bobs, nobodys := l.give(l.ada), l.give(l.bob), passkeytest.New(keyOrigin)
		l.clock.Advance(4 * 24 * time.Hour)
		at, s := l.begin("second", "")
		o := l.options(s)
		want := []string{base64.RawURLEncoding.EncodeToString(adas.ID)}
		var allowed []string
		for _, d := range o.AllowCredentials {
			allowed = append(allowed, d.ID)
		}
		if diff := cmp.Diff(want, allowed); diff != "" {
			l.t.Error(diff)
		}
		l.want("another's", at, bobs.Get(o), "passkey_invalid")
		l.want("nobody's", at, nobodys.Get(l.options(l.show(at))), "passkey_invalid")
		l.want("the owner's without a handle", at, adas.Get(l.options(l.show(at)), func(c *passkeytest.Ceremony) { c.Handle = nil }), "")

		enter, s := l.begin("enter", "")
		l.want("with another's handle", enter, bobs.Get(l.options(s), func(c *passkeytest.Ceremony) { c.Handle = adas.Handle }), "passkey_invalid")
		l.want("without a handle", enter, bobs.Get(l.options(l.show(enter)), func(c *passkeytest.Ceremony) { c.Handle = nil }), "passkey_invalid")
	})
}

// TestS034_Blind: before a first proof nothing tells whether there is such an
// account, or such a passkey: neither the step nor the refusals.
func TestS034_Blind(t *testing.T) {
	eachLock(t, func(l *lock) {
		l.give(l.ada)
		stranger := l.give(l.bob)
		var steps []step.Step
		for _, who := range []string{"ada", "nobody"} {
			at, s := l.begin("blind", who)
			steps = append(steps, s)
			for i := range 10 {
				l.want(who, at, stranger.Get(l.options(l.show(at))), "passkey_invalid")
				if i == 9 {
					l.want(who+", once more", at, stranger.Get(l.options(l.show(at))), "too_many_attempts")
				}
			}
		}
		if diff := cmp.Diff(steps[0], steps[1], cmpopts.IgnoreFields(passkey.RequestOptions{}, "Challenge")); diff != "" {
			l.t.Error(diff)
		}
	})
}

// TestS033_Clone: where two copies of a key are about, the one that comes second
// with a count that was seen is refused like any wrong answer, the passkey proves
// nothing from then on, and the owner is told and sees it.
func TestS033_Clone(t *testing.T) {
	for _, kind := range []string{"enter", "second"} {
		eachLock(t, func(l *lock) {
			a := l.give(l.ada)
			a.Counts = true
			l.clock.Advance(4 * 24 * time.Hour)
			at, s := l.begin(kind, "")
			thief := a.Clone()
			l.want("the owner", at, a.Get(l.options(s)), "")
			at, s = l.begin(kind, "")
			l.want("the copy", at, thief.Get(l.options(s)), "passkey_invalid")
			l.want("the owner, after it", at, a.Get(l.options(l.show(at))), "passkey_invalid")

			if ways, err := l.keys.Ways(l.t.Context(), l.db, l.ada); err != nil || len(ways) != 0 {
				l.t.Errorf("it is still a way: %v, %v", ways, err)
			}
			list, err := l.prover.Audit.List(l.t.Context(), l.db, l.ada, time.Time{}, 10)
			n := len(slices.DeleteFunc(list, func(e audit.Entry) bool { return e.Kind != audit.PasskeySuspect || e.Details["passkey"] != "Pixel 9" }))
			if err != nil || n != 1 {
				l.t.Errorf("%d rows in the history, %v", n, err)
			}
			var told int
			err = l.db.QueryRow(l.t.Context(), `SELECT COUNT(*) FROM courier_message WHERE purpose = 'notice_passkey_suspect'`).Scan(&told)
			if err != nil || told != 1 {
				l.t.Errorf("%d notices, %v", told, err)
			}
		})
	}
}

// TestS033_Synced: a synced passkey does not count, and its copies all prove.
func TestS033_Synced(t *testing.T) {
	eachLock(t, func(l *lock) {
		a := l.give(l.ada)
		l.clock.Advance(4 * 24 * time.Hour)
		for _, device := range []*passkeytest.Authenticator{a, a.Clone(), a} {
			at, s := l.begin("enter", "")
			l.want("a copy", at, device.Get(l.options(s)), "")
		}
	})
}

// TestYoungKey: a passkey that was added today carries nothing by itself, however
// old the first one is.
func TestYoungKey(t *testing.T) {
	eachLock(t, func(l *lock) {
		old := l.give(l.ada)
		l.clock.Advance(4 * 24 * time.Hour)
		young := l.give(l.ada)
		for _, test := range []struct {
			a    *passkeytest.Authenticator
			done bool
		}{{young, false}, {old, true}} {
			at, s := l.begin("enter", "")
			if done, code := l.answer(at, test.a.Get(l.options(s))); done != test.done || code == "passkey_invalid" {
				l.t.Errorf("done %v, %q", done, code)
			}
		}
	})
}
