package flow_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// twofold is a journey that is told in two stories, which share one step.
type twofold struct {
	Second bool     `json:"second"`
	Seen   []string `json:"seen,omitempty"`
}

// tells is a step whose moves note which story took them.
func tells(story string, moves map[string][]string) flow.Step[twofold] {
	s := flow.Step[twofold]{Moves: map[string]flow.Move[twofold]{}, Show: func(_ context.Context, _ sqldb.Querier, c *flow.Call[twofold]) (step.Step, error) {
		return step.Password{Head: step.Head{Type: step.TypePassword}, Username: story}, nil
	}}
	for name, takes := range moves {
		m := flow.Move[twofold]{Takes: takes, Apply: func(_ context.Context, _ *sqldb.Tx, c *flow.Call[twofold]) error {
			c.Facts.Seen = append(c.Facts.Seen, story+" "+name)
			c.Facts.Second = true
			return nil
		}}
		if name == "slow" {
			m.Ask = func(_ context.Context, c *flow.Call[twofold]) error { c.Answer = story; return nil }
		}
		s.Moves[name] = m
	}
	return s
}

// An input goes to the story that is being told; what only the other one takes does
// not fit, and takes none of its fields along.
func TestEither(t *testing.T) {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.At(sqldbtest.Start)
	r := flow.New(sqldbtest.SQLite(t, c), ring, nil)
	flow.Add(r, &flow.Journey[twofold]{Kinds: []string{"twofold"}, Life: time.Hour,
		Begin: func(flow.Visitor, flow.Begin, time.Time) (*twofold, error) { return &twofold{}, nil },
		Next:  func(*twofold) step.Type { return step.TypePassword },
		Steps: map[step.Type]flow.Step[twofold]{step.TypePassword: flow.Either(func(f *twofold) bool { return f.Second },
			tells("second", map[string][]string{"both": {"code"}, "theirs": nil, "slow": nil}),
			tells("first", map[string][]string{"both": nil, "ours": nil}))},
	})
	begin := func() flow.Handle {
		tk, err := r.Begin(t.Context(), flow.Visitor{}, flow.Begin{Kind: "twofold"})
		if err != nil {
			t.Fatal(err)
		}
		return flow.Handle{ID: tk.ID, Key: tk.Key}
	}
	h := begin()
	for _, tt := range []struct {
		in   flow.Input
		code string
		then string // the story that is shown
	}{
		{flow.Input{Input: "theirs"}, "journey_step", "first"},
		{flow.Input{Input: "slow"}, "journey_step", "first"},
		{flow.Input{Input: "both", Code: "1"}, "invalid_input", "first"},
		{flow.Input{Input: "both"}, "", "second"},
		{flow.Input{Input: "ours"}, "journey_step", "second"},
		{flow.Input{Input: "both", Code: "1"}, "", "second"},
		{flow.Input{Input: "slow"}, "", "second"},
		{flow.Input{Input: "nothing"}, "journey_step", "second"},
	} {
		tk, err := r.Answer(t.Context(), flow.Visitor{}, h, tt.in)
		got := ""
		if f := fault.From(err); f != nil {
			got = f.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if got != tt.code || tk.Step.(step.Password).Username != tt.then {
			t.Errorf("%+v: %q at %+v, want %q in the %s story", tt.in, got, tk.Step, tt.code, tt.then)
		}
	}
}
