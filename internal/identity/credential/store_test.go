package credential

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// house is a store with passwords.
type house struct {
	*Passwords
	t  *testing.T
	db *sqldb.DB
}

func (h house) inTx(f func(ctx context.Context, tx *sqldb.Tx) error) {
	h.t.Helper()
	if err := h.db.InTx(h.t.Context(), func(tx *sqldb.Tx) error { return f(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h house) set(id account.ID, password string) {
	h.t.Helper()
	hash, err := h.Hash(h.t.Context(), password)
	if err != nil {
		h.t.Fatal(err)
	}
	h.inTx(func(ctx context.Context, tx *sqldb.Tx) error { return h.Set(ctx, tx, id, hash) })
}

func (h house) load(id account.ID) Stored {
	h.t.Helper()
	s, err := h.Load(h.t.Context(), h.db, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func TestSetAndLoad(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		if s := h.load(alice); s.IsSet() || !s.SetAt().IsZero() || check(t, h.Passwords, s, "anything").Right {
			t.Errorf("before Set: %+v", s)
		}
		h.set(alice, "the first one")
		c.Advance(time.Hour)
		h.set(alice+1, "somebody else's")
		s := h.load(alice)
		if !s.IsSet() || !s.SetAt().Equal(sqldbtest.Start) || len(s.earlier) != 0 {
			t.Errorf("after Set: %+v", s)
		}
		if !check(t, h.Passwords, s, "the first one").Right || check(t, h.Passwords, s, "somebody else's").Right {
			t.Error("the password loaded is not the one that was set")
		}
	})
}

func TestS178_FiveEarlierPasswordsAreKept(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		for n := range 8 { // 0 to 7; 7 is the present one, 6 to 2 are remembered
			h.set(alice, fmt.Sprintf("password number %d", n))
			if n != 4 { // two changes at one time must not collide
				c.Advance(time.Hour)
			}
		}
		h.set(alice+1, "password number 7")
		s := h.load(alice)
		replacedAfter := map[int]int{2: 3, 3: 4, 4: 4, 5: 5, 6: 6} // hours after the start
		for n := range 8 {
			at, ok, err := h.CheckEarlier(t.Context(), s, fmt.Sprintf("password number %d", n))
			if err != nil {
				t.Fatal(err)
			}
			hours, want := replacedAfter[n]
			if ok != want || ok && !at.Equal(sqldbtest.Start.Add(time.Duration(hours)*time.Hour)) {
				t.Errorf("number %d: %v at %v, want %v after %d h", n, ok, at, want, hours)
			}
			if right := check(t, h.Passwords, s, fmt.Sprintf("password number %d", n)).Right; right != (n == 7) {
				t.Errorf("number %d: right is %v", n, right)
			}
		}
		if n := len(h.load(alice + 1).earlier); n != 0 {
			t.Errorf("another account has %d earlier passwords", n)
		}
	})
}

func TestUpgradeNeverUndoesAChange(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		h.set(alice, "the first one")
		raised := house{New(NewGate(Profile{MemoryKiB: 128, Time: 1, Threads: 1}, 1, 1, c), h.ring, Rules{}), t, db}
		v := check(t, raised.Passwords, raised.load(alice), "the first one")
		if v.Upgrade == nil {
			t.Fatal("no upgrade")
		}
		c.Advance(time.Hour)
		upgrade := func() {
			raised.inTx(func(ctx context.Context, tx *sqldb.Tx) error { return raised.Upgrade(ctx, tx, alice, *v.Upgrade) })
		}
		upgrade()
		s := raised.load(alice)
		if d := cmp.Diff(raised.gate.profile, s.hash.profile); d != "" {
			t.Error(d)
		}
		if !s.SetAt().Equal(sqldbtest.Start) || len(s.earlier) != 0 || !check(t, raised.Passwords, s, "the first one").Right {
			t.Errorf("the upgrade changed more than the form: %+v", s)
		}

		v.Upgrade.instead = s.sealed
		h.set(alice, "the second one")
		upgrade() // decided before the change, arriving after it
		if s := h.load(alice); !check(t, h.Passwords, s, "the second one").Right {
			t.Error("a late upgrade brought the old password back")
		}
	})
}

func TestErase(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		for _, id := range []account.ID{alice, alice + 1} {
			h.set(id, "the first one")
			h.set(id, "the second one")
		}
		h.inTx(func(ctx context.Context, tx *sqldb.Tx) error { return h.Erase(ctx, tx, alice) })
		if s := h.load(alice); s.IsSet() || len(s.earlier) != 0 {
			t.Errorf("left over: %+v", s)
		}
		if s := h.load(alice + 1); !s.IsSet() || len(s.earlier) != 1 {
			t.Errorf("another account lost: %+v", s)
		}
	})
}

func TestR26_ResealInTheBackground(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		const accounts = 7
		for n := range accounts {
			h.set(alice+account.ID(n), "the first one")
			h.set(alice+account.ID(n), "the second one")
		}
		old := h.ring.Keys()[0]
		if err := h.ring.Rotate(); err != nil {
			t.Fatal(err)
		}
		h.set(alice+3, "the third one") // one account changes meanwhile
		var next account.ID
		var changed int
		for {
			done, err := h.Reseal(t.Context(), db, next, 3)
			if err != nil || done.Lost != 0 {
				t.Fatalf("%+v, %v", done, err)
			}
			changed += done.Changed
			if next = done.Next; next == 0 {
				break
			}
		}
		if want := accounts*2 - 1; changed != want { // of the changed account one row was left
			t.Errorf("%d rows changed, want %d", changed, want)
		}
		if again, err := h.Reseal(t.Context(), db, 0, 100); err != nil || again != (Resealed{}) {
			t.Errorf("a second round: %+v, %v", again, err)
		}
		if err := h.ring.Disable(old.ID); err != nil {
			t.Fatal(err)
		}
		s := h.load(alice)
		if v := check(t, h.Passwords, s, "the second one"); !v.Right || v.Upgrade != nil {
			t.Errorf("after the old key is gone: right %v, upgrade %v", v.Right, v.Upgrade)
		}
		if _, ok, err := h.CheckEarlier(t.Context(), s, "the first one"); !ok || err != nil {
			t.Errorf("the earlier one: %v, %v", ok, err)
		}
	})
}

func TestR26_ALostKeyIsSeenAndDoesNotBlockANewPassword(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h := house{newPasswords(t, cheap), t, db}
		h.set(alice, "the first one")
		without := house{New(h.gate, newRing(t), Rules{}), t, db}
		if _, err := without.Load(t.Context(), db, alice); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("Load = %v, want ErrUnknownKey: a lost key must not pass for no password", err)
		}
		if done, err := without.Reseal(t.Context(), db, 0, 10); err != nil || done != (Resealed{Lost: 1}) {
			t.Errorf("Reseal = %+v, %v", done, err)
		}
		without.set(alice, "the second one")
		if !check(t, without.Passwords, without.load(alice), "the second one").Right {
			t.Error("the new password does not work")
		}
	})
}
