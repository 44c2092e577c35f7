package credential

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// maxWait is how long the newest in the queue may expect to wait where the queue
// is bounded by time: a sign-in is to be done within 2 s at p95.
const maxWait = 1500 * time.Millisecond

// perKiB is what one pass over one KiB takes on a slow core, for the first
// guesses until hashes have been measured.
const perKiB = 700 * time.Nanosecond

// Gate lets so many hashes run at once and so many wait. Each takes megabytes
// and a whole core for tens of milliseconds: without a gate a crowd of sign-ins
// ends the process by its memory, or keeps everybody waiting for an
// answer that comes after they left (S-29). It is safe for concurrent use.
type Gate struct {
	profile Profile
	atOnce  int
	queue   int // 0: bounded by maxWait
	clock   *clock.Clock
	turns   *semaphore.Weighted
	idKey   func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte

	mu    sync.Mutex
	stats Stats
}

// Stats is what a gate shows to the metrics.
type Stats struct {
	AtOnce    int           // hashes that may run at once
	Queue     int           // callers that may wait at present
	Running   int           // hashes that run
	Waiting   int           // callers that wait
	Done      int64         // hashes made
	Refused   int64         // callers sent away because the queue was full
	Abandoned int64         // callers that left the queue
	HashTime  time.Duration // of one hash: a moving average under the present load
}

// NewGate makes a gate for hashes of profile p. atOnce of 0 is sized by Fit from
// the cores and the memory limit of this process. queue of 0 lets as many wait
// as can be served within 1.5 s, by the measured time of a hash. A profile
// outside the ceilings is a fault of the program and panics.
func NewGate(p Profile, atOnce, queue int, c *clock.Clock) *Gate {
	if !p.sane() {
		panic("credential: a profile outside the ceilings")
	}
	if atOnce <= 0 {
		atOnce = Fit(p, runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1))
	}
	return &Gate{
		profile: p, atOnce: atOnce, queue: max(queue, 0), clock: c,
		turns: semaphore.NewWeighted(int64(atOnce)), idKey: argon2.IDKey,
		stats: Stats{AtOnce: atOnce, HashTime: time.Duration(p.MemoryKiB) * time.Duration(p.Time) * perKiB},
	}
}

// Fit is how many hashes of profile p should run at once: no more than cores,
// since more only slow each other down, and no more than fit into a quarter of
// memory (bytes), counting each twice, since the garbage of the last one is
// still there when the next begins. At least 1.
func Fit(p Profile, cores int, memory int64) int {
	each := 2 * int64(p.MemoryKiB) << 10
	return int(max(1, min(int64(cores), memory/4/each)))
}

// Stats tells how busy the gate is.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Queue = g.room()
	return s
}

// hash makes one hash in its turn. Errors are fault.Unavailable, with the time
// by which the queue will have emptied, and the error of ctx.
func (g *Gate) hash(ctx context.Context, p Profile, password string, salt []byte, size int) ([]byte, error) {
	if err := g.enter(ctx); err != nil {
		return nil, err
	}
	watch := clock.Stopwatch()
	defer func() { g.leave(p, watch()) }()
	return g.idKey([]byte(password), salt, p.Time, p.MemoryKiB, p.Threads, uint32(size)), nil
}

// enter waits for a turn, first come first served.
func (g *Gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // nobody waits for the answer
	}
	if g.turns.TryAcquire(1) {
		g.count(func(s *Stats) { s.Running++ })
		return nil
	}
	if err := g.join(); err != nil {
		return err
	}
	err := g.turns.Acquire(ctx, 1)
	g.count(func(s *Stats) {
		s.Waiting--
		if err != nil {
			s.Abandoned++
		} else {
			s.Running++
		}
	})
	return err
}

// join takes a place in the queue, or refuses.
func (g *Gate) join() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stats.Waiting < g.room() {
		g.stats.Waiting++
		return nil
	}
	g.stats.Refused++
	wait := g.stats.HashTime * time.Duration(g.stats.Waiting+g.stats.Running) / time.Duration(g.atOnce)
	// Clients are told whole seconds (RFC 9110 section 10.2.3).
	at := g.clock.Now().Add(wait).Truncate(time.Second).Add(time.Second)
	return fault.Unavailable.Until(at)
}

// room is how many may wait. The caller holds mu.
func (g *Gate) room() int {
	if g.queue > 0 {
		return g.queue
	}
	return max(2*g.atOnce, int(maxWait*time.Duration(g.atOnce)/max(g.stats.HashTime, time.Microsecond)))
}

func (g *Gate) leave(p Profile, took time.Duration) {
	g.turns.Release(1)
	g.count(func(s *Stats) {
		s.Running--
		s.Done++
		if p == g.profile { // older hashes cost something else
			s.HashTime += (took - s.HashTime) / 8
		}
	})
}

func (g *Gate) count(f func(*Stats)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.stats)
}
