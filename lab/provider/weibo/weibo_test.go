package weibo_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
	"github.com/selfsame-id/selfsame/lab/provider/weibo"
)

const (
	appID, secret = "1000000001", "app secret"
	other         = "1000000002"
	callback      = "https://app.test/cb?from=weibo"
)

type town struct {
	*weibo.Sim
	clock *walktest.Clock
	inbox *walktest.Inbox
}

func open(t *testing.T) town {
	t.Helper()
	clock, inbox := new(walktest.Clock), new(walktest.Inbox)
	sim := weibo.New(provider.Options{Clock: clock, Title: "Weibo", NoticeURL: "https://app.test/hook", Transport: inbox}, weibo.Config{
		Apps: []weibo.App{
			{ID: appID, Secret: secret, Redirect: callback, Email: true, Life: 24 * time.Hour, Name: "App"},
			{ID: other, Secret: secret, Redirect: callback},
		},
	})
	return town{sim, clock, inbox}
}

func page(pairs ...string) string {
	return walktest.Query("/oauth2/authorize", append([]string{"client_id", appID, "redirect_uri", callback, "response_type", "code", "state", "s1"}, pairs...)...)
}

func (s town) visit(t *testing.T, person, decision string, pairs ...string) string {
	t.Helper()
	a := walktest.Visit(t, s, page(pairs...), person, decision)
	if a.Status != 302 || a.Location.Query().Get("state") != "s1" || a.Location.Query().Get("from") != "weibo" {
		t.Fatalf("%d %v\n%s", a.Status, a.Location, a.Body)
	}
	return a.Location.Query().Get("code")
}

func redeeming(code string, change ...string) url.Values {
	form := url.Values{
		"client_id": {appID}, "client_secret": {secret}, "grant_type": {"authorization_code"},
		"code": {code}, "redirect_uri": {callback},
	}
	walktest.Set(form, change...)
	return form
}

// post and get answer JSON, and the error code as it is written.
func (s town) post(t *testing.T, path string, form url.Values, header ...string) (map[string]any, string) {
	t.Helper()
	return read(t, walktest.Do(t, s, "POST", path, form, header...))
}

func (s town) get(t *testing.T, path string, pairs ...string) (map[string]any, string) {
	t.Helper()
	return read(t, walktest.Do(t, s, "GET", walktest.Query(path, pairs...), nil))
}

func read(t *testing.T, a walktest.Answer) (map[string]any, string) {
	t.Helper()
	var body map[string]any
	in := json.NewDecoder(strings.NewReader(a.Body))
	in.UseNumber()
	if err := in.Decode(&body); err != nil || !strings.HasPrefix(a.Type, "application/json") {
		t.Fatalf("%d %s %v\n%s", a.Status, a.Type, err, a.Body)
	}
	if (a.Status == 200) != (body["error_code"] == nil) {
		t.Errorf("%d with %s", a.Status, a.Body)
	}
	switch code := body["error_code"].(type) {
	case json.Number:
		return body, code.String()
	case string:
		return body, `"` + code + `"`
	}
	return body, ""
}

func TestWalk(t *testing.T) {
	s := open(t)
	got, _ := s.post(t, "/oauth2/access_token", redeeming(s.visit(t, "lilei", "allow", "scope", "email")))
	uid, access := got["uid"].(string), got["access_token"].(string)
	if len(uid) != 10 || got["expires_in"] != json.Number("86400") || got["remind_in"] != "86400" || got["isRealName"] != "true" {
		t.Errorf("token: %v", got)
	}
	info, _ := s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {access}})
	if info["uid"] != json.Number(uid) || info["appkey"] != appID || info["scope"] != "email" || info["expire_in"] != json.Number("86400") {
		t.Errorf("get_token_info: %v", info)
	}
	if who, _ := s.get(t, "/2/account/get_uid.json", "access_token", access); who["uid"] != json.Number(uid) {
		t.Errorf("get_uid: %v", who)
	}
	who, _ := s.get(t, "/2/users/show.json", "access_token", access, "uid", uid)
	if who["id"] != json.Number(uid) || who["idstr"] != uid || who["screen_name"] != "李雷" || who["verified"] != false {
		t.Errorf("show: %v", who)
	}
	if who, _ := s.get(t, "/2/account/profile/email.json", "access_token", access); who["email"] != "lilei@example.com" {
		t.Errorf("email: %v", who)
	}
	again, _ := read(t, walktest.Do(t, s, "GET", "/2/users/show.json?uid="+uid, nil, "Authorization", "OAuth2 "+access))
	if again["idstr"] != uid {
		t.Errorf("by header: %v", again)
	}
}

func TestGolden(t *testing.T) {
	s := open(t)
	a := walktest.Do(t, s, "POST", "/oauth2/access_token", redeeming(s.visit(t, "ana", "allow")))
	if !regexp.MustCompile(`^\{"access_token":"2\.00\w{26}","remind_in":"86400","expires_in":86400,"uid":"[1-9]\d{9}","isRealName":"true"\}\n$`).MatchString(a.Body) {
		t.Errorf("token: %s", a.Body)
	}
	a = walktest.Do(t, s, "POST", "/oauth2/access_token", redeeming("x"))
	const refusal = `{"error":"invalid_grant","error_code":21325,"error_description":"invalid grant","error_uri":"/oauth2/access_token","request":"/oauth2/access_token"}` + "\n"
	if a.Body != refusal || a.Status != 400 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestTokenRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []string
		fail   provider.Failure
		after  time.Duration
		want   string
	}{
		{name: "good"},
		{name: "in time", after: 10*time.Minute - 1},
		{name: "late code", after: 10 * time.Minute, want: "21325"},
		{name: "no client", change: []string{"client_id", ""}, want: "21323"},
		{name: "unknown client", change: []string{"client_id", "1"}, want: "21324"},
		{name: "wrong secret", change: []string{"client_secret", "no"}, want: "21324"},
		{name: "code of another app", change: []string{"client_id", other}, want: "21325"},
		{name: "unknown code", change: []string{"code", "x"}, want: "21325"},
		{name: "no code", change: []string{"code", ""}, want: "21323"},
		{name: "redirect", change: []string{"redirect_uri", "https://app.test/cb"}, want: "21322"},
		{name: "grant type", change: []string{"grant_type", "password"}, want: "21328"},
		{name: "unknown refresh token", change: []string{"grant_type", "refresh_token", "refresh_token", "x"}, want: "21325"},
		{name: "code_reused", fail: provider.CodeReused, want: "21325"},
		{name: "code_expired", fail: provider.CodeExpired, want: "21325"},
		{name: "wrong_secret", fail: provider.WrongSecret, want: "21324"},
		{name: "busy", fail: provider.Busy, want: "21331"},
		{name: "limited", fail: provider.Limited, want: `"10023"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			form := redeeming(s.visit(t, "ana", "allow"), c.change...)
			s.clock.Advance(c.after)
			s.Desk().Fail(c.fail)
			got, code := s.post(t, "/oauth2/access_token", form)
			if code != c.want || (code == "") != (got["access_token"] != nil) {
				t.Errorf("%v, want %s", got, c.want)
			}
			if c.want == "" {
				if _, code := s.post(t, "/oauth2/access_token", form); code != "21325" {
					t.Errorf("the same code again: %q", code)
				}
			}
		})
	}
	s := open(t)
	form := redeeming(s.visit(t, "ana", "allow"))
	form.Del("client_id")
	form.Del("client_secret")
	if got, _ := s.post(t, "/oauth2/access_token", form, "Authorization", "Basic MTAwMDAwMDAwMTphcHAgc2VjcmV0"); got["access_token"] == nil {
		t.Errorf("by HTTP Basic: %v", got)
	}
}

func TestPages(t *testing.T) {
	change := func(name, value string) string {
		pairs := []string{"client_id", appID, "redirect_uri", callback, "response_type", "code", "state", "s1"}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				pairs[i+1] = value
			}
		}
		return walktest.Query("/oauth2/authorize", pairs...)
	}
	for _, c := range []struct{ name, page, says string }{
		{"unknown app", change("client_id", "1"), "21324"},
		{"redirect not the same", change("redirect_uri", callback+"&more=1"), "21322"},
		{"no redirect", change("redirect_uri", ""), "21323"},
		{"response type", change("response_type", "token"), "21329"},
	} {
		if a := walktest.Visit(t, open(t), c.page, "ana", "allow"); a.Status != 400 || a.Location != nil || !strings.Contains(a.Body, c.says) {
			t.Errorf("%s: %d %v\n%s", c.name, a.Status, a.Location, a.Body)
		}
	}
	for _, old := range []bool{false, true} {
		s := open(t)
		s.Change(func(c *weibo.Config) { c.OldNames = old })
		q := walktest.Visit(t, s, page(), "ana", "deny").Location.Query()
		if q.Get("error") != "access_denied" || q.Get("error_code") != "21330" || q.Get("state") != "s1" || q.Has("code") ||
			q.Has("error_url") != old || q.Has("error_uri") == old {
			t.Errorf("denied: %v", q)
		}
	}
}

// The mobile host can lose state on the way back; the other does not.
func TestMobileHost(t *testing.T) {
	s := open(t)
	s.Change(func(c *weibo.Config) { c.MobileLosesState = true })
	for address, keeps := range map[string]bool{
		page():                           true,
		page("display", "mobile"):        false,
		"https://open.weibo.cn" + page(): false,
	} {
		a := walktest.Do(t, s, "POST", address, url.Values{"person": {"ana"}})
		if q := a.Location.Query(); q.Has("state") != keeps || !q.Has("code") {
			t.Errorf("%s: %v", address, q)
		}
	}
}

func TestEmail(t *testing.T) {
	s := open(t)
	s.Desk().Add(provider.Person{ID: "list", Name: "List", Email: "list@example.com", Quirks: []string{"email_array"}})
	email := func(person, decision, scope string) string {
		got, _ := s.post(t, "/oauth2/access_token", redeeming(s.visit(t, person, decision, "scope", scope)))
		return walktest.Do(t, s, "GET", walktest.Query("/2/account/profile/email.json", "access_token", got["access_token"].(string)), nil).Body
	}
	const refused = `{"error":"application scope limit","error_code":"10005","request":"/2/account/profile/email.json"}` + "\n"
	for _, c := range []struct{ name, got, want string }{
		{"asked", email("ana", "allow", "email"), `{"email":"ana@example.com"}` + "\n"},
		{"array", email("list", "allow", "all"), `[{"email":"list@example.com"}]` + "\n"},
		{"not asked", email("ana", "allow", ""), refused},
		{"unticked", email("ana", "without_email", "email"), refused},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s", c.name, c.got)
		}
	}
	s.Change(func(c *weibo.Config) { c.Apps[0].Email = false })
	if got := email("ana", "allow", "email"); got != refused {
		t.Errorf("an app without the permission: %s", got)
	}
}

func TestQuirks(t *testing.T) {
	type all struct{ token, info, show, email map[string]any }
	for quirk, check := range map[string]func(a all) bool{
		"no_email":   func(a all) bool { return a.email["email"] == "" },
		"no_picture": func(a all) bool { return a.show["avatar_hd"] == "" && a.show["profile_image_url"] == "" },
		"flipped": func(a all) bool {
			_, number := a.token["uid"].(json.Number)
			_, text := a.info["uid"].(string)
			_, key := a.info["appkey"].(json.Number)
			return number && text && key && a.token["expires_in"] == "86400" && a.show["id"] == a.show["idstr"]
		},
	} {
		s := open(t)
		for _, p := range []provider.Person{{ID: "plain", Name: "P", Email: "p@example.com"}, {ID: "odd", Name: "O", Email: "o@example.com", Quirks: []string{quirk}}} {
			s.Desk().Add(p)
			var a all
			a.token, _ = s.post(t, "/oauth2/access_token", redeeming(s.visit(t, p.ID, "allow", "scope", "email")))
			access := a.token["access_token"].(string)
			a.info, _ = s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {access}})
			uid, _ := s.get(t, "/2/account/get_uid.json", "access_token", access)
			a.show, _ = s.get(t, "/2/users/show.json", "access_token", access, "uid", uid["uid"].(json.Number).String())
			a.email, _ = s.get(t, "/2/account/profile/email.json", "access_token", access)
			if check(a) != (p.ID == "odd") {
				t.Errorf("%s of %s: %v", quirk, p.ID, a)
			}
		}
	}
	if got := open(t).Quirks(); len(got) != 4 {
		t.Errorf("%v: four are tried here and in TestEmail", got)
	}
}

func TestNative(t *testing.T) {
	s := open(t)
	got, err := s.Native("lilei", "n")
	if err != nil {
		t.Fatal(err)
	}
	info, _ := s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {got["token"]}})
	if info["appkey"] != appID || info["uid"] != json.Number(got["uid"]) || info["scope"] != nil {
		t.Errorf("%v of %v", info, got)
	}
	again, _ := s.post(t, "/oauth2/access_token", redeeming("", "grant_type", "refresh_token", "refresh_token", got["refresh_token"]))
	if again["uid"] != got["uid"] || again["access_token"] == got["token"] {
		t.Errorf("renewed: %v", again)
	}
	s.Desk().Fail(provider.WrongAudience)
	if got, err = s.Native("lilei", "n"); err != nil {
		t.Fatal(err)
	}
	if info, _ = s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {got["token"]}}); info["appkey"] != weibo.Foreign {
		t.Errorf("a token of another app: %v", info)
	}
	s.Desk().Fail(provider.Denied)
	if got, err = s.Native("lilei", "n"); err != nil || got["token"] != "" || got["error_code"] != "21330" {
		t.Errorf("%v %v", got, err)
	}
}

func TestTokenStates(t *testing.T) {
	s := open(t)
	info := func(token string) string {
		_, code := s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {token}})
		return code
	}
	token := func() string {
		got, _ := s.post(t, "/oauth2/access_token", redeeming(s.visit(t, "ana", "allow")))
		return got["access_token"].(string)
	}
	late, taken := token(), token()
	s.clock.Advance(24 * time.Hour)
	fresh := token()
	if got, _ := s.get(t, "/oauth2/revokeoauth2", "access_token", fresh); got["result"] != "true" {
		t.Errorf("revoke: %v", got)
	}
	for _, c := range []struct{ name, got, want string }{
		{"no token", info(""), `"10006"`},
		{"unknown", info("x"), "21317"},
		{"revoked", info(fresh), "21316"},
		{"of the same grant", info(taken), "21316"},
		{"of the same grant, late", info(late), "21316"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
	last := token()
	s.clock.Advance(24 * time.Hour)
	if got := info(last); got != "21327" {
		t.Errorf("expired: %s", got)
	}
	last = token()
	if _, code := s.get(t, "/2/users/show.json", "access_token", last); code != `"10008"` {
		t.Errorf("show without uid: %s", code)
	}
	if _, code := s.get(t, "/2/users/show.json", "access_token", last, "uid", "7"); code != `"20003"` {
		t.Errorf("show of nobody: %s", code)
	}
	s.Desk().Fail(provider.Limited)
	if _, code := s.get(t, "/2/account/get_uid.json", "access_token", last); code != `"10023"` {
		t.Errorf("limited: %s", code)
	}
}

// Only a true cancellation ends the tokens; what arrives looks alike.
func TestCancel(t *testing.T) {
	for variant, ends := range map[string]bool{"valid": true, "forged": false, "bad_signature": false, "wrong_audience": false} {
		s := open(t)
		got, _ := s.post(t, "/oauth2/access_token", redeeming(s.visit(t, "lilei", "allow")))
		if status, err := s.Event("cancel", "lilei", variant); status != 200 || err != nil {
			t.Fatal(status, err)
		}
		source := appID
		if variant == "wrong_audience" {
			source = weibo.Foreign
		}
		r := s.inbox.Got[0]
		if q := r.URL.Query(); r.Method != "GET" || q.Get("source") != source || q.Get("uid") != got["uid"] || q.Get("auth_end") != "1767323045" {
			t.Errorf("%s: %s %v", variant, r.Method, q)
		}
		_, code := s.post(t, "/oauth2/get_token_info", url.Values{"access_token": {got["access_token"].(string)}})
		if (code == "21316") != ends {
			t.Errorf("%s: the token afterwards: %q", variant, code)
		}
	}
}

func TestCancelReplay(t *testing.T) {
	s := open(t)
	for _, variant := range []string{"valid", "replay", "valid"} {
		s.clock.Advance(time.Second)
		if _, err := s.Event("cancel", "lilei", variant); err != nil {
			t.Fatal(err)
		}
	}
	queries := []string{s.inbox.Got[0].URL.RawQuery, s.inbox.Got[1].URL.RawQuery, s.inbox.Got[2].URL.RawQuery}
	if queries[0] != queries[1] || queries[1] == queries[2] {
		t.Errorf("%q", queries)
	}
	if _, err := s.Event("coffee", "lilei", "valid"); !errors.Is(err, provider.ErrNoEvent) {
		t.Error(err)
	}
	if _, err := s.Event("cancel", "nobody", "valid"); !errors.Is(err, provider.ErrNobody) {
		t.Error(err)
	}
}

func TestDemo(t *testing.T) {
	one, two := weibo.Demo("Demo", callback).Apps[0], weibo.Demo("Demo", callback).Apps[0]
	if one.ID != two.ID || one.Secret == two.Secret || one.Redirect != callback {
		t.Errorf("%v %v: want the same ID and a fresh secret", one, two)
	}
}
