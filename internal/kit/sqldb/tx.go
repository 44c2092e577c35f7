package sqldb

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Querier reads. DB (outside a transaction) and Tx are both Queriers, so that a
// store has one function for both.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	// Read reads one row into the places given, as Scan does, or answers ErrNone.
	// Outside a transaction, reads of that kind that come at the same time may
	// share a round trip: it is for look-ups by a key, not for what takes long.
	Read(ctx context.Context, into []any, query string, args ...any) error
	// ForUpdate is " FOR UPDATE" inside a transaction on PostgreSQL, else "".
	ForUpdate() string
	// SkipLocked is " FOR UPDATE SKIP LOCKED" where ForUpdate is not empty.
	SkipLocked() string
	// Now is the one time of the transaction, or the present time on a DB.
	Now() time.Time
}

// runner is what a connection, a transaction and our prepared statements share.
type runner interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
	queryRow(ctx context.Context, query string, args []any) *sql.Row
	script(ctx context.Context, text string) error
}

// Tx is a running transaction. It is not safe for concurrent use and ends with
// the function it was given to.
type Tx struct {
	engine Engine
	run    runner
	now    time.Time
	writes int
	after  []func()
	undone []func()
	failed error // of the first statement that failed: the transaction is spoiled

	// On SQLite: opens the savepoint that can undo this transaction alone. It runs
	// before the first statement that may write, because half of all transactions
	// that are refused have written nothing.
	save func() error
}

// Now is the one time of this transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// Writes counts the statements that changed something so far. The journey
// runner uses it to prove that a refusal wrote nothing but what it counted. A
// writing statement that answers rows (RETURNING) counts even if it changed none.
func (tx *Tx) Writes() int { return tx.writes }

// AfterCommit runs f once the transaction is durable; never if it is not. It
// runs in the goroutine of InTx's caller, before InTx returns.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// AfterUndo runs f in place of AfterCommit's: the transaction was undone, or
// nobody knows what became of it. It runs in the goroutine of InTx's caller,
// before InTx returns or runs its function again.
func (tx *Tx) AfterUndo(f func()) { tx.undone = append(tx.undone, f) }

// ended runs what was kept for this outcome.
func (tx *Tx) ended(committed bool) {
	kept := tx.undone
	if committed {
		kept = tx.after
	}
	for _, f := range kept {
		f()
	}
}

// Exec runs a statement and answers how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, err := tx.ready(ctx, true)
	if err != nil {
		return 0, err
	}
	res, err := tx.run.exec(ctx, query, args)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := res.RowsAffected()
	if n > 0 {
		tx.writes++
	}
	return n, err
}

// Query reads rows, or runs a writing statement with RETURNING.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	writes := !isSelect(query)
	ctx, err := tx.ready(ctx, writes)
	if err != nil {
		return nil, err
	}
	rows, err := tx.run.query(ctx, query, args)
	if err != nil {
		return nil, tx.fail(err)
	}
	if writes {
		tx.writes++
	}
	return rows, nil
}

// QueryRow reads one row, or runs a writing statement with RETURNING.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	writes := !isSelect(query)
	ctx, err := tx.ready(ctx, writes)
	if err != nil { // the Row says "context canceled"; InTx answers the error itself
		return tx.run.queryRow(canceled, query, args)
	}
	row := tx.run.queryRow(ctx, query, args)
	if err := row.Err(); err != nil {
		tx.fail(err)
	} else if writes {
		tx.writes++
	}
	return row
}

// Read reads one row.
func (tx *Tx) Read(ctx context.Context, into []any, query string, args ...any) error {
	return tx.QueryRow(ctx, query, args...).Scan(into...)
}

// canceled makes database/sql answer a Row that holds an error.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// ForUpdate locks the rows read until the end of the transaction.
func (tx *Tx) ForUpdate() string {
	if tx.engine == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// SkipLocked locks the rows read and passes over those that others hold.
func (tx *Tx) SkipLocked() string {
	if tx.engine == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// script runs statements without arguments, not prepared.
func (tx *Tx) script(ctx context.Context, text string) error {
	ctx, err := tx.ready(ctx, true)
	if err != nil {
		return err
	}
	if err := tx.run.script(ctx, text); err != nil {
		return tx.fail(err)
	}
	return nil
}

// ready prepares for a statement and gives its context. On SQLite the caller's
// cancellation does not reach a statement, because an interrupted one rolls back
// the whole group: there it counts before the turn only.
func (tx *Tx) ready(ctx context.Context, writes bool) (context.Context, error) {
	if tx.failed != nil {
		return nil, tx.failed
	}
	if tx.engine == Postgres {
		return ctx, nil
	}
	if writes && tx.save != nil {
		if err := tx.save(); err != nil {
			return nil, tx.fail(err)
		}
		tx.save = nil
	}
	return context.Background(), nil
}

func (tx *Tx) fail(err error) error {
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

// call runs f. What it answers is f's error, or that of a failed statement which
// f passed over: PostgreSQL would refuse to commit, and so do we on SQLite.
func (tx *Tx) call(f func(tx *Tx) error) error {
	if err := f(tx); err != nil {
		return err
	}
	return tx.failed
}

// isSelect is true for a statement that surely only reads.
func isSelect(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n(")
	return len(query) > 6 && strings.EqualFold(query[:6], "SELECT") && !isWordByte(query[6])
}
