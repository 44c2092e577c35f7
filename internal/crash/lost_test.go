package crash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// deaf is a wire on which the question arrives and the answer does not.
type deaf struct{ net.Conn }

func (d deaf) Read(b []byte) (int, error) {
	if _, err := d.Conn.Read(b); err != nil { // the answer is there, so the work is done
		return 0, err
	}
	_ = d.Conn.Close()
	return 0, errors.New("the answer is lost")
}

var deafened = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
	DisableKeepAlives: true,
	DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return deaf{conn}, err
	},
}}

// lose makes a call whose answer is lost on the wire.
func (w *town) lose(a ask) {
	w.t.Helper()
	r, err := a.request(w.t.Context(), w.pick().api)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp, err := deafened.Do(r); err == nil {
		_ = resp.Body.Close()
		w.t.Fatal("the answer was not lost")
	}
}

// hangUp sends a call and is gone before anything can be answered.
func (w *town) hangUp(a ask) {
	w.t.Helper()
	r, err := a.request(w.t.Context(), w.pick().api)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		w.t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		w.t.Fatal(err)
	}
	if _, err := conn.Write(text.Bytes()); err != nil {
		w.t.Fatal(err)
	}
	_ = conn.Close()
}

// move is one input of a journey: what the repetition is told, and the step that
// it then stands at.
type move struct {
	input body
	again string // code of the refusal; "" if it is done again without harm
	at    string
}

// walk gives every input twice, because each first answer is lost. The answer to
// the repetition is clear, says where the journey stands, and is the last one.
func (p *person) walk(region, device string, moves func(yield func(move) bool)) (last stage) {
	w := p.town
	w.t.Helper()
	begin := ask{method: "POST", path: "/api/v1/journeys", from: p.from, body: body{"kind": "signin", "region": region, "device": body{"token": device}}}
	w.lose(begin)
	j, err := p.expect(w.t.Context(), begin)
	if err != nil {
		w.t.Fatal(err)
	}
	for m := range moves {
		w.lose(p.step(j, m.input))
		r, err := p.ask(w.t.Context(), p.step(j, m.input))
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Code != m.again || r.Step.Type != m.at {
			w.t.Fatalf("R-03: %v again is answered %d %q at %q; want %q at %q", m.input, r.status, r.Code, r.Step.Type, m.again, m.at)
		}
		last = r.Step
	}
	return last
}

// text waits for the next code that comes to the person by text.
func (p *person) text() string {
	w := p.town
	w.t.Helper()
	p.texts++
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	code, came := w.carrier.code(ctx, p.phone, p.texts)
	if !came {
		w.t.Fatal("no text came")
	}
	return code
}

// mail waits for the first code that comes by mail.
func (w *town) mail(address string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if !until(ctx, func() bool { return len(w.post.Mails(address)) > 0 }) {
		w.t.Fatal("no mail came")
	}
	return w.post.Mails(address)[0].Code()
}

// in signs the person's session of a lost answer in: the step shows it again.
func (p *person) in(s stage, created bool) *signIn {
	w := p.town
	w.t.Helper()
	if s.Session == nil || s.Account == nil || s.Created != created {
		w.t.Fatalf("R-03: who lost the last answer has %+v; want a session, created %v", s, created)
	}
	r, err := p.expect(w.t.Context(), ask{method: "GET", path: "/api/v1/session", token: s.Session.Token})
	if err != nil || r.Account.ID != s.Account.ID {
		w.t.Fatalf("R-03: the session shown again answers %d for %q, %v", r.status, r.Account.ID, err)
	}
	return &signIn{token: s.Session.Token, deviceID: s.Device.ID, device: s.Device.Token}
}

// TestR003_LostAnswers loses the answer to every input of every journey, and
// repeats it: one effect, one message, and a clear answer.
func TestR003_LostAnswers(t *testing.T) {
	engines(t, func(w *town) {
		w.start()
		for name, lose := range map[string]func(w *town){
			"text": lostText, "email": lostEmail, "account": lostActs, "resend": lostResend, "hanging up": lostCalls,
		} {
			w.t.Run(name, func(t *testing.T) { lose(w.here(t)) })
		}
		if w.carrier.repeats > 0 {
			w.t.Errorf("%d texts were handed over twice", w.carrier.repeats)
		}
		w.sound()
	})
}

func lostText(w *town) {
	p := w.newPerson(w.dice(0))
	s := p.walk("intl", "", func(yield func(move) bool) {
		if !yield(move{body{"input": "phone", "phone": p.phone}, "journey_step", "code"}) {
			return
		}
		code := p.text()
		_ = yield(move{body{"input": "code", "code": other(code)}, "code_wrong", "code"}) &&
			yield(move{body{"input": "other_way"}, "journey_step", "choose_method"}) &&
			yield(move{body{"input": "method", "method": "password"}, "journey_step", "password"}) &&
			yield(move{body{"input": "back"}, "journey_step", "identify"})
	})
	if s.Type != "identify" {
		w.t.Fatalf("at %q", s.Type)
	}
	s = p.walk("intl", "", func(yield func(move) bool) {
		_ = yield(move{body{"input": "phone", "phone": p.phone}, "journey_step", "code"}) &&
			yield(move{body{"input": "code", "code": p.text()}, "code_used", "done"})
	})
	in := p.in(s, true)
	if err := p.setPassword(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	s = p.walk("intl", in.device, func(yield func(move) bool) {
		_ = yield(move{body{"input": "username", "username": p.phone}, "journey_step", "password"}) &&
			yield(move{body{"input": "password", "password": p.password}, "journey_step", "done"})
	})
	in = p.in(s, false)
	if acts := p.kinds(in); acts["account_created"] != 1 || acts["signed_in"] != 2 {
		w.t.Errorf("R-03: the activity tells %v", acts)
	}
	if n := w.carrier.received(p.phone); n != p.texts {
		w.t.Errorf("R-03: %d texts came, %d were asked for", n, p.texts)
	}
}

func lostEmail(w *town) {
	p := w.newPerson(w.dice(1))
	for i, end := range []string{"code", "skip"} {
		address := fmt.Sprintf("ada%d@example.com", i)
		s := p.walk("both", "", func(yield func(move) bool) {
			if !yield(move{body{"input": "email", "email": address}, "journey_step", "code"}) ||
				!yield(move{body{"input": "code", "code": w.mail(address)}, "journey_step", "new_password"}) ||
				!yield(move{body{"input": "new_password", "password": "blue kettle on the stove"}, "journey_step", "add_contact"}) {
				return
			}
			if end == "skip" {
				yield(move{body{"input": "skip"}, "journey_step", "done"})
				return
			}
			_ = yield(move{body{"input": "phone", "phone": p.phone}, "journey_step", "code"}) &&
				yield(move{body{"input": "code", "code": p.text()}, "code_used", "done"})
		})
		if acts := p.kinds(p.in(s, true)); acts["account_created"] != 1 || acts["signed_in"] != 1 {
			w.t.Errorf("R-03: the activity tells %v", acts)
		}
		if n := len(w.post.Mails(address)); n != 1 {
			w.t.Errorf("R-03: %d mails came", n)
		}
	}
}

func lostActs(w *town) {
	p := w.newPerson(w.dice(2))
	for range 3 {
		if err := p.enter(w.t.Context(), "", ""); err != nil {
			w.t.Fatal(err)
		}
	}
	a, b, c := p.signIns[0], p.signIns[1], p.signIns[2]
	for _, act := range []struct {
		ask
		again int
		kind  string
	}{
		{ask{method: "DELETE", path: "/api/v1/session", token: b.token}, http.StatusUnauthorized, "signed_out"},
		{ask{method: "DELETE", path: "/api/v1/devices/" + b.deviceID, token: a.token}, http.StatusNotFound, "device_removed"},
		{ask{method: "POST", path: "/api/v1/devices/sign-out-others", token: a.token}, http.StatusOK, ""},
		{ask{method: "PATCH", path: "/api/v1/account", token: a.token, body: body{"nickname": "Ada"}}, http.StatusOK, ""},
		{ask{method: "PUT", path: "/api/v1/password", token: a.token, body: body{"new_password": "blue kettle on the stove"}}, http.StatusNoContent, ""},
	} {
		w.lose(act.ask)
		r, err := p.ask(w.t.Context(), act.ask)
		if err != nil || r.status != act.again || r.Ended != 0 {
			w.t.Errorf("R-03: %s %s again answers %d %s, %d ended, %v; want %d", act.method, act.path, r.status, r.Code, r.Ended, err, act.again)
		}
		if acts := p.kinds(a); act.kind != "" && acts[act.kind] != 1 {
			w.t.Errorf("R-03: %s is told %d times", act.kind, acts[act.kind])
		}
	}
	if r, err := p.ask(w.t.Context(), ask{method: "GET", path: "/api/v1/session", token: c.token}); err != nil || r.status != http.StatusUnauthorized {
		w.t.Errorf("signed out with all others, and answered %d, %v", r.status, err)
	}
}

// lostResend asks for a second code, whose answer is lost: it came, and the
// repetition says when the next one may.
func lostResend(w *town) {
	p := w.newPerson(w.dice(3))
	s := p.walk("intl", "", func(yield func(move) bool) {
		if !yield(move{body{"input": "phone", "phone": p.phone}, "journey_step", "code"}) {
			return
		}
		first := p.text()
		<-time.After(10 * time.Second) // resend_after
		if !yield(move{body{"input": "resend"}, "codes_limited", "code"}) {
			return
		}
		second := p.text()
		if first != second && !yield(move{body{"input": "code", "code": first}, "code_replaced", "code"}) {
			return
		}
		yield(move{body{"input": "code", "code": second}, "code_used", "done"})
	})
	p.in(s, true)
}

// lostCalls hangs up in the middle of every call of a sign-up, and repeats it at
// once: it is done by one of the two.
func lostCalls(w *town) {
	for range 10 {
		p := w.newPerson(w.dice(4))
		j, err := p.expect(w.t.Context(), ask{method: "POST", path: "/api/v1/journeys", body: body{"kind": "signin", "region": "intl"}})
		if err != nil {
			w.t.Fatal(err)
		}
		var r reply
		for _, m := range []struct {
			input func() body
			clear []string
			at    string
		}{
			{func() body { return body{"input": "phone", "phone": p.phone} }, []string{"", "journey_step"}, "code"},
			{func() body { return body{"input": "code", "code": p.text()} }, []string{"", "code_used"}, "done"},
		} {
			input := m.input()
			w.hangUp(p.step(j, input))
			if r, err = p.ask(w.t.Context(), p.step(j, input)); err != nil {
				w.t.Fatal(err)
			}
			if !slices.Contains(m.clear, r.Code) || r.Step.Type != m.at {
				w.t.Fatalf("R-03: %v after hanging up is answered %q at %q", input, r.Code, r.Step.Type)
			}
		}
		in := p.in(r.Step, true)
		if acts := p.kinds(in); acts["account_created"] != 1 || acts["signed_in"] != 1 || w.carrier.received(p.phone) != 1 {
			w.t.Errorf("R-03: the activity tells %v, and %d texts came", acts, w.carrier.received(p.phone))
		}
	}
}
