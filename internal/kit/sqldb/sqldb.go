// Package sqldb holds the one seam to the database: SQLite (embedded) and
// engines that speak PostgreSQL's protocol, under one portable SQL text; the
// drivers, the transactions, the migrations and which errors mean "taken",
// "busy" or "try again". It must never know a table but its own. Nothing outside
// it opens a transaction, a savepoint or a driver.
//
// The portable text: $1, $2 ... bound by number; no now(), no database time, no
// FOR UPDATE without ForUpdate(), lists by In(); BIGINT, BOOLEAN, BYTEA and TEXT
// in DDL; times are BIGINT microseconds since 1970 (Micros, FromMicros). Rows
// are read to their end and closed before the next statement of a transaction.
//
// It owns the table schema_migration.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	// URL is "sqlite:PATH" or "postgres://...". Run-time parameters in a PostgreSQL
	// URL (statement_timeout=30s) win over those that are set here.
	URL string
	// Conns is the number of reading connections on SQLite (default: one a
	// processor, at least 4), or of all connections on PostgreSQL (default: 20).
	Conns int
	// WaitFor bounds how long a transaction waits for its turn, its connection or a
	// lock. 0 is 5 s. On PostgreSQL a statement may take twice as long.
	WaitFor time.Duration
}

// ErrNone is what a Scan answers when there is no row.
var ErrNone = sql.ErrNoRows

// ErrBusy means that nothing was done because no turn, connection or lock came
// in time, or the database cannot be reached. Trying later may help.
var ErrBusy = errors.New("sqldb: the database is busy")

// ErrUnknownOutcome means that the connection broke during COMMIT: the
// transaction is either whole or absent. Ids chosen by us make repeating safe.
var ErrUnknownOutcome = errors.New("sqldb: the outcome of the commit is unknown")

// ErrAgain is what a store answers inside InTx when a conditional write shows
// that another transaction was first: InTx runs the function again.
var ErrAgain = errors.New("sqldb: another transaction was first")

// errOver is what a Tx answers after the function it was given to returned.
var errOver = errors.New("sqldb: the transaction is over")

// errEnded is what InTx answers after Close.
var errEnded = errors.New("sqldb: the database was closed")

// DB is an open database.
type DB struct {
	engine  Engine
	clock   *clock.Clock
	pool    *sql.DB // PostgreSQL: all connections; SQLite: the readers
	readers runner
	writer  *writer // SQLite only
	reads   *reads  // PostgreSQL only
	waitFor time.Duration
}

// Open opens the database and checks that it answers and keeps what it is given
// . It creates no tables.
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
	return nil, errors.New("sqldb: the database URL begins with neither sqlite: nor postgres://")
}

// Close ends all connections after the transactions in flight. A transaction
// that comes later gets an error.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.close()
	}
	if s, ok := db.readers.(*stmts); ok {
		s.close()
	}
	return db.pool.Close()
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

// QueryRow reads one row outside a transaction. On SQLite ctx counts until the
// read begins: it takes microseconds, and to watch ctx meanwhile would take two
// goroutines and a third of the read's time.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if db.engine == SQLite && ctx.Err() == nil {
		ctx = context.Background()
	}
	return db.readers.queryRow(ctx, query, args)
}

// Read reads one row outside a transaction. ctx counts until the read begins.
func (db *DB) Read(ctx context.Context, into []any, query string, args ...any) error {
	if db.reads != nil {
		return db.reads.one(ctx, into, query, args)
	}
	return db.QueryRow(ctx, query, args...).Scan(into...)
}

// Ping asks the database whether it answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// Check looks for damage in an SQLite file and answers what it found. It
// reads the whole file, so ctx bounds it; a check cut short answers ctx's error.
// On PostgreSQL it only asks whether the server answers.
func (db *DB) Check(ctx context.Context) error {
	if db.engine != SQLite {
		return db.Ping(ctx)
	}
	var found string
	if err := db.readers.queryRow(ctx, "PRAGMA quick_check(1)", nil).Scan(&found); err != nil {
		return fmt.Errorf("sqldb: checking the file: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("sqldb: the file is damaged: %s", found)
	}
	return nil
}

// InTx runs f in a writing transaction and commits if f answers nil and no
// statement failed (a failed statement spoils the transaction on both engines).
// f may run more than once (a lost race is tried again), so it must not have
// effects outside the transaction except through AfterCommit. f must not wait
// for the network nor call InTx.
//
// A success answer means that the commit is durable. ErrBusy means that
// nothing was done, ErrUnknownOutcome that it is not known. If ctx ends before
// f began, or on PostgreSQL before the commit, nothing is done and ctx's error is
// answered; a commit that has begun is never given up. A panic of f undoes
// the transaction, touches no other, and goes on in the caller.
func (db *DB) InTx(ctx context.Context, f func(tx *Tx) error) error {
	return db.inTx(ctx, 4*db.waitFor, f)
}

// inTx is InTx with a bound on the whole transaction on PostgreSQL; 0 is none.
func (db *DB) inTx(ctx context.Context, most time.Duration, f func(tx *Tx) error) error {
	if db.writer != nil {
		return db.writer.do(ctx, f)
	}
	return db.inPostgresTx(ctx, most, f)
}

// Taken tells whether err says that a unique value is already there.
func Taken(err error) bool { return postgresTaken(err) || sqliteTaken(err) }

// Busy tells whether err says that the database was too busy or out of reach, so
// that a later try may succeed: ErrBusy, and what reads outside a transaction
// answer in the same cases.
func Busy(err error) bool {
	return errors.Is(err, ErrBusy) || isConnection(err) || isOverload(err) || isLocked(err)
}
