package lines_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/lines"
)

func TestLookUp(t *testing.T) {
	b := lines.NewBook()
	if _, err := b.Update("+8614400000000", func(r *lines.Record) { r.Line = "iot" }); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, path, token string
		status                    int
		body                      string
	}{
		{"set", "GET", "/lines/+8614400000000", "t", 200, `{"line":"iot"}`},
		{"escaped plus", "GET", "/lines/%2B8614400000000", "t", 200, `{"line":"iot"}`},
		{"mounted deeper", "GET", "/lab/networks/lines/+8614400000000", "t", 200, `{"line":"iot"}`},
		{"never set", "GET", "/lines/+8613800138000", "t", 200, `{"line":"mobile"}`},
		{"no plus", "GET", "/lines/8613800138000", "t", 404, ""},
		{"not a number", "GET", "/lines/+86abc", "t", 404, ""},
		{"other path", "GET", "/", "t", 404, ""},
		{"wrong token", "GET", "/lines/+8614400000000", "u", 401, ""},
		{"method", "POST", "/lines/+8614400000000", "t", 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Authorization", "Bearer "+tt.token)
			w := httptest.NewRecorder()
			b.Handler("t").ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if tt.status == http.StatusOK && strings.TrimSpace(w.Body.String()) != tt.body {
				t.Errorf("body %s, want %s", w.Body, tt.body)
			}
		})
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"+8613800138000":      "+8613800138000",
		" 8613800138000":      "+8613800138000", // what a query string makes of a plus
		"+86 138-0013 (8000)": "+8613800138000",
		"＋８６１３８００１３８０００": "+8613800138000",
		"Selfsame": "Selfsame",
		"10690":    "10690", // a short code stays one
		"":         "",
	} {
		if got := lines.Tidy(in); got != want {
			t.Errorf("Tidy(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRecordCheck(t *testing.T) {
	good := lines.NewBook().Get("+8613800138000")
	if err := good.Check(); err != nil {
		t.Errorf("the default record is refused: %v", err)
	}
	for name, spoil := range map[string]func(*lines.Record){
		"delivery": func(r *lines.Record) { r.Delivery = "pigeon" },
		"line":     func(r *lines.Record) { r.Line = "tin can" },
		"reason":   func(r *lines.Record) { r.FailReason = "" },
		"letters":  func(r *lines.Record) { r.FailReason = "A B" },
		"delay":    func(r *lines.Record) { r.DelayFor = -time.Second },
	} {
		r := good
		spoil(&r)
		if r.Check() == nil {
			t.Errorf("%s: a wrong value passed", name)
		}
	}
}

func TestResetAndVersion(t *testing.T) {
	b := lines.NewBook()
	before := b.Version()
	if _, err := b.Update("+8613800138000", func(r *lines.Record) { r.Delivery = lines.Silent }); err != nil {
		t.Fatal(err)
	}
	if b.Version() == before {
		t.Error("a change did not show in Version")
	}
	b.Reset("+8613800138000")
	if got := b.Get("+8613800138000").Delivery; got != lines.Deliver {
		t.Errorf("after Reset: %s", got)
	}
	if got := b.Numbers(10); len(got) != 0 {
		t.Errorf("after Reset: %v are set", got)
	}
}
