package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

// prompting adds questions to signed-in devices to a house.
func (h *house) prompting(ring *seal.Ring) {
	s := h.settings
	s.Prompts = &proof.Prompts{Prover: s.Prover, Store: prompt.New(ring), Sessions: s.Sessions, Notices: s.Notices, Asks: limit("prompts.asks", 3), Denials: limit("prompts.denials", 1)}
	s.Prover.Means = append(s.Prover.Means, proof.ByPrompt(s.Prompts))
	s.Watching = settings.NewWatching(h.db, h.clock, s.Prompts.Store, s.Sessions)
}

const ourPassword = "seven purple walruses"

// guarded is an owner with phone and password, signed in on a phone for some days,
// with 2-step verification.
func (h *house) guarded(number string) (p person, codes string) {
	h.t.Helper()
	p = h.signIn(number)
	p.do("PUT", "/api/v1/password", `{"new_password":"`+ourPassword+`"}`).want(204, "")
	r := p.do("PUT", "/api/v1/methods/two-step", `{"on":true}`).want(200, "")
	h.clock.Advance(80 * time.Hour)
	return p, r.text
}

// TestTopic_Y04_TwoStep: on with a second way and ten codes, off with high
// assurance; what it is stands with the methods.
func TestTopic_Y04_TwoStep(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		p.do("PUT", "/api/v1/methods/two-step", `{"on":true}`).want(409, "second_method_missing")
		p.do("PUT", "/api/v1/methods/sms-protection", `{"on":true}`).want(409, "other_method_missing")
		p.do("PUT", "/api/v1/password", `{"new_password":"`+ourPassword+`"}`).want(204, "")
		r := p.do("PUT", "/api/v1/methods/two-step", `{"on":true}`).want(200, "")
		if codes, _ := r.at("recovery_codes").([]any); len(codes) != 10 || r.at("on") != true {
			t.Errorf("it answers %s", r.text)
		}
		if r = p.do("PUT", "/api/v1/methods/two-step", `{"on":true}`).want(200, ""); r.at("recovery_codes") != nil {
			t.Errorf("again it answers %s", r.text)
		}
		m := p.do("GET", "/api/v1/methods", "").want(200, "")
		if m.at("two_step.on") != true || m.str("two_step.since") == "" || m.at("sms_protection.on") != false {
			t.Errorf("the methods are %s", m.text)
		}
		if a := p.do("GET", "/api/v1/activity", "").want(200, ""); !strings.Contains(a.text, `"two_step_on"`) || !strings.Contains(a.text, `"recovery_codes_new"`) {
			t.Errorf("the activity is %s", a.text)
		}
		h.clock.Advance(11 * time.Minute)
		if r := p.do("PUT", "/api/v1/methods/two-step", `{"on":false}`).want(403, "proof_required"); r.str("for") != "two_step_off" {
			t.Errorf("the proof is for %q", r.str("for"))
		}
		j, _ := p.prove("two_step_off")
		p.answer(j, `{"input":"method","method":"sms_code"}`).want(200, "").step("code")
		p.answer(j, `{"input":"code","code":"`+h.box.code("+8613800138000")+`"}`).want(200, "").step("password") // one is not enough
		d := p.answer(j, `{"input":"password","password":"`+ourPassword+`"}`).want(200, "").step("done")
		p.token = d.str("step.session.token")
		p.do("PUT", "/api/v1/methods/two-step", `{"on":false}`).want(200, "")
		if m := p.do("GET", "/api/v1/methods", "").want(200, ""); m.at("two_step.on") != false || m.at("two_step.since") != nil {
			t.Errorf("the methods are %s", m.text)
		}
	})
}

// laptop begins a sign-in by password on another device and comes to the second step.
func (h *house) laptop(number, device string) (journey, reply) {
	h.t.Helper()
	j, _ := h.begin(`{"kind":"signin","region":"intl","device":{"name":"` + device + `","kind":"computer","token":"` + strings.Repeat(device[:1], 43) + `"}}`)
	j.input("username", "username", number).want(200, "").step("password")
	return j, j.input("password", "password", ourPassword).want(200, "")
}

// TestS040_TheSecondStepByPrompt: a password alone, or a text twice, opens nothing;
// the question on the phone, answered with the number, does, once.
func TestS040_TheSecondStepByPrompt(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p, _ := h.guarded(number)
		j, r := h.laptop(number, "Laptop")
		r.step("choose_method")
		if !strings.Contains(r.text, `"device_prompt"`) || !strings.Contains(r.text, `"two_step"`) {
			t.Fatalf("the second step offers %s", r.text)
		}
		s := j.input("method", "method", "device_prompt").want(200, "").step("device_prompt")
		if list := p.do("GET", "/api/v1/prompts", "").want(200, ""); list.str("prompts.0.purpose") != "sign_in" || list.str("prompts.0.device") != "Laptop" || strings.Contains(list.text, `"number"`) {
			t.Fatalf("the phone is asked %s", list.text)
		}
		id := p.do("GET", "/api/v1/prompts", "").str("prompts.0.id")
		stranger := h.signIn("+8613900139000")
		if list := stranger.do("GET", "/api/v1/prompts", "").want(200, ""); list.str("prompts.0.id") != "" {
			t.Errorf("somebody else is asked %s", list.text)
		}
		approve := `{"answer":"approve","number":"` + s.str("step.number") + `"}`
		stranger.do("POST", "/api/v1/prompts/"+id, approve).want(404, "not_found")
		p.do("POST", "/api/v1/prompts/"+strings.Repeat("A", 22), approve).want(404, "not_found")
		for _, bad := range []string{`{"answer":"approve"}`, `{"answer":"deny","number":"47"}`, `{"answer":"maybe"}`, `{"answer":"approve","number":"123"}`} {
			p.do("POST", "/api/v1/prompts/"+id, bad).want(422, "invalid_input")
		}
		if r := p.do("POST", "/api/v1/prompts/"+id, approve).want(200, ""); r.str("state") != "approved" {
			t.Errorf("the answer is %s", r.text)
		}
		p.do("POST", "/api/v1/prompts/"+id, approve).want(409, "prompt_answered")
		d := j.give(`{"input":"check"}`).want(200, "").step("done")
		laptop := p
		laptop.token = d.str("step.session.token")
		if who := laptop.do("GET", "/api/v1/session", "").want(200, ""); who.str("proved.0.method") != "password" || who.str("proved.1.method") != "device_prompt" {
			t.Errorf("the session is %s", who.text)
		}
	})
}

// TestS064_Trust: a trusted device skips the second step until trust ends, by
// itself, by hand, or because 2-step verification is turned on anew; only the
// device itself is trusted, and trust opens nothing without the first proof.
func TestS064_TrustSkipsTheSecondStep(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p, _ := h.guarded(number)
		enter := func() (person, bool) {
			j, r := h.laptop(number, "Laptop")
			if r.str("step.type") == "done" {
				q := p
				q.token = r.str("step.session.token")
				return q, false
			}
			s := j.input("method", "method", "device_prompt").want(200, "").step("device_prompt")
			id := p.do("GET", "/api/v1/prompts", "").str("prompts.0.id")
			p.do("POST", "/api/v1/prompts/"+id, `{"answer":"approve","number":"`+s.str("step.number")+`"}`).want(200, "")
			q := p
			q.token = j.give(`{"input":"check"}`).want(200, "").step("done").str("step.session.token")
			return q, true
		}
		q, asked := enter()
		if !asked {
			t.Fatal("a new device was not asked for the second step")
		}
		own := q.do("GET", "/api/v1/session", "").str("device.id")
		others := p.do("GET", "/api/v1/session", "").str("device.id")
		q.do("PUT", "/api/v1/devices/"+others+"/trust", `{"trusted":true}`).want(403, "trusted_elsewhere")
		q.do("PUT", "/api/v1/devices/"+strings.Repeat("A", 22)+"/trust", `{"trusted":true}`).want(404, "not_found")
		if _, asked := enter(); !asked {
			t.Error("it was not asked although it is not trusted")
		}
		q, _ = enter()
		q.do("PUT", "/api/v1/devices/"+own+"/trust", `{"trusted":true}`).want(204, "")
		if list := q.do("GET", "/api/v1/devices", "").want(200, ""); list.str("devices.0.trusted_until") != h.clock.Now().Add(90*24*time.Hour).Format(time.RFC3339) {
			t.Errorf("the devices are %s", list.text)
		}
		if _, asked := enter(); asked {
			t.Error("a trusted device was asked")
		}
		p.do("PUT", "/api/v1/devices/"+own+"/trust", `{"trusted":false}`).want(204, "")
		h.clock.Advance(time.Hour)
		if _, asked := enter(); !asked {
			t.Error("it was not asked although it is trusted no longer")
		}
	})
}

// stream is an open stream of events.
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel func()
	status int
}

func (h *house) stream(at *httptest.Server, p person) *stream {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+"/api/v1/prompts/events", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Authorization", "Bearer "+p.token)
	resp, err := at.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return &stream{h.t, bufio.NewScanner(resp.Body), cancel, resp.StatusCode}
}

// next reads lines up to one that begins as wanted.
func (s *stream) next(prefix string) string {
	s.t.Helper()
	for s.lines.Scan() {
		if strings.HasPrefix(s.lines.Text(), prefix) {
			return s.lines.Text()
		}
	}
	s.t.Fatalf("the stream ended before %q: %v", prefix, s.lines.Err())
	return ""
}

// TestS171_EventsOfPrompts: a stream tells what is asked when it opens, at once
// when that changes, and that it lives; it ends with the session within seconds
// (S-060), and there are ten of an account.
func TestS171_EventsOfPrompts(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p, _ := h.guarded(number)
		at := httptest.NewServer(h.handler)
		defer at.Close()
		ctx, end := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- h.settings.Watching.Run(ctx) }()
		defer func() { end(); <-ran }()
		tick := make(chan struct{})
		stop := make(chan struct{})
		go func() { // seconds go by on the house's clock
			defer close(tick)
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
					h.clock.Advance(time.Second)
				}
			}
		}()
		defer func() { close(stop); <-tick }()

		s := h.stream(at, p)
		if got := s.next("data:"); s.status != 200 || got != `data: {"prompts":[]}` {
			t.Errorf("it begins with %d %s", s.status, got)
		}
		s.next(":") // it lives
		j, _ := h.laptop(number, "Laptop")
		j.input("method", "method", "device_prompt").want(200, "").step("device_prompt")
		if got := s.next("data:"); !strings.Contains(got, `"device":"Laptop"`) {
			t.Errorf("it hears %s", got)
		}
		var more []*stream
		for range 9 {
			more = append(more, h.stream(at, p))
		}
		if got := h.stream(at, p); got.status != 429 {
			t.Errorf("the eleventh is answered with %d", got.status)
		}
		more[0].cancel()
		p.do("DELETE", "/api/v1/session", "").want(204, "")
		from := h.clock.Now()
		s.next("event: end")
		if took := h.clock.Now().Sub(from); took > 60*time.Second { // real milliseconds are seconds here
			t.Errorf("it ended after %v", took)
		}
		for s.lines.Scan() {
			if s.lines.Text() != "data: {}" && s.lines.Text() != "" {
				t.Errorf("after the end: %q", s.lines.Text())
			}
		}
		if r := h.send(call{method: "GET", path: "/api/v1/prompts/events", token: p.token}); r.status != 401 {
			t.Errorf("without a session: %d", r.status)
		}
	})
}

// TestMethods_AsThePolicySees: each method is on, off or unavailable, with the
// reason and its end.
func TestMethods_AsThePolicySees(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		look := func() map[string]string {
			out := map[string]string{}
			m := p.do("GET", "/api/v1/methods", "").want(200, "")
			for i := range 10 {
				at := fmt.Sprintf("methods.%d.", i)
				if name := m.str(at + "method"); name != "" {
					out[name] = strings.TrimSuffix(m.str(at+"state")+" "+m.str(at+"reason"), " ")
				}
			}
			return out
		}
		want := map[string]string{"sms_code": "on", "email_code": "unavailable no_email", "password": "off", "device_prompt": "unavailable no_other_device"}
		for name, state := range want {
			if got := look()[name]; got != state {
				t.Errorf("%s is %q; want %q", name, got, state)
			}
		}
		p.do("PUT", "/api/v1/password", `{"new_password":"`+ourPassword+`"}`).want(204, "")
		if got := look()["password"]; got != "on" {
			t.Errorf("the password is %q", got)
		}
		h.clock.Advance(2 * time.Hour)
		q := p.byTextFor("set_password", "+8613800138000")
		q.do("PUT", "/api/v1/password", `{"new_password":"another eight walruses"}`).want(204, "")
		p = q
		if got := look()["password"]; got != "on too_new" {
			t.Errorf("the new password is %q", got)
		}
		other := h.signInOn("+8613800138000", strings.Replace(beginApp, "Pixel 9", "Another", 1))
		h.clock.Advance(72 * time.Hour)
		if got := look(); got["device_prompt"] != "on" || got["password"] != "on" {
			t.Errorf("three days later: %v", got)
		}
		other.do("DELETE", "/api/v1/session", "").want(204, "")
		if got := look()["device_prompt"]; got != "unavailable no_other_device" {
			t.Errorf("once the other is signed out: %q", got)
		}
	})
}

// byTextFor proves with a code for an action.
func (p person) byTextFor(action, number string) person {
	p.t.Helper()
	j, _ := p.prove(action)
	return p.byText(j, number)
}
