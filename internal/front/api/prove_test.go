package api_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/stepup"
)

// setPassword is a call that asks for more than a session has after a while.
const setPassword = `{"new_password":"correct horse battery"}`

// prove begins a step-up in the session of a person.
func (p person) prove(action string) (journey, reply) {
	p.t.Helper()
	r := p.do("POST", "/api/v1/journeys", `{"kind":"prove","for":"`+action+`"}`).want(201, "")
	return journey{p.house, r.str("id"), r.str("key")}, r
}

// answer gives an input to a journey in a session.
func (p person) answer(j journey, body string) reply {
	p.t.Helper()
	return p.send(call{method: "POST", path: "/api/v1/journeys/" + j.id, key: j.key, token: p.token, body: body})
}

// byText proves with a code and answers the person with the new token.
func (p person) byText(j journey, number string) person {
	p.t.Helper()
	p.answer(j, `{"input":"method","method":"sms_code"}`).want(200, "").step("code")
	d := p.answer(j, `{"input":"code","code":"`+p.box.code(number)+`"}`).want(200, "").step("done")
	q := p
	if q.token = d.str("step.session.token"); q.token == "" || q.token == p.token {
		p.t.Fatalf("the session's token is not new: %s", d.text)
	}
	return q
}

// A call that needs more answers proof_required with what it is for, and succeeds
// after a prove journey for it, for ten minutes.
func TestProve_TheContract(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p := h.signIn(number)
		h.clock.Advance(11 * time.Minute)
		if r := p.do("PUT", "/api/v1/password", setPassword).want(403, "proof_required"); r.str("for") != "set_password" {
			t.Errorf("the proof is for %q", r.str("for"))
		}
		j, r := p.prove("set_password")
		r.step("choose_method")
		if r.str("kind") != "prove" || r.str("step.for") != "set_password" || r.str("step.methods.0.method") != "sms_code" {
			t.Errorf("it begins with %s", r.text)
		}
		q := p.byText(j, number)
		p.do("GET", "/api/v1/session", "").want(401, "session_required") // S-056: the old token died
		s := q.do("GET", "/api/v1/session", "").want(200, "")
		if s.str("proved.1.method") != "sms_code" || s.str("proved.1.for") != "set_password" {
			t.Errorf("the session is %s", s.text)
		}
		h.clock.Advance(time.Second)
		q.do("PUT", "/api/v1/password", setPassword).want(204, "")
		if a := q.do("GET", "/api/v1/activity", "").want(200, ""); a.str("activity.1.kind") != "proved" || a.str("activity.1.details.action") != "set_password" || a.str("activity.1.details.method") != "sms_code" {
			t.Errorf("the activity is %s", a.text)
		}
		h.clock.Advance(11 * time.Minute)
		q.do("PUT", "/api/v1/password", setPassword).want(403, "proof_required")
	})
}

// What has proved enough already begins at its end, and the session stays.
func TestProve_EnoughAlready(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		_, r := p.prove("view_contacts")
		if r.step("done"); r.at("step.session") != nil || r.str("step.result") != "proved" {
			t.Errorf("it ends with %s", r.text)
		}
		p.do("GET", "/api/v1/account/contacts", "").want(200, "")
	})
}

func TestProve_Bad(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		begin := func(token, body string) reply {
			return h.send(call{method: "POST", path: "/api/v1/journeys", token: token, body: body})
		}
		begin("", `{"kind":"prove","for":"set_password"}`).want(401, "session_required")
		for _, action := range []string{"", "sign_in", "recover", "freeze", "unfreeze", "everything", "SET_PASSWORD"} {
			if r := begin(p.token, `{"kind":"prove","for":"`+action+`"}`).want(422, "invalid_input"); r.str("field") != "for" {
				t.Errorf("%q: the field is %q", action, r.str("field"))
			}
		}
		for _, action := range stepup.Actions {
			begin(p.token, `{"kind":"prove","for":"`+string(action)+`"}`).want(201, "")
		}
	})
}

// TestS068_NotPortable: a step-up belongs to the session that began it, to its
// account, and to what it was for.
func TestS068_NotPortable(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p, stranger := h.signIn(number), h.signIn("+8613900139000")
		h.clock.Advance(11 * time.Minute)
		second := h.signIn(number) // the same person in another session
		h.clock.Advance(11 * time.Minute)
		j, _ := p.prove("view_contacts")
		for name, token := range map[string]string{"nobody": "", "a stranger": stranger.token, "another session of the account": second.token} {
			other := p
			other.token = token
			other.answer(j, `{"input":"method","method":"sms_code"}`).want(401, "session_required")
			if r := h.send(call{method: "GET", path: "/api/v1/journeys/" + j.id, key: j.key, token: token}).want(401, "session_required"); r.at("step") != nil {
				t.Errorf("%s sees %s", name, r.text)
			}
		}
		p.answer(j, `{"input":"method","method":"sms_code"}`).want(200, "").step("code")
		code := h.box.code(number)
		other := p
		other.token = second.token
		other.answer(j, `{"input":"code","code":"`+code+`"}`).want(401, "session_required")
		mine, _ := second.prove("view_contacts") // the code is of another journey
		second.answer(mine, `{"input":"method","method":"email_code"}`).want(403, "method_unavailable")
		d := p.answer(j, `{"input":"code","code":"`+code+`"}`).want(200, "").step("done")
		p.token = d.str("step.session.token")
		second.do("GET", "/api/v1/account/contacts", "").want(403, "proof_required")
		p.do("GET", "/api/v1/account/contacts", "").want(200, "")
		p.answer(j, `{"input":"code","code":"`+code+`"}`).want(409, "journey_step")
	})
}

// A step-up that was begun before every session ended proves nothing.
func TestProve_TheSessionEnds(t *testing.T) {
	each(t, func(h *house) {
		const number = "+8613800138000"
		p := h.signIn(number)
		h.clock.Advance(11 * time.Minute)
		j, _ := p.prove("set_password")
		p.answer(j, `{"input":"method","method":"sms_code"}`).want(200, "").step("code")
		p.do("DELETE", "/api/v1/session", "").want(204, "")
		p.answer(j, `{"input":"code","code":"`+h.box.code(number)+`"}`).want(401, "session_required")
	})
}

// TestS040_HalfSignedIn: what a journey has after the first of two proofs opens
// nothing but the second step: every call of the document is tried with it.
func TestS040_HalfSignedIn(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		p.do("PUT", "/api/v1/password", setPassword).want(204, "")
		for entrance, half := range map[string]func() journey{
			"password": func() journey {
				j, _ := h.begin(beginApp)
				j.input("username", "username", p.id).want(200, "").step("password")
				j.input("password", "password", "correct horse battery").want(200, "").step("code")
				return j
			},
			"password, choosing": func() journey {
				j, _ := h.begin(beginApp)
				j.input("username", "username", p.id)
				j.input("password", "password", "correct horse battery")
				j.give(`{"input":"other_way"}`).want(200, "").step("choose_method")
				return j
			},
		} {
			h.clock.Advance(2 * time.Hour)
			j := half()
			if text := j.show().text; len(text) == 0 || j.show().at("step.session") != nil {
				t.Errorf("%s: the step is %s", entrance, text)
			}
			calls := 0
			for path, item := range h.doc.paths {
				for method, o := range item {
					if ways, _ := o.(map[string]any)["security"].([]any); len(ways) != 2 { // not both ways of a session, or without one too
						continue
					}
					calls++
					for _, token := range []string{j.key, j.id, "sst_" + j.key} {
						r := h.send(call{method: strings.ToUpper(method), path: filled(path), key: j.key, token: token, body: `{}`})
						if r.status != 401 {
							t.Errorf("%s: %s %s answers %d: %s", entrance, method, path, r.status, r.text)
						}
					}
				}
			}
			if calls < 12 {
				t.Errorf("only %d calls need a session", calls)
			}
		}
	})
}

// A session that is used from where nobody was before, and nothing good comes from,
// proves more for the same act, however fresh its sign-in is.
func TestProve_TheRiskOfTheRequest(t *testing.T) {
	each(t, func(h *house) {
		h.sign.Prover.BadNetwork = func(a netip.Addr) bool { return a == netip.MustParseAddr("203.0.113.66") }
		h.signIn("+8613800138000").do("PUT", "/api/v1/password", setPassword).want(204, "")
		h.clock.Advance(80 * time.Hour)
		p := h.signIn("+8613800138000")
		set := func(from string) reply {
			return h.send(call{method: "PUT", path: "/api/v1/password", token: p.token, body: `{"new_password":"another horse battery"}`, change: func(r *http.Request) { r.RemoteAddr = from + ":4711" }})
		}
		if r := set("203.0.113.66").want(403, "proof_required"); r.str("for") != "set_password" {
			t.Errorf("the proof is for %q", r.str("for"))
		}
		set("192.0.2.1").want(204, "")
	})
}

// What needs a proof needs a recent one, and the refusal says for what (S-67).
func TestS067_AnOldProofIsNone(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		h.clock.Advance(11 * time.Minute)
		p.do("GET", "/api/v1/session", "").want(200, "") // notes the use
		before := h.dump()
		for call, body := range map[string]string{
			"POST /methods/totp": "", "DELETE /methods/totp": "", "POST /methods/recovery-codes": "", "DELETE /methods/questions": "",
			"PUT /methods/sms-protection": `{"on":true}`, "PUT /devices/" + p.deviceID + "/trust": `{"trusted":true}`,
			"PUT /methods/questions": `{"questions":[{"question":"hiding_place","answer":"Lindenallee"},{"question":"teacher_words","answer":"Kraftwerk"},{"question":"first_trip","answer":"Marguerite"}]}`,
		} {
			method, path, _ := strings.Cut(call, " ")
			r := p.do(method, "/api/v1"+path, body)
			if r.status != 403 || r.str("code") != "proof_required" || r.str("for") == "" {
				t.Errorf("%s with an old proof: %d %s", call, r.status, r.text)
			}
		}
		h.unchanged(before, "an act without a recent proof")
	})
}

// What is not there, or not right, is refused by its name.
func TestFactors_Refused(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		none := strings.Repeat("A", 22)
		p.do("DELETE", "/api/v1/account/changes/"+none, "").want(404, "not_found")
		h.send(call{method: "POST", path: "/api/v1/objections", body: `{"token":"sso_` + strings.Repeat("A", 51) + `"}`}).want(404, "not_found")
		p.do("POST", "/api/v1/methods/totp/confirm", `{"code":"000000"}`).want(409, "totp_not_begun")
		p.do("POST", "/api/v1/methods/totp", "").want(200, "")
		p.do("POST", "/api/v1/methods/totp/confirm", `{"code":"000000"}`).want(422, "code_wrong")
		p.do("PUT", "/api/v1/methods/questions", `{"questions":[{"question":"hiding_place","answer":"a"},{"question":"teacher_words","answer":"b"},{"question":"first_trip","answer":"c"}]}`).
			want(422, "answer_guessable")
	})
}
