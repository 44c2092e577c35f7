package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// pipesMost is how many round trips for reads are on their way at once.
	pipesMost = 2
	// pipeMost is how many reads share one.
	pipeMost = 64
)

// reads lets reads of one row that come at the same time share a round trip to
// PostgreSQL: who finds all pipes busy waits, and the next pipe takes all who
// wait. Each read begins after it was asked for, so none sees less than it would
// have seen alone; nothing is kept. What a read costs on both sides is mostly the
// round trip.
type reads struct {
	pool    *sql.DB
	waitFor time.Duration

	mu      sync.Mutex
	waiting []*read
	pipes   int // on their way
}

// read is one read of one row.
type read struct {
	query string
	args  []any
	into  []any
	err   error
	turn  chan bool // true: it was answered; false: take the pipe
}

// one reads one row. ctx counts until it begins.
func (g *reads) one(ctx context.Context, into []any, query string, args []any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &read{query: query, args: args, into: into, turn: make(chan bool, 1), err: errNotAsked}
	g.mu.Lock()
	free := g.pipes < pipesMost
	if free {
		g.pipes++
	} else {
		g.waiting = append(g.waiting, r)
	}
	g.mu.Unlock()
	if free || !<-r.turn {
		g.pipe(r)
	}
	return r.err
}

// pipe asks for r and for those who wait, and hands the pipe on.
func (g *reads) pipe(r *read) {
	g.mu.Lock()
	n := min(len(g.waiting), pipeMost-1)
	batch := append([]*read{r}, g.waiting[:n]...)
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.mu.Unlock()

	defer func() { // also if a driver panics: the others must not wait forever
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.waiting) > 0 {
			g.waiting[0].turn <- false
			g.waiting = slices.Delete(g.waiting, 0, 1)
		} else {
			g.pipes--
		}
		for _, other := range batch[1:] {
			other.turn <- true
		}
	}()
	g.ask(batch)
}

// ask reads a batch in one round trip. A read that fails for another reason than
// an empty answer is asked again alone, because it may have failed for one beside it.
func (g *reads) ask(batch []*read) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*g.waitFor)
	defer cancel()
	if len(batch) > 1 {
		g.together(ctx, batch)
	}
	for _, r := range batch {
		if len(batch) == 1 || r.err != nil && r.err != ErrNone {
			r.err = g.pool.QueryRowContext(ctx, r.query, r.args...).Scan(r.into...)
		}
	}
}

func (g *reads) together(ctx context.Context, batch []*read) {
	conn, err := g.pool.Conn(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Raw(func(c any) error { // what it answers stands in each read
		var b pgx.Batch
		for _, r := range batch {
			b.Queue(r.query, r.args...)
		}
		answers := c.(*stdlib.Conn).Conn().SendBatch(ctx, &b)
		defer answers.Close()
		for _, r := range batch {
			if r.err = answers.QueryRow().Scan(r.into...); errors.Is(r.err, pgx.ErrNoRows) {
				r.err = ErrNone
			}
		}
		return nil
	})
}

var errNotAsked = errors.New("sqldb: not asked")
