package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

var things = sqldb.Migration{Number: 1, Name: "things", SQL: `CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, b BYTEA NOT NULL, f BOOLEAN NOT NULL);`}

// each runs f on both engines with the table thing.
func each(t *testing.T, f func(t *testing.T, db *sqldb.DB)) {
	engines(t, func(t *testing.T, url string) { f(t, withThings(t, open(t, url))) })
}

func withThings(t *testing.T, db *sqldb.DB) *sqldb.DB {
	t.Helper()
	if _, err := db.Migrate(t.Context(), []sqldb.Migration{things}); err != nil {
		t.Fatal(err)
	}
	return db
}

func insert(ctx context.Context, tx *sqldb.Tx, id string, n int) error {
	_, err := tx.Exec(ctx, `INSERT INTO thing (id, n, b, f) VALUES ($1, $2, $3, $4)`, id, n, []byte(id), n > 0)
	return err
}

func count(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(context.Background(), `SELECT COUNT(*) FROM thing`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPlacesAreBoundByNumber(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const text = `SELECT '$1' || CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT) -- it's $3`
		var outside, inside string
		if err := db.QueryRow(t.Context(), text, "A", "B").Scan(&outside); err != nil {
			t.Fatal(err)
		}
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if err := tx.QueryRow(t.Context(), text, "A", "B").Scan(&inside); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `INSERT INTO thing (n, b, f, id) VALUES ($3, $4, $2, $1)`, "x", true, 7, []byte{}); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `UPDATE thing SET n = $2 WHERE id = $1`, "x", 8)
			return err
		})
		if err != nil || outside != "$1BAB" || inside != "$1BAB" {
			t.Errorf("got %q and %q (%v), want $1BAB", outside, inside, err)
		}
		var n int
		if err := db.QueryRow(t.Context(), `SELECT n FROM thing WHERE f = $1 AND id = $2`, true, "x").Scan(&n); err != nil || n != 8 {
			t.Errorf("n = %d (%v), want 8", n, err)
		}
	})
}

func TestValuesComeBack(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		type row struct {
			id string
			n  int64
			b  []byte
			f  bool
		}
		want := []row{{"", 0, []byte{}, false}, {"张小明 🎉", 1<<62 + 1, []byte{0, 255, 0}, true}, {"'; --", -1, []byte("text"), false}}
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			for _, r := range want {
				if _, err := tx.Exec(t.Context(), `INSERT INTO thing (id, n, b, f) VALUES `+sqldb.Values(1, 4), r.id, r.n, r.b, r.f); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range want {
			got := row{id: r.id}
			err := db.QueryRow(t.Context(), `SELECT n, b, f FROM thing WHERE id IN `+sqldb.In(1, 1), r.id).Scan(&got.n, &got.b, &got.f)
			if diff := cmp.Diff(r, got, cmp.AllowUnexported(row{}), cmp.Comparer(bytes.Equal)); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
		err = db.QueryRow(t.Context(), `SELECT n FROM thing WHERE id = $1`, "none").Scan(new(int))
		if !errors.Is(err, sqldb.ErrNone) {
			t.Errorf("no row answers %v", err)
		}
	})
}

func TestATransactionIsWholeOrAbsent(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		refused := errors.New("refused")
		after, undone := 0, 0
		try := func(id string, err error) error {
			return db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				tx.AfterCommit(func() { after++ })
				tx.AfterUndo(func() { undone++ })
				if e := insert(t.Context(), tx, id, 1); e != nil {
					return e
				}
				if tx.Writes() != 1 {
					t.Errorf("Writes = %d", tx.Writes())
				}
				return err
			})
		}
		if err := try("a", refused); !errors.Is(err, refused) || after != 0 || undone != 1 {
			t.Errorf("InTx = %v, %d AfterCommits and %d AfterUndos ran", err, after, undone)
		}
		if err := try("b", nil); err != nil || after != 1 || undone != 1 {
			t.Errorf("InTx = %v, %d AfterCommits and %d AfterUndos ran", err, after, undone)
		}
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		err := try("b", nil)
		if !sqldb.Taken(err) || sqldb.Taken(refused) || sqldb.Taken(nil) || after != 1 {
			t.Errorf("the second b: %v; taken = %v", err, sqldb.Taken(err))
		}
	})
}

func TestS012_OnlyOneConditionalWriteWins(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "code", 1) }); err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				var n int64
				err := db.InTx(context.Background(), func(tx *sqldb.Tx) (err error) {
					n, err = tx.Exec(context.Background(), `UPDATE thing SET n = 0 WHERE id = $1 AND n = 1`, "code")
					return err
				})
				if err != nil {
					t.Errorf("InTx: %v", err)
				}
				won.Add(n)
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d won, want 1", won.Load())
		}
	})
}

func TestAFailedStatementSpoilsTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var later error
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(t.Context(), tx, "a", 1); err != nil {
				return err
			}
			insert(t.Context(), tx, "a", 1) // its error is passed over
			later = tx.QueryRow(t.Context(), `SELECT 1`).Scan(new(int))
			return insert(t.Context(), tx, "b", 1)
		})
		if err == nil || later == nil {
			t.Errorf("InTx = %v, the statement after the failed one = %v", err, later)
		}
		err = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			insert(t.Context(), tx, "c", 1)
			tx.QueryRow(t.Context(), `INSERT INTO thing (id, n, b, f) VALUES ('c', 1, $1, FALSE) RETURNING n`, []byte{}).Scan(new(int))
			return nil
		})
		if !sqldb.Taken(err) {
			t.Errorf("InTx = %v, want the passed-over error", err)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
	})
}

func TestATransactionEndsWithItsFunction(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var kept *sqldb.Tx
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := insert(t.Context(), kept, "late", 1); err == nil {
			t.Error("a statement was taken after the end")
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestALostRaceIsRunAgain(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		runs, after := 0, 0
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			runs++
			tx.AfterCommit(func() { after++ })
			if err := insert(t.Context(), tx, "a", runs); err != nil {
				return err
			}
			if runs < 3 {
				return fmt.Errorf("spending: %w", sqldb.ErrAgain)
			}
			return nil
		})
		if err != nil || runs != 3 || after != 1 || count(t, db) != 1 {
			t.Errorf("InTx = %v after %d runs, %d AfterCommits, %d rows", err, runs, after, count(t, db))
		}
	})
}

func TestR30_APanicIsTheCallersOwn(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		func() {
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("recovered %v", p)
				}
			}()
			db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				insert(t.Context(), tx, "a", 1)
				panic("oh")
			})
			t.Error("the panic was swallowed")
		}()
		var exits sync.WaitGroup
		exits.Go(func() {
			db.InTx(context.Background(), func(tx *sqldb.Tx) error {
				insert(context.Background(), tx, "b", 1)
				runtime.Goexit() // as t.Fatal does
				return nil
			})
		})
		exits.Wait()
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "c", 1) }); err != nil {
			t.Errorf("InTx after a panic: %v", err)
		}
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestR07_ACanceledCallerDoesNotRun(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := db.InTx(ctx, func(tx *sqldb.Tx) error {
			return insert(context.Background(), tx, "a", 1)
		})
		if !errors.Is(err, context.Canceled) || count(t, db) != 0 {
			t.Errorf("InTx = %v, %d rows", err, count(t, db))
		}
	})
}

// What a reader gets is its own row or an error, however many are given up
// (Go CVE-2025-47907).
func TestR07_CanceledReadsDoNotCross(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const rows = 50
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			for i := range rows {
				if err := insert(t.Context(), tx, fmt.Sprint(i), i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var right, given atomic.Int64
		for range 8 {
			all.Go(func() {
				for range 200 {
					i := rand.IntN(rows)
					ctx, cancel := context.WithCancel(context.Background())
					if i%2 == 0 {
						timer := time.AfterFunc(time.Duration(rand.IntN(200))*time.Microsecond, cancel)
						defer timer.Stop()
					}
					n, id := -1, ""
					err := db.QueryRow(ctx, `SELECT n, id FROM thing WHERE id = $1`, fmt.Sprint(i)).Scan(&n, &id)
					switch {
					case err != nil && i%2 == 0:
						given.Add(1)
					case err != nil || n != i || id != fmt.Sprint(i):
						t.Errorf("asked for %d, got %d, %q, %v", i, n, id, err)
					default:
						right.Add(1)
					}
					cancel()
				}
			})
		}
		all.Wait()
		if right.Load() < 700 {
			t.Errorf("only %d reads were answered, %d given up", right.Load(), given.Load())
		}
	})
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		before := runtime.NumGoroutine()
		db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url}, clock.System())
		if err != nil {
			t.Fatal(err)
		}
		withThings(t, db)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				db.InTx(context.Background(), func(tx *sqldb.Tx) error { return insert(context.Background(), tx, fmt.Sprint(i), i) })
				db.QueryRow(context.Background(), `SELECT n FROM thing WHERE id = $1`, fmt.Sprint(i)).Scan(new(int))
			})
		}
		all.Wait()
		for range 2 {
			if err := db.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return nil }); err == nil {
			t.Error("InTx after Close succeeded")
		}
		for runtime.NumGoroutine() > before { // the test's deadline is the limit
			runtime.Gosched()
		}
	})
}

func TestTextHelpers(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{sqldb.In(1, 1), "($1)"}, {sqldb.In(9, 3), "($9,$10,$11)"}, {sqldb.Values(2, 2), "($1,$2),($3,$4)"},
		{sqldb.Numbered(`SELECT $2, '$1 it''s $2', "$3", $10 -- $1`), `SELECT ?2, '$1 it''s $2', "$3", ?10 -- $1`},
		{sqldb.SQLiteDDL("CREATE TABLE t (a BIGINT, \"BYTEA\" BYTEA DEFAULT 'TEXT;', big BOOLEAN); -- BIGINT;\ncreate index i on t (a)"),
			"CREATE TABLE t (a INTEGER, \"BYTEA\" BLOB DEFAULT 'TEXT;', big INTEGER) STRICT;\ncreate index i on t (a);\n"},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	now := sqldbtest.Start.Add(1234 * time.Microsecond)
	if got := sqldb.FromMicros(sqldb.Micros(now)); !got.Equal(now) {
		t.Errorf("a time came back as %v", got)
	}
	if !sqldb.FromMicros(sqldb.Micros(time.Time{})).IsZero() {
		t.Error("the zero time did not come back")
	}
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "sqlite:" + t.TempDir() + "/none/x.db", "postgres://user:geheim@127.0.0.1:1/x?connect_timeout=1", "postgres://user:geheim@[bad"} {
		db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url}, clock.System())
		if err == nil {
			db.Close()
			t.Errorf("Open(%q) succeeded", url)
		} else if bytes.Contains([]byte(err.Error()), []byte("geheim")) {
			t.Errorf("Open shows the password: %v", err)
		}
	}
}

func TestR04_ADamagedFileIsFound(t *testing.T) {
	url := sqldbtest.SQLiteURL(t)
	db := withThings(t, open(t, url))
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		for i := range 2000 {
			if err := insert(t.Context(), tx, fmt.Sprint(i), i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Errorf("Check of a sound file: %v", err)
	}
	db.Close()
	path := strings.TrimPrefix(url, "sqlite:")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4096 {
		b[len(b)/2/4096*4096+i] = 0xa5 // one page in the middle
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, url).Check(t.Context()); err == nil {
		t.Error("the damage was not found")
	}
}

func TestS164_NobodyElseReadsTheFile(t *testing.T) {
	url := sqldbtest.SQLiteURL(t)
	withThings(t, open(t, url))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", suffix, info.Mode(), err)
		}
	}
}
