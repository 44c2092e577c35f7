package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// withCookies runs f inside a request that brings the given Cookie lines.
func (d *door) withCookies(lines []string, f func(r *http.Request)) *http.Response {
	r := httptest.NewRequest("GET", d.cfg.PublicURL.String()+"/inside", nil)
	r.Header["Cookie"] = lines
	rt := New(d.cfg, d.pages)
	rt.Handle("GET /inside", func(w http.ResponseWriter, r *http.Request) error { f(r); return nil })
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, r)
	return w.Result()
}

func TestS65_cookies(t *testing.T) {
	d := newDoor()
	for _, c := range []struct {
		name    string
		lines   []string
		session string // "" is absent
		device  string
	}{
		{"one", []string{"__Host-session=abc; __Host-device=def"}, "abc", "def"},
		{"two lines", []string{"__Host-session=abc", "__Host-device=def"}, "abc", "def"},
		{"same twice", []string{"__Host-session=abc; __Host-session=abc"}, "", ""},
		{"planted first", []string{"__Host-session=evil; __Host-session=abc; __Host-device=def"}, "", "def"},
		{"planted in another line", []string{"__Host-session=abc", "x=1;__Host-session=evil"}, "", ""},
		{"another of ours twice signs out", []string{"__Host-session=abc; __Host-device=a; __Host-device=b"}, "", ""},
		{"twice with an empty one", []string{"__Host-session=abc; __Host-session="}, "", ""},
		{"without prefix", []string{"session=evil"}, "", ""},
		{"without prefix beside ours", []string{"session=evil; __Host-session=abc"}, "abc", ""},
		{"other case", []string{"__host-session=evil"}, "", ""},
		{"foreign twice", []string{"a=1; a=2; __Host-session=abc"}, "abc", ""},
		{"quotes", []string{`__Host-session="abc"`}, "", ""},
		{"control", []string{"__Host-session=a\x01b"}, "", ""},
		{"long", []string{"__Host-session=" + strings.Repeat("a", 513)}, "", ""},
		{"no equals", []string{"__Host-session; __Host-device=def"}, "", "def"},
		{"odd spaces", []string{" \t__Host-session=abc ;;; "}, "abc", ""},
	} {
		d.withCookies(c.lines, func(r *http.Request) {
			session, has := Cookie(r, SessionCookie)
			if session != c.session || has != (c.session != "") {
				t.Errorf("%s: session %q %v", c.name, session, has)
			}
			if device, _ := Cookie(r, DeviceCookie); device != c.device {
				t.Errorf("%s: device %q", c.name, device)
			}
		})
	}
}

func TestS55_setCookie(t *testing.T) {
	resp := newDoor().withCookies(nil, func(r *http.Request) {
		SetCookie(r, SessionCookie, "old", 0)
		SetCookie(r, SessionCookie, "abc", time.Hour)
		SetCookie(r, LangCookie, "en", 0)
		if v, _ := Cookie(r, SessionCookie); v != "abc" {
			t.Errorf("the same request reads %q", v)
		}
	})
	want := []string{
		"__Host-session=abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure",
		"__Host-lang=en; Path=/; HttpOnly; SameSite=Lax; Secure",
	}
	if got := resp.Header["Set-Cookie"]; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	plain := newDoor(func(c *Config) { c.PublicURL = publicURL("http://127.0.0.1:8080") })
	resp = plain.withCookies([]string{"session=abc"}, func(r *http.Request) {
		if v, _ := Cookie(r, SessionCookie); v != "abc" {
			t.Errorf("the demo reads %q", v)
		}
		ClearCookie(r, SessionCookie)
		if _, ok := Cookie(r, SessionCookie); ok {
			t.Error("a cleared cookie is read")
		}
	})
	if got := resp.Header["Set-Cookie"]; !slices.Equal(got, []string{"session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"}) {
		t.Errorf("%q", got)
	}
}

func TestS63_signOutClears(t *testing.T) {
	resp := newDoor().withCookies([]string{"__Host-session=a; __Host-journey=b; __Host-device=c"}, SignOut)
	all := strings.Join(resp.Header["Set-Cookie"], "\n")
	if !strings.Contains(all, "__Host-session=; ") || !strings.Contains(all, "__Host-journey=; ") || strings.Contains(all, "device") {
		t.Error(all)
	}
	if resp.Header.Get("Clear-Site-Data") != `"cache", "storage"` {
		t.Error(resp.Header)
	}
}

func TestCookieMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(r *http.Request){
		"value":   func(r *http.Request) { SetCookie(r, SessionCookie, "a;b", 0) },
		"unknown": func(r *http.Request) { Cookie(r, "other") },
	} {
		if resp := newDoor().withCookies(nil, f); resp.StatusCode != 500 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

func FuzzCookies(f *testing.F) {
	f.Add("__Host-session=abc; __Host-session=abd")
	f.Add("__Host-session=abc; x=\x00; __Host-device==;;=")
	names := newCookieNames(true)
	f.Fuzz(func(t *testing.T, line string) {
		var j jar
		j.fill([]string{line}, &names)
		for i, has := range j.has {
			if has && !cookieValue(j.values[i]) {
				t.Errorf("%q gives %q", line, j.values[i])
			}
			if has && strings.Count(line, names.full[i]+"="+j.values[i]) == 0 {
				t.Errorf("%q was never sent", j.values[i])
			}
		}
		var twice jar
		twice.fill([]string{line, names.full[0] + "=a", names.full[0] + "=b"}, &names)
		if twice.has[0] {
			t.Error("a doubled session is read")
		}
	})
}

// postForm sends a form of our own pages.
func (d *door) postForm(body string, edit ...func(*http.Request)) *http.Response {
	all := append([]func(*http.Request){
		header("Content-Type", "application/x-www-form-urlencoded"), header("Sec-Fetch-Site", "same-origin"), header("Origin", "null"),
	}, edit...)
	return d.ask("POST", "/form", body, all...)
}

// visit opens the page and answers the device cookie and the form token it gives.
func (d *door) visit(t *testing.T) (cookie, token string) {
	t.Helper()
	resp := d.ask("GET", "/", "")
	set := resp.Header["Set-Cookie"]
	if len(set) != 1 || !strings.HasPrefix(set[0], "__Host-device=") {
		t.Fatalf("the first page sets %q", set)
	}
	cookie, _, _ = strings.Cut(set[0], ";")
	return cookie, strings.Fields(text(t, resp))[0]
}

func TestS118_formToken(t *testing.T) {
	d := newDoor()
	cookie, token := d.visit(t)
	otherCookie, otherToken := d.visit(t)
	for _, c := range []struct {
		name, cookie, token, want string
	}{
		{"right", cookie, token, ""},
		{"no cookie", "", token, "cookies_off"},
		{"doubled cookie", cookie + "; " + otherCookie, token, "cookies_off"},
		{"no token", cookie, "", "form_expired"},
		{"another browser's token", cookie, otherToken, "form_expired"},
		{"another browser's cookie", otherCookie, token, "form_expired"},
		{"both of another browser", otherCookie, otherToken, ""},
	} {
		resp := d.postForm(FormField+"="+c.token, func(r *http.Request) {
			if c.cookie != "" {
				r.Header.Set("Cookie", c.cookie)
			}
		})
		if body := text(t, resp); c.want == "" && resp.StatusCode != 200 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
	// A browser that has its cookie keeps it.
	resp := d.ask("GET", "/", "", header("Cookie", cookie))
	if resp.Header["Set-Cookie"] != nil || strings.Fields(text(t, resp))[0] != token {
		t.Error("the device changes with every page")
	}
}

func TestS130_form(t *testing.T) {
	d := newDoor()
	cookie, token := d.visit(t)
	token = FormField + "=" + token
	var got string
	d.form = func(r *http.Request) error {
		form, err := Form(r)
		got = form.Get("a")
		return err
	}
	for _, c := range []struct {
		name, query, body string
		kind              string
		status            int
		a                 string
	}{
		{"plain", "", token + "&a=1+2%33", "", 200, "1 23"},
		{"query does not override", "?a=evil", token + "&a=1", "", 200, "1"},
		{"query alone is nothing", "?a=evil", token, "", 200, ""},
		{"twice", "", token + "&a=1&a=1", "", 400, ""},
		{"two tokens", "", token + "&" + token, "", 400, ""},
		{"invalid UTF-8", "", token + "&a=%ff", "", 400, ""},
		{"NUL", "", token + "&a=%00", "", 400, ""},
		{"bad escape", "", token + "&a=%4", "", 400, ""},
		{"semicolon", "", token + "&a=1;b=2", "", 400, ""},
		{"many", "", token + strings.Repeat("&x", 64), "", 400, ""},
		{"JSON", "", `{}`, "application/json", 415, ""},
		{"other charset", "", token, "application/x-www-form-urlencoded; charset=utf-7", 415, ""},
		{"charset", "", token + "&a=1", "application/x-www-form-urlencoded; charset=UTF-8", 200, "1"},
		{"large", "", token + "&a=" + strings.Repeat("a", 64<<10), "", 413, ""},
	} {
		got = ""
		resp := d.postForm(c.body, header("Cookie", cookie), func(r *http.Request) {
			r.URL.RawQuery = strings.TrimPrefix(c.query, "?")
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
		})
		if resp.StatusCode != c.status || got != c.a {
			t.Errorf("%s: %d %q", c.name, resp.StatusCode, got)
		}
	}
}

func TestFiles(t *testing.T) {
	d := newDoor()
	cookie, token := d.visit(t)
	send := func(token string, size int) int {
		body := "--x\r\nContent-Disposition: form-data; name=\"" + FormField + "\"\r\n\r\n" + token + "\r\n--x\r\n" +
			"Content-Disposition: form-data; name=\"avatar\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" + strings.Repeat("p", size) + "\r\n--x--\r\n"
		return d.ask("POST", "/file", body, header("Content-Type", "multipart/form-data; boundary=x"),
			header("Sec-Fetch-Site", "same-origin"), header("Cookie", cookie)).StatusCode
	}
	if got := send(token, 100<<10); got != 200 {
		t.Errorf("a picture: %d", got)
	}
	if got := send("wrong", 100); got != 403 {
		t.Errorf("without token: %d", got)
	}
	if got := send(token, 300<<10); got != 413 {
		t.Errorf("a large picture: %d", got)
	}
}

// broken is a body that ends in an error.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (broken) Close() error             { return nil }

func TestBrokenBodies(t *testing.T) {
	d := newDoor()
	cookie, _ := d.visit(t)
	cut := func(r *http.Request) { r.Body, r.ContentLength = broken{}, -1 }
	if resp := d.postForm("", header("Cookie", cookie), cut); resp.StatusCode != 400 {
		t.Errorf("a form: %d", resp.StatusCode)
	}
	if resp := d.ask("POST", "/api/v1/json", "", header("Content-Type", "application/json"), cut); resp.StatusCode != 400 {
		t.Errorf("JSON: %d", resp.StatusCode)
	}
}
