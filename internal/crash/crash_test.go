package crash_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// workers is how many people act at once.
const workers = 12

// crowd is the people of a town, and who of them acts.
type crowd struct {
	*town
	dice    []*rand.Rand
	acting  []*person
	retired []*person
	parked  []*person // waiting for a text whose job died with its node
	acks    atomic.Int64
	unsure  atomic.Int64 // when somebody last got no answer
	last    atomic.Value // what they got instead
}

func newCrowd(w *town) *crowd {
	c := &crowd{town: w}
	for i := range workers {
		c.dice = append(c.dice, w.dice(i))
		c.acting = append(c.acting, w.newPerson(c.dice[i]))
	}
	return c
}

// load lets everybody act until stop is closed. Who gets no answer stops too, and
// with patience finds out what became of it and goes on.
func (c *crowd) load(ctx context.Context, stop <-chan struct{}, patience bool) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range c.acting {
		all.Go(func() {
			for !closed(stop) {
				p := c.acting[i]
				err := p.act(ctx)
				for patience && (errors.Is(err, errUnsure) || errors.Is(err, errParked)) && !closed(stop) {
					if errors.Is(err, errUnsure) {
						c.unsure.Store(time.Now().UnixNano())
						c.last.Store(err.Error())
					}
					<-time.After(20 * time.Millisecond)
					err = p.find(ctx)
				}
				if err != nil {
					return
				}
				c.acks.Add(1)
				if p.did < 12 {
					continue
				}
				mu.Lock()
				c.retired = append(c.retired, p)
				mu.Unlock()
				c.acting[i] = c.newPerson(c.dice[i])
			}
		})
	}
	all.Wait()
}

func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// settle finds out, for everybody, what became of what had no answer, and then
// checks everything that was ever acknowledged.
func (c *crowd) settle(ctx context.Context) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, p := range c.acting {
		all.Go(func() {
			err := p.find(ctx)
			if err == nil {
				err = p.checkPassword(ctx)
			}
			if err == nil {
				err = p.check(ctx)
			}
			switch {
			case errors.Is(err, errParked):
				mu.Lock()
				c.parked = append(c.parked, p)
				mu.Unlock()
				c.acting[i] = c.newPerson(c.dice[i])
			case err != nil:
				p.wrong("after the restart: %v", err)
			}
		})
	}
	all.Wait()
	c.check(ctx, c.retired)
	const kept = 40 // those before were checked often enough
	c.retired = c.retired[max(0, len(c.retired)-kept):]
}

func (c *crowd) check(ctx context.Context, people []*person) {
	var all sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, p := range people {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := p.check(ctx); err != nil {
				p.wrong("%v", err)
			}
		})
	}
	all.Wait()
}

// TestR001_KillUnderLoad kills the program at random moments while people sign
// up, sign in, change and end things. What was acknowledged is there, what had no
// answer is whole or absent with its audit row, journeys go on where they stood,
// and every invariant holds in what the crash left.
func TestR001_KillUnderLoad(t *testing.T) {
	engines(t, func(w *town) {
		w.program = shipped
		w.carrier.breaks = 10 // and nobody gets a text twice
		c := newCrowd(w)
		when := w.dice(1000)
		n := w.start()
		for round := range rounds(w.t, 10, 3) {
			stop := make(chan struct{})
			var load sync.WaitGroup
			load.Go(func() { c.load(w.t.Context(), stop, false) })
			<-time.After(time.Duration(50+when.IntN(350)) * time.Millisecond)
			n.kill()
			close(stop)
			load.Wait()
			w.withdraw(n)
			w.sound()
			if w.t.Failed() {
				w.t.Fatalf("in round %d\n%s", round+1, n.log)
			}
			n = w.start()
			c.settle(w.t.Context())
			if w.t.Failed() {
				w.t.Fatalf("after kill %d\n%s", round+1, n.log)
			}
		}
		n.term()
		n.ended()
		w.sound()
		if c.acks.Load() < 20 {
			w.t.Errorf("only %d acts were acknowledged: there was no load", c.acks.Load())
		}
		waiting := w.count(`SELECT COUNT(*) FROM courier_message WHERE state = 'queued'`)
		w.t.Logf("%d acts acknowledged, %d people wait for a text and %d messages for their lease, %d texts were offered again",
			c.acks.Load(), len(c.parked), waiting, w.carrier.repeats)
		if len(c.parked) > waiting {
			w.t.Errorf("%d people wait for a text, but only %d are to be sent", len(c.parked), waiting)
		}
	})
}
