package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func newDesk() (*provider.Desk, *clock) {
	c := &clock{time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
	return provider.NewDesk(provider.Options{Clock: c, Title: "Example 例子"}), c
}

func TestCodesAreGoodOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		failure provider.Failure
		after   time.Duration
		takes   []string
	}{
		{name: "once", takes: []string{"ok", "used", "used"}},
		{name: "in the last moment", after: 5*time.Minute - 1, takes: []string{"ok"}},
		{name: "too late", after: 5 * time.Minute, takes: []string{"expired", "used"}},
		{name: "long after the end", after: 3 * time.Hour, takes: []string{"expired"}},
		{name: "made used", failure: provider.CodeReused, takes: []string{"used"}},
		{name: "made expired", failure: provider.CodeExpired, takes: []string{"expired"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, c := newDesk()
			d.Issue("code", "what", 5*time.Minute)
			c.Advance(tc.after)
			d.Fail(tc.failure)
			for _, want := range tc.takes {
				what, got := d.Take("code")
				if got != want || what != "what" {
					t.Errorf("took %v, %q; want %q", what, got, want)
				}
			}
			if what, got := d.Take("other"); got != "unknown" || what != nil {
				t.Errorf("another code: %v, %q", what, got)
			}
		})
	}
}

func TestPeople(t *testing.T) {
	d, _ := newDesk()
	first := len(d.People())
	a := d.Add(provider.Person{Name: "A", Quirks: []string{"odd"}})
	if got, ok := d.Person(a.ID); !ok || got.Name != "A" || !got.Has("odd") || got.Has("even") {
		t.Errorf("person %+v, %v", got, ok)
	}
	d.Add(provider.Person{ID: a.ID, Name: "B"})
	if got, _ := d.Person(a.ID); got.Name != "B" || len(d.People()) != first+1 {
		t.Errorf("replaced: %+v of %d", got, len(d.People()))
	}
	for range 1000 {
		d.Add(provider.Person{Name: "C"})
	}
	if _, ok := d.Person("ana"); !ok || len(d.People()) != 1000 {
		t.Errorf("%d people, the first of them here: %v", len(d.People()), ok)
	}
	d.Fail(provider.Busy)
	d.Reset()
	if len(d.People()) != first || d.Failure() != provider.None {
		t.Error("reset left something")
	}
}

func TestNote(t *testing.T) {
	d, _ := newDesk()
	for _, tc := range []struct{ kind, body, field, want string }{
		{"application/x-www-form-urlencoded", "a=1&b=2", "b", "2"},
		{"application/json", `{"a":1}`, "body", `{"a":1}`},
		{"", "", "q", "0"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/path?q=0", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", tc.kind)
		d.Note(r)
		got := d.Requests()[len(d.Requests())-1]
		if got.Path != "/path" || len(got.Fields[tc.field]) != 1 || got.Fields[tc.field][0] != tc.want || got.Fields["q"][0] != "0" {
			t.Errorf("%s: noted %+v", tc.kind, got)
		}
		if tc.kind == "application/x-www-form-urlencoded" && r.PostForm.Get("a") != "1" {
			t.Error("the form cannot be read after it was noted")
		}
	}
}

func TestHinder(t *testing.T) {
	for f, check := range map[provider.Failure]func(*httptest.ResponseRecorder) bool{
		provider.ServerErr: func(w *httptest.ResponseRecorder) bool { return w.Code == http.StatusBadGateway },
		provider.Malformed: func(w *httptest.ResponseRecorder) bool { return w.Code == 200 && !json.Valid(w.Body.Bytes()) },
		provider.HTML: func(w *httptest.ResponseRecorder) bool {
			return w.Code == 200 && strings.Contains(w.Body.String(), "<p>")
		},
		provider.Oversized: func(w *httptest.ResponseRecorder) bool { return w.Body.Len() > 2<<20 && json.Valid(w.Body.Bytes()) },
		provider.None:      nil, provider.Busy: nil, provider.WrongNonce: nil,
	} {
		d, _ := newDesk()
		d.Fail(f)
		w := httptest.NewRecorder()
		answered := d.Hinder(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if answered != (check != nil) || check != nil && !check(w) {
			t.Errorf("%s: answered %v, %d, %d bytes", f, answered, w.Code, w.Body.Len())
		}
	}
}

func TestChooser(t *testing.T) {
	d, _ := newDesk()
	d.Add(provider.Person{ID: "x", Name: `<b>"X"`})
	serve := func(r *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.Note(r)
		if p, decision, ok := d.Decision(r); ok {
			http.Redirect(w, r, "https://app.test/back?who="+p.ID+"&said="+decision+"&state="+r.Form.Get("state"), http.StatusSeeOther)
			return w
		}
		d.Choose(w, r, provider.Chooser{App: "Harbor", Asks: []string{"your name"}, Extra: []provider.Button{{Value: "leave", Text: "Close"}}})
		return w
	}
	w := serve(httptest.NewRequest(http.MethodGet, "/authorize?state=abc&person=ana", nil))
	page := w.Body.String()
	for _, want := range []string{`name="state" value="abc"`, `value="ana"`, `value="leave"`, `&lt;b&gt;`, "Simulator", `action="authorize"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if w.Code != http.StatusOK || strings.Contains(page, `type="hidden" name="person"`) {
		t.Errorf("a link that names a person decided or stayed: %d", w.Code)
	}
	inPolicy(t, w, "style")
	for _, tc := range []struct {
		form, want string
		failure    provider.Failure
	}{
		{"person=ana&state=abc", "who=ana&said=allow&state=abc", ""},
		{"person=ana&state=abc&decision=deny", "who=ana&said=deny&state=abc", ""},
		{"person=ana&state=abc&decision=leave", "who=ana&said=leave&state=abc", ""},
		{"person=ana&state=abc&decision=allow", "who=ana&said=deny&state=abc", provider.Denied},
	} {
		d.Fail(tc.failure)
		r := httptest.NewRequest(http.MethodPost, "/authorize", strings.NewReader(tc.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := serve(r).Header().Get("Location"); got != "https://app.test/back?"+tc.want {
			t.Errorf("%s: %s", tc.form, got)
		}
	}
	w = httptest.NewRecorder()
	d.PostTo(w, httptest.NewRequest(http.MethodGet, "/", nil), "https://app.test/back", url.Values{"code": {"c"}})
	if !strings.Contains(w.Body.String(), `action="https://app.test/back"`) || !strings.Contains(w.Body.String(), `name="code" value="c"`) {
		t.Error("the form that sends itself lacks its target or its field")
	}
	inPolicy(t, w, "style")
	inPolicy(t, w, "script")
}

// inPolicy fails if what stands in the element is not in the page's policy.
func inPolicy(t *testing.T, w *httptest.ResponseRecorder, element string) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("no %s in the page", element)
	}
	hash := sha256.Sum256([]byte(m[1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"; !strings.Contains(w.Header().Get("Content-Security-Policy"), want) {
		t.Errorf("the %s of the page is not in its policy", element)
	}
}

func TestAsk(t *testing.T) {
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer product.Close()
	d, _ := newDesk()
	for to, want := range map[string]error{"": provider.ErrNoPlace, product.URL: nil} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, err := d.Deliver(r); err != want || err == nil && status != http.StatusFound {
			t.Errorf("to %q: %d, %v", to, status, err)
		}
	}
}
