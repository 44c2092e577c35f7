package qq

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/qq"
)

var (
	web      = App{"100000001", "00112233445566778899aabbccddeeff"}
	mobile   = App{"100000002", "10112233445566778899aabbccddeeff"}
	start    = providertest.Start
	callback = providertest.Callback("qq")
)

func config(base string, wire provider.Wire) Config {
	return Config{Web: web, Mobile: mobile, Developer: "one", Base: base, Callback: callback, Wire: wire}
}

func made(t testing.TB, c Config) *QQ {
	t.Helper()
	q, err := New(c, clock.At(start))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func vendor(c *clock.Clock, change func(*sim.Config)) *sim.Sim {
	conf := sim.Config{Apps: []sim.App{
		{ID: web.ID, Key: web.Key, Name: "Selfsame", Developer: "one", Redirects: []string{callback}},
		{ID: mobile.ID, Key: mobile.Key, Name: "Selfsame", Developer: "one", Mobile: true},
	}}
	if change != nil {
		change(&conf)
	}
	return sim.New(lab.Options{Clock: c, Title: "QQ"}, conf)
}

func TestContract(t *testing.T) {
	unsigned, token := "QQ signs no answer", "an app hands over a token here, and the journeys remember those"
	one := providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return vendor(c, nil) },
		New: func(_ *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return New(config(base, wire), c)
		},
		// Which app a token was given to is asked apart from the code, and the name again.
		Calls: 3, NativeCalls: 2, Silent: true,
		Wants: map[string]provider.Reason{string(lab.CodeExpired): provider.InvalidCode}, // one code for that and for made-up ones
		Skips: map[string]string{
			string(lab.WrongNonce): "QQ knows no nonce", string(lab.BadSignature): unsigned, string(lab.UnknownKey): unsigned, string(lab.Stale): unsigned,
			"native/" + string(lab.CodeReused): token, "native/" + string(lab.CodeExpired): token, "native/" + providertest.BothCame: token,
			"native/" + string(lab.WrongSecret): "no secret is sent with a token",
		},
		Secrets: []string{web.Key, mobile.Key},
	}
	t.Run("unionid", func(t *testing.T) { providertest.Run(t, one) })

	two := one
	two.Calls, two.NativeCalls = 4, 3 // one more, because the app may not see the unionid
	two.Vendor = func(_ *testing.T, c *clock.Clock) lab.Vendor {
		return vendor(c, func(conf *sim.Config) { conf.Apps[0].Developer, conf.Apps[1].Developer = "", "" })
	}
	t.Run("no permission for unionid", func(t *testing.T) { providertest.Run(t, two) })
}

// far plays QQ with fixed answers, by path, and records what was asked.
type far struct {
	answers map[string]string // by path, and for unionid with "?unionid"
	asked   []string
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asked = append(f.asked, r.URL.RequestURI())
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/html")
	body, ok := f.answers[r.URL.Path+"?unionid"]
	if !ok || r.URL.Query().Get("unionid") != "1" {
		body = f.answers[r.URL.Path]
	}
	_, _ = w.WriteString(body) // a recorder takes everything
	return w.Result(), nil
}

const (
	tokenPath, mePath, userPath = "/oauth2.0/token", "/oauth2.0/me", "/user/get_user_info"

	goodToken = `{"access_token":"EXAMPLE0000000000","expires_in":"7776000","refresh_token":"EXAMPLE1111111111"}`
	formToken = "access_token=EXAMPLE0000000000&expires_in=7776000&refresh_token=EXAMPLE1111111111"
	goodMe    = `{"client_id":"100000001","openid":"0123456789ABCDEF0123456789ABCDEF","unionid":"UID_EXAMPLE000000000000000000000"}`
	bareMe    = `{"client_id":"100000001","openid":"0123456789ABCDEF0123456789ABCDEF"}`
	goodUser  = `{"ret":0,"msg":"","is_lost":0,"nickname":"示例","gender":"男","gender_type":2,"year":"0","vip":"0"}`
)

func TestAuthorize(t *testing.T) {
	q := made(t, config("https://graph.qq.example.test", provider.Wire{}))
	state := strings.Repeat("s", 32)
	got, err := q.Authorize(provider.Attempt{State: state, Callback: callback, Surface: provider.Page})
	want := "https://graph.qq.example.test/oauth2.0/authorize?client_id=100000001&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fqq%2Fcallback&response_type=code&scope=get_user_info&state=" + state
	if err != nil || got != want {
		t.Errorf("%s, %v; want\n%s", got, err, want)
	}
	if _, err := q.Authorize(provider.Attempt{State: "s&t"}); provider.ReasonOf(err) != provider.Config {
		t.Errorf("odd state: %v", err)
	}
	c := config("https://graph.qq.example.test", provider.Wire{})
	c.Web = App{}
	if _, err := made(t, c).Authorize(provider.Attempt{State: state}); provider.ReasonOf(err) != provider.Config || made(t, c).Offers(provider.Page) || !made(t, c).Offers(provider.Device) {
		t.Errorf("a mobile app only: %v", err)
	}
}

func TestExchange(t *testing.T) {
	union := provider.Subject{Scope: "unionid:one", Value: "UID_EXAMPLE000000000000000000000"}
	open := provider.Subject{Scope: "openid:100000001", Value: "0123456789ABCDEF0123456789ABCDEF"}
	both := provider.Identity{Subjects: []provider.Subject{union, open}, Name: "示例"}
	nameless := provider.Identity{Subjects: []provider.Subject{union, open}}
	one := provider.Identity{Subjects: []provider.Subject{open}, Name: "示例"}
	for _, c := range []struct {
		name, token, me, bare, user string
		want                        provider.Identity
		reason                      provider.Reason
	}{
		{"as documented", goodToken, goodMe, "", goodUser, both, ""},
		{"a form and JSONP", formToken, "\n callback( " + goodMe + " );\n", "", goodUser, both, ""},
		{"JSONP all along", "callback(" + goodToken + ")", "callback( " + goodMe + " );", "", "callback(" + goodUser + ");", both, ""},
		{"unionid first, client_id a number", goodToken, `{"unionid":"UID_EXAMPLE000000000000000000000","openid":"0123456789ABCDEF0123456789ABCDEF","client_id":100000001}`, "", goodUser, both, ""},
		{"unionid not permitted", goodToken, `callback( {"error":100048,"error_description":"companyid not set"} );`, bareMe, goodUser, one, ""},
		{"unionid missing", goodToken, bareMe, "", goodUser, one, ""},
		{"no name to be had", goodToken, goodMe, "", `{"ret":100030,"msg":"x"}`, nameless, ""},
		{"half a name", goodToken, goodMe, "", `{"ret":0,"nick`, nameless, ""},
		{"another app", goodToken, strings.Replace(goodMe, web.ID, mobile.ID, 1), "", goodUser, provider.Identity{}, provider.Untrusted},
		{"no app", goodToken, strings.Replace(goodMe, "client_id", "x", 1), "", goodUser, provider.Identity{}, provider.Untrusted},
		{"another app, and unionid not permitted", goodToken, `{"error":"100048"}`, strings.Replace(bareMe, web.ID, "100000099", 1), goodUser, provider.Identity{}, provider.Untrusted},
		{"no openid", goodToken, strings.Replace(goodMe, "openid", "x", 1), "", goodUser, provider.Identity{}, provider.Malformed},
		{"openid twice", goodToken, strings.Replace(goodMe, "{", `{"openid":"A",`, 1), "", goodUser, provider.Identity{}, provider.Malformed},
		{"openid of 10 KiB", goodToken, strings.Replace(goodMe, "0123", strings.Repeat("0", 10<<10), 1), "", goodUser, provider.Identity{}, provider.Malformed},
		{"unionid with a blank", goodToken, strings.Replace(goodMe, "UID_", "UID ", 1), "", goodUser, provider.Identity{}, provider.Malformed},
		{"no token", `{"expires_in":"7776000"}`, "", "", "", provider.Identity{}, provider.Malformed},
		{"token twice", formToken + "&access_token=x", "", "", "", provider.Identity{}, provider.Malformed},
		{"code used", `callback( {"error":100020,"error_description":"code is reused error"} );`, "", "", "", provider.Identity{}, provider.Replayed},
		{"error as a form", "error=100009&error_description=EXAMPLE0000000000", "", "", "", provider.Identity{}, provider.Config},
		{"unknown error", `{"error":199999,"error_description":"EXAMPLE0000000000"}`, "", "", "", provider.Identity{}, provider.Malformed},
		{"token revoked", goodToken, `{"error":100015}`, "", "", provider.Identity{}, provider.InvalidCode},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &far{answers: map[string]string{tokenPath: c.token, mePath + "?unionid": c.me, mePath: c.bare, userPath: c.user}}
			q := made(t, config("https://graph.qq.example.test", provider.Wire{Transport: f}))
			got, err := q.Exchange(t.Context(), provider.Attempt{Callback: callback}, url.Values{"code": {"9A5F"}, "state": {"s"}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkReason(t, err, c.reason)
		})
	}
}

// What is sent, and that unionid is only asked for where it is of use.
func TestExchange_asks(t *testing.T) {
	f := &far{answers: map[string]string{tokenPath: goodToken, mePath: bareMe, userPath: goodUser}}
	c := config("https://graph.qq.example.test", provider.Wire{Transport: f})
	c.Developer = ""
	if _, err := made(t, c).Exchange(t.Context(), provider.Attempt{Callback: callback}, url.Values{"code": {"9A5F"}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/oauth2.0/token?client_id=100000001&client_secret=" + web.Key + "&code=9A5F&fmt=json&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fqq%2Fcallback",
		"/oauth2.0/me?access_token=EXAMPLE0000000000&fmt=json",
		"/user/get_user_info?access_token=EXAMPLE0000000000&oauth_consumer_key=100000001&openid=0123456789ABCDEF0123456789ABCDEF",
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestExchange_callback(t *testing.T) {
	for _, c := range []struct {
		callback url.Values
		reason   provider.Reason
	}{
		{url.Values{"usercancel": {"1"}}, provider.Denied},
		{url.Values{"error": {"access_denied"}}, provider.Denied},
		{url.Values{"error": {"100010"}, "error_description": {"x"}}, provider.Config},
		{url.Values{"error": {"both"}}, provider.Malformed},
		{url.Values{"code": {"100010"}, "error": {"x"}}, provider.Malformed},
		{url.Values{}, provider.Malformed},
		{url.Values{"code": {"a", "b"}}, provider.Malformed},
	} {
		f := &far{}
		_, err := made(t, config("https://graph.qq.example.test", provider.Wire{Transport: f})).Exchange(t.Context(), provider.Attempt{Callback: callback}, c.callback)
		checkReason(t, err, c.reason)
		if len(f.asked) != 0 {
			t.Errorf("%v: QQ was asked", c.callback)
		}
	}
}

// S-48: a token of the SDK is good if it was given to our mobile app, and to no other,
// not even our own website.
func TestRedeem(t *testing.T) {
	for appID, want := range map[string]provider.Reason{mobile.ID: "", web.ID: provider.Untrusted, "100000099": provider.Untrusted} {
		f := &far{answers: map[string]string{mePath: strings.Replace(goodMe, web.ID, appID, 1), userPath: goodUser}}
		_, err := made(t, config("https://graph.qq.example.test", provider.Wire{Transport: f})).Redeem(t.Context(), provider.Handed{Token: "EXAMPLE0000000000", Nonce: "n"})
		checkReason(t, err, want)
		if want != "" && len(f.asked) != 1 {
			t.Errorf("%s: %q", appID, f.asked)
		}
	}
	for _, token := range []string{"", "a b", strings.Repeat("x", 4096), "a\nb"} {
		f := &far{}
		_, err := made(t, config("https://graph.qq.example.test", provider.Wire{Transport: f})).Redeem(t.Context(), provider.Handed{Token: token, Nonce: "n"})
		if checkReason(t, err, provider.Malformed); len(f.asked) != 0 {
			t.Errorf("%.20q: QQ was asked", token)
		}
	}
	c := config("https://graph.qq.example.test", provider.Wire{})
	c.Mobile = App{}
	if _, err := made(t, c).Redeem(t.Context(), provider.Handed{Token: "x", Nonce: "n"}); provider.ReasonOf(err) != provider.Config || made(t, c).Takes() != (provider.Takes{}) {
		t.Errorf("a website only: %v", err)
	}
}

// One person through both apps of one developer is one person (S-42), oddities or not.
func TestDeveloper(t *testing.T) {
	s := vendor(clock.At(start), nil)
	server := httptest.NewServer(s)
	defer server.Close()
	q := made(t, config(server.URL, provider.Wire{}))
	for quirk := range sim.Quirks {
		p := s.Desk().Add(lab.Person{Name: "Quirk", Quirks: []string{quirk}})
		given, err := s.Native(p.ID, "nonce")
		if err != nil {
			t.Fatal(err)
		}
		app, err := q.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: "nonce"})
		if err != nil {
			t.Fatal(err)
		}
		attempt := provider.Attempt{State: strings.Repeat("s", 32), Callback: callback}
		page, err := q.Exchange(t.Context(), attempt, providertest.Allow(t, http.DefaultTransport, q, attempt, p.ID, ""))
		if err != nil || len(app.Subjects) != 2 || len(page.Subjects) != 2 || app.Subjects[0] != page.Subjects[0] || app.Subjects[1] == page.Subjects[1] || page.Name != "Quirk" {
			t.Errorf("%s: %+v, %+v, %v", quirk, app, page, err)
		}
		if app.Subjects[1].Value != given["openid"] {
			t.Errorf("%s: the SDK says %s, QQ says %+v", quirk, given["openid"], app.Subjects[1])
		}
	}
}

func TestRead(t *testing.T) {
	good := answer{Token: "T0K"}
	for body, want := range map[string]answer{
		`{"access_token":"T0K"}`:                        good,
		"  \r\n{\"access_token\":\"T0K\"}\n":            good,
		`callback({"access_token":"T0K"})`:              good,
		"\n callback( {\"access_token\":\"T0K\"} ) ;\n": good,
		`callback ( {"access_token":"T0K"} );`:          good,
		"access_token=T0K&expires_in=1":                 good,
		`callback( {"error":100016,"x":")"} );`:         {Error: "100016"},
		"error=100016":                                  {Error: "100016"},
		`callback( {"access_token":"T0K"} ); alert(1)`:  {},
		`callback( {"access_token":"T0K"} `:             {},
		`callback( {"access_token":"T0K"} ); x = "y"`:   {},
		`callback( access_token=T0K );`:                 {},
		`callback()`:                                    {},
		`callback( {"access_token":"T0K"}{} );`:         {},
		`)callback(`:                                    {},
		`evil({"access_token":"T0K"})`:                  {},
		"<html>access_token=T0K</html>":                 {},
		"access_token=T0K&access_token=T0L":             {},
		"access_token=%zz":                              {},
		"expires_in=1":                                  {},
		`{"access_token":"T0K","access_token":"T0L"}`:   {},
		`[]`: {},
		``:   {},
	} {
		got, err := read([]byte(body))
		if (err == nil) != (want != answer{}) || got != want || err != nil && provider.ReasonOf(err) != provider.Malformed {
			t.Errorf("%q: %+v, %v; want %+v", body, got, err, want)
		}
	}
}

// FuzzRead: no body makes it panic, and the three kinds of the same object read alike.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{goodToken, formToken, goodMe, "callback( " + goodMe + " );", `callback( {"error":100016} );`, "callback(", "{", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := read(body)
		if err != nil && (provider.ReasonOf(err) != provider.Malformed || got != answer{}) {
			t.Errorf("%+v, %v", got, err)
		}
		if strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
			wrapped, err2 := read([]byte("\ncallback( " + string(body) + " );\n"))
			if (err == nil) != (err2 == nil) || err == nil && got != wrapped {
				t.Errorf("%+v, %v; in a call %+v, %v", got, err, wrapped, err2)
			}
		}
	})
}

func TestNew(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no app": func(c *Config) { c.Web, c.Mobile = App{}, App{} }, "no key": func(c *Config) { c.Web.Key = "" }, "no ID": func(c *Config) { c.Mobile.ID = "" },
		"odd address": func(c *Config) { c.Base = "qq" }, "odd developer": func(c *Config) { c.Developer = "my account" },
	} {
		c := config("https://graph.qq.example.test", provider.Wire{})
		change(&c)
		if _, err := New(c, clock.At(start)); err == nil || strings.Contains(err.Error(), web.Key) || strings.Contains(err.Error(), mobile.Key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := made(t, Config{Web: web})
	if got, err := q.Authorize(provider.Attempt{State: strings.Repeat("s", 32)}); err != nil || q.Name() != "qq" || !strings.HasPrefix(got, "https://graph.qq.com/oauth2.0/authorize?") {
		t.Errorf("where QQ is: %s, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	server := httptest.NewServer(vendor(clock.At(start), nil))
	defer server.Close()
	for name, c := range map[string]struct {
		change          func(*Config)
		offline, online bool
	}{
		"good":         {func(*Config) {}, true, true},
		"no callback":  {func(c *Config) { c.Callback = "" }, true, true},
		"http":         {func(c *Config) { c.Callback = "http://id.example.test/cb" }, false, true},
		"other ID":     {func(c *Config) { c.Web.ID = "100000003" }, true, false},
		"odd ID":       {func(c *Config) { c.Web.ID = "wx12" }, false, false},
		"same ID":      {func(c *Config) { c.Mobile = web }, false, true},
		"other key":    {func(c *Config) { c.Mobile.Key = strings.Repeat("0", 32) }, true, false},
		"key cut off":  {func(c *Config) { c.Web.Key = "0011" }, false, false},
		"website only": {func(c *Config) { c.Mobile = App{} }, true, true},
		"mobile only":  {func(c *Config) { c.Web = App{} }, true, true},
	} {
		conf := config(server.URL, provider.Wire{})
		c.change(&conf)
		q := made(t, conf)
		offline, online := q.CheckOffline(start), q.CheckOnline(t.Context())
		if (offline == nil) != c.offline || (online == nil) != c.online {
			t.Errorf("%s: offline %v, online %v", name, offline, online)
		}
	}
}

func checkReason(t *testing.T, err error, want provider.Reason) {
	t.Helper()
	providertest.CheckReason(t, err, want, "EXAMPLE", web.Key)
}
