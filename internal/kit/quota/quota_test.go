package quota_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

var (
	key    = bytes.Repeat([]byte{7}, 32)
	texts  = quota.Limit{Name: "texts", Windows: []quota.Window{{Max: 10, Per: 24 * time.Hour}}, Pace: []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute}}
	tries  = quota.Limit{Name: "tries", Windows: []quota.Window{{Max: 3, Per: time.Hour}, {Max: 5, Per: 24 * time.Hour}}}
	closed = quota.Limit{Name: "closed", Windows: []quota.Window{{Max: 0, Per: time.Hour}}}
)

// spend commits s and answers the refusal.
func spend(t *testing.T, db *sqldb.DB, b *quota.Book, s ...quota.Spend) (r *quota.Refusal) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) (err error) {
		r, err = b.Spend(t.Context(), tx, s...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func used(t *testing.T, db *sqldb.DB, b *quota.Book, l quota.Limit, subject string) (int, time.Time) {
	t.Helper()
	n, newest, err := b.Used(t.Context(), db, l, subject)
	if err != nil {
		t.Fatal(err)
	}
	return n, newest
}

func TestS016_PaceAndWindowSayWhenToRetry(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		text := quota.Spend{Limit: texts, Subject: "+8613800138000"}
		at := c.Now()
		for n, pace := range []time.Duration{0, 60, 120, 300, 300, 300, 300, 300, 300, 300} { // product rule: 60 s, then 120, 300; 10 in 24 h
			pace *= time.Second
			if n > 0 {
				want := &quota.Refusal{Limit: "texts", RetryAt: at.Add(pace)}
				c.Advance(pace - time.Microsecond)
				if diff := cmp.Diff(want, spend(t, db, b, text)); diff != "" {
					t.Fatalf("text %d (-want +got):\n%s", n+1, diff)
				}
				c.Advance(time.Microsecond)
			}
			if r := spend(t, db, b, text); r != nil {
				t.Fatalf("text %d is refused until %v at %v", n+1, r.RetryAt, c.Now())
			}
			at = c.Now()
		}
		want := &quota.Refusal{Limit: "texts", RetryAt: sqldbtest.Start.Add(24 * time.Hour)}
		if diff := cmp.Diff(want, spend(t, db, b, text)); diff != "" {
			t.Errorf("the eleventh text (-want +got):\n%s", diff)
		}
		if r := spend(t, db, b, quota.Spend{Limit: texts, Subject: "+8613800138001"}); r != nil {
			t.Error("another number is refused")
		}
		if n, newest := used(t, db, b, texts, "+8613800138000"); n != 10 || !newest.Equal(at) {
			t.Errorf("Used = %d, %v; want 10, %v", n, newest, at)
		}
	})
}

func TestAllOrNone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		three := quota.Spend{Limit: tries, Subject: "a", N: 3}
		if r := spend(t, db, b, three); r != nil {
			t.Fatal("the first spend is refused")
		}
		c.Advance(time.Minute)
		if r := spend(t, db, b, quota.Spend{Limit: texts, Subject: "a"}); r != nil {
			t.Fatal("another limit is refused")
		}
		for _, test := range []struct {
			name   string
			spends []quota.Spend
			want   *quota.Refusal
		}{
			{"the longest wait is told", []quota.Spend{{Limit: texts, Subject: "a"}, {Limit: tries, Subject: "a"}, {Limit: tries, Subject: "b"}},
				&quota.Refusal{Limit: "tries", RetryAt: sqldbtest.Start.Add(time.Hour)}},
			{"the outer window", []quota.Spend{{Limit: tries, Subject: "a", N: 3}}, &quota.Refusal{Limit: "tries", RetryAt: sqldbtest.Start.Add(24 * time.Hour)}},
			{"more than there ever is", []quota.Spend{{Limit: texts, Subject: "a"}, {Limit: tries, Subject: "b", N: 4}}, &quota.Refusal{Limit: "tries"}},
			{"one subject twice in a call", []quota.Spend{{Limit: tries, Subject: "b", N: 2}, {Limit: tries, Subject: "b", N: 2}}, &quota.Refusal{Limit: "tries"}},
			{"a limit of nothing", []quota.Spend{{Limit: closed, Subject: "b"}}, &quota.Refusal{Limit: "closed"}},
			{"nothing", nil, nil},
		} {
			if diff := cmp.Diff(test.want, spend(t, db, b, test.spends...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
		if n, _ := used(t, db, b, tries, "b"); n != 0 {
			t.Errorf("a refused call charged %d", n)
		}
		if n, _ := used(t, db, b, texts, "a"); n != 1 {
			t.Errorf("refused calls charged %d", n-1)
		}
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			_, err := b.Spend(t.Context(), tx, quota.Spend{Limit: tries, Subject: "a", N: -1})
			return err
		})
		if err == nil {
			t.Error("a negative spend was taken")
		}
	})
}

func TestACommittedRefusalKeepsWhatWasSpentBefore(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		undone := errors.New("undone")
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			r, err := b.Spend(t.Context(), tx, quota.Spend{Limit: tries, Subject: "a"})
			return errors.Join(err, undone, map[bool]error{true: errors.New("refused")}[r != nil])
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if n, _ := used(t, db, b, tries, "a"); n != 0 {
			t.Errorf("%d are charged after a rollback", n)
		}
		err = db.InTx(t.Context(), func(tx *sqldb.Tx) error { // twice in one transaction
			for range 2 {
				if r, err := b.Spend(t.Context(), tx, quota.Spend{Limit: tries, Subject: "a"}); err != nil || r != nil {
					return fmt.Errorf("%v, %v", r, err)
				}
			}
			return nil
		})
		if n, _ := used(t, db, b, tries, "a"); n != 2 || err != nil {
			t.Errorf("%d are charged, want 2 (%v)", n, err)
		}
	})
}

func TestRefundGivesBackTheNewest(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		for range 3 {
			spend(t, db, b, quota.Spend{Limit: tries, Subject: "a"})
			c.Advance(time.Minute)
		}
		refund := func(l quota.Limit, subject string, n int) {
			t.Helper()
			if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return b.Refund(t.Context(), tx, l, subject, n) }); err != nil {
				t.Error(err)
			}
		}
		refund(tries, "a", 1)
		if n, newest := used(t, db, b, tries, "a"); n != 2 || !newest.Equal(sqldbtest.Start.Add(time.Minute)) {
			t.Errorf("Used = %d, %v after a refund", n, newest)
		}
		refund(tries, "a", 5)
		refund(tries, "nobody", 1)
		if n, newest := used(t, db, b, tries, "a"); n != 0 || !newest.IsZero() {
			t.Errorf("Used = %d, %v after all was refunded", n, newest)
		}
		spend(t, db, b, quota.Spend{Limit: tries, Subject: "a", N: 3})
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return b.Clear(t.Context(), tx, tries, "a") }); err != nil {
			t.Fatal(err)
		}
		if r := spend(t, db, b, quota.Spend{Limit: tries, Subject: "a", N: 3}); r != nil {
			t.Error("refused after Clear")
		}
	})
}

// A count that many share is empty most of the time. Its row stays all the same,
// so that they queue for its lock instead of overtaking each other.
func TestAnEmptyRowStaysUntilSweep(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		rows := func() (n int) {
			if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM quota`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		spend(t, db, b, quota.Spend{Limit: tries, Subject: "CN"})
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return b.Refund(t.Context(), tx, tries, "CN", 4) }); err != nil {
			t.Fatal(err)
		}
		if n := rows(); n != 1 {
			t.Errorf("%d rows after all was refunded; want 1", n)
		}
		if r := spend(t, db, b, quota.Spend{Limit: tries, Subject: "CN", N: 3}); r != nil {
			t.Errorf("an empty row refuses: %+v", r)
		}
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return b.Refund(t.Context(), tx, tries, "CN", 4) }); err != nil {
			t.Fatal(err)
		}
		if err := b.Sweep(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if n := rows(); n != 0 {
			t.Errorf("%d rows after a sweep; want none", n)
		}
	})
}

// Of two transactions at once the later one may charge first. The earlier one is
// then not refused, unless the limit has a pace.
func TestATransactionThatBeganEarlierIsNotRefused(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		if db.Engine() == sqldb.SQLite {
			t.Skip("transactions run one after the other there")
		}
		b := quota.New(key)
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			c.Advance(time.Second)
			for _, l := range []quota.Limit{tries, texts} {
				if r := spend(t, db, b, quota.Spend{Limit: l, Subject: "CN"}); r != nil {
					t.Errorf("%s: the later one was refused: %+v", l.Name, r)
				}
				r, err := b.Spend(t.Context(), tx, quota.Spend{Limit: l, Subject: "CN"})
				if err != nil {
					return err
				}
				if (r != nil) != (l.Pace != nil) {
					t.Errorf("%s: the earlier one was answered %+v", l.Name, r)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := used(t, db, b, tries, "CN"); n != 2 {
			t.Errorf("%d charged; want 2", n)
		}
	})
}

func TestS014_ParallelSpendsAtTheEdgeChargeNoMoreThanTheLimit(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		wide := quota.Limit{Name: "wide", Windows: []quota.Window{{Max: 7, Per: time.Hour}}}
		for round, subject := range []string{"new", "new", "other"} { // first spenders, then a row that stands, then both at once
			if round == 1 {
				c.Advance(time.Hour)
			}
			var granted, refused atomic.Int64
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					s := []quota.Spend{{Limit: wide, Subject: subject}, {Limit: tries, Subject: fmt.Sprint(round, i%150)}}
					if i%2 == 0 {
						s[0], s[1] = s[1], s[0]
					}
					var r *quota.Refusal
					err := db.InTx(context.Background(), func(tx *sqldb.Tx) (err error) {
						r, err = b.Spend(context.Background(), tx, s...)
						return err
					})
					switch {
					case err != nil:
						t.Errorf("Spend: %v", err)
					case r == nil:
						granted.Add(1)
					default:
						refused.Add(1)
					}
				})
			}
			all.Wait()
			if n, _ := used(t, db, b, wide, subject); granted.Load() != 7 || refused.Load() != 193 || n != 7 {
				t.Errorf("round %d: %d granted, %d refused, %d charged; want 7, 193, 7", round, granted.Load(), refused.Load(), n)
			}
		}
	})
}

func TestALimitOfThousandsStaysSmallAndTrue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		network := quota.Limit{Name: "network", Windows: []quota.Window{{Max: 500, Per: time.Hour}}}
		granted := 0
		for range 600 {
			if r := spend(t, db, b, quota.Spend{Limit: network, Subject: "2001:db8::/64"}); r == nil {
				granted++
			}
			c.Advance(time.Second)
		}
		if granted != 500 {
			t.Errorf("%d granted, want 500", granted)
		}
		r := spend(t, db, b, quota.Spend{Limit: network, Subject: "2001:db8::/64"})
		truth := sqldbtest.Start.Add(time.Hour)
		if r == nil || r.RetryAt.Before(truth) || r.RetryAt.After(truth.Add(2*time.Minute)) {
			t.Fatalf("the refusal is %+v, want one until %v or little later", r, truth)
		}
		c.Advance(r.RetryAt.Sub(c.Now()))
		if r := spend(t, db, b, quota.Spend{Limit: network, Subject: "2001:db8::/64"}); r != nil {
			t.Errorf("refused at RetryAt, now until %v", r.RetryAt)
		}
		var size int
		if err := db.QueryRow(t.Context(), `SELECT MAX(LENGTH(marks)) FROM quota`).Scan(&size); err != nil || size > 400 {
			t.Errorf("the row has %d bytes (%v)", size, err)
		}
	})
}

func TestSweepDeletesWhatIsPast(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			for i := range 1203 {
				if _, err := b.Spend(t.Context(), tx, quota.Spend{Limit: tries, Subject: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Hour)
		spend(t, db, b, quota.Spend{Limit: tries, Subject: "0"})
		c.Advance(23 * time.Hour)
		if err := b.Sweep(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM quota`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows are left, want 1 (%v)", n, err)
		}
		if n, _ := used(t, db, b, tries, "0"); n != 1 {
			t.Errorf("Used = %d, want 1", n)
		}
	})
}

func TestSubjectsAreNotInTheStore(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		spend(t, db, quota.New(key), quota.Spend{Limit: tries, Subject: "+8613800138000"}, quota.Spend{Limit: texts, Subject: "+8613800138000"})
		if n, _ := used(t, db, quota.New(bytes.Repeat([]byte{8}, 32)), tries, "+8613800138000"); n != 0 {
			t.Error("another key finds the row")
		}
		rows, err := db.Query(t.Context(), `SELECT id FROM quota`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var ids [][]byte
		for rows.Next() {
			var id []byte
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if len(ids) != 2 || bytes.Equal(ids[0], ids[1]) || len(ids[0]) != 16 {
			t.Errorf("ids %x", ids)
		}
	})
}

func TestS151_AddressesCountByTheirNetwork(t *testing.T) {
	for _, test := range []struct{ addr, narrow, wide string }{
		{"198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"},
		{"::ffff:198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"2001:DB8:1:2:ffff::", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"fe80::1%eth0", "fe80::/64", "fe80::/48"},
	} {
		narrow, wide := quota.Groups(netip.MustParseAddr(test.addr))
		if narrow != test.narrow || wide != test.wide {
			t.Errorf("Groups(%s) = %s, %s; want %s, %s", test.addr, narrow, wide, test.narrow, test.wide)
		}
	}
	if narrow, wide := quota.Groups(netip.Addr{}); narrow != "none" || wide != "none" {
		t.Errorf("Groups of no address = %s, %s", narrow, wide)
	}
}

// Looking holds up nobody: between a look and the Spend after it, others spend.
func TestR007_UsedLocksNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		if db.Engine() == sqldb.SQLite {
			return // where one transaction at a time writes anyway
		}
		b := quota.New(key)
		one := quota.Spend{Limit: texts, Subject: "a"}
		spend(t, db, b, one)
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if _, _, err := b.Used(t.Context(), tx, texts, "a"); err != nil {
				return err
			}
			return db.InTx(t.Context(), func(other *sqldb.Tx) error { return b.Clear(t.Context(), other, texts, "a") })
		})
		if err != nil {
			t.Error(err)
		}
	})
}
