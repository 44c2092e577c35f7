// Package job holds work that must happen after a transaction, or at a time:
// messages, timers, sweeps. A job is a row written in the caller's transaction
// it runs at least once on one of the nodes, so what it does must
// be idempotent: give ids chosen before, and look at the state before acting.
// Retries are bounded and spread by chance; what fails for good stays as a dead
// letter that operators see. The package must never know what a job does, and
// no personal data may stand in a job except sealed in its payload.
//
// It owns the table job. A claim moves due_at forward, which is the lease: a
// node that dies leaves nothing to clean up. A claimed job is finished
// only by the node that still holds its lease, in the transaction of its effect.
package job

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Job is one piece of work.
type Job struct {
	ID        string // chosen by Put if empty; putting one ID twice has no second effect
	Kind      string
	AccountID int64     // 0: of no account
	Key       string    // one job of a kind and key stands at a time, waiting or running; "": any number
	DueAt     time.Time // zero: now
	ExpiresAt time.Time // zero: never; past it the job is dropped without a run
	Payload   []byte    // personal data in it is sealed by whoever puts the job
	Attempt   int       // 1 in the first run

	Error  string    // why the last run failed; for Dead
	DeadAt time.Time // for Dead
}

// Handler does a job. It runs outside any transaction and may dial. ctx ends
// after Options.Timeout, and some seconds after the node begins to shut down.
// done, which may be nil, then runs in the transaction that deletes the job and
// may run more than once, like everything given to sqldb's InTx. An error from
// either means another try later, unless it is Permanent.
type Handler func(ctx context.Context, j Job) (done func(ctx context.Context, tx *sqldb.Tx) error, err error)

// Options say how a kind of job runs on one node. Zero values are defaults.
type Options struct {
	Workers  int                             // runs at once; 8
	Attempts int                             // runs before the job is dead; 16
	Backoff  func(attempt int) time.Duration // the wait after the attempt-th failure; Backoff(time.Second, 10*time.Minute)
	Timeout  time.Duration                   // of one run; a minute
}

// Queue puts jobs and runs them.
type Queue struct {
	db    *sqldb.DB
	clock *clock.Clock
	log   *slog.Logger
	node  string // this node's name in leases
	wake  chan struct{}
	began atomic.Bool

	mu    sync.Mutex
	kinds map[string]*kind
	held  map[string]*run // by job ID: leased by this node
}

// kind is what this node knows of a kind of job.
type kind struct {
	name    string
	options Options
	handler Handler
	period  time.Duration // of Every; else 0

	running int    // guarded by Queue.mu
	waiting []*run // claimed, not begun; guarded by Queue.mu
}

// New makes a queue. Handle and Every, called before Run, name what it runs.
func New(db *sqldb.DB, c *clock.Clock, log *slog.Logger) *Queue {
	return &Queue{db: db, clock: c, log: log, node: rand.Text(), wake: make(chan struct{}, 1),
		kinds: map[string]*kind{}, held: map[string]*run{}}
}

// Handle says who does the jobs of a kind on this node. A node that does not
// know a kind leaves its jobs to others.
func (q *Queue) Handle(name string, o Options, h Handler) {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.Attempts <= 0 {
		o.Attempts = 16
	}
	if o.Backoff == nil {
		o.Backoff = Backoff(time.Second, 10*time.Minute)
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	q.add(&kind{name: name, options: o, handler: h})
}

// Every runs f once a period, on one node at a time. A run that was missed (the
// program was stopped, the clock was moved) is made up for once, not as often
// as it was missed. A failed run is tried again sooner and never dies.
func (q *Queue) Every(name string, period time.Duration, f func(ctx context.Context) error) {
	o := Options{Workers: 1, Backoff: Backoff(min(10*time.Second, period), period), Timeout: 10 * time.Minute}
	h := func(ctx context.Context, _ Job) (func(context.Context, *sqldb.Tx) error, error) { return nil, f(ctx) }
	q.add(&kind{name: name, options: o, handler: h, period: period})
}

func (q *Queue) add(k *kind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.kinds[k.name] != nil {
		panic("job: kind " + k.name + " has two handlers")
	}
	q.kinds[k.name] = k
}

// Put adds a job in the caller's transaction; a worker is woken after the
// commit. If a job of its ID, or of its kind and key, already stands, that one
// stays and this one is not added.
func (q *Queue) Put(ctx context.Context, tx *sqldb.Tx, j Job) error {
	if j.Kind == "" {
		return errors.New("job: no kind")
	}
	if j.ID == "" {
		j.ID = newID(tx.Now())
	}
	if j.DueAt.IsZero() {
		j.DueAt = tx.Now()
	}
	if j.Payload == nil {
		j.Payload = []byte{}
	}
	n, err := tx.Exec(ctx, `INSERT INTO job (id, kind, account_id, unique_key, due_at, expires_at, attempt, lease, dead_at, error, payload)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', 0, '', $7) ON CONFLICT DO NOTHING`,
		j.ID, j.Kind, j.AccountID, j.Key, sqldb.Micros(j.DueAt), sqldb.Micros(j.ExpiresAt), j.Payload)
	if err != nil {
		return fmt.Errorf("job: putting a %s: %w", j.Kind, err)
	}
	if n > 0 {
		tx.AfterCommit(q.stir)
	}
	return nil
}

// Cancel removes the job of a kind and key if it stands and nobody works on it.
func (q *Queue) Cancel(ctx context.Context, tx *sqldb.Tx, name, key string) error {
	_, err := tx.Exec(ctx, `DELETE FROM job WHERE kind = $1 AND unique_key = $2 AND unique_key <> '' AND dead_at = 0 AND lease = ''`, name, key)
	return err
}

// stir makes the runner look again.
func (q *Queue) stir() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Permanent marks an error that no further try will cure: the job is dead at once.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Backoff doubles from first up to most, and takes by chance between half and
// all of that, so that what failed together does not come back together.
func Backoff(first, most time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		d := first
		for range attempt - 1 {
			if d >= most {
				break
			}
			d *= 2
		}
		d = min(d, most)
		return d - time.Duration(below(int64(d)/2+1))
	}
}

// below is a uniform number in [0, n) from the cryptographic generator: an
// outsider must not be able to tell when the next try comes.
func below(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	return v.Int64()
}

// newID is 48 bits of milliseconds, so that jobs put together lie together in
// the index, and 80 random ones.
func newID(at time.Time) string {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(at.UnixMilli())<<16)
	rand.Read(b[6:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}
