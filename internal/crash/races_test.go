package crash_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// atOnce makes n calls at the same moment, by turns at each of the nodes, and
// answers what they were told. None may break or fail.
func (w *town) atOnce(nodes []*node, n int, call func(i int) ask) (replies []reply) {
	w.t.Helper()
	replies = make([]reply, n)
	var all, ready sync.WaitGroup
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			ready.Done()
			ready.Wait()
			a := call(i)
			r, err := a.at(w.t.Context(), nodes[i%len(nodes)])
			if err != nil || r.status >= 500 {
				w.t.Errorf("%s %s: %d %s, %v", a.method, a.path, r.status, r.Code, err)
			}
			replies[i] = r
		})
	}
	all.Wait()
	for _, n := range nodes {
		if w.t.Failed() {
			w.t.Logf("a node says:\n%.4000s", n.log)
		}
	}
	return replies
}

// told counts what replies say: the code of a refusal, or the step.
func told(replies []reply) map[string]int {
	out := map[string]int{}
	for _, r := range replies {
		switch {
		case r.Code != "":
			out[r.Code]++
		case r.Step.Type != "":
			out[r.Step.Type]++
		default:
			out[http.StatusText(r.status)]++
		}
	}
	return out
}

// pair starts two nodes on one database.
func (w *town) pair() []*node { return []*node{w.start(), w.start()} }

// begin begins a journey and types the number, and answers the code that came.
func (p *person) begin(ctx context.Context) (j reply, code string) {
	p.town.t.Helper()
	j, err := p.expect(ctx, ask{method: "POST", path: "/api/v1/journeys", body: body{"kind": "signin", "region": "intl", "device": body{"name": "Pixel 9", "kind": "phone"}}})
	if err != nil {
		p.town.t.Fatal(err)
	}
	if _, err := p.expect(ctx, p.step(j, body{"input": "phone", "phone": p.phone})); err != nil {
		p.town.t.Fatal(err)
	}
	p.texts++
	code, came := p.town.carrier.code(ctx, p.phone, p.texts)
	if !came {
		p.town.t.Fatal("no text came")
	}
	return j, code
}

// step is an answer to the present step of a journey.
func (p *person) step(j reply, input body) ask {
	return ask{method: "POST", path: "/api/v1/journeys/" + j.ID, key: j.Key, from: p.from, body: input}
}

// signedUp is a person with an account and one session.
func (w *town) signedUp(dice int) *person {
	w.t.Helper()
	p := w.newPerson(w.dice(dice))
	if err := p.enter(w.t.Context(), "", ""); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// kinds reads the activity of a person.
func (p *person) kinds(by *signIn) map[string]int {
	p.town.t.Helper()
	acts, err := p.activity(p.town.t.Context(), by)
	if err != nil {
		p.town.t.Fatal(err)
	}
	return acts
}

// TestR017_AtOnce races two nodes on one database: one winner, and a clean answer
// for the rest (R-17, S-14); what one ends is over at the other.
func TestR017_AtOnce(t *testing.T) {
	engines(t, func(w *town) {
		nodes := w.pair()
		for name, race := range map[string]func(w *town, nodes []*node){
			"one code": oneCode, "guesses": guesses, "one number": oneNumber, "ends": ends, "ends against beginnings": endsAgainstBeginnings,
		} {
			w.t.Run(name, func(t *testing.T) { race(w.here(t), nodes) })
		}
		w.sound()
	})
}

// oneCode: one code at once from twelve places opens one session, and the others
// are told that it was used.
func oneCode(w *town, nodes []*node) {
	for i := range rounds(w.t, 5, 2) {
		p := w.newPerson(w.dice(i))
		j, code := p.begin(w.t.Context())
		replies := w.atOnce(nodes, 12, func(int) ask { return p.step(j, body{"input": "code", "code": code}) })
		if got := told(replies); got["done"] != 1 || got["code_used"] != 11 {
			w.t.Errorf("one code at once is answered %v; want it done once and used 11 times", got)
		}
		p.onlyOnce(replies, 1)
	}
}

// onlyOnce checks that the account that replies signed in to was made once, and
// was signed in to so often.
func (p *person) onlyOnce(replies []reply, signIns int) {
	p.town.t.Helper()
	for _, r := range replies {
		if r.Step.Type == "done" && r.status == http.StatusOK {
			if acts := p.kinds(&signIn{token: r.Step.Session.Token}); acts["account_created"] != 1 || acts["signed_in"] != signIns {
				p.wrong("the activity tells %v", acts)
			}
		}
	}
}

// guesses: of 24 wrong codes at once five are judged, and the right one then comes
// too late; so are five of 24 wrong passwords.
func guesses(w *town, nodes []*node) {
	p := w.newPerson(w.dice(0))
	j, code := p.begin(w.t.Context())
	wrong := code
	var guesses []string
	for range 24 {
		wrong = other(wrong)
		guesses = append(guesses, wrong)
	}
	got := told(w.atOnce(nodes, 24, func(i int) ask { return p.step(j, body{"input": "code", "code": guesses[i]}) }))
	if got["code_wrong"] != 5 || got["code_tries_exceeded"] != 19 {
		w.t.Errorf("24 wrong codes at once are answered %v; want five judged", got)
	}
	if r, err := p.ask(w.t.Context(), p.step(j, body{"input": "code", "code": code})); err != nil || r.Code != "code_tries_exceeded" {
		w.t.Errorf("the right code after that is answered %q, %v", r.Code, err)
	}

	owner := w.signedUp(1)
	if err := owner.setPassword(w.t.Context(), owner.live()[0]); err != nil {
		w.t.Fatal(err)
	}
	journeys := w.atOnce(nodes, 24, func(int) ask {
		return ask{method: "POST", path: "/api/v1/journeys", from: owner.from, body: body{"kind": "signin", "region": "intl"}}
	})
	w.atOnce(nodes, 24, func(i int) ask { return owner.step(journeys[i], body{"input": "username", "username": owner.phone}) })
	began := time.Now()
	got = told(w.atOnce(nodes, 24, func(i int) ask {
		return owner.step(journeys[i], body{"input": "password", "password": fmt.Sprintf("green kettle %d", i)})
	}))
	most := 5 + int(time.Since(began)/time.Second) // then one a second, and less and less
	if n := got["credentials_invalid"]; n == 0 || n > most || n+got["too_many_attempts"] != 24 {
		w.t.Errorf("24 wrong passwords at once are answered %v; want at most %d judged", got, most)
	}
}

// oneNumber: a number that signs up twice at once, on two nodes, has one account,
// and both are signed in to it.
func oneNumber(w *town, nodes []*node) {
	for i := range rounds(w.t, 8, 3) {
		p := w.newPerson(w.dice(i))
		first, code := p.begin(w.t.Context())
		second, code2 := p.begin(w.t.Context())
		replies := w.atOnce(nodes, 2, func(i int) ask {
			return []ask{p.step(first, body{"input": "code", "code": code}), p.step(second, body{"input": "code", "code": code2})}[i]
		})
		a, b := replies[0].Step, replies[1].Step
		if a.Account == nil || b.Account == nil || a.Account.ID != b.Account.ID || a.Created == b.Created {
			w.t.Errorf("signed up twice at once: %+v and %+v", a, b)
		}
		p.onlyOnce(replies, 2)
	}
}

// ends: what one node ends is over at the other at once, and what two end together
// is ended, and told, once.
func ends(w *town, nodes []*node) {
	ctx := w.t.Context()
	alive := func(n *node, s *signIn) bool {
		r, err := ask{method: "GET", path: "/api/v1/session", token: s.token}.at(ctx, n)
		if err != nil || r.status != http.StatusOK && r.status != http.StatusUnauthorized {
			w.t.Errorf("GET /api/v1/session: %d, %v", r.status, err)
		}
		return r.status == http.StatusOK
	}
	p := w.signedUp(0)
	for _, end := range []struct {
		what, method, path string
		body               body
		own                bool // it ends the session of who asks
	}{
		{"signing out", "DELETE", "/api/v1/session", nil, true},
		{"signing out all others", "POST", "/api/v1/devices/sign-out-others", nil, false},
		{"a new password", "PUT", "/api/v1/password", body{"new_password": "blue kettle on the stove"}, false},
		{"removing the device", "DELETE", "/api/v1/devices/", nil, false},
	} {
		if err := p.enter(ctx, "", ""); err != nil {
			w.t.Fatal(err)
		}
		s, by := p.signIns[len(p.signIns)-1], p.signIns[0]
		if end.own {
			by = s
		}
		if end.what == "removing the device" {
			end.path += s.deviceID
		}
		if !alive(nodes[0], s) || !alive(nodes[1], s) {
			w.t.Fatalf("%s: not signed in before", end.what)
		}
		r, err := ask{method: end.method, path: end.path, token: by.token, body: end.body}.at(ctx, nodes[0])
		if err != nil || r.status >= 300 {
			w.t.Fatalf("%s: %d %s, %v", end.what, r.status, r.Code, err)
		}
		if alive(nodes[1], s) {
			w.t.Errorf("R-18: %s at one node, and the session lives at the other", end.what)
		}
	}
	keeper := p.signIns[0]
	if err := p.enter(ctx, "", ""); err != nil {
		w.t.Fatal(err)
	}
	s := p.signIns[len(p.signIns)-1]
	before := p.kinds(keeper)
	got := told(w.atOnce(nodes, 8, func(int) ask { return ask{method: "DELETE", path: "/api/v1/session", token: s.token, from: p.from} }))
	if told := p.kinds(keeper)["signed_out"] - before["signed_out"]; got["No Content"] == 0 || got["No Content"]+got["session_required"] != 8 || told != 1 {
		w.t.Errorf("signing out eight times at once is answered %v and told %d times", got, told)
	}
	w.run("account", "sign-out", p.account)
	if alive(nodes[0], keeper) || alive(nodes[1], keeper) {
		w.t.Error("R-18: signed out by the operator, and the session lives")
	}
}

// endsAgainstBeginnings: all others are signed out at one node while a new device
// signs in at the other. Whichever is first, no session is left without its device.
func endsAgainstBeginnings(w *town, nodes []*node) {
	for i := range rounds(w.t, 4, 2) {
		p := w.signedUp(i)
		by := p.signIns[0]
		for range 7 {
			j, code := p.begin(w.t.Context())
			replies := w.atOnce(nodes, 4, func(i int) ask {
				if i == 0 {
					return p.step(j, body{"input": "code", "code": code})
				}
				return ask{method: "POST", path: "/api/v1/devices/sign-out-others", token: by.token, from: p.from}
			})
			if replies[0].Step.Type != "done" || slices.ContainsFunc(replies[1:], func(r reply) bool { return r.status != http.StatusOK }) {
				w.t.Errorf("answered %v", told(replies))
			}
		}
	}
}
