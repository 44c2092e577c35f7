package credential

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// BenchmarkHashes compares the gate with the bare function at the same number of
// callers; 32 bare callers show what the gate is for.
func BenchmarkHashes(b *testing.B) {
	for name, p := range map[string]Profile{"default": Default, "strict": Strict} {
		for _, callers := range []int{1, 2, 32} {
			salt := make([]byte, saltSize)
			bare := func() { argon2.IDKey([]byte("password"), salt, p.Time, p.MemoryKiB, p.Threads, outputSize) }
			b.Run(fmt.Sprintf("%s/bare/%d", name, callers), func(b *testing.B) { together(b, callers, bare) })
			g := NewGate(p, 0, 64, clock.System())
			b.Run(fmt.Sprintf("%s/gate/%d", name, callers), func(b *testing.B) {
				together(b, callers, func() {
					if _, err := g.hash(context.Background(), p, "password", salt, outputSize); err != nil {
						b.Error(err)
					}
				})
			})
		}
	}
}

// together runs f b.N times by so many callers at once and reports the rate.
func together(b *testing.B, callers int, f func()) {
	work := make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range work {
				f()
			}
		})
	}
	b.ResetTimer()
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
}
