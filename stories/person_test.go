package stories

import (
	"net/http"
	"strings"
	"time"
)

// person is somebody with an app of the company: one device, one journey at a
// time, perhaps a session.
type person struct {
	*house
	app      app
	language string
	id, key  string // of the journey under way
	session  string // token
	last     reply
}

// app is the device as it introduces itself.
type app struct {
	Name  string `json:"name,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Token string `json:"token,omitempty"`
}

// reply is what the API answered: a journey, or a refusal (RFC 9457).
type reply struct {
	*answer `json:"-"`
	ID, Key string
	Kind    string
	Step    step

	Type, Title, Detail, Code, Field string
	RetryAt                          time.Time `json:"retry_at"`
	Limit                            string
	TriesLeft                        *int      `json:"tries_left"`
	For                              string    `json:"for"`
	Reason                           string    `json:"reason"`
	ReplacedAt                       time.Time `json:"replaced_at"`
}

// step is any step of a journey.
type step struct {
	Type      string
	Inputs    []string
	Country   string
	Username  string
	Channel   string
	To        string
	Length    int
	ExpiresAt time.Time `json:"expires_at"`
	ResendAt  time.Time `json:"resend_at"`
	Sends     int
	TriesLeft int `json:"tries_left"`
	Delivery  struct{ State, Reason string }
	Reason    string
	Methods   []struct{ Method, To string }
	For       string
	Why       []string

	Unavailable []struct{ Method, Reason string }
	Kind        string
	Challenge   *challenge
	Image       string
	Audio       string
	MinLength   int `json:"min_length"`
	Until       time.Time
	Result      string

	Account struct{ ID, Nickname string }
	Created bool
	Session struct {
		Token     string
		ExpiresAt time.Time `json:"expires_at"`
	}
	Device struct{ ID, Token string }
}

func (h *house) person(device string) *person {
	return &person{house: h, app: app{Name: device, Kind: "phone"}, language: "en"}
}

// ask calls the API as this person.
func (p *person) ask(method, path string, in any) reply {
	p.t.Helper()
	headers := []string{"Accept-Language", p.language, "Journey-Key", p.key}
	if p.session != "" {
		headers = append(headers, "Authorization", "Bearer "+p.session)
	}
	p.last = reply{answer: p.send(method, "/api/v1"+path, in, headers...)}
	if len(p.last.body) > 0 && strings.Contains(p.last.Header.Get("Content-Type"), "json") {
		p.last.json(p.t, &p.last)
	}
	return p.last
}

// begin begins a journey and leaves the one under way.
func (p *person) begin(kind, region string) *person {
	p.t.Helper()
	p.id, p.key = "", ""
	r := p.ask("POST", "/journeys", map[string]any{"kind": kind, "region": region, "locale": p.language, "device": p.app})
	if r.StatusCode != http.StatusCreated || r.ID == "" || r.Key == "" {
		p.t.Fatalf("a journey begins with %s: %s", r.Status, r.body)
	}
	p.id, p.key = r.ID, r.Key
	return p
}

// give answers the present step: an input, and its fields as names and values in turn.
func (p *person) give(input string, fields ...string) *person {
	p.t.Helper()
	in := map[string]string{"input": input}
	for i := 0; i+1 < len(fields); i += 2 {
		in[fields[i]] = fields[i+1]
	}
	p.ask("POST", "/journeys/"+p.id, in)
	if s := p.last.Step; s.Type == "done" && s.Session.Token != "" {
		p.session = s.Session.Token
		if s.Device.Token != "" {
			p.app.Token = s.Device.Token
		}
	}
	return p
}

// look shows the present step again.
func (p *person) look() step {
	p.t.Helper()
	p.ask("GET", "/journeys/"+p.id, nil)
	return p.at("").last.Step
}

// at checks that the last call was answered well, at a step ("" for any).
func (p *person) at(step string) *person {
	p.t.Helper()
	if r := p.last; r.StatusCode >= 300 || step != "" && r.Step.Type != step {
		p.t.Fatalf("%s %s: %s at the step %q, want %q: %s", r.Request.Method, r.Request.URL.Path, r.Status, r.Step.Type, step, r.body)
	}
	return p
}

// refused checks that the last call was refused as a problem document (RFC
// 9457) says it, with a help article that answers.
func (p *person) refused(status int, code string) reply {
	p.t.Helper()
	r := p.last
	if r.StatusCode != status || r.Code != code {
		p.t.Fatalf("%s %s: %s %q, want %d %q: %s", r.Request.Method, r.Request.URL.Path, r.Status, r.Code, status, code, r.body)
	}
	if kind := r.Header.Get("Content-Type"); kind != "application/problem+json" {
		p.t.Errorf("%s is refused as %s", code, kind)
	}
	if r.Title == "" || r.Detail == "" || strings.ContainsAny(r.Title+r.Detail, "{}") || strings.Contains(r.Title+r.Detail, "fault.") {
		p.t.Errorf("%s says %q, %q", code, r.Title, r.Detail)
	}
	if a := p.get(r.Type, p.language); a.StatusCode != http.StatusOK || !strings.HasPrefix(r.Type, "/help/") {
		p.t.Errorf("%s leads to %s, which answers %s", code, r.Type, a.Status)
	}
	after := r.Header.Get("Retry-After")
	if r.RetryAt.IsZero() != (after == "") {
		p.t.Errorf("%s: retry_at %s, but Retry-After %q", code, r.RetryAt, after)
	}
	return r
}

// signUp makes an account for a phone number by text message.
func (p *person) signUp(number string) *person {
	p.t.Helper()
	own := p.phone(number)
	p.begin("signin", "intl").give("phone", "phone", number).at("code").give("code", "code", own.code()).at("done")
	if !p.last.Step.Created || len(p.last.Step.Account.ID) != 12 {
		p.t.Fatalf("the sign-up ended with %s", p.last.body)
	}
	return p
}

// setPassword sets the password of the account.
func (p *person) setPassword(password string) {
	p.t.Helper()
	if r := p.ask("PUT", "/password", map[string]any{"new_password": password}); r.StatusCode != http.StatusNoContent {
		p.t.Fatalf("the password is not set: %s %s", r.Status, r.body)
	}
}

// signedIn tells whether the session is alive.
func (p *person) signedIn() bool {
	p.t.Helper()
	switch r := p.ask("GET", "/session", nil); r.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusUnauthorized:
		p.refused(http.StatusUnauthorized, "session_required")
		return false
	default:
		p.t.Fatalf("the session answers %s: %s", r.Status, r.body)
		return false
	}
}
