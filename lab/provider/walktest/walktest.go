// Package walktest holds a browser and a server that walk through a simulated vendor,
// for the tests of the simulators. It must never know one vendor from another, and it
// owns no table.
package walktest

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clock stands still until it is advanced. Its zero value begins at Start.
type Clock struct {
	mu    sync.Mutex
	after time.Duration
}

// Start is when a Clock begins.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Now is the present time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Start.Add(c.after)
}

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after += d
}

// Answer is what a vendor answered.
type Answer struct {
	Status   int
	Type     string
	Body     string
	Location *url.URL // nil: none
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// Visit opens the page at address (path and query), says who it is and presses a
// button, as a browser without script would. header are names and values in turn.
func Visit(t testing.TB, vendor http.Handler, address, person, decision string, header ...string) Answer {
	t.Helper()
	page := Do(t, vendor, http.MethodGet, address, nil, header...)
	if !strings.Contains(page.Body, `name="person"`) {
		return page // nobody is asked
	}
	form := url.Values{"person": {person}, "decision": {decision}}
	for _, f := range hidden.FindAllStringSubmatch(page.Body, -1) {
		form.Add(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	path, _, _ := strings.Cut(address, "?")
	return Do(t, vendor, http.MethodPost, path, form, header...)
}

// Do makes one request; form nil: without a body.
func Do(t testing.TB, vendor http.Handler, method, address string, form url.Values, header ...string) Answer {
	t.Helper()
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	vendor.ServeHTTP(w, r)
	a := Answer{Status: w.Code, Type: w.Header().Get("Content-Type"), Body: w.Body.String()}
	if to := w.Header().Get("Location"); to != "" {
		var err error
		if a.Location, err = url.Parse(to); err != nil {
			t.Fatalf("Location %q: %v", to, err)
		}
	}
	return a
}

// Query is the address path with a query of names and values in turn, in this order.
func Query(path string, pairs ...string) string {
	sep := "?"
	for i := 0; i+1 < len(pairs); i += 2 {
		path += sep + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
		sep = "&"
	}
	return path
}

// Set writes names and values in turn into f.
func Set(f url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

// Amend is Set that takes away what gets an empty value.
func Amend(f url.Values, pairs ...string) url.Values {
	Set(f, pairs...)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			f.Del(pairs[i])
		}
	}
	return f
}

// Back is Visit at a vendor that has to send the browser back to callback, and what
// came back in the query.
func Back(t testing.TB, vendor http.Handler, callback, address, person, decision string) url.Values {
	t.Helper()
	a := Visit(t, vendor, address, person, decision)
	if a.Location == nil || !strings.HasPrefix(a.Location.String(), callback+"?") {
		t.Fatalf("did not come back: %d %v %s", a.Status, a.Location, a.Body)
	}
	return a.Location.Query()
}

// Object is the body as a JSON object; nil: it is none.
func (a Answer) Object() map[string]any {
	var out map[string]any
	_ = json.Unmarshal([]byte(a.Body), &out) // what is no JSON stays nil
	return out
}

// Claims reads the claims of a signed token, and checks nothing.
func Claims(t testing.TB, token any) map[string]any {
	t.Helper()
	s, _ := token.(string)
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %v", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Inbox is a place for a vendor's messages. It answers 200 and Reply.
type Inbox struct {
	mu    sync.Mutex
	Reply func(*http.Request) string // nil: nothing
	Got   []*http.Request
	Raw   []string // the bodies
}

// RoundTrip takes a message.
func (i *Inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	w := httptest.NewRecorder()
	var raw []byte
	if r.Body != nil {
		var err error
		if raw, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close() // nothing of it is written
	}
	i.Got, i.Raw = append(i.Got, r), append(i.Raw, string(raw))
	if i.Reply != nil {
		_, _ = w.WriteString(i.Reply(r)) // into memory
	}
	return w.Result(), nil
}
