package carrier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/lines"
)

const (
	secret = "a-shared-secret"
	phone  = "+8613800138000"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

type standing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *standing) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *standing) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// world is a carrier and the product's end of it: what was posted there, in order.
type world struct {
	*Carrier
	book   *lines.Book
	agenda *agenda.Agenda

	mu     sync.Mutex
	events []event
	heads  []http.Header
	bodies [][]byte
	status int
}

func newWorld(t *testing.T) *world {
	w := &world{book: lines.NewBook(), status: http.StatusNoContent}
	product := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("callback body %s: %v", body, err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
		w.heads = append(w.heads, r.Header)
		w.bodies = append(w.bodies, body)
		rw.WriteHeader(w.status)
	}))
	t.Cleanup(product.Close)
	w.agenda = agenda.New(&standing{now: start})
	t.Cleanup(w.agenda.Close)
	w.Carrier = New(Options{Agenda: w.agenda, Lines: w.book, CallbackURL: product.URL + "/hooks/sms/main", Secret: secret, Token: "t", Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(w.Close)
	return w
}

// send posts an order and answers the id.
func (w *world) send(t *testing.T, key, more string) string {
	t.Helper()
	status, body := w.post(key, fmt.Sprintf(`{"id":%q,"to":%q,"from":"Selfsame","text":"Selfsame: 482913 is your code.","callback":"https://id.example.test/hooks"%s}`, key, phone, more))
	var a struct{ ID string }
	if err := json.Unmarshal(body, &a); status != http.StatusAccepted || err != nil || a.ID == "" {
		t.Fatalf("send: %d %s", status, body)
	}
	return a.ID
}

func (w *world) post(key, body string) (int, []byte) {
	r := httptest.NewRequest(http.MethodPost, "/v1/messages", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Set("Idempotency-Key", key)
	out := httptest.NewRecorder()
	w.Handler().ServeHTTP(out, r)
	return out.Code, out.Body.Bytes()
}

func (w *world) set(t *testing.T, f func(*lines.Record)) {
	t.Helper()
	if _, err := w.book.Update(phone, f); err != nil {
		t.Fatal(err)
	}
}

// answer sets what the product answers from now on.
func (w *world) answer(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// calls waits until nothing is on its way and answers what was posted.
func (w *world) calls() ([]event, []http.Header, [][]byte) {
	w.caller.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), slices.Clone(w.heads), slices.Clone(w.bodies)
}

// told waits until all receipts are out and answers them as "state reason".
func (w *world) told(id string) []string {
	out := []string{}
	events, _, _ := w.calls()
	for _, e := range events {
		if e.MessageID == id {
			out = append(out, strings.TrimSpace(e.State+" "+e.Reason))
		}
	}
	return out
}

func TestBehaviors(t *testing.T) {
	for _, tt := range []struct {
		name    string
		set     func(*lines.Record)
		more    string // of the order
		now     []string
		status  State
		later   []string // 20 s later
		arrives State
	}{
		{name: "deliver", now: []string{"sent", "delivered"}, status: Delivered, later: []string{"sent", "delivered"}, arrives: Delivered},
		{name: "fail", set: func(r *lines.Record) { r.Delivery = lines.Fail; r.FailReason = "handset_off" },
			now: []string{"sent", "failed handset_off"}, status: Failed, later: []string{"sent", "failed handset_off"}, arrives: Failed},
		{name: "silent", set: func(r *lines.Record) { r.Delivery = lines.Silent },
			now: []string{}, status: Accepted, later: []string{}, arrives: Accepted},
		{name: "delay", set: func(r *lines.Record) { r.Delivery = lines.Delay },
			now: []string{"sent"}, status: Sent, later: []string{"sent", "delivered"}, arrives: Delivered},
		{name: "longer delay", set: func(r *lines.Record) { r.Delivery = lines.Delay; r.DelayFor = time.Minute },
			now: []string{"sent"}, status: Sent, later: []string{"sent"}, arrives: Sent},
		{name: "expires on the way", set: func(r *lines.Record) { r.Delivery = lines.Delay }, more: `,"expires_at":"2026-11-22T10:00:10Z"`,
			now: []string{"sent"}, status: Sent, later: []string{"sent", "failed expired"}, arrives: Failed},
		{name: "expired before", more: `,"expires_at":"2026-11-22T09:59:00Z"`,
			now: []string{"failed expired"}, status: Failed, later: []string{"failed expired"}, arrives: Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.set != nil {
				w.set(t, tt.set)
			}
			id := w.send(t, "k1", tt.more)
			check := func(when string, receipts []string, status State) {
				t.Helper()
				if diff := cmp.Diff(receipts, w.told(id)); diff != "" {
					t.Errorf("%s: receipts (-want +got):\n%s", when, diff)
				}
				texts := w.Texts(phone)
				if len(texts) != 1 || texts[0].Status != status {
					t.Fatalf("%s: texts %+v, want one %s", when, texts, status)
				}
				code := ""
				if status == Delivered {
					code = "482913"
				}
				if got := texts[0].Code(); got != code {
					t.Errorf("%s: code %q, want %q", when, got, code)
				}
			}
			check("at once", tt.now, tt.status)
			w.agenda.Advance(lines.DefaultDelay)
			check("later", tt.later, tt.arrives)
		})
	}
}

// The example of docs/protocols/http-carrier.md, section Signature.
func TestSignatureExample(t *testing.T) {
	at := time.Unix(1795341607, 0)
	stamp, signature := sign([]byte(secret), at, []byte(`{"id":"r-1","message_id":"c-77","state":"delivered","at":"2026-11-22T10:00:07Z"}`))
	if want := "1795341607"; stamp != want {
		t.Errorf("timestamp %s, want %s", stamp, want)
	}
	if want := "v1=54c979029c0190dcfc014b538ae5f6fd6ab54641bd39afd8fe922f76819fb6bb"; signature != want {
		t.Errorf("signature %s, want %s", signature, want)
	}
}

func TestCallsAreSigned(t *testing.T) {
	w := newWorld(t)
	w.send(t, "k1", "")
	w.caller.wg.Wait()
	if _, err := w.Send(t.Context(), phone, "10690000", "K7Q2M9X"); err != nil {
		t.Fatal(err)
	}
	events, heads, bodies := w.calls()
	if len(bodies) != 3 {
		t.Fatalf("%d calls, want sent, delivered and a text", len(bodies))
	}
	ids := map[string]bool{}
	for i, body := range bodies {
		stamp, signature := sign([]byte(secret), start, body)
		if got := heads[i].Get("X-Signature-Timestamp"); got != stamp {
			t.Errorf("call %d: timestamp %s, want %s", i, got, stamp)
		}
		if got := heads[i].Get("X-Signature"); got != signature {
			t.Errorf("call %d: signature %s, want %s", i, got, signature)
		}
		ids[events[i].ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("events share ids: %v", ids)
	}
	want := event{ID: events[2].ID, From: phone, To: "10690000", Text: "K7Q2M9X", At: start}
	if diff := cmp.Diff(want, events[2]); diff != "" {
		t.Errorf("text from a person (-want +got):\n%s", diff)
	}
}

func TestRepetitions(t *testing.T) {
	for _, tt := range []struct{ status, calls int }{{204, 1}, {200, 1}, {401, 1}, {404, 1}, {413, 1}, {422, 1}, {503, 2}, {500, 2}, {302, 2}} {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			w := newWorld(t)
			w.answer(tt.status)
			_, err := w.Send(t.Context(), phone, "10690000", "K7Q2M9X")
			if taken := err == nil; taken != (tt.status/100 == 2) {
				t.Errorf("Send: %v", err)
			}
			w.answer(http.StatusNoContent)
			w.agenda.Advance(pauses[0])
			events, heads, _ := w.calls()
			if len(events) != tt.calls {
				t.Fatalf("%d calls, want %d", len(events), tt.calls)
			}
			if tt.calls == 2 {
				if events[0].ID != events[1].ID {
					t.Error("the repetition has another event id")
				}
				if heads[0].Get("X-Signature-Timestamp") == heads[1].Get("X-Signature-Timestamp") {
					t.Error("the repetition is not signed with its own time")
				}
			}
		})
	}
}

func TestRepetitionsEnd(t *testing.T) {
	w := newWorld(t)
	w.answer(http.StatusServiceUnavailable)
	if _, err := w.Send(t.Context(), phone, "10690000", "K7Q2M9X"); !errors.Is(err, ErrRefused) {
		t.Fatalf("Send: %v, want ErrRefused", err)
	}
	var total time.Duration
	for _, pause := range pauses {
		total += pause
		w.agenda.Advance(pause)
		w.caller.wg.Wait()
	}
	events, _, _ := w.calls()
	if want := len(pauses) + 1; len(events) != want {
		t.Errorf("%d calls, want %d", len(events), want)
	}
	if total < time.Hour {
		t.Errorf("repeated for %v, the protocol wants at least an hour", total)
	}
	w.agenda.Advance(24 * time.Hour)
	events, _, _ = w.calls()
	if w.agenda.Len() != 0 || len(events) != len(pauses)+1 {
		t.Errorf("it never gives up: %d entries wait, %d calls", w.agenda.Len(), len(events))
	}
}

func TestIdempotencyUnderConcurrency(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() { ids[i] = w.send(t, "one-key", "") })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key got several ids: %v", ids)
		}
	}
	if diff := cmp.Diff([]string{"sent", "delivered"}, w.told(ids[0])); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	if n := len(w.Texts(phone)); n != 1 {
		t.Errorf("%d texts, want 1", n)
	}
	if other := w.send(t, "other-key", ""); other == ids[0] {
		t.Error("another key got the same id")
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 1601)
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"not JSON", `{`, 400, "malformed"},
		{"too large", `{"to":"` + phone + `","text":"` + strings.Repeat("x", 70_000) + `"}`, 400, "malformed"},
		{"no number", `{"text":"x"}`, 422, "number_unknown"},
		{"national number", `{"to":"13800138000","text":"x"}`, 422, "number_unknown"},
		{"no text", `{"to":"` + phone + `"}`, 400, "malformed"},
		{"long text", `{"to":"` + phone + `","text":"` + long + `"}`, 400, "malformed"},
		{"wrong type", `{"to":5,"text":"x"}`, 400, "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			status, body := w.post("k", tt.body)
			var got struct{ Error string }
			if err := json.Unmarshal(body, &got); err != nil || status != tt.status || got.Error != tt.code {
				t.Errorf("%d %s, want %d %s", status, body, tt.status, tt.code)
			}
			if n := len(w.Texts(phone)); n != 0 {
				t.Errorf("%d texts are kept", n)
			}
		})
	}
}

func TestCallsOfOthers(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path, token string
		status              int
	}{
		{"POST", "/messages", "wrong", 401},
		{"POST", "/messages", "", 401},
		{"GET", "/messages", "t", 405},
		{"POST", "/", "t", 404},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+tt.token)
		out := httptest.NewRecorder()
		w.Handler().ServeHTTP(out, r)
		if out.Code != tt.status {
			t.Errorf("%s %s with %q: %d, want %d", tt.method, tt.path, tt.token, out.Code, tt.status)
		}
	}
}

func TestNoCallbackNoReceipts(t *testing.T) {
	w := newWorld(t)
	if status, body := w.post("k", `{"to":"`+phone+`","text":"x","callback":""}`); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	if events, _, _ := w.calls(); len(events) != 0 {
		t.Errorf("receipts came unwanted: %+v", events)
	}
	if n := len(w.Texts(phone)); n != 1 {
		t.Errorf("%d texts, want 1", n)
	}
}

func TestOnlyTheNewestTextsAreKept(t *testing.T) {
	w := newWorld(t)
	number := func(i int) string { return fmt.Sprintf("+86138%08d", i%50) }
	const more = 120
	for i := range MaxTexts + more {
		if status, body := w.post("", fmt.Sprintf(`{"to":%q,"text":"%06d"}`, number(i), i)); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, body)
		}
	}
	total := 0
	for i := range 50 {
		for _, text := range w.Texts(number(i)) {
			total++
			if text.Text < fmt.Sprintf("%06d", more) {
				t.Errorf("the old text %s is still there", text.Text)
			}
		}
	}
	if total != MaxTexts {
		t.Errorf("%d texts are kept, want %d", total, MaxTexts)
	}
	if n := len(w.texts.values); n != MaxTexts {
		t.Errorf("the ring holds %d", n)
	}
	if got, want := w.Phones(3), []string{number(MaxTexts + more - 1), number(MaxTexts + more - 2), number(MaxTexts + more - 3)}; !cmp.Equal(got, want) {
		t.Errorf("most recent phones %v, want %v", got, want)
	}
}

func TestKeysAreBounded(t *testing.T) {
	w := newWorld(t)
	for i := range maxKeys + 10 {
		w.accept(order{To: phone, Text: "x"}, fmt.Sprint(i))
	}
	if n := len(w.byKey); n != maxKeys {
		t.Errorf("%d keys are remembered, want %d", n, maxKeys)
	}
}

// A product that answers slowly must not slow down the taking of texts, nor make
// the lab grow without end.
func TestSlowProduct(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	a := agenda.New(&standing{now: start})
	defer a.Close()
	c := New(Options{Agenda: a, Lines: lines.NewBook(), CallbackURL: slow.URL, Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	for range 3 * maxLane * lanes {
		c.accept(order{To: phone, Text: "x", Callback: "x"}, "")
	}
	waiting := 0
	for i := range c.caller.lanes {
		c.caller.lanes[i].mu.Lock()
		waiting += len(c.caller.lanes[i].waiting)
		c.caller.lanes[i].mu.Unlock()
	}
	if waiting > maxLane*lanes || c.caller.lost.Load() == 0 {
		t.Errorf("%d calls wait and %d are lost: the queue is not bounded", waiting, c.caller.lost.Load())
	}
}

func TestArrivalsAreInOrderOfArrival(t *testing.T) {
	w := newWorld(t)
	w.set(t, func(r *lines.Record) { r.Delivery = lines.Delay })
	slow := w.send(t, "k1", "")
	w.set(t, func(r *lines.Record) { r.Delivery = lines.Deliver })
	fast := w.send(t, "k2", "")
	first, seq := w.Arrivals(phone, 0)
	if len(first) != 1 || first[0].ID != fast {
		t.Fatalf("before the delay: %+v", first)
	}
	w.agenda.Advance(lines.DefaultDelay)
	second, _ := w.Arrivals(phone, seq)
	if len(second) != 1 || second[0].ID != slow || !second[0].At.Equal(start.Add(lines.DefaultDelay)) {
		t.Errorf("after the delay: %+v, want the slow text, arrived 20 s later", second)
	}
	if all := w.Texts(phone); len(all) != 2 || all[0].ID != slow {
		t.Errorf("newest first by arrival: %+v", all)
	}
}

func TestService(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct{ from, want string }{{"Selfsame", ""}, {"10690000", "10690000"}, {"", "10690000"}, {"+15005550001", "+15005550001"}, {"Shop 24", "+15005550001"}} {
		w.accept(order{To: phone, From: step.from, Text: "x"}, "")
		if got := w.Service(); got != step.want {
			t.Errorf("after a text from %q: %q, want %q", step.from, got, step.want)
		}
	}
}

func TestSendWithoutProduct(t *testing.T) {
	a := agenda.New(&standing{now: start})
	defer a.Close()
	c := New(Options{Agenda: a, Lines: lines.NewBook(), Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	if _, err := c.Send(context.Background(), phone, "1", "x"); !errors.Is(err, ErrNoCallback) {
		t.Errorf("Send: %v, want ErrNoCallback", err)
	}
}

func BenchmarkAccept(b *testing.B) {
	a := agenda.New(&standing{now: start})
	defer a.Close()
	c := New(Options{Agenda: a, Lines: lines.NewBook(), Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.accept(order{To: fmt.Sprintf("+86138%08d", i%1000), Text: "Selfsame: 482913 is your code."}, "")
		}
	})
}
