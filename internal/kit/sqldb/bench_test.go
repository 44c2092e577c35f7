package sqldb_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}

// benchmark runs f b.N times from 32 goroutines and tells the CPU time of each.
func benchmark(b *testing.B, f func(i int) error) {
	b.ReportAllocs()
	before := cpu()
	b.ResetTimer()
	var all sync.WaitGroup
	for g := range 32 {
		all.Go(func() {
			for i := g; i < b.N; i += 32 {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkSQLite(b *testing.B) {
	ctx := context.Background()
	db := sqldbtest.Open(b, sqldbtest.SQLiteURL(b), clock.System())
	table := sqldb.Migration{Number: 1, Name: "t", SQL: `CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, at BIGINT NOT NULL);`}
	if _, err := db.Migrate(ctx, []sqldb.Migration{table}); err != nil {
		b.Fatal(err)
	}
	b.Run("empty", func(b *testing.B) {
		benchmark(b, func(i int) error { return db.InTx(ctx, func(tx *sqldb.Tx) error { return nil }) })
	})
	run := 0
	b.Run("insert", func(b *testing.B) {
		run++
		benchmark(b, func(i int) error {
			return db.InTx(ctx, func(tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO t (id, n, at) VALUES ($1, $2, $3)`, fmt.Sprint(run, "/", i), i, i)
				return err
			})
		})
	})
	b.Run("read-update", func(b *testing.B) {
		benchmark(b, func(i int) error {
			return db.InTx(ctx, func(tx *sqldb.Tx) error {
				var n int
				id := fmt.Sprint(run, "/", i%5000)
				if err := tx.QueryRow(ctx, `SELECT n FROM t WHERE id = $1`, id).Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE t SET n = $1, at = $2 WHERE id = $3`, n+1, i, id)
				return err
			})
		})
	})
	b.Run("point-read", func(b *testing.B) {
		ctx, cancel := context.WithCancel(ctx) // as a request's
		defer cancel()
		benchmark(b, func(i int) error {
			var n int
			return db.QueryRow(ctx, `SELECT n FROM t WHERE id = $1`, fmt.Sprint(run, "/", i%5000)).Scan(&n)
		})
	})
}
