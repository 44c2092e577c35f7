package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

const (
	// triesMost bounds how often a transaction is run that others keep overtaking.
	triesMost = 50
	// pauseMost bounds the pause between two tries.
	pauseMost = 64 * time.Millisecond
)

func openPostgres(ctx context.Context, cfg Config, c *clock.Clock) (*DB, error) {
	conf, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("sqldb: the database URL cannot be read") // pgx's error repeats parts of it
	}
	bounds(conf.RuntimeParams, cfg.WaitFor)
	pool := stdlib.OpenDB(*conf)
	n := cfg.Conns
	if n == 0 {
		n = 20
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := checkPostgres(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	// pgx keeps its own cache of prepared statements on each connection.
	return &DB{engine: Postgres, clock: c, pool: pool, readers: plain{pool}, waitFor: cfg.WaitFor,
		reads: &reads{pool: pool, waitFor: cfg.WaitFor}}, nil
}

// bounds asks the server to end what takes too long, unless the URL says otherwise.
func bounds(params map[string]string, waitFor time.Duration) {
	for name, value := range map[string]string{
		"application_name":                    "selfsame",
		"lock_timeout":                        millis(waitFor),
		"statement_timeout":                   millis(2 * waitFor),
		"idle_in_transaction_session_timeout": millis(4 * waitFor),
	} {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// checkPostgres refuses a server that forgets commits or cannot hold every name.
func checkPostgres(ctx context.Context, pool *sql.DB) error {
	var commit, encoding string
	err := pool.QueryRowContext(ctx, `SELECT current_setting('synchronous_commit'), current_setting('server_encoding')`).Scan(&commit, &encoding)
	switch {
	case err != nil:
		return err
	case commit == "off":
		return errors.New("the server has synchronous_commit = off and may forget what it acknowledged")
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s, not UTF8", encoding)
	}
	return nil
}

// plain runs statements as they stand on a pool or a transaction.
type plain struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
}

func (p plain) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return p.on.ExecContext(ctx, query, args...)
}
func (p plain) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return p.on.QueryContext(ctx, query, args...)
}
func (p plain) queryRow(ctx context.Context, query string, args []any) *sql.Row {
	return p.on.QueryRowContext(ctx, query, args...)
}

// script works because pgx sends statements without arguments by the simple protocol.
func (p plain) script(ctx context.Context, text string) error {
	_, err := p.on.ExecContext(ctx, text)
	return err
}

// inPostgresTx runs f until it commits, fails for good, or time is up: waitFor
// for lost races, a fifth of it for a server that cannot be reached, so that a
// short restart is not seen and a long one does not pile up callers.
func (db *DB) inPostgresTx(ctx context.Context, most time.Duration, f func(tx *Tx) error) error {
	elapsed := clock.Stopwatch()
	for try := 1; ; try++ {
		err := db.onePostgresTx(ctx, most, f)
		switch {
		case err == nil, errors.Is(err, ErrUnknownOutcome):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("sqldb: nothing was done: %w", ctx.Err())
		case isLostRace(err) && elapsed() < db.waitFor && try < triesMost:
		case isConnection(err) && elapsed() < db.waitFor/5:
		case isLostRace(err), Busy(err):
			return errors.Join(ErrBusy, err)
		default:
			return err
		}
		pause := time.NewTimer(pauseBefore(try))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("sqldb: nothing was done: %w", ctx.Err())
		}
	}
}

// pauseBefore spreads the tries of those that lost together.
func pauseBefore(try int) time.Duration {
	most := min(time.Millisecond<<min(try, 10), pauseMost)
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)))
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	return time.Duration(n.Int64())
}

func (db *DB) onePostgresTx(ctx context.Context, most time.Duration, f func(tx *Tx) error) error {
	sqlTx, own, end, err := db.beginPostgres(ctx, most)
	if err != nil {
		return err
	}
	defer end()
	tx, committed := &Tx{engine: Postgres, run: plain{sqlTx}, now: db.clock.Now()}, false
	defer func() { tx.ended(committed) }()
	defer sqlTx.Rollback() // after Commit it does nothing
	err = tx.call(f)
	failed := tx.failed
	tx.fail(errOver)
	if err != nil {
		if failed != nil && !errors.Is(err, failed) {
			return errors.Join(err, failed) // what the statement said decides about another try
		}
		return err
	}
	if own.Err() != nil || ctx.Err() != nil {
		return errors.Join(ErrBusy, own.Err()) // of the caller's end inPostgresTx knows
	}
	if err := sqlTx.Commit(); err != nil {
		return commitFailed(err)
	}
	committed = true
	return nil
}

// beginPostgres waits for a connection as long as ctx and waitFor allow. The
// transaction's own context then lives on after ctx, because a COMMIT that is
// given up halfway has an unknown outcome. end gives up what is left of it.
func (db *DB) beginPostgres(ctx context.Context, most time.Duration) (sqlTx *sql.Tx, own context.Context, end func(), err error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	follow := context.AfterFunc(ctx, cancel)
	timer := time.AfterFunc(db.waitFor, cancel)
	sqlTx, err = db.pool.BeginTx(own, nil)
	timely := timer.Stop()
	if !follow() || !timely || err != nil {
		if err == nil {
			sqlTx.Rollback()
		}
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, nil, nil, ctx.Err()
		case !timely:
			return nil, nil, nil, errors.Join(ErrBusy, err)
		}
		return nil, nil, nil, err
	}
	if most > 0 {
		timer.Reset(most)
	}
	return sqlTx, own, func() { timer.Stop(); cancel() }, nil
}

// commitFailed sorts what COMMIT said: surely absent, or unknown. An error
// message of a plain server means that it rolled back; those of a connection, of
// a distributed engine's coordinator (XX000 on Citus, 40003 on CockroachDB) and
// of the file system do not say. pgconn.SafeToRetry must not be asked here: in pgx
// 5.12 a connection that breaks after "commit" was sent answers "conn closed",
// which it calls safe.
func commitFailed(err error) error {
	var e *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return err
	case errors.As(err, &e) && e.SeverityUnlocalized == "ERROR" && !isConnection(err) &&
		e.Code != "40003" && !strings.HasPrefix(e.Code, "XX") && !strings.HasPrefix(e.Code, "58"):
		return err
	}
	return errors.Join(ErrUnknownOutcome, err)
}

func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// isLostRace: a serialization failure, a deadlock, or a store that says so.
func isLostRace(err error) bool {
	code := postgresCode(err)
	return code == "40001" || code == "40P01" || errors.Is(err, ErrAgain)
}

// isOverload: no lock in time, no time left, no connection left, or ending.
func isOverload(err error) bool {
	switch postgresCode(err) {
	case "55P03", "57014", "53300", "25P03":
		return true
	}
	return false
}

// isConnection: the connection could not be made or has broken.
func isConnection(err error) bool {
	if code := postgresCode(err); code != "" {
		return strings.HasPrefix(code, "08") || code == "57P01" || code == "57P02" || code == "57P03"
	}
	var c *pgconn.ConnectError
	var n *net.OpError
	return errors.As(err, &c) || errors.As(err, &n) || pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func postgresTaken(err error) bool { return postgresCode(err) == "23505" }
