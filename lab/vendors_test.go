package lab_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/lab"
	"github.com/selfsame-id/selfsame/lab/provider"
)

// vendor answers its path and who came.
type vendor struct{ desk *provider.Desk }

func (v vendor) Name() string         { return "example" }
func (v vendor) Desk() *provider.Desk { return v.desk }
func (v vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.desk.Note(r)
	_, _ = fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", r.Form.Get("a")) // the recorder takes everything
}

func (v vendor) Native(person, nonce string) (map[string]string, error) {
	if _, ok := v.desk.Person(person); !ok {
		return nil, provider.ErrNobody
	}
	return map[string]string{"token": person + "." + nonce}, nil
}

func (v vendor) Event(kind, person, variant string) (int, error) {
	if kind != "revoked" {
		return 0, provider.ErrNoEvent
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, v.desk.NoticeURL+"?"+person+variant, nil)
	if err != nil {
		return 0, err
	}
	return v.desk.Deliver(r)
}

func newElsewhere(t *testing.T, notices string) world {
	t.Helper()
	c := &standing{now: start}
	l := lab.New(lab.Options{Clock: c, Transport: product{}, Log: slog.New(slog.DiscardHandler), Providers: []provider.Vendor{
		vendor{provider.NewDesk(provider.Options{Clock: c, Title: "Example", NoticeURL: notices, Transport: product{}})},
	}})
	t.Cleanup(l.Close)
	return world{Lab: l}
}

func TestVendorCalls(t *testing.T) {
	w := newElsewhere(t, "http://id.example.test/hooks")
	at := "/lab/api/providers/example"
	for _, tc := range []struct {
		method, path, body string
		status             int
		has                string // in the answer, as fmt prints it
	}{
		{"GET", "/lab/api/providers", "", 200, "title:Example"},
		{"GET", at, "", 200, "failure:none"},
		{"PUT", at, `{"failure":"denied"}`, 200, "failure:denied"},
		{"PUT", at, `{"failure":"what"}`, 422, "invalid_input"},
		{"PUT", at, `{"fail":"denied"}`, 422, "invalid_input"},
		{"PUT", "/lab/api/providers/other", `{"failure":"denied"}`, 404, "not_found"},
		{"POST", at + "/people", `{"id":"new","name":"New","email":"new@example.com","quirks":["odd"]}`, 201, "id:new"},
		{"POST", at + "/people", `{"email":"new@example.com"}`, 422, "invalid_input"},
		{"GET", at, "", 200, "quirks:[odd]"},
		{"POST", at + "/native", `{"person":"new","nonce":"n"}`, 200, "token:new.n"},
		{"POST", at + "/native", `{"person":"nobody","nonce":"n"}`, 422, "invalid_input"},
		{"POST", at + "/events", `{"type":"revoked","person":"new"}`, 200, "status:204"},
		{"POST", at + "/events", `{"type":"other","person":"new"}`, 422, "invalid_input"},
		{"GET", at + "/requests", "", 200, "requests:[]"},
		{"DELETE", at, "", 204, ""},
		{"GET", at, "", 200, "failure:none"},
		{"GET", at + "/nothing", "", 404, "not_found"},
	} {
		status, answer := w.call(tc.method, tc.path, tc.body)
		if shown := fmt.Sprint(answer); status != tc.status || !strings.Contains(shown, tc.has) {
			t.Errorf("%s %s %s: %d %s", tc.method, tc.path, tc.body, status, shown)
		}
	}
	if status, answer := newElsewhere(t, "").call("POST", at+"/events", `{"type":"revoked","person":"ana"}`); status != 503 {
		t.Errorf("without an address: %d %v", status, answer)
	}
}

// A vendor stands for another host: servers post to it without an Origin, its own
// form with one, and the lab's guard against other origins is not for it.
func TestVendorIsMounted(t *testing.T) {
	w := newElsewhere(t, "")
	for _, site := range []string{"", "same-origin", "cross-site"} {
		r := httptest.NewRequest(http.MethodPost, "/lab/providers/example/oauth/token?a=1", nil)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		out := httptest.NewRecorder()
		w.Handler().ServeHTTP(out, r)
		if out.Code != http.StatusOK || out.Body.String() != "POST /oauth/token 1" {
			t.Errorf("%s: %d %s", site, out.Code, out.Body)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/lab/api/providers/example/people", strings.NewReader(`{"name":"New"}`))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	out := httptest.NewRecorder()
	w.Handler().ServeHTTP(out, r)
	if out.Code != http.StatusForbidden {
		t.Errorf("a call from another site: %d", out.Code)
	}
	if _, answer := w.call("GET", "/lab/api/providers/example/requests", ""); !strings.Contains(fmt.Sprint(answer), "/oauth/token") {
		t.Errorf("the record %v", answer)
	}
}
