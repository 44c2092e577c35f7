package pages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// desk answers as it is told and notes what it was asked.
type desk struct {
	arrival federation.Arrival
	refuse  error
	asked   []string
}

func (d *desk) Leave(_ context.Context, ticket, browser string) (federation.Departure, error) {
	d.asked = append(d.asked, "leave "+ticket+" "+browser)
	return federation.Departure{URL: "https://vendor.example/authorize?state=1", Browser: "b-secret"}, d.refuse
}

func (d *desk) Arrive(_ context.Context, name string, post bool, answer url.Values, browser string, journey flow.Handle, _ netip.Addr) (federation.Arrival, error) {
	method := "get "
	if post {
		method = "post "
	}
	d.asked = append(d.asked, method+name+" "+answer.Encode()+" "+browser+" "+journey.ID+"."+journey.Key)
	return d.arrival, d.refuse
}

func (d *desk) Confirm(_ context.Context, token, browser string, mine bool) (federation.Arrival, error) {
	answer := " no"
	if mine {
		answer = " yes"
	}
	d.asked = append(d.asked, "confirm "+token+" "+browser+answer)
	return d.arrival, d.refuse
}

// links is an account's linked accounts that notes what was done.
type links struct {
	list   []link.Link
	refuse error
	did    []string
}

func (l *links) List(context.Context, *session.Live) ([]link.Link, error) { return l.list, nil }

func (l *links) Offered(_ *session.Live, surface string) []string {
	l.did = append(l.did, "offered "+surface)
	return []string{"google", "facebook", "apple"}
}

func (l *links) Unlink(_ context.Context, _ *session.Live, provider string) error {
	l.did = append(l.did, "unlink "+provider)
	return l.refuse
}

func (l *links) Deletion(_ context.Context, code string) (linking.Deletion, error) {
	if code != "a-code" {
		return linking.Deletion{}, fault.NotFound
	}
	return linking.Deletion{Provider: "facebook", Result: "deleted", At: testNow.Add(-time.Hour)}, nil
}

var (
	atProviders = step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: append([]string{"provider"}, bothInputs...)}, Country: "US", Providers: []step.Provider{{Provider: "google"}}}
	atRedirect  = step.Redirect{Head: step.Head{Type: step.TypeRedirect, Inputs: []string{"check", "back"}}, Provider: "google",
		URL: "https://account.example.com/federation/go/ticket-1", ExpiresAt: testNow.Add(10 * time.Minute)}
	signedInEnd = step.Done{Session: &step.Session{Token: "sst_1", ExpiresAt: testNow.Add(time.Hour)}}
)

const leaves = `http-equiv="refresh" content="0;url=/federation/go/ticket-1"`

func goes(t *testing.T, what string, w *httptest.ResponseRecorder, status int, to string) {
	t.Helper()
	if got := w.Header().Get("Location"); w.Code != status || got != to {
		t.Errorf("%s: %d to %q, want %d to %q", what, w.Code, got, status, to)
	}
}

// TestTopic_S02_ToAProviderAndBack: the button leads to the provider at once, and
// only once; who comes back is signed in, and can load each address again.
func TestTopic_S02_ToAProviderAndBack(t *testing.T) {
	d := &desk{arrival: federation.Arrival{Kind: "signin", Here: true, Provider: "google"}}
	s := &script{present: ticket(atProviders), answers: []answer{{step: atRedirect}, {step: signedInEnd}}}
	b := open(t, s, func(c *Config) {
		c.Federation = d
		c.Opening = func(string, string, string) step.Step { return atProviders }
	})
	if b.get("/signin?return=/account/devices"); !strings.Contains(b.page, `value="google"`) || !strings.Contains(b.page, "Continue with Google") {
		t.Fatal("the page has no button for Google")
	}
	goes(t, "the button", b.post("/signin", "input", "provider", "provider", "google", "return", "/account/devices"), 303, "/signin?away=1")
	if want := (flow.Input{Input: "provider", Provider: "google"}); !cmp.Equal(s.inputs[0], want) {
		t.Errorf("the journey was given %+v, want %+v", s.inputs[0], want)
	}
	s.present = ticket(atRedirect)
	s.present.ReturnTo = "/account/devices"
	if b.get("/signin?away=1"); !strings.Contains(b.page, leaves) || !strings.Contains(b.page, `href="/federation/go/ticket-1"`) {
		t.Error("the page does not lead to the provider")
	}
	if b.get("/signin"); strings.Contains(b.page, leaves) || !strings.Contains(b.page, `href="/federation/go/ticket-1"`) {
		t.Error("who comes back by the back button is sent away again, or has no link")
	}
	goes(t, "leaving", b.get("/federation/go/ticket-1"), 302, "https://vendor.example/authorize?state=1")
	if b.cookies["federation"] != "b-secret" {
		t.Errorf("S-45: leaving set the cookies %v", b.cookies)
	}
	goes(t, "the callback", b.get("/federation/google/callback?code=c&state=s"), 303, "/signin?returned=1")
	if want := []string{"leave ticket-1 ", "get google code=c&state=s b-secret j1.k1"}; !cmp.Equal(d.asked, want) {
		t.Errorf("the desk was asked %q, want %q", d.asked, want)
	}
	goes(t, "coming back", b.get("/signin?returned=1"), 303, "/account/devices")
	if b.cookies["session"] != "sst_1" || b.cookies["journey"] != "" {
		t.Errorf("after the end the browser holds %v", b.cookies)
	}
	if last := s.inputs[len(s.inputs)-1]; last.Input != "check" {
		t.Errorf("coming back gave the input %q, want check", last.Input)
	}
}

// TestComingBackAgainDoesNothing: a journey that went on is shown as it stands,
// however often its address is loaded.
func TestComingBackAgainDoesNothing(t *testing.T) {
	first := step.LinkOrCreate{Head: step.Head{Type: step.TypeLinkOrCreate, Inputs: []string{"link", "create", "back"}}, Provider: "google", Name: "Ana <b>"}
	s := &script{present: ticket(first)}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	for range 2 {
		if w := b.get("/signin?returned=1"); w.Code != http.StatusOK || !strings.Contains(b.page, `value="create"`) {
			t.Errorf("the page answers %d: %s", w.Code, b.page)
		}
	}
	if len(s.inputs) != 0 {
		t.Errorf("looking gave the inputs %+v", s.inputs)
	}
	if strings.Contains(b.page, "<b>") || !strings.Contains(b.page, "Ana &lt;b&gt;") {
		t.Error("S-120: the provider's name of a person is not escaped")
	}
}

// TestComingBackWithARefusal: what went wrong at the provider is told at the step
// where the person can go on.
func TestComingBackWithARefusal(t *testing.T) {
	denied := federation.ProviderDenied.With("provider", "google")
	timeout := federation.ProviderFailed.With("provider", "google").With("reason", "timeout")
	for refused, says := range map[*fault.Fault]string{denied: "You did not agree at Google", timeout: "Google took too long to answer"} {
		s := &script{present: ticket(atRedirect), answers: []answer{{step: atProviders, err: refused}}}
		b := open(t, s, nil)
		b.cookies["journey"] = "j1.k1"
		if w := b.get("/signin?returned=1"); w.Code != refused.Status || !strings.Contains(b.page, says) || !strings.Contains(b.page, `value="google"`) {
			t.Errorf("%s: %d, without the words, or without a way on: %s", refused.Code, w.Code, b.page)
		}
		if strings.Contains(b.page, leaves) {
			t.Errorf("%s: the refusal leaves by itself", refused.Code)
		}
	}
	s := &script{present: ticket(atRedirect), answers: []answer{{step: atRedirect}}}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	goes(t, "nothing came", b.get("/signin?returned=1"), 303, "/signin?waiting=1")
	if b.get("/signin?waiting=1"); !strings.Contains(b.page, "Nothing has come from Google yet") {
		t.Error("the page does not say that nothing came")
	}
}

// TestS045_AnswerByPost: a provider's own page posts here without our cookies. The
// answer sets none, tells nothing, and leads to the same address by GET.
func TestS045_AnswerByPost(t *testing.T) {
	post := func(rt http.Handler, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "http://localhost:8080/federation/apple/callback", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://appleid.apple.com")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, r)
		if set := w.Header()["Set-Cookie"]; len(set) > 0 {
			t.Errorf("a cross-site form set %q", set)
		}
		return w
	}
	state := strings.Repeat("a1", 32)
	for _, tt := range []struct {
		name, body string
		d          desk
		to         string
	}{
		{"kept", "state=" + state + "&code=c", desk{arrival: federation.Arrival{Again: state}}, "?state=" + state},
		{"refused", "state=" + state + "&code=c", desk{refuse: federation.ProviderFailed.With("reason", "state_used")}, "?state=" + state},
		{"a state of nobody", "state=%3Cscript%3E&code=c", desk{refuse: federation.ProviderFailed.With("reason", "state_unknown")}, ""},
		{"no form", "state=1&state=2", desk{}, ""},
	} {
		cfg := testConfig(t)
		cfg.Federation = &tt.d
		_, rt := site(t, cfg)
		goes(t, tt.name, post(rt, tt.body), 303, "/federation/apple/callback"+tt.to)
	}
}

// TestBackFromAnApp: a browser that an app sent is told that the app goes on; from
// another network only after the person said that it was them.
func TestBackFromAnApp(t *testing.T) {
	d := &desk{arrival: federation.Arrival{Kind: "signin", Provider: "google", Confirm: "token-1", Device: "Pixel <9>", Place: "Berlin"}}
	b := open(t, &script{}, func(c *Config) { c.Federation = d })
	b.cookies["federation"] = "b-secret"
	b.get("/federation/google/callback?code=c&state=s")
	for _, want := range []string{"Did you begin this sign-in?", "Pixel &lt;9&gt;", "Berlin", `value="token-1"`} {
		if !strings.Contains(b.page, want) {
			t.Errorf("the question lacks %q", want)
		}
	}
	goes(t, "no", b.post("/federation/confirm", "token", "token-1", "mine", "no"), 303, "/federation/back?stopped=1")
	d.arrival.Confirm = ""
	goes(t, "yes", b.post("/federation/confirm", "token", "token-1", "mine", "yes"), 303, "/federation/back?provider=google")
	if w := b.post("/federation/confirm", "token", "token-1"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("neither yes nor no is answered with %d", w.Code)
	}
	if want := []string{"get google code=c&state=s b-secret .", "confirm token-1 b-secret no", "confirm token-1 b-secret yes"}; !cmp.Equal(d.asked, want) {
		t.Errorf("the desk was asked %q, want %q", d.asked, want)
	}
	if b.get("/federation/back?provider=google"); !strings.Contains(b.page, "Google has answered") {
		t.Error("the page does not say who answered")
	}
	if b.get("/federation/back?provider=Evil+words"); strings.Contains(b.page, "Evil") {
		t.Error("S-122: the page says a word out of its address")
	}
}

// TestArrivalsThatCountForNothing: each has a page with a way on.
func TestArrivalsThatCountForNothing(t *testing.T) {
	for reason, says := range map[string]string{
		"state_unknown": "We know of no sign-in", "state_used": "was finished before", "expired": "took too long",
		"other_browser": "another browser or app", "other_provider": "another provider than the one",
	} {
		b := open(t, &script{}, func(c *Config) {
			c.Federation = &desk{refuse: federation.ProviderFailed.With("provider", "google").With("reason", reason)}
		})
		for _, path := range []string{"/federation/google/callback?code=c&state=s", "/federation/go/ticket-1"} {
			if w := b.get(path); w.Code != http.StatusBadGateway || !strings.Contains(b.page, says) || !strings.Contains(b.page, `class="btn gap" href="/signin"`) {
				t.Errorf("%s at %s: %d, without its words or a way on", reason, path, w.Code)
			}
		}
	}
}

// TestSurface: the browser inside WeChat is known by its name.
func TestSurface(t *testing.T) {
	var seen []string
	cfg := testConfig(t)
	opening := cfg.Opening
	cfg.Opening = func(kind, region, surface string) step.Step {
		seen = append(seen, surface)
		return opening(kind, region, surface)
	}
	_, rt := site(t, cfg)
	get(rt, "/signin", "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50")
	get(rt, "/signin", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
	if seen[0] != "in_app" || seen[len(seen)-1] != "page" {
		t.Errorf("surfaces %q", seen)
	}
}

// someoneLinked opens the account pages of somebody with linked accounts.
func someoneLinked(t *testing.T, s *script, l *links) *browser {
	h := &house{me: session.Live{AccountID: 482109375564, ID: "s1", Account: account.Account{ID: 482109375564, Nickname: "Ana", CreatedAt: testNow.Add(-time.Hour)}}}
	return open(t, s, func(c *Config) {
		c.Session = func(*http.Request) (*session.Live, error) { me := h.me; return &me, nil }
		c.Accounts, c.Changes, c.Linked, c.Federation = h, &h.changes, l, &desk{}
	})
}

// TestTopic_L01_LinkedAccounts: the list tells which, whose and since when, and what
// can be added; the overview and the page of ways to sign in name them.
func TestTopic_L01_LinkedAccounts(t *testing.T) {
	l := &links{list: []link.Link{{Provider: "google", Name: "Ana <i>", LinkedAt: testNow.Add(-48 * time.Hour), UsedAt: testNow.Add(-3 * time.Hour)}}}
	b := someoneLinked(t, &script{}, l)
	b.get("/account/linked")
	for _, want := range []string{"Google", "Ana &lt;i&gt;", `Linked on <time`, "3 hours ago", `value="facebook"`, `value="apple"`, `href="/account/linked/google"`} {
		if !strings.Contains(b.page, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if strings.Contains(b.page, `value="google"`) {
		t.Error("a second account of a provider is offered")
	}
	for _, path := range []string{"/account", "/account/security"} {
		if b.get(path); !strings.Contains(b.page, "Linked accounts<small>Google</small>") {
			t.Errorf("%s does not name the linked account", path)
		}
	}
}

// TestTopic_L03_Remove: what it does stands before the button; what keeps it is said.
func TestTopic_L03_Remove(t *testing.T) {
	l := &links{list: []link.Link{{Provider: "google", LinkedAt: testNow.Add(-48 * time.Hour)}}}
	b := someoneLinked(t, &script{}, l)
	if b.get("/account/linked/google"); !strings.Contains(b.page, "It no longer opens this account") || !strings.Contains(b.page, "Remove Google") {
		t.Error("the page does not say what removing does")
	}
	goes(t, "removing", b.post("/account/linked/google", "input", "remove"), 303, "/account/linked?done=unlinked")
	l.refuse = session.ProofRequired.With("for", "unlink")
	goes(t, "without a proof", b.post("/account/linked/google", "input", "remove"), 303, "/prove?for=unlink&return=%2Faccount%2Flinked%2Fgoogle")
	l.refuse = proof.LastWayIn
	if w := b.post("/account/linked/google", "input", "remove"); w.Code != http.StatusConflict || !strings.Contains(b.page, "This is your only way in") || !strings.Contains(b.page, passkeysPath) {
		t.Errorf("the last way in: %d, without its words or another way: %s", w.Code, b.page)
	}
	l.refuse = fault.NotFound
	goes(t, "what is gone", b.post("/account/linked/google", "input", "remove"), 303, "/account/linked?done=unlinked")
	goes(t, "what is not there", b.get("/account/linked/apple"), 303, "/account/linked")
	if w := b.post("/account/linked/google", "input", "other"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another input: %d", w.Code)
	}
}

// linkTicket is a journey that links an account, at a step.
func linkTicket(x step.Step) flow.Ticket {
	t := ticket(x)
	t.Kind, t.For = linkKind, "google"
	return t
}

// TestTopic_L02_Add: adding begins the journey for the provider that was picked and
// ends at the list; what stands against it is said there, or where it came up.
func TestTopic_L02_Add(t *testing.T) {
	s := &script{present: linkTicket(atRedirect)}
	b := someoneLinked(t, s, &links{})
	b.get("/account/linked")
	b.post("/account/link", "input", "add", "provider", "google")
	if want := (flow.Begin{Kind: "link", For: "google", Region: "intl", ReturnTo: "/account/linked"}); len(s.begun) != 1 || !cmp.Equal(s.begun[0], want) {
		t.Fatalf("begun %+v, want %+v", s.begun, want)
	}
	if b.get("/account/link?away=1"); !strings.Contains(b.page, leaves) {
		t.Error("the page does not lead to the provider")
	}
	s.answers = []answer{{step: step.Confirm{Head: step.Head{Type: step.TypeConfirm, Inputs: []string{"confirm", "back"}}, Action: "move_link", Effects: []step.Effect{{Effect: "link_leaves"}}},
		err: federation.LinkedElsewhere.With("provider", "google")}}
	if w := b.get("/account/link?returned=1"); w.Code != http.StatusConflict || !strings.Contains(b.page, "This Google account opens another account") || !strings.Contains(b.page, "If that account is yours too, move it here") || !strings.Contains(b.page, "Move it here") {
		t.Errorf("linked elsewhere: %d, without its words or the way to move it: %s", w.Code, b.page)
	}
	s.answers = []answer{{step: step.Done{Result: "linked"}}}
	goes(t, "linked", b.get("/account/link?returned=1"), 303, "/account/linked?done=link_linked")
	s.present = flow.Ticket{}
	goes(t, "no journey", b.get("/account/link"), 303, "/account/linked")
	goes(t, "an answer to no journey", b.post("/account/link", "input", "check"), 303, "/account/linked")
}

// TestDeletionStatus: whoever has the code of a request reads what became of it.
func TestDeletionStatus(t *testing.T) {
	b := open(t, &script{}, func(c *Config) { c.Linked = &links{} })
	if w := b.get("/federation/deletion?c=a-code"); w.Code != http.StatusOK || !strings.Contains(b.page, "Facebook asked us to delete") {
		t.Errorf("the status answers %d", w.Code)
	}
	if w := b.get("/federation/deletion?c=another"); w.Code != http.StatusNotFound {
		t.Errorf("a code of nobody answers %d", w.Code)
	}
}

// TestOverrideOfMarks: an operator who may show a vendor's artwork puts it in.
func TestOverrideOfMarks(t *testing.T) {
	cfg := testConfig(t)
	cfg.Overrides = fstest.MapFS{"icons.svg": {Data: []byte(`<svg><symbol id="provider-apple"><path/></symbol></svg>`)}}
	p, _ := site(t, cfg)
	if got := p.assets.icons["provider-apple"]; got != "<path/>" {
		t.Errorf("the mark is %q", got)
	}
	if p.assets.icons["house"] == "" {
		t.Error("our icons are gone")
	}
}
