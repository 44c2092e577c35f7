package wechat_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/wechat"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/wechat"
)

var (
	web    = wechat.App{ID: "wx0123456789abcdef", Secret: "00112233445566778899aabbccddeeff"}
	inApp  = wechat.App{ID: "wx1123456789abcdef", Secret: "10112233445566778899aabbccddeeff"}
	mobile = wechat.App{ID: "wx2123456789abcdef", Secret: "20112233445566778899aabbccddeeff"}
)

const (
	token  = "simtoken"
	aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	agent  = "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"
)

func config(base string, wire provider.Wire) wechat.Config {
	return wechat.Config{
		Platform: "one", Web: web, InApp: inApp, Mobile: mobile, Message: wechat.Message{Token: token, AESKey: aesKey},
		Open: base, API: base, Callback: providertest.Callback("wechat"), Wire: wire,
	}
}

func made(t *testing.T, c wechat.Config, clk *clock.Clock) *wechat.WeChat {
	t.Helper()
	w, err := wechat.New(c, clk)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func vendor(c *clock.Clock, change func(*sim.Config)) *sim.Sim {
	conf := sim.Config{
		Apps: []sim.App{
			{ID: web.ID, Secret: web.Secret, Name: "Selfsame", Kind: sim.Web, Platform: "one", Domain: "id.example.test"},
			{ID: inApp.ID, Secret: inApp.Secret, Name: "Selfsame", Kind: sim.Account, Platform: "one", Domain: "id.example.test"},
			{ID: mobile.ID, Secret: mobile.Secret, Name: "Selfsame", Kind: sim.Mobile, Platform: "one"},
		},
		Message: sim.Message{Token: token, AESKey: aesKey},
	}
	if change != nil {
		change(&conf)
	}
	return sim.New(lab.Options{Clock: c, Title: "WeChat 微信", NoticeURL: "https://id.example.test/hooks/federation/wechat"}, conf)
}

// The contract: with the codes of errors that WeChat's pages disagree about, each way.
func TestContract(t *testing.T) {
	unsigned := "WeChat signs no answer"
	skips := map[string]string{
		string(lab.WrongNonce): "WeChat knows no nonce", string(lab.BadSignature): unsigned, string(lab.UnknownKey): unsigned, string(lab.Stale): unsigned,
	}
	one := providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return vendor(c, nil) },
		New: func(t *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return made(t, config(base, wire), c), nil
		},
		Calls: 2, NativeCalls: 2,
		// The code of another app is a bad code, because there is no token yet.
		Wants:   map[string]provider.Reason{string(lab.WrongAudience): provider.InvalidCode, providertest.NoCode: provider.Denied},
		Skips:   skips,
		Secrets: []string{web.Secret, inApp.Secret, mobile.Secret, token, aesKey},
	}
	t.Run("website", func(t *testing.T) { providertest.Run(t, one) })

	two := one
	two.Surface, two.Agent = provider.InApp, agent
	two.Vendor = func(_ *testing.T, c *clock.Clock) lab.Vendor {
		return vendor(c, func(conf *sim.Config) { conf.ExpiredCode, conf.SecretCode = 40029, 40001 })
	}
	two.Wants = map[string]provider.Reason{
		string(lab.WrongAudience): provider.InvalidCode, providertest.NoCode: provider.Denied, string(lab.CodeExpired): provider.InvalidCode,
	}
	t.Run("service account", func(t *testing.T) { providertest.Run(t, two) })

	three := one
	three.New = func(t *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
		conf := config(base, wire)
		conf.Platform = ""
		return made(t, conf, c), nil
	}
	t.Run("no platform", func(t *testing.T) { providertest.Run(t, three) })
}

// far plays WeChat with fixed answers, by path, and records what was asked.
type far struct {
	answers map[string]string
	asked   []*url.URL
}

func (f *far) wire() provider.Wire { return provider.Wire{Transport: f} }

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asked = append(f.asked, r.URL)
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.WriteString(f.answers[r.URL.Path]) // a recorder takes everything
	return w.Result(), nil
}

var start = providertest.Start

// The addresses, letter by letter: WeChat compares the second one.
func TestAuthorize(t *testing.T) {
	w := made(t, config("https://open.weixin.example.test", provider.Wire{}), clock.At(start))
	state := strings.Repeat("k3J", 11)
	for _, c := range []struct {
		change func(*provider.Attempt)
		want   string
	}{
		{func(a *provider.Attempt) { a.Language = "zh-Hans" }, "/connect/qrconnect?appid=wx0123456789abcdef&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fwechat%2Fcallback&response_type=code&scope=snsapi_login&state=" + state + "&lang=cn#wechat_redirect"},
		{func(a *provider.Attempt) { a.Language = "fr" }, "/connect/qrconnect?appid=wx0123456789abcdef&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fwechat%2Fcallback&response_type=code&scope=snsapi_login&state=" + state + "&lang=en#wechat_redirect"},
		{func(a *provider.Attempt) { a.Surface = provider.InApp }, "/connect/oauth2/authorize?appid=wx1123456789abcdef&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fwechat%2Fcallback&response_type=code&scope=snsapi_userinfo&state=" + state + "#wechat_redirect"},
		{func(a *provider.Attempt) { a.Surface, a.Again = provider.InApp, true }, "/connect/oauth2/authorize?appid=wx1123456789abcdef&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fwechat%2Fcallback&response_type=code&scope=snsapi_userinfo&state=" + state + "&forcePopup=true#wechat_redirect"},
		{func(a *provider.Attempt) { a.Surface = provider.App }, ""},
		{func(a *provider.Attempt) { a.State = "short" }, ""},
		{func(a *provider.Attempt) { a.State = state[:32] + "&x=y" }, ""},
	} {
		a := provider.Attempt{State: state, Callback: providertest.Callback("wechat"), Surface: provider.Page}
		c.change(&a)
		got, err := w.Authorize(a)
		if c.want == "" {
			if provider.ReasonOf(err) != provider.Config || err == nil {
				t.Errorf("Authorize(%+v) = %q, %v; want a failure", a, got, err)
			}
			continue
		}
		if want := "https://open.weixin.example.test" + c.want; err != nil || got != want {
			t.Errorf("Authorize(%+v) =\n%s, %v; want\n%s", a, got, err, want)
		}
	}
}

const (
	goodToken = `{"access_token":"61_exampleTokenAAAA","expires_in":7200,"refresh_token":"61_exampleRefreshBBBB","openid":"oEXAMPLEopenid000000000001","scope":"snsapi_login,","unionid":"oEXAMPLEunion000000000009"}`
	bareToken = `{"access_token":"61_exampleTokenAAAA","expires_in":"7200","openid":"oEXAMPLEopenid000000000001","scope":"snsapi_base"}`
	ownToken  = `{"access_token":"61_exampleTokenAAAA","expires_in":7200,"openid":"oEXAMPLEopenid000000000001","scope":"snsapi_login"}`
	goodUser  = `{"openid":"oEXAMPLEopenid000000000001","nickname":"示例用户","sex":0,"language":"","city":"","province":"","country":"","headimgurl":"","privilege":[],"unionid":"oEXAMPLEunion000000000009"}`
)

// Who it was, of the answers to both calls.
func TestExchange(t *testing.T) {
	union := provider.Subject{Scope: "unionid:one", Value: "oEXAMPLEunion000000000009"}
	open := provider.Subject{Scope: "openid:" + web.ID, Value: "oEXAMPLEopenid000000000001"}
	for _, c := range []struct {
		name, token, user string
		want              provider.Identity
		reason            provider.Reason
		native            string
	}{
		{"as documented", goodToken, goodUser, provider.Identity{Subjects: []provider.Subject{union, open}, Name: "示例用户"}, "", ""},
		{"unionid in the second answer only", ownToken, goodUser, provider.Identity{Subjects: []provider.Subject{union, open}, Name: "示例用户"}, "", ""},
		{"no unionid", ownToken, strings.Replace(goodUser, "unionid", "other", 1), provider.Identity{Subjects: []provider.Subject{open}, Name: "示例用户"}, "", ""},
		{"silent scope", bareToken, "", provider.Identity{Subjects: []provider.Subject{open}}, "", ""},
		{"the second call fails", goodToken, `{"errcode":-1,"errmsg":"system busy"}`, provider.Identity{Subjects: []provider.Subject{union, open}}, "", ""},
		{"the second call fails and had the unionid", ownToken, `{"errcode":-1,"errmsg":"system busy"}`, provider.Identity{}, provider.Temporary, "-1"},
		{"errcode 0 is no error", strings.Replace(goodToken, "{", `{"errcode":0,"errmsg":"ok",`, 1), goodUser, provider.Identity{Subjects: []provider.Subject{union, open}, Name: "示例用户"}, "", ""},
		{"errcode as text", `{"errcode":"40163","errmsg":"code been used"}`, "", provider.Identity{}, provider.Replayed, "40163"},
		{"unknown errcode", `{"errcode":99999,"errmsg":"61_exampleTokenAAAA"}`, "", provider.Identity{}, provider.Malformed, "99999"},
		{"neither token nor errcode", `{}`, "", provider.Identity{}, provider.Malformed, "token"},
		{"token without openid", `{"access_token":"61_exampleTokenAAAA"}`, "", provider.Identity{}, provider.Malformed, "token"},
		{"openid of 10 KiB", strings.Replace(goodToken, "oEXAMPLEopenid", strings.Repeat("o", 10<<10), 1), goodUser, provider.Identity{}, provider.Malformed, "token"},
		{"unionid of 10 KiB", strings.Replace(goodToken, "oEXAMPLEunion", strings.Repeat("o", 10<<10), 1), "", provider.Identity{}, provider.Malformed, "unionid"},
		{"openid twice", strings.Replace(goodToken, "{", `{"openid":"oEXAMPLEopenid000000000002",`, 1), goodUser, provider.Identity{}, provider.Malformed, "json"},
		{"openid in other letters", strings.Replace(goodToken, `"openid"`, `"OpenID"`, 1), goodUser, provider.Identity{}, provider.Malformed, "token"},
		{"another openid in the second answer", goodToken, strings.Replace(goodUser, "0001", "0002", 1), provider.Identity{}, provider.Untrusted, "openid"},
		{"another unionid in the second answer", goodToken, strings.Replace(goodUser, "0009", "0008", 1), provider.Identity{}, provider.Untrusted, "openid"},
		{"snapshot user", strings.Replace(goodToken, "{", `{"is_snapshotuser":1,`, 1), goodUser, provider.Identity{}, provider.Untrusted, wechat.SnapshotUser},
		{"snapshot user, as text", strings.Replace(goodToken, "{", `{"is_snapshotuser":"1",`, 1), goodUser, provider.Identity{}, provider.Untrusted, wechat.SnapshotUser},
		{"snapshot user in the second answer", goodToken, strings.Replace(goodUser, "{", `{"is_snapshotuser":1,`, 1), provider.Identity{}, provider.Untrusted, wechat.SnapshotUser},
		{"no snapshot user", strings.Replace(goodToken, "{", `{"is_snapshotuser":0,`, 1), goodUser, provider.Identity{Subjects: []provider.Subject{union, open}, Name: "示例用户"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &far{answers: map[string]string{"/sns/oauth2/access_token": c.token, "/sns/userinfo": c.user}}
			w := made(t, config("https://api.weixin.example.test", f.wire()), clock.At(start))
			got, err := w.Exchange(t.Context(), provider.Attempt{Surface: provider.Page}, url.Values{"code": {"0a1B2c"}, "state": {"s"}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkFailure(t, err, c.reason, c.native)
			if err != nil && strings.Contains(err.Error(), "61_") {
				t.Errorf("S-157: %v", err)
			}
		})
	}
}

func checkFailure(t *testing.T, err error, reason provider.Reason, native string) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Errorf("%v", err)
		}
		return
	}
	f, ok := err.(*provider.Failure)
	if !ok || f.Reason != reason || f.Native != native {
		t.Errorf("%v; want %s (%s)", err, reason, native)
	}
}

// Apps that are bound to no platform know people by openid alone, whatever WeChat sends.
func TestExchange_noPlatform(t *testing.T) {
	f := &far{answers: map[string]string{"/sns/oauth2/access_token": goodToken, "/sns/userinfo": goodUser}}
	c := config("https://api.weixin.example.test", f.wire())
	c.Platform = ""
	got, err := made(t, c, clock.At(start)).Exchange(t.Context(), provider.Attempt{Surface: provider.Page}, url.Values{"code": {"0a1B2c"}})
	want := provider.Identity{Subjects: []provider.Subject{{Scope: "openid:" + web.ID, Value: "oEXAMPLEopenid000000000001"}}, Name: "示例用户"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("S-42: %v (-want +got):\n%s", err, diff)
	}
}

// What a callback brings: nobody is asked for a code that cannot be one.
func TestExchange_callback(t *testing.T) {
	for _, c := range []struct {
		callback url.Values
		surface  provider.Surface
		reason   provider.Reason
	}{
		{url.Values{"state": {"s"}}, provider.Page, provider.Denied},
		{url.Values{"error": {"both"}}, provider.Page, provider.Malformed},
		{url.Values{"code": {"a", "b"}}, provider.Page, provider.Malformed},
		{url.Values{"code": {""}}, provider.Page, provider.Malformed},
		{url.Values{"code": {strings.Repeat("x", 4096)}}, provider.Page, provider.Malformed},
		{url.Values{"code": {"a"}}, provider.App, provider.Config},
	} {
		f := &far{}
		w := made(t, config("https://api.weixin.example.test", f.wire()), clock.At(start))
		_, err := w.Exchange(t.Context(), provider.Attempt{Surface: c.surface}, c.callback)
		if err == nil || provider.ReasonOf(err) != c.reason || len(f.asked) != 0 {
			t.Errorf("%.60v: %v, %d requests; want %s and none", c.callback, err, len(f.asked), c.reason)
		}
	}
}

// What is sent: S-53, the silent scope asks for no profile.
func TestExchange_asks(t *testing.T) {
	f := &far{answers: map[string]string{"/sns/oauth2/access_token": goodToken, "/sns/userinfo": goodUser}}
	w := made(t, config("https://api.weixin.example.test", f.wire()), clock.At(start))
	if _, err := w.Redeem(t.Context(), provider.Handed{Code: "0a1B2c", Nonce: "n"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"https://api.weixin.example.test/sns/oauth2/access_token?appid=wx2123456789abcdef&code=0a1B2c&grant_type=authorization_code&secret=20112233445566778899aabbccddeeff",
		"https://api.weixin.example.test/sns/userinfo?access_token=61_exampleTokenAAAA&lang=zh_CN&openid=oEXAMPLEopenid000000000001",
	}
	var got []string
	for _, u := range f.asked {
		got = append(got, u.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	f = &far{answers: map[string]string{"/sns/oauth2/access_token": bareToken}}
	w = made(t, config("https://api.weixin.example.test", f.wire()), clock.At(start))
	if _, err := w.Redeem(t.Context(), provider.Handed{Code: "0a1B2c", Nonce: "n"}); err != nil || len(f.asked) != 1 {
		t.Errorf("silent scope: %v, %d requests", err, len(f.asked))
	}
}

// One person through the three apps of one platform is one person (S-42), and in
// WeChat's preview nobody is.
func TestPlatform(t *testing.T) {
	c := clock.At(start)
	s := vendor(c, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	w := made(t, config(server.URL, provider.Wire{}), c)
	who := func(person string) (got []provider.Identity, errs []error) {
		t.Helper()
		given, err := s.Native(person, "nonce")
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.Redeem(t.Context(), provider.Handed{Code: given["code"], Nonce: "nonce"})
		got, errs = append(got, id), append(errs, err)
		for _, surface := range []provider.Surface{provider.Page, provider.InApp} {
			a := provider.Attempt{State: strings.Repeat("s", 32), Callback: providertest.Callback("wechat"), Surface: surface}
			id, err := w.Exchange(t.Context(), a, providertest.Allow(t, http.DefaultTransport, w, a, person, agent))
			got, errs = append(got, id), append(errs, err)
		}
		return got, errs
	}
	got, errs := who("lilei")
	scopes := map[string]bool{}
	for i, id := range got {
		if errs[i] != nil || len(id.Subjects) != 2 || id.Subjects[0] != got[0].Subjects[0] || id.Subjects[0].Scope != "unionid:one" {
			t.Errorf("surface %d: %+v, %v", i, id, errs[i])
			continue
		}
		scopes[id.Subjects[1].Scope] = true
	}
	if len(scopes) != 3 {
		t.Errorf("openids of %v", scopes)
	}
	ghost := s.Desk().Add(lab.Person{Name: "Ghost", Quirks: []string{"snapshot"}})
	_, errs = who(ghost.ID)
	if errs[0] != nil || errs[1] != nil {
		t.Errorf("outside of pages in WeChat: %v", errs)
	}
	checkFailure(t, errs[2], provider.Untrusted, wechat.SnapshotUser)
}

func TestNew(t *testing.T) {
	for name, change := range map[string]func(*wechat.Config){
		"no app":          func(c *wechat.Config) { c.Web, c.InApp, c.Mobile = wechat.App{}, wechat.App{}, wechat.App{} },
		"no secret":       func(c *wechat.Config) { c.Web.Secret = "" },
		"no ID":           func(c *wechat.Config) { c.Mobile.ID = "" },
		"no Token":        func(c *wechat.Config) { c.Message.Token = "" },
		"no key":          func(c *wechat.Config) { c.Message.AESKey = "" },
		"short key":       func(c *wechat.Config) { c.Message.AESKey = aesKey[1:] },
		"key, no base64":  func(c *wechat.Config) { c.Message.AESKey = "!" + aesKey[1:] },
		"strange address": func(c *wechat.Config) { c.API = "api.weixin.qq.com" },
		"odd platform":    func(c *wechat.Config) { c.Platform = "my platform" },
	} {
		c := config("https://w.example.test", provider.Wire{})
		change(&c)
		if _, err := wechat.New(c, clock.At(start)); err == nil {
			t.Errorf("%s: taken", name)
		} else if s := err.Error(); strings.Contains(s, aesKey[1:]) || strings.Contains(s, web.Secret) || strings.Contains(s, "\n") {
			t.Errorf("S-157: %s: %s", name, s)
		}
	}
	w := made(t, wechat.Config{Web: web}, clock.At(start))
	if w.Name() != "wechat" || w.Takes() != (provider.Takes{}) {
		t.Errorf("a website app only: %+v", w.Takes())
	}
	for _, c := range []struct {
		has  wechat.Config
		want string // the places, in order
	}{
		{wechat.Config{Web: web}, "page app setup"}, {wechat.Config{InApp: inApp}, "in_app"}, {wechat.Config{Mobile: mobile}, "app setup"},
	} {
		var got []string
		for _, s := range []provider.Surface{provider.Page, provider.InApp, provider.App, provider.Device} {
			if made(t, c.has, clock.At(start)).Offers(s) {
				got = append(got, string(s))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("offered at %v, want %s", got, c.want)
		}
	}
	if got, err := w.Authorize(provider.Attempt{State: strings.Repeat("s", 32), Surface: provider.Page}); err != nil || !strings.HasPrefix(got, "https://open.weixin.qq.com/connect/qrconnect?") {
		t.Errorf("where WeChat is: %s, %v", got, err)
	}
}

func TestCheckOffline(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*wechat.Config)
		ok     bool
	}{
		"good":               {func(*wechat.Config) {}, true},
		"no callback given":  {func(c *wechat.Config) { c.Callback = "" }, true},
		"port 443":           {func(c *wechat.Config) { c.Callback = "https://id.example.test:443/cb" }, true},
		"AppID of digits":    {func(c *wechat.Config) { c.Web.ID = "100000001" }, false},
		"AppID twice":        {func(c *wechat.Config) { c.Mobile.ID = web.ID }, false},
		"AppSecret cut off":  {func(c *wechat.Config) { c.InApp.Secret = inApp.Secret[1:] }, false},
		"Token with a blank": {func(c *wechat.Config) { c.Message.Token = "sim token" }, false},
		"a port":             {func(c *wechat.Config) { c.Callback = "https://id.example.test:8443/cb" }, false},
		"http":               {func(c *wechat.Config) { c.Callback = "http://id.example.test/cb" }, false},
	} {
		conf := config("https://w.example.test", provider.Wire{})
		c.change(&conf)
		if err := made(t, conf, clock.At(start)).CheckOffline(start); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && strings.Contains(err.Error(), inApp.Secret[1:]) {
			t.Errorf("S-157: %s: %v", name, err)
		}
	}
}

func TestCheckOnline(t *testing.T) {
	c := clock.At(start)
	s := vendor(c, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	for name, row := range map[string]struct {
		change func(*wechat.Config)
		says   string // empty: nothing is wrong
	}{
		"good":       {func(*wechat.Config) {}, ""},
		"no such ID": {func(c *wechat.Config) { c.InApp.ID = "wx3123456789abcdef" }, "the service account: provider: config (40013)"},
		"bad secret": {func(c *wechat.Config) { c.Mobile.Secret = web.Secret }, "the mobile app: provider: config (40125)"},
	} {
		conf := config(server.URL, provider.Wire{For: time.Second})
		row.change(&conf)
		err := made(t, conf, c).CheckOnline(t.Context())
		if err == nil && row.says != "" || err != nil && err.Error() != row.says {
			t.Errorf("%s: %v; want %q", name, err, row.says)
		}
	}
	server.Close()
	if err := made(t, config(server.URL, provider.Wire{For: time.Second}), c).CheckOnline(t.Context()); provider.ReasonOf(err) != provider.Temporary || strings.Contains(err.Error(), "://") {
		t.Errorf("nobody there: %v", err)
	}
}
