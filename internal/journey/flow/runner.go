package flow

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Runner moves journeys of every kind.
type Runner struct {
	db       *sqldb.DB
	ring     *seal.Ring
	journeys map[string]journey
	observe  func(kind, event string) // for metrics
	begins   *quota.Burst             // nil: no limit
}

// journey hides the type of the facts.
type journey interface {
	begin(ctx context.Context, r *Runner, v Visitor, b Begin) (Ticket, error)
	turn(r *Runner, v Visitor, h Handle, in Input, s stored, tx *sqldb.Tx) turner
	show(ctx context.Context, r *Runner, v Visitor, rec stored) (Ticket, error)
}

// turner hides it of a turn.
type turner interface {
	first(ctx context.Context, tx *sqldb.Tx) error
	rest(ctx context.Context, err error) (Ticket, error)
}

// New makes a runner without journeys. observe hears what happens to journeys
// ("begun", "done", a fault's code), for metrics; nil is allowed.
func New(db *sqldb.DB, ring *seal.Ring, observe func(kind, event string)) *Runner {
	if observe == nil {
		observe = func(string, string) {}
	}
	return &Runner{db: db, ring: ring, journeys: map[string]journey{}, observe: observe}
}

// LimitBegins bounds the journeys that one network (an address; IPv6: one /64)
// begins: each is a row until it is swept.
func (r *Runner) LimitBegins(b *quota.Burst) { r.begins = b }

// Add makes a kind of journey known to the runner.
func Add[F any](r *Runner, j *Journey[F]) {
	for _, kind := range j.Kinds {
		r.journeys[kind] = typed[F]{j}
	}
}

// Begin starts a journey and shows its first step.
func (r *Runner) Begin(ctx context.Context, v Visitor, b Begin) (Ticket, error) {
	j, ok := r.journeys[b.Kind]
	if !ok {
		return Ticket{}, fault.InvalidInput.On("kind")
	}
	if r.begins != nil && v.Addr.IsValid() {
		network, _ := quota.Groups(v.Addr)
		if at, ok := r.begins.Spend(network); !ok {
			return Ticket{}, fault.RateLimited.Until(at)
		}
	}
	if b.Locale == "" {
		b.Locale = v.Locale
	}
	t, err := j.begin(ctx, r, v, b)
	if err == nil {
		r.observe(b.Kind, "begun")
	}
	return t, err
}

// Answer gives an input to the present step. With a refusal (*fault.Fault) the
// ticket still carries the step on which the journey goes on.
func (r *Runner) Answer(ctx context.Context, v Visitor, h Handle, in Input) (Ticket, error) {
	var turn turner
	kind := ""
	err := r.db.InTx(ctx, func(tx *sqldb.Tx) error {
		turn = nil
		s, err := r.load(ctx, tx, h)
		if err != nil {
			return err
		}
		kind = s.Kind
		turn = r.journeys[s.Kind].turn(r, v, h, in, s, tx)
		return turn.first(ctx, tx)
	})
	if turn == nil {
		return Ticket{}, err
	}
	t, err := turn.rest(ctx, err)
	switch f := fault.From(err); {
	case f != nil:
		r.observe(kind, f.Code)
	case err == nil && t.Step.StepType() == step.TypeDone:
		r.observe(kind, "done")
	}
	return t, err
}

// Show shows the present step again.
func (r *Runner) Show(ctx context.Context, v Visitor, h Handle) (Ticket, error) {
	rec, err := r.load(ctx, r.db, h)
	if err != nil {
		return Ticket{}, err
	}
	return r.journeys[rec.Kind].show(ctx, r, v, rec)
}

// Sweep deletes journeys that ended more than a day ago, a few at a time.
func (r *Runner) Sweep(ctx context.Context) error {
	for {
		var n int64
		err := r.db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM journey WHERE id IN (SELECT id FROM journey WHERE expires_at < $1 LIMIT 500)`,
				sqldb.Micros(tx.Now().Add(-24*time.Hour)))
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// stored is a record with its facts still sealed.
type stored struct {
	Record
	facts []byte
}

func keyHash(key string) []byte {
	h := sha256.Sum256([]byte("journey\x00" + key))
	return h[:]
}

// isID tells whether text can be the ID of a journey. The store is not asked for
// anything else: PostgreSQL takes no NUL and no invalid UTF-8.
func isID(text string) bool {
	return len(text) == 22 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// load finds a journey for those who hold its key; for all others it is not
// found, whether it exists or not.
func (r *Runner) load(ctx context.Context, q sqldb.Querier, h Handle) (stored, error) {
	if !isID(h.ID) || len(h.Key) > 64 {
		return stored{}, fault.NotFound
	}
	s := stored{Record: Record{ID: h.ID}}
	var hash, sealed []byte
	var created, expires int64
	err := q.QueryRow(ctx, `SELECT key_hash, kind, step, version, facts, created_at, expires_at FROM journey WHERE id = $1`+q.ForUpdate(), h.ID).
		Scan(&hash, &s.Kind, &s.Step, &s.Version, &sealed, &created, &expires)
	if errors.Is(err, sqldb.ErrNone) {
		return s, fault.NotFound
	}
	if err != nil {
		return s, err
	}
	if subtle.ConstantTimeCompare(hash, keyHash(h.Key)) != 1 {
		return s, fault.NotFound
	}
	s.CreatedAt, s.ExpiresAt = sqldb.FromMicros(created), sqldb.FromMicros(expires)
	if !q.Now().Before(s.ExpiresAt) {
		return s, JourneyExpired
	}
	if r.journeys[s.Kind] == nil {
		return s, JourneyExpired // of another version of the program
	}
	s.facts, err = r.ring.Open(sealed, place(s.ID))
	return s, err
}

func place(id string) seal.Place { return seal.Place{Table: "journey", Column: "facts", Row: id} }

// save writes the record's step and facts, one version on.
func (r *Runner) save(ctx context.Context, tx *sqldb.Tx, rec *Record, facts []byte) error {
	n, err := tx.Exec(ctx, `UPDATE journey SET step = $3, version = version + 1, facts = $4 WHERE id = $1 AND version = $2`,
		rec.ID, rec.Version, string(rec.Step), r.ring.Seal(facts, place(rec.ID)))
	if err == nil && n != 1 {
		return fmt.Errorf("flow: the journey moved inside its own lock")
	}
	rec.Version++
	return err
}

// typed is a Journey behind the journey interface.
type typed[F any] struct{ *Journey[F] }

func (j typed[F]) begin(ctx context.Context, r *Runner, v Visitor, b Begin) (Ticket, error) {
	now := r.db.Now()
	facts, err := j.Begin(v, b, now)
	if err != nil {
		return Ticket{}, err
	}
	rec := Record{ID: randid.ID(now), Kind: b.Kind, Step: j.Next(facts), Version: 1, CreatedAt: now, ExpiresAt: now.Add(j.Life)}
	key := randid.Secret()
	begun, err := json.Marshal(facts)
	if err != nil {
		return Ticket{}, err
	}
	err = r.db.InTx(ctx, func(tx *sqldb.Tx) error {
		plain := begun
		if j.Start != nil {
			facts = new(F)
			if err := json.Unmarshal(begun, facts); err != nil {
				return err
			}
			if err := j.Start(ctx, tx, &Call[F]{Record: rec, Facts: facts, Visitor: v, Now: tx.Now()}); err != nil {
				return err
			}
			rec.Step = j.Next(facts)
			if plain, err = json.Marshal(facts); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO journey (id, key_hash, kind, step, version, facts, created_at, expires_at) VALUES ($1, $2, $3, $4, 1, $5, $6, $7)`,
			rec.ID, keyHash(key), rec.Kind, string(rec.Step), r.ring.Seal(plain, place(rec.ID)), sqldb.Micros(rec.CreatedAt), sqldb.Micros(rec.ExpiresAt))
		return err
	})
	if err != nil {
		return Ticket{}, err
	}
	t, err := j.ticket(ctx, r.db, &Call[F]{Record: rec, Facts: facts, Visitor: v, Now: now})
	t.Key = key
	return t, err
}

func (j typed[F]) show(ctx context.Context, r *Runner, v Visitor, s stored) (Ticket, error) {
	c := &Call[F]{Record: s.Record, Facts: new(F), Visitor: v, Now: r.db.Now()}
	if err := json.Unmarshal(s.facts, c.Facts); err != nil {
		return Ticket{}, err
	}
	return j.ticket(ctx, r.db, c)
}

// ticket shows the present step of a call's record.
func (j typed[F]) ticket(ctx context.Context, q sqldb.Querier, c *Call[F]) (Ticket, error) {
	t := Ticket{ID: c.ID, Kind: c.Kind, ExpiresAt: c.ExpiresAt}
	if p, ok := any(c.Facts).(interface {
		Path() (region string, tag locale.Tag, returnTo string)
	}); ok {
		t.Region, t.Locale, t.ReturnTo = p.Path()
	}
	if p, ok := any(c.Facts).(interface{ Purpose() string }); ok {
		t.For = p.Purpose()
	}
	show := j.Steps[c.Step].Show
	if show == nil {
		return t, JourneyExpired // at a step of another version of the program
	}
	var err error
	t.Step, err = show(ctx, q, c)
	return t, err
}

// Facts reads the facts of a journey without its key, for the few things that
// an address must show by itself (the picture of a captcha). The caller checks
// a secret of its own before it shows anything.
func Facts[F any](ctx context.Context, r *Runner, id string) (*F, error) {
	if !isID(id) {
		return nil, fault.NotFound
	}
	var sealed []byte
	var expires int64
	err := r.db.QueryRow(ctx, `SELECT facts, expires_at FROM journey WHERE id = $1`, id).Scan(&sealed, &expires)
	if errors.Is(err, sqldb.ErrNone) || err == nil && !r.db.Now().Before(sqldb.FromMicros(expires)) {
		return nil, fault.NotFound
	}
	if err != nil {
		return nil, err
	}
	plain, err := r.ring.Open(sealed, place(id))
	if err != nil {
		return nil, err
	}
	f := new(F)
	return f, json.Unmarshal(plain, f)
}
