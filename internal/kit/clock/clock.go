// Package clock holds the one source of wall time. Everything timed asks a
// Clock, so that the lab and the tests can move a 15-day wait into a moment.
// It must never be bypassed: time.Now stands in this package only (a test says so).
// Measured durations (metrics, deadlines of calls out) use Since, which is monotonic.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells wall time in UTC, cut to microseconds, which is what the store keeps.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
	fixed  time.Time // zero: the system's time runs underneath
	moved  chan struct{}
}

// System is the machine's clock.
func System() *Clock { return &Clock{moved: make(chan struct{})} }

// At is a clock that stands still at t until it is advanced. For tests.
func At(t time.Time) *Clock { return &Clock{fixed: t, moved: make(chan struct{})} }

// Now is the present time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.fixed
	if base.IsZero() {
		base = time.Now()
	}
	return base.Add(c.offset).UTC().Truncate(time.Microsecond)
}

// Advance moves the clock forward by d and wakes every sleeper to look again.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	close(c.moved)
	c.moved = make(chan struct{})
}

// Moved is closed at the next Advance.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// Sleep waits until d has passed on this clock or ctx ends; Advance counts.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	end := c.Now().Add(d)
	for {
		moved := c.Moved()
		left := end.Sub(c.Now())
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-moved:
			timer.Stop()
		case <-timer.C: // a standing clock is no further: it only moves by Advance
		}
	}
}

// Stopwatch starts measuring an elapsed time; the returned function reads it.
func Stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
