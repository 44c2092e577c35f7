package pages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// script is a runner that answers as it is told and notes what it was asked.
type script struct {
	asked   []string // "begin signin intl", "answer phone"
	inputs  []flow.Input
	begun   []flow.Begin
	present flow.Ticket // what Show answers
	showErr error
	answers []answer // what Answer answers, in order
}

type answer struct {
	step step.Step
	err  error
}

func ticket(s step.Step) flow.Ticket {
	return flow.Ticket{ID: "j1", Key: "k1", Kind: "signin", Region: "intl", ExpiresAt: testNow.Add(15 * time.Minute), Step: s}
}

func (s *script) Begin(_ context.Context, _ flow.Visitor, b flow.Begin) (flow.Ticket, error) {
	s.asked, s.begun = append(s.asked, "begin "+b.Kind+" "+b.Region), append(s.begun, b)
	return ticket(step.Identify{Head: step.Head{Inputs: bothInputs}}), nil
}

func (s *script) Answer(_ context.Context, _ flow.Visitor, h flow.Handle, in flow.Input) (flow.Ticket, error) {
	s.asked, s.inputs = append(s.asked, "answer "+in.Input), append(s.inputs, in)
	if h != (flow.Handle{ID: "j1", Key: "k1"}) || len(s.answers) == 0 {
		return flow.Ticket{}, fault.NotFound
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.step == nil {
		return flow.Ticket{}, a.err
	}
	t := ticket(a.step)
	if len(s.begun) > 0 {
		t.ReturnTo = s.begun[0].ReturnTo
	}
	return t, a.err
}

func (s *script) Show(context.Context, flow.Visitor, flow.Handle) (flow.Ticket, error) {
	s.asked = append(s.asked, "show")
	return s.present, s.showErr
}

// browser keeps cookies and tokens as a browser does.
type browser struct {
	t       *testing.T
	rt      *httpd.Router
	cookies map[string]string
	page    string
	token   string
}

func open(t *testing.T, s *script, change func(*Config)) *browser {
	t.Helper()
	cfg := testConfig(t)
	cfg.Journeys = s
	if change != nil {
		change(&cfg)
	}
	_, rt := site(t, cfg)
	return &browser{t: t, rt: rt, cookies: map[string]string{}}
}

func (b *browser) do(method, path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.rt.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	b.page = w.Body.String()
	if m := tokenField.FindStringSubmatch(b.page); m != nil {
		b.token = m[1]
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder { return b.do(http.MethodGet, path, nil) }

var tokenField = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// post sends a form of the page that is open.
func (b *browser) post(path string, fields ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	form := url.Values{}
	if b.token != "" {
		form.Set(httpd.FormField, b.token)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

var (
	atIdentify = step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: bothInputs}, Country: "US"}
	atPassword = step.Password{Head: step.Head{Type: step.TypePassword, Inputs: []string{"password", "back"}}, Username: "l***@example.com"}
	atCode     = step.Code{Head: step.Head{Type: step.TypeCode, Inputs: []string{"code", "resend", "back"}}, Channel: "sms", To: "+1 41 **** 123", Length: 6,
		ExpiresAt: testNow.Add(5 * time.Minute), ResendAt: testNow.Add(time.Minute), Sends: 1, Delivery: step.Delivery{State: "queued"}}
)

func TestLookingWritesNothing(t *testing.T) {
	s := &script{}
	b := open(t, s, nil)
	for _, path := range []string{"/", "/signin", "/signup", "/signin?with=password", "/signin?with=email&region=cn"} {
		if w := b.get(path); w.Code != http.StatusOK {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("looking asked the runner: %q", s.asked)
	}
}

func TestTopic_S01_PhoneThenCode(t *testing.T) {
	s := &script{answers: []answer{{step: atCode}, {step: step.Done{Session: &step.Session{Token: "sst_1", ExpiresAt: testNow.Add(time.Hour)}}}}}
	b := open(t, s, nil)
	b.get("/signin?return=/account/devices")
	w := b.post("/signin", "input", "phone", "phone", " 415 555 0123 ", "country", "US", "return", "/account/devices", "region", "intl")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin" {
		t.Fatalf("the phone answers %d to %q", w.Code, w.Header().Get("Location"))
	}
	if b.cookies["journey"] != "j1.k1" || b.cookies["country"] != "US" {
		t.Errorf("cookies %v", b.cookies)
	}
	s.present = ticket(atCode)
	if b.get("/signin"); !strings.Contains(b.page, "&#43;1 41 **** 123") && !strings.Contains(b.page, "+1 41 **** 123") {
		t.Error("the code page does not say where the code went")
	}
	w = b.post("/signin", "input", "code", "code", "Selfsame: 482913 is your sign-in code.")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account/devices" {
		t.Errorf("the code answers %d to %q", w.Code, w.Header().Get("Location"))
	}
	if b.cookies["session"] != "sst_1" || b.cookies["journey"] != "" {
		t.Errorf("S-56: after the end the browser holds %v", b.cookies)
	}
	want := []flow.Input{{Input: "phone", Phone: "415 555 0123", Country: "US"}, {Input: "code", Code: "482913"}}
	if d := cmp.Diff(want, s.inputs); d != "" {
		t.Error("inputs (-want +got)\n" + d)
	}
	if s.begun[0].ReturnTo != "/account/devices" {
		t.Errorf("S-121: the place to return to is not in the journey: %+v", s.begun[0])
	}
}

func TestS121_ReturnPathIsOurs(t *testing.T) {
	for _, bad := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a/../../b", "/%0d%0aX: y"} {
		s := &script{answers: []answer{{step: atCode}}}
		b := open(t, s, nil)
		b.get("/signin?return=" + url.QueryEscape(bad))
		if strings.Contains(b.page, "evil") || strings.Contains(b.page, "javascript:") {
			t.Errorf("%q is on the page", bad)
		}
		b.post("/signin", "input", "phone", "phone", "1", "return", bad)
		if len(s.begun) != 1 || s.begun[0].ReturnTo != "" {
			t.Errorf("%q went into the journey: %+v", bad, s.begun)
		}
	}
}

func TestRefusalKeepsWhatWasTyped(t *testing.T) {
	refused := declared("phone_invalid").On("phone")
	s := &script{answers: []answer{{step: atIdentify, err: refused}}}
	b := open(t, s, nil)
	b.get("/signin")
	w := b.post("/signin", "input", "phone", "phone", `13"8`, "country", "CN")
	if w.Code != refused.Status {
		t.Errorf("status %d, want %d", w.Code, refused.Status)
	}
	for _, want := range []string{`value="13&#34;8"`, `<option value="CN" data-code="86" selected>`, `aria-invalid="true" autofocus aria-describedby="fault"`, `id="fault" role="alert"`} {
		if !strings.Contains(b.page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestUsernameAndPasswordTogether(t *testing.T) {
	wrong := declared("credentials_invalid").On("password")
	s := &script{answers: []answer{{step: atPassword}, {step: atPassword, err: wrong}, {step: atPassword, err: flow.JourneyStep}, {step: atPassword}, {step: atCode}}}
	b := open(t, s, nil)
	b.get("/signin?with=password")
	w := b.post("/signin", "input", "username", "username", "lin@example.com", "password", "hunter22", "country", "US")
	if w.Code != wrong.Status || !strings.Contains(b.page, `value="lin@example.com"`) || strings.Contains(b.page, "hunter22") {
		t.Errorf("status %d; the username has to stay and the password not", w.Code)
	}
	if !strings.Contains(b.page, "/signin?with=phone") {
		t.Error("the refusal offers no other way")
	}
	w = b.post("/signin", "input", "username", "username", "lin@example.com", "password", "right", "country", "US")
	if w.Code != http.StatusSeeOther {
		t.Errorf("the second try answers %d", w.Code)
	}
	want := []string{"begin signin intl", "answer username", "answer password", "answer username", "begin signin intl", "answer username", "answer password"}
	if d := cmp.Diff(want, s.asked); d != "" {
		t.Error("asked (-want +got)\n" + d)
	}
}

func TestAnotherWayOutOfAProof(t *testing.T) {
	s := &script{present: ticket(atPassword), answers: []answer{{step: atPassword, err: flow.JourneyStep}, {step: atCode}}}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	if b.get("/signin?with=phone"); !strings.Contains(b.page, `id="phone"`) {
		t.Error("the link to another way shows the same proof again")
	}
	if w := b.post("/signin", "input", "phone", "phone", "1"); w.Code != http.StatusSeeOther {
		t.Errorf("the number answers %d", w.Code)
	}
	if b.get("/signin"); strings.Contains(b.page, `id="phone"`) {
		t.Error("without such a link the page is not that of the present step")
	}
}

func TestExpiredJourneyStartsAgain(t *testing.T) {
	t.Run("a code for a journey that is over", func(t *testing.T) {
		s := &script{answers: []answer{{err: flow.JourneyExpired}}}
		b := open(t, s, nil)
		b.cookies["journey"] = "j1.k1"
		s.present = ticket(atCode)
		b.get("/signin")
		if w := b.post("/signin", "input", "code", "code", "123456"); w.Code != http.StatusGone || !strings.Contains(b.page, `id="phone"`) || b.cookies["journey"] != "" {
			t.Errorf("status %d, cookies %v", w.Code, b.cookies)
		}
	})
	t.Run("a phone number begins a new one", func(t *testing.T) {
		s := &script{answers: []answer{{err: flow.JourneyExpired}, {step: atCode}}, showErr: flow.JourneyExpired}
		b := open(t, s, nil)
		b.cookies["journey"] = "j1.k1"
		b.get("/signin")
		if w := b.post("/signin", "input", "phone", "phone", "1"); w.Code != http.StatusSeeOther {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestS056_PlantedHandleOfAnotherKind(t *testing.T) {
	s := &script{present: ticket(atCode)}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	if b.get("/signup"); !strings.Contains(b.page, `id="phone"`) {
		t.Error("/signup shows the step of a sign-in")
	}
}

func TestRestart(t *testing.T) {
	s := &script{present: ticket(atCode), answers: []answer{{step: atIdentify}}}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	b.get("/signin")
	if w := b.post("/signin", "input", "restart"); w.Code != http.StatusSeeOther || b.cookies["journey"] == "" {
		t.Errorf("status %d, cookies %v: the journey can go back and should", w.Code, b.cookies)
	}
	s.present = ticket(step.Captcha{Head: step.Head{Type: step.TypeCaptcha, Inputs: []string{"captcha"}}, Kind: "picture"})
	b.get("/signin")
	if w := b.post("/signin", "input", "restart"); w.Code != http.StatusSeeOther || b.cookies["journey"] != "" {
		t.Errorf("status %d, cookies %v: the journey cannot go back and should be left", w.Code, b.cookies)
	}
}

func TestS118_FormNeedsItsToken(t *testing.T) {
	s := &script{answers: []answer{{step: atCode}}}
	b := open(t, s, nil)
	if w := b.post("/signin", "input", "phone", "phone", "1"); w.Code != httpd.CookiesOff.Status || !strings.Contains(b.page, "<ol") {
		t.Errorf("without a cookie: %d, want the page about cookies", w.Code)
	}
	b.get("/signin")
	b.token = ""
	if w := b.post("/signin", "input", "phone", "phone", "1"); w.Code != httpd.FormExpired.Status {
		t.Errorf("without a token: %d", w.Code)
	}
	if len(s.asked) > 0 {
		t.Errorf("the runner was asked: %q", s.asked)
	}
}

func TestDeliveryIsTold(t *testing.T) {
	sent := atCode
	sent.Delivery.State = "delivered"
	s := &script{present: ticket(sent)}
	b := open(t, s, nil)
	b.cookies["journey"] = "j1.k1"
	w := b.get("/signin/delivery")
	want := `{"state":"delivered","text":"The text has arrived on your phone.","final":true}`
	if w.Header().Get("Content-Type") != "application/json" || b.page != want {
		t.Errorf("%s %s", w.Header().Get("Content-Type"), b.page)
	}
	s.showErr, s.present = flow.JourneyExpired, flow.Ticket{}
	if b.get("/signin/delivery"); b.page != `{"state":"over","final":true}` {
		t.Errorf("after the end: %s", b.page)
	}
}

func TestTopic_V01_ReadCode(t *testing.T) {
	for in, want := range map[string]string{
		"482913": "482913", " 482 913 ": "482913", "482-913": "482913", "４８２９１３": "482913", "\u200b482913": "482913",
		"Selfsame: 482913 is your sign-in code. We never ask for it.\n\n@127.0.0.1 #482913": "482913",
		"【示例】482913 是你的登录验证码，请勿告诉任何人。":                                                      "482913",
		"4829": "4829", "hello": "hello", "": "", "12345678": "12345678",
	} {
		if got := readCode(in); got != want {
			t.Errorf("readCode(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzReadCode(f *testing.F) {
	f.Add("482 913")
	f.Fuzz(func(t *testing.T, s string) {
		if got := readCode(s); len(got) > len(s) {
			t.Errorf("readCode(%q) = %q grew", s, got)
		}
	})
}
