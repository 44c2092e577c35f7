package job_test

import (
	"context"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}

// BenchmarkJobs puts jobs, one a transaction from 32 goroutines, and runs them.
func BenchmarkJobs(b *testing.B) {
	db := sqldbtest.SQLite(b, clock.System())
	q, _ := newQueue(db, clock.System())
	var left sync.WaitGroup
	q.Handle("work", job.Options{Workers: 32}, func(context.Context, job.Job) (done, error) {
		return func(_ context.Context, tx *sqldb.Tx) error { tx.AfterCommit(left.Done); return nil }, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx) })
	defer running.Wait()
	defer cancel()
	left.Add(b.N)
	before := cpu()
	b.ResetTimer()
	var putters sync.WaitGroup
	for g := range 32 {
		putters.Go(func() {
			for i := g; i < b.N; i += 32 {
				err := db.InTx(ctx, func(tx *sqldb.Tx) error {
					return q.Put(ctx, tx, job.Job{Kind: "work", Payload: []byte(strconv.Itoa(i))})
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	putters.Wait()
	left.Wait()
	b.StopTimer()
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
