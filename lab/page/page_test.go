package page

import (
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
	"github.com/selfsame-id/selfsame/lab/provider"
)

const number = "+8613800138000"

type standing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *standing) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *standing) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

type taker struct{ status int }

func (p taker) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: p.status, Body: http.NoBody, Request: r}, nil
}

// newPages is a lab with a text in every state and two mails.
func newPages(t *testing.T, taken int) *Pages {
	t.Helper()
	a := agenda.New(&standing{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)})
	t.Cleanup(a.Close)
	book := lines.NewBook()
	log := slog.New(slog.DiscardHandler)
	c := carrier.New(carrier.Options{Agenda: a, Lines: book, CallbackURL: "http://id.example.test/hooks", Transport: taker{taken}, Log: log})
	t.Cleanup(c.Close)
	post := mailbox.New(a)
	server, err := mailbox.Listen("127.0.0.1:0", post, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, delivery := range lines.Deliveries {
		if _, err := book.Update(number, func(r *lines.Record) { r.Delivery = delivery }); err != nil {
			t.Fatal(err)
		}
		out := httptest.NewRecorder()
		c.Handler().ServeHTTP(out, httptest.NewRequest("POST", "/messages", strings.NewReader(`{"to":"`+number+`","from":"10690000","text":"<b>482913</b> is your code."}`)))
		if out.Code != http.StatusAccepted {
			t.Fatalf("send: %d", out.Code)
		}
	}
	if taken/100 == 2 {
		if _, err := c.Send(t.Context(), number, "10690000", "K7Q2M9X"); err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range []string{
		"Subject: <i>First</i>\r\n\r\n482913 http://id.example.test/u\r\n",
		"Subject: Second\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script><p>590217</p>\r\n",
	} {
		if err := smtp.SendMail(server.Addr().String(), nil, "x@example.test", []string{"a@example.com"}, []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	return New(Options{Agenda: a, Carrier: c, Lines: book, Post: post, Vendors: []provider.Vendor{newVendor(a)}, PublicURL: "http://id.example.test/", Log: log})
}

func (p *Pages) get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	p.ServeHTTP(out, r)
	return out
}

func (p *Pages) submit(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out := httptest.NewRecorder()
	p.ServeHTTP(out, r)
	return out
}

var (
	inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:>|\s[^>]*[^c]>)[^<]|javascript:`)
	// A key that has no words shows itself: lower-case words with dots between.
	bareKey = regexp.MustCompile(`>\s*[a-z]+(?:\.[a-z0-9_]+)+\s*<|\{[a-z]+\}`)
)

func TestEveryPageInEveryLanguage(t *testing.T) {
	p := newPages(t, 204)
	for _, lang := range []string{"en", "zh-Hans"} {
		for _, tt := range []struct {
			path   string
			status int
			shows  []string
		}{
			{"/lab", 200, []string{"+86 138 0013 8000", "482913", "a@example.com", "590217", "http://id.example.test/", "Example 例子", "Ana Example"}},
			{"/lab/phones/" + number, 200, []string{"482913", "K7Q2M9X", "&lt;b&gt;", `data-copy="482913"`}},
			{"/lab/phones/+15005550006", 200, nil},
			{"/lab/mail/a@example.com", 200, []string{"Second", "&lt;i&gt;First", `sandbox="allow-popups`}},
			{"/lab/mail/b@example.com", 200, nil},
			{"/lab/elsewhere/example", 200, []string{"Example 例子", "Ana Example", "&lt;i&gt;New", "no_email", "revoked", "/authorize"}},
			{"/lab/elsewhere/x", 404, nil},
			{"/lab/nothing", 404, nil},
			{"/lab/phones/x", 404, nil},
			{"/lab/mail/x", 404, nil},
			{"/lab/frame/x", 404, nil},
			{"/lab?note=not_taken", 200, nil},
		} {
			t.Run(lang+tt.path, func(t *testing.T) {
				out := p.get(tt.path, "Accept-Language", lang)
				body := out.Body.String()
				if out.Code != tt.status {
					t.Fatalf("status %d, want %d", out.Code, tt.status)
				}
				if !strings.Contains(body, `<html lang="`+lang+`">`) {
					t.Error("the page is in another language")
				}
				if found := inline.FindString(body); found != "" {
					t.Errorf("inline style or script: %q", found)
				}
				if found := bareKey.FindString(body); found != "" {
					t.Errorf("a key without words or an unfilled place: %q", found)
				}
				if got := out.Header().Get("Content-Security-Policy"); got != policy {
					t.Errorf("policy %q", got)
				}
				for _, want := range tt.shows {
					if !strings.Contains(body, want) {
						t.Errorf("%q is not on the page", want)
					}
				}
				if strings.Contains(body, "<i>First") || strings.Contains(body, "<b>482913") {
					t.Error("what others wrote is not escaped")
				}
				if len(body) > 60_000 {
					t.Errorf("the page has %d bytes", len(body))
				}
			})
		}
	}
}

func TestTextsThatDidNotArriveAreNotShown(t *testing.T) {
	body := newPages(t, 204).get("/lab/phones/" + number).Body.String()
	if n := strings.Count(body, `class="bubble`); n != 2 {
		t.Errorf("%d bubbles, want the text that arrived and the person's own", n)
	}
	for _, why := range []string{"A text is on its way.", "A text failed: the phone is off.", "The carrier took a text and says nothing more."} {
		if !strings.Contains(body, why) {
			t.Errorf("%q is not on the page", why)
		}
	}
}

func TestFrameIsPowerless(t *testing.T) {
	p := newPages(t, 204)
	id := p.Post.Mails("a@example.com")[0].ID
	out := p.get("/lab/frame/" + id)
	got := out.Header().Get("Content-Security-Policy")
	if out.Code != 200 || !strings.HasPrefix(got, "sandbox ") || strings.Contains(got, "allow-scripts") || strings.Contains(got, "allow-same-origin") || !strings.Contains(got, "default-src 'none'") {
		t.Errorf("%d with policy %q", out.Code, got)
	}
	if !strings.Contains(out.Body.String(), "590217") {
		t.Error("the mail is not in the frame")
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		taken      int
		form       url.Values
		to         string
	}{
		{"send", "/lab/phones/" + number + "/texts", 204, url.Values{"to": {"1"}, "text": {"x"}}, "/lab/phones/" + number + "?note=sent"},
		{"send, not taken", "/lab/phones/" + number + "/texts", 422, url.Values{"to": {"1"}, "text": {"x"}}, "/lab/phones/" + number + "?note=not_taken"},
		{"send nothing", "/lab/phones/" + number + "/texts", 204, url.Values{"to": {"1"}, "text": {" "}}, "/lab/phones/" + number + "?note=bad_input"},
		{"behavior", "/lab/phones/" + number + "/carrier", 204, url.Values{"delivery": {"fail"}, "delay": {"30"}, "reason": {"blocked"}, "line": {"voip"}}, "/lab/phones/" + number + "?note=saved"},
		{"wrong behavior", "/lab/phones/" + number + "/carrier", 204, url.Values{"delivery": {"fly"}, "delay": {"30"}, "reason": {"blocked"}, "line": {"voip"}}, "/lab/phones/" + number + "?note=bad_input"},
		{"wrong delay", "/lab/phones/" + number + "/carrier", 204, url.Values{"delivery": {"delay"}, "delay": {"0"}, "reason": {"blocked"}, "line": {"voip"}}, "/lab/phones/" + number + "?note=bad_input"},
		{"mailbox", "/lab/mail/a@example.com/delivery", 204, url.Values{"delivery": {"bounce"}}, "/lab/mail/a@example.com?note=saved"},
		{"wrong mailbox", "/lab/mail/a@example.com/delivery", 204, url.Values{"delivery": {"fail"}}, "/lab/mail/a@example.com?note=bad_input"},
		{"clock", "/lab/clock", 204, url.Values{"advance": {"15d"}, "back": {"/lab/phones/" + number}}, "/lab/phones/" + number + "?note=moved"},
		{"wrong clock", "/lab/clock", 204, url.Values{"advance": {"-15d"}, "back": {"/lab"}}, "/lab?note=bad_input"},
		{"elsewhere", "/lab/clock", 204, url.Values{"advance": {"1m"}, "back": {"https://evil.example/"}}, "/lab?note=moved"},
		{"elsewhere without scheme", "/lab/clock", 204, url.Values{"advance": {"1m"}, "back": {"//evil.example/"}}, "/lab?note=moved"},
		{"out of the lab", "/lab/clock", 204, url.Values{"advance": {"1m"}, "back": {"/lab/../account"}}, "/lab?note=moved"},
		{"header", "/lab/clock", 204, url.Values{"advance": {"1m"}, "back": {"/lab/x\r\nSet-Cookie: a=b"}}, "/lab/x%0D%0ASet-Cookie:%20a=b?note=moved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := newPages(t, tt.taken).submit(tt.path, tt.form)
			if got := out.Header().Get("Location"); out.Code != http.StatusSeeOther || got != tt.to {
				t.Errorf("%d to %q, want 303 to %q", out.Code, got, tt.to)
			}
		})
	}
}

func TestFormsChangeTheWorld(t *testing.T) {
	p := newPages(t, 204)
	p.submit("/lab/phones/"+number+"/carrier", url.Values{"delivery": {"delay"}, "delay": {"90"}, "reason": {"blocked"}, "line": {"voip"}})
	want := lines.Record{Delivery: lines.Delay, DelayFor: 90 * time.Second, FailReason: "blocked", Line: "voip"}
	if diff := cmp.Diff(want, p.Lines.Get(number)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	p.submit("/lab/mail/a@example.com/delivery", url.Values{"delivery": {"silent"}})
	if got := p.Post.Behavior("a@example.com").Delivery; got != mailbox.Silent {
		t.Errorf("mailbox: %s", got)
	}
	before := p.Agenda.Now()
	p.submit("/lab/clock", url.Values{"advance": {"1h"}})
	if got := p.Agenda.Now().Sub(before); got != time.Hour {
		t.Errorf("the clock moved by %v", got)
	}
}

func TestOpen(t *testing.T) {
	p := newPages(t, 204)
	for path, want := range map[string]string{
		"/lab/phones?number=%2B86+138+0013+8000": "/lab/phones/" + number,
		"/lab/phones?number=8613800138000":       "/lab/phones/" + number,
		"/lab/phones?number=x":                   "/lab?note=bad_number",
		"/lab/mail?address=A@Example.com":        "/lab/mail/a@example.com",
		"/lab/mail?address=x":                    "/lab?note=bad_address",
	} {
		out := p.get(path)
		if got := out.Header().Get("Location"); out.Code != http.StatusSeeOther || got != want {
			t.Errorf("%s: %d to %q, want %q", path, out.Code, got, want)
		}
	}
}

func TestUnchangedPageIsOnlyConfirmed(t *testing.T) {
	p := newPages(t, 204)
	tag := p.get("/lab").Header().Get("ETag")
	if out := p.get("/lab", "If-None-Match", tag); tag == "" || out.Code != http.StatusNotModified || out.Body.Len() != 0 {
		t.Errorf("unchanged: %d with %d bytes for %q", out.Code, out.Body.Len(), tag)
	}
	p.submit("/lab/mail/a@example.com/delivery", url.Values{"delivery": {"silent"}})
	if out := p.get("/lab", "If-None-Match", tag); out.Code != http.StatusOK {
		t.Errorf("changed: %d, want 200", out.Code)
	}
	if out := p.get("/lab?lang=zh", "If-None-Match", tag); out.Code != http.StatusOK {
		t.Errorf("another language: %d, want 200", out.Code)
	}
}

func TestLanguage(t *testing.T) {
	p := newPages(t, 204)
	for _, tt := range []struct{ path, accept, cookie, want string }{
		{"/lab", "", "", "en"},
		{"/lab", "zh-CN,zh;q=0.9", "", "zh-Hans"},
		{"/lab", "fr", "", "en"},
		{"/lab?lang=zh", "en", "", "zh-Hans"},
		{"/lab?lang=%00", "zh", "", "zh-Hans"},
		{"/lab", "en", "lab_lang=zh-Hans", "zh-Hans"},
		{"/lab", "zh", "lab_lang=xx", "zh-Hans"},
	} {
		out := p.get(tt.path, "Accept-Language", tt.accept, "Cookie", tt.cookie)
		if !strings.Contains(out.Body.String(), `<html lang="`+tt.want+`">`) {
			t.Errorf("%+v: another language", tt)
		}
	}
	if got := p.get("/lab?lang=zh").Header().Get("Set-Cookie"); !strings.HasPrefix(got, "lab_lang=zh-Hans; Path=/lab;") {
		t.Errorf("the choice is not remembered: %q", got)
	}
}

func TestAssets(t *testing.T) {
	p := newPages(t, 204)
	total := 0
	for _, name := range []string{"lab.css", "lab.js", "icons.svg"} {
		out := p.get(assetPath(name))
		total += out.Body.Len()
		if out.Code != 200 || out.Body.Len() == 0 || out.Header().Get("Content-Type") == "" || !strings.Contains(out.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, out.Code, out.Header())
		}
	}
	if total > 20_000 {
		t.Errorf("the assets have %d bytes", total)
	}
	for _, name := range []string{"x.css", "..%2Fpage.go", "%2E%2E"} {
		if out := p.get("/lab/assets/" + name); out.Code != 404 {
			t.Errorf("%s: %d, want 404", name, out.Code)
		}
	}
}

func TestBothLanguagesHaveTheSameWords(t *testing.T) {
	places := regexp.MustCompile(`\{[a-z]+\}`)
	first := spoken[0].table
	for _, other := range spoken[1:] {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(other.table))); diff != "" {
			t.Errorf("keys of %s (-en +%s):\n%s", other.tag, other.tag, diff)
		}
		for key, text := range first {
			if diff := cmp.Diff(places.FindAllString(text, -1), places.FindAllString(other.table[key], -1)); diff != "" {
				t.Errorf("%s: places of %s (-en +%s):\n%s", key, other.tag, other.tag, diff)
			}
		}
	}
}

func TestEveryWordIsUsed(t *testing.T) {
	var source strings.Builder
	for _, dir := range []string{".", "templates"} {
		entries, err := fs.ReadDir(os.DirFS(dir), ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			body, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			source.Write(body)
		}
	}
	// Keys that are put together: the prefix and where the rest comes from.
	built := map[string][]string{"note": slices.Collect(maps.Keys(notes)), "clock": advances, "line": lines.Kinds, "reason": lines.Reasons, "text": {"accepted", "sent", "failed"}, "variant": variants}
	for _, f := range provider.Failures() {
		built["failure"] = append(built["failure"], string(f))
	}
	for _, d := range append(slices.Clone(lines.Deliveries), lines.Delivery(mailbox.Bounce)) {
		built["delivery"] = append(built["delivery"], string(d))
	}
	for key := range spoken[0].table {
		prefix, rest, _ := strings.Cut(key, ".")
		if !strings.Contains(source.String(), `"`+key+`"`) && !slices.Contains(built[prefix], rest) {
			t.Errorf("%s is not used", key)
		}
	}
	for prefix, rests := range built {
		for _, rest := range rests {
			if _, ok := spoken[0].table[prefix+"."+rest]; !ok {
				t.Errorf("%s.%s has no words", prefix, rest)
			}
		}
	}
}

func TestPretty(t *testing.T) {
	for in, want := range map[string]string{
		"+8613800138000": "+86 138 0013 8000",
		"+14155550100":   "+1 415 555 0100",
		"+447911123456":  "+44 791 112 3456",
		"+123456":        "+123456",
	} {
		if got := pretty(in); got != want {
			t.Errorf("pretty(%s) = %q, want %q", in, got, want)
		}
	}
}
