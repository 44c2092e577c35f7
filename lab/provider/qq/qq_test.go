package qq_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/qq"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const (
	appID, key           = "100000001", "app key"
	mobileID, mobileKey  = "100000002", "mobile key"
	strangerID           = "100000003" // of no developer
	callback, secondHome = "https://app.test/cb", "https://app.test/other?x=1"
)

type town struct {
	*qq.Sim
	clock *walktest.Clock
}

func open(t *testing.T) town {
	t.Helper()
	clock := new(walktest.Clock)
	sim := qq.New(provider.Options{Clock: clock, Title: "QQ"}, qq.Config{Apps: []qq.App{
		{ID: appID, Key: key, Redirects: []string{callback, secondHome}, Developer: "one", Name: "App"},
		{ID: mobileID, Key: mobileKey, Developer: "one", Mobile: true},
		{ID: strangerID, Key: key, Redirects: []string{callback}},
	}})
	return town{sim, clock}
}

func page(app, redirect string, more ...string) string {
	return walktest.Query("/oauth2.0/authorize", append([]string{"response_type", "code", "client_id", app, "redirect_uri", redirect, "state", "s1", "scope", "get_user_info"}, more...)...)
}

func (s town) visit(t *testing.T, app, person string) string {
	t.Helper()
	a := walktest.Visit(t, s, page(app, callback), person, "allow")
	if a.Status != 302 || a.Location.Query().Get("state") != "s1" || !strings.HasPrefix(a.Location.String(), callback+"?code=") {
		t.Fatalf("%d %v\n%s", a.Status, a.Location, a.Body)
	}
	return a.Location.Query().Get("code")
}

func redeeming(code string, change ...string) string {
	q := url.Values{"grant_type": {"authorization_code"}, "client_id": {appID}, "client_secret": {key}, "code": {code}, "redirect_uri": {callback}, "fmt": {"json"}}
	walktest.Set(q, change...)
	return "/oauth2.0/token?" + q.Encode()
}

// raw is an answer's text: always 200, always said to be HTML.
func (s town) raw(t *testing.T, address string) string {
	t.Helper()
	a := walktest.Do(t, s, "GET", address, nil)
	if a.Status != 200 || a.Type != "text/html" {
		t.Fatalf("%s: %d %s\n%s", address, a.Status, a.Type, a.Body)
	}
	return a.Body
}

func (s town) get(t *testing.T, address string) map[string]any {
	t.Helper()
	var body map[string]any
	if text := s.raw(t, address); json.Unmarshal([]byte(text), &body) != nil {
		t.Fatalf("%s: %s", address, text)
	}
	return body
}

func (s town) me(t *testing.T, token string) map[string]any {
	t.Helper()
	return s.get(t, walktest.Query("/oauth2.0/me", "access_token", token, "unionid", "1", "fmt", "json"))
}

func info(path, token, app, openid string) string {
	return walktest.Query(path, "access_token", token, "oauth_consumer_key", app, "openid", openid)
}

// From the page to the name, and the same person in the app: another openid, one unionid.
func TestWalk(t *testing.T) {
	s := open(t)
	got := s.get(t, redeeming(s.visit(t, appID, "lilei")))
	token := got["access_token"].(string)
	if got["expires_in"] != "7776000" || got["openid"] != nil {
		t.Errorf("token: %v", got)
	}
	me := s.me(t, token)
	if me["client_id"] != appID {
		t.Errorf("me: %v", me)
	}
	who := s.get(t, info("/user/get_user_info", token, appID, me["openid"].(string)))
	if who["ret"] != 0.0 || who["nickname"] != "李雷" || who["gender"] != "男" || who["year"] != "0" {
		t.Errorf("get_user_info: %v", who)
	}
	native, err := s.Native("lilei", "n")
	if err != nil || native["ret"] != "0" || native["expires_in"] != "7776000" {
		t.Fatal(native, err)
	}
	app := s.me(t, native["token"])
	if app["client_id"] != mobileID || app["openid"] != native["openid"] || app["openid"] == me["openid"] || app["unionid"] != me["unionid"] {
		t.Errorf("page %v, app %v", me, app)
	}
	if who := s.get(t, info("/user/get_simple_userinfo", native["token"], mobileID, native["openid"])); who["nickname"] != "李雷" || who["level"] != nil {
		t.Errorf("get_simple_userinfo: %v", who)
	}
}

// Each kind of body, to the letter.
func TestGolden(t *testing.T) {
	s := open(t)
	const hexes = `[0-9A-F]{32}`
	token := func(more ...string) string { return redeeming(s.visit(t, appID, "ana"), more...) }
	access := s.get(t, token())["access_token"].(string)
	for _, c := range []struct{ name, address, want string }{
		{"token, form", token("fmt", ""), `access_token=` + hexes + `&expires_in=7776000&refresh_token=` + hexes},
		{"token, JSON", token(), `\{"access_token":"` + hexes + `","expires_in":"7776000","refresh_token":"` + hexes + `"\}`},
		{"token with openid", token("need_openid", "1"), `\{"access_token":.*,"openid":"` + hexes + `"\}`},
		{"error, JSONP", redeeming("x", "fmt", ""), `\n callback\( \{"error":100019,"error_description":"code to access token error"\} \);\n`},
		{"error, JSON", redeeming("x"), `\{"error":100019,"error_description":"code to access token error"\}`},
		{"me, JSONP", "/oauth2.0/me?access_token=" + access, `\n callback\( \{"client_id":"100000001","openid":"` + hexes + `"\} \);\n`},
		{"me, JSON with unionid", "/oauth2.0/me?unionid=1&fmt=json&access_token=" + access, `\{"client_id":"100000001","openid":"` + hexes + `","unionid":"UID_[0-9A-F]{28}"\}`},
	} {
		if got := s.raw(t, c.address); !regexp.MustCompile("^" + c.want + "$").MatchString(got) {
			t.Errorf("%s: %q, want %s", c.name, got, c.want)
		}
	}
}

func TestTokenRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []string
		fail   provider.Failure
		after  time.Duration
		want   float64
	}{
		{name: "good"},
		{name: "in time", after: 10*time.Minute - 1},
		{name: "late code", after: 10 * time.Minute, want: 100019},
		{name: "no client", change: []string{"client_id", ""}, want: 100001},
		{name: "unknown client", change: []string{"client_id", "1"}, want: 100008},
		{name: "no key", change: []string{"client_secret", ""}, want: 100002},
		{name: "wrong key", change: []string{"client_secret", "no"}, want: 100009},
		{name: "grant type", change: []string{"grant_type", "password"}, want: 100004},
		{name: "no code", change: []string{"code", ""}, want: 100005},
		{name: "unknown code", change: []string{"code", "x"}, want: 100019},
		{name: "code of another app", change: []string{"client_id", strangerID}, want: 100019},
		{name: "other redirect", change: []string{"redirect_uri", secondHome}, want: 100010},
		{name: "no refresh token", change: []string{"grant_type", "refresh_token"}, want: 100006},
		{name: "unknown refresh token", change: []string{"grant_type", "refresh_token", "refresh_token", "x"}, want: 100022},
		{name: "code_reused", fail: provider.CodeReused, want: 100020},
		{name: "code_expired", fail: provider.CodeExpired, want: 100019},
		{name: "wrong_secret", fail: provider.WrongSecret, want: 100009},
		{name: "busy", fail: provider.Busy, want: 100021},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			address := redeeming(s.visit(t, appID, "ana"), c.change...)
			s.clock.Advance(c.after)
			s.Desk().Fail(c.fail)
			got := s.get(t, address)
			code, _ := got["error"].(float64)
			if code != c.want || (code == 0) != (got["access_token"] != nil) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if c.want == 0 && s.get(t, address)["error"] != 100020.0 {
				t.Error("the same code was taken twice")
			}
		})
	}
}

func TestPages(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ name, page, decision, location, says string }{
		{"the second address", page(appID, secondHome), "allow", secondHome + "&code=", ""},
		{"cancel closes the window", page(appID, callback), "deny", "", "closes its window"},
		{"cancel on a phone, too", page(appID, callback, "display", "mobile"), "deny", "", "closes its window"},
		{"no app", page("", callback), "allow", "", "100001"},
		{"unknown app", page("1", callback), "allow", "", "100008"},
		{"address not registered", page(appID, callback+"/"), "allow", "", "100010"},
		{"implicit grant", walktest.Query("/oauth2.0/authorize", "response_type", "token", "client_id", appID, "redirect_uri", callback, "state", "s"), "allow", callback + "?error=100000&", ""},
		{"no state", walktest.Query("/oauth2.0/authorize", "response_type", "code", "client_id", appID, "redirect_uri", callback), "allow", "", "state is missing"},
	} {
		a := walktest.Visit(t, s, c.page, "ana", c.decision)
		switch {
		case c.location == "" && (a.Location != nil || !strings.Contains(a.Body, c.says)),
			c.location != "" && (a.Location == nil || !strings.HasPrefix(a.Location.String(), c.location)):
			t.Errorf("%s: %d %v\n%s", c.name, a.Status, a.Location, a.Body)
		}
	}
	s.Change(func(c *qq.Config) { c.WAP = true })
	if a := walktest.Visit(t, s, page(appID, callback, "display", "mobile"), "ana", "deny"); a.Location.String() != callback+"?usercancel=1&state=s1" {
		t.Errorf("%v", a.Location)
	}
}

func TestTokenStates(t *testing.T) {
	s := open(t)
	token := func(app string) string {
		return s.get(t, redeeming(s.visit(t, app, "ana"), "client_id", app))["access_token"].(string)
	}
	mine, strangers := token(appID), token(strangerID)
	openid := s.me(t, mine)["openid"].(string)
	for _, c := range []struct {
		name string
		got  any
		want float64
	}{
		{"no token", s.me(t, "")["error"], 100007},
		{"unknown token", s.me(t, "x")["error"], 100016},
		{"no permission for unionid", s.me(t, strangers)["error"], 100048},
		{"info without token", s.get(t, info("/user/get_user_info", "", appID, openid))["ret"], 100007},
		{"info, unknown token", s.get(t, info("/user/get_user_info", "x", appID, openid))["ret"], 100016},
		{"info of another app", s.get(t, info("/user/get_user_info", mine, mobileID, openid))["ret"], 100016},
		{"info of somebody else", s.get(t, info("/user/get_user_info", mine, appID, "X"))["ret"], 100016},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if got := s.get(t, "/oauth2.0/me?fmt=json&access_token="+strangers); got["openid"] == nil || got["unionid"] != nil {
		t.Errorf("without asking for unionid: %v", got)
	}
	s.clock.Advance(90 * 24 * time.Hour)
	if got := s.me(t, mine); got["error"] != 100014.0 {
		t.Errorf("late: %v", got)
	}
	s.Withdraw("ana")
	if got := s.me(t, mine); got["error"] != 100015.0 {
		t.Errorf("withdrawn: %v", got)
	}
}

func TestRefresh(t *testing.T) {
	s := open(t)
	renew := func(refresh any) map[string]any {
		return s.get(t, redeeming("", "grant_type", "refresh_token", "refresh_token", refresh.(string)))
	}
	first := s.get(t, redeeming(s.visit(t, appID, "ana")))
	second := renew(first["refresh_token"])
	if second["access_token"] == first["access_token"] || s.me(t, second["access_token"].(string))["openid"] == nil {
		t.Errorf("renewed: %v", second)
	}
	if again := renew(first["refresh_token"]); again["error"] != 100022.0 {
		t.Errorf("the old refresh token: %v", again)
	}
	s.Change(func(c *qq.Config) { c.KeepsRefresh = true })
	renew(second["refresh_token"])
	if again := renew(second["refresh_token"]); again["error"] != nil {
		t.Errorf("kept: %v", again)
	}
}

func TestQuirks(t *testing.T) {
	for quirk, check := range map[string]func(token, me, who string) bool{
		"no_large_picture": func(_, _, who string) bool { return strings.Contains(who, `"figureurl_qq_2":""`) },
		"union_first":      func(_, me, _ string) bool { return strings.HasPrefix(me, `{"unionid":`) },
		"numbers": func(token, _, who string) bool {
			return strings.Contains(token, `"expires_in":7776000,`) && strings.Contains(who, `"year":0,`) && strings.Contains(who, `"gender_type":"2"`)
		},
	} {
		s := open(t)
		for _, p := range []provider.Person{{ID: "plain", Name: "P"}, {ID: "odd", Name: "O", Quirks: []string{quirk}}} {
			s.Desk().Add(p)
			token := s.raw(t, redeeming(s.visit(t, appID, p.ID)))
			var got struct {
				Token string `json:"access_token"`
			}
			if err := json.Unmarshal([]byte(token), &got); err != nil {
				t.Fatal(err)
			}
			me := s.raw(t, "/oauth2.0/me?unionid=1&fmt=json&access_token="+got.Token)
			who := s.raw(t, info("/user/get_user_info", got.Token, appID, s.me(t, got.Token)["openid"].(string)))
			if check(token, me, who) != (p.ID == "odd") {
				t.Errorf("%s of %s: %s %s %s", quirk, p.ID, token, me, who)
			}
		}
	}
	if got := open(t).Quirks(); len(got) != 3 {
		t.Errorf("%v: three are tried here", got)
	}
}

func TestFailures(t *testing.T) {
	s := open(t)
	s.Desk().Fail(provider.WrongAudience)
	native, err := s.Native("lilei", "n")
	if err != nil {
		t.Fatal(err)
	}
	if me := s.me(t, native["token"]); me["client_id"] != qq.Foreign {
		t.Errorf("a token of another app: %v", me)
	}
	s.Desk().Fail(provider.Denied)
	if native, err = s.Native("lilei", "n"); err != nil || native["token"] != "" || native["ret"] == "0" {
		t.Errorf("%v %v", native, err)
	}
	s.Desk().Fail(provider.Limited)
	if a := walktest.Do(t, s, "GET", "/user/get_user_info", nil); a.Status != 429 {
		t.Errorf("limited: %d", a.Status)
	}
	s.Desk().Fail(provider.Malformed)
	if got := s.raw(t, "/oauth2.0/me"); got != `callback( {"client_id":"1000` {
		t.Errorf("malformed: %s", got)
	}
	if got := s.raw(t, "/oauth2.0/token?fmt=json"); json.Valid([]byte(got)) {
		t.Errorf("malformed: %s", got)
	}
	s.Desk().Fail(provider.ServerErr)
	if a := walktest.Do(t, s, "GET", "/oauth2.0/me", nil); a.Status != 502 {
		t.Errorf("5xx: %d", a.Status)
	}
	if _, err := s.Event("cancel", "lilei", "valid"); !errors.Is(err, provider.ErrNoEvent) {
		t.Error(err)
	}
	if _, err := s.Native("nobody", "n"); !errors.Is(err, provider.ErrNobody) {
		t.Error(err)
	}
}

func TestDemo(t *testing.T) {
	one, two := qq.Demo("Demo", callback), qq.Demo("Demo", callback)
	for i := range one.Apps {
		if one.Apps[i].ID != two.Apps[i].ID || one.Apps[i].Key == two.Apps[i].Key || len(one.Apps[i].ID) != 9 {
			t.Errorf("%v %v: want the same ID and a fresh key", one.Apps[i], two.Apps[i])
		}
	}
	if one.Apps[0].ID == one.Apps[1].ID || one.Apps[0].ID == qq.Foreign {
		t.Errorf("%v", one.Apps)
	}
}
