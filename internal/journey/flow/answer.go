package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// answer runs one input: count, ask, apply (see the package comment).
func (j typed[F]) answer(ctx context.Context, r *Runner, v Visitor, h Handle, in Input) (Ticket, error) {
	var c *Call[F]
	var move Move[F]
	var refused error
	more := false
	err := r.db.InTx(ctx, func(tx *sqldb.Tx) error {
		refused, more = nil, false
		var err error
		if c, move, err = j.open(ctx, tx, r, v, h, in); err != nil {
			return err
		}
		counted, err := j.count(ctx, tx, c, move)
		if err != nil {
			refused = err
			return j.keep(ctx, tx, r, c, counted, err)
		}
		if move.Ask != nil && (move.NeedsAsk == nil || move.NeedsAsk(c)) {
			more = true
			return j.keep(ctx, tx, r, c, counted, nil)
		}
		refused, err = j.apply(ctx, tx, r, c, move, counted)
		return err
	})
	if err == nil && refused == nil && more {
		if refused = move.Ask(ctx, c); refused == nil {
			refused, err = j.applyLater(ctx, r, c, move)
		}
	}
	return j.settle(ctx, r, c, refused, err)
}

// settle makes the answer of a finished move: the ticket, and the refusal with it.
func (j typed[F]) settle(ctx context.Context, r *Runner, c *Call[F], refused, err error) (Ticket, error) {
	if err != nil {
		if fault.From(err) == nil || c == nil || c.Facts == nil {
			return Ticket{}, err
		}
		refused = err // journey_step and the like: nothing was written
	}
	t, err := j.ticket(ctx, r.db, c)
	if err != nil {
		return Ticket{}, err
	}
	return t, refused
}

// open loads and locks the record and finds the move that the input asks for.
func (j typed[F]) open(ctx context.Context, tx *sqldb.Tx, r *Runner, v Visitor, h Handle, in Input) (*Call[F], Move[F], error) {
	s, err := r.load(ctx, tx, h)
	if err != nil {
		return nil, Move[F]{}, err
	}
	c := &Call[F]{Record: s.Record, Facts: new(F), Visitor: v, Input: in, Now: tx.Now()}
	if err := json.Unmarshal(s.facts, c.Facts); err != nil {
		return nil, Move[F]{}, err
	}
	move, ok := j.Steps[s.Step].Moves[in.Input]
	if !ok {
		return c, move, JourneyStep.With("present", string(s.Step))
	}
	if extra := unexpected(in, move.Takes); extra != "" {
		return c, move, fault.InvalidInput.On(extra)
	}
	return c, move, nil
}

// count spends what the try costs and answers the facts as they then are: what
// stays of this call even if it is refused.
func (j typed[F]) count(ctx context.Context, tx *sqldb.Tx, c *Call[F], move Move[F]) ([]byte, error) {
	var refused error
	if move.Count != nil {
		refused = move.Count(ctx, tx, c)
	}
	counted, err := json.Marshal(c.Facts)
	if err != nil {
		return nil, err
	}
	return counted, refused
}

// keep saves the counted facts. A plain error undoes even the counting: then
// nothing was judged either.
func (j typed[F]) keep(ctx context.Context, tx *sqldb.Tx, r *Runner, c *Call[F], counted []byte, refused error) error {
	if refused != nil && fault.From(refused) == nil {
		return refused
	}
	c.Facts = new(F)
	if err := json.Unmarshal(counted, c.Facts); err != nil {
		return err
	}
	c.Step = j.Next(c.Facts)
	return r.save(ctx, tx, &c.Record, counted)
}

// apply writes the effect, or keeps only the counts if the move refuses.
func (j typed[F]) apply(ctx context.Context, tx *sqldb.Tx, r *Runner, c *Call[F], move Move[F], counted []byte) (refused, err error) {
	before := tx.Writes()
	c.refusal = nil
	if move.Apply != nil {
		refused = move.Apply(ctx, tx, c)
	}
	if refused != nil {
		if fault.From(refused) == nil {
			return nil, refused
		}
		if tx.Writes() != before {
			return nil, fmt.Errorf("flow: %s/%s/%s refused (%w) after it had written", c.Kind, c.Step, c.Input.Input, refused)
		}
		return refused, j.keep(ctx, tx, r, c, counted, refused)
	}
	facts, err := json.Marshal(c.Facts)
	if err != nil {
		return nil, err
	}
	c.Step = j.Next(c.Facts)
	return c.refusal, r.save(ctx, tx, &c.Record, facts)
}

// applyLater is apply in a transaction of its own, after an Ask. If the record
// moved meanwhile (another input of the same journey won), nothing is written.
func (j typed[F]) applyLater(ctx context.Context, r *Runner, c *Call[F], move Move[F]) (refused, err error) {
	counted, err := json.Marshal(c.Facts)
	if err != nil {
		return nil, err
	}
	version, at := c.Version, c.Step
	err = r.db.InTx(ctx, func(tx *sqldb.Tx) error {
		c.Facts, c.Version, c.Step, c.Now = new(F), version, at, tx.Now()
		if err := json.Unmarshal(counted, c.Facts); err != nil {
			return err
		}
		var now int64
		if err := tx.QueryRow(ctx, `SELECT version FROM journey WHERE id = $1`+tx.ForUpdate(), c.ID).Scan(&now); err != nil {
			return err
		}
		if now != version {
			return fault.Conflict
		}
		var err error
		refused, err = j.apply(ctx, tx, r, c, move, counted)
		return err
	})
	return refused, err
}

// unexpected names a field that is set though the input does not take it, or
// that is longer than anything we read (1 KiB).
func unexpected(in Input, takes []string) string {
	v := reflect.ValueOf(in)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		text := v.Field(i).String()
		if name == "input" || text == "" {
			continue
		}
		if !slices.Contains(takes, name) || strings.ContainsRune(text, 0) {
			return name
		}
	}
	return ""
}
