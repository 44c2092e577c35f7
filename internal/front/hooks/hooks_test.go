package hooks_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/hooks"
	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/sms/httpgw"
	"github.com/selfsame-id/selfsame/internal/words"
)

const (
	host   = "id.example.com"
	secret = "a-shared-secret"
)

// house is the door for carriers, with a real courier behind it and one text on
// its way through a real adapter.
type house struct {
	t       *testing.T
	db      *sqldb.DB
	clock   *clock.Clock
	router  *httpd.Router
	courier *courier.Courier
	texted  int // texts from people that were handed on
}

// answering is the carrier's side of a send: it takes every text as c-77.
type answering struct{ took chan struct{} }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.took <- struct{}{}
	return &http.Response{StatusCode: 202, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":"c-77"}`)), Request: r}, nil
}

func each(t *testing.T, f func(h *house)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		took := make(chan struct{}, 8)
		carrier, err := httpgw.New(httpgw.Config{Name: "main", Base: "http://carrier.example.com/v1", Token: "t", Secrets: []string{secret}, Transport: answering{took}}, c)
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, db: db, clock: c}
		q := job.New(db, c, slog.New(slog.DiscardHandler))
		h.courier = courier.New(db, c, q, ring, courier.Options{Texts: []courier.TextRoute{{Carrier: carrier}}})
		h.courier.OnText(func(context.Context, *sqldb.Tx, courier.Inbound) error { h.texted++; return nil })
		public, _ := url.Parse("https://" + host)
		h.router = httpd.New(httpd.Config{PublicURL: public, Key: make([]byte, 32), Words: words.Book(), Clock: c}, httpd.API())
		hooks.Mount(h.router, h.courier)
		h.post(q, took)
		f(h)
	})
}

// post sends the text m1 and waits until the carrier has it.
func (h *house) post(q *job.Queue, took chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = q.Run(ctx)
	}()
	err := h.db.InTx(h.t.Context(), func(tx *sqldb.Tx) error {
		return h.courier.Post(h.t.Context(), tx, courier.Message{ID: "m1", Channel: courier.SMS, To: "+8613800138000", Text: "hello", Purpose: "signin", ExpiresAt: h.clock.Now().Add(time.Hour)})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	<-took
	h.clock.Advance(time.Second) // wakes the queue: the handover is noted
	for h.state() == courier.Queued {
		if h.t.Context().Err() != nil {
			h.t.Fatal("the handover was never noted")
		}
	}
	cancel()
	<-over
}

func (h *house) state() string {
	h.t.Helper()
	d, err := h.courier.Delivery(h.t.Context(), h.db, "m1")
	if err != nil {
		h.t.Fatal(err)
	}
	return d.State
}

func sign(secret, body string, at time.Time) (stamp, signature string) {
	stamp = strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return stamp, "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// call posts a body to a path as a carrier would; change spoils it.
func (h *house) call(path, body string, change ...func(r *http.Request)) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	stamp, signature := sign(secret, body, h.clock.Now())
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature", signature)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, r)
	return w
}

func receipt(state string) string {
	return `{"id":"r-` + state + `","message_id":"c-77","state":"` + state + `","at":"2026-11-22T10:00:00Z"}`
}

const inbound = `{"id":"m-9","from":"+8613800138000","to":"10690000","text":"K7Q2M9X","at":"2026-11-22T10:00:00Z"}`

func set(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header[pairs[i]] = nil
			if pairs[i+1] != "" {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
}

// at signs the body for another time.
func at(body string, when time.Time) func(*http.Request) {
	stamp, signature := sign(secret, body, when)
	return set("X-Signature-Timestamp", stamp, "X-Signature", signature)
}

func TestS150_CallbacksAreRefused(t *testing.T) {
	each(t, func(h *house) {
		good := receipt("delivered")
		now := h.clock.Now()
		_, other := sign("another-secret", good, now)
		_, right := sign(secret, good, now)
		large := `{"id":"r-1","message_id":"c-77","state":"delivered","x":"` + strings.Repeat("x", 64<<10) + `"}`
		for name, tt := range map[string]struct {
			path, body string
			change     func(*http.Request)
			status     int
			code       string
		}{
			"not signed":               {"", good, set("X-Signature", ""), 401, "callback_refused"},
			"without a time":           {"", good, set("X-Signature-Timestamp", ""), 401, "callback_refused"},
			"another's secret":         {"", good, set("X-Signature", other), 401, "callback_refused"},
			"shortened signature":      {"", good, set("X-Signature", right[:len(right)-1]), 401, "callback_refused"},
			"lengthened signature":     {"", good, set("X-Signature", right+"0"), 401, "callback_refused"},
			"capital signature":        {"", good, set("X-Signature", strings.ToUpper(right)), 401, "callback_refused"},
			"without its version":      {"", good, set("X-Signature", right[3:]), 401, "callback_refused"},
			"of another version":       {"", good, set("X-Signature", "v2"+right[2:]), 401, "callback_refused"},
			"behind many":              {"", good, set("X-Signature", strings.Repeat("v1=0,", 1000)+right), 401, "callback_refused"},
			"other body":               {"", receipt("failed"), set("X-Signature", right), 401, "callback_refused"},
			"body with a blank more":   {"", good + " ", set("X-Signature", right), 401, "callback_refused"},
			"other time":               {"", good, set("X-Signature", right, "X-Signature-Timestamp", strconv.FormatInt(now.Unix()+1, 10)), 401, "callback_refused"},
			"time spelled otherwise":   {"", good, set("X-Signature-Timestamp", "0"+strconv.FormatInt(now.Unix(), 10)), 401, "callback_refused"},
			"time is no number":        {"", good, set("X-Signature-Timestamp", "now"), 401, "callback_refused"},
			"late":                     {"", good, at(good, now.Add(-301*time.Second)), 401, "callback_refused"},
			"early":                    {"", good, at(good, now.Add(301*time.Second)), 401, "callback_refused"},
			"unknown route":            {"/hooks/sms/other", good, nil, 404, "not_found"},
			"no route":                 {"/hooks/sms/", good, nil, 404, "not_found"},
			"NUL in the route":         {"/hooks/sms/main%00", good, nil, 404, "not_found"},
			"route in other case":      {"/hooks/sms/Main", good, nil, 404, "not_found"},
			"other kind":               {"/hooks/federation/main", good, nil, 404, "not_found"},
			"oversized":                {"", large, nil, 413, "body_too_large"},
			"empty":                    {"", "", nil, 422, "invalid_input"},
			"no JSON":                  {"", "delivered", nil, 422, "invalid_input"},
			"cut off":                  {"", good[:20], nil, 422, "invalid_input"},
			"two values":               {"", good + good, nil, 422, "invalid_input"},
			"deep":                     {"", strings.Repeat("[", 30_000), nil, 422, "invalid_input"},
			"number":                   {"", "1", nil, 422, "invalid_input"},
			"null":                     {"", "null", nil, 422, "invalid_input"},
			"without an id":            {"", `{"message_id":"c-77","state":"delivered"}`, nil, 422, "invalid_input"},
			"neither receipt nor text": {"", `{"id":"r-1"}`, nil, 422, "invalid_input"},
			"long sender":              {"", `{"id":"r-1","from":"` + strings.Repeat("1", 65) + `"}`, nil, 422, "invalid_input"},
			"one of two is bad":        {"", `[` + good + `,{"id":"x"}]`, nil, 422, "invalid_input"},
			"packed":                   {"", good, set("Content-Encoding", "gzip"), 415, "media_type"},
			"multipart":                {"", good, set("Content-Type", "multipart/form-data; boundary=x"), 415, "media_type"},
			"broken on the way": {"", good, func(r *http.Request) {
				r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
			}, 400, "invalid_json"},
		} {
			path := tt.path
			if path == "" {
				path = "/hooks/sms/main"
			}
			change := []func(*http.Request){}
			if tt.change != nil {
				change = append(change, tt.change)
			}
			w := h.call(path, tt.body, change...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), `"code":"`+tt.code+`"`) || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, tt.status, tt.code)
			}
			if text := w.Body.String(); strings.Contains(text, "c-77") || strings.Contains(text, "v1=") || strings.Contains(text, "delivered") && tt.status == 401 {
				t.Errorf("%s: the refusal repeats what was sent: %s", name, text)
			}
		}
		if got := h.state(); got != courier.Sent || h.texted != 0 {
			t.Errorf("after refusals the text is %s, and %d texts were handed on", got, h.texted)
		}
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			if w := h.call("/hooks/sms/main", good, func(r *http.Request) { r.Method = method }); w.Code != 405 || w.Header().Get("Allow") != "POST" {
				t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
			}
		}
		if got := h.state(); got != courier.Sent {
			t.Errorf("another method made the text %s", got)
		}
	})
}

func TestS150_CallbacksAreTaken(t *testing.T) {
	each(t, func(h *house) {
		for name, change := range map[string]func(*http.Request){
			"in time":                            nil,
			"from another site, as carriers are": set("Origin", "https://carrier.example", "Sec-Fetch-Site", "cross-site"),
			"with cookies":                       set("Cookie", "__Host-session=x"),
			"two signatures while a secret is changed": func(r *http.Request) {
				r.Header.Set("X-Signature", "v1="+strings.Repeat("0", 64)+", "+r.Header.Get("X-Signature"))
			},
			"as late as may be": at(receipt("sent"), h.clock.Now().Add(-300*time.Second)),
		} {
			var changes []func(*http.Request)
			if change != nil {
				changes = append(changes, change)
			}
			if w := h.call("/hooks/sms/main", receipt("sent"), changes...); w.Code != 204 || w.Body.Len() != 0 {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	})
}

// A receipt or a text that comes again, late or out of order changes nothing (S-150).
func TestS150_ReplaysChangeNothing(t *testing.T) {
	each(t, func(h *house) {
		for _, tt := range []struct{ body, state string }{
			{receipt("delivered"), courier.Delivered},
			{receipt("delivered"), courier.Delivered},
			{receipt("sent"), courier.Delivered},
			{receipt("failed"), courier.Delivered},
			{strings.Replace(receipt("failed"), "c-77", "c-78", 1), courier.Delivered}, // of no text of ours
			{"[" + receipt("failed") + "," + receipt("sent") + "]", courier.Delivered},
		} {
			if w := h.call("/hooks/sms/main", tt.body); w.Code != 204 {
				t.Fatalf("%s: %d %s", tt.body, w.Code, w.Body)
			}
			if got := h.state(); got != tt.state {
				t.Errorf("after %s the text is %s, want %s", tt.body, got, tt.state)
			}
		}
		for range 3 {
			if w := h.call("/hooks/sms/main", inbound); w.Code != 204 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		h.clock.Advance(4 * time.Minute)
		h.call("/hooks/sms/main", inbound)
		if h.texted != 1 {
			t.Errorf("a text that came four times was handed on %d times", h.texted)
		}
	})
}
