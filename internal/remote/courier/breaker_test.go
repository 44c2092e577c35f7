package courier

import (
	"net"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/sms/httpgw"
)

func TestBreaker(t *testing.T) {
	start := sqldbtest.Start
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	for _, c := range []struct {
		name string
		do   func(b *breaker)
		at   float64
		want bool // let in
	}{
		{"new", func(*breaker) {}, 0, true},
		{"four failures", func(b *breaker) { repeat(b, 4, at(0), true) }, 0, true},
		{"five failures", func(b *breaker) { repeat(b, 5, at(0), true) }, 0, false},
		{"five failures, almost over", func(b *breaker) { repeat(b, 5, at(0), true) }, 1.9, false},
		{"five failures, over", func(b *breaker) { repeat(b, 5, at(0), true) }, 2, true},
		{"broken by a success", func(b *breaker) { repeat(b, 4, at(0), true); repeat(b, 1, at(0), false); repeat(b, 4, at(0), true) }, 0, true},
		{"half fail", func(b *breaker) {
			for range 10 {
				repeat(b, 1, at(0), true)
				repeat(b, 1, at(0), false)
			}
		}, 0, false},
		{"a third fail", func(b *breaker) {
			for range 20 {
				repeat(b, 1, at(0), true)
				repeat(b, 2, at(0), false)
			}
		}, 0, true},
		{"one probe at a time", func(b *breaker) { repeat(b, 5, at(0), true); b.enter(at(2)) }, 2, false},
		{"the probe fails: twice as long", func(b *breaker) { repeat(b, 5, at(0), true); b.enter(at(2)); b.result(at(2), true, 0) }, 5.9, false},
		{"and then over", func(b *breaker) { repeat(b, 5, at(0), true); b.enter(at(2)); b.result(at(2), true, 0) }, 6, true},
		{"the probe heals", func(b *breaker) {
			repeat(b, 5, at(0), true)
			b.enter(at(2))
			b.result(at(2), false, 0)
			repeat(b, 4, at(2), true)
		}, 2, true},
		{"late results count for nothing", func(b *breaker) { repeat(b, 5, at(0), true); repeat(b, 3, at(0), false); repeat(b, 30, at(0), true) }, 1.9, false},
		{"at most a minute", func(b *breaker) {
			repeat(b, 5, at(0), true)
			for i := range 20 {
				b.enter(at(float64(i+1) * 100))
				b.result(at(float64(i+1)*100), true, 0)
			}
		}, 2060, true},
		{"asked to wait", func(b *breaker) { b.result(at(0), true, 7*time.Second) }, 6.9, false},
		{"waited", func(b *breaker) { b.result(at(0), true, 7*time.Second) }, 7, true},
		{"asked to wait for a day", func(b *breaker) { b.result(at(0), true, 24*time.Hour) }, 60, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &breaker{}
			c.do(b)
			if open := b.open(at(c.at)); open == c.want {
				t.Errorf("open = %v", open)
			}
			if got := b.enter(at(c.at)); got != c.want {
				t.Errorf("enter = %v, want %v", got, c.want)
			}
		})
	}
}

func repeat(b *breaker, n int, at time.Time, failed bool) {
	for range n {
		b.result(at, failed, 0)
	}
}

// the first carrier fails; after some messages it is left alone and the
// second takes all; when it works again, it has its messages back. No message
// that nobody could take is tried faster than its turn.
func TestR011_BreakerOpensAndHeals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		down := fail(attempt.Temporary, attempt.Service)
		for range 5 {
			w.a.script = append(w.a.script, down)
		}
		send := func(id string, wantA, wantB int) {
			t.Helper()
			a, b := w.a.asked(), w.b.asked()
			w.post(message(id))
			if err := w.run(id, 1); err != nil || w.state(id) != "sent" {
				t.Errorf("%s: %v, %s", id, err, w.state(id))
			}
			if w.a.asked()-a != wantA || w.b.asked()-b != wantB {
				t.Errorf("%s: a was asked %d times and b %d times, want %d and %d", id, w.a.asked()-a, w.b.asked()-b, wantA, wantB)
			}
		}
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			send(id, 1, 1)
		}
		send("6", 0, 1)
		if !w.Available(SMS, number) {
			t.Error("b is there")
		}
		w.clock.Advance(2 * time.Second)
		send("7", 1, 0)
		send("8", 1, 0)

		for range 5 {
			w.a.script, w.b.script = append(w.a.script, down), append(w.b.script, down)
		}
		for i, id := range []string{"p", "q", "r", "s", "t", "u"} {
			w.post(message(id))
			if err := w.run(id, 1); err == nil || w.state(id) != "queued service" {
				t.Errorf("message %d with both down: %v, %s", i, err, w.state(id))
			}
		}
		if w.Available(SMS, number) || w.Available(SMS, "+447400123456") || !w.Available(Email, address) {
			t.Error("Available is wrong while both carriers are down")
		}
		w.clock.Advance(2 * time.Second)
		if !w.Available(SMS, number) {
			t.Error("after the pause one may try")
		}
	})
}

// a carrier that takes connections and never answers costs the first
// messages their certainty and the rest nothing: they go to the other carrier.
func TestR012_BlackHole(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	clk := clock.At(sqldbtest.Start)
	w := newWorld(t, sqldbtest.SQLite(t, clk), clk)
	silent, err := httpgw.New(httpgw.Config{Name: "hole", Base: "http://" + hole.Addr().String(), WaitFor: 50 * time.Millisecond}, clk)
	if err != nil {
		t.Fatal(err)
	}
	w.routes[SMS] = []*route{w.newRoute(textHand{silent}, TextRoute{}), w.newRoute(textHand{w.b}, TextRoute{})}
	took := clock.Stopwatch()
	states := map[string]int{}
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		w.post(message(id))
		if err := w.run(id, 1); err != nil {
			t.Fatal(err)
		}
		states[w.state(id)]++
	}
	if states["sent unknown"] != 3 || states["sent"] != 5 || w.b.asked() != 5 {
		t.Errorf("states %v, b was asked %d times; want 3 unknown and 5 by b", states, w.b.asked())
	}
	if d := took(); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
}
