package httpd

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

func TestProblem(t *testing.T) {
	d := newDoor()
	resp := d.ask("GET", "/api/v1/fault/limited", "")
	if got := resp.Header.Get("Retry-After"); got != "90" {
		t.Errorf("Retry-After is %q", got)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Etag") != "" {
		t.Errorf("headers %v", resp.Header)
	}
	got := problem(t, resp)
	if got["detail"] == "" || got["title"] == "" || strings.Contains(got["detail"].(string), "{") {
		t.Errorf("sentences %v", got)
	}
	delete(got, "detail")
	delete(got, "title")
	want := map[string]any{
		"type": "/help/signing-in/why-cant-i-sign-in", "status": 429.0, "code": "rate_limited",
		"retry_at": "2026-11-22T10:01:29.5Z", "limit": "network", "left": 3.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = problem(t, d.ask("GET", "/api/v1/fault/step", ""))
	if diff := cmp.Diff(map[string]any{"type": "code"}, got["step"]); diff != "" || got["field"] != "code" {
		t.Errorf("%v", got)
	}
	zh := problem(t, d.ask("GET", "/api/v1/fault/step", "", header("Accept-Language", "zh-CN,zh;q=0.9")))
	if zh["title"] == got["title"] {
		t.Error("the reader's language is not used")
	}
	if got := problem(t, d.ask("GET", "/api/v1/fault/deadline", "")); got["code"] != "unavailable" || got["retry_at"] == nil {
		t.Errorf("a deadline answers %v", got)
	}
}

func TestS133_internalErrorsAreAnIdOnly(t *testing.T) {
	d := newDoor()
	for _, kind := range []string{"internal", "panic"} {
		d.log.Reset()
		resp := d.ask("GET", "/api/v1/fault/"+kind+"?q=query-canary", "")
		body := text(t, resp)
		id := resp.Header.Get("Request-Id")
		if resp.StatusCode != 500 || strings.Contains(body, "hunter2") || strings.Contains(body, "boom") || !strings.Contains(body, id) {
			t.Errorf("%s: %d %s", kind, resp.StatusCode, body)
		}
		log := d.log.String()
		if !strings.Contains(log, id) || !strings.Contains(log, map[string]string{"internal": "hunter2", "panic": "boom"}[kind]) {
			t.Errorf("%s is not logged whole: %s", kind, log)
		}
	}
}

func TestFailingErrorPage(t *testing.T) {
	rt := New(Config{PublicURL: publicURL("https://id.example.com"), Words: book, Clock: clock.At(now)},
		Pages(func(http.ResponseWriter, *http.Request, Failure) error { return errors.New("template") }))
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, httptest.NewRequest("GET", "https://id.example.com/x", nil))
	if w.Code != 404 || w.Body.Len() == 0 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
