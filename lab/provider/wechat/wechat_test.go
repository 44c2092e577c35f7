package wechat_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
	"github.com/selfsame-id/selfsame/lab/provider/wechat"
)

const (
	webID, webSecret         = "wx0000000000000web", "web secret"
	accountID, accountSecret = "wx00000000account0", "account secret"
	mobileID, mobileSecret   = "wx0000000000mobile", "mobile secret"
	looseID                  = "wx00000000000loose"
	inWeChat                 = "Mozilla/5.0 MicroMessenger/8.0.50"
	callback                 = "https://app.test/cb"
	token, aesKey            = "simtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

type town struct {
	*wechat.Sim
	clock *walktest.Clock
	inbox *walktest.Inbox
}

func open(t *testing.T) town {
	t.Helper()
	clock, inbox := new(walktest.Clock), new(walktest.Inbox)
	sim := wechat.New(provider.Options{Clock: clock, Title: "WeChat", NoticeURL: "https://app.test/hook", Transport: inbox}, wechat.Config{
		Apps: []wechat.App{
			{ID: webID, Secret: webSecret, Kind: wechat.Web, Platform: "one", Domain: "app.test", Name: "Web"},
			{ID: accountID, Secret: accountSecret, Kind: wechat.Account, Platform: "one", Domain: "app.test", Name: "Account"},
			{ID: mobileID, Secret: mobileSecret, Kind: wechat.Mobile, Platform: "one"},
			{ID: looseID, Secret: webSecret, Kind: wechat.Web, Domain: "app.test"},
		},
		Message: wechat.Message{Token: token, AESKey: aesKey},
	})
	return town{sim, clock, inbox}
}

func webPage(app string) string {
	return walktest.Query("/connect/qrconnect", "appid", app, "redirect_uri", callback, "response_type", "code", "scope", "snsapi_login", "state", "s1")
}

func accountPage(scope string) string {
	return walktest.Query("/connect/oauth2/authorize", "appid", accountID, "redirect_uri", callback, "response_type", "code", "scope", scope, "state", "s1")
}

// visit goes through a page and answers the code.
func (s town) visit(t *testing.T, page, person string) string {
	t.Helper()
	a := walktest.Visit(t, s, page, person, "allow", "User-Agent", inWeChat)
	if a.Status != 302 || a.Location.Query().Get("state") != "s1" || !strings.HasPrefix(a.Location.String(), callback+"?code=") {
		t.Fatalf("%d %v, want a way back with code and state\n%s", a.Status, a.Location, a.Body)
	}
	return a.Location.Query().Get("code")
}

func (s town) redeem(t *testing.T, app, secret, code string) map[string]any {
	return s.get(t, "/sns/oauth2/access_token", "appid", app, "secret", secret, "code", code, "grant_type", "authorization_code")
}

// get calls an address for servers: always 200, always JSON in text/plain.
func (s town) get(t *testing.T, path string, pairs ...string) map[string]any {
	t.Helper()
	a := walktest.Do(t, s, "GET", walktest.Query(path, pairs...), nil)
	var body map[string]any
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || a.Status != 200 || a.Type != "text/plain" {
		t.Fatalf("%s: %d %s %v\n%s", path, a.Status, a.Type, err, a.Body)
	}
	return body
}

// From the page to the name, on the web, in WeChat and in an app: an openid for each
// app, and one unionid for all of a platform.
func TestWalk(t *testing.T) {
	s := open(t)
	native, err := s.Native("lilei", "nonce1")
	if err != nil || native["ErrCode"] != "0" || native["state"] != "nonce1" {
		t.Fatalf("%v %v", native, err)
	}
	openids, unionids := map[any]bool{}, map[any]bool{}
	for _, c := range []struct{ app, secret, code, scope string }{
		{webID, webSecret, s.visit(t, webPage(webID), "lilei"), "snsapi_login"},
		{accountID, accountSecret, s.visit(t, accountPage("snsapi_userinfo"), "lilei"), "snsapi_userinfo"},
		{mobileID, mobileSecret, native["code"], "snsapi_userinfo"},
	} {
		got := s.redeem(t, c.app, c.secret, c.code)
		if got["scope"] != c.scope || got["expires_in"] != 7200.0 || got["errcode"] != nil || got["is_snapshotuser"] != nil {
			t.Errorf("%s: %v", c.app, got)
		}
		openids[got["openid"]], unionids[got["unionid"]] = true, true
		access, openid := got["access_token"].(string), got["openid"].(string)
		if check := s.get(t, "/sns/auth", "access_token", access, "openid", openid); check["errcode"] != 0.0 {
			t.Errorf("auth: %v", check)
		}
		who := s.get(t, "/sns/userinfo", "access_token", access, "openid", openid, "lang", "zh_CN")
		if who["nickname"] != "李雷" || who["openid"] != got["openid"] || who["unionid"] != got["unionid"] || who["sex"] != 0.0 {
			t.Errorf("userinfo: %v", who)
		}
	}
	if len(openids) != 3 || len(unionids) != 1 {
		t.Errorf("openids %v, unionids %v: want three and one", openids, unionids)
	}
	if got := s.redeem(t, looseID, webSecret, s.visit(t, webPage(looseID), "lilei")); got["unionid"] != nil {
		t.Errorf("an app of no platform: %v", got)
	}
}

// What came in the record is what was asked.
func TestGolden(t *testing.T) {
	s := open(t)
	code := s.visit(t, webPage(webID), "lilei")
	a := walktest.Do(t, s, "GET", walktest.Query("/sns/oauth2/access_token", "appid", webID, "secret", webSecret, "code", code, "grant_type", "authorization_code"), nil)
	want := regexp.MustCompile(`^\{"access_token":"61_\w{26}","expires_in":7200,"refresh_token":"61_\w{26}","openid":"o[0-9A-F]{27}","scope":"snsapi_login","unionid":"o[0-9A-F]{27}"\}\n$`)
	if !want.MatchString(a.Body) {
		t.Errorf("token: %s", a.Body)
	}
	a = walktest.Do(t, s, "GET", walktest.Query("/sns/oauth2/access_token", "appid", webID, "secret", webSecret, "code", "x", "grant_type", "authorization_code"), nil)
	if !regexp.MustCompile(`^\{"errcode":40029,"errmsg":"invalid code, rid: [0-9a-f]{8}-[0-9a-f]{8}"\}\n$`).MatchString(a.Body) {
		t.Errorf("error: %s", a.Body)
	}
	requests := s.Desk().Requests()
	if last := requests[len(requests)-1]; last.Path != "/sns/oauth2/access_token" || last.Fields["code"][0] != "x" {
		t.Errorf("record: %v", last)
	}
}

func TestTokenRefusals(t *testing.T) {
	for _, c := range []struct {
		name         string
		do           func(town)
		after        time.Duration
		app, secret  string
		grant, code  string // code "": a good one of webID; "-": none
		want         float64
		alreadyTaken bool
	}{
		{name: "no appid", secret: webSecret, want: 41002},
		{name: "unknown appid", app: "wx1", secret: webSecret, want: 40013},
		{name: "no secret", app: webID, want: 41004},
		{name: "wrong secret", app: webID, secret: "no", want: 40125},
		{name: "wrong secret, old", app: webID, secret: "no", want: 40001, do: func(s town) { s.Change(func(c *wechat.Config) { c.SecretCode = 40001 }) }},
		{name: "wrong grant type", app: webID, secret: webSecret, grant: "password", want: 40002},
		{name: "no code", app: webID, secret: webSecret, code: "-", want: 41008},
		{name: "unknown code", app: webID, secret: webSecret, code: "123", want: 40029},
		{name: "code of another app", app: accountID, secret: accountSecret, want: 40029},
		{name: "used code", app: webID, secret: webSecret, want: 40163, alreadyTaken: true},
		{name: "late code", app: webID, secret: webSecret, after: 10 * time.Minute, want: 42003},
		{name: "late code, other word", app: webID, secret: webSecret, after: 10 * time.Minute, want: 40029, do: func(s town) { s.Change(func(c *wechat.Config) { c.ExpiredCode = 40029 }) }},
		{name: "in time", app: webID, secret: webSecret, after: 10*time.Minute - 1},
		{name: "busy", app: webID, secret: webSecret, want: -1, do: fail(provider.Busy)},
		{name: "limited", app: webID, secret: webSecret, want: 45009, do: fail(provider.Limited)},
		{name: "failure code_reused", app: webID, secret: webSecret, want: 40163, do: fail(provider.CodeReused)},
		{name: "failure code_expired", app: webID, secret: webSecret, want: 42003, do: fail(provider.CodeExpired)},
		{name: "failure wrong_secret", app: webID, secret: webSecret, want: 40125, do: fail(provider.WrongSecret)},
		{name: "failure wrong_audience", app: webID, secret: webSecret, want: 40029, do: fail(provider.WrongAudience)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			switch c.code {
			case "":
				c.code = s.visit(t, webPage(webID), "ana")
			case "-":
				c.code = ""
			}
			if c.grant == "" {
				c.grant = "authorization_code"
			}
			if c.alreadyTaken {
				s.redeem(t, webID, webSecret, c.code)
			}
			if c.do != nil {
				c.do(s)
			}
			s.clock.Advance(c.after)
			got := s.get(t, "/sns/oauth2/access_token", "appid", c.app, "secret", c.secret, "code", c.code, "grant_type", c.grant)
			code, _ := got["errcode"].(float64)
			if code != c.want || (code == 0) != (got["access_token"] != nil) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func fail(f provider.Failure) func(town) { return func(s town) { s.Desk().Fail(f) } }

// The code of a page inside WeChat lives five minutes.
func TestAccountCodeLife(t *testing.T) {
	s := open(t)
	code := s.visit(t, accountPage("snsapi_base"), "ana")
	s.clock.Advance(5 * time.Minute)
	if got := s.redeem(t, accountID, accountSecret, code); got["errcode"] != 42003.0 {
		t.Errorf("%v", got)
	}
}

func TestPages(t *testing.T) {
	q := func(path string, change ...string) string {
		pairs := []string{"appid", webID, "redirect_uri", callback, "response_type", "code", "scope", "snsapi_login", "state", "s1"}
		for i := 0; i < len(change); i += 2 {
			for j := 0; j < len(pairs); j += 2 {
				if pairs[j] == change[i] {
					pairs[j+1] = change[i+1]
				}
			}
		}
		return walktest.Query(path, pairs...)
	}
	const web, in = "/connect/qrconnect", "/connect/oauth2/authorize"
	for _, c := range []struct{ name, page, decision, agent, location, says string }{
		{"denied", q(web), "deny", "", callback + "?state=s1", ""},
		{"scanned", q(web), "scan", "", "", "Scanned by Ana Example"},
		{"expired on the screen", q(web), "expire", "", "", "has expired"},
		{"unknown app", q(web, "appid", "wx1"), "allow", "", "", "40013"},
		{"app of the other kind", q(web, "appid", accountID), "allow", "", "", "40013"},
		{"foreign host", q(web, "redirect_uri", "https://app.test.evil.test/cb"), "allow", "", "", "registered domain"},
		{"any path of the host", q(web, "redirect_uri", "https://app.test/any?x=1"), "deny", "", "https://app.test/any?x=1&state=s1", ""},
		{"scope of the other kind", q(web, "scope", "snsapi_userinfo"), "allow", "", "", "scope"},
		{"response type", q(web, "response_type", "token"), "allow", "", "", "response_type"},
		{"state with a sign", q(web, "state", "a-b"), "allow", "", "", "state"},
		{"state too long", q(web, "state", strings.Repeat("a", 129)), "allow", "", "", "state"},
		{"outside of WeChat", accountPage("snsapi_base"), "allow", "Mozilla/5.0", "", "Open this link in WeChat"},
		{"not in order", walktest.Query(in, "appid", accountID, "response_type", "code", "redirect_uri", callback, "scope", "snsapi_base", "state", "s1"), "allow", inWeChat, "", "in this order"},
		{"login scope in WeChat", accountPage("snsapi_login"), "allow", inWeChat, "", "scope"},
		{"denied in WeChat", accountPage("snsapi_userinfo"), "deny", inWeChat, callback + "?state=s1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := walktest.Visit(t, open(t), c.page, "ana", c.decision, "User-Agent", c.agent)
			got := ""
			if a.Location != nil {
				got = a.Location.String()
			}
			if got != c.location || !strings.Contains(a.Body, c.says) {
				t.Errorf("%d, location %q, want %q\n%s", a.Status, got, c.location, a.Body)
			}
		})
	}
}

func TestDeniedByFailure(t *testing.T) {
	s := open(t)
	s.Desk().Fail(provider.Denied)
	if a := walktest.Visit(t, s, webPage(webID), "ana", "allow"); a.Location.String() != callback+"?state=s1" {
		t.Errorf("%v", a.Location)
	}
	if got, err := s.Native("ana", "n"); err != nil || got["ErrCode"] != "-4" || got["code"] != "" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := s.Native("nobody", "n"); err == nil {
		t.Error("somebody who is not there signed in")
	}
}

func TestQuirks(t *testing.T) {
	for quirk, check := range map[string]func(token, user map[string]any) bool{
		"no_unionid":     func(token, user map[string]any) bool { return token["unionid"] == nil && user["unionid"] == nil },
		"no_picture":     func(_, user map[string]any) bool { return user["headimgurl"] == "" },
		"trailing_comma": func(token, _ map[string]any) bool { return token["scope"] == "snsapi_userinfo," },
		"snapshot": func(token, user map[string]any) bool {
			return token["is_snapshotuser"] == 1.0 && user["is_snapshotuser"] == 1.0 && user["nickname"] != "Odd"
		},
	} {
		s := open(t)
		plain := s.Desk().Add(provider.Person{ID: "plain", Name: "Odd"})
		odd := s.Desk().Add(provider.Person{ID: "odd", Name: "Odd", Quirks: []string{quirk}})
		for _, p := range []provider.Person{plain, odd} {
			token := s.redeem(t, accountID, accountSecret, s.visit(t, accountPage("snsapi_userinfo"), p.ID))
			user := s.get(t, "/sns/userinfo", "access_token", token["access_token"].(string), "openid", token["openid"].(string))
			if check(token, user) != (p.ID == "odd") {
				t.Errorf("%s of %s: %v %v", quirk, p.ID, token, user)
			}
		}
	}
	if len(wechat.Quirks) != 4 {
		t.Errorf("%d quirks, 4 are tried here", len(wechat.Quirks))
	}
}

func TestCallsWithToken(t *testing.T) {
	s := open(t)
	got := s.redeem(t, accountID, accountSecret, s.visit(t, accountPage("snsapi_base"), "ana"))
	if got["unionid"] != nil {
		t.Errorf("snsapi_base brought a unionid: %v", got)
	}
	access, openid, refresh := got["access_token"].(string), got["openid"].(string), got["refresh_token"].(string)
	user := func(access, openid string) any {
		return s.get(t, "/sns/userinfo", "access_token", access, "openid", openid)["errcode"]
	}
	renew := func(app, refresh string) map[string]any {
		return s.get(t, "/sns/oauth2/refresh_token", "appid", app, "grant_type", "refresh_token", "refresh_token", refresh)
	}
	for _, c := range []struct {
		name string
		got  any
		want float64
	}{
		{"silent scope", user(access, openid), 48001},
		{"no token", user("", openid), 41001},
		{"unknown token", user("x", openid), 40014},
		{"no openid", user(access, ""), 41009},
		{"wrong openid", user(access, "o1"), 40003},
		{"no refresh token", renew(accountID, "")["errcode"], 41003},
		{"unknown refresh token", renew(accountID, "x")["errcode"], 40030},
		{"refresh token of another app", renew(webID, refresh)["errcode"], 40030},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	s.clock.Advance(time.Hour)
	if again := renew(accountID, refresh); again["access_token"] != access || again["refresh_token"] != refresh {
		t.Errorf("while it is good: %v", again)
	}
	s.clock.Advance(2 * time.Hour)
	if user(access, openid) != 42001.0 {
		t.Error("an old access token still works")
	}
	if again := renew(accountID, refresh); again["access_token"] == access || again["openid"] != openid {
		t.Errorf("after its end: %v", again)
	}
	s.clock.Advance(30 * 24 * time.Hour)
	if again := renew(accountID, refresh); again["errcode"] != 42002.0 {
		t.Errorf("an old refresh token: %v", again)
	}
}

// An app that moves to another platform keeps its openids and loses every unionid.
func TestMigration(t *testing.T) {
	s := open(t)
	before := s.redeem(t, webID, webSecret, s.visit(t, webPage(webID), "ana"))
	s.Change(func(c *wechat.Config) { c.Apps[0].Platform = "two" })
	after := s.redeem(t, webID, webSecret, s.visit(t, webPage(webID), "ana"))
	if before["openid"] != after["openid"] || before["unionid"] == after["unionid"] {
		t.Errorf("before %v\nafter %v", before, after)
	}
}

func TestHindered(t *testing.T) {
	s := open(t)
	for f, want := range map[provider.Failure]int{provider.ServerErr: 502, provider.HTML: 200, provider.Malformed: 200, provider.Oversized: 200} {
		s.Desk().Fail(f)
		a := walktest.Do(t, s, "GET", "/sns/oauth2/access_token", url.Values(nil))
		if a.Status != want || json.Valid([]byte(a.Body)) != (f == provider.Oversized) {
			t.Errorf("%s: %d, %d bytes", f, a.Status, len(a.Body))
		}
	}
}

func TestDemo(t *testing.T) {
	one, two := wechat.Demo("Demo", "127.0.0.1"), wechat.Demo("Demo", "127.0.0.1")
	for i := range one.Apps {
		if one.Apps[i].ID != two.Apps[i].ID || one.Apps[i].Secret == two.Apps[i].Secret {
			t.Errorf("%v %v: want the same ID and a fresh secret", one.Apps[i], two.Apps[i])
		}
	}
	if len(one.Message.AESKey) != 43 {
		t.Errorf("EncodingAESKey of %d characters", len(one.Message.AESKey))
	}
}
