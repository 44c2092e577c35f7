package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// order is what the load process is told to do, one line of JSON.
type order struct {
	Do       string        // one of acts
	Target   string        // host:port
	Clients  int           // connections, each asking as soon as it was answered
	For      time.Duration // how long new calls are begun
	Accounts int64         // how many are seeded
	Most     int           // calls altogether; 0 is as many as fit into For
}

// tally is what it answers: what was done, and what the doing took here.
type tally struct {
	Done      int
	Failed    int
	Why       string  // of the first failure
	Seconds   float64 // from the first call to the last answer
	OwnCPU    float64 // seconds of processor time of the load process
	P50, P99  float64 // milliseconds of one act
	PerSecond float64
}

// load is the process that plays the people, the carrier and a third-party provider. It is apart from
// the measured one, so that neither's garbage and scheduler weigh on the other.
type load struct {
	carrier *carrier
	vendor  *vendor
	target  string
	people  []*person // who signed in by "meet" and comes again
	next    atomic.Int64
	turns   [64]atomic.Int64 // of each client, over all orders
}

// runLoad obeys orders from in until it ends. Its first line names the carrier and the
// third-party provider.
func runLoad(in io.Reader, out io.Writer) error {
	k, err := newCarrier()
	if err != nil {
		return err
	}
	v, err := newVendor()
	if err != nil {
		return err
	}
	l := &load{carrier: k, vendor: v}
	l.next.Store(now.Now().UnixMilli() % 50_000_000) // strangers of an earlier run are known by now
	if _, err := fmt.Fprintln(out, k.ln.Addr(), v.ln.Addr()); err != nil {
		return err
	}
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := dec.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := enc.Encode(l.obey(o)); err != nil {
			return err
		}
	}
}

// act is what one client does over and over.
type act func(l *load, v *visitor, client int) error

// acts are the things that people do here.
var acts = map[string]func(o order) act{
	// An account that exists, on a device that it does not know.
	"text": func(o order) act {
		return func(l *load, v *visitor, client int) error {
			return v.byText(&person{phone: seeded(l.turn(client, o.Accounts, o.Clients))})
		}
	},
	// Somebody new: the journey makes the account.
	"signup": func(order) act {
		return func(l *load, v *visitor, _ int) error { return v.byText(&person{phone: stranger(l.next.Add(1))}) }
	},
	"known":    again((*visitor).byText),
	"password": again((*visitor).byPassword),
	"check":    again((*visitor).check),
	"secure":   once((*visitor).setPassword),
	"meet":     once((*visitor).byText),
	"provider": again((*visitor).byProvider),
	"token":    again((*visitor).byToken),
	"join":     once((*visitor).byToken),
	// The handler that does nothing, asked in the same words.
	"bare": func(order) act {
		return func(_ *load, v *visitor, _ int) error { return v.check(&nobody) }
	},
}

// again lets each client play its share of the people, over and over.
func again(f func(v *visitor, p *person) error) func(o order) act {
	return func(o order) act {
		return func(l *load, v *visitor, client int) error {
			return f(v, l.people[l.turn(client, int64(len(l.people)), o.Clients)])
		}
	}
}

// turn is whose turn it is among n with this client: each comes again when all were,
// over all orders, because an account that is signed in to ten times an hour is
// noticed. Nobody is two clients'.
func (l *load) turn(client int, n int64, clients int) int64 {
	share := max(1, n/int64(clients))
	return (l.turns[client].Add(1)-1)%share*int64(clients) + int64(client)
}

// once lets everybody do it one time.
func once(f func(v *visitor, p *person) error) func(o order) act {
	return func(o order) act {
		var turn atomic.Int64
		return func(l *load, v *visitor, _ int) error {
			return f(v, l.people[(turn.Add(1)-1)%int64(len(l.people))])
		}
	}
}

// nobody has a token of the usual length.
var nobody = person{session: "sst_" + strings.Repeat("A", 51)}

func (l *load) obey(o order) tally {
	l.target = o.Target
	if o.Do == "meet" || o.Do == "join" {
		l.people = nil
		for i := range o.Most {
			l.people = append(l.people, &person{phone: seeded(int64(i) * max(1, o.Accounts/int64(o.Most)))})
		}
	}
	make, known := acts[o.Do]
	if !known {
		return tally{Why: "no such act: " + o.Do}
	}
	return l.run(o, make(o))
}

// run lets clients act until the time or the number is up.
func (l *load) run(o order, do act) tally {
	var mu sync.Mutex
	var t tally
	var times []time.Duration
	var left atomic.Int64
	left.Store(int64(o.Most))
	before, took := ownCPU(), clock.Stopwatch()
	var all sync.WaitGroup
	for client := range o.Clients {
		all.Go(func() {
			mine, failed, why := l.client(o, client, do, took, &left)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			t.Failed += failed
			if t.Why == "" {
				t.Why = why
			}
		})
	}
	all.Wait()
	t.Seconds, t.OwnCPU, t.Done = took().Seconds(), ownCPU()-before, len(times)
	slices.Sort(times)
	t.P50, t.P99 = percentile(times, 0.5), percentile(times, 0.99)
	t.PerSecond = float64(t.Done) / t.Seconds
	return t
}

// failuresMost ends a client to whom everything fails.
const failuresMost = 20

func (l *load) client(o order, client int, do act, took func() time.Duration, left *atomic.Int64) (times []time.Duration, failed int, why string) {
	v, err := l.visitor()
	if err != nil {
		return nil, 1, err.Error()
	}
	defer func() { v.close() }()
	for failed < failuresMost && (o.For == 0 || took() < o.For) && (o.Most == 0 || left.Add(-1) >= 0) {
		one := clock.Stopwatch()
		if err := do(l, v, client); err == nil {
			times = append(times, one())
			continue
		} else if failed++; why == "" {
			why = err.Error()
		}
		v.close()
		if v, err = l.visitor(); err != nil {
			return times, failed, err.Error()
		}
	}
	return times, failed, why
}

func (l *load) visitor() (*visitor, error) {
	c, err := dial(l.target)
	if err != nil {
		return nil, err
	}
	return &visitor{conn: c, carrier: l.carrier, vendor: l.vendor, box: make(chan string, 1), timer: time.NewTimer(patience)}, nil
}

// ownCPU is the processor time of this process so far, in seconds.
func ownCPU() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
