package sqldb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// member is one transaction of a group that a test puts together.
type member struct {
	name string
	ctx  context.Context
	f    func(tx *sqldb.Tx) error
}

// group runs the members in one group: a first transaction holds the writer
// until all of them wait. It answers their errors by name.
func group(t *testing.T, db *sqldb.DB, members ...member) map[string]error {
	t.Helper()
	var mu sync.Mutex
	answers := map[string]error{}
	var all sync.WaitGroup
	begun, release := make(chan struct{}), make(chan struct{})
	all.Go(func() {
		err := db.InTx(context.Background(), func(*sqldb.Tx) error {
			close(begun)
			<-release
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		answers["first"] = err
	})
	<-begun
	for i, m := range members {
		all.Go(func() {
			ctx := m.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			err := db.InTx(ctx, m.f)
			mu.Lock()
			defer mu.Unlock()
			answers[m.name] = err
		})
		for db.Queued() < i+1 {
			runtime.Gosched()
		}
	}
	close(release)
	all.Wait()
	return answers
}

func sqlite(t *testing.T) *sqldb.DB { return withThings(t, open(t, sqldbtest.SQLiteURL(t))) }

func TestAGroupSharesOneCommitAndMembersFailAlone(t *testing.T) {
	db := sqlite(t)
	refused := errors.New("refused")
	ran, atFirstAnswer := 0, 0 // members run one after the other
	var once sync.Once
	do := func(name string, then error) member {
		return member{name: name, f: func(tx *sqldb.Tx) error {
			ran++
			tx.AfterCommit(func() { once.Do(func() { atFirstAnswer = ran }) })
			if err := insert(context.Background(), tx, name, 1); err != nil {
				return err
			}
			return then
		}}
	}
	taken := do("taken", nil)
	taken.f = func(tx *sqldb.Tx) error { return insert(context.Background(), tx, "a", 1) }
	answers := group(t, db, do("a", nil), do("refused", refused), taken, do("b", nil), do("c", nil))
	if atFirstAnswer != 4 {
		t.Errorf("%d of 4 had run when the first was answered", atFirstAnswer)
	}
	for name, err := range answers {
		switch name {
		case "refused":
			if !errors.Is(err, refused) {
				t.Errorf("the refused one got %v", err)
			}
		case "taken":
			if !sqldb.Taken(err) {
				t.Errorf("the taken one got %v", err)
			}
		default:
			if err != nil {
				t.Errorf("%s got %v", name, err)
			}
		}
	}
	if n := count(t, db); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestAPanicInAGroupTouchesNobodyElse(t *testing.T) {
	db := sqlite(t)
	ctx := context.Background()
	answers := group(t, db,
		member{name: "a", f: func(tx *sqldb.Tx) error { return insert(ctx, tx, "a", 1) }},
		member{name: "panics", f: func(tx *sqldb.Tx) (err error) {
			insert(ctx, tx, "p", 1)
			runtime.Goexit()
			return nil
		}},
		member{name: "b", f: func(tx *sqldb.Tx) error { return insert(ctx, tx, "b", 1) }})
	if diff := cmp.Diff(map[string]error{"first": nil, "a": nil, "b": nil}, answers); diff != "" {
		t.Errorf("answers:\n%s", diff)
	}
	if n := count(t, db); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestR07_ACallerWhoLeavesTheQueueHasDoneNothing(t *testing.T) {
	db := sqlite(t)
	ctx, cancel := context.WithCancel(t.Context())
	begun, release := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		db.InTx(context.Background(), func(*sqldb.Tx) error { close(begun); <-release; return nil })
	})
	<-begun
	left := make(chan error, 1)
	go func() {
		left <- db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(context.Background(), tx, "left", 1) })
	}()
	for db.Queued() < 1 {
		runtime.Gosched()
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("InTx = %v", err)
	}
	close(release)
	first.Wait()
	if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "next", 1) }); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestR07_ACallerWhoseTurnBeganLearnsTheTruth(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(tx *sqldb.Tx) error {
			if err := insert(ctx, tx, "a", 1); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if n := count(t, db); n == 1 != (err == nil) {
			t.Errorf("InTx = %v, but %d rows", err, n)
		}
	})
}

func TestR07_WaitingIsBounded(t *testing.T) {
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: sqldbtest.SQLiteURL(t), WaitFor: 20 * time.Millisecond}, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	withThings(t, db)
	err = db.InTx(t.Context(), func(*sqldb.Tx) error { // a transaction inside another waits for itself
		return db.InTx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, "inner", 1) })
	})
	if !errors.Is(err, sqldb.ErrBusy) || !sqldb.Busy(err) || count(t, db) != 0 {
		t.Errorf("InTx = %v, %d rows", err, count(t, db))
	}
}

func TestAFullDiskIsAnErrorForAllAndOverWhenThereIsRoom(t *testing.T) {
	db := sqlite(t)
	ctx := context.Background()
	before, err := db.Pragma(ctx, "page_count")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(before)
	if _, err := db.Pragma(ctx, fmt.Sprintf("max_page_count = %d", n+3)); err != nil {
		t.Fatal(err)
	}
	after := 0
	small := func(name string) member {
		return member{name: name, f: func(tx *sqldb.Tx) error {
			tx.AfterCommit(func() { after++ })
			return insert(ctx, tx, name, 1)
		}}
	}
	answers := group(t, db, small("a"), member{name: "big", f: func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO thing (id, n, b, f) VALUES ('big', 1, $1, TRUE)`, make([]byte, 1<<20))
		return err
	}}, small("b"))
	// a ran beside the culprit and is undone with it; b came after both.
	if answers["big"] == nil || !errors.Is(answers["a"], sqldb.ErrBusy) || answers["b"] != nil {
		t.Errorf("answers %v", answers)
	}
	if n := count(t, db); n != 1 || after != 1 {
		t.Errorf("%d rows, %d AfterCommits; want 1, 1", n, after)
	}
	if _, err := db.Pragma(ctx, "max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"later", "big"} {
		if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, name, 1) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFailedCommitIsAnErrorForAll(t *testing.T) {
	db := sqlite(t)
	ctx := context.Background()
	err := db.InTx(ctx, func(tx *sqldb.Tx) error {
		// The rule is checked only at COMMIT, which is how a test makes one fail.
		_, err := tx.Exec(ctx, `CREATE TABLE child (id TEXT PRIMARY KEY REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	after := 0
	answers := group(t, db,
		member{name: "a", f: func(tx *sqldb.Tx) error { tx.AfterCommit(func() { after++ }); return insert(ctx, tx, "a", 1) }},
		member{name: "orphan", f: func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO child (id) VALUES ('nobody')`)
			return err
		}})
	if answers["a"] == nil || answers["orphan"] == nil || after != 0 || count(t, db) != 0 {
		t.Errorf("answers %v, %d AfterCommits, %d rows", answers, after, count(t, db))
	}
	if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "next", 1) }); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}

func TestR07_AForeignLockIsWaitedForAndThenBusy(t *testing.T) {
	url := sqldbtest.SQLiteURL(t)
	other := withThings(t, open(t, url)) // as another process would
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, WaitFor: 30 * time.Millisecond}, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	begun, release := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		other.InTx(context.Background(), func(*sqldb.Tx) error { close(begun); <-release; return nil })
	})
	<-begun
	write := func(ctx context.Context) error {
		return db.InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "a", 1) })
	}
	var waiters sync.WaitGroup
	for range 5 {
		waiters.Go(func() {
			if err := write(context.Background()); !errors.Is(err, sqldb.ErrBusy) {
				t.Errorf("InTx under a foreign lock: %v", err)
			}
		})
	}
	waiters.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := write(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("InTx with a deadline: %v", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
	close(release)
	holder.Wait()
	if err := write(t.Context()); err != nil {
		t.Errorf("InTx after the lock: %v", err)
	}
}

func TestTwoProcessesWriteOneFile(t *testing.T) {
	url := sqldbtest.SQLiteURL(t)
	dbs := []*sqldb.DB{withThings(t, open(t, url)), open(t, url)}
	ctx := context.Background()
	if err := dbs[0].InTx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, "sum", 0) }); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, db := range dbs {
		for range 8 {
			all.Go(func() {
				for range 100 {
					err := db.InTx(ctx, func(tx *sqldb.Tx) error {
						var n int
						if err := tx.QueryRow(ctx, `SELECT n FROM thing WHERE id = 'sum'`).Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(ctx, `UPDATE thing SET n = $1 WHERE id = 'sum'`, n+1)
						return err
					})
					if err != nil {
						t.Errorf("InTx: %v", err)
					}
				}
			})
		}
	}
	all.Wait()
	var n int
	if err := dbs[1].QueryRow(ctx, `SELECT n FROM thing WHERE id = 'sum'`).Scan(&n); err != nil || n != 1600 {
		t.Errorf("sum = %d (%v), want 1600", n, err)
	}
}

func TestR01_CommitsAreSynced(t *testing.T) {
	db := sqlite(t)
	for name, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		if got, err := db.Pragma(t.Context(), name); err != nil || got != want {
			t.Errorf("%s = %s (%v), want %s", name, got, err, want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := sqlite(t)
	err := db.QueryRow(t.Context(), `INSERT INTO thing (id, n, b, f) VALUES ('x', 1, $1, TRUE) RETURNING n`, []byte{}).Scan(new(int))
	if err == nil || count(t, db) != 0 {
		t.Errorf("a write outside a transaction: %v, %d rows", err, count(t, db))
	}
}

// crashEnv makes this test program the process that is killed.
const crashEnv = "SQLDB_TEST_CRASH"

// TestR01_AcknowledgedCommitsSurviveAKill kills a writing process a few times
// and finds everything that it acknowledged, and no half transaction.
func TestR01_AcknowledgedCommitsSurviveAKill(t *testing.T) {
	if url := os.Getenv(crashEnv); url != "" {
		crash(t, url)
	}
	url := sqldbtest.SQLiteURL(t)
	withThings(t, open(t, url)).Close()
	acknowledged := map[string]bool{}
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestR01_AcknowledgedCommitsSurviveAKill$")
		cmd.Env = append(os.Environ(), crashEnv+"="+url)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20*(round+1) && lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it said before it died counts as well; its last line may be cut
			if strings.HasSuffix(lines.Text(), ".") {
				acknowledged[lines.Text()] = true
			}
		}
		io.Copy(io.Discard, out)
		cmd.Wait()
		db := open(t, url)
		for line := range acknowledged {
			id := strings.TrimSuffix(line, ".")
			var n int
			if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM thing WHERE id IN ($1, $2)`, id+"/1", id+"/2").Scan(&n); err != nil || n != 2 {
				t.Fatalf("round %d: %d rows of the acknowledged %s (%v)", round, n, id, err)
			}
		}
		if n := count(t, db); n%2 != 0 {
			t.Errorf("round %d: half a transaction is there", round)
		}
		db.Close()
	}
	if len(acknowledged) < 500 {
		t.Errorf("only %d commits were acknowledged", len(acknowledged))
	}
}

// crash commits pairs of rows from many goroutines and acknowledges each pair,
// until it is killed.
func crash(t *testing.T, url string) {
	db := sqldbtest.Open(t, url, clock.System())
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				err := db.InTx(context.Background(), func(tx *sqldb.Tx) error {
					return errors.Join(insert(context.Background(), tx, id+"/1", 1), insert(context.Background(), tx, id+"/2", 2))
				})
				if err != nil {
					return
				}
				fmt.Println(id + ".")
			}
		})
	}
	all.Wait()
}
