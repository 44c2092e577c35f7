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

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// openSQLite opens one writer, which begins IMMEDIATE, and a pool of readers
// that cannot write. WAL with synchronous=FULL: an acknowledged commit is on disk.
func openSQLite(ctx context.Context, cfg Config, c *clock.Clock) (*DB, error) {
	path := strings.TrimPrefix(cfg.URL, "sqlite:")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // S-164: nobody else reads the file
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	f.Close()
	w, err := newWriter(ctx, sqliteDSN(path, "wal_autocheckpoint(4000)"), cfg.WaitFor, c)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	readers, err := sql.Open("sqlite", sqliteDSN(path, "query_only(1)"))
	if err != nil {
		w.close()
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	n := cfg.Conns
	if n == 0 {
		n = max(4, runtime.GOMAXPROCS(0))
	}
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	db := &DB{engine: SQLite, clock: c, pool: readers, readers: newStmts(readers), writer: w, waitFor: cfg.WaitFor}
	var mode string
	if err := readers.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		db.Close()
		return nil, fmt.Errorf("sqldb: the file system of %s does not take a write-ahead log (%q, %w)", path, mode, err)
	}
	return db, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{}
	for _, p := range append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(2)", "cache_size(-4096)"}, pragmas...) {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// sqliteCode is the extended result code in err, 0 if there is none.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// isLocked: another process (or, for a reader, a recovery) is in the way.
func isLocked(err error) bool {
	code := sqliteCode(err) & 0xff
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

func isInputOutput(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_IOERR }

// isGroupLost: SQLite may have rolled back the outer transaction by itself
// (www.sqlite.org/lang_transaction.html, "Response to errors within a transaction").
// After that further statements would each commit alone.
func isGroupLost(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

func sqliteTaken(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || code == sqlite3.SQLITE_CONSTRAINT_ROWID
}
