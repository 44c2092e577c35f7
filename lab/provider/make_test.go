package provider_test

import (
	"bytes"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

func TestDerive(t *testing.T) {
	if !bytes.Equal(provider.Derive("ana", "app"), provider.Derive("ana", "app")) {
		t.Error("the same parts make different bytes")
	}
	seen := map[string][]string{}
	for _, parts := range [][]string{{"a", "b"}, {"b", "a"}, {"ab"}, {"a&b"}, {"a", "b", ""}, {"", "a", "b"}} {
		got := string(provider.Derive(parts...))
		if seen[got] != nil {
			t.Errorf("%q and %q make the same bytes", parts, seen[got])
		}
		seen[got] = parts
	}
}

func TestReturn(t *testing.T) {
	for _, c := range []struct{ to, want string }{
		{"https://app.test/cb", "https://app.test/cb?code=a+b%26c&state=s"},
		{"https://app.test/cb?x=1", "https://app.test/cb?x=1&code=a+b%26c&state=s"},
		{"https://app.test/cb#top", "https://app.test/cb?code=a+b%26c&state=s#top"},
	} {
		w := httptest.NewRecorder()
		provider.Return(w, httptest.NewRequest("POST", "/", nil), c.to, "code", "a b&c", "nothing", "", "state", "s")
		if got := w.Header().Get("Location"); got != c.want || w.Code != 302 {
			t.Errorf("%s: %d %s, want %s", c.to, w.Code, got, c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	var tokens provider.Tokens[string]
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tokens.Put("one", "ana", now.Add(time.Hour))
	tokens.Put("two", "sam", now.Add(time.Hour))
	tokens.Revoke(func(who string) bool { return who == "sam" })
	for _, c := range []struct {
		token, who, state string
		after             time.Duration
	}{
		{"one", "ana", "ok", time.Hour - 1},
		{"one", "ana", "expired", time.Hour},
		{"two", "sam", "revoked", 0},
		{"three", "", "unknown", 0},
	} {
		if who, state := tokens.Get(c.token, now.Add(c.after)); who != c.who || state != c.state {
			t.Errorf("%s after %s: %q %q, want %q %q", c.token, c.after, who, state, c.who, c.state)
		}
	}
}
