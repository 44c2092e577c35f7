package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/front/httpd/httpdtest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/words"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

var book = words.Book()

// door is a Router with a few routes of every kind.
type door struct {
	*Router
	log  bytes.Buffer
	form func(r *http.Request) error // what the form route does
}

func publicURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func newDoor(change ...func(*Config)) *door {
	d := &door{form: func(*http.Request) error { return nil }}
	cfg := Config{
		PublicURL: publicURL("https://id.example.com"), Key: []byte("0123456789abcdef0123456789abcdef"),
		Words: book, Clock: clock.At(now), Deadline: time.Minute,
		Log: slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&cfg)
	}
	d.Router = New(cfg, Pages(func(w http.ResponseWriter, r *http.Request, f Failure) error {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.Status)
		_, err := io.WriteString(w, "<p>"+f.Code+"</p><p>"+f.Detail+"</p>")
		return err
	}))
	d.FaceAt("/api/", API())
	d.Handle("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, FormToken(r)+" "+string(From(r.Context()).Locale))
		return err
	})
	d.Handle("POST /form", func(w http.ResponseWriter, r *http.Request) error { return d.form(r) })
	d.Handle("POST /foreign", func(w http.ResponseWriter, r *http.Request) error { return nil }, Foreign())
	d.Handle("POST /file", func(w http.ResponseWriter, r *http.Request) error { return nil }, Files(200<<10))
	d.Handle("GET /asset", func(w http.ResponseWriter, r *http.Request) error { return nil }, Immutable())
	d.Handle("GET /lost-asset", func(w http.ResponseWriter, r *http.Request) error { return fault.NotFound }, Immutable())
	d.Handle("GET /panic", func(w http.ResponseWriter, r *http.Request) error { panic("secret-canary") })
	d.Handle("GET /api/v1/fault/{kind}", failing)
	d.Handle("POST /api/v1/json", func(w http.ResponseWriter, r *http.Request) error {
		var in struct {
			Name string `json:"name"`
		}
		return DecodeJSON(r, &in)
	})
	d.Handle("GET /api/v1/addr", func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, From(r.Context()).Addr.String())
		return err
	})
	return d
}

func failing(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Etag", `"x"`)
	switch r.PathValue("kind") {
	case "internal":
		return errors.New("sql: password=hunter2 refused")
	case "deadline":
		return context.DeadlineExceeded
	case "limited":
		return fault.RateLimited.With("limit", "network").With("left", 3).Until(now.Add(89500 * time.Millisecond))
	case "step":
		return WithStep(fault.InvalidInput.On("code"), map[string]string{"type": "code"})
	}
	panic("boom")
}

// ask sends one request past the frame; edit may change it.
func (d *door) ask(method, target string, body string, edit ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, "https://id.example.com"+target, strings.NewReader(body))
	r.RemoteAddr = "203.0.113.7:4711"
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result()
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func problem(t *testing.T, resp *http.Response) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text(t, resp)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestS117_headersOnEveryAnswer(t *testing.T) {
	d := newDoor()
	for _, c := range []struct {
		method, path string
		status       int
		page         bool
		edit         func(*http.Request)
	}{
		{"GET", "/", 200, true, nil},
		{"HEAD", "/", 200, true, nil},
		{"GET", "/asset", 200, true, nil},
		{"GET", "/nowhere", 404, true, nil},
		{"DELETE", "/", 405, true, nil},
		{"TRACE", "/", 405, true, nil},
		{"BREW", "/", 405, true, nil},
		{"OPTIONS", "/api/v1/json", 405, false, nil},
		{"POST", "/form", 403, true, nil},
		{"GET", "/panic", 500, true, nil},
		{"GET", "/lost-asset", 404, true, nil},
		{"GET", "/api/v1/fault/panic", 500, false, nil},
		{"GET", "/api/v1/fault/internal", 500, false, nil},
		{"GET", "/api/v1/fault/limited", 429, false, nil},
		{"GET", "/api/nowhere", 404, false, nil},
		{"GET", "/api", 404, false, nil},
		{"GET", "//evil.example", 404, true, nil},
		{"GET", "/a/../b", 404, true, nil},
		{"GET", "/", 421, true, func(r *http.Request) { r.Host = "evil.example" }},
		{"GET", "/", 431, true, header("Cookie", strings.Repeat("a=b;", 60))},
		{"GET", "/?" + strings.Repeat("a&", 70), 414, true, nil},
		{"GET", "/?" + strings.Repeat("a", 5000), 414, true, nil},
		{"POST", "/form", 415, true, header("Content-Encoding", "gzip")},
	} {
		edit := c.edit
		if edit == nil {
			edit = func(*http.Request) {}
		}
		resp := d.ask(c.method, c.path, "", edit)
		if resp.StatusCode != c.status {
			t.Errorf("%s %.40s answers %d, want %d", c.method, c.path, resp.StatusCode, c.status)
		}
		httpdtest.CheckHeaders(t, resp, true, c.page)
	}
	if cc := d.ask("GET", "/asset", "").Header.Get("Cache-Control"); cc != "public, max-age=31536000, immutable" {
		t.Errorf("an asset is %q", cc)
	}
	one := d.ask("GET", "/", "").Header.Get("Content-Security-Policy")
	if one == d.ask("GET", "/", "").Header.Get("Content-Security-Policy") {
		t.Error("two answers share a nonce")
	}
	plain := newDoor(func(c *Config) { c.PublicURL = publicURL("http://127.0.0.1:8080"); c.Local = true })
	resp := plain.ask("GET", "/", "", func(r *http.Request) { r.Host = "localhost:8080" })
	httpdtest.CheckHeaders(t, resp, false, true)
	if resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over plain http")
	}
}

func TestS131_allow(t *testing.T) {
	d := newDoor()
	for path, want := range map[string]string{"/": "GET, HEAD", "/form": "POST", "/api/v1/json": "POST", "/asset": "GET, HEAD"} {
		if got := d.ask("PATCH", path, "").Header.Get("Allow"); got != want {
			t.Errorf("%s allows %q, want %q", path, got, want)
		}
	}
}

func TestS146_host(t *testing.T) {
	for _, c := range []struct {
		public string
		local  bool
		host   string
		want   int
	}{
		{"https://id.example.com", false, "id.example.com", 200},
		{"https://id.example.com", false, "ID.example.com", 200},
		{"https://id.example.com", false, "id.example.com:443", 200},
		{"https://id.example.com", false, "id.example.com:8443", 421},
		{"https://id.example.com", false, "id.example.com.", 421},
		{"https://id.example.com", false, "localhost", 421},
		{"https://id.example.com", false, "", 421},
		{"https://id.example.com", false, "id.example.com, evil.example", 421},
		{"http://127.0.0.1:8080", true, "localhost:8080", 200},
		{"http://127.0.0.1:8080", true, "[::1]:8080", 200},
		{"http://127.0.0.1:8080", true, "localhost:8081", 421},
		{"http://127.0.0.1:8080", false, "localhost:8080", 421},
	} {
		d := newDoor(func(cfg *Config) { cfg.PublicURL, cfg.Local = publicURL(c.public), c.local })
		resp := d.ask("GET", "/asset", "", func(r *http.Request) { r.Host = c.host }, header("X-Forwarded-Host", "id.example.com"))
		if resp.StatusCode != c.want {
			t.Errorf("%s as %q answers %d, want %d", c.public, c.host, resp.StatusCode, c.want)
		}
	}
}

func TestS151_clientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, c := range []struct {
		name, peer string
		list       []string
		want       string
	}{
		{"a spoofed list from a stranger", "203.0.113.7:1", []string{"198.51.100.1"}, "203.0.113.7"},
		{"one proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote itself stands on the left", "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1", []string{"198.51.100.1, 10.0.0.9"}, "198.51.100.1"},
		{"two lines are one list", "10.0.0.1:1", []string{"1.1.1.1", "198.51.100.1,10.0.0.9"}, "198.51.100.1"},
		{"nothing but proxies", "10.0.0.1:1", []string{"10.0.0.8"}, "10.0.0.8"},
		{"no list", "10.0.0.1:1", nil, "10.0.0.1"},
		{"rubbish ends the walk", "10.0.0.1:1", []string{"198.51.100.1, unknown, 10.0.0.9"}, "10.0.0.9"},
		{"mapped", "[::ffff:203.0.113.7]:1", nil, "203.0.113.7"},
		{"mapped proxy and mapped client", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"with ports", "10.0.0.1:1", []string{"[2001:db8::5]:99, 10.2.2.2:80"}, "2001:db8::5"},
		{"zone", "10.0.0.1:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"IPv6 proxy", "[2001:db8:1::9]:1", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		{"empty entries", "10.0.0.1:1", []string{"198.51.100.1,,"}, "10.0.0.1"},
	} {
		d := newDoor(func(cfg *Config) { cfg.TrustedProxies = proxies })
		resp := d.ask("GET", "/api/v1/addr", "", func(r *http.Request) {
			r.RemoteAddr = c.peer
			for _, l := range c.list {
				r.Header.Add("X-Forwarded-For", l)
			}
			r.Header.Set("X-Real-Ip", "9.9.9.9")
			r.Header.Set("Forwarded", "for=9.9.9.9")
		})
		if got := text(t, resp); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestS118_origin(t *testing.T) {
	d := newDoor()
	own, foreign := "https://id.example.com", "https://evil.example"
	for _, c := range []struct {
		name, path   string
		origin, site string
		more         func(*http.Request)
		want         string // code, "" for let through to the form check or handler
	}{
		{"own form", "/form", own, "same-origin", nil, "cookies_off"},
		{"own form under no-referrer", "/form", "null", "same-origin", nil, "cookies_off"},
		{"own form of an older browser", "/form", own, "", nil, "cookies_off"},
		{"foreign form", "/form", foreign, "cross-site", nil, "forbidden_origin"},
		{"foreign form of an older browser", "/form", foreign, "", nil, "forbidden_origin"},
		{"sandboxed frame", "/form", "null", "cross-site", nil, "forbidden_origin"},
		{"opaque without metadata", "/form", "null", "", nil, "forbidden_origin"},
		{"sibling", "/form", "https://shop.example.com", "same-site", nil, "forbidden_origin"},
		{"plain http of our own host", "/form", "http://id.example.com", "", nil, "forbidden_origin"},
		{"lying metadata", "/form", foreign, "same-origin", nil, "forbidden_origin"},
		{"neither header", "/form", "", "", nil, "forbidden_origin"},
		{"two origins", "/form", own, "", header("Origin", foreign), "forbidden_origin"},
		{"opened to all", "/foreign", foreign, "cross-site", nil, ""},
		{"app", "/api/v1/json", "", "", nil, ""},
		{"app with a session", "/api/v1/json", "", "", header("Authorization", "Bearer x"), ""},
		{"foreign script", "/api/v1/json", foreign, "cross-site", nil, "forbidden_origin"},
		{"cookie without origin", "/api/v1/json", "", "", header("Cookie", "__Host-session=abc"), "forbidden_origin"},
		{"cookie and key without origin", "/api/v1/json", "", "", func(r *http.Request) {
			r.Header.Set("Cookie", "__Host-session=abc")
			r.Header.Set("Journey-Key", "k")
		}, ""},
		{"own script", "/api/v1/json", own, "same-origin", header("Cookie", "__Host-session=abc"), ""},
	} {
		resp := d.ask("POST", c.path, `{}`, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			if strings.HasPrefix(c.path, "/form") {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			if c.more != nil {
				c.more(r)
			}
		})
		body := text(t, resp)
		if c.want == "" && resp.StatusCode != 200 || c.want != "" && !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s, want %q", c.name, resp.StatusCode, body, c.want)
		}
	}
	local := newDoor(func(c *Config) { c.PublicURL = publicURL("http://127.0.0.1:8080"); c.Local = true })
	resp := local.ask("POST", "/form", "a=b", header("Origin", "null"), func(r *http.Request) {
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	if !strings.Contains(text(t, resp), "cookies_off") {
		t.Error("the demo refuses browsers that send no metadata over http")
	}
}

func TestR30_panicIsOneAnswerAndOneEntry(t *testing.T) {
	d := newDoor()
	resp := d.ask("GET", "/panic", "")
	if resp.StatusCode != 500 {
		t.Errorf("answers %d", resp.StatusCode)
	}
	if n := strings.Count(d.log.String(), `"level":"ERROR"`); n != 1 {
		t.Errorf("%d entries: %s", n, d.log.String())
	}
	if resp := d.ask("GET", "/asset", ""); resp.StatusCode != 200 {
		t.Error("the next request is not served")
	}
}

func TestS124_accessLogHoldsNoInput(t *testing.T) {
	d := newDoor()
	d.ask("GET", "/api/v1/fault/canary-path?x=canary-query", "", header("Cookie", "__Host-session=canary-cookie"),
		header("Authorization", "Bearer canary-token"), header("User-Agent", "canary-agent"))
	d.ask("CANARY", "/canary", "")
	d.ask("GET", "/nowhere/canary", "", func(r *http.Request) { r.Host = "canary.example" })
	d.ask("POST", "/api/v1/json", `{"name":5,"canary":1}`, header("Content-Type", "application/json"))
	log := d.log.String()
	if strings.Contains(strings.ToLower(log), "canary") || strings.Contains(log, "203.0.113") {
		t.Error(log)
	}
	if !strings.Contains(log, `"route":"GET /api/v1/fault/{kind}"`) {
		t.Error("the log does not name the route")
	}
}

func TestS122_nothingIsEchoed(t *testing.T) {
	d := newDoor()
	for _, resp := range []*http.Response{
		d.ask("GET", "/canary?canary=canary", ""),
		d.ask("POST", "/form", "canary=canary&canary=canary", header("Content-Type", "application/x-www-form-urlencoded"), header("Origin", "https://id.example.com")),
		d.ask("POST", "/api/v1/json", `{"canary":"canary"}`, header("Content-Type", "application/json")),
		d.ask("POST", "/api/v1/json", `canary`, header("Content-Type", "application/json")),
		d.ask("POST", "/api/v1/json", ``, header("Content-Type", "canary/canary")),
	} {
		all := text(t, resp)
		for _, v := range resp.Header {
			all += strings.Join(v, " ")
		}
		if resp.StatusCode < 400 || strings.Contains(all, "canary") {
			t.Errorf("%d: %s", resp.StatusCode, all)
		}
	}
}

func TestS134_bodyCaps(t *testing.T) {
	d := newDoor()
	big := `{"name":"` + strings.Repeat("a", 64<<10) + `"}`
	asJSON := header("Content-Type", "application/json")
	if resp := d.ask("POST", "/api/v1/json", big, asJSON); resp.StatusCode != 413 {
		t.Errorf("declared: %d", resp.StatusCode)
	}
	hidden := func(r *http.Request) { r.ContentLength = -1 }
	if resp := d.ask("POST", "/api/v1/json", big, asJSON, hidden); resp.StatusCode != 413 {
		t.Errorf("undeclared: %d", resp.StatusCode)
	}
	if resp := d.ask("POST", "/api/v1/json", `{"name":"a"}`, asJSON, hidden); resp.StatusCode != 200 {
		t.Errorf("small: %d", resp.StatusCode)
	}
	if resp := d.ask("POST", "/foreign", "--x", header("Content-Type", "Multipart/form-data; boundary=x")); resp.StatusCode != 415 {
		t.Errorf("multipart where no files are: %d", resp.StatusCode)
	}
}

func TestLanguage(t *testing.T) {
	d := newDoor()
	for _, c := range []struct{ cookie, accept, want string }{
		{"", "", "en"},
		{"", "zh-CN,zh;q=0.9,en;q=0.5", "zh-Hans"},
		{"__Host-lang=en", "zh-CN", "en"},
		{"__Host-lang=zh-Hans", "en", "zh-Hans"},
		{"__Host-lang=xx", "zh-CN", "zh-Hans"},
		{"", strings.Repeat("zh,", 200), "en"},
		{"", "*;;;q=,", "en"},
	} {
		resp := d.ask("GET", "/", "", func(r *http.Request) {
			if c.cookie != "" {
				r.Header.Set("Cookie", c.cookie)
			}
			r.Header.Set("Accept-Language", c.accept)
		})
		if got := strings.Fields(text(t, resp))[1]; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for i := range 2 * maxKnownLanguages {
		d.ask("GET", "/asset", "", header("Accept-Language", "en;q=0."+strings.Repeat("1", i%200)+string(rune('a'+i%26))))
	}
	if len(d.langs.known) > maxKnownLanguages {
		t.Errorf("%d languages are remembered", len(d.langs.known))
	}
}

func TestMetricsAreByRoute(t *testing.T) {
	seen := map[string][]int{}
	d := newDoor(func(c *Config) {
		c.Observe = func(route string) func(int, time.Duration) {
			return func(status int, _ time.Duration) { seen[route] = append(seen[route], status) }
		}
	})
	d.ask("GET", "/asset", "")
	d.ask("GET", "/a", "")
	d.ask("GET", "/b", "")
	d.ask("POST", "/form", "")
	want := map[string][]int{"GET /asset": {200}, "unmatched": {404, 404}, "POST /form": {403}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestR38_everyRequestHasADeadline(t *testing.T) {
	d := newDoor(func(c *Config) { c.Deadline = 0 })
	d.Handle("GET /deadline", func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("none")
		}
		return nil
	})
	d.ask("GET", "/deadline", "")
}

func TestHandleNamesItsMethod(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a pattern without method is taken")
		}
	}()
	newDoor().Handle("/x", nil)
}
