package flow

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Either is a step that two stories of one journey share: while is holds the first
// is told, else the other. An input that only the other one takes does not fit.
func Either[F any](is func(f *F) bool, first, other Step[F]) Step[F] {
	s := Step[F]{Moves: map[string]Move[F]{}}
	s.Show = func(ctx context.Context, q sqldb.Querier, c *Call[F]) (step.Step, error) {
		if is(c.Facts) {
			return first.Show(ctx, q, c)
		}
		return other.Show(ctx, q, c)
	}
	for name := range first.Moves {
		s.Moves[name] = Move[F]{}
	}
	for name := range other.Moves {
		s.Moves[name] = Move[F]{}
	}
	for name := range s.Moves {
		s.Moves[name] = eitherMove(is, name, first, other)
	}
	return s
}

// eitherMove is the move of whichever story is told when the input comes. Which one
// that is does not change until Apply: only Apply moves a journey on.
func eitherMove[F any](is func(f *F) bool, name string, first, other Step[F]) Move[F] {
	one, both := first.Moves[name]
	two, too := other.Moves[name]
	told := func(c *Call[F]) (Move[F], bool) {
		if is(c.Facts) {
			return one, both
		}
		return two, too
	}
	m := Move[F]{Takes: one.Takes}
	if !both || len(two.Takes) > len(one.Takes) {
		m.Takes = two.Takes
	}
	m.Count = func(ctx context.Context, tx *sqldb.Tx, c *Call[F]) error {
		move, ok := told(c)
		switch {
		case !ok:
			return JourneyStep.With("present", string(c.Step))
		case unexpected(c.Input, move.Takes) != "":
			return invalid(unexpected(c.Input, move.Takes))
		case move.Count == nil:
			return nil
		}
		return move.Count(ctx, tx, c)
	}
	if one.Ask != nil || two.Ask != nil {
		m.NeedsAsk = func(c *Call[F]) bool {
			move, _ := told(c)
			return move.Ask != nil && (move.NeedsAsk == nil || move.NeedsAsk(c))
		}
		m.Ask = func(ctx context.Context, c *Call[F]) error {
			move, _ := told(c)
			return move.Ask(ctx, c)
		}
	}
	m.Apply = func(ctx context.Context, tx *sqldb.Tx, c *Call[F]) error {
		if move, _ := told(c); move.Apply != nil {
			return move.Apply(ctx, tx, c)
		}
		return nil
	}
	return m
}
