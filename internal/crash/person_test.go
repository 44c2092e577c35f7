package crash_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// person has one phone number and writes down what the program acknowledged.
// What had no answer is in pending, and is found out before anything else is done.
type person struct {
	town     *town
	dice     *rand.Rand
	phone    string
	from     string
	account  string
	nickname string
	password string
	devices  []string // tokens of the devices on which they signed in
	signIns  []*signIn
	acts     map[string]int // as recent activity must tell them
	texts    int            // codes that were surely sent
	did      int
	trip     *trip
	pending  *pending
}

// signIn is one session.
type signIn struct {
	token, deviceID, device string
	ended                   bool
}

// trip is a journey under way.
type trip struct {
	id, key, device, password string
	at                        string // the last step that was acknowledged
	sends                     int
	guess                     bool // a wrong code comes first
}

// pending is an act of the account page without an answer.
type pending struct {
	kind string  // of the audit
	by   *signIn // who asked
	done func()  // writes the act down
}

func (w *town) newPerson(dice *rand.Rand) *person {
	n := w.next.Load()
	return &person{town: w, dice: dice, phone: w.newPhone(), from: fmt.Sprintf("198.18.%d.%d", n/250%250, n%250+1), acts: map[string]int{}}
}

// wrong reports that the program broke its word to this person.
func (p *person) wrong(format string, args ...any) {
	p.town.t.Helper()
	p.town.t.Errorf("the person with %s (account %s): %s", p.phone, p.account, fmt.Sprintf(format, args...))
}

func (p *person) ask(ctx context.Context, a ask) (reply, error) {
	a.from = p.from
	return p.town.ask(ctx, a)
}

var errRefused = errors.New("refused")

// expect makes a call that must succeed.
func (p *person) expect(ctx context.Context, a ask) (reply, error) {
	r, err := p.ask(ctx, a)
	if err == nil && r.status >= 300 {
		p.wrong("%s %s %v answers %d %s (retry at %v)", a.method, a.path, a.body["input"], r.status, r.Code, r.RetryAt)
		return r, errRefused
	}
	return r, err
}

// live are the sessions that were not ended.
func (p *person) live() (out []*signIn) {
	for _, s := range p.signIns {
		if !s.ended {
			out = append(out, s)
		}
	}
	return out
}

// act does one more thing, by chance.
func (p *person) act(ctx context.Context) error {
	p.did++
	live := p.live()
	if len(live) == 0 || p.texts < 7 && p.dice.IntN(5) == 0 {
		device := ""
		if len(p.devices) > 0 && p.dice.IntN(2) == 0 {
			device = p.devices[p.dice.IntN(len(p.devices))]
		}
		return p.enter(ctx, device, "")
	}
	by := live[p.dice.IntN(len(live))]
	switch p.dice.IntN(8) {
	case 0:
		return p.setPassword(ctx, by)
	case 1:
		if p.password != "" {
			return p.enter(ctx, by.device, p.password)
		}
		return p.rename(ctx, by)
	case 2:
		return p.signOut(ctx, by)
	case 3:
		return p.removeDevice(ctx, by, live[p.dice.IntN(len(live))])
	case 4:
		return p.signOutOthers(ctx, by)
	}
	return p.rename(ctx, by)
}

// enter signs in, by text or (on a known device) by password.
func (p *person) enter(ctx context.Context, device, password string) error {
	begin := body{"kind": "signin", "region": "intl", "device": body{"name": "Pixel 9", "kind": "phone", "token": device}}
	r, err := p.expect(ctx, ask{method: "POST", path: "/api/v1/journeys", body: begin})
	if err != nil {
		return err
	}
	p.trip = &trip{id: r.ID, key: r.Key, device: device, password: password, at: r.Step.Type, guess: p.dice.IntN(8) == 0}
	return p.travel(ctx, r.Step)
}

// errParked is a journey whose text has not come yet.
var errParked = errors.New("the text is still on its way")

// travel goes on from a step to the end of the journey.
func (p *person) travel(ctx context.Context, s stage) error {
	for {
		p.trip.at = s.Type
		if s.Type == "code" {
			p.texts += s.Sends - p.trip.sends
			p.trip.sends = s.Sends
		}
		if s.Type == "done" {
			p.arrive(s)
			return nil
		}
		input, err := p.answer(ctx, s)
		if err != nil {
			return err
		}
		r, err := p.expect(ctx, ask{method: "POST", path: "/api/v1/journeys/" + p.trip.id, key: p.trip.key, body: input})
		if err != nil {
			return err
		}
		s = r.Step
	}
}

// answer is what the person gives to a step.
func (p *person) answer(ctx context.Context, s stage) (body, error) {
	switch {
	case s.Type == "identify" && p.trip.password != "":
		return body{"input": "username", "username": p.phone}, nil
	case s.Type == "identify":
		return body{"input": "phone", "phone": p.phone}, nil
	case s.Type == "password":
		return body{"input": "password", "password": p.trip.password}, nil
	case s.Type != "code":
		p.wrong("the journey stands at %q", s.Type)
		return nil, errRefused
	}
	wait, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	code, came := p.town.carrier.code(wait, p.phone, p.texts)
	if !came {
		return nil, errParked
	}
	if p.trip.guess {
		p.trip.guess = false
		r, err := p.ask(ctx, ask{method: "POST", path: "/api/v1/journeys/" + p.trip.id, key: p.trip.key, body: body{"input": "code", "code": other(code)}})
		if err != nil {
			return nil, err
		}
		if r.Code != "code_wrong" {
			p.wrong("a wrong code is answered %d %q", r.status, r.Code)
		}
	}
	return body{"input": "code", "code": code}, nil
}

// other is another code.
func other(code string) string {
	n, _ := strconv.Atoi(code)
	return fmt.Sprintf("%06d", (n+1)%1_000_000)
}

// arrive writes a sign-in down.
func (p *person) arrive(s stage) {
	if s.Account == nil || s.Session == nil || s.Device == nil {
		p.wrong("the end of the journey has no account, session or device: %+v", s)
		return
	}
	if s.Created != (p.account == "") || p.account != "" && p.account != s.Account.ID {
		p.wrong("signed in to account %s, created %v", s.Account.ID, s.Created)
	}
	if s.Created {
		p.acts["account_created"]++
	}
	p.account = s.Account.ID
	in := &signIn{token: s.Session.Token, deviceID: s.Device.ID, device: p.trip.device}
	if in.device == "" {
		in.device = s.Device.Token
		p.devices = append(p.devices, in.device)
	}
	for _, old := range p.signIns {
		if old.deviceID == in.deviceID {
			old.ended = true
		}
	}
	p.signIns = append(p.signIns, in)
	p.acts["signed_in"]++
	p.trip = nil
}

// settle does an act of the account page and writes it down, or remembers that
// it is not known.
func (p *person) settle(ctx context.Context, a ask, kind string, by *signIn, done func()) error {
	a.token = by.token
	p.pending = &pending{kind, by, func() { p.acts[kind]++; done() }}
	_, err := p.expect(ctx, a)
	if err == nil {
		p.pending.done()
	}
	if !errors.Is(err, errUnsure) {
		p.pending = nil
	}
	return err
}

func (p *person) setPassword(ctx context.Context, by *signIn) error {
	password, keep := fmt.Sprintf("blue kettle %x", p.dice.Uint64()), p.dice.IntN(2) == 0
	return p.settle(ctx, ask{method: "PUT", path: "/api/v1/password", body: body{"new_password": password, "keep_others": keep}}, "password_set", by, func() {
		p.password = password
		if !keep {
			p.endOthers(by)
		}
	})
}

func (p *person) signOut(ctx context.Context, by *signIn) error {
	return p.settle(ctx, ask{method: "DELETE", path: "/api/v1/session"}, "signed_out", by, func() { by.ended = true })
}

func (p *person) removeDevice(ctx context.Context, by, which *signIn) error {
	return p.settle(ctx, ask{method: "DELETE", path: "/api/v1/devices/" + which.deviceID}, "device_removed", by, func() {
		which.ended = true
		p.forget(func(device string) bool { return device == which.device })
	})
}

func (p *person) signOutOthers(ctx context.Context, by *signIn) error {
	return p.settle(ctx, ask{method: "POST", path: "/api/v1/devices/sign-out-others"}, "others_signed_out", by, func() { p.endOthers(by) })
}

func (p *person) endOthers(by *signIn) {
	for _, s := range p.signIns {
		s.ended = s.ended || s != by
	}
	p.forget(func(device string) bool { return device != by.device })
}

// forget drops devices that the account no longer knows.
func (p *person) forget(which func(string) bool) { p.devices = slices.DeleteFunc(p.devices, which) }

func (p *person) rename(ctx context.Context, by *signIn) error {
	name := fmt.Sprintf("Ada %d", p.dice.IntN(1_000_000))
	return p.settle(ctx, ask{method: "PATCH", path: "/api/v1/account", body: body{"nickname": name}}, "profile_changed", by, func() { p.nickname = name })
}

// find finds out what became of the act without an answer, and goes on with the
// journey without one: it must be where it was, or one step on.
func (p *person) find(ctx context.Context) error {
	if p.pending != nil {
		if err := p.findAct(ctx); err != nil {
			return err
		}
	}
	if p.trip == nil {
		return nil
	}
	r, err := p.expect(ctx, ask{method: "GET", path: "/api/v1/journeys/" + p.trip.id, key: p.trip.key})
	if err != nil {
		return err
	}
	return p.travel(ctx, r.Step)
}

// findAct asks whether the act was done: its audit row says so, and everything
// else must agree with it.
func (p *person) findAct(ctx context.Context) error {
	r, err := p.ask(ctx, ask{method: "GET", path: "/api/v1/session", token: p.pending.by.token})
	if err != nil {
		return err
	}
	done := r.status == http.StatusUnauthorized // only what ends the session of who asked
	if r.status == http.StatusOK {
		acts, err := p.activity(ctx, p.pending.by)
		if err != nil {
			return err
		}
		switch acts[p.pending.kind] - p.acts[p.pending.kind] {
		case 0:
		case 1:
			done = true
		default:
			p.wrong("%s stands %d times in the activity, acknowledged are %d", p.pending.kind, acts[p.pending.kind], p.acts[p.pending.kind])
		}
	}
	if done {
		p.pending.done()
	}
	p.pending = nil
	return nil
}

// activity counts the kinds of acts.
func (p *person) activity(ctx context.Context, by *signIn) (map[string]int, error) {
	acts := map[string]int{}
	for next := ""; ; {
		r, err := p.expect(ctx, ask{method: "GET", path: "/api/v1/activity?before=" + next, token: by.token})
		if err != nil {
			return nil, err
		}
		for _, a := range r.Activity {
			acts[a.Kind]++
		}
		if next = r.Next; next == "" {
			return acts, nil
		}
	}
}

// check compares everything that was acknowledged with what is there.
func (p *person) check(ctx context.Context) error {
	var by *signIn
	for _, s := range p.signIns {
		r, err := p.ask(ctx, ask{method: "GET", path: "/api/v1/session", token: s.token})
		switch {
		case err != nil:
			return err
		case !s.ended && (r.status != http.StatusOK || r.Account.ID != p.account):
			p.wrong("a session that was acknowledged answers %d %s for account %q", r.status, r.Code, r.Account.ID)
		case s.ended && r.status != http.StatusUnauthorized:
			p.wrong("a session that was ended answers %d", r.status)
		case !s.ended:
			by = s
		}
	}
	if by == nil {
		return nil
	}
	r, err := p.expect(ctx, ask{method: "GET", path: "/api/v1/account", token: by.token})
	if err != nil {
		return err
	}
	hasPassword := false
	for _, m := range r.Methods {
		hasPassword = hasPassword || m.Method == "password" && m.On
	}
	if r.Nickname != p.nickname || hasPassword != (p.password != "") {
		p.wrong("nickname %q and a password %v; acknowledged are %q and %v", r.Nickname, hasPassword, p.nickname, p.password != "")
	}
	acts, err := p.activity(ctx, by)
	if err != nil {
		return err
	}
	delete(acts, "password_wrong")
	if !maps.Equal(acts, p.acts) {
		p.wrong("the activity tells %v; acknowledged are %v", acts, p.acts)
	}
	if got := p.town.carrier.received(p.phone); got > p.texts {
		p.wrong("%d codes came, %d were asked for", got, p.texts)
	}
	return nil
}

// checkPassword signs in with the password that was acknowledged.
func (p *person) checkPassword(ctx context.Context) error {
	live := p.live()
	if p.password == "" || len(live) == 0 {
		return nil
	}
	return p.enter(ctx, live[0].device, p.password)
}
