package courier

import (
	"math/bits"
	"sync"
	"time"
)

// breaker keeps a route that fails from being asked: open, it refuses; then it
// lets one message through, and closes or opens for longer by what becomes of it.
// So an outage costs few people their wait, and the end of it is no storm.
type breaker struct {
	turned func(open bool)

	mu      sync.Mutex
	history uint32    // of results, newest in bit 0; 1 is a failure of the carrier
	until   time.Time // zero: closed
	wait    time.Duration
	probing bool
}

const (
	breakAfter   = 5  // failures in a row, or
	breakOf      = 20 // as many results, of which
	breakHalf    = 10 // so many failed
	breakFirst   = 2 * time.Second
	breakLongest = time.Minute
)

// open tells whether a message would be refused now.
func (b *breaker) open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.until.IsZero() && (now.Before(b.until) || b.probing)
}

// enter asks to try. Whoever is let in reports the result.
func (b *breaker) enter(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return true
	case now.Before(b.until) || b.probing:
		return false
	}
	b.probing = true
	return true
}

// result takes what became of a try: failed if it speaks against the carrier.
// pause is how long the carrier asked to be left alone.
func (b *breaker) result(now time.Time, failed bool, pause time.Duration) {
	b.mu.Lock()
	was := !b.until.IsZero()
	switch {
	case was && !b.probing: // began before it opened
	case !failed:
		b.history, b.until, b.wait, b.probing = b.history<<1, time.Time{}, 0, false
		if was {
			b.history = 0
		}
	default:
		b.history = b.history<<1 | 1
		inRow := b.history&(1<<breakAfter-1) == 1<<breakAfter-1
		often := bits.OnesCount32(b.history&(1<<breakOf-1)) >= breakHalf
		if was || inRow || often || pause > 0 {
			b.wait = min(max(2*b.wait, breakFirst), breakLongest)
			b.until = now.Add(max(b.wait, min(pause, breakLongest)))
			b.history, b.probing = 0, false
		}
	}
	is := !b.until.IsZero()
	b.mu.Unlock()
	if is != was && b.turned != nil {
		b.turned(is)
	}
}
