package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestS157_redact(t *testing.T) {
	for _, s := range []string{
		"+8613800138000", "to +86 138 0013 8000 failed", "13800138000", "+1 415-555-0132", "a.b+c@example.com", "<张三@例子.中国>",
		"postgres://selfsame:hunter2@db/x", "Bearer nE0gX1hCq7sX2kYv0d9bK3mQw8rT5uJzL6aPfVcOiHs",
		"read tcp 10.0.0.1:8080->203.0.113.9:51234: reset", "dial [2001:db8::7]:443",
	} {
		got := Redact(s)
		if !strings.Contains(got, redacted) {
			t.Errorf("%q passes as %q", s, got)
		}
		for _, canary := range []string{"138001", "0013 8000", "5550132", "555-0132", "example.com", "例子", "hunter2", "nE0g", "203.0", "db8"} {
			if strings.Contains(got, canary) {
				t.Errorf("%q passes as %q", s, got)
			}
		}
	}
	for _, s := range []string{
		"", "request", "POST /signin", "GET /help/{section}/{slug}", "AaICssUAnXfUXlhk-x6rrQ", "482109375564", "code_expired",
		"/root/go/pkg/mod/github.com/pelletier/go-toml/v2@v2.4.3/unmarshal.go:12 +0x131", "2026-11-22T10:00:07Z", "0001_kit", "v1.2.3",
		"goroutine 9 [running]: httpd.(*Router).finish(0x17ff8fc53080, 0x17ff8fc57b00)",
	} {
		if got := Redact(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

type person struct{ Email string }

func TestS157_logGuard(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(&b, "debug")
	const phone, mail = "+8613800138000", "canary@example.com"
	log.Info("sent to "+phone, "note", mail, "error", errors.New("550 <"+mail+"> unknown"), "any", person{mail}, "list", []string{phone},
		"password", "canary", "raw", []byte("canary"), slog.Group("g", "x", phone, "token", "canary"), "n", 5, "took", time.Second)
	log.With("who", mail, "cookie", "canary").WithGroup("g").Error("x\n{\"level\":\"forged\"}", "y", phone)
	out := b.String()
	if strings.Contains(out, "canary") || strings.Contains(out, "138001") {
		t.Error(out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: a line break forges one", len(lines))
	}
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Error(err)
		}
		if !strings.HasSuffix(m["time"].(string), "Z") {
			t.Errorf("not in UTC: %v", m["time"])
		}
	}
	b.Reset()
	NewLog(&b, "warn").Info("x")
	if b.Len() != 0 {
		t.Error("the level is not kept")
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("a@b.co +8613800138000")
	f.Fuzz(func(t *testing.T, s string) {
		got := Redact(s)
		if emailForm.MatchString(got) || strings.Contains(s, "+8613800138000") && strings.Contains(got, "+8613800138000") {
			t.Errorf("%q passes as %q", s, got)
		}
	})
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestR31_admin(t *testing.T) {
	var down error
	ready := NewReadiness(slog.New(slog.DiscardHandler), Check{"database", func(ctx context.Context) error {
		if _, has := ctx.Deadline(); !has {
			t.Error("a check without deadline")
		}
		return down
	}})
	h := Admin(NewMetrics("v1"), ready)
	expect := func(when, path string, status int, text string) {
		t.Helper()
		if code, body := get(t, h, path); code != status || !strings.Contains(body, text) {
			t.Errorf("%s: %s answers %d %s", when, path, code, body)
		}
	}
	expect("up", "/readyz", 200, "ok")
	down = errors.New("dial +8613800138000")
	expect("database down", "/readyz", 503, "database")
	expect("database down", "/livez", 200, "ok")
	if _, body := get(t, h, "/readyz"); strings.Contains(body, "dial") {
		t.Error("the cause is shown")
	}
	down = nil
	ready.Off()
	expect("ending", "/readyz", 503, "shutting down")
	expect("ending", "/livez", 200, "ok")
	expect("other", "/debug/pprof/", 404, "")
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("v1.2.3")
	observe := m.HTTP.Route("GET /signin")
	observe(200, 3*time.Millisecond)
	observe(404, time.Millisecond)
	observe(999, time.Millisecond)
	m.Faults.Add("code_wrong")
	m.Journeys.Add("signin", "done")
	m.Outbox.Add("sms", "sent")
	m.Messages.Observe(time.Second, "main", "sent")
	m.Gauge("selfsame_jobs_due", "Jobs due.", func() float64 { return 7 })
	var none *Count
	none.Add("x")
	var never *Timed
	never.Observe(1, "x")
	_, body := get(t, Admin(m, NewReadiness(nil)), "/metrics")
	for _, line := range []string{
		`selfsame_http_requests_total{route="GET /signin",status="2xx"} 1`,
		`selfsame_http_requests_total{route="GET /signin",status="4xx"} 1`,
		`selfsame_http_request_seconds_count{route="GET /signin"} 3`,
		`selfsame_faults_total{code="code_wrong"} 1`,
		`selfsame_jobs_due 7`,
		`selfsame_build_info{version="v1.2.3"} 1`,
		"go_goroutines ", "process_start_time_seconds ",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("lacks %s", line)
		}
	}
}

func TestTracing(t *testing.T) {
	tracer, stop, err := NewTracer(t.Context(), "", 1, "v1")
	if tracer != nil || err != nil || stop(t.Context()) != nil {
		t.Error("tracing runs without an endpoint")
	}
	got := make(chan string, 4)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if strings.Contains(string(b), "GET /signin") {
			got <- r.URL.Path
		}
	}))
	defer collector.Close()
	tracer, stop, err = NewTracer(t.Context(), collector.URL, 1, "v1")
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Start(t.Context(), "GET /signin")
	span.End()
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if path := <-got; path != "/v1/traces" {
		t.Errorf("sent to %s", path)
	}
}
