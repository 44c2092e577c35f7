package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// postgres opens a fresh schema with the table thing, with parameters of the URL changed.
func postgres(t *testing.T, cfg sqldb.Config, params ...string) *sqldb.DB {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = sqldbtest.PostgresURL(t)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	u.RawQuery = q.Encode()
	cfg.URL = u.String()
	db, err := sqldb.Open(t.Context(), cfg, clock.At(sqldbtest.Start))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return withThings(t, db)
}

func TestR07_SerializationFailuresAreRunAgain(t *testing.T) {
	for _, code := range []string{"40001", "40P01"} {
		t.Run(code, func(t *testing.T) {
			db := postgres(t, sqldb.Config{})
			runs := 0
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				runs++
				if err := insert(t.Context(), tx, "a", runs); err != nil {
					return err
				}
				if runs < 3 {
					_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '`+code+`'; END $$`)
					_ = err
					return errors.New("a store that hides its cause")
				}
				return nil
			})
			if err != nil || runs != 3 || count(t, db) != 1 {
				t.Errorf("InTx = %v after %d runs", err, runs)
			}
		})
	}
}

func TestR07_WriteSkewIsRunAgain(t *testing.T) {
	db := postgres(t, sqldb.Config{}, "default_transaction_isolation", "serializable")
	ctx := context.Background()
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			for i := range 15 {
				err := db.InTx(ctx, func(tx *sqldb.Tx) error {
					var n int
					if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM thing`).Scan(&n); err != nil {
						return err
					}
					return insert(ctx, tx, fmt.Sprint(g, "/", i), n)
				})
				if err != nil {
					t.Errorf("InTx: %v", err)
				}
			}
		})
	}
	all.Wait()
	var distinct int
	if err := db.QueryRow(ctx, `SELECT COUNT(DISTINCT n) FROM thing`).Scan(&distinct); err != nil || distinct != 90 {
		t.Errorf("%d different counts were seen (%v), want 90", distinct, err)
	}
}

func TestR07_DeadlocksAreRunAgain(t *testing.T) {
	db := postgres(t, sqldb.Config{})
	ctx := context.Background()
	err := db.InTx(ctx, func(tx *sqldb.Tx) error {
		return errors.Join(insert(ctx, tx, "a", 0), insert(ctx, tx, "b", 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	var both, all sync.WaitGroup
	both.Add(2)
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		all.Go(func() {
			var met sync.Once
			err := db.InTx(ctx, func(tx *sqldb.Tx) error {
				runs.Add(1)
				for _, id := range order {
					if _, err := tx.Exec(ctx, `UPDATE thing SET n = n + 1 WHERE id = $1`, id); err != nil {
						return err
					}
					met.Do(func() { both.Done(); both.Wait() })
				}
				return nil
			})
			if err != nil {
				t.Errorf("InTx: %v", err)
			}
		})
	}
	all.Wait()
	var sum int
	if err := db.QueryRow(ctx, `SELECT CAST(SUM(n) AS BIGINT) FROM thing`).Scan(&sum); err != nil || sum != 4 || runs.Load() < 3 {
		t.Errorf("sum %d after %d runs (%v), want 4 after 3 or, if the first to end lost again, more", sum, runs.Load(), err)
	}
}

func TestR07_LocksStatementsAndConnectionsAreWaitedForSoLong(t *testing.T) {
	db := postgres(t, sqldb.Config{WaitFor: 100 * time.Millisecond, Conns: 2})
	ctx := context.Background()
	if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "a", 0) }); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(tx *sqldb.Tx) error{
		"a lock": func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE thing SET n = 2 WHERE id = 'a'`)
			return err
		},
		"a statement": func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `SELECT pg_sleep(60)`)
			return err
		},
		"a connection": func(tx *sqldb.Tx) error {
			return db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "none left", 0) })
		},
	} {
		begun, release := make(chan struct{}), make(chan struct{})
		var holder sync.WaitGroup
		holder.Go(func() { // has one of the two connections, and the row
			db.InTx(ctx, func(tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE thing SET n = 1 WHERE id = 'a'`)
				close(begun)
				<-release
				return err
			})
		})
		<-begun
		if err := db.InTx(ctx, f); !errors.Is(err, sqldb.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
		close(release)
		holder.Wait()
	}
	if err := db.QueryRow(ctx, `SELECT 1 FROM pg_sleep(60)`).Scan(new(int)); !sqldb.Busy(err) {
		t.Errorf("a slow read: %v", err)
	}
	if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "b", 0) }); err != nil {
		t.Errorf("InTx after all: %v", err)
	}
}

func TestR06_KilledConnectionsHealUnderLoad(t *testing.T) {
	at := sqldbtest.PostgresURL(t)
	db := postgres(t, sqldb.Config{URL: at, Conns: 8}, "application_name", "victim")
	killer := postgres(t, sqldb.Config{URL: at, Conns: 1})
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var done, unknown, busy atomic.Int64
	for g := range 8 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				err := db.InTx(context.Background(), func(tx *sqldb.Tx) error { return insert(context.Background(), tx, fmt.Sprint(g, "/", i), i) })
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, sqldb.ErrUnknownOutcome):
					unknown.Add(1)
				case sqldb.Busy(err):
					busy.Add(1)
				default:
					t.Errorf("InTx: %v", err)
				}
			}
		})
	}
	killed := 0
	for round := range int64(15) {
		for done.Load() < 20*(round+1) { // let some work be done between
			if err := killer.Ping(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := killer.QueryRow(ctx, `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'victim'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		killed += n
	}
	stop()
	all.Wait()
	n := int64(count(t, db))
	if n < done.Load() || n > done.Load()+unknown.Load() {
		t.Errorf("%d rows, but %d are acknowledged and %d unknown", n, done.Load(), unknown.Load())
	}
	if killed < 15 {
		t.Errorf("only %d connections were killed", killed)
	}
	t.Logf("%d killed; %d done, %d unknown, %d busy", killed, done.Load(), unknown.Load(), busy.Load())
}

func TestR01_AServerThatForgetsIsRefused(t *testing.T) {
	at := sqldbtest.PostgresURL(t)
	if _, err := sqldb.Open(t.Context(), sqldb.Config{URL: at + "&synchronous_commit=off"}, clock.System()); err == nil {
		t.Error("synchronous_commit = off was taken")
	}
}

// wire is a proxy in front of the server that can stop a COMMIT on its way.
type wire struct {
	net.Listener
	server string
	atEnd  atomic.Pointer[func(client, server net.Conn, commit []byte)]
}

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{Listener: l, server: server}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", w.server)
			if err != nil {
				client.Close()
				continue
			}
			go w.pass(client, server)
			go w.back(server, client)
		}
	}()
	return w
}

func (w *wire) pass(client, server net.Conn) {
	defer server.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if f := w.atEnd.Load(); f != nil && bytes.Contains(buf[:n], []byte("commit")) {
			(*f)(client, server, buf[:n])
			continue
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) back(server, client net.Conn) {
	defer client.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// through opens a database through a wire, and the same one directly.
func through(t *testing.T) (db *sqldb.DB, w *wire, direct *sqldb.DB) {
	t.Helper()
	at := sqldbtest.PostgresURL(t)
	direct = postgres(t, sqldb.Config{URL: at})
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	w = newWire(t, u.Host)
	u.Host = w.Addr().String()
	return postgres(t, sqldb.Config{URL: u.String()}, "sslmode", "disable"), w, direct
}

func TestR01_ABrokenCommitHasAnUnknownOutcomeAndIsNotRunAgain(t *testing.T) {
	for name, arrives := range map[string]bool{"lost on the way": false, "its answer lost": true} {
		t.Run(name, func(t *testing.T) {
			db, w, direct := through(t)
			over := make(chan struct{})
			cut := func(client, server net.Conn, commit []byte) {
				defer close(over)
				w.atEnd.Store(nil)
				client.Close() // before the server can answer
				if arrives {
					server.Write(commit)
					for there := 0; there != 1; {
						direct.QueryRow(context.Background(), `SELECT COUNT(*) FROM thing`).Scan(&there)
					}
				}
				server.Close()
			}
			w.atEnd.Store(&cut)
			runs, after := 0, 0
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				runs++
				tx.AfterCommit(func() { after++ })
				return insert(t.Context(), tx, "a", 1)
			})
			if !errors.Is(err, sqldb.ErrUnknownOutcome) || errors.Is(err, sqldb.ErrBusy) || runs != 1 || after != 0 {
				t.Errorf("InTx = %v after %d runs, %d AfterCommits", err, runs, after)
			}
			<-over
			if n := count(t, direct); n == 1 != arrives {
				t.Errorf("%d rows", n)
			}
		})
	}
}

func TestR07_ACommitOnItsWayIsNotGivenUp(t *testing.T) {
	db, w, _ := through(t)
	ctx, cancel := context.WithCancel(t.Context())
	hold := func(client, server net.Conn, commit []byte) {
		w.atEnd.Store(nil)
		cancel()
		server.Write(commit)
	}
	w.atEnd.Store(&hold)
	if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "a", 1) }); err != nil || count(t, db) != 1 {
		t.Errorf("InTx = %v, %d rows; want the truth: it is committed", err, count(t, db))
	}
}

func TestR07_ACancelBeforeTheCommitUndoes(t *testing.T) {
	db := postgres(t, sqldb.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(tx *sqldb.Tx) error {
		defer cancel()
		return insert(ctx, tx, "a", 1)
	})
	if !errors.Is(err, context.Canceled) || count(t, db) != 0 {
		t.Errorf("InTx = %v, %d rows", err, count(t, db))
	}
}

func TestR06_AServerOutOfReachIsBusySoon(t *testing.T) {
	db, w, _ := through(t)
	w.Close() // no new connections, and the old ones are cut at their next commit
	cut := func(client, server net.Conn, _ []byte) { client.Close(); server.Close() }
	w.atEnd.Store(&cut)
	db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "a", 1) })
	elapsed := clock.Stopwatch()
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "b", 1) })
	if !errors.Is(err, sqldb.ErrBusy) || elapsed() > 4*time.Second {
		t.Errorf("InTx = %v after %v", err, elapsed())
	}
	if err := db.QueryRow(t.Context(), `SELECT 1`).Scan(new(int)); !sqldb.Busy(err) {
		t.Errorf("a read: %v", err)
	}
}
