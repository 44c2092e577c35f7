package change_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// desk is a store of changes, on each engine.
type desk struct {
	*testing.T
	*change.Store
	db    *sqldb.DB
	clock *clock.Clock
	id    account.ID
}

func each(t *testing.T, f func(d *desk)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&desk{t, change.New(ring), db, c, account.NewID()})
	})
}

func (d *desk) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.Helper()
	if err := d.db.InTx(d.Context(), func(tx *sqldb.Tx) error { return f(d.Context(), tx) }); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) begin(c change.Change) (token string) {
	d.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		token, err = d.Begin(ctx, tx, c)
		return err
	})
	return token
}

func (d *desk) replacing() change.Change {
	return change.Change{AccountID: d.id, Kind: change.ReplacePhone, By: "passkey", Before: "+8613800138000", After: "+8613900139000",
		ReadyAt: d.clock.Now().Add(72 * time.Hour)}
}

// TestS019_Token: the token of the link finds its change and nothing else does,
// however often it is asked; the change is as it was written.
func TestS019_Token(t *testing.T) {
	each(t, func(d *desk) {
		want := d.replacing()
		token := d.begin(want)
		if len(token) < 4+8+43 {
			t.Errorf("a token of %d characters has less than 256 random bits", len(token))
		}
		want.State, want.BegunAt, want.ObjectUntil = change.Waiting, d.clock.Now(), want.ReadyAt
		for range 2 {
			got, err := d.Find(t.Context(), d.db, token)
			want.ID = got.ID
			if err != nil || !cmp.Equal(want, got) {
				t.Fatalf("Find: %v\n%s", err, cmp.Diff(want, got))
			}
		}
		for _, wrong := range []string{"", "sso_", token + "A", token[:len(token)-1] + "~", strings.ToLower(token), "\x00" + token, strings.Replace(token, "sso_", "sst_", 1)} {
			if _, err := d.Find(t.Context(), d.db, wrong); !errors.Is(err, sqldb.ErrNone) {
				t.Errorf("Find(%q) = %v; want ErrNone", wrong, err)
			}
		}
		if _, err := d.Load(t.Context(), d.db, account.NewID(), want.ID); !errors.Is(err, sqldb.ErrNone) {
			t.Errorf("another account loads it: %v", err)
		}
	})
}

// TestS012_Settle: of many that settle one change one wins.
func TestS012_Settle(t *testing.T) {
	each(t, func(d *desk) {
		c, err := d.Find(t.Context(), d.db, d.begin(d.replacing()))
		if err != nil {
			t.Fatal(err)
		}
		var wins atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			to := []change.State{change.Objected, change.Used}[i%2]
			wg.Go(func() {
				var won bool
				err := d.db.InTx(t.Context(), func(tx *sqldb.Tx) (err error) {
					won, err = d.Settle(t.Context(), tx, d.id, c.ID, change.Waiting, to)
					return err
				})
				if err != nil {
					t.Error(err)
				} else if won {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d won; want 1", wins.Load())
		}
	})
}

func TestRipe(t *testing.T) {
	each(t, func(d *desk) {
		d.begin(d.replacing())
		d.begin(change.Change{AccountID: d.id, Kind: change.Recover, ReadyAt: d.clock.Now().Add(time.Hour)})
		d.begin(change.Change{AccountID: d.id, Kind: change.ChangeEmail, ObjectUntil: d.clock.Now().Add(72 * time.Hour)})
		ripe := func() int {
			list, err := d.Ripe(t.Context(), d.db, 10, change.ReplacePhone, change.ChangeEmail)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		d.clock.Advance(72*time.Hour - time.Second)
		if n := ripe(); n != 0 {
			t.Errorf("%d ripe a second before; want none", n)
		}
		d.clock.Advance(time.Second)
		if n := ripe(); n != 1 {
			t.Errorf("%d ripe; want the waiting one only", n)
		}
	})
}

// TestS070_EndWaiting: what waits dies, what is done stays.
func TestS070_EndWaiting(t *testing.T) {
	each(t, func(d *desk) {
		d.begin(d.replacing())
		d.begin(change.Change{AccountID: d.id, Kind: change.Recover, ReadyAt: d.clock.Now().Add(time.Hour)})
		d.clock.Advance(time.Second)
		d.begin(change.Change{AccountID: d.id, Kind: change.SetPassword, ObjectUntil: d.clock.Now().Add(time.Hour)})
		end := func(kinds ...change.Kind) (n int) {
			d.do(func(ctx context.Context, tx *sqldb.Tx) error {
				ended, err := d.EndWaiting(ctx, tx, d.id, change.Withdrawn, kinds...)
				n = len(ended)
				return err
			})
			return n
		}
		if n := end(change.Recover); n != 1 {
			t.Errorf("ended %d recoveries; want 1", n)
		}
		if n := end(); n != 1 {
			t.Errorf("ended %d others; want 1", n)
		}
		list, err := d.List(t.Context(), d.db, d.id, d.clock.Now().Add(-time.Second))
		if err != nil || len(list) != 3 {
			t.Fatalf("List = %v, %v", list, err)
		}
		if list[0].Kind != change.SetPassword || list[0].State != change.Done {
			t.Errorf("the newest is %s %s; want set_password done", list[0].Kind, list[0].State)
		}
	})
}

func TestObjectionable(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		state change.State
		until time.Duration
		want  bool
	}{
		{change.Waiting, time.Second, true}, {change.Done, time.Second, true}, {change.Done, 0, false}, {change.Waiting, 0, false},
		{change.Objected, time.Hour, false}, {change.Withdrawn, time.Hour, false}, {change.Used, time.Hour, false}, {change.Lapsed, time.Hour, false},
	} {
		got := change.Change{State: c.state, ObjectUntil: now.Add(c.until)}.Objectionable(now)
		if got != c.want {
			t.Errorf("%s, %v left: %v; want %v", c.state, c.until, got, c.want)
		}
	}
}

func TestSweep(t *testing.T) {
	each(t, func(d *desk) {
		d.begin(d.replacing())
		d.clock.Advance(change.KeepFor)
		d.begin(d.replacing())
		count := func() int {
			if err := d.Sweep(t.Context(), d.db); err != nil {
				t.Fatal(err)
			}
			list, err := d.List(t.Context(), d.db, d.id, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := count(); n != 2 {
			t.Errorf("%d are left; want both", n)
		}
		d.clock.Advance(time.Second)
		if n := count(); n != 1 {
			t.Errorf("%d are left; want the younger", n)
		}
	})
}
