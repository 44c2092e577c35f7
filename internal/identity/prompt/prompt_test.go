package prompt_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

type desk struct {
	*prompt.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
}

func each(t *testing.T, f func(d *desk)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&desk{prompt.New(ring), t, db, c})
	})
}

func (d *desk) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.t.Helper()
	if err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

// ask puts a question of a journey.
func (d *desk) ask(id account.ID, journey string) (p prompt.Prompt, won bool) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		number, choices := prompt.Numbers()
		p, won, err = d.Ask(ctx, tx, prompt.Prompt{AccountID: id, JourneyID: journey, DeviceID: "asks",
			Question: prompt.Question{Purpose: "sign_in", Number: number, Choices: choices, Device: "Ada's laptop", Kind: "computer", Place: "Oslo", Began: tx.Now(), Lane: "lane"}})
		return err
	})
	return p, won
}

func (d *desk) settle(p prompt.Prompt, from, to prompt.State) (won bool) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		won, err = d.Settle(ctx, tx, p.AccountID, p.ID, from, to)
		return err
	})
	return won
}

// TestS171_OnePending: while one question is open, or its approval waits to be
// used, another journey cannot ask; its own new question takes its place.
func TestS171_OnePending(t *testing.T) {
	for _, now := range []struct {
		name    string
		journey string
		first   func(d *desk, p prompt.Prompt)
		asks    bool
	}{
		{"open", "other", func(*desk, prompt.Prompt) {}, false},
		{"open, a microsecond before its end", "other", func(d *desk, _ prompt.Prompt) { d.clock.Advance(prompt.Life - time.Microsecond) }, false},
		{"expired", "other", func(d *desk, _ prompt.Prompt) { d.clock.Advance(prompt.Life) }, true},
		{"open, of the same journey", "first", func(*desk, prompt.Prompt) {}, true},
		{"approved", "other", func(d *desk, p prompt.Prompt) { d.settle(p, prompt.Waiting, prompt.Approved) }, false},
		{"denied", "other", func(d *desk, p prompt.Prompt) { d.settle(p, prompt.Waiting, prompt.Denied) }, true},
		{"withdrawn", "other", func(d *desk, p prompt.Prompt) { d.settle(p, prompt.Waiting, prompt.Withdrawn) }, true},
		{"used", "other", func(d *desk, p prompt.Prompt) {
			d.settle(p, prompt.Waiting, prompt.Approved)
			d.settle(p, prompt.Approved, prompt.Used)
		}, true},
	} {
		t.Run(now.name, func(t *testing.T) {
			each(t, func(d *desk) {
				first, won := d.ask(ada, "first")
				if !won {
					d.t.Fatal("the first question was not put")
				}
				now.first(d, first)
				second, won := d.ask(ada, now.journey)
				if won != now.asks {
					d.t.Errorf("won %v; want %v", won, now.asks)
				}
				want := first.ID
				if now.asks {
					want = second.ID
				}
				latest, err := d.Latest(d.t.Context(), d.db, ada)
				if err != nil || latest.ID != want {
					d.t.Errorf("the latest is not the one that stands: %v", err)
				}
				if _, won := d.ask(bob, "his"); !won {
					d.t.Error("another account's question waits for it")
				}
			})
		})
	}
}

// TestS012_OneAnswer: of many answers at once one counts, and an answer is used once.
func TestS012_OneAnswer(t *testing.T) {
	each(t, func(d *desk) {
		p, _ := d.ask(ada, "first")
		race := func(from prompt.State, to ...prompt.State) (won []prompt.State) {
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					state, first := to[i%len(to)], false
					err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) (err error) {
						first, err = d.Settle(d.t.Context(), tx, ada, p.ID, from, state)
						return err
					})
					if mu.Lock(); err != nil {
						d.t.Error(err)
					} else if first {
						won = append(won, state)
					}
					mu.Unlock()
				})
			}
			all.Wait()
			return won
		}
		won := race(prompt.Waiting, prompt.Approved, prompt.Denied)
		if len(won) != 1 {
			d.t.Fatalf("%d answers counted", len(won))
		}
		latest, err := d.Latest(d.t.Context(), d.db, ada)
		if err != nil || latest.State != won[0] {
			d.t.Errorf("it is %s, %v; want %s", latest.State, err, won[0])
		}
		p, _ = d.ask(ada, "first")
		d.settle(p, prompt.Waiting, prompt.Approved)
		if won := race(prompt.Approved, prompt.Used); len(won) != 1 {
			d.t.Errorf("used %d times", len(won))
		}
	})
}

// TestSettle: in time, in its state, of its account, under its own name.
func TestSettle(t *testing.T) {
	each(t, func(d *desk) {
		old, _ := d.ask(ada, "first")
		p, _ := d.ask(ada, "first")
		strange := p
		strange.AccountID = bob
		for name, wrong := range map[string]prompt.Prompt{"replaced": old, "a stranger's": strange, "none": {AccountID: ada}} {
			if d.settle(wrong, prompt.Waiting, prompt.Approved) {
				d.t.Errorf("%s was answered", name)
			}
		}
		if d.settle(p, prompt.Approved, prompt.Used) {
			d.t.Error("used before it was approved")
		}
		d.clock.Advance(prompt.Life)
		if d.settle(p, prompt.Waiting, prompt.Approved) {
			d.t.Error("answered after its time")
		}
		p, _ = d.ask(ada, "first")
		d.settle(p, prompt.Waiting, prompt.Approved)
		d.clock.Advance(prompt.Life)
		if d.settle(p, prompt.Approved, prompt.Used) {
			d.t.Error("used after its time")
		}
	})
}

// TestLatest: what was asked comes back whole and stands sealed.
func TestLatest(t *testing.T) {
	each(t, func(d *desk) {
		if _, err := d.Latest(d.t.Context(), d.db, ada); !errors.Is(err, sqldb.ErrNone) {
			d.t.Errorf("of nobody: %v", err)
		}
		p, _ := d.ask(ada, "first")
		got, err := d.Latest(d.t.Context(), d.db, ada)
		if diff := cmp.Diff(p, got); err != nil || diff != "" {
			d.t.Errorf("%v %s", err, diff)
		}
		if !got.Open(d.clock.Now()) || got.Open(d.clock.Now().Add(prompt.Life)) {
			d.t.Error("open at the wrong time")
		}
		var sealed []byte
		if err := d.db.QueryRow(d.t.Context(), `SELECT question FROM prompt WHERE account_id = $1`, int64(ada)).Scan(&sealed); err != nil {
			d.t.Fatal(err)
		}
		if strings.Contains(string(sealed), "Ada") || strings.Contains(string(sealed), "Oslo") {
			d.t.Error("it can be read")
		}
	})
}

// TestWatch: of many accounts those with a question in time, whatever its state.
func TestWatch(t *testing.T) {
	each(t, func(d *desk) {
		ids := []account.ID{ada, bob}
		for range 450 {
			ids = append(ids, account.NewID())
		}
		first, _ := d.ask(ids[451], "gone by")
		d.clock.Advance(prompt.Life)
		p, _ := d.ask(ada, "a")
		last, _ := d.ask(ids[450], "b")
		d.settle(last, prompt.Waiting, prompt.Denied)
		got, err := d.Watch(d.t.Context(), d.db, ids)
		want := map[account.ID]prompt.Mark{ada: {ID: p.ID, State: prompt.Waiting}, ids[450]: {ID: last.ID, State: prompt.Denied}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			d.t.Errorf("%v %s (%s had expired)", err, diff, first.State)
		}
		if none, err := d.Watch(d.t.Context(), d.db, nil); err != nil || len(none) != 0 {
			d.t.Errorf("of nobody: %v, %v", none, err)
		}
	})
}

// TestNumbers: three different ones of two digits, the right one anywhere among them.
func TestNumbers(t *testing.T) {
	at := map[int]int{}
	for range 600 {
		number, choices := prompt.Numbers()
		i := slices.Index(choices, number)
		if i < 0 || len(choices) != 3 || len(number) != 2 || number[0] == '0' {
			t.Fatalf("%s of %v", number, choices)
		}
		sorted := slices.Compact(slices.Sorted(slices.Values(choices)))
		if len(sorted) != 3 {
			t.Fatalf("%v", choices)
		}
		at[i]++
	}
	for i := range 3 {
		if at[i] < 100 {
			t.Errorf("the right one stood at place %d only %d times of 600", i, at[i])
		}
	}
}
