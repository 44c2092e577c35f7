package quota

import (
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// Burst bounds how often something cheap is done, in the memory of this process:
// what costs one small row and no money needs no durable count. Nothing that
// guesses or sends is limited by it alone.
type Burst struct {
	clock *clock.Clock
	most  int
	per   time.Duration

	mu     sync.Mutex
	counts map[string]burstCount
}

type burstCount struct {
	since time.Time
	n     int
}

// burstMost bounds the subjects that are counted at once, about 10 MB.
const burstMost = 100_000

// NewBurst lets each subject do most things in any stretch that begins with its
// first one and lasts per.
func NewBurst(c *clock.Clock, most int, per time.Duration) *Burst {
	return &Burst{clock: c, most: most, per: per, counts: map[string]burstCount{}}
}

// Spend counts one thing. ok is false if it is too many; then it works again at
// retryAt.
func (b *Burst) Spend(subject string) (retryAt time.Time, ok bool) {
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts[subject]
	if c.n == 0 || now.Sub(c.since) >= b.per {
		if len(b.counts) >= burstMost {
			b.forget(now)
		}
		c = burstCount{since: now}
	}
	if c.n >= b.most {
		return c.since.Add(b.per), false
	}
	c.n++
	b.counts[subject] = c
	return time.Time{}, true
}

// forget drops those whose stretch is over; if all are under way, it drops all:
// under such an attack the limits per network and of the store still hold.
func (b *Burst) forget(now time.Time) {
	for subject, c := range b.counts {
		if now.Sub(c.since) >= b.per {
			delete(b.counts, subject)
		}
	}
	if len(b.counts) >= burstMost {
		clear(b.counts)
	}
}

// Len tells how many subjects are counted.
func (b *Burst) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.counts)
}
