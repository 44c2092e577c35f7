package crash_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestR019_RequestsInFlight: SIGTERM comes while passwords are being hashed and
// wait for their turn. Each of them is answered, the process ends with 0 and
// leaves no lease.
func TestR019_RequestsInFlight(t *testing.T) {
	engines(t, func(w *town) {
		n := w.start()
		p := w.signedUp(0)
		s := p.signIns[0]
		if err := p.setPassword(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
		const callers = 12
		one := []*node{n}
		journeys := w.atOnce(one, callers, func(int) ask {
			return ask{method: "POST", path: "/api/v1/journeys", from: p.from, body: body{"kind": "signin", "region": "intl", "device": body{"token": s.device}}}
		})
		w.atOnce(one, callers, func(i int) ask { return p.step(journeys[i], body{"input": "username", "username": p.phone}) })
		ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
		defer cancel()
		var ending sync.WaitGroup
		ending.Go(func() {
			if !until(ctx, func() bool { return n.number("selfsame_passwords_waiting") >= callers/2 }) {
				w.t.Error("the passwords were never waiting for their turn")
			}
			n.term()
		})
		got := told(w.atOnce(one, callers, func(i int) ask { return p.step(journeys[i], body{"input": "password", "password": p.password}) }))
		if got["done"] != callers {
			w.t.Errorf("R-19: requests in flight at the end are answered %v", got)
		}
		ending.Wait()
		n.ended()
		if leases := w.count(`SELECT COUNT(*) FROM job WHERE lease <> ''`); leases > 0 {
			w.t.Errorf("R-19: %d leases were not given back", leases)
		}
		w.sound()
	}, "[passwords]\nat_once = 1\nprofile = \"strict\"\ndelay_after = 100\n[shutdown]\nnotice = \"0s\"\n")
}

// TestR020_RollingRestart replaces two nodes one after the other, under
// load behind a balancer that asks /readyz. Nobody sees a failure, nobody is
// signed out, and journeys go on at the other node.
func TestR020_RollingRestart(t *testing.T) {
	engines(t, func(w *town) {
		nodes := w.pair()
		c := newCrowd(w)
		stop := make(chan struct{})
		var load sync.WaitGroup
		load.Go(func() { c.load(w.t.Context(), stop, true) })
		for i := range 2 * rounds(w.t, 1, 1) {
			old := nodes[i%2]
			<-time.After(200 * time.Millisecond)
			old.term()
			ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
			if !until(ctx, func() bool { return old.readiness() != http.StatusOK }) {
				w.t.Error("R-19: still ready after SIGTERM")
			}
			cancel()
			w.withdraw(old)
			old.ended()
			nodes[i%2] = w.start()
		}
		close(stop)
		load.Wait()
		if c.unsure.Load() != 0 {
			w.t.Errorf("R-20: a call was not answered: %v", c.last.Load())
		}
		c.settle(w.t.Context())
		w.t.Logf("%d acts acknowledged", c.acks.Load())
		for _, n := range nodes {
			n.term()
			n.ended()
		}
		w.sound()
	}, "[shutdown]\nnotice = \"400ms\"\n")
}

// TestR007_HangingUp: people who go away in the middle of a call leave nothing
// half done, and who stays notices nothing.
func TestR007_HangingUp(t *testing.T) {
	engines(t, func(w *town) {
		w.program = shipped
		n := w.start()
		dice := w.dice(0)
		var gone []*person
		for range rounds(w.t, 150, 40) {
			p := w.newPerson(dice)
			if dice.IntN(2) == 0 {
				if err := p.enter(w.t.Context(), "", ""); err != nil {
					w.t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(dice.IntN(8000))*time.Microsecond)
			for ctx.Err() == nil {
				if err := p.act(ctx); err != nil && !errors.Is(err, errUnsure) && !errors.Is(err, errParked) {
					break
				}
			}
			cancel()
			gone = append(gone, p)
		}
		n.term() // what was begun is over when the node has ended
		n.ended()
		w.withdraw(n)
		w.sound()
		w.start()
		for _, p := range gone {
			if err := p.find(w.t.Context()); err != nil {
				p.wrong("%v", err)
			}
		}
		(&crowd{town: w}).check(w.t.Context(), gone)
		w.sound()
	}, "[shutdown]\nnotice = \"0s\"\n")
}
