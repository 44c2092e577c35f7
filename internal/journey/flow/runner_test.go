package flow_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// facts of a journey that exists only here.
type facts struct {
	Counted int       `json:"counted"`
	Applied int       `json:"applied"`
	Seen    []string  `json:"seen,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Ended   bool      `json:"ended,omitempty"`
	Odd     bool      `json:"odd,omitempty"`
}

var errPlain = errors.New("the disk is on fire")

// bench is a runner with a journey whose moves do what a test tells them to.
type bench struct {
	t      *testing.T
	db     *sqldb.DB
	clock  *clock.Clock
	ring   *seal.Ring
	runner *flow.Runner
	count  func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error
	ask    func(ctx context.Context, c *flow.Call[facts]) error
	apply  func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error
	events []string
	mu     sync.Mutex
}

func newBench(t *testing.T, db *sqldb.DB, c *clock.Clock) *bench {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, db: db, clock: c, ring: ring}
	b.runner = flow.New(db, ring, func(kind, event string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, kind+" "+event)
	})
	flow.Add(b.runner, b.journey("toy"))
	return b
}

func (b *bench) journey(kind string) *flow.Journey[facts] {
	move := flow.Move[facts]{
		Takes: []string{"phone", "password"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
			c.Facts.Counted++
			if b.count != nil {
				return b.count(ctx, tx, c)
			}
			return nil
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
			c.Facts.Applied++
			if b.apply != nil {
				return b.apply(ctx, tx, c)
			}
			return nil
		},
	}
	slow := move
	slow.Ask = func(ctx context.Context, c *flow.Call[facts]) error {
		if b.ask != nil {
			return b.ask(ctx, c)
		}
		return nil
	}
	maybe := slow
	maybe.NeedsAsk = func(c *flow.Call[facts]) bool { return c.Input.Phone == "slow" }
	show := func(_ context.Context, _ sqldb.Querier, c *flow.Call[facts]) (step.Step, error) {
		return step.Identify{Head: step.Head{Type: c.Step}, Country: strings.Repeat("c", c.Facts.Counted) + strings.Repeat("a", c.Facts.Applied)}, nil
	}
	return &flow.Journey[facts]{
		Kinds: []string{kind}, Life: time.Hour,
		Begin: func(v flow.Visitor, _ flow.Begin, now time.Time) (*facts, error) {
			if v.DeviceName == "odd" {
				return &facts{Odd: true}, nil
			}
			return &facts{At: now}, nil
		},
		Next: func(f *facts) step.Type {
			switch {
			case f.Odd:
				return "from_the_future"
			case f.Ended:
				return step.TypeDone
			}
			return step.TypeIdentify
		},
		Steps: map[step.Type]flow.Step[facts]{
			step.TypeIdentify: {Show: show, Moves: map[string]flow.Move[facts]{"fast": move, "slow": slow, "maybe": maybe, "bare": {}}},
			step.TypeDone: {Show: func(context.Context, sqldb.Querier, *flow.Call[facts]) (step.Step, error) {
				return step.Done{Head: step.Head{Type: step.TypeDone}}, nil
			}},
		},
	}
}

func each(t *testing.T, f func(b *bench)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newBench(t, db, c)) })
}

func (b *bench) begin() flow.Handle {
	b.t.Helper()
	t, err := b.runner.Begin(b.t.Context(), flow.Visitor{}, flow.Begin{Kind: "toy"})
	if err != nil {
		b.t.Fatal(err)
	}
	return flow.Handle{ID: t.ID, Key: t.Key}
}

func (b *bench) give(h flow.Handle, in flow.Input) (flow.Ticket, error) {
	return b.runner.Answer(b.t.Context(), flow.Visitor{}, h, in)
}

// stands tells what is stored: as many c as counted and a as applied.
func (b *bench) stands(h flow.Handle, want string) {
	b.t.Helper()
	t, err := b.runner.Show(b.t.Context(), flow.Visitor{}, h)
	if err != nil {
		b.t.Fatal(err)
	}
	if got := marks(t); got != want {
		b.t.Errorf("the journey stands at %q; want %q", got, want)
	}
}

func marks(t flow.Ticket) string {
	if s, ok := t.Step.(step.Identify); ok {
		return s.Country
	}
	return ""
}

// write leaves a row that a test can look for.
func (b *bench) write(ctx context.Context, tx *sqldb.Tx, key string) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_holder (hash, kind, account_id) VALUES ($1, 'toy', 1)`, []byte(key))
	return err
}

func (b *bench) written(key string) bool {
	b.t.Helper()
	var n int
	if err := b.db.QueryRow(b.t.Context(), `SELECT COUNT(*) FROM contact_holder WHERE hash = $1`, []byte(key)).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n > 0
}

// TestRunner_S014_RefusedStaysCounted: whoever refuses, what Count spent stays
// spent and nothing else does.
func TestRunner_S014_RefusedStaysCounted(t *testing.T) {
	refusal := fault.RateLimited
	each(t, func(b *bench) {
		h := b.begin()
		b.count = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
			if err := b.write(ctx, tx, "by count"); err != nil {
				return err
			}
			return refusal
		}
		ticket, err := b.give(h, flow.Input{Input: "fast"})
		if !refusal.Is(err) || marks(ticket) != "c" {
			t.Errorf("refused in Count: %v, step %+v", err, ticket.Step)
		}
		b.stands(h, "c")
		if !b.written("by count") {
			t.Error("what Count wrote is gone")
		}
		b.count = nil
		b.apply = func(_ context.Context, _ *sqldb.Tx, c *flow.Call[facts]) error {
			c.Facts.Seen = []string{"half"}
			return refusal
		}
		for _, input := range []string{"fast", "slow"} {
			if ticket, err := b.give(h, flow.Input{Input: input}); !refusal.Is(err) || strings.Contains(marks(ticket), "a") {
				t.Errorf("refused in Apply of %s: %v, step %+v", input, err, ticket.Step)
			}
		}
		b.stands(h, "ccc")
		b.ask = func(context.Context, *flow.Call[facts]) error { return refusal }
		if _, err := b.give(h, flow.Input{Input: "slow"}); !refusal.Is(err) {
			t.Errorf("refused in Ask: %v", err)
		}
		b.stands(h, "cccc")
	})
}

// TestRunner_RefusalWithATrace: a refusal by Refuse keeps what Apply wrote.
func TestRunner_RefusalWithATrace(t *testing.T) {
	each(t, func(b *bench) {
		for _, input := range []string{"fast", "slow"} {
			h := b.begin()
			b.apply = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
				c.Refuse(fault.Conflict)
				return b.write(ctx, tx, "trace of "+input)
			}
			if ticket, err := b.give(h, flow.Input{Input: input}); !fault.Conflict.Is(err) || marks(ticket) != "ca" {
				t.Errorf("%s: %v, step %+v", input, err, ticket.Step)
			}
			b.stands(h, "ca")
			if !b.written("trace of " + input) {
				t.Errorf("%s: the trace is gone", input)
			}
		}
	})
}

// TestRunner_RefusalAfterAWrite: a step that writes and then refuses is a fault of
// the program: nothing stays.
func TestRunner_RefusalAfterAWrite(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		b.apply = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
			if err := b.write(ctx, tx, "half"); err != nil {
				return err
			}
			return fault.Conflict
		}
		if _, err := b.give(h, flow.Input{Input: "fast"}); err == nil || !strings.Contains(err.Error(), "after it had written") {
			t.Errorf("it went through: %v", err)
		}
		b.stands(h, "")
		if _, err := b.give(h, flow.Input{Input: "slow"}); err == nil || !strings.Contains(err.Error(), "after it had written") {
			t.Errorf("it went through: %v", err)
		}
		b.stands(h, "c")
		if b.written("half") {
			t.Error("half of it stayed")
		}
	})
}

// TestRunner_PlainError: what is no refusal undoes its transaction and is no answer.
func TestRunner_PlainError(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		b.apply = func(ctx context.Context, tx *sqldb.Tx, _ *flow.Call[facts]) error {
			return errors.Join(b.write(ctx, tx, "half"), errPlain)
		}
		for _, input := range []string{"fast", "slow"} {
			if ticket, err := b.give(h, flow.Input{Input: input}); !errors.Is(err, errPlain) || ticket.Step != nil {
				t.Errorf("%s: %v, step %+v", input, err, ticket.Step)
			}
		}
		b.stands(h, "c") // the slow one had counted before
		b.ask = func(context.Context, *flow.Call[facts]) error { return errPlain }
		if ticket, err := b.give(h, flow.Input{Input: "slow"}); !errors.Is(err, errPlain) || ticket.Step != nil {
			t.Errorf("in Ask: %v, step %+v", err, ticket.Step)
		}
		b.stands(h, "cc")
		if b.written("half") {
			t.Error("half of it stayed")
		}
	})
}

// TestRunner_RunsAgain: a transaction that has to be run again begins from what
// is stored, with what Ask found.
func TestRunner_RunsAgain(t *testing.T) {
	each(t, func(b *bench) {
		for _, input := range []string{"fast", "slow"} {
			h := b.begin()
			runs := 0
			b.count = func(_ context.Context, _ *sqldb.Tx, c *flow.Call[facts]) error {
				c.Answer = "found"
				return nil
			}
			b.apply = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[facts]) error {
				if c.Answer != "found" {
					t.Errorf("%s: run %d finds %v", input, runs, c.Answer)
				}
				c.Answer = "spoiled"
				c.Facts.Seen = append(c.Facts.Seen, input)
				if runs++; runs < 3 {
					c.Refuse(fault.Conflict)
					return sqldb.ErrAgain
				}
				if diff := cmp.Diff([]string{input}, c.Facts.Seen); diff != "" {
					t.Errorf("%s: facts of an earlier run are left: %s", input, diff)
				}
				return nil
			}
			ticket, err := b.give(h, flow.Input{Input: input})
			if err != nil || marks(ticket) != "ca" || runs != 3 {
				t.Errorf("%s: %v after %d runs, step %+v", input, err, runs, ticket.Step)
			}
			b.stands(h, "ca")
		}
	})
}

// TestRunner_Moved: an input that was overtaken while it asked writes nothing and
// sees where the journey is now.
func TestRunner_Moved(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		b.ask = func(context.Context, *flow.Call[facts]) error {
			b.ask = nil
			b.apply = func(_ context.Context, _ *sqldb.Tx, c *flow.Call[facts]) error {
				c.Facts.Ended = true
				return nil
			}
			if _, err := b.give(h, flow.Input{Input: "fast"}); err != nil {
				t.Error(err)
			}
			return nil
		}
		ticket, err := b.give(h, flow.Input{Input: "slow"})
		if !fault.Conflict.Is(err) || ticket.Step == nil || ticket.Step.StepType() != step.TypeDone {
			t.Errorf("overtaken: %v, step %+v", err, ticket.Step)
		}
	})
}

// TestRunner_AtOnce: inputs of one journey at once come one after the other.
func TestRunner_AtOnce(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := b.give(h, flow.Input{Input: "fast"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.stands(h, strings.Repeat("c", 16)+strings.Repeat("a", 16))
	})
}

// TestRunner_NeedsAsk: a call that has nothing to ask is one transaction.
func TestRunner_NeedsAsk(t *testing.T) {
	each(t, func(b *bench) {
		h, asked := b.begin(), 0
		b.ask = func(context.Context, *flow.Call[facts]) error { asked++; return nil }
		for _, phone := range []string{"quick", "slow"} {
			if _, err := b.give(h, flow.Input{Input: "maybe", Phone: phone}); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times; want once", asked)
		}
	})
}

// TestRunner_BadInput: what does not fit is refused by name, and nothing is counted.
func TestRunner_BadInput(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		for name, tt := range map[string]struct {
			in    flow.Input
			code  string
			field string
		}{
			"an input of another step": {flow.Input{Input: "code"}, "journey_step", ""},
			"no input":                 {flow.Input{}, "journey_step", ""},
			"an input nobody knows":    {flow.Input{Input: "../../fast"}, "journey_step", ""},
			"a field it does not take": {flow.Input{Input: "fast", Code: "123456"}, "invalid_input", "code"},
			"NUL":                      {flow.Input{Input: "fast", Phone: "+1415\x005550123"}, "invalid_input", "phone"},
			"invalid UTF-8":            {flow.Input{Input: "fast", Phone: "\xff\xfe"}, "invalid_input", "phone"},
			"too long":                 {flow.Input{Input: "fast", Phone: strings.Repeat("1", 4097)}, "invalid_input", "phone"},
			"NUL in a password":        {flow.Input{Input: "fast", Password: "a\x00b"}, "invalid_input", "password"},
			"a field of a bare move":   {flow.Input{Input: "bare", Phone: "1"}, "invalid_input", "phone"},
		} {
			ticket, err := b.give(h, tt.in)
			f := fault.From(err)
			if f == nil || f.Code != tt.code || f.Field != tt.field || ticket.Step == nil {
				t.Errorf("%s: %v on %v, step %v; want %s on %q", name, err, f, ticket.Step, tt.code, tt.field)
			}
		}
		b.stands(h, "")
		if _, err := b.give(h, flow.Input{Input: "fast", Phone: strings.Repeat("1", 4096), Password: strings.Repeat("x", 60_000)}); err != nil {
			t.Errorf("what just fits: %v", err)
		}
		if _, err := b.give(h, flow.Input{Input: "bare"}); err != nil {
			t.Errorf("a move that does nothing: %v", err)
		}
	})
}

// TestRunner_OtherVersions: journeys of another version of the program are over,
// and none is an internal error.
func TestRunner_OtherVersions(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		other := flow.New(b.db, b.ring, nil)
		if _, err := other.Show(t.Context(), flow.Visitor{}, h); !flow.JourneyExpired.Is(err) {
			t.Errorf("Show of a kind nobody knows: %v", err)
		}
		if _, err := other.Answer(t.Context(), flow.Visitor{}, h, flow.Input{Input: "fast"}); !flow.JourneyExpired.Is(err) {
			t.Errorf("Answer to a kind nobody knows: %v", err)
		}
		if _, err := b.runner.Begin(t.Context(), flow.Visitor{}, flow.Begin{Kind: "unheard"}); !fault.InvalidInput.Is(err) {
			t.Errorf("Begin of a kind nobody knows: %v", err)
		}
		if _, err := b.runner.Begin(t.Context(), flow.Visitor{DeviceName: "odd"}, flow.Begin{Kind: "toy"}); !flow.JourneyExpired.Is(err) {
			t.Errorf("a step nobody knows: %v", err)
		}
	})
}

// TestRunner_S124_Handle: without its key a journey is not there, and over is over.
func TestRunner_S124_Handle(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		for _, bad := range []flow.Handle{
			{}, {ID: h.ID}, {ID: h.ID, Key: h.Key[1:]}, {ID: h.ID, Key: b.begin().Key}, {Key: h.Key}, {ID: h.Key, Key: h.ID},
			{ID: strings.Repeat("a", 65), Key: h.Key}, {ID: h.ID, Key: strings.Repeat("a", 1<<20)}, {ID: h.ID[:21] + "\x00", Key: h.Key}, {ID: h.ID[:21] + "\xff", Key: h.Key},
		} {
			if _, err := b.runner.Show(t.Context(), flow.Visitor{}, bad); !fault.NotFound.Is(err) {
				t.Errorf("Show: %v; want not_found", err)
			}
			if ticket, err := b.give(bad, flow.Input{Input: "fast"}); !fault.NotFound.Is(err) || ticket.Step != nil {
				t.Errorf("Answer: %v; want not_found", err)
			}
		}
		b.stands(h, "")
		b.clock.Advance(time.Hour - time.Microsecond)
		b.stands(h, "")
		b.clock.Advance(time.Microsecond)
		if _, err := b.give(h, flow.Input{Input: "fast"}); !flow.JourneyExpired.Is(err) {
			t.Errorf("at its end: %v; want journey_expired", err)
		}
		if _, err := flow.Facts[facts](t.Context(), b.runner, h.ID); !fault.NotFound.Is(err) {
			t.Errorf("the facts of one that is over: %v", err)
		}
		if err := b.runner.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.give(h, flow.Input{Input: "fast"}); !flow.JourneyExpired.Is(err) {
			t.Errorf("within a day: %v; want journey_expired still", err)
		}
		b.clock.Advance(25 * time.Hour)
		if err := b.runner.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.give(h, flow.Input{Input: "fast"}); !fault.NotFound.Is(err) {
			t.Errorf("after the sweep: %v; want not_found", err)
		}
	})
}

// TestRunner_EndsWhileItAsks: a journey that ends during an Ask applies nothing.
func TestRunner_EndsWhileItAsks(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		b.ask = func(context.Context, *flow.Call[facts]) error { b.clock.Advance(time.Hour); return nil }
		b.apply = func(ctx context.Context, tx *sqldb.Tx, _ *flow.Call[facts]) error { return b.write(ctx, tx, "late") }
		if _, err := b.give(h, flow.Input{Input: "slow"}); !flow.JourneyExpired.Is(err) || b.written("late") {
			t.Errorf("%v, written: %v", err, b.written("late"))
		}
	})
}

// TestRunner_Sealed: what a journey knows does not stand readable in the store,
// and facts moved to another row open nothing (S-161).
func TestRunner_Sealed(t *testing.T) {
	each(t, func(b *bench) {
		b.apply = func(_ context.Context, _ *sqldb.Tx, c *flow.Call[facts]) error {
			c.Facts.Seen = []string{"+14155550123"}
			return nil
		}
		h := b.begin()
		if _, err := b.give(h, flow.Input{Input: "fast"}); err != nil {
			t.Fatal(err)
		}
		var sealed, hash []byte
		if err := b.db.QueryRow(t.Context(), `SELECT facts, key_hash FROM journey WHERE id = $1`, h.ID).Scan(&sealed, &hash); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(sealed), "4155550123") || strings.Contains(string(hash), h.Key) {
			t.Error("the row can be read")
		}
		other := b.begin()
		err := b.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE journey SET facts = $1 WHERE id = $2`, sealed, other.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.runner.Show(t.Context(), flow.Visitor{}, other); err == nil || fault.From(err) != nil {
			t.Errorf("another journey's facts: %v", err)
		}
	})
}

// TestRunner_Observes: what happens is told for metrics, without anybody's name.
func TestRunner_Observes(t *testing.T) {
	each(t, func(b *bench) {
		h := b.begin()
		_, _ = b.give(h, flow.Input{Input: "nothing"})
		b.apply = func(_ context.Context, _ *sqldb.Tx, c *flow.Call[facts]) error { c.Facts.Ended = true; return nil }
		_, _ = b.give(h, flow.Input{Input: "fast"})
		if diff := cmp.Diff([]string{"toy begun", "toy journey_step", "toy done"}, b.events); diff != "" {
			t.Error(diff)
		}
	})
}
