package api_test

import (
	"context"
	"encoding/json"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/api"
	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/journey/stepup"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
	"github.com/selfsame-id/selfsame/internal/words"
)

const host = "id.example.com"

// house is the API on a real store, with people's phones and mailboxes outside.
type house struct {
	t         *testing.T
	db        *sqldb.DB
	clock     *clock.Clock
	handler   http.Handler
	box       *box
	sign      *signin.House
	contacts  *contacts.House
	settings  *settings.House
	linked    *linking.House
	google    *towntest.Vendor
	doc       *spec
	limits    proof.Limits
	setLimits func(proof.Limits)
	numbers   int    // used by fresh
	last      string // that fresh gave
}

// each runs a test on both engines.
func each(t *testing.T, f func(h *house)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newHouse(t, db, c)) })
}

type phones struct{ *numbers.Plan }

func (p phones) Mobile(text, country string) (string, bool) {
	n, err := p.Read(text, country)
	return n.E164, err == nil
}

func limit(name string, most int) quota.Limit {
	return quota.Limit{Name: name, Windows: []quota.Window{{Max: most, Per: time.Hour}}}
}

func newHouse(t *testing.T, db *sqldb.DB, c *clock.Clock) *house {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, clock: c}
	h.box = newBox(t, db, c, ring)
	h.journeys(ring)
	runner := flow.New(db, ring, nil)
	flow.Add(runner, signin.Journey(h.sign))
	flow.Add(runner, contacts.Journey(h.contacts))
	flow.Add(runner, linking.Journey(h.linked))
	flow.Add(runner, stepup.Journey(&stepup.House{Prover: h.sign.Prover, Accounts: h.sign.Accounts, Sessions: h.sign.Sessions, Audit: h.sign.Audit, Life: 15 * time.Minute}))
	public, _ := url.Parse("https://" + host)
	face := httpd.Pages(func(w http.ResponseWriter, r *http.Request, f httpd.Failure) error {
		w.WriteHeader(f.Status)
		return nil
	})
	rt := httpd.New(httpd.Config{PublicURL: public, Key: make([]byte, 32), Words: words.Book(), Clock: c}, face)
	api.Mount(api.Config{
		Router: rt, Runner: runner, Settings: h.settings, Contacts: h.contacts, Linking: h.linked, Words: words.Book(), Ring: ring, Brand: "Selfsame", Server: public.String(),
		Place: func(context.Context) string { return "" },
		Pictures: api.Pictures{Studio: captcha.NewStudio(c, 1, 4), Find: func(ctx context.Context, journey, nonce string) (captcha.Secrets, string, error) {
			return proof.Picture(ctx, runner, journey, nonce)
		}},
		Page: face, Show: func(w http.ResponseWriter, _ *http.Request, title string, body template.HTML) error {
			_, err := io.WriteString(w, "<h1>"+title+"</h1>"+string(body))
			return err
		},
	})
	h.handler = rt
	h.doc = readSpec(t, h)
	return h
}

// journeys makes floors 2b and 3.
func (h *house) journeys(ring *seal.Ring) {
	book, counts, plan := words.Book(), quota.New(ring.Key("quota")), numbers.New(numbers.Policy{}, nil)
	h.limits = proof.Limits{
		Length: 6, Life: 5 * time.Minute, Tries: 5, ResendAfter: []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute},
		Destination: limit("codes.destination", 10), DestinationTries: limit("codes.tries", 10), Device: limit("codes.device", 1000),
		Network: limit("codes.network", 1000), NetworkWide: limit("codes.network_wide", 1000), Country: limit("codes.country", 1000),
		CountryCredit: 4, ChallengeAfter: 200,
	}
	accounts, devices := account.New(ring), device.New(ring)
	h.sign = &signin.House{
		Regions: region.New(
			region.Region{Name: "intl", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email", "provider"}, Required: "email", AskFor: "no", AskAfterProvider: "yes",
				Providers: map[string][]string{"app": {"google", "wechat"}, "page": {"google", "wechat"}, "setup": {"google"}}},
			region.Region{Name: "cn", Country: "CN", Zone: time.UTC, SignUp: []string{"phone"}, Required: "phone", AskFor: "no"},
			region.Region{Name: "both", Country: "US", Zone: time.UTC, SignUp: []string{"phone", "email"}, Required: "email", AskFor: "yes"}),
		Numbers: plan, Accounts: accounts, Contacts: contact.New(ring), Devices: devices, Audit: audit.New(ring),
		Passwords: credential.New(credential.NewGate(credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}, 2, 100, h.clock), ring, credential.Rules{}),
		Book:      counts, Captchas: proof.NewCaptchas(ring, 1000), Courier: h.box.courier, Brand: "Selfsame",
		Rules: signin.Rules{MinLength: 8, MaxLength: 256, Life: 30 * time.Minute},
	}
	s := h.sign
	s.Guesses = &proof.Passwords{Stored: s.Passwords, Book: counts, Captchas: s.Captchas, Audit: s.Audit, Rules: proof.PasswordRules{
		Tries: limit("password.tries", 30), TriesNetwork: limit("password.network", 1000), TriesWide: limit("password.network_wide", 1000),
		CaptchaAfter: 3, PictureAfter: 6,
	}}
	s.Directory = directory.New(s.Contacts, phones{plan})
	s.Sessions = session.New(accounts, devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
	p := &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: accounts, Contacts: s.Contacts, Devices: devices, Audit: s.Audit, Book: counts,
		Captchas: s.Captchas, Footprints: footprint.New(ring), Tries: limit("proof.tries", 10)}
	p.Means = []proof.Means{proof.BySMS(p), proof.ByEmail(p), proof.ByPassword(p, s.Guesses)}
	s.Prover = p
	h.setLimits = func(l proof.Limits) {
		s.Codes = proof.NewCodes(ring, counts, h.box.courier, book, "Selfsame", host, l)
		p.Codes = s.Codes
	}
	h.setLimits(h.limits)
	s.Notices = proof.NewNotices(h.box.courier, book, "Selfsame", func(string) *time.Location { return time.UTC }).Keep(notice.New(ring), &url.URL{Scheme: "https", Host: host})
	changes := change.New(ring)
	h.contacts = &contacts.House{DB: h.db, Regions: s.Regions, Numbers: plan, Accounts: accounts, Contacts: s.Contacts, Changes: changes, Sessions: s.Sessions,
		Audit: s.Audit, Book: counts, Prover: p, Notices: s.Notices, Rules: contacts.Rules{Life: 15 * time.Minute, Wait: policy.Young, ObjectFor: policy.Young,
			Changes: limit("contacts.changes", 30), Typed: limit("contacts.typed", 30), Disputes: limit("contacts.disputes", 30), Disputed: limit("contacts.disputed", 30)}}
	h.settings = &settings.House{
		Changes: changes, Endings: &proof.Endings{Sessions: s.Sessions, Devices: devices, Changes: changes},
		DB: h.db, Accounts: accounts, Contacts: s.Contacts, Devices: devices, Sessions: s.Sessions, Audit: s.Audit, Passwords: s.Passwords,
		Book: counts, Notices: s.Notices, Prover: p, Brand: "Selfsame", Tags: []string{"en", "zh-Hans"}, ProfileLimit: limit("profile.changes", 30),
		TOTP: totp.New(ring), RecoveryCodes: recoverycode.New(ring, s.Passwords),
		Questions: &proof.Questions{Stored: question.New(ring, s.Passwords), Words: book, Enabled: true, Tries: proof.QuestionTries()},
	}
	h.prompting(ring)
	h.keepPasskeys(ring)
	h.linking(ring)
}

// call is one request of a test.
type call struct {
	method, path string
	body         string
	token        string // session, as bearer
	key          string // of a journey
	change       func(r *http.Request)
}

// reply is what came back, and what is read in it.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	text   string
	json   map[string]any
}

// send makes the request and checks the answer against the document.
func (h *house) send(c call) reply {
	h.t.Helper()
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	r.Host, r.RemoteAddr = host, "192.0.2.7:5000"
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.key != "" {
		r.Header.Set("Journey-Key", c.key)
	}
	if c.change != nil {
		c.change(r)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	got := reply{t: h.t, status: w.Code, header: w.Header(), text: w.Body.String()}
	if c.method == http.MethodHead {
		got.text = "" // net/http drops it
	}
	if strings.Contains(got.header.Get("Content-Type"), "json") && w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got.json); err != nil {
			h.t.Errorf("%s %s: %v in %q", c.method, c.path, err, got.text)
		}
	}
	h.check(r, got)
	return got
}

// check holds every answer against what is promised of all.
func (h *house) check(r *http.Request, got reply) {
	h.t.Helper()
	at := r.Method + " " + r.URL.Path
	if got.status >= 500 && got.status != 503 && got.str("code") != "provider_failed" {
		h.t.Errorf("%s: %d %s", at, got.status, got.text)
	}
	if h.doc != nil {
		h.doc.check(h.t, r, got)
	}
	if got.status < 400 || r.Method == http.MethodHead {
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/captcha/") || r.URL.Path == "/api/docs" {
		return // of pages
	}
	if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
		h.t.Errorf("%s: a refusal of type %q: %q", at, kind, got.text)
	}
	if detail, _ := got.json["detail"].(string); detail == "" || strings.ContainsAny(detail, "{}") || strings.HasPrefix(detail, "fault.") {
		h.t.Errorf("%s: the detail is %q", at, detail)
	}
	after, until := got.header.Get("Retry-After"), got.str("retry_at")
	if (after == "") != (until == "") {
		h.t.Errorf("%s: Retry-After is %q and retry_at %q", at, after, until)
	}
	if until != "" {
		when, err := time.Parse(time.RFC3339, until)
		wait := when.Sub(h.clock.Now())
		if want := strconv.Itoa(int((wait + time.Second - 1) / time.Second)); err != nil || after != want {
			h.t.Errorf("%s: Retry-After is %s, retry_at is in %s", at, after, wait)
		}
	}
}

// at reads a value by a path of members, and of places in lists.
func (r reply) at(path string) any {
	var v any = r.json
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok {
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(list) {
				return nil
			}
			v = list[n]
			continue
		}
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func (r reply) str(path string) string { s, _ := r.at(path).(string); return s }

// want checks status and code, "" for success.
func (r reply) want(status int, code string) reply {
	r.t.Helper()
	if r.status != status || r.str("code") != code && (code != "" || status >= 400) {
		r.t.Fatalf("%d %q, want %d %q: %s", r.status, r.str("code"), status, code, r.text)
	}
	return r
}

func (r reply) step(kind string) reply {
	r.t.Helper()
	if r.str("step.type") != kind {
		r.t.Fatalf("at %q, want %q: %s", r.str("step.type"), kind, r.text)
	}
	return r
}

// journey is a journey under way.
type journey struct {
	*house
	id, key string
}

func (h *house) begin(body string) (journey, reply) {
	h.t.Helper()
	r := h.send(call{method: "POST", path: "/api/v1/journeys", body: body}).want(201, "")
	return journey{h, r.str("id"), r.str("key")}, r
}

func (j journey) give(body string) reply {
	j.t.Helper()
	return j.send(call{method: "POST", path: "/api/v1/journeys/" + j.id, key: j.key, body: body})
}

func (j journey) show() reply {
	j.t.Helper()
	return j.send(call{method: "GET", path: "/api/v1/journeys/" + j.id, key: j.key})
}

func (j journey) input(name, field, value string) reply {
	j.t.Helper()
	body, _ := json.Marshal(map[string]string{"input": name, field: value})
	return j.give(string(body))
}

// person is somebody signed in.
type person struct {
	*house
	id, token, deviceToken, deviceID string
}

const beginApp = `{"kind":"signin","region":"intl","locale":"en","device":{"name":"Pixel 9","kind":"phone"}}`

// signIn signs somebody in by text message.
func (h *house) signIn(number string) person { return h.signInOn(number, beginApp) }

func (h *house) signInOn(number, begin string) person {
	h.t.Helper()
	j, _ := h.begin(begin)
	j.input("phone", "phone", number).want(200, "").step("code")
	d := j.input("code", "code", h.box.code(number)).want(200, "").step("done")
	return person{h, d.str("step.account.id"), d.str("step.session.token"), d.str("step.device.token"), d.str("step.device.id")}
}

func (p person) do(method, path, body string) reply {
	p.t.Helper()
	return p.send(call{method: method, path: path, body: body, token: p.token})
}

// box is the phones and mailboxes, behind the real courier and its outbox.
type box struct {
	courier *courier.Courier
	mu      sync.Mutex
	came    sync.Cond
	got     map[string][]string
}

func newBox(t *testing.T, db *sqldb.DB, c *clock.Clock, ring *seal.Ring) *box {
	b := &box{got: map[string][]string{}}
	b.came.L = &b.mu
	q := job.New(db, c, slog.New(slog.DiscardHandler))
	b.courier = courier.New(db, c, q, ring, courier.Options{Texts: []courier.TextRoute{{Carrier: texts{b}}}, Letters: []mail.Sender{letters{b}}})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = q.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-over })
	return b
}

func (b *box) take(to, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got[to] = append(b.got[to], text)
	b.came.Broadcast()
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code waits for a message to a destination that holds a code, and takes it.
func (b *box) code(to string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for i, text := range b.got[to] {
			if code := sixDigits.FindString(text); code != "" {
				b.got[to] = b.got[to][i+1:]
				return code
			}
		}
		b.came.Wait()
	}
}

type texts struct{ *box }

func (texts) Name() string       { return "texts" }
func (texts) SafeToRepeat() bool { return true }
func (b texts) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	b.take(t.To, t.Body)
	return sms.Accepted{ProviderID: t.ID}, nil
}
func (texts) Receive(map[string][]string, url.Values, []byte) ([]sms.Event, error) { return nil, nil }

type letters struct{ *box }

func (letters) Name() string       { return "letters" }
func (letters) SafeToRepeat() bool { return true }
func (b letters) Send(_ context.Context, l mail.Letter) (mail.Accepted, error) {
	b.take(l.To, l.Subject+"\n"+l.Text)
	return mail.Accepted{}, nil
}

func otherCode(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+1)%10
	return string(b)
}
