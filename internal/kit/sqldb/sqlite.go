package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// groupMost bounds how many waiting transactions share one durable commit, and
// so how long the first of them can wait for the last.
const groupMost = 64

// openSQLite opens one writer, which begins IMMEDIATE, and a pool of readers
// that cannot write. WAL with synchronous=FULL: an acknowledged commit is on disk.
func openSQLite(ctx context.Context, cfg Config, c *clock.Clock) (*DB, error) {
	path := strings.TrimPrefix(cfg.URL, "sqlite:")
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil { // S-164: nobody else reads the file
		return nil, fmt.Errorf("sqldb: %w", err)
	} else {
		f.Close()
	}
	dsn := func(pragmas ...string) string {
		q := url.Values{}
		all := append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(2)", "cache_size(-4096)"}, pragmas...)
		for _, p := range all {
			q.Add("_pragma", p)
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	w, err := newWriter(ctx, dsn("wal_autocheckpoint(4000)"), cfg.WaitFor, c)
	if err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", dsn("query_only(1)"))
	if err != nil {
		w.close()
		return nil, err
	}
	n := cfg.Conns
	if n == 0 {
		n = max(4, runtime.GOMAXPROCS(0))
	}
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	db := &DB{engine: SQLite, clock: c, pool: readers, readers: newStmts(readers, rewrite), writer: w, waitFor: cfg.WaitFor}
	w.db = db
	if err := readers.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	return db, nil
}

// Close ends all connections after the transactions in flight.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.close()
	}
	return db.pool.Close()
}

// stmtCtx gives the context for statements inside a transaction. On SQLite an
// interrupted statement can roll back the whole group, so there the caller's
// cancellation does not reach the statement: it counts before the turn only.
func (db *DB) stmtCtx(ctx context.Context) context.Context {
	if db.engine == SQLite {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// writer is SQLite's one writing connection. Transactions queue for it; those
// that wait together run one after the other, each in a savepoint, inside one
// outer transaction, and are answered after its durable commit (group commit:
// 70,900 against 5,412 commits a second, docs/decisions/0004-group-commit.md).
type writer struct {
	db      *DB
	pool    *sql.DB
	conn    *sql.Conn
	stmts   *stmts
	clock   *clock.Clock
	waitFor time.Duration
	queue   chan *turn
	stop    chan struct{}
	stopped sync.WaitGroup
}

type turn struct {
	f     func(tx *Tx) error
	ctx   context.Context
	state chan struct{} // holds a token while the caller may still walk away
	done  chan error
	tx    *Tx
	err   error
}

func newWriter(ctx context.Context, dsn string, waitFor time.Duration, c *clock.Clock) (*writer, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	w := &writer{pool: pool, conn: conn, stmts: newStmts(conn, rewrite), clock: c, waitFor: waitFor,
		queue: make(chan *turn, 4*groupMost), stop: make(chan struct{})}
	w.stopped.Add(1)
	go w.run()
	return w, nil
}

func (w *writer) close() {
	close(w.stop)
	w.stopped.Wait()
	w.stmts.close()
	w.conn.Close()
	w.pool.Close()
}

// do queues f and waits for its commit. A caller whose context ends before its
// turn leaves the queue; once the turn has begun it waits for the answer,
// because only then it is known.
func (w *writer) do(ctx context.Context, f func(tx *Tx) error) error {
	t := &turn{f: f, ctx: ctx, state: make(chan struct{}, 1), done: make(chan error, 1)}
	t.state <- struct{}{}
	waited := time.NewTimer(w.waitFor)
	defer waited.Stop()
	select {
	case w.queue <- t:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stop:
		return ErrBusy
	case <-waited.C:
		return ErrBusy
	}
	for {
		select {
		case err := <-t.done:
			return err
		case <-ctx.Done():
			if t.leave() {
				return ctx.Err()
			}
			return <-t.done
		case <-waited.C:
			if t.leave() {
				return ErrBusy
			}
		}
	}
}

func (t *turn) leave() bool {
	select {
	case <-t.state:
		return true
	default:
		return false
	}
}

func (w *writer) run() {
	defer w.stopped.Done()
	for {
		select {
		case first := <-w.queue:
			w.group(first)
		case <-w.stop:
			for {
				select {
				case t := <-w.queue:
					if t.leave() {
						t.done <- ErrBusy
					}
				default:
					return
				}
			}
		}
	}
}

// group runs first and whoever is waiting by then, and answers them all.
func (w *writer) group(first *turn) {
	ctx := context.Background()
	if _, err := w.stmts.exec(ctx, "BEGIN IMMEDIATE", nil); err != nil {
		if first.leave() {
			first.done <- busy(err)
		}
		return
	}
	ran := make([]*turn, 0, groupMost)
	broken := error(nil)
	for t := first; t != nil && broken == nil; {
		if t.leave() { // else its caller has gone
			ran = append(ran, t)
			broken = w.one(ctx, t)
		}
		t = nil
		if len(ran) < groupMost {
			select {
			case t = <-w.queue:
			default:
			}
		}
	}
	err := broken
	if err == nil {
		_, err = w.stmts.exec(ctx, "COMMIT", nil)
	}
	if err != nil {
		w.stmts.exec(ctx, "ROLLBACK", nil)
	}
	for _, t := range ran {
		if err != nil {
			t.done <- busy(err)
			continue
		}
		if t.err == nil {
			for _, f := range t.tx.after {
				f()
			}
		}
		t.done <- t.err
	}
}

// one runs a turn inside its savepoint. The error it answers means that the
// outer transaction is gone (disk full, I/O error), not that the turn refused.
func (w *writer) one(ctx context.Context, t *turn) error {
	if _, err := w.stmts.exec(ctx, "SAVEPOINT one", nil); err != nil {
		return err
	}
	t.tx = &Tx{db: w.db, run: w.stmts, now: w.clock.Now(), write: true}
	t.err = guard(t.tx, t.f)
	if t.err != nil {
		if _, err := w.stmts.exec(ctx, "ROLLBACK TO one", nil); err != nil {
			return errors.Join(t.err, err)
		}
	}
	_, err := w.stmts.exec(ctx, "RELEASE one", nil)
	return err
}

// guard turns a panic of f into an error, so that one caller's fault does not
// take the writer down.
func guard(tx *Tx, f func(tx *Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sqldb: panic in a transaction: %v\n%s", p, stack())
		}
	}()
	return f(tx)
}

func stack() []byte {
	b := make([]byte, 8<<10)
	return b[:runtime.Stack(b, false)]
}

// busy marks errors that mean "nothing was done, try later".
func busy(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return errors.Join(ErrBusy, err)
		}
	}
	return err
}

func sqliteTaken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// rewrite turns $1 into ?1: SQLite takes $1 as a name numbered by first
// appearance, and two of three drivers then bind it wrongly without an error.
func rewrite(query string) string {
	if !strings.Contains(query, "$") {
		return query
	}
	b := []byte(query)
	quoted := false
	for i := range b {
		switch {
		case b[i] == '\'':
			quoted = !quoted
		case b[i] == '$' && !quoted:
			b[i] = '?'
		}
	}
	return string(b)
}
