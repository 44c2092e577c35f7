package httpgw

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
	"github.com/selfsame-id/selfsame/internal/remote/sms/smstest"
)

// peer plays a carrier over real HTTP, in one of two dialects.
type peer struct {
	t       *testing.T
	clock   *clock.Clock
	form    bool
	server  *httptest.Server
	carrier *Carrier

	mu       sync.Mutex
	behavior smstest.Behavior
	got      []smstest.Got
	ids      map[string]string // by key
	stop     chan struct{}
}

// formDialect is a carrier of another kind: a form, digits without a plus, an
// answer of 200 whatever happens with the status inside, no idempotency key, and its own words.
func formDialect() Dialect {
	return Dialect{
		Path: "/sms/json", ContentType: formType, Body: "to={to_digits}&from={from}&text={text}&client-ref={id}&callback={callback}",
		ID: "messages.0.message-id", Status: "messages.0.status", OK: []string{"0"}, Error: "messages.0.status",
		Errors: map[string]Meaning{"7": {attempt.Permanent, attempt.NumberUnknown}, "29": {attempt.Elsewhere, attempt.CountryNotServed}},
		Event: EventDialect{
			ID: "event", At: "when", MessageID: "messageId", State: "status", Reason: "err-code",
			States:  map[string]string{"accepted": "sent", "delivered": "delivered", "failed": "failed"},
			Reasons: map[string]string{"2": "handset_off"}, From: "msisdn", To: "to", Text: "text",
			TimeHeader: "X-Time", SignHeader: "X-Sign",
		},
	}
}

func newPeer(t *testing.T, c *clock.Clock, form bool) *peer {
	p := &peer{t: t, clock: c, form: form, behavior: smstest.Accept, ids: map[string]string{}, stop: make(chan struct{})}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() { close(p.stop); p.server.Close() })
	cfg := Config{
		Name: "main", Base: p.server.URL + "/v1/", Token: "token", From: "Selfsame", Callback: "https://id.example.test/hooks/sms/main",
		Secrets: []string{"old", "a-shared-secret"}, WaitFor: 300 * time.Millisecond, Header: map[string]string{"X-Extra": "1"},
	}
	if form {
		cfg.Dialect, cfg.Token, cfg.User, cfg.Password = formDialect(), "", "user", "pass"
	}
	var err error
	if p.carrier, err = New(cfg, c); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) Carrier() sms.Carrier { return p.carrier }

func (p *peer) Behave(b smstest.Behavior) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behavior = b
	if b == smstest.Absent {
		p.server.Listener.Close()
	}
}

func (p *peer) Got() []smstest.Got {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]smstest.Got(nil), p.got...)
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got, key := p.read(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.behavior {
	case smstest.Accept:
		id, again := p.ids[key]
		if !again || key == "" {
			id = fmt.Sprintf("c-%d", len(p.got)+1)
			p.ids[key] = id
			p.got = append(p.got, got)
		}
		p.answer(w, 202, id, "")
	case smstest.NumberUnknown:
		p.answer(w, 422, "", map[bool]string{false: "number_unknown", true: "7"}[p.form])
	case smstest.NotServed:
		p.answer(w, 403, "", map[bool]string{false: "country_not_served", true: "29"}[p.form])
	case smstest.Unpaid:
		p.answer(w, 402, "", "no_money_left")
	case smstest.Unauthorized:
		w.WriteHeader(401)
	case smstest.Busy:
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(503)
	case smstest.Broken:
		w.WriteHeader(500)
	case smstest.Hangs:
		p.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-p.stop:
		}
		p.mu.Lock()
	case smstest.CutsOff:
		panic(http.ErrAbortHandler)
	case smstest.Babbles:
		_, _ = w.Write([]byte("<html>queued</html>"))
	case smstest.Floods:
		for range 1 << 10 {
			_, _ = w.Write([]byte(strings.Repeat(" ", 1<<10)))
		}
	case smstest.Redirects:
		p.behavior = smstest.Accept // whoever follows is taken
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(307)
	}
}

func (p *peer) read(r *http.Request) (got smstest.Got, key string) {
	if p.form {
		user, pass, _ := r.BasicAuth()
		if r.URL.Path != "/v1/sms/json" || user != "user" || pass != "pass" || r.PostFormValue("from") != "Selfsame" {
			p.t.Errorf("the form came to %s by %s", r.URL, user)
		}
		return smstest.Got{ID: r.PostFormValue("client-ref"), To: "+" + r.PostFormValue("to"), Body: r.PostFormValue("text")}, ""
	}
	var body struct{ ID, To, From, Text, Callback, Expires_at string }
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		p.t.Errorf("the body: %v", err)
	}
	if _, err := time.Parse(time.RFC3339, body.Expires_at); err != nil || r.URL.Path != "/v1/messages" || r.Method != "POST" ||
		r.Header.Get("Authorization") != "Bearer token" || r.Header.Get("X-Extra") != "1" || r.Header.Get("Idempotency-Key") != body.ID ||
		body.From != "Selfsame" || body.Callback != "https://id.example.test/hooks/sms/main" {
		p.t.Errorf("%s %s with %+v and %+v", r.Method, r.URL, r.Header, body)
	}
	return smstest.Got{ID: body.ID, To: body.To, Body: body.Text}, body.ID
}

func (p *peer) answer(w http.ResponseWriter, status int, id, word string) {
	w.Header().Set("Content-Type", "application/json")
	if p.form {
		if word == "" {
			word = "0"
		}
		fmt.Fprintf(w, `{"message-count":"1","messages":[{"status":%q,"message-id":%q}]}`, word, id)
		return
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"id":%q,"error":%q,"message":"for the log: +8613800138000"}`, id, word)
}

func (p *peer) Report(r smstest.Report) (map[string][]string, url.Values, []byte) {
	if r.SignedAt.IsZero() {
		r.SignedAt = p.clock.Now()
	}
	if r.Secret == "" {
		r.Secret = "a-shared-secret"
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	names := []string{"X-Signature-Timestamp", "X-Signature"}
	var body []byte
	if p.form {
		names = []string{"X-Time", "X-Sign"}
		header.Set("Content-Type", formType)
		state := map[string]string{"sent": "accepted"}[r.State]
		if state == "" {
			state = r.State
		}
		body = []byte(url.Values{"event": {r.ID}, "when": {r.At.Format(time.RFC3339)}, "messageId": {r.MessageID}, "status": {state},
			"err-code": {map[string]string{"handset_off": "2"}[r.Reason]}, "msisdn": {r.From}, "to": {r.To}, "text": {r.Body}}.Encode())
	} else {
		body, _ = json.Marshal(map[string]any{"id": r.ID, "message_id": r.MessageID, "state": r.State, "reason": r.Reason,
			"at": r.At, "from": r.From, "to": r.To, "text": r.Body})
	}
	stamp := fmt.Sprint(r.SignedAt.Unix())
	header.Set(names[0], stamp)
	header.Set(names[1], "v1="+sign(r.Secret, stamp, string(body)))
	return header, nil, body
}

func sign(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestContract(t *testing.T) {
	for name, form := range map[string]bool{"default dialect": false, "form dialect": true} {
		t.Run(name, func(t *testing.T) {
			smstest.Contract(t, func(t *testing.T, c *clock.Clock) smstest.Far { return newPeer(t, c, form) })
		})
	}
}

// The document that carriers work from says what the code does.
func TestProtocolDocument(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/protocols/http-carrier.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`X-Signature-Timestamp: (\d+)\nX-Signature: v1=([0-9a-f]{64})\n\n(\{.*\})\n`).FindSubmatch(doc)
	if example == nil {
		t.Fatal("the document has no example of a signature")
	}
	if want := sign("a-shared-secret", string(example[1]), string(example[3])); want != string(example[2]) {
		t.Errorf("the example's signature is %s, want %s", example[2], want)
	}
	d := Default()
	for word := range d.Errors {
		if !strings.Contains(string(doc), "| `"+word+"` |") {
			t.Errorf("the document lacks the error %s", word)
		}
	}
	for word := range d.Event.Reasons {
		if !strings.Contains(string(doc), "`"+word+"`") {
			t.Errorf("the document lacks the reason %s", word)
		}
	}
	at := time.Unix(1795341607, 0)
	c, err := New(Config{Name: "main", Base: "https://carrier.example.test", Secrets: []string{"a-shared-secret"}}, clock.At(at))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Receive(map[string][]string{"X-Signature-Timestamp": {string(example[1])}, "X-Signature": {"v1=00, v1=" + string(example[2])}}, nil, example[3])
	want := []sms.Event{{ID: "r-1", At: at.UTC(), Receipt: &sms.Receipt{ProviderID: "c-77", State: sms.Delivered}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("the example: %v\n%s", err, diff)
	}
}

func TestConfigFaults(t *testing.T) {
	good := Config{Name: "main", Base: "https://carrier.example.test/v1"}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no name":          {func(c *Config) { c.Name = "" }, "name"},
		"a name with a /":  {func(c *Config) { c.Name = "a/b" }, "name"},
		"no base":          {func(c *Config) { c.Base = "" }, "base"},
		"a file":           {func(c *Config) { c.Base = "file:///etc/passwd" }, "base"},
		"credentials":      {func(c *Config) { c.Base = "https://u:p@carrier.example.test" }, "base"},
		"line break":       {func(c *Config) { c.Token = "a\r\nX: y" }, "line breaks"},
		"unknown place":    {func(c *Config) { c.Dialect.Body = `{"t":"{to}","x":"{text}","o":"{oops}"}` }, "{oops}"},
		"no text":          {func(c *Config) { c.Dialect.Body = `{"t":"{to}"}` }, "{text}"},
		"not JSON":         {func(c *Config) { c.Dialect.Body = `{"t":{to},"x":"{text}"}` }, "not JSON"},
		"content type":     {func(c *Config) { c.Dialect.ContentType = "text/xml" }, "text/xml"},
		"a blank in form":  {func(c *Config) { c.Dialect.ContentType, c.Dialect.Body = formType, "a={to} &b={text}" }, "not a form"},
		"ambiguous":        {func(c *Config) { c.Dialect.Errors = map[string]Meaning{"w": {attempt.Ambiguous, attempt.Service}} }, `"w"`},
		"no such reason":   {func(c *Config) { c.Dialect.Errors = map[string]Meaning{"w": {attempt.Permanent, "x"}} }, `"w"`},
		"no such state":    {func(c *Config) { c.Dialect.Event.States = map[string]string{"w": "x"} }, `states: "w"`},
		"no such reason 2": {func(c *Config) { c.Dialect.Event.Reasons = map[string]string{"w": "x"} }, `reasons: "w"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			cfg.Dialect = Default()
			c.change(&cfg)
			if _, err := New(cfg, clock.At(smstest.Start)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New: %v; want a word about %s", err, c.want)
			}
		})
	}
	if _, err := New(good, clock.At(smstest.Start)); err != nil {
		t.Error(err)
	}
}

// A report body may hold many reports; a carrier without secrets reports nothing.
func TestReceiveLists(t *testing.T) {
	body := `[{"id":"1","message_id":7,"state":"sent"},{"id":"2","message_id":"8","state":"delivered","at":"yesterday"}]`
	stamp := fmt.Sprint(smstest.Start.Unix())
	header := map[string][]string{"X-Signature-Timestamp": {stamp}, "X-Signature": {"v1=" + sign("s", stamp, body)}}
	c, err := New(Config{Name: "main", Base: "https://carrier.example.test", Secrets: []string{"s"}}, clock.At(smstest.Start))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Receive(header, nil, []byte(body))
	want := []sms.Event{{ID: "1", Receipt: &sms.Receipt{ProviderID: "7", State: sms.Sent}}, {ID: "2", Receipt: &sms.Receipt{ProviderID: "8", State: sms.Delivered}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Receive: %v\n%s", err, diff)
	}
	bare, err := New(Config{Name: "main", Base: "https://carrier.example.test", Secrets: []string{""}}, clock.At(smstest.Start))
	if err != nil {
		t.Fatal(err)
	}
	header["X-Signature"] = []string{"v1=" + sign("", stamp, body)}
	if got, err := bare.Receive(header, nil, []byte(body)); err == nil {
		t.Errorf("S-150: a report signed with no secret was taken: %+v", got)
	}
}

// a name that does not resolve and a certificate that nobody signed are
// failures before anything was sent.
func TestR039_NothingWasSent(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, base := range map[string]string{
		"certificate": untrusted.URL, "closed port": "http://" + closed.Addr().String(), "name": "http://carrier.invalid",
	} {
		c, err := New(Config{Name: "main", Base: base, WaitFor: 3 * time.Second}, clock.At(smstest.Start))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), sms.Text{ID: "m", To: "+8613800138000", Body: "x"})
		if f := attempt.From(err); f == nil || f.Class != attempt.Temporary {
			t.Errorf("%s: %v; want temporary", name, err)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(`{"id":"r-1","message_id":"c-77","state":"delivered","at":"2026-11-22T10:00:07Z"}`, "application/json")
	f.Add(`[{"id":"m-9","from":"+8613800138000","to":"1069","text":"K7Q2M9X"}]`, "")
	f.Add(`messageId=1&status=failed`, formType)
	f.Add(`[[[[[[`, "application/json")
	c, err := New(Config{Name: "main", Base: "https://carrier.example.test", Secrets: []string{"s"}}, clock.At(smstest.Start))
	if err != nil {
		f.Fatal(err)
	}
	stamp := fmt.Sprint(smstest.Start.Unix())
	f.Fuzz(func(t *testing.T, body, kind string) {
		header := map[string][]string{"Content-Type": {kind}, "X-Signature-Timestamp": {stamp}, "X-Signature": {"v1=" + sign("s", stamp, body)}}
		events, err := c.Receive(header, nil, []byte(body))
		if err != nil {
			return
		}
		for _, e := range events {
			if (e.Receipt == nil) == (e.Inbound == nil) || len(e.ID) > 128 {
				t.Fatalf("Receive(%q) = %+v", body, e)
			}
		}
	})
}
