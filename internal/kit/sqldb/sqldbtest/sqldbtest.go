// Package sqldbtest holds what store tests need: a fresh, migrated database on
// each engine and a clock that stands still. It must never be imported outside
// tests.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// PostgresEnv names the environment variable with the URL of a PostgreSQL
// server on which tests may create schemas.
const PostgresEnv = "SELFSAME_TEST_POSTGRES"

// Start is when the clocks of tests stand.
var Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Each runs f as the subtests "sqlite", on a file of its own, and "postgres", in
// a schema of its own on the server that SELFSAME_TEST_POSTGRES names (skipped
// if it names none). All migrations are applied and the clock stands at Start.
func Each(t *testing.T, f func(t *testing.T, db *sqldb.DB, c *clock.Clock)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{"sqlite": SQLiteURL, "postgres": PostgresURL} {
		t.Run(name, func(t *testing.T) {
			c := clock.At(Start)
			db := Open(t, url(t), c)
			Migrate(t, db)
			f(t, db, c)
		})
	}
}

// SQLite is a fresh, migrated SQLite database with the given clock, for
// benchmarks and for tests in which the engine does not matter.
func SQLite(t testing.TB, c *clock.Clock) *sqldb.DB {
	t.Helper()
	db := Open(t, SQLiteURL(t), c)
	Migrate(t, db)
	return db
}

// Open opens the database at url and closes it at the end of the test.
func Open(t testing.TB, url string, c *clock.Clock) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url}, c)
	if err != nil {
		t.Fatalf("opening the database: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Migrate applies all migrations.
func Migrate(t testing.TB, db *sqldb.DB) {
	t.Helper()
	if _, err := db.Migrate(t.Context(), schema.Migrations()); err != nil {
		t.Fatalf("migrating: %v", err)
	}
}

// SQLiteURL names a file that is not there yet and is gone after the test. A
// second database opened on it shares it, like a second process would.
func SQLiteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// PostgresURL names a schema that was just created and is gone after the test;
// it skips the test if there is no server to try.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(PostgresEnv)
	if server == "" {
		t.Skip(PostgresEnv + " names no server")
	}
	schema := "test_" + strings.ToLower(rand.Text()[:16])
	runScript(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { runScript(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresEnv)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

var admin struct {
	sync.Mutex
	db *sqldb.DB
}

// runScript uses one connection for all tests of the program, which is why it is
// never closed.
func runScript(t testing.TB, server, script string) {
	t.Helper()
	admin.Lock()
	defer admin.Unlock()
	if admin.db == nil {
		db, err := sqldb.Open(context.Background(), sqldb.Config{URL: server, Conns: 1}, clock.System())
		if err != nil {
			t.Fatalf("opening %s: %v", PostgresEnv, err)
		}
		admin.db = db
	}
	err := admin.db.InTx(context.Background(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(context.Background(), script)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}
