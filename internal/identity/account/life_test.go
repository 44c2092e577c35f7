package account_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

var update = flag.Bool("update", false, "write docs/account-life.md anew")

var (
	allEvents = []account.Event{account.Freeze, account.KeepFrozen, account.Unfreeze, account.Thaw, account.Block, account.Unblock,
		account.Recover, account.Leave, account.Stay, account.Purge}
	allStates = []account.State{account.Active, account.IsFrozen, account.IsBlocked, account.IsLeaving, account.Gone}
	everybody = []account.Who{account.Owner, account.Rule, account.Operator, account.Time}
)

// lives is a store of accounts, on each engine.
type lives struct {
	*account.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
}

func eachLife(t *testing.T, f func(l *lives)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&lives{account.New(ring), t, db, c})
	})
}

func (l *lives) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	l.t.Helper()
	if err := l.db.InTx(l.t.Context(), func(tx *sqldb.Tx) error { return f(l.t.Context(), tx) }); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lives) made() account.ID {
	id := account.NewID()
	l.do(func(ctx context.Context, tx *sqldb.Tx) error {
		return l.Create(ctx, tx, account.Account{ID: id, Region: "intl", Locale: "en"})
	})
	return id
}

// in is a new account in a state; frozen says that it was frozen before it was blocked.
func (l *lives) in(s account.State, frozen bool) account.ID {
	l.t.Helper()
	id := l.made()
	ways := map[account.State][]account.Event{
		account.IsFrozen: {account.Freeze}, account.IsBlocked: {account.Block}, account.IsLeaving: {account.Leave}, account.Gone: {account.Leave, account.Purge}}
	events := ways[s]
	if frozen {
		events = []account.Event{account.Freeze, account.Block}
	}
	for _, e := range events {
		by := account.Operator
		if e == account.Purge {
			by = account.Time
		}
		l.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := l.Change(ctx, tx, id, account.Cause{Event: e, By: by})
			return err
		})
	}
	return id
}

// TestS086_Life: from every state, every event by everybody does what the table
// says, or nothing at all.
func TestS086_Life(t *testing.T) {
	eachLife(t, func(l *lives) {
		for _, from := range allStates {
			for _, frozen := range []bool{false, true} {
				if frozen && from != account.IsBlocked {
					continue
				}
				for _, event := range allEvents {
					for _, who := range everybody {
						l.step(from, frozen, event, who)
					}
				}
			}
		}
	})
}

func (l *lives) step(from account.State, frozen bool, event account.Event, who account.Who) {
	l.t.Helper()
	name := fmt.Sprintf("%s/%s/%s/%v", from, event, who, frozen)
	id := l.in(from, frozen)
	before, err := l.Load(l.t.Context(), l.db, id)
	if err != nil {
		l.t.Fatal(name, err)
	}
	i := slices.IndexFunc(account.Life, func(m account.Move) bool {
		return m.From == from && m.Event == event && m.Frozen == frozen && slices.Contains(m.May, who)
	})
	var got account.Account
	err = l.db.InTx(l.t.Context(), func(tx *sqldb.Tx) (err error) {
		got, err = l.Change(l.t.Context(), tx, id, account.Cause{Event: event, By: who, Rule: "x"})
		return err
	})
	after, loadErr := l.Load(l.t.Context(), l.db, id)
	if loadErr != nil {
		l.t.Fatal(name, loadErr)
	}
	if i < 0 {
		if !errors.Is(err, account.ErrNoMove) || !cmp.Equal(before, after) {
			l.t.Errorf("%s: %v; it changed: %s", name, err, cmp.Diff(before, after))
		}
		return
	}
	m := account.Life[i]
	if err != nil || after.State != m.To || (after.Epoch > before.Epoch) != m.Ends || !cmp.Equal(got, after) {
		l.t.Errorf("%s: %v; now %+v, answered %+v", name, err, after, got)
	}
	if frozenNow := after.State == account.IsFrozen || after.State == account.IsBlocked && (frozen || before.FrozenBy != ""); (after.FrozenBy != "") != frozenNow {
		l.t.Errorf("%s: frozen by %q while %s", name, after.FrozenBy, after.State)
	}
}

// TestS086_NoWayAround: no state but active lets anybody in, and who may not get
// out of a state by the table does not.
func TestS086_NoWayAround(t *testing.T) {
	for _, m := range account.Life {
		switch {
		case m.From == account.Gone:
			t.Errorf("%s leads out of the grave", m.Event)
		case m.From == account.IsBlocked && slices.Contains(m.May, account.Owner):
			t.Errorf("the owner lifts a block by %s", m.Event)
		case m.To != account.Active && account.Gate(m.To) == nil:
			t.Errorf("%s lets people in", m.To)
		case account.Gate(m.From) == nil && account.Gate(m.To) != nil && !m.Ends:
			t.Errorf("%s from %s leaves sessions alive", m.Event, m.From)
		case slices.Contains(m.May, account.Rule) && m.To != account.IsFrozen:
			t.Errorf("a rule does %s", m.Event)
		}
	}
}

// TestS012_OneChangeWins: of several that change a state at once one does.
func TestS012_OneChangeWins(t *testing.T) {
	eachLife(t, func(l *lives) {
		id := l.made()
		errs := make(chan error, 4)
		for range 4 {
			go func() {
				errs <- l.db.InTx(context.WithoutCancel(l.t.Context()), func(tx *sqldb.Tx) error {
					_, err := l.Change(context.WithoutCancel(l.t.Context()), tx, id, account.Cause{Event: account.Freeze, By: account.Owner})
					return err
				})
			}()
		}
		won := 0
		for range 4 {
			if err := <-errs; err == nil {
				won++
			} else if !errors.Is(err, account.ErrNoMove) {
				l.t.Error(err)
			}
		}
		a, err := l.Load(l.t.Context(), l.db, id)
		if err != nil || won != 1 || a.Epoch != 2 {
			l.t.Errorf("%d won, the epoch is %d, %v", won, a.Epoch, err)
		}
	})
}

// TestTopic_F02_WhatTheGateTells: who proved enough hears since when, by whom, by
// which rule, and when it ends.
func TestTopic_F02_WhatTheGateTells(t *testing.T) {
	eachLife(t, func(l *lives) {
		id := l.made()
		until := l.clock.Now().Add(24 * time.Hour)
		for _, c := range []struct {
			cause account.Cause
			code  string
			args  map[string]any
			retry time.Time
		}{
			{account.Cause{Event: account.Freeze, By: account.Owner, Until: until}, "account_frozen",
				map[string]any{"since": l.clock.Now(), "by": "owner", "way": "/unfreeze"}, until},
			{account.Cause{Event: account.KeepFrozen, By: account.Rule, Rule: "leaked_password"}, "account_frozen",
				map[string]any{"since": l.clock.Now(), "by": "rule", "rule": "leaked_password", "way": "/unfreeze"}, time.Time{}},
			{account.Cause{Event: account.Block, By: account.Operator, Reason: "Spam", Until: until}, "account_blocked",
				map[string]any{"since": l.clock.Now(), "reason": "Spam"}, until},
		} {
			l.do(func(ctx context.Context, tx *sqldb.Tx) error {
				a, err := l.Change(ctx, tx, id, c.cause)
				f := fault.From(a.Gate())
				if f == nil || f.Code != c.code || !cmp.Equal(f.Args, c.args) || !f.RetryAt.Equal(c.retry) {
					l.t.Errorf("%s: %+v", c.cause.Event, f)
				}
				return err
			})
		}
		for _, want := range []struct {
			after time.Duration
			n     int
		}{{24*time.Hour - time.Microsecond, 0}, {time.Microsecond, 1}} {
			l.clock.Advance(want.after)
			if ids, err := l.Ending(l.t.Context(), l.db, 10); err != nil || len(ids) != want.n {
				l.t.Errorf("%d states end, %v; want %d", len(ids), err, want.n)
			}
		}
	})
}

// TestS078_Hold: a recovery holds the account for three days.
func TestS078_Hold(t *testing.T) {
	eachLife(t, func(l *lives) {
		id := l.made()
		l.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := l.Change(ctx, tx, id, account.Cause{Event: account.Recover, By: account.Owner})
			return err
		})
		a, err := l.Load(l.t.Context(), l.db, id)
		end := l.clock.Now().Add(72 * time.Hour)
		if err != nil || !a.HeldUntil(l.clock.Now()).Equal(end) || !a.HeldUntil(end).IsZero() {
			l.t.Errorf("held until %v, %v", a.HeldUntil(l.clock.Now()), err)
		}
	})
}

const lifePaper = "../../../docs/account-life.md"

// TestPaper: the drawing in docs is the table.
func TestPaper(t *testing.T) {
	want := paper()
	if *update {
		if err := os.WriteFile(lifePaper, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(lifePaper)
	if err != nil || string(have) != want {
		t.Errorf("docs/account-life.md is not what the table says: run go test ./internal/identity/account -update (%v)\n%s", err, cmp.Diff(want, string(have)))
	}
}

func paper() string {
	var b strings.Builder
	b.WriteString("# The life of an account\n\nMade from the table in `internal/identity/account/life.go` by `go test ./internal/identity/account -update`; a test compares them.\n" +
		"What is not here does not happen: each row is one conditional write, and where sessions end the account's epoch goes up, so that every node refuses every older session at its next request.\n\n" +
		"```mermaid\nstateDiagram-v2\n  [*] --> active\n")
	drawn := map[string]bool{}
	for _, m := range account.Life {
		label := string(m.Event)
		if m.Frozen {
			label += " (was frozen)"
		}
		if line := fmt.Sprintf("  %s --> %s: %s\n", m.From, m.To, label); !drawn[line] {
			drawn[line] = true
			b.WriteString(line)
		}
	}
	b.WriteString("  gone --> [*]\n```\n\n| from | event | to | who may | needs | sessions | then |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, m := range account.Life {
		from, ends := string(m.From), "stay ended"
		if m.Frozen {
			from += ", frozen before"
		}
		if m.Ends {
			ends = "end at once"
		} else if account.Gate(m.From) == nil {
			ends = "stay"
		}
		var may []string
		for _, w := range m.May {
			may = append(may, string(w))
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s | %s |\n", from, m.Event, m.To, strings.Join(may, ", "), m.Needs, ends, m.After)
	}
	b.WriteString("\nOnly `active` lets anybody in. Which proofs are enough for an owner's events is the policy's to say (`internal/journey/proof/policy`).\n")
	return b.String()
}
