package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// turn is one input on its way: count, ask, apply (see the package comment).
type turn[F any] struct {
	typed[F]
	r       *Runner
	h       Handle
	call    *Call[F]
	move    Move[F]
	counted []byte // the facts as they are if nothing more is written
	asks    bool   // the first transaction is through, Ask is next
	refused error
}

func (j typed[F]) turn(r *Runner, v Visitor, h Handle, in Input, s stored, tx *sqldb.Tx) turner {
	t := &turn[F]{typed: j, r: r, h: h}
	t.call = &Call[F]{Visitor: v, Input: in}
	t.stand(s, tx)
	return t
}

// stand puts the call where the record stands. The facts are read by whoever
// has use for the error.
func (t *turn[F]) stand(s stored, tx *sqldb.Tx) {
	t.call.Record, t.call.Facts, t.call.Now, t.counted = s.Record, nil, tx.Now(), s.facts
}

// read makes the facts anew from what was last counted.
func (t *turn[F]) read() error {
	t.call.Facts = new(F)
	if err := json.Unmarshal(t.counted, t.call.Facts); err != nil {
		return fmt.Errorf("flow: the facts of a %s: %w", t.call.Kind, err)
	}
	t.call.Step = t.Next(t.call.Facts)
	return nil
}

// first counts, and applies too unless there is something to ask.
func (t *turn[F]) first(ctx context.Context, tx *sqldb.Tx) error {
	at := t.call.Step
	if err := t.read(); err != nil {
		return err
	}
	t.call.Step = at // as it was stored: it is what the person saw
	move, ok := t.Steps[at].Moves[t.call.Input.Input]
	if !ok {
		t.refused = JourneyStep.With("present", string(at))
		return nil
	}
	t.move = move
	if extra := unexpected(t.call.Input, move.Takes); extra != "" {
		t.refused = invalid(extra)
		return nil
	}
	if err := t.count(ctx, tx); err != nil {
		return err
	}
	if t.refused == nil {
		t.asks = move.Ask != nil && (move.NeedsAsk == nil || move.NeedsAsk(t.call))
	}
	if t.refused == nil && !t.asks {
		applied, err := t.apply(ctx, tx)
		if applied || err != nil {
			return err
		}
	}
	if err := t.read(); err != nil {
		return err
	}
	return t.r.save(ctx, tx, &t.call.Record, t.counted)
}

// count spends what the try costs. What it changed stays even if it refuses; a
// plain error undoes the counting too, but then nothing was judged either.
func (t *turn[F]) count(ctx context.Context, tx *sqldb.Tx) error {
	var refused error
	if t.move.Count != nil {
		refused = t.move.Count(ctx, tx, t.call)
	}
	if refused != nil && fault.From(refused) == nil {
		return refused
	}
	counted, err := json.Marshal(t.call.Facts)
	t.counted, t.refused = counted, refused
	return err
}

// apply writes the effect; applied is false, and nothing is written, if the move
// refuses.
func (t *turn[F]) apply(ctx context.Context, tx *sqldb.Tx) (applied bool, err error) {
	c, before := t.call, tx.Writes()
	if t.move.Apply != nil {
		err = t.move.Apply(ctx, tx, c)
	}
	switch {
	case err != nil && fault.From(err) == nil:
		return false, err
	case err != nil && tx.Writes() != before:
		return false, fmt.Errorf("flow: %s/%s/%s refused (%w) after it had written", c.Kind, c.Step, c.Input.Input, err)
	case err != nil:
		t.refused = err
		return false, nil
	}
	facts, err := json.Marshal(c.Facts)
	if err != nil {
		return false, err
	}
	t.refused, c.Step = c.refusal, t.Next(c.Facts)
	return true, t.r.save(ctx, tx, &c.Record, facts)
}

// rest asks and applies if there is still something to ask, and answers the
// ticket and the refusal with it. err is what the first transaction answered.
func (t *turn[F]) rest(ctx context.Context, err error) (Ticket, error) {
	if err == nil && t.asks {
		if t.refused = t.move.Ask(ctx, t.call); t.refused == nil {
			err = t.second(ctx)
		}
	}
	if err == nil && t.refused != nil && fault.From(t.refused) == nil {
		err = t.refused
	}
	if err != nil {
		return Ticket{}, err
	}
	ticket, err := t.ticket(ctx, t.r.db, t.call)
	if err != nil {
		return ticket, err
	}
	return ticket, t.refused
}

// second is the transaction after an Ask. If the record moved meanwhile (another
// input of the same journey won), nothing is written and the answer shows where
// the journey is now.
func (t *turn[F]) second(ctx context.Context) error {
	c, version, answer := t.call, t.call.Version, t.call.Answer
	return t.r.db.InTx(ctx, func(tx *sqldb.Tx) error {
		s, err := t.r.load(ctx, tx, t.h)
		if err != nil {
			return err
		}
		t.stand(s, tx)
		c.Answer, c.refusal, t.refused = answer, nil, nil // another run may have left something
		if err := t.read(); err != nil {
			return err
		}
		if c.Version != version {
			t.refused = fault.Conflict
			return nil
		}
		applied, err := t.apply(ctx, tx)
		if !applied && err == nil {
			return t.read()
		}
		return err
	})
}

func invalid(field string) error { return fault.InvalidInput.On(field) }

// inputMost bounds every field but a password, which has a limit of its own with
// a sentence of its own. The longest is the solution of a captcha's work.
const inputMost = 4096 // bytes

// credentialMost bounds the answer of an authenticator: an assertion is well below
// 2 KiB, a registration with an attestation below 12.
const credentialMost = 16 << 10 // bytes

// unexpected names a field that is set though the input does not take it, or
// that nobody can have typed.
func unexpected(in Input, takes []string) string {
	v := reflect.ValueOf(in)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "input" {
			continue
		}
		for _, text := range texts(v.Field(i).Interface()) {
			if long(name, text) || !slices.Contains(takes, name) || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
				return name
			}
		}
	}
	return ""
}

// texts are what a field holds; nothing if it was not sent.
func texts(field any) []string {
	switch f := field.(type) {
	case []string:
		return f
	case json.RawMessage:
		field = string(f)
	}
	if field == "" {
		return nil
	}
	return []string{field.(string)}
}

func long(name, text string) bool {
	switch name {
	case "password":
		return false
	case "credential", "token": // an ID token of a provider is 1 to 3 KiB
		return len(text) > credentialMost
	}
	return len(text) > inputMost
}
