package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
)

const phone = "+8613800138000"

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

type standing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *standing) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *standing) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// product is the product's callback address: it takes everything.
type product struct{}

func (product) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

type world struct {
	*lab.Lab
	mail string
}

func newWorld(t *testing.T) world {
	t.Helper()
	l := lab.New(lab.Options{
		Clock: &standing{now: start}, CallbackURL: "http://id.example.test/hooks/sms/main", CallbackSecret: "s",
		PublicURL: "http://id.example.test/", Transport: product{}, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(l.Close)
	addr, err := l.ListenMail("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return world{l, addr.String()}
}

// call makes a JSON call and answers the status and the body.
func (w world) call(method, path, body string) (int, map[string]any) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	out := httptest.NewRecorder()
	w.Handler().ServeHTTP(out, r)
	var answer map[string]any
	_ = json.Unmarshal(out.Body.Bytes(), &answer) // an empty body stays nil
	return out.Code, answer
}

func (w world) text(t *testing.T, to, text string) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"to": to, "from": "10690000", "text": text, "callback": "https://id.example.test/hooks"})
	r := httptest.NewRequest(http.MethodPost, "/lab/carrier/messages", bytes.NewReader(body))
	out := httptest.NewRecorder()
	w.CarrierHandler().ServeHTTP(out, r)
	if out.Code != http.StatusAccepted {
		t.Fatalf("send: %d %s", out.Code, out.Body)
	}
}

func (w world) post(t *testing.T, to, subject, text string) {
	t.Helper()
	if err := smtp.SendMail(w.mail, nil, "no-reply@id.example.test", []string{to}, []byte("Subject: "+subject+"\r\n\r\n"+text+"\r\n")); err != nil {
		t.Fatal(err)
	}
}

func TestTextsCall(t *testing.T) {
	w := newWorld(t)
	w.text(t, phone, "Selfsame: 482913 is your code.")
	if status, _ := w.call("PUT", "/lab/api/numbers/"+phone, `{"delivery":"fail","fail_reason":"handset_off"}`); status != 200 {
		t.Fatalf("PUT: %d", status)
	}
	w.text(t, phone, "Selfsame: 590217 is your code.")
	for _, path := range []string{"/lab/api/sms?to=+8613800138000", "/lab/api/sms?to=%2B8613800138000"} {
		status, answer := w.call("GET", path, "")
		if status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
		messages := answer["messages"].([]any)
		for _, m := range messages {
			delete(m.(map[string]any), "id")
		}
		want := []any{
			map[string]any{"from": "10690000", "to": phone, "text": "", "code": "", "at": "2026-11-22T10:00:00Z", "status": "failed", "reason": "handset_off"},
			map[string]any{"from": "10690000", "to": phone, "text": "Selfsame: 482913 is your code.", "code": "482913", "at": "2026-11-22T10:00:00Z", "status": "delivered"},
		}
		if diff := cmp.Diff(want, messages); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if _, answer := w.call("GET", "/lab/api/sms?to=+15005550000", ""); cmp.Diff(map[string]any{"messages": []any{}}, answer) != "" {
		t.Errorf("a phone without texts: %v", answer)
	}
}

func TestTextFromAPerson(t *testing.T) {
	w := newWorld(t)
	status, answer := w.call("POST", "/lab/api/sms", `{"from":"+86 138 0013 8000","to":"10690000","text":"K7Q2M9X"}`)
	if status != http.StatusCreated || answer["status"] != "received" || answer["from"] != phone {
		t.Fatalf("%d %v", status, answer)
	}
	if _, answer := w.call("GET", "/lab/api/sms?to=10690000", ""); len(answer["messages"].([]any)) != 1 {
		t.Errorf("texts to our number: %v", answer)
	}
	if _, answer := w.call("GET", "/lab/api/sms?to="+phone, ""); len(answer["messages"].([]any)) != 0 {
		t.Errorf("a text that the person sent counts as one to them: %v", answer)
	}
}

func TestNumbersCall(t *testing.T) {
	w := newWorld(t)
	const path = "/lab/api/numbers/" + phone
	steps := []struct {
		method, body string
		status       int
		want         map[string]any
	}{
		{"GET", "", 200, map[string]any{"delivery": "deliver", "delay_for": "20s", "fail_reason": "handset_off", "line": "mobile"}},
		{"PUT", `{"line":"iot","recycled_at":"2026-01-02T03:04:05Z"}`, 200, map[string]any{"delivery": "deliver", "delay_for": "20s", "fail_reason": "handset_off", "line": "iot", "recycled_at": "2026-01-02T03:04:05Z"}},
		{"PUT", `{"delivery":"delay","delay_for":"1d","sim_swapped_at":"2026-01-02T03:04:05Z"}`, 200, map[string]any{"delivery": "delay", "delay_for": "24h0m0s", "fail_reason": "handset_off", "line": "iot", "recycled_at": "2026-01-02T03:04:05Z", "sim_swapped_at": "2026-01-02T03:04:05Z"}},
		{"DELETE", "", 204, nil},
		{"GET", "", 200, map[string]any{"delivery": "deliver", "delay_for": "20s", "fail_reason": "handset_off", "line": "mobile"}},
	}
	for _, step := range steps {
		status, answer := w.call(step.method, path, step.body)
		if diff := cmp.Diff(step.want, answer); status != step.status || diff != "" {
			t.Errorf("%s %s: %d (-want +got):\n%s", step.method, step.body, status, diff)
		}
	}
	if got := lineOf(w, "+8613800138001"); got != "mobile" {
		t.Errorf("look-up of an ordinary number: %s", got)
	}
	w.call("PUT", "/lab/api/numbers/+8613800138001", `{"line":"voip"}`)
	if got := lineOf(w, "+8613800138001"); got != "voip" {
		t.Errorf("look-up after a change: %s", got)
	}
}

func lineOf(w world, number string) string {
	out := httptest.NewRecorder()
	w.LinesHandler().ServeHTTP(out, httptest.NewRequest("GET", "/lines/"+number, nil))
	var answer struct{ Line string }
	_ = json.Unmarshal(out.Body.Bytes(), &answer) // an empty line fails the test
	return answer.Line
}

func TestMailCalls(t *testing.T) {
	w := newWorld(t)
	w.post(t, "a@example.com", "First", "Your code is 482913. Not you? http://id.example.test/freeze?k=1")
	status, answer := w.call("GET", "/lab/api/mail?to=a@example.com", "")
	messages := answer["messages"].([]any)
	if status != http.StatusOK || len(messages) != 1 {
		t.Fatalf("%d %v", status, answer)
	}
	got := messages[0].(map[string]any)
	delete(got, "id")
	want := map[string]any{
		"from": "no-reply@id.example.test", "to": "a@example.com", "subject": "First", "html": "", "code": "482913", "at": "2026-11-22T10:00:00Z",
		"text": "Your code is 482913. Not you? http://id.example.test/freeze?k=1\n", "links": []any{"http://id.example.test/freeze?k=1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	status, answer = w.call("PUT", "/lab/api/mailboxes/a@example.com", `{"delivery":"bounce"}`)
	if diff := cmp.Diff(map[string]any{"delivery": "bounce", "delay_for": "20s"}, answer); status != http.StatusOK || diff != "" {
		t.Errorf("PUT: %d (-want +got):\n%s", status, diff)
	}
	if err := smtp.SendMail(w.mail, nil, "x@example.test", []string{"a@example.com"}, []byte("\r\n")); err == nil || !strings.HasPrefix(err.Error(), "550") || !strings.Contains(err.Error(), "5.1.1") {
		t.Errorf("a mail to a box that bounces: %v", err)
	}
}

func TestClockCall(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct{ method, body, now string }{
		{"GET", "", "2026-11-22T10:00:00Z"},
		{"POST", `{"advance":"72h"}`, "2026-11-25T10:00:00Z"},
		{"POST", `{"advance":"15d"}`, "2026-12-10T10:00:00Z"},
	} {
		status, answer := w.call(step.method, "/lab/api/clock", step.body)
		if status != http.StatusOK || answer["now"] != step.now {
			t.Errorf("%s %s: %d %v, want %s", step.method, step.body, status, answer, step.now)
		}
	}
}

func TestWrongCalls(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "/lab/api/clock", `{"advance":"-1h"}`, 422, "invalid_input"},
		{"POST", "/lab/api/clock", `{"advance":"soon"}`, 422, "invalid_input"},
		{"POST", "/lab/api/clock", `{"back":"1h"}`, 422, "invalid_input"},
		{"POST", "/lab/api/clock", `{"advance":"1h"}{}`, 422, "invalid_input"},
		{"POST", "/lab/api/clock", ``, 422, "invalid_input"},
		{"PUT", "/lab/api/numbers/me", `{}`, 422, "phone_invalid"},
		{"PUT", "/lab/api/numbers/" + phone, `{"delivery":"pigeon"}`, 422, "invalid_input"},
		{"PUT", "/lab/api/numbers/" + phone, `{"line":"tin"}`, 422, "invalid_input"},
		{"PUT", "/lab/api/numbers/" + phone, `{"delay_for":"20"}`, 422, "invalid_input"},
		{"PUT", "/lab/api/numbers/" + phone, `{"recycled_at":"yesterday"}`, 422, "invalid_input"},
		{"PUT", "/lab/api/mailboxes/nobody", `{}`, 422, "email_invalid"},
		{"PUT", "/lab/api/mailboxes/a@example.com", `{"delivery":"fail"}`, 422, "invalid_input"},
		{"POST", "/lab/api/sms", `{"from":"` + phone + `","to":"1"}`, 422, "invalid_input"},
		{"GET", "/lab/api/nothing", ``, 404, "not_found"},
	} {
		status, answer := w.call(tt.method, tt.path, tt.body)
		if status != tt.status || answer["code"] != tt.code {
			t.Errorf("%s %s %s: %d %v, want %d %s", tt.method, tt.path, tt.body, status, answer, tt.status, tt.code)
		}
	}
	if _, answer := w.call("GET", "/lab/api/clock", ""); answer["now"] != "2026-11-22T10:00:00Z" {
		t.Errorf("a refused call moved the clock: %v", answer)
	}
}

func TestOtherOriginsAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/lab/api/clock", "/lab/clock"} {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{"advance":"1h"}`))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
		out := httptest.NewRecorder()
		w.Handler().ServeHTTP(out, r)
		if out.Code != http.StatusForbidden {
			t.Errorf("%s from another origin: %d, want 403", path, out.Code)
		}
	}
}

func TestPhoneWaitsForItsCode(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	p := w.Phone("+86 138 0013 8000")
	got := make(chan string)
	go func() {
		code, err := p.LastCode(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- code
	}()
	w.text(t, "+8613900000000", "Selfsame: 111111 is your code.")
	w.text(t, phone, "Your phone number was changed.")
	w.text(t, phone, "Selfsame: 482913 is your code.")
	if code := <-got; code != "482913" {
		t.Errorf("code %q", code)
	}
	if code, err := p.NextCode(ctx); code != "482913" || err != nil {
		t.Errorf("NextCode: %q %v", code, err)
	}
	gone, stop := context.WithCancel(ctx)
	stop()
	if _, err := p.NextCode(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("NextCode without a new text: %v, want that it waits", err)
	}
	if code, err := p.LastCode(gone); code != "482913" || err != nil {
		t.Errorf("LastCode reads again what is there: %q %v", code, err)
	}
	w.text(t, phone, "Selfsame: 590217 is your code.")
	if code, err := p.NextCode(ctx); code != "590217" || err != nil {
		t.Errorf("NextCode: %q %v", code, err)
	}
}

func TestPhoneDoesNotReadWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	gone, stop := context.WithCancel(t.Context())
	stop()
	p := w.Phone(phone)
	for _, delivery := range []lines.Delivery{lines.Delay, lines.Fail, lines.Silent} {
		if err := p.Set(func(r *lines.Record) { r.Delivery = delivery }); err != nil {
			t.Fatal(err)
		}
		w.text(t, phone, "Selfsame: 482913 is your code.")
		if code, err := p.LastCode(gone); err == nil {
			t.Errorf("%s: read %s", delivery, code)
		}
	}
	if n := len(p.Texts()); n != 0 {
		t.Errorf("%d texts on the phone, want none", n)
	}
	w.call("POST", "/lab/api/clock", `{"advance":"20s"}`)
	if code, err := p.LastCode(gone); code != "482913" || err != nil {
		t.Errorf("after the delay: %q %v", code, err)
	}
}

func TestMailboxWaitsForItsMail(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	m := w.Mailbox("A@example.com")
	got := make(chan string)
	go func() {
		code, err := m.NextCode(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- code
	}()
	w.post(t, "a@example.com", "Hello", "no code")
	w.post(t, "a@example.com", "Your code", "482913")
	if code := <-got; code != "482913" {
		t.Errorf("code %q", code)
	}
	if err := m.Set(mailbox.Behavior{Delivery: mailbox.Delay, DelayFor: time.Hour}); err != nil {
		t.Fatal(err)
	}
	w.post(t, "a@example.com", "Late", "590217")
	if code, err := m.LastCode(ctx); code != "482913" || err != nil {
		t.Errorf("before the delay: %q %v", code, err)
	}
	w.call("POST", "/lab/api/clock", `{"advance":"1h"}`)
	if mail, err := m.NextMail(ctx); mail.Subject != "Late" || err != nil {
		t.Errorf("after the delay: %+v %v", mail, err)
	}
}

func TestClosedLab(t *testing.T) {
	w := newWorld(t)
	w.Close()
	if _, err := w.ListenMail("127.0.0.1:0"); !errors.Is(err, lab.ErrClosed) {
		t.Errorf("ListenMail after Close: %v", err)
	}
	if _, err := smtp.Dial(w.mail); err == nil {
		t.Error("the mail server still listens")
	}
	w.text(t, phone, "x") // must not panic
}

// The lab must not share the product's code, or it would share its misunderstandings.
func TestLabImportsNothingOfTheProduct(t *testing.T) {
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			if strings.Contains(i.Path.Value, "/selfsame/internal") || strings.Contains(i.Path.Value, "/selfsame/cmd") {
				t.Errorf("%s imports %s", path, i.Path.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ExampleLab_Phone() {
	l := lab.New(lab.Options{Clock: &standing{now: start}})
	defer l.Close()
	carrier := httptest.NewServer(l.CarrierHandler())
	defer carrier.Close()
	_, _ = http.Post(carrier.URL+"/messages", "application/json", strings.NewReader(`{"to":"+8613800138000","text":"482913 is your code."}`))
	fmt.Println(l.Phone("+86 138 0013 8000").LastCode(context.Background()))
	// Output: 482913 <nil>
}
