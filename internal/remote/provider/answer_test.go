package provider_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

func TestAnswer_Down(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status int
		retry  string
		reason provider.Reason // empty: the body has to say it
		wait   time.Duration
	}{
		{200, "", "", 0}, {400, "7", "", 0}, {401, "", "", 0},
		{302, "7", provider.Malformed, 0}, {101, "", provider.Malformed, 0}, {0, "", provider.Malformed, 0},
		{500, "", provider.Temporary, 0}, {502, "x", provider.Temporary, 0},
		{503, "7", provider.Temporary, 7 * time.Second},
		{429, "Sun, 22 Nov 2026 10:01:00 GMT", provider.RateLimited, time.Minute},
		{429, "-7", provider.RateLimited, 0},
		{429, "99999999999", provider.RateLimited, 24 * time.Hour},
		{429, "Sun, 22 Nov 2099 10:01:00 GMT", provider.RateLimited, 0},
	} {
		f := provider.Answer{Status: c.status, Header: http.Header{"Retry-After": {c.retry}}}.Down(now)
		if f == nil {
			if c.reason != "" {
				t.Errorf("%d: no failure, want %s", c.status, c.reason)
			}
			continue
		}
		var wait time.Duration
		if !f.RetryAt.IsZero() {
			wait = f.RetryAt.Sub(now)
		}
		if f.Reason != c.reason || wait != c.wait {
			t.Errorf("%d, Retry-After %q: %v, wait %v; want %s, %v", c.status, c.retry, f, wait, c.reason, c.wait)
		}
	}
}

func TestAnswer_Object(t *testing.T) {
	for _, c := range []struct {
		body string
		want provider.Text // of the member n; "!": refused
	}{
		{`{"n":"1"}`, "1"}, {" {\"n\": 12345678901234567890} \r\n", "12345678901234567890"}, {`{"n":null}`, ""}, {`{}`, ""},
		{`{"N":"1"}`, ""}, {`{"n":"é"}`, "é"},
		{``, "!"}, {`null`, "!"}, {`[]`, "!"}, {`"x"`, "!"}, {`{"n":"1"`, "!"}, {`{"n":"1"}{}`, "!"},
		{`{"n":"1","n":"2"}`, "!"}, {"{\"n\":\"\xff\"}", "!"}, {`{"n":true}`, "!"}, {`{"n":[1]}`, "!"},
		{`<html>secret-token</html>`, "!"}, {`{"n":` + strings.Repeat("[", 100_000), "!"},
	} {
		var got struct {
			N provider.Text `json:"n"`
		}
		err := provider.Answer{Body: []byte(c.body)}.Object(&got)
		switch {
		case c.want == "!" && provider.ReasonOf(err) != provider.Malformed, c.want == "!" && err == nil:
			t.Errorf("S-44: %.40q: %+v, %v; want malformed", c.body, got, err)
		case c.want == "!" && strings.Contains(err.Error(), "secret"):
			t.Errorf("the error shows the body: %v", err)
		case c.want != "!" && (err != nil || got.N != c.want):
			t.Errorf("%.40q: %q, %v; want %q", c.body, got.N, err, c.want)
		}
	}
}
