package quota_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// member spends and refunds one shared count.
type member struct {
	t  *testing.T
	db *sqldb.DB
	s  *quota.Shared
}

func (m member) spend() (r *quota.Refusal) {
	m.t.Helper()
	err := m.db.InTx(context.Background(), func(tx *sqldb.Tx) (err error) {
		r, err = m.s.Spend(context.Background(), tx, "CN")
		return err
	})
	if err != nil {
		m.t.Errorf("Spend: %v", err)
	}
	return r
}

func (m member) refund(n int) {
	m.t.Helper()
	err := m.db.InTx(context.Background(), func(tx *sqldb.Tx) error { return m.s.Refund(context.Background(), tx, "CN", n) })
	if err != nil {
		m.t.Errorf("Refund: %v", err)
	}
}

// S-16: the budget of a country is given out whole and no more, whether it is
// counted in steps or one by one, and a new process begins without a purse.
func TestS016_ASharedLimitGivesWhatItHas(t *testing.T) {
	for name, most := range map[string]int{"in steps": 500, "one by one": 7} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
				b := quota.New(key)
				limit := quota.Limit{Name: "country", Windows: []quota.Window{{Max: most, Per: time.Hour}}}
				m := member{t, db, b.Share(limit)}
				at := c.Now()
				for n := range most {
					if r := m.spend(); r != nil {
						t.Fatalf("spend %d of %d: %+v", n+1, most, r)
					}
				}
				r := m.spend()
				if r == nil || r.Limit != "country" || !r.RetryAt.Equal(at.Add(time.Hour)) {
					t.Fatalf("beyond the limit: %+v", r)
				}
				if n, _ := used(t, db, b, limit, "CN"); n != most {
					t.Errorf("%d charged; want %d", n, most)
				}
				if r := (member{t, db, quota.New(key).Share(limit)}).spend(); r == nil {
					t.Error("another process gives more")
				}
				m.refund(2)
				for i := range 3 {
					if r := m.spend(); (r == nil) != (i < 2) {
						t.Errorf("after a refund of 2, spend %d answers %+v", i+1, r)
					}
				}
			})
		})
	}
}

// A purse that is full gives back, so that one process does not keep what others need.
func TestAPurseGivesBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		limit := quota.Limit{Name: "country", Windows: []quota.Window{{Max: 1000, Per: time.Hour}}} // a step is 10
		m := member{t, db, b.Share(limit)}
		for range 100 {
			m.spend()
		}
		for range 25 {
			m.refund(4)
			c.Advance(time.Second)
		}
		if n, _ := used(t, db, b, limit, "CN"); n > 20 {
			t.Errorf("%d stay charged after all was refunded; want at most two steps", n)
		}
	})
}

// What did not commit was not spent.
func TestAPurseForgetsWhatWasUndone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		limit := quota.Limit{Name: "country", Windows: []quota.Window{{Max: 200, Per: time.Hour}}} // a step is 2
		m := member{t, db, quota.New(key).Share(limit)}
		m.spend()
		undone := errors.New("undone")
		for range 1000 {
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				if r, err := m.s.Spend(t.Context(), tx, "CN"); r != nil || err != nil {
					t.Fatal(r, err)
				}
				return undone
			})
			if !errors.Is(err, undone) {
				t.Fatal(err)
			}
		}
		for range 199 {
			if r := m.spend(); r != nil {
				t.Fatalf("refused: %+v", r)
			}
		}
		if m.spend() == nil {
			t.Error("more than the limit")
		}
	})
}

// At once, too, no more is given out than the limit has, and all of it.
func TestS016_ASharedLimitAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		const most, workers = 400, 8
		limit := quota.Limit{Name: "country", Windows: []quota.Window{{Max: most, Per: time.Hour}}}
		m := member{t, db, quota.New(key).Share(limit)}
		var granted atomic.Int64
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range most/workers + 10 {
					if m.spend() == nil {
						granted.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := granted.Load(); n != most {
			t.Errorf("%d granted; want %d", n, most)
		}
	})
}

// Many who spend and refund at once do not give back the same.
func TestAPurseAtOnceStaysTrue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		limit := quota.Limit{Name: "country", Windows: []quota.Window{{Max: 1000, Per: time.Hour}}} // a step is 10
		m := member{t, db, quota.New(key).Share(limit)}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range 40 {
					if r := m.spend(); r != nil {
						t.Errorf("refused although all is given back: %+v", r)
						return
					}
					c.Advance(time.Second / 4)
					m.refund(1)
				}
			})
		}
		all.Wait()
		rows := 0
		for range 10 {
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				_, err := m.s.Spend(t.Context(), tx, "CN")
				rows += tx.Writes()
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if rows > 2 {
			t.Errorf("%d of 10 charges went to the row: the purse holds a debt that nobody made", rows)
		}
	})
}
