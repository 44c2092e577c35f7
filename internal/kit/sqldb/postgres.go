package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// triesMost bounds how often a lost race is run again.
const triesMost = 8

func openPostgres(ctx context.Context, cfg Config, c *clock.Clock) (*DB, error) {
	pool, err := sql.Open("pgx", cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	n := cfg.Conns
	if n == 0 {
		n = 20
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	// pgx keeps its own cache of prepared statements on each connection.
	return &DB{engine: Postgres, clock: c, pool: pool, readers: plain{pool}, waitFor: cfg.WaitFor}, nil
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

func (db *DB) inPostgresTx(ctx context.Context, f func(tx *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*db.waitFor)
	defer cancel()
	for try := 1; ; try++ {
		err := db.onePostgresTx(ctx, f)
		if err == nil || !retryable(err) || try == triesMost {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 6)))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(ErrBusy, err)
		}
	}
}

func (db *DB) onePostgresTx(ctx context.Context, f func(tx *Tx) error) error {
	sqlTx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		if ctx.Err() != nil {
			return errors.Join(ErrBusy, err)
		}
		return err
	}
	tx := &Tx{db: db, run: plain{sqlTx}, now: db.clock.Now(), write: true}
	if err := guard(tx, f); err != nil {
		sqlTx.Rollback()
		var e *pgconn.PgError
		if errors.As(err, &e) && e.Code == "55P03" { // lock_timeout
			return errors.Join(ErrBusy, err)
		}
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		if retryable(err) && !isConnection(err) {
			return err
		}
		return errors.Join(ErrUnknownOutcome, err)
	}
	for _, after := range tx.after {
		after()
	}
	return nil
}

// retryable: serialization failure, deadlock, or a connection that broke before COMMIT.
func retryable(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) {
		return false
	}
	if errors.Is(err, ErrAgain) {
		return true
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code == "40001" || e.Code == "40P01" || isConnection(err)
	}
	return isConnection(err)
}

func isConnection(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return strings.HasPrefix(e.Code, "08") || e.Code == "57P01" || e.Code == "57P02" || e.Code == "57P03"
	}
	var c *pgconn.ConnectError
	return errors.As(err, &c) || pgconn.SafeToRetry(err)
}

// Taken tells whether err says that a unique value is already there.
func Taken(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code == "23505"
	}
	return sqliteTaken(err)
}
