package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

type done = func(ctx context.Context, tx *sqldb.Tx) error

// events is a log that tests wait on.
type events chan string

func (e events) Enabled(context.Context, slog.Level) bool { return true }
func (e events) Handle(_ context.Context, r slog.Record) error {
	e <- r.Message
	return nil
}
func (e events) WithAttrs([]slog.Attr) slog.Handler { return e }
func (e events) WithGroup(string) slog.Handler      { return e }

func (e events) await(t *testing.T, message string) {
	t.Helper()
	if got := <-e; got != message {
		t.Fatalf("the log says %q, want %q", got, message)
	}
}

func newQueue(db *sqldb.DB, c *clock.Clock) (*job.Queue, events) {
	log := make(events, 1000)
	return job.New(db, c, slog.New(log)), log
}

// start runs q until the test ends or stop is called, which waits for the end.
func start(t *testing.T, q *job.Queue) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func put(t *testing.T, db *sqldb.DB, q *job.Queue, jobs ...job.Job) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		for _, j := range jobs {
			if err := q.Put(t.Context(), tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// count answers how many rows stand in the job table.
func count(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM job`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestR02_AJobRunsAfterTheCommitAndEndsWithItsEffect(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, _ := newQueue(db, c)
		got := make(chan job.Job, 10)
		q.Handle("greet", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				tx.AfterCommit(func() { got <- j })
				return nil
			}, nil
		})
		start(t, q)
		refused := errors.New("refused")
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			return errors.Join(q.Put(t.Context(), tx, job.Job{ID: "undone", Kind: "greet"}), refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		want := job.Job{ID: "one", Kind: "greet", AccountID: 482109375564, Key: "k", ExpiresAt: sqldbtest.Start.Add(time.Hour), Payload: []byte("p"), Attempt: 1}
		put(t, db, q, want)
		j := <-got
		j.DueAt = time.Time{}
		if diff := cmp.Diff(want, j); diff != "" {
			t.Errorf("the handler got (-want +got):\n%s", diff)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

func TestR21_AFailingEffectIsUndoneAndTriedAgain(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, log := newQueue(db, c)
		ran := make(chan int, 100)
		q.Handle("work", job.Options{Backoff: func(int) time.Duration { return time.Hour }}, func(_ context.Context, j job.Job) (done, error) {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				if err := q.Put(ctx, tx, job.Job{ID: j.ID + "-effect", Kind: "nobody's"}); err != nil {
					return err
				}
				if j.ID == "bad" && j.Attempt == 1 {
					return errors.New("no luck")
				}
				tx.AfterCommit(func() { ran <- j.Attempt })
				return nil
			}, nil
		})
		put(t, db, q, job.Job{ID: "a", Kind: "work"}, job.Job{ID: "bad", Kind: "work"}, job.Job{ID: "b", Kind: "work"})
		start(t, q)
		if a, b := <-ran, <-ran; a != 1 || b != 1 {
			t.Errorf("attempts %d and %d", a, b)
		}
		log.await(t, "a job failed and will be tried again")
		if n := count(t, db); n != 3 { // two effects and the failed one
			t.Errorf("%d rows, want 3", n)
		}
		c.Advance(time.Hour)
		if attempt := <-ran; attempt != 2 {
			t.Errorf("attempt %d, want 2", attempt)
		}
		if n := count(t, db); n != 3 { // three effects
			t.Errorf("%d rows, want 3", n)
		}
	})
}

func TestR21_RetriesAreBoundedAndDeadLettersAreVisible(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, log := newQueue(db, c)
		var runs atomic.Int64
		q.Handle("fail", job.Options{Attempts: 3, Backoff: func(n int) time.Duration { return time.Duration(n) * time.Hour }},
			func(_ context.Context, j job.Job) (done, error) {
				runs.Add(1)
				return nil, errors.New("550 <anna@example.com> +86 138 0013 8000 unknown to mx 10.2.3.45")
			})
		q.Handle("hopeless", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
			return nil, fmt.Errorf("sending: %w", job.Permanent(errors.New("no such route")))
		})
		q.Handle("panics", job.Options{Attempts: 1}, func(_ context.Context, j job.Job) (done, error) { panic("oh") })
		start(t, q)
		put(t, db, q, job.Job{ID: "f", Kind: "fail", Payload: []byte("keep")})
		log.await(t, "a job failed and will be tried again")
		c.Advance(time.Hour)
		log.await(t, "a job failed and will be tried again")
		c.Advance(2 * time.Hour)
		log.await(t, "a job is dead")
		c.Advance(time.Second)
		put(t, db, q, job.Job{ID: "h", Kind: "hopeless"})
		log.await(t, "a job is dead")
		c.Advance(time.Second)
		put(t, db, q, job.Job{ID: "p", Kind: "panics"})
		log.await(t, "a job panicked")
		log.await(t, "a job is dead")

		dead, err := q.Dead(t.Context())
		at := sqldbtest.Start.Add(3 * time.Hour)
		want := []job.Job{
			{ID: "p", Kind: "panics", Attempt: 1, Error: "panic: oh", DeadAt: at.Add(2 * time.Second), Payload: []byte{}},
			{ID: "h", Kind: "hopeless", Attempt: 1, Error: "sending: no such route", DeadAt: at.Add(time.Second), Payload: []byte{}},
			{ID: "f", Kind: "fail", Attempt: 3, Error: "550 <...> ... unknown to mx ...", DeadAt: at, Payload: []byte("keep")},
		}
		if diff := cmp.Diff(want, dead, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("Dead: %v (-want +got):\n%s", err, diff)
		}
		if due, dead, _, err := q.Stats(t.Context()); due != 0 || dead != 3 || err != nil {
			t.Errorf("Stats = %d due, %d dead, %v", due, dead, err)
		}
		if ok, err := q.Discard(t.Context(), "h"); !ok || err != nil {
			t.Errorf("Discard = %v, %v", ok, err)
		}
		if ok, err := q.Revive(t.Context(), "f"); !ok || err != nil {
			t.Errorf("Revive = %v, %v", ok, err)
		}
		log.await(t, "a job failed and will be tried again")
		if n := runs.Load(); n != 4 {
			t.Errorf("%d runs, want 4", n)
		}
	})
}

func TestAKeyStandsOnceAndAnIDIsPutOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, _ := newQueue(db, c)
		later := sqldbtest.Start.Add(time.Hour)
		put(t, db, q, job.Job{ID: "1", Kind: "k", Key: "x", DueAt: later}, job.Job{ID: "2", Kind: "k", Key: "x"}, job.Job{ID: "3", Kind: "k", Key: "y"}, job.Job{ID: "4", Kind: "l", Key: "x"})
		put(t, db, q, job.Job{ID: "1", Kind: "k"}, job.Job{ID: "5", Kind: "k"}, job.Job{ID: "6", Kind: "k"})
		if n := count(t, db); n != 5 {
			t.Errorf("%d jobs, want 5", n)
		}
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			return errors.Join(q.Cancel(t.Context(), tx, "k", "x"), q.Cancel(t.Context(), tx, "k", ""))
		})
		if n := count(t, db); n != 4 || err != nil {
			t.Errorf("%d jobs after Cancel, want 4 (%v)", n, err)
		}
		c.Advance(time.Minute)
		if due, _, oldest, err := q.Stats(t.Context()); due != 4 || oldest != time.Minute || err != nil {
			t.Errorf("Stats = %d due, the oldest for %v, %v; want 4, 1m", due, oldest, err)
		}
	})
}

func TestR22_TimersFollowTheClockAndExpiredJobsAreDropped(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, log := newQueue(db, c)
		ran := make(chan string, 10)
		q.Handle("leave", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
			ran <- j.ID
			return nil, nil
		})
		start(t, q)
		in := func(d time.Duration) time.Time { return sqldbtest.Start.Add(d) }
		put(t, db, q,
			job.Job{ID: "late", Kind: "leave", DueAt: in(time.Hour), ExpiresAt: in(2 * time.Hour)},
			job.Job{ID: "now", Kind: "leave"},
			job.Job{ID: "then", Kind: "leave", DueAt: in(15 * 24 * time.Hour)})
		if got := <-ran; got != "now" {
			t.Errorf("%s ran first", got)
		}
		c.Advance(15 * 24 * time.Hour)
		if got := <-ran; got != "then" {
			t.Errorf("%s ran, want the timer", got)
		}
		log.await(t, "a job expired before it ran")
	})
}

func TestR21_ShutdownGivesLeasesBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, _ := newQueue(db, c)
		began, release := make(chan string, 10), make(chan struct{})
		q.Handle("slow", job.Options{Workers: 1}, func(ctx context.Context, j job.Job) (done, error) {
			began <- j.ID
			<-release
			return nil, nil
		})
		put(t, db, q, job.Job{ID: "1", Kind: "slow"}, job.Job{ID: "2", Kind: "slow"}, job.Job{ID: "3", Kind: "slow"})
		stop := start(t, q)
		first := <-began
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		other, _ := newQueue(db, c) // another node takes over what was given back, with no wait for leases
		taken := make(chan job.Job, 10)
		other.Handle("slow", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
			return func(_ context.Context, tx *sqldb.Tx) error {
				tx.AfterCommit(func() { taken <- j })
				return nil
			}, nil
		})
		start(t, other)
		for range 2 {
			if j := <-taken; j.ID == first || j.Attempt != 1 {
				t.Errorf("the other node ran %s, attempt %d", j.ID, j.Attempt)
			}
		}
		close(release)
		<-stopped
		if n := count(t, db); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

func TestR21_ADeadNodesJobsAreTakenOverAndItsLateResultDoesNotCount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		stalled, _ := newQueue(db, clock.At(sqldbtest.Start)) // its clock stands, so it renews nothing
		began, release := make(chan struct{}), make(chan struct{})
		stalled.Handle("once", job.Options{}, func(context.Context, job.Job) (done, error) {
			close(began)
			<-release
			return func(context.Context, *sqldb.Tx) error {
				t.Error("the stalled node's effect was applied")
				return nil
			}, nil
		})
		put(t, db, stalled, job.Job{Kind: "once"})
		stop := start(t, stalled)
		<-began
		quick, _ := newQueue(db, c)
		took := make(chan int)
		quick.Handle("once", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
			return func(_ context.Context, tx *sqldb.Tx) error {
				tx.AfterCommit(func() { took <- j.Attempt })
				return nil
			}, nil
		})
		start(t, quick)
		c.Advance(time.Hour)
		if attempt := <-took; attempt != 2 {
			t.Errorf("attempt %d, want 2", attempt)
		}
		close(release)
		stop()
	})
}

func TestAMovedClockDoesNotBeginARunningJobTwice(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, _ := newQueue(db, c)
		began, release, probed := make(chan struct{}, 10), make(chan struct{}), make(chan struct{}, 10)
		q.Handle("long", job.Options{}, func(context.Context, job.Job) (done, error) {
			began <- struct{}{}
			<-release
			return nil, nil
		})
		q.Handle("probe", job.Options{}, func(context.Context, job.Job) (done, error) {
			probed <- struct{}{}
			return nil, nil
		})
		stop := start(t, q)
		put(t, db, q, job.Job{Kind: "long"})
		<-began
		for range 3 { // each probe shows that the runner has looked after the move
			c.Advance(24 * time.Hour)
			put(t, db, q, job.Job{Kind: "probe"})
			<-probed
		}
		close(release)
		stop()
		if len(began) > 0 {
			t.Error("the job was begun again while it ran")
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

func TestR21_ManyNodesShareTheWork(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		const jobs = 300
		var mu sync.Mutex
		runs, left := map[string]int{}, jobs
		finished := make(chan struct{})
		var queues []*job.Queue
		for range 3 {
			q, _ := newQueue(db, c)
			q.Handle("work", job.Options{}, func(_ context.Context, j job.Job) (done, error) {
				return func(_ context.Context, tx *sqldb.Tx) error {
					tx.AfterCommit(func() {
						mu.Lock()
						defer mu.Unlock()
						runs[j.ID]++
						if left--; left == 0 {
							close(finished)
						}
					})
					return nil
				}, nil
			})
			queues = append(queues, q)
		}
		for i := range jobs {
			put(t, db, queues[0], job.Job{ID: fmt.Sprint(i), Kind: "work"})
		}
		for _, q := range queues {
			start(t, q)
		}
		<-finished
		for id, n := range runs {
			if n != 1 {
				t.Errorf("job %s had %d effects", id, n)
			}
		}
	})
}

func TestR22_PeriodicWorkIsMadeUpForOnceAndRunsOnOneNode(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ran, probed := make(chan struct{}, 100), make(chan struct{}, 100)
		var fails atomic.Bool
		first, log := newQueue(db, c)
		second := job.New(db, c, slog.New(log))
		for _, q := range []*job.Queue{first, second} {
			q.Every("sweep", time.Hour, func(context.Context) error {
				ran <- struct{}{}
				if fails.Load() {
					return errors.New("not now")
				}
				return nil
			})
			q.Handle("probe", job.Options{}, func(context.Context, job.Job) (done, error) {
				return func(_ context.Context, tx *sqldb.Tx) error {
					tx.AfterCommit(func() { probed <- struct{}{} })
					return nil
				}, nil
			})
			start(t, q)
		}
		probe := func() { // by then the runners have looked at the time
			put(t, db, first, job.Job{Kind: "probe"})
			<-probed
		}
		<-ran
		probe()
		fails.Store(true)
		c.Advance(7 * 24 * time.Hour)
		<-ran
		log.await(t, "a job failed and will be tried again")
		probe()
		if len(ran) != 0 {
			t.Errorf("%d runs too many after a week", len(ran))
		}
		fails.Store(false)
		c.Advance(10 * time.Second) // a failed sweep does not wait for the next period
		<-ran
		probe()
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want one", n)
		}
	})
}

func TestAnErrorIsKeptWithoutPersonalData(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		q, log := newQueue(db, c)
		secrets := []string{"anna.li@example.com", "13800138000", "+49 (151) 234-5678", "张小明", "QyT0aVx9mPz3LkJd8sWn2RbE", "2001:db8:85a3:8d3:1319:8a2e:370:7348"}
		q.Handle("leak", job.Options{Attempts: 1}, func(context.Context, job.Job) (done, error) {
			return nil, errors.New("said: " + strings.Join(secrets, ", ") + strings.Repeat(" and more", 100))
		})
		start(t, q)
		put(t, db, q, job.Job{Kind: "leak"})
		log.await(t, "a job is dead")
		dead, err := q.Dead(t.Context())
		if err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		for _, s := range secrets {
			if strings.Contains(dead[0].Error, s) {
				t.Errorf("the dead letter shows %q: %s", s, dead[0].Error)
			}
		}
		if len(dead[0].Error) > 300 || !strings.HasPrefix(dead[0].Error, "said: ") {
			t.Errorf("the dead letter says %q", dead[0].Error)
		}
	})
}

func TestBackoffGrowsIsBoundedAndSpread(t *testing.T) {
	back := job.Backoff(time.Second, time.Minute)
	for _, c := range []struct {
		attempt int
		most    time.Duration
	}{{1, time.Second}, {2, 2 * time.Second}, {4, 8 * time.Second}, {7, time.Minute}, {1000, time.Minute}} {
		seen := map[time.Duration]bool{}
		for range 50 {
			d := back(c.attempt)
			if d < c.most/2 || d > c.most {
				t.Errorf("Backoff(%d) = %v, want between %v and %v", c.attempt, d, c.most/2, c.most)
			}
			seen[d] = true
		}
		if len(seen) < 25 {
			t.Errorf("Backoff(%d) is not spread: %d values of 50", c.attempt, len(seen))
		}
	}
}
