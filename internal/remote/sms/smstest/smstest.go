// Package smstest holds the contract of sms.Carrier: what every adapter must do,
// whatever its carrier speaks. An adapter's test plays the carrier (Far) and runs
// Contract. It must never be imported outside tests.
package smstest

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// Behavior is what the far end does with sends.
type Behavior string

// The behaviors that a Far plays.
const (
	Accept        Behavior = "accept"
	NumberUnknown Behavior = "number unknown" // refuses: nobody has the number
	NotServed     Behavior = "country not served"
	Unpaid        Behavior = "unpaid"       // refuses us, not the text
	Busy          Behavior = "busy"         // took nothing, come back in 7 s
	Broken        Behavior = "broken"       // an error of its own, took it or not
	Hangs         Behavior = "hangs"        // takes the connection and never answers
	CutsOff       Behavior = "cuts off"     // breaks the connection after reading the text
	Babbles       Behavior = "babbles"      // answers success and rubbish
	Floods        Behavior = "floods"       // answers success and endless bytes
	Absent        Behavior = "absent"       // nobody listens
	Redirects     Behavior = "redirects"    // to a place that would accept
	Unauthorized  Behavior = "unauthorized" // our credentials are wrong
)

// Got is a text that arrived at the far end.
type Got struct{ ID, To, Body string }

// Report is what the far end reports: a receipt if MessageID is set, else a text.
type Report struct {
	ID, MessageID, State, Reason string // in sms's and attempt's words
	From, To, Body               string
	At                           time.Time // of the event
	SignedAt                     time.Time // zero: now
	Secret                       string    // "": the right one
}

// Far plays a carrier.
type Far interface {
	Carrier() sms.Carrier
	Behave(b Behavior)
	Got() []Got
	Report(r Report) (header map[string][]string, query url.Values, body []byte)
}

// Start is when the clock given to Contract's make stands.
var Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Contract runs the whole contract. make plays a carrier that accepts, and gives
// the adapter that talks to it; the adapter waits at most 300 ms for an answer.
func Contract(t *testing.T, make func(t *testing.T, c *clock.Clock) Far) {
	t.Run("send", func(t *testing.T) { sends(t, make(t, clock.At(Start))) })
	t.Run("refuse", func(t *testing.T) { refuses(t, make(t, clock.At(Start))) })
	t.Run("fail", func(t *testing.T) { fails(t, make) })
	t.Run("receive", func(t *testing.T) { receives(t, make(t, clock.At(Start))) })
	t.Run("forged", func(t *testing.T) { forged(t, make) })
}

func text(id, body string) sms.Text {
	return sms.Text{ID: id, To: "+8613800138000", Body: body, ExpiresAt: Start.Add(5 * time.Minute)}
}

// sends: what is handed over arrives byte for byte, with an id.
func sends(t *testing.T, far Far) {
	var want []Got
	for i, body := range []string{
		"482913 is your code.\n\n@id.example.test #482913", "验证码 482913，5 分钟内有效。", `"quotes" \back\ {to} %41 & = + < > €`,
		"emoji 😀", strings.Repeat("long ", 100), "a\tb",
	} {
		in := text("message-"+string(rune('a'+i)), body)
		got, err := far.Carrier().Send(t.Context(), in)
		if err != nil || got.ProviderID == "" {
			t.Fatalf("Send of %q: %+v, %v", body, got, err)
		}
		want = append(want, Got{in.ID, in.To, in.Body})
	}
	if diff := cmp.Diff(want, far.Got()); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
	if !far.Carrier().SafeToRepeat() {
		return
	}
	a, err := far.Carrier().Send(t.Context(), text("again", "one"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := far.Carrier().Send(t.Context(), text("again", "one"))
	if err != nil || a != b || len(far.Got()) != len(want)+1 {
		t.Errorf("a repetition answers %+v after %+v, %v; %d texts arrived, want %d", b, a, err, len(far.Got()), len(want)+1)
	}
}

// refuses: S-147. Nothing that is not one number and one text leaves the house.
func refuses(t *testing.T, far Far) {
	for _, in := range []sms.Text{
		{ID: "m", To: "", Body: "x"},
		{ID: "m", To: "13800138000", Body: "x"},
		{ID: "m", To: "+8613800138000,+8613800138001", Body: "x"},
		{ID: "m", To: "+8613800138000\r\nX: y", Body: "x"},
		{ID: "m", To: "+8613800138000", Body: ""},
		{ID: "", To: "+8613800138000", Body: "x"},
		{ID: "m\r\nX: y", To: "+8613800138000", Body: "x"},
	} {
		_, err := far.Carrier().Send(t.Context(), in)
		if f := attempt.From(err); f == nil || f.Class != attempt.Permanent {
			t.Errorf("S-147: Send(%+q): %v", in, err)
		}
	}
	if got := far.Got(); len(got) != 0 {
		t.Errorf("S-147: texts arrived: %+q", got)
	}
}

// fails: each failure has its class; no error shows the number or the text, and
// none outlives the deadline.
func fails(t *testing.T, make func(t *testing.T, c *clock.Clock) Far) {
	for _, c := range []struct {
		behavior Behavior
		class    attempt.Class
		reason   string
		blames   bool
	}{
		{NumberUnknown, attempt.Permanent, attempt.NumberUnknown, false},
		{NotServed, attempt.Elsewhere, attempt.CountryNotServed, false},
		{Unpaid, attempt.Elsewhere, attempt.Service, true},
		{Unauthorized, attempt.Elsewhere, attempt.Service, true},
		{Redirects, attempt.Elsewhere, attempt.Service, true},
		{Busy, attempt.Temporary, attempt.Service, true},
		{Absent, attempt.Temporary, attempt.Service, true},
		{Broken, attempt.Ambiguous, attempt.Service, true},
		{Hangs, attempt.Ambiguous, attempt.Service, true},
		{CutsOff, attempt.Ambiguous, attempt.Service, true},
		{Babbles, attempt.Ambiguous, attempt.Service, true},
		{Floods, attempt.Ambiguous, attempt.Service, true},
	} {
		t.Run(string(c.behavior), func(t *testing.T) {
			far := make(t, clock.At(Start))
			far.Behave(c.behavior)
			took := clock.Stopwatch()
			_, err := far.Carrier().Send(t.Context(), text("m", "482913 is your code"))
			f := attempt.From(err)
			if f == nil || f.Class != c.class || f.Reason != c.reason || f.Blames() != c.blames {
				t.Fatalf("Send: %v; want %s, %s, blame %v", err, c.class, c.reason, c.blames)
			}
			if c.behavior == Busy && f.RetryAfter != 7*time.Second {
				t.Errorf("RetryAfter = %v, want 7s", f.RetryAfter)
			}
			if s := err.Error(); strings.Contains(s, "138001") || strings.Contains(s, "482913") || strings.Contains(s, "://") {
				t.Errorf("the error shows too much: %s", s)
			}
			if d := took(); d > 5*time.Second {
				t.Errorf("R-38: Send took %v", d)
			}
			far.Behave(Accept)
			if _, err := far.Carrier().Send(t.Context(), text("n", "after")); c.behavior != Absent && err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		far := make(t, clock.At(Start))
		far.Behave(Hangs)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := far.Carrier().Send(ctx, text("m", "x")); attempt.From(err).Class != attempt.Temporary {
			t.Errorf("canceled before anything was sent: %v", err)
		}
	})
}

// receives: reports are read whole, and a repeated one has the same id.
func receives(t *testing.T, far Far) {
	at := Start.Add(-2 * time.Second)
	for _, c := range []struct {
		report Report
		want   sms.Event
	}{
		{Report{ID: "e-1", MessageID: "p-1", State: "sent", At: at}, sms.Event{ID: "e-1", At: at, Receipt: &sms.Receipt{ProviderID: "p-1", State: sms.Sent}}},
		{Report{ID: "e-2", MessageID: "p-1", State: "delivered", At: at}, sms.Event{ID: "e-2", At: at, Receipt: &sms.Receipt{ProviderID: "p-1", State: sms.Delivered}}},
		{Report{ID: "e-3", MessageID: "p-1", State: "failed", Reason: "handset_off", At: at}, sms.Event{ID: "e-3", At: at, Receipt: &sms.Receipt{ProviderID: "p-1", State: sms.Failed, Reason: attempt.HandsetOff}}},
		{Report{ID: "e-4", MessageID: "p-1", State: "failed", Reason: "moonlight", At: at}, sms.Event{ID: "e-4", At: at, Receipt: &sms.Receipt{ProviderID: "p-1", State: sms.Failed, Reason: attempt.Unknown}}},
		{Report{ID: "e-5", MessageID: "p-1", State: "pondering", At: at}, sms.Event{ID: "e-5", At: at, Receipt: &sms.Receipt{ProviderID: "p-1", State: sms.Sent}}},
		{Report{ID: "e-6", From: "+8613800138000", To: "10690000", Body: "K7Q2M9X 好", At: at}, sms.Event{ID: "e-6", At: at, Inbound: &sms.Inbound{From: "+8613800138000", To: "10690000", Body: "K7Q2M9X 好"}}},
	} {
		for range 2 {
			header, query, body := far.Report(c.report)
			got, err := far.Carrier().Receive(header, query, body)
			if err != nil {
				t.Errorf("Receive(%+v): %v", c.report, err)
			} else if diff := cmp.Diff([]sms.Event{c.want}, got); diff != "" {
				t.Errorf("Receive(%+v) (-want +got):\n%s", c.report, diff)
			}
		}
	}
}

// forged: S-150. Signature over the raw body, a window of time, no other way in.
func forged(t *testing.T, make func(t *testing.T, c *clock.Clock) Far) {
	c := clock.At(Start)
	far := make(t, c)
	report := Report{ID: "e", MessageID: "p-1", State: "delivered", At: Start}
	with := func(change func(*Report)) Report { r := report; change(&r); return r }
	try := func(name string, r Report, spoil func(h map[string][]string, body []byte) []byte, want error) {
		t.Helper()
		header, query, body := far.Report(r)
		if spoil != nil {
			body = spoil(header, body)
		}
		if events, err := far.Carrier().Receive(header, query, body); !errors.Is(err, want) {
			t.Errorf("S-150: %s: %v, %v; want %v", name, events, err, want)
		}
	}
	try("as it is", report, nil, nil)
	try("another secret", with(func(r *Report) { r.Secret = "guess" }), nil, sms.ErrForged)
	try("the past edge", with(func(r *Report) { r.SignedAt = Start.Add(-5 * time.Minute) }), nil, nil)
	try("too old", with(func(r *Report) { r.SignedAt = Start.Add(-5*time.Minute - time.Second) }), nil, sms.ErrForged)
	try("the future edge", with(func(r *Report) { r.SignedAt = Start.Add(5 * time.Minute) }), nil, nil)
	try("too new", with(func(r *Report) { r.SignedAt = Start.Add(5*time.Minute + time.Second) }), nil, sms.ErrForged)
	try("another body", report, func(_ map[string][]string, b []byte) []byte { return append(b, ' ') }, sms.ErrForged)
	try("no body", report, func(map[string][]string, []byte) []byte { return nil }, sms.ErrForged)
	try("no headers", report, func(h map[string][]string, b []byte) []byte {
		for name := range h {
			if name != "Content-Type" {
				delete(h, name)
			}
		}
		return b
	}, sms.ErrForged)
	try("no message and no sender", Report{ID: "e", At: Start}, nil, sms.ErrMalformed)
	try("an id of another world", with(func(r *Report) { r.MessageID = strings.Repeat("x", 1000) }), nil, sms.ErrMalformed)

	header, query, body := far.Report(report)
	c.Advance(5*time.Minute + time.Second)
	if _, err := far.Carrier().Receive(header, query, body); !errors.Is(err, sms.ErrForged) {
		t.Errorf("S-150: replayed after the window: %v", err)
	}
	huge := append(body, strings.Repeat(" ", 1<<20)...)
	if _, err := far.Carrier().Receive(header, query, huge); err == nil {
		t.Error("S-150: a body of 1 MiB was read")
	}
}
