package courier

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// instant takes every text at once.
type instant struct {
	carrier
	taken atomic.Int64
	done  chan struct{}
	want  int64
}

func (c *instant) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	if c.taken.Add(1) == c.want {
		close(c.done)
	}
	return sms.Accepted{ProviderID: t.ID}, nil
}

// BenchmarkCourier is a text's whole way through the store: Post by 32 clients,
// claim, hand over, note what became of it. SQLite, durable commits.
func BenchmarkCourier(b *testing.B) {
	c := clock.System()
	db := sqldbtest.SQLite(b, c)
	ring, err := seal.New()
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	q := job.New(db, c, log)
	far := &instant{carrier: carrier{route: "a", repeat: true}, done: make(chan struct{}), want: int64(b.N)}
	k := New(db, c, q, ring, Options{Texts: []TextRoute{{Carrier: far}}, Log: log})
	ctx, stop := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- q.Run(ctx) }()
	var id atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m := message(fmt.Sprint("m", id.Add(1)))
			m.ExpiresAt = c.Now().Add(3e11)
			if err := db.InTx(ctx, func(tx *sqldb.Tx) error { return k.Post(ctx, tx, m) }); err != nil {
				b.Error(err)
			}
		}
	})
	<-far.done
	stop()
	if err := <-ran; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}
