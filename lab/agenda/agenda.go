// Package agenda holds what the lab has still to do: each entry is due at a time
// of the lab's clock, so that advancing the clock brings delayed texts and mails
// at once. It must never read the machine's clock; it owns no table.
package agenda

import (
	"container/heap"
	"sync"
	"time"
)

// Clock is the time that everything in the lab follows.
type Clock interface {
	// Now is the present time.
	Now() time.Time
	// Advance moves the clock forward by d.
	Advance(d time.Duration)
}

// mover is a Clock that also tells when it was advanced. Without it the agenda
// looks again when it is asked to settle and when the machine's time has passed.
type mover interface{ Moved() <-chan struct{} }

// MaxEntries bounds the agenda. It is far above what a lab that keeps 2,000
// texts can have under way.
const MaxEntries = 20_000

// shortest is the least time between two looks. A standing clock never reaches
// its next entry by itself, and must not be asked in a tight loop.
const shortest = 20 * time.Millisecond

// Agenda runs functions when they are due.
type Agenda struct {
	clock Clock
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once

	running sync.Mutex // one runner at a time keeps the order of due times

	mu      sync.Mutex
	entries entries
	count   uint64
}

type entry struct {
	at    time.Time
	count uint64 // entries due at the same time run in the order of their coming
	do    func()
}

// New starts an agenda on c. Close ends it.
func New(c Clock) *Agenda {
	a := &Agenda{clock: c, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go a.watch()
	return a
}

// Now is the time of the agenda's clock.
func (a *Agenda) Now() time.Time { return a.clock.Now() }

// Advance moves the clock forward and returns once everything due has run.
func (a *Agenda) Advance(d time.Duration) {
	a.clock.Advance(d)
	a.Settle()
}

// At runs do at time t, on another goroutine. It answers false, and will not run
// do, when the agenda is full.
func (a *Agenda) At(t time.Time, do func()) bool {
	a.mu.Lock()
	if len(a.entries) >= MaxEntries {
		a.mu.Unlock()
		return false
	}
	a.count++
	heap.Push(&a.entries, entry{at: t, count: a.count, do: do})
	first := a.entries[0].at.Equal(t)
	a.mu.Unlock()
	if first {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// Len is the number of entries that wait.
func (a *Agenda) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.entries)
}

// Settle runs everything that is due, earliest first, and returns when it has
// run. A function of the agenda must not call it.
func (a *Agenda) Settle() {
	a.running.Lock() // also waits for what another goroutine took out and has not finished
	defer a.running.Unlock()
	for {
		do := a.pop()
		if do == nil {
			return
		}
		do()
	}
}

// Close ends the agenda; what still waits never runs.
func (a *Agenda) Close() {
	a.once.Do(func() { close(a.stop) })
	<-a.done
}

func (a *Agenda) pop() func() {
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.entries) == 0 || a.entries[0].at.After(now) {
		return nil
	}
	return heap.Pop(&a.entries).(entry).do
}

// left is the time until the first entry is due, and whether there is one.
func (a *Agenda) left() (time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.entries) == 0 {
		return 0, false
	}
	return a.entries[0].at.Sub(a.clock.Now()), true
}

func (a *Agenda) watch() {
	defer close(a.done)
	for {
		var moved <-chan struct{}
		if m, ok := a.clock.(mover); ok {
			moved = m.Moved() // taken before looking, so that no advance is missed
		}
		var ring <-chan time.Time
		if left, waits := a.left(); waits && left <= 0 {
			a.Settle()
			continue
		} else if waits {
			ring = time.After(max(left, shortest))
		}
		select {
		case <-a.stop:
			return
		case <-a.wake:
		case <-moved:
		case <-ring:
		}
	}
}

// entries is a heap, earliest first.
type entries []entry

func (e entries) Len() int { return len(e) }
func (e entries) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].count < e[j].count
}
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)   { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = entry{}
	*e = old[:len(old)-1]
	return last
}
