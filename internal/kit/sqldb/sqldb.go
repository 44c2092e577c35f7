// Package sqldb is the one seam to the database: SQLite (embedded) and engines
// that speak PostgreSQL's protocol, under one portable SQL text. It holds the
// drivers, the transactions, the type words and which errors mean "taken" or
// "try again". It must never know a table. Nothing outside it opens a
// transaction, a savepoint or a driver.
//
// The portable text: $1, $2 ... bound by number; no now(), no database time, no
// FOR UPDATE without ForUpdate(), lists by In(); BIGINT, BOOLEAN, BYTEA and TEXT
// in DDL; times are BIGINT microseconds since 1970 (Micros, FromMicros).
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// Engine names the kind of database behind a DB.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Config says which database and how wide.
type Config struct {
	// URL is "sqlite:PATH" or "postgres://...".
	URL string
	// Readers is the number of reading connections on SQLite, or of all
	// connections on PostgreSQL. 0 picks a default.
	Conns int
	// WaitFor bounds how long a transaction waits for its turn. 0 is 5 s.
	WaitFor time.Duration
}

// Querier reads. DB (outside a transaction) and Tx are both Queriers, so that a
// store has one function for both.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	// ForUpdate is " FOR UPDATE" inside a writing transaction on PostgreSQL, else "".
	ForUpdate() string
	// SkipLocked is " FOR UPDATE SKIP LOCKED" where ForUpdate is not empty.
	SkipLocked() string
	// Now is the one time of the transaction, or the present time on a DB.
	Now() time.Time
}

// Tx is a running transaction. It is not safe for concurrent use and must not
// outlive the function it was given to.
type Tx struct {
	db     *DB
	run    runner
	now    time.Time
	write  bool
	writes int
	after  []func()
}

// runner is what sql.Tx, sql.Conn and our prepared statements share.
type runner interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
	queryRow(ctx context.Context, query string, args []any) *sql.Row
	script(ctx context.Context, text string) error
}

// ErrNone is what a Scan answers when there is no row.
var ErrNone = sql.ErrNoRows

// ErrBusy means that no turn came within Config.WaitFor; nothing was done.
var ErrBusy = errors.New("sqldb: the database is busy")

// ErrUnknownOutcome means that the connection broke during COMMIT: the
// transaction is either whole or absent. Ids chosen by us make repeating safe.
var ErrUnknownOutcome = errors.New("sqldb: the outcome of the commit is unknown")

// ErrAgain is what a store answers inside InTx when a conditional write shows
// that another transaction was first: InTx runs the function again.
var ErrAgain = errors.New("sqldb: another transaction was first")

// Now is the one time of this transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// Writes counts the statements that changed something so far. The journey
// runner uses it to prove that a refusal wrote nothing but what it counted.
func (tx *Tx) Writes() int { return tx.writes }

// AfterCommit runs f once the transaction is durable; never if it is not.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Exec runs a statement and answers how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.run.exec(tx.db.stmtCtx(ctx), query, args)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if n > 0 {
		tx.writes++
	}
	return n, err
}

// Query reads rows.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.run.query(tx.db.stmtCtx(ctx), query, args)
}

// QueryRow reads one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.run.queryRow(tx.db.stmtCtx(ctx), query, args)
}

// ForUpdate locks the rows read until the end of the transaction.
func (tx *Tx) ForUpdate() string {
	if tx.write && tx.db.engine == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// SkipLocked locks the rows read and passes over those that others hold.
func (tx *Tx) SkipLocked() string {
	if tx.write && tx.db.engine == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// DB is an open database.
type DB struct {
	engine  Engine
	clock   *clock.Clock
	pool    *sql.DB // PostgreSQL: all connections; SQLite: the readers
	readers runner
	writer  *writer // SQLite only
	waitFor time.Duration
}

// Open opens the database and checks that it answers. It creates no tables.
func Open(ctx context.Context, cfg Config, c *clock.Clock) (*DB, error) {
	if cfg.WaitFor == 0 {
		cfg.WaitFor = 5 * time.Second
	}
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		return openSQLite(ctx, cfg, c)
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		return openPostgres(ctx, cfg, c)
	}
	return nil, fmt.Errorf("sqldb: the database URL begins with neither sqlite: nor postgres://")
}

// Engine tells which engine this is.
func (db *DB) Engine() Engine { return db.engine }

// Now is the present time.
func (db *DB) Now() time.Time { return db.clock.Now() }

// ForUpdate is "": outside a transaction nothing is locked.
func (db *DB) ForUpdate() string { return "" }

// SkipLocked is "".
func (db *DB) SkipLocked() string { return "" }

// Query reads rows outside a transaction.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.readers.query(ctx, query, args)
}

// QueryRow reads one row outside a transaction.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return db.readers.queryRow(ctx, query, args)
}

// Ping asks the database whether it answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// InTx runs f in a writing transaction and commits if f answers nil. f may run
// more than once (a lost race is tried again), so it must not have effects
// outside the transaction except through AfterCommit. f must not wait for the
// network. A success answer means that the commit is durable.
func (db *DB) InTx(ctx context.Context, f func(tx *Tx) error) error {
	if db.writer != nil {
		return db.writer.do(ctx, f)
	}
	return db.inPostgresTx(ctx, f)
}

// Micros is how times stand in the store. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the reverse of Micros.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// In writes "($from, $from+1, ...)" with n places, n of at least 1.
func In(from, n int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	b.WriteByte(')')
	return b.String()
}

// Values writes "($1,$2),($3,$4)" for rows of width columns.
func Values(rows, width int) string {
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteString(In(r*width+1, width))
	}
	return b.String()
}
