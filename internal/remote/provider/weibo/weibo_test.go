package weibo_test

import (
	"io"
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
	"github.com/selfsame-id/selfsame/internal/remote/provider/weibo"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/weibo"
)

const (
	id     = "1234567890"
	secret = "00112233445566778899aabbccddeeff"
)

var (
	start    = providertest.Start
	callback = providertest.Callback("weibo")
)

func made(t *testing.T, base string, wire provider.Wire) *weibo.Weibo {
	t.Helper()
	w, err := weibo.New(weibo.Config{ID: id, Secret: secret, Base: base, Callback: callback, Wire: wire}, clock.At(start))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func vendor(c *clock.Clock, transport http.RoundTripper) *sim.Sim {
	return sim.New(lab.Options{Clock: c, Title: "微博", NoticeURL: "https://id.example.test/hooks/federation/weibo", Transport: transport},
		sim.Config{Apps: []sim.App{{ID: id, Secret: secret, Name: "Selfsame", Redirect: callback}}})
}

func TestContract(t *testing.T) {
	unsigned, token := "Weibo signs no answer", "an app hands over a token here, and the journeys remember those"
	providertest.Run(t, providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return vendor(c, nil) },
		New: func(_ *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return weibo.New(weibo.Config{ID: id, Secret: secret, Base: base, Wire: wire}, c)
		},
		Calls: 2, NativeCalls: 2,
		Wants: map[string]provider.Reason{
			// One code for all that can be wrong with a code.
			string(lab.CodeReused): provider.InvalidCode, string(lab.CodeExpired): provider.InvalidCode, providertest.BothCame: provider.InvalidCode,
		},
		Skips: map[string]string{
			string(lab.WrongNonce): "Weibo knows no nonce", string(lab.BadSignature): unsigned, string(lab.UnknownKey): unsigned, string(lab.Stale): unsigned,
			"page/" + string(lab.WrongAudience): "a code is good with our own secret only",
			"native/" + string(lab.CodeReused):  token, "native/" + string(lab.CodeExpired): token, "native/" + providertest.BothCame: token,
			"native/" + string(lab.WrongSecret): "no secret is sent with a token",
		},
		Secrets: []string{secret},
	})
}

// far plays Weibo with fixed answers, by path, and records what was asked.
type far struct {
	status  map[string]int
	answers map[string]string
	asked   []string
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	f.asked = append(f.asked, strings.Join([]string{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), string(body)}, " "))
	w := httptest.NewRecorder()
	if s := f.status[r.URL.Path]; s != 0 {
		w.WriteHeader(s)
	}
	_, _ = w.WriteString(f.answers[r.URL.Path]) // a recorder takes everything
	return w.Result(), nil
}

const (
	tokenPath, infoPath, showPath, revokePath = "/oauth2/access_token", "/oauth2/get_token_info", "/2/users/show.json", "/oauth2/revokeoauth2"

	goodToken = `{"access_token":"2.00EXAMPLExxxxx","remind_in":"157679999","expires_in":157679999,"uid":"1000000001","isRealName":"true"}`
	goodInfo  = `{"uid":1000000001,"appkey":"1234567890","scope":null,"create_at":1700000000,"expire_in":86400}`
	goodShow  = `{"id":1000000001,"idstr":"1000000001","screen_name":"示例","name":"name","verified":true,"status":{"idstr":"5","text":"hello"}}`
)

func identity(name string) provider.Identity {
	return provider.Identity{
		Subjects: []provider.Subject{{Scope: "global", Value: "1000000001"}}, Name: name,
		Grant: provider.Grant{Token: "2.00EXAMPLExxxxx", Client: id, User: "1000000001"},
	}
}

func TestAuthorize(t *testing.T) {
	w := made(t, "https://api.weibo.example.test", provider.Wire{})
	state := strings.Repeat("s", 32)
	base := "https://api.weibo.example.test/oauth2/authorize?client_id=1234567890&"
	rest := "redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fweibo%2Fcallback&response_type=code&state=" + state
	for _, c := range []struct {
		a    provider.Attempt
		want string
	}{
		{provider.Attempt{State: state, Language: "zh-Hans"}, base + rest},
		{provider.Attempt{State: state, Language: "de"}, base + "language=en&" + rest},
		{provider.Attempt{State: state, Again: true}, base + "forcelogin=true&" + rest},
		{provider.Attempt{State: "&x=y"}, ""},
	} {
		c.a.Callback = callback
		if got, err := w.Authorize(c.a); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v:\n%s, %v; want\n%s", c.a, got, err, c.want)
		}
	}
}

func TestExchange(t *testing.T) {
	for _, c := range []struct {
		name        string
		token, show string
		want        provider.Identity
		reason      provider.Reason
	}{
		{"as documented", goodToken, goodShow, identity("示例"), ""},
		{"numbers", strings.Replace(goodToken, `"1000000001"`, `1000000001`, 1), strings.Replace(goodShow, `"idstr":"1000000001"`, `"idstr":1000000001`, 1), identity("示例"), ""},
		{"no screen_name", goodToken, strings.Replace(goodShow, "screen_name", "x", 1), identity("name"), ""},
		{"no name to be had", goodToken, `{"request":"/2/users/show.json","error_code":"10014","error":"x"}`, identity(""), ""},
		{"half a name", goodToken, `{"idstr":"1000000001","scree`, identity(""), ""},
		{"somebody else's name", goodToken, strings.ReplaceAll(goodShow, "1000000001", "1000000002"), provider.Identity{}, provider.Untrusted},
		{"no uid", strings.Replace(goodToken, "uid", "x", 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid, a fraction", strings.Replace(goodToken, `"1000000001"`, `1.0e9`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid with a zero", strings.Replace(goodToken, `"1000000001"`, `"01000000001"`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid with a blank", strings.Replace(goodToken, `"1000000001"`, `" 1000000001"`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid zero", strings.Replace(goodToken, `"1000000001"`, `0`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid below", strings.Replace(goodToken, `"1000000001"`, `-5`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid too big", strings.Replace(goodToken, `"1000000001"`, `9223372036854775808`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid of 10 KiB", strings.Replace(goodToken, `"1000000001"`, strings.Repeat("1", 10<<10), 1), goodShow, provider.Identity{}, provider.Malformed},
		{"uid twice", strings.Replace(goodToken, "{", `{"uid":"1000000002",`, 1), goodShow, provider.Identity{}, provider.Malformed},
		{"error with status 200", `{"error":"invalid_client","error_code":"21324"}`, "", provider.Identity{}, provider.Config},
		{"unknown error", `{"error":"2.00EXAMPLExxxxx","error_code":99999}`, "", provider.Identity{}, provider.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &far{answers: map[string]string{tokenPath: c.token, showPath: c.show}}
			w := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f})
			got, err := w.Exchange(t.Context(), provider.Attempt{Callback: callback}, url.Values{"code": {"c0de"}, "state": {"s"}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkReason(t, err, c.reason)
		})
	}
}

// An answer with the status of an error is none, whatever stands in it.
func TestExchange_status(t *testing.T) {
	for status, want := range map[int]provider.Reason{
		http.StatusOK: "", http.StatusUnauthorized: provider.Malformed, http.StatusFound: provider.Malformed, http.StatusTooManyRequests: provider.RateLimited, http.StatusServiceUnavailable: provider.Temporary,
	} {
		f := &far{status: map[string]int{tokenPath: status}, answers: map[string]string{tokenPath: goodToken, showPath: goodShow}}
		_, err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Exchange(t.Context(), provider.Attempt{Callback: callback}, url.Values{"code": {"c0de"}})
		checkReason(t, err, want)
	}
}

// What is sent: the token of a person stands in no address.
func TestExchange_asks(t *testing.T) {
	f := &far{answers: map[string]string{tokenPath: goodToken, showPath: goodShow, infoPath: goodInfo}}
	w := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f})
	if _, err := w.Exchange(t.Context(), provider.Attempt{Callback: callback}, url.Values{"code": {"c0de"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Redeem(t.Context(), provider.Handed{Token: "2.00EXAMPLExxxxx", Nonce: "n"}); err != nil {
		t.Fatal(err)
	}
	show := "GET /2/users/show.json?uid=1000000001 OAuth2 2.00EXAMPLExxxxx "
	want := []string{
		"POST /oauth2/access_token  client_id=1234567890&client_secret=" + secret + "&code=c0de&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fweibo%2Fcallback", show,
		"POST /oauth2/get_token_info  access_token=2.00EXAMPLExxxxx", show,
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
		{url.Values{"error": {"access_denied"}, "error_code": {"21330"}, "error_uri": {"x"}}, provider.Denied},
		{url.Values{"error": {"access_denied"}, "error_url": {"x"}}, provider.Denied},
		{url.Values{"error_code": {"21331"}}, provider.Temporary},
		{url.Values{"error": {"both"}}, provider.Malformed},
		{url.Values{"error": {"x"}, "code": {"c0de"}}, provider.Malformed},
		{url.Values{}, provider.Malformed},
		{url.Values{"code": {"a", "b"}}, provider.Malformed},
	} {
		f := &far{}
		_, err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Exchange(t.Context(), provider.Attempt{Callback: callback}, c.callback)
		checkReason(t, err, c.reason)
		if len(f.asked) != 0 {
			t.Errorf("%v: Weibo was asked", c.callback)
		}
	}
}

// S-48: a token says itself which app it was given to, and whose it is.
func TestRedeem(t *testing.T) {
	for name, c := range map[string]struct {
		info   string
		want   provider.Identity
		reason provider.Reason
	}{
		"as documented":  {goodInfo, identity("示例"), ""},
		"other types":    {`{"uid":"1000000001","appkey":1234567890,"expires_in":"86400"}`, identity("示例"), ""},
		"another app":    {strings.Replace(goodInfo, id, "4000000004", 1), provider.Identity{}, provider.Untrusted},
		"no app":         {strings.Replace(goodInfo, "appkey", "x", 1), provider.Identity{}, provider.Untrusted},
		"over":           {strings.Replace(goodInfo, "86400", "0", 1), provider.Identity{}, provider.Expired},
		"no end":         {strings.Replace(goodInfo, "expire_in", "x", 1), provider.Identity{}, provider.Expired},
		"revoked":        {`{"error":"token_revoked","error_code":21316}`, provider.Identity{}, provider.InvalidCode},
		"used":           {`{"error":"token_used","error_code":21314}`, provider.Identity{}, provider.Replayed},
		"expired":        {`{"error":"expired_token","error_code":21327}`, provider.Identity{}, provider.Expired},
		"no uid":         {strings.Replace(goodInfo, `"uid"`, `"x"`, 1), provider.Identity{}, provider.Malformed},
		"too many calls": {`{"error":"x","error_code":"10023"}`, provider.Identity{}, provider.RateLimited},
	} {
		f := &far{answers: map[string]string{infoPath: c.info, showPath: goodShow}}
		got, err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Redeem(t.Context(), provider.Handed{Token: "2.00EXAMPLExxxxx", Nonce: "n"})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		checkReason(t, err, c.reason)
	}
	for _, token := range []string{"", "a b", strings.Repeat("x", 4096), "a\nb"} {
		f := &far{}
		_, err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Redeem(t.Context(), provider.Handed{Token: token, Nonce: "n"})
		if checkReason(t, err, provider.Malformed); len(f.asked) != 0 {
			t.Errorf("%.20q: Weibo was asked", token)
		}
	}
}

func TestRevoke(t *testing.T) {
	for answer, want := range map[string]provider.Reason{
		`{"result":"true"}`: "", `{"result":true}`: "",
		`{"error":"token_revoked","error_code":21316}`: "", `{"error":"expired_token","error_code":21327}`: "",
		`{"result":"false"}`: provider.Malformed, `{"result":false}`: provider.Malformed, `{}`: provider.Malformed,
		`{"error":"x","error_code":"10009"}`: provider.Temporary,
	} {
		f := &far{answers: map[string]string{revokePath: answer}}
		err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Revoke(t.Context(), identity("").Grant)
		if checkReason(t, err, want); len(f.asked) != 1 {
			t.Errorf("%s: %q", answer, f.asked)
		}
	}
	f := &far{}
	if err := made(t, "https://api.weibo.example.test", provider.Wire{Transport: f}).Revoke(t.Context(), provider.Grant{}); err != nil || len(f.asked) != 0 {
		t.Errorf("nothing to revoke: %v, %q", err, f.asked)
	}
}

// S-87, S-170: what nobody signs is a hint, and counts once Weibo says the same.
func TestReceive(t *testing.T) {
	w := made(t, "https://api.weibo.example.test", provider.Wire{})
	now := time.Unix(1_700_000_100, 0).UTC()
	good := url.Values{"source": {id}, "uid": {"1000000001"}, "auth_end": {"1700000000"}}
	read := func(change func(url.Values)) (provider.Received, error) {
		q := url.Values{}
		for name, values := range good {
			q[name] = append([]string{}, values...)
		}
		change(q)
		return w.Receive(t.Context(), provider.Message{Method: http.MethodGet, Query: q, Now: now})
	}
	got, err := read(func(url.Values) {})
	if err != nil || len(got.Notices) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	n := got.Notices[0]
	want := provider.Notice{ID: n.ID, Kind: provider.Revoked, Subjects: []provider.Subject{{Scope: "global", Value: "1000000001"}}, At: time.Unix(1_700_000_000, 0).UTC(), Raw: "cancel", Hint: true}
	if diff := cmp.Diff(want, n); diff != "" || strings.Contains(n.ID, "1000000001") {
		t.Errorf("(-want +got):\n%s", diff)
	}
	posted, err := w.Receive(t.Context(), provider.Message{Method: http.MethodPost, Body: []byte(good.Encode()), Now: now})
	if err != nil || posted.Notices[0].ID != n.ID {
		t.Errorf("as a form: %+v, %v", posted, err)
	}
	if got, err := read(func(q url.Values) { q.Set("auth_end", "99999999999999") }); err != nil || !got.Notices[0].At.Equal(now) {
		t.Errorf("a time to come: %+v, %v", got, err)
	}
	for name, change := range map[string]func(url.Values){
		"another app": func(q url.Values) { q.Set("source", "4000000004") },
		"no app":      func(q url.Values) { q.Del("source") },
		"no uid":      func(q url.Values) { q.Del("uid") },
		"two uids":    func(q url.Values) { q.Add("uid", "1000000002") },
		"odd uid":     func(q url.Values) { q.Set("uid", "1000000001'") },
	} {
		if got, err := read(change); err == nil || len(got.Notices) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := w.Receive(t.Context(), provider.Message{Method: http.MethodPost, Query: good, Body: []byte(good.Encode()), Now: now}); err == nil {
		t.Errorf("in the query and in a form: %+v", got)
	}
}

// door brings the simulator's messages to the adapter.
type door struct {
	t   *testing.T
	w   *weibo.Weibo
	got []provider.Notice
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	got, err := d.w.Receive(d.t.Context(), provider.Message{Method: r.Method, Query: r.URL.Query(), Now: start})
	d.got = append(d.got, got.Notices...)
	status := http.StatusOK
	if err != nil {
		status = http.StatusForbidden
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
}

// A hint that is true is confirmed, a forged one is not, and neither is one about a
// token that is over.
func TestGone(t *testing.T) {
	for _, c := range []struct {
		variant string
		after   time.Duration
		hints   int
		gone    bool
	}{
		{"valid", 0, 1, true}, {"forged", 0, 1, false}, {"replay", 0, 1, true}, {"wrong_audience", 0, 0, false},
		{"forged", 31 * 24 * time.Hour, 1, false},
	} {
		clk := clock.At(start)
		d := &door{t: t}
		s := vendor(clk, d)
		server := httptest.NewServer(s)
		d.w = made(t, server.URL, provider.Wire{})
		given, err := s.Native("ana", "nonce")
		if err != nil {
			t.Fatal(err)
		}
		who, err := d.w.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: "nonce"})
		if err != nil {
			t.Fatal(err)
		}
		clk.Advance(c.after)
		if _, err := s.Event("cancel", "ana", c.variant); err != nil {
			t.Fatal(err)
		}
		if len(d.got) != c.hints || c.hints == 1 && (!d.got[0].Hint || d.got[0].Subjects[0] != who.Subjects[0]) {
			t.Errorf("%s: %+v", c.variant, d.got)
		}
		if gone, err := d.w.Gone(t.Context(), who.Grant); err != nil || gone != c.gone {
			t.Errorf("S-170: %s after %v: gone %v, %v", c.variant, c.after, gone, err)
		}
		if err := d.w.Revoke(t.Context(), who.Grant); err != nil {
			t.Errorf("%s: Revoke: %v", c.variant, err)
		}
		if gone, err := d.w.Gone(t.Context(), who.Grant); err != nil || gone != (c.gone || c.after == 0) {
			t.Errorf("%s: after Revoke gone %v, %v", c.variant, gone, err)
		}
		server.Close()
		if _, err := d.w.Gone(t.Context(), who.Grant); provider.ReasonOf(err) != provider.Temporary {
			t.Errorf("S-170: nobody there: %v", err)
		}
	}
}

// The oddities of the simulator's people change nothing.
func TestQuirks(t *testing.T) {
	clk := clock.At(start)
	s := vendor(clk, nil)
	s.Change(func(c *sim.Config) { c.OldNames = true })
	server := httptest.NewServer(s)
	defer server.Close()
	w := made(t, server.URL, provider.Wire{})
	for quirk := range sim.Quirks {
		p := s.Desk().Add(lab.Person{Name: "Quirk", Quirks: []string{quirk}})
		given, err := s.Native(p.ID, "nonce")
		if err != nil {
			t.Fatal(err)
		}
		who, err := w.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: "nonce"})
		if err != nil || who.Subjects[0].Value != given["uid"] || who.Name != "Quirk" {
			t.Errorf("%s: %+v, %v", quirk, who, err)
		}
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]weibo.Config{
		"nothing": {}, "no secret": {ID: id}, "no ID": {Secret: secret}, "odd address": {ID: id, Secret: secret, Base: "weibo"},
	} {
		if _, err := weibo.New(c, clock.At(start)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := weibo.New(weibo.Config{ID: id, Secret: secret}, clock.At(start))
	if err != nil || w.Name() != "weibo" || w.Takes() != (provider.Takes{Token: true}) {
		t.Fatalf("%+v, %v", w, err)
	}
	if got, err := w.Authorize(provider.Attempt{State: strings.Repeat("s", 32)}); err != nil || !strings.HasPrefix(got, "https://api.weibo.com/oauth2/authorize?") {
		t.Errorf("where Weibo is: %s, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	clk := clock.At(start)
	server := httptest.NewServer(vendor(clk, nil))
	defer server.Close()
	for name, c := range map[string]struct {
		change          func(*weibo.Config)
		offline, online bool
	}{
		"good":           {func(*weibo.Config) {}, true, true},
		"no callback":    {func(c *weibo.Config) { c.Callback = "" }, true, true},
		"other callback": {func(c *weibo.Config) { c.Callback += "x" }, true, false},
		"http":           {func(c *weibo.Config) { c.Callback = "http://id.example.test/cb" }, false, false},
		"other ID":       {func(c *weibo.Config) { c.ID = "1234567891" }, true, false},
		"odd ID":         {func(c *weibo.Config) { c.ID = "wx12" }, false, false},
		"other secret":   {func(c *weibo.Config) { c.Secret = strings.Repeat("0", 32) }, true, false},
		"odd secret":     {func(c *weibo.Config) { c.Secret = "s" }, false, false},
	} {
		conf := weibo.Config{ID: id, Secret: secret, Base: server.URL, Callback: callback}
		c.change(&conf)
		w, err := weibo.New(conf, clk)
		if err != nil {
			t.Fatal(err)
		}
		offline, online := w.CheckOffline(start), w.CheckOnline(t.Context())
		if (offline == nil) != c.offline || (online == nil) != c.online {
			t.Errorf("%s: offline %v, online %v", name, offline, online)
		}
	}
}

// FuzzReceive: no request makes it panic or say more than a hint about our own app.
func FuzzReceive(f *testing.F) {
	w, err := weibo.New(weibo.Config{ID: id, Secret: secret}, clock.At(start))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("source=1234567890&uid=1000000001&auth_end=1700000000", "")
	f.Add("", "source=1234567890&uid=1&auth_end=x")
	f.Add("source=1234567890&uid=1&uid=2;", "%zz")
	f.Fuzz(func(t *testing.T, query, body string) {
		q, _ := url.ParseQuery(query)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got, err := w.Receive(t.Context(), provider.Message{Method: method, Query: q, Body: []byte(body), Now: start})
			if (err == nil) != (len(got.Notices) == 1) || err == nil && (!got.Notices[0].Hint || got.Notices[0].At.After(start) || !provider.CheckSubject(got.Notices[0].Subjects[0].Value)) {
				t.Errorf("%+v, %v", got, err)
			}
		}
	})
}

func checkReason(t *testing.T, err error, want provider.Reason) {
	t.Helper()
	providertest.CheckReason(t, err, want, "2.00", secret)
}
