package stories

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/front/httpd/httpdtest"
)

var link = regexp.MustCompile(`(?:href|src|action|data-delivery|data-worker)="([^"]*)"`)

// crawler reads every address that can be reached, and looks at each answer.
type crawler struct {
	*house
	cookies string
	seen    map[string]bool
	pages   []string // that answered HTML well
}

// read looks at one answer, and at everything that it leads to.
func (c *crawler) read(path string) {
	c.t.Helper()
	path, _, _ = strings.Cut(path, "#")
	if path == "" || c.seen[path] || path == "/lab" || strings.HasPrefix(path, "/lab/") || strings.HasPrefix(path, "/storybook") {
		return
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		c.t.Errorf("a link leads away: %s", path)
		return
	}
	c.seen[path] = true
	a := c.send("GET", path, nil, "Cookie", c.cookies, "Accept-Language", "en")
	page := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
	c.t.Run(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "_"), func(t *testing.T) {
		httpdtest.CheckHeaders(t, a.Response, false, page)
		if a.StatusCode >= 500 {
			t.Errorf("it answers %s", a.Status)
		}
	})
	if to := a.Header.Get("Location"); to != "" {
		c.read(to)
	}
	if !page {
		return
	}
	if a.StatusCode == http.StatusOK {
		c.pages = append(c.pages, path)
	}
	text := string(a.body)
	if strings.Contains(text, "<script>") || regexp.MustCompile(`\son[a-z]+="`).MatchString(text) || strings.Contains(text, ` style="`) {
		c.t.Errorf("%s holds a script or a style of its own", path)
	}
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		c.read(html.UnescapeString(found[1]))
	}
}

// TestS117_EveryRoute: the security headers are on every answer, signed in or
// not, pages, assets, API and refusals; every link leads somewhere of ours.
func TestS117_EveryRoute(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	var doc struct {
		Paths map[string]map[string]any
	}
	h.send("GET", "/api/openapi.json", nil).json(t, &doc)
	for _, cookies := range []string{"", "session=" + p.session} {
		c := &crawler{house: h, cookies: cookies, seen: map[string]bool{}}
		for _, start := range []string{"/", "/signin", "/signin?region=cn", "/signup", "/signout", "/account", "/help", "/nowhere", "/signin/delivery",
			"/signup/delivery", "/api/openapi.json", "/api/docs", "/api/v1/nothing", "/.well-known/change-password", "/captcha/a/b.png", "/hooks/sms/lab"} {
			c.read(start)
		}
		for path := range doc.Paths {
			c.read(strings.ReplaceAll(strings.ReplaceAll(path, "{id}", "x"), "{journey}", "x"))
		}
		if len(c.pages) < 40 {
			t.Errorf("only %d pages were found: %q", len(c.pages), c.pages)
		}
		if in := slices.Contains(c.pages, "/account/devices"); in != (cookies != "") {
			t.Errorf("with the cookies %q, the account page is open: %v", cookies, in)
		}
	}
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
	}{
		{"POST", "/signin", "application/x-www-form-urlencoded", "input=phone", http.StatusForbidden},
		{"PUT", "/signin", "", "", http.StatusMethodNotAllowed},
		{"POST", "/api/v1/journeys", "application/json", "{", http.StatusBadRequest},
		{"POST", "/api/v1/journeys", "text/plain", "hello", http.StatusUnsupportedMediaType},
		{"POST", "/api/v1/journeys", "application/json", `{"kind":"` + strings.Repeat("x", 1<<20) + `"}`, http.StatusRequestEntityTooLarge},
		{"GET", "/" + strings.Repeat("x", 9000), "", "", http.StatusRequestURITooLong},
		{"POST", "/hooks/sms/lab", "application/json", "{}", http.StatusUnauthorized},
		{"DELETE", "/api/v1/session", "", "", http.StatusUnauthorized},
	} {
		r, err := http.NewRequest(c.method, h.at+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", c.kind)
		if !strings.HasPrefix(c.path, "/api") {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %.40s answers %s, want %d", c.method, c.path, resp.Status, c.status)
		}
		httpdtest.CheckHeaders(t, resp, false, strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"))
	}
}
