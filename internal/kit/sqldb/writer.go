package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

const (
	// groupMost bounds how many transactions share one durable commit, and so how
	// long the first of them can wait for the last.
	groupMost = 64
	// queueMost is how many may wait beyond that before callers wait to wait.
	queueMost = 4 * groupMost
	// lockedPause is between two tries to begin while another process writes. A
	// process that writes without a break leaves the lock for moments only, so it
	// must be short to come by one of them.
	lockedPause = 500 * time.Microsecond
)

// writer is SQLite's one writing connection. Transactions queue for it; those
// that wait together run one after the other, each undone alone by a savepoint
// if it fails, inside one outer transaction, and are answered after its durable
// commit (group commit, docs/decisions/0004-group-commit.md).
//
// Each transaction's function runs in the goroutine of its caller while the
// writer's goroutine waits, so that a panic or an exit there is the caller's own.
type writer struct {
	pool    *sql.DB
	conn    *sql.Conn
	stmts   *stmts
	clock   *clock.Clock
	waitFor time.Duration
	queue   chan *turn
	stop    chan struct{} // closed by close
	ended   chan struct{} // closed when the goroutine has ended
	closing sync.Once
	turns   sync.Pool
	last    int // how many shared the last commit
}

// turn is one transaction's place in the queue.
type turn struct {
	state atomic.Int32
	tx    *Tx
	err   error         // of the function; read by the writer after ran
	begin chan struct{} // writer to caller: run now
	ran   chan struct{} // caller to writer: it has run
	done  chan error    // writer to caller: the outcome
	timer *time.Timer
}

// The states of a turn. Whoever moves it out of waiting decides.
const (
	waiting int32 = iota
	taken
	left
)

func newWriter(ctx context.Context, dsn string, waitFor time.Duration, c *clock.Clock) (*writer, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	w := &writer{pool: pool, conn: conn, stmts: newStmts(conn), clock: c, waitFor: waitFor,
		queue: make(chan *turn, queueMost), stop: make(chan struct{}), ended: make(chan struct{})}
	// From here on the writer itself waits for locks: it must see who has gone meanwhile.
	if err := w.stmts.script(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		conn.Close()
		pool.Close()
		return nil, err
	}
	w.turns.New = func() any {
		t := &turn{begin: make(chan struct{}, 1), ran: make(chan struct{}, 1), done: make(chan error, 1), timer: time.NewTimer(time.Hour)}
		t.timer.Stop()
		return t
	}
	go w.run()
	return w, nil
}

func (w *writer) close() {
	w.closing.Do(func() {
		close(w.stop)
		<-w.ended
		w.stmts.close()
		w.conn.Close()
		w.pool.Close()
	})
}

// do runs f in its turn and waits for the commit. ErrAgain is answered only by
// conditional writes that lost, which cannot happen behind one writer, but
// another process may have been first.
func (w *writer) do(ctx context.Context, f func(tx *Tx) error) error {
	for try := 1; ; try++ {
		err := w.once(ctx, f)
		if err == nil || !errors.Is(err, ErrAgain) || try == triesMost {
			return err
		}
	}
}

func (w *writer) once(ctx context.Context, f func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := w.turns.Get().(*turn)
	t.timer.Reset(w.waitFor)
	defer t.timer.Stop()
	t.state.Store(waiting)
	select {
	case w.queue <- t:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stop:
		return errEnded
	case <-t.timer.C:
		return ErrBusy
	}
	select {
	case <-t.begin:
	case <-ctx.Done():
		if t.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		<-t.begin
	case <-t.timer.C:
		if t.state.CompareAndSwap(waiting, left) {
			return ErrBusy
		}
		<-t.begin
	case <-w.ended:
		return errEnded
	}
	if t.tx == nil { // no transaction could begin
		return w.finish(t)
	}
	w.call(t, f)
	return w.finish(t)
}

// call runs f and tells the writer, also if f panics or ends its goroutine.
func (w *writer) call(t *turn, f func(tx *Tx) error) {
	returned := false
	t.err = errors.New("sqldb: the transaction's function did not return")
	defer func() {
		tx := t.tx
		t.ran <- struct{}{}
		if !returned { // finish is not reached
			tx.ended(false)
		}
	}()
	t.err = t.tx.call(f)
	returned = true
}

// finish waits for the outcome and gives the turn back for the next.
func (w *writer) finish(t *turn) error {
	err := <-t.done
	tx := t.tx
	t.tx, t.err = nil, nil
	w.turns.Put(t)
	if tx != nil {
		tx.ended(err == nil)
	}
	return err
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.queue:
			w.group(first)
		case <-w.stop:
			return // whoever still waits sees that it ended
		}
	}
}

// take gives a turn to the writer, if its caller has not gone.
func (t *turn) take() bool { return t.state.CompareAndSwap(waiting, taken) }

// begin opens the outer transaction for first, waiting while another process
// holds the lock as long as first waits. It answers false when there is no
// transaction: first has gone, or has been told why.
func (w *writer) begin(ctx context.Context, first *turn) bool {
	for {
		_, err := w.stmts.exec(ctx, "BEGIN IMMEDIATE", nil)
		if err == nil {
			return true
		}
		if !isLocked(err) {
			if first.take() {
				first.begin <- struct{}{}
				first.done <- err
			}
			return false
		}
		pause := time.NewTimer(lockedPause)
		select {
		case <-pause.C:
		case <-w.stop:
			pause.Stop()
			return false
		}
		if first.state.Load() == left {
			return false
		}
	}
}

// group runs first and whoever waits by then, and answers them all.
func (w *writer) group(first *turn) {
	ctx := context.Background()
	if first.state.Load() == left || !w.begin(ctx, first) {
		return
	}
	members := make([]*turn, 0, groupMost)
	broken := false
	for t := first; t != nil; t = w.another(len(members)) {
		if t.take() {
			members = append(members, t)
			if broken = w.member(ctx, t); broken {
				break
			}
		}
	}
	w.last = len(members)
	var err error
	if broken {
		err = errors.Join(ErrBusy, errors.New("sqldb: the database failed in a transaction beside this one"))
	} else {
		err = w.commit(ctx)
	}
	if err != nil {
		w.stmts.exec(ctx, "ROLLBACK", nil) // fails if SQLite has rolled back by itself
	}
	for _, t := range members {
		if t.err != nil {
			t.done <- t.err
		} else {
			t.done <- err
		}
	}
}

// commit answers what kind of failure it was. After a failed write or sync of
// the log a crash may still find the transaction whole in it.
func (w *writer) commit(ctx context.Context) error {
	_, err := w.stmts.exec(ctx, "COMMIT", nil)
	switch {
	case isLocked(err):
		return errors.Join(ErrBusy, err)
	case isInputOutput(err):
		return errors.Join(ErrUnknownOutcome, err)
	}
	return err
}

// another is the next turn of a group of n, or nil to commit. Those who were
// answered after the last commit are about to come back: the processor is given
// to them once, else every other commit would be of one (measured at 32 callers:
// 17 transactions a commit without, 30 with).
func (w *writer) another(n int) *turn {
	for yielded := false; n < groupMost; yielded = true {
		select {
		case t := <-w.queue:
			return t
		default:
		}
		if yielded || n >= w.last {
			return nil
		}
		runtime.Gosched()
	}
	return nil
}

// member runs one turn, undoing it alone if it failed. It answers true if the
// outer transaction may be gone with it (disk full, I/O error).
func (w *writer) member(ctx context.Context, t *turn) (broken bool) {
	saved := false
	t.tx = &Tx{engine: SQLite, run: w.stmts, now: w.clock.Now(), save: func() error {
		_, err := w.stmts.exec(ctx, "SAVEPOINT one", nil)
		saved = err == nil
		return err
	}}
	t.begin <- struct{}{}
	<-t.ran
	spoiled := t.tx.failed
	t.tx.fail(errOver)
	if isGroupLost(spoiled) {
		return true
	}
	if !saved {
		return false
	}
	if t.err != nil {
		if _, err := w.stmts.exec(ctx, "ROLLBACK TO one", nil); err != nil {
			return true
		}
	}
	if _, err := w.stmts.exec(ctx, "RELEASE one", nil); err != nil {
		t.err = errors.Join(t.err, err)
		return true
	}
	return false
}
