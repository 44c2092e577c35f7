package numbers

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

var lookupStart = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func TestHTTPLookup(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   Line
		none   bool
	}{
		{"mobile", 200, `{"line":"mobile","carrier":"x"}`, Mobile, false},
		{"fixed", 200, `{"line":"fixed"}`, Fixed, false},
		{"voip", 200, `{"line":"voip"}`, VoIP, false},
		{"premium", 200, `{"line":"premium"}`, Premium, false},
		{"iot", 200, `{"line":"iot"}`, IoT, false},
		{"unknown", 200, `{"line":"unknown"}`, Unknown, false},
		{"a word of tomorrow", 200, `{"line":"hologram"}`, Unknown, false},
		{"nothing", 200, `{}`, Unknown, false},
		{"no object", 200, `["mobile"]`, Unknown, true},
		{"no JSON", 200, `<html>`, Unknown, true},
		{"empty", 200, ``, Unknown, true},
		{"too large", 200, `{"line":"mobile"}` + strings.Repeat(" ", lookupBody), Unknown, true},
		{"not found", 404, `{"line":"mobile"}`, Unknown, true},
		{"redirect", 302, `{"line":"mobile"}`, Unknown, true},
		{"down", 503, ``, Unknown, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" || r.URL.Path != "/v1/lines/+8613800138000" || r.Header.Get("Authorization") != "Bearer secret" {
					t.Errorf("asked %s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				w.Header().Set("Location", "/v1/lines/+8613800138000")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			l := NewHTTPLookup(HTTPConfig{Base: server.URL + "/v1/", Token: "secret"}, clock.At(lookupStart))
			got, err := l.Line(t.Context(), "+8613800138000")
			if got != c.want || errors.Is(err, ErrNoAnswer) != c.none || (err != nil) != c.none {
				t.Errorf("Line = %q, %v; want %q, no answer %v", got, err, c.want, c.none)
			}
			if err != nil && strings.Contains(err.Error(), "138") {
				t.Errorf("the error shows the number: %v", err)
			}
		})
	}
}

// An answer is used again until its time is over, and only for its number.
func TestHTTPLookupRemembers(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"line":"mobile"}`))
	}))
	defer server.Close()
	c := clock.At(lookupStart)
	l := NewHTTPLookup(HTTPConfig{Base: server.URL, KeepFor: time.Minute}, c)
	for i, step := range []struct {
		number  string
		advance time.Duration
		want    int
	}{
		{"+8613800138000", 0, 1}, {"+8613800138000", 59 * time.Second, 1}, {"+8613800138001", 0, 2}, {"+8613800138000", time.Second, 3},
	} {
		c.Advance(step.advance)
		if _, err := l.Line(t.Context(), step.number); err != nil {
			t.Fatal(err)
		}
		if asked != step.want {
			t.Fatalf("step %d: asked %d times, want %d", i, asked, step.want)
		}
	}
}

// a look-up that takes the connection and never answers costs WaitFor and no more.
func TestR038_LookupBlackHole(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	l := NewHTTPLookup(HTTPConfig{Base: "http://" + hole.Addr().String(), WaitFor: 50 * time.Millisecond}, clock.At(lookupStart))
	plan := New(Policy{}, l)
	n, err := plan.Read("+8613800138000", "")
	if err != nil {
		t.Fatal(err)
	}
	took := clock.Stopwatch()
	got, err := plan.Ask(t.Context(), n)
	if err != nil || got != n {
		t.Errorf("Ask = %+v, %v; no answer must not refuse", got, err)
	}
	if d := took(); d > 5*time.Second {
		t.Errorf("Ask took %v", d)
	}
	if _, err := l.Line(t.Context(), n.E164); !errors.Is(err, ErrNoAnswer) || strings.Contains(err.Error(), "138") {
		t.Errorf("the error is %v; it must be ErrNoAnswer without the number", err)
	}
}

// A flood of numbers does not grow the memory without bound.
func TestHTTPLookupForgets(t *testing.T) {
	l := NewHTTPLookup(HTTPConfig{}, clock.At(lookupStart))
	for i := range 2*lookupKept + 5 {
		l.keep("+8613"+itoa(i), keptLine{answer{Line: Mobile}, lookupStart.Add(time.Hour)}, lookupStart)
		if len(l.kept) > lookupKept {
			t.Fatalf("%d answers are kept", len(l.kept))
		}
	}
}

// The look-up says what it knows of who holds a number; whoever is down says
// nothing, and that is not "nothing happened" (S-80).
func TestHistory(t *testing.T) {
	body := `{"line":"mobile","sim_swapped_at":"2026-11-20T08:00:00Z","reassigned_at":"2021-03-01T00:00:00Z"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if body == "" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	plan := New(Policy{}, NewHTTPLookup(HTTPConfig{Base: server.URL, KeepFor: -1}, clock.At(lookupStart)))
	want := History{time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), time.Date(2021, 3, 1, 0, 0, 0, 0, time.UTC)}
	if got := plan.History(t.Context(), "+8613800138000"); got != want || !plan.HasHistory() {
		t.Errorf("%v, want %v", got, want)
	}
	for _, body = range []string{`{"line":"mobile"}`, `{"line":"mobile","sim_swapped_at":"yesterday"}`, ""} {
		if got := plan.History(t.Context(), "+8613800138000"); got != (History{}) {
			t.Errorf("%q: %v", body, got)
		}
	}
	if New(Policy{}, nil).HasHistory() {
		t.Error("nobody to ask has a history")
	}
}
