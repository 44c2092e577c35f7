package stories

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestStory_Chinese: the mainland's site from the first page to the last in
// Chinese, with a number of the mainland.
func TestStory_Chinese(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "zh-CN,zh;q=0.9")
		v.visit("/")
		v.sees("一个账号，畅用Selfsame全部服务")
		v.press("登录")
		v.press("中国大陆站点")
		v.fill("手机号", "138 0013 8000")
		v.press("继续")
		v.sees("6 位短信验证码已发送至 +86 138 **** 8000")
		text := h.phone(ming).next()
		if !strings.HasPrefix(text.Text, "【Selfsame】") || strings.Count(text.Text, text.Code) != 2 {
			t.Errorf("the text is %q", text.Text)
		}
		v.enter(text.Code)
		v.sees("一切正常", "账号 ID")
		if lang := eval[string](v, `document.documentElement.lang`); lang != "zh-Hans" {
			t.Errorf("the page's language is %q", lang)
		}
	})
}

// TestStory_Language: the switch keeps the place of the journey, and stays.
func TestStory_Language(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		v.press("简体中文")
		v.sees("输入验证码")
		v.enter(h.phone(ada).code())
		v.sees("一切正常")
		v.press("English")
		v.sees("Everything is in order")
		v.visit("/help")
		v.sees("How can we help?")
	})
}

// TestTopic_V01_Page: the code page says what became of the text, by itself or
// when it is looked at again, and leads to other ways.
func TestTopic_V01_Page(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		own := h.phone(ada)
		own.behaves(map[string]string{"delivery": "delay", "delay_for": "1h"})
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		own.behaves(map[string]string{"delivery": "fail", "fail_reason": "number_unknown"})
		h.pass(time.Minute)
		v.visit("/signin")
		v.press("Send another code")
		const failed = "The carrier doesn't know this number."
		if scripts {
			v.waits(failed)
		} else {
			until(t, failed, func() bool {
				if strings.Contains(v.reads(), failed) {
					return true
				}
				v.press("Look again")
				return false
			})
		}
		v.press("The code doesn't arrive")
		if !strings.HasPrefix(v.path(), "/help/verification-codes/") {
			t.Errorf("the help is at %s", v.path())
		}
		v.visit("/signin")
		v.press("Try another way")
		v.sees("Show that it is you", "Get a code by e-mail", "Use your password")
		v.press("Start over")
		v.sees("Phone number")
	})
}

// TestTopic_Y03_Page: after ten wrong passwords a check comes first. With scripts
// it solves itself; without, there are a picture, its sound and a fresh one.
func TestTopic_Y03_Page(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		h.person("Pixel 9").signUp(ada).setPassword(good)
		for range 10 {
			h.pass(time.Minute)
			h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", "not it at all")
		}
		h.pass(time.Minute)
		v := h.browser(scripts, "en")
		v.visit("/signin?with=password")
		v.fill("Phone, e-mail address or account ID", ada)
		v.fill("Password", good)
		v.press("Sign in")
		if scripts {
			v.waits("Enter your password")
		} else {
			v.sees("A short check first", "There were several failed tries", "Characters")
			image := func() string {
				t.Helper()
				return eval[string](v, `(e => e.complete && e.naturalWidth > 100 ? e.getAttribute("src") : "broken")(document.querySelector(".captcha-image"))`)
			}
			first := image()
			if sound := h.send("GET", eval[string](v, `document.querySelector("audio").getAttribute("src")`), nil); sound.StatusCode != http.StatusOK || sound.Header.Get("Content-Type") != "audio/wav" {
				t.Errorf("the sound answers %s", sound.Status)
			}
			v.fill("Characters", "WRONG1")
			if status := v.press("Continue"); status != http.StatusUnprocessableEntity {
				t.Errorf("wrong characters are answered with %d", status)
			}
			v.sees("Those characters don't match")
			second := image()
			v.press("Show another picture")
			third := image()
			if first == second || second == third || first == "broken" || third == "broken" {
				t.Errorf("the pictures are %s, %s, %s", first, second, third)
			}
			// Nobody here can read a picture. What the script would have sent is
			// judged by the same rules.
			var work challenge
			(&answer{body: []byte(eval[string](v, `document.querySelector("altcha-widget").getAttribute("challenge")`))}).json(t, &work)
			eval[any](v, `document.getElementById("answer").removeAttribute("maxlength"), 0`)
			v.fill("Characters", work.solve(t))
			v.press("Continue")
			v.sees("Enter your password")
		}
		v.fill("Password", good)
		v.press("Sign in")
		v.sees("This device is new to your account")
		v.enter(h.phone(ada).code())
		v.sees("Account ID")
	})
}

// TestTopic_S03_Expired: who comes back too late is told so and begins again.
func TestTopic_S03_Expired(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		code := h.phone(ada).code()
		h.pass(16 * time.Minute)
		if status := v.enter(code); status != http.StatusGone {
			t.Errorf("a journey that is over is answered with %d", status)
		}
		v.sees("This took too long", "Nothing is lost: start again.")
		v.askCode(ada)
		v.enter(h.phone(ada).code())
		v.sees("Everything is in order")
	})
}

// TestTopic_S03_TwoTabs: one journey in two tabs: what the other tab did is
// understood, and nobody is stuck.
func TestTopic_S03_TwoTabs(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		stale := h.phone(ada).code()
		other := v.tab()
		other.visit("/signin")
		other.sees("Enter the code")
		other.press("Use a different number")
		other.askCode(bob)
		v.enter(stale)
		v.sees("There is a newer code")
		other.enter(h.phone(bob).code())
		other.sees("Everything is in order")
		v.enter(stale)
		v.sees("Everything is in order")
		v.visit("/account")
		v.sees("Everything is in order")
	})
}

// TestTopic_S03_BackButton: the way back leads to where the journey is.
func TestTopic_S03_BackButton(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		v.arrive(chromedp.NavigateBack())
		v.sees("Enter the code")
		v.enter(h.phone(ada).code())
		v.sees("Everything is in order")
		v.arrive(chromedp.NavigateBack())
		v.sees("Account") // signed in, wherever that leads
		v.visit("/account")
		v.sees("Everything is in order")
	})
}

// TestTopic_S03_CookiesOff: a browser that keeps no cookies is told so, with what
// to do.
func TestTopic_S03_CookiesOff(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.fill("Phone number", ada)
		v.do(call(network.ClearBrowserCookies, struct{}{}))
		if status := v.press("Continue"); status != http.StatusForbidden {
			t.Errorf("without cookies the page answers %d", status)
		}
		v.sees("cookies", "allow cookies for this site")
		if sent := h.phone(ada).texts(); len(sent) != 0 {
			t.Errorf("a text was sent: %v", sent)
		}
	})
}

// TestTopic_S01_ByKeyboard: the whole sign-in without a mouse.
func TestTopic_S01_ByKeyboard(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		tabTo := func(want string) {
			t.Helper()
			for range 30 {
				v.types(kb.Tab)
				if has := eval[string](v, `(e => e.labels?.[0]?.innerText ?? e.innerText ?? "")(document.activeElement).trim()`); has == want {
					return
				}
			}
			t.Fatalf("no tab leads to %q on %s", want, v.place())
		}
		v.visit("/")
		tabTo("Sign in")
		v.arrive(chromedp.KeyEvent(kb.Enter))
		tabTo("Phone number")
		v.types(strings.Split("4155550123", "")...)
		v.arrive(chromedp.KeyEvent(kb.Enter))
		v.sees("Enter the code")
		if id := eval[string](v, `document.activeElement.id`); id != "code" {
			t.Errorf("the focus is on %q", id)
		}
		v.types(strings.Split(h.phone(ada).code(), "")...)
		v.arrive(chromedp.KeyEvent(kb.Enter))
		v.sees("Everything is in order")
		tabTo("Sign out")
		v.arrive(chromedp.KeyEvent(kb.Enter))
		tabTo("Sign out")
		v.arrive(chromedp.KeyEvent(kb.Enter))
		v.sees("You are signed out on this device.")
	})
}

// TestTopic_S03_SentTwice: the same form sent twice in one moment, as a double
// click or a reload does, leads to the same end twice.
func TestTopic_S03_SentTwice(t *testing.T) {
	h := open(t)
	post := func(path string, form url.Values, cookies string) *answer {
		t.Helper()
		r, err := http.NewRequest("POST", h.at+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, "Sec-Fetch-Site": "same-origin"} {
			r.Header.Set(name, value)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return &answer{resp, body}
	}
	token := func(a *answer) string {
		t.Helper()
		_, after, _ := strings.Cut(string(a.body), `name="form_token" value="`)
		value, _, _ := strings.Cut(after, `"`)
		return value
	}
	keep := func(jar string, a *answer) string {
		for _, c := range a.Cookies() {
			jar += "; " + c.Name + "=" + c.Value
		}
		return strings.TrimPrefix(jar, "; ")
	}
	page := h.get("/signin", "en")
	jar, form := keep("", page), url.Values{"form_token": {token(page)}}
	form.Set("input", "phone")
	form.Set("phone", ada)
	sent := post("/signin", form, jar)
	if sent.StatusCode != http.StatusSeeOther {
		t.Fatalf("the number is answered with %s: %s", sent.Status, sent.body)
	}
	jar = keep(jar, sent)
	form = url.Values{"form_token": form["form_token"], "input": {"code"}, "code": {h.phone(ada).code()}}
	for range 2 {
		a := post("/signin", form, jar)
		session := ""
		for _, c := range a.Cookies() {
			if c.Name == "session" {
				session = c.Value
			}
		}
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/account" || session == "" {
			t.Fatalf("the code is answered with %s to %s", a.Status, a.Header.Get("Location"))
		}
		if in := h.send("GET", "/account", nil, "Cookie", "session="+session); in.StatusCode != http.StatusOK {
			t.Errorf("the session opens %s", in.Status)
		}
	}
}

// TestTopic_S01_Country: the picker begins with the country of the browser, and
// remembers the one that was picked.
func TestTopic_S01_Country(t *testing.T) {
	h := openForBrowsers(t)
	for languages, want := range map[string]string{"zh-CN,zh;q=0.9": "CN", "en-GB": "GB", "en": "US"} {
		v := h.browser(true, languages)
		v.visit("/signin")
		picked := func() string { return eval[string](v, `document.getElementById("country").value`) }
		if got := picked(); got != want {
			t.Errorf("for a browser in %s it begins with %s, want %s", languages, got, want)
		}
		v.set("phone", "+81 90 1234 5678")
		v.next()
		v.visit("/signup?with=phone")
		if got := picked(); got != "JP" {
			t.Errorf("after a number of Japan it is %s", got)
		}
	}
}
