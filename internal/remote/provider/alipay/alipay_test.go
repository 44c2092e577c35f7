package alipay

import (
	"bytes"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/alipay"
)

var (
	start    = providertest.Start
	callback = providertest.Callback("alipay")
)

// town is what is registered at the simulator and what we hold; keys take their time,
// so that each mode has one.
type town struct {
	far  sim.Config
	ours sim.Credentials
	err  error
}

func newTown(certificates bool) func() town {
	return sync.OnceValue(func() town {
		far, ours, err := sim.Demo("Selfsame", callback, certificates)
		return town{far, ours, err}
	})
}

var (
	byKeys  = newTown(sim.KeyMode)
	byCerts = newTown(sim.CertMode)
)

func (w town) config(t testing.TB, base string, wire provider.Wire) Config {
	t.Helper()
	if w.err != nil {
		t.Fatal(w.err)
	}
	return Config{
		AppID: w.ours.AppID, PID: w.ours.PID, PrivateKey: w.ours.PrivateKey, PublicKey: w.ours.PublicKey,
		AppCert: w.ours.AppCert, AlipayCert: w.ours.AlipayCert, RootCert: w.ours.RootCert,
		Gateway: base + "/gateway.do", Auth: base + "/oauth2/publicAppAuthorize.htm", Callback: callback, Wire: wire,
	}
}

func (w town) vendor(c *clock.Clock, transport http.RoundTripper, change func(*sim.Config)) *sim.Sim {
	conf := w.far
	conf.Apps = append([]sim.App{}, conf.Apps...)
	if change != nil {
		change(&conf)
	}
	return sim.New(lab.Options{Clock: c, Title: "支付宝", NoticeURL: "https://id.example.test/hooks/federation/alipay", Transport: transport}, conf)
}

func made(t testing.TB, c Config, clk *clock.Clock) *Alipay {
	t.Helper()
	a, err := New(c, clk)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	run := func(name string, w town, change func(*sim.Config)) {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Case{
				Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return w.vendor(c, nil, change) },
				New: func(t *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
					return made(t, w.config(t, base, wire), c), nil
				},
				Calls: 2, NativeCalls: 2,
				Wants: map[string]provider.Reason{
					// One code for all that can be wrong with a code, that of another app too.
					string(lab.CodeReused): provider.InvalidCode, string(lab.CodeExpired): provider.InvalidCode, providertest.BothCame: provider.InvalidCode,
					"native/" + string(lab.WrongAudience): provider.InvalidCode,
					providertest.NoCode:                   provider.Denied,
				},
				Skips: map[string]string{
					string(lab.WrongNonce): "no answer of Alipay brings a nonce back", string(lab.Stale): "no answer of Alipay says when it was made",
					"native/" + string(lab.WrongSecret): "the SDK refuses what is signed wrongly; nothing is handed over",
				},
				Secrets: []string{w.ours.PrivateKey, strings.Split(w.ours.PrivateKey, "\n")[1]},
			})
		})
	}
	run("keys", byKeys(), nil)
	run("certificates", byCerts(), nil)
	run("errors inside, user_id", byKeys(), func(c *sim.Config) { c.ErrorInside, c.Apps[0].Mode = true, sim.UserID })
	run("unsigned errors, both IDs", byKeys(), func(c *sim.Config) { c.UnsignedErrors, c.Apps[0].Mode = true, sim.Both })
}

// The text that is signed, as another implementation makes it.
func TestToSign(t *testing.T) {
	form := url.Values{
		"app_id": {"2021000000000001"}, "method": {"alipay.system.oauth.token"}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"},
		"timestamp": {"2026-01-02 03:04:05"}, "version": {"1.0"}, "grant_type": {"authorization_code"}, "code": {"ca34EXAMPLE"}, "biz_content": {""}, "sign": {"x"},
	}
	got := toSign(form, "sign")
	want := "app_id=2021000000000001&charset=utf-8&code=ca34EXAMPLE&format=JSON&grant_type=authorization_code&method=alipay.system.oauth.token&sign_type=RSA2&timestamp=2026-01-02 03:04:05&version=1.0"
	if sum := sha256.Sum256([]byte(got)); got != want || hex.EncodeToString(sum[:]) != "2b8f77d58f4bf585ba65ef345b904deaf3481e3f4050efb735d6e624ba5f0737" {
		t.Errorf("%s, %x", got, sum)
	}
}

// far plays the gateway: it signs what each method answers, or not, and records what
// was asked.
type far struct {
	key     *rsa.PrivateKey
	nodes   map[string]string
	wrap    func(method, node, sign string) string // nil: as documented
	asked   []url.Values
	signing func(node string) string
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded;charset=utf-8" {
		return nil, fmt.Errorf("no form: %s", body)
	}
	f.asked = append(f.asked, form)
	node := f.nodes[form.Get("method")]
	signed := node
	if f.signing != nil {
		signed = f.signing(node)
	}
	sign, err := keys{own: f.key}.sign(signed)
	if err != nil {
		return nil, err
	}
	wrap := f.wrap
	if wrap == nil {
		wrap = func(method, node, sign string) string {
			return `{"` + strings.ReplaceAll(method, ".", "_") + `_response":` + node + `,"sign":"` + strings.ReplaceAll(sign, "/", `\/`) + `"}`
		}
	}
	w := httptest.NewRecorder()
	_, _ = w.WriteString(wrap(form.Get("method"), node, sign)) // a recorder takes everything
	return w.Result(), nil
}

const (
	tokenMethod, infoMethod = "alipay.system.oauth.token", "alipay.user.info.share"

	goodToken = `{"access_token":"authusrBEXAMPLE00","alipay_user_id":"20880000000000000000000000000000","auth_start":"2026-01-02 03:04:05", "expires_in":1296000,"re_expires_in":2592000,"refresh_token":"authusrBEXAMPLE11","open_id":"074EXAMPLEopenid"}`
	goodUser  = `{"code":"10000","msg":"Success","open_id":"074EXAMPLEopenid","avatar":"https:\/\/tfs.example.test\/a","nick_name":"示例","cert_no":"110101199001011234","mobile":"13800138000"}`
)

func goodFar() *far {
	return &far{key: byKeys().far.Key, nodes: map[string]string{tokenMethod: goodToken, infoMethod: goodUser}}
}

func (f *far) alipay(t testing.TB) *Alipay {
	t.Helper()
	return made(t, byKeys().config(t, "https://alipay.example.test", provider.Wire{Transport: f}), clock.At(start))
}

func (f *far) exchange(t testing.TB) (provider.Identity, error) {
	t.Helper()
	return f.alipay(t).Exchange(t.Context(), provider.Attempt{}, url.Values{"auth_code": {"ca34EXAMPLE"}, "app_id": {byKeys().ours.AppID}, "state": {"s"}})
}

// Who it was, of the answers to both calls.
func TestExchange(t *testing.T) {
	open := provider.Subject{Scope: "openid:" + byKeys().ours.AppID, Value: "074EXAMPLEopenid"}
	user := provider.Subject{Scope: "uid", Value: "2088000000000001"}
	with := func(name string, subjects ...provider.Subject) provider.Identity {
		return provider.Identity{Subjects: subjects, Name: name}
	}
	both := strings.Replace(goodToken, `"open_id"`, `"user_id":"2088000000000001","open_id"`, 1)
	for _, c := range []struct {
		name, token, user string
		want              provider.Identity
		reason            provider.Reason
	}{
		{"as documented", goodToken, goodUser, with("示例", open), ""},
		{"user_id", strings.Replace(goodToken, `"open_id":"074EXAMPLEopenid"`, `"user_id":"2088000000000001"`, 1), strings.Replace(goodUser, `"open_id":"074EXAMPLEopenid"`, `"user_id":"2088000000000001"`, 1), with("示例", user), ""},
		{"both", both, goodUser, with("示例", open, user), ""},
		{"times as texts", strings.Replace(goodToken, "1296000", `"1296000"`, 1), goodUser, with("示例", open), ""},
		{"blanks in the node", strings.ReplaceAll(goodToken, `,"`, ",\n\t \""), goodUser, with("示例", open), ""},
		{"the name may not be seen", goodToken, `{"code":"20001","msg":"x","sub_code":"aop.invalid-auth-token"}`, with("", open), ""},
		{"busy for the name", goodToken, `{"code":"20000","msg":"x","sub_code":"isp.unknow-error"}`, with("", open), ""},
		{"a name in another charset", goodToken, "{\"code\":\"10000\",\"nick_name\":\"\xca\xbe\xc0\xfd\"}", with("", open), ""},
		{"the name of somebody else", goodToken, strings.Replace(goodUser, "074E", "075E", 1), provider.Identity{}, provider.Untrusted},
		{"the name of somebody else, by user_id", both, strings.Replace(goodUser, `"open_id":"074EXAMPLEopenid"`, `"user_id":"2088000000000002"`, 1), provider.Identity{}, provider.Untrusted},
		{"no ID", strings.Replace(goodToken, `"open_id"`, `"x"`, 1), goodUser, provider.Identity{}, provider.Malformed},
		{"ID of 10 KiB", strings.Replace(goodToken, "074", strings.Repeat("0", 10<<10), 1), goodUser, provider.Identity{}, provider.Malformed},
		{"ID twice", strings.Replace(goodToken, "{", `{"open_id":"x",`, 1), goodUser, provider.Identity{}, provider.Malformed},
		{"no token", strings.Replace(goodToken, `"access_token"`, `"x"`, 1), goodUser, provider.Identity{}, provider.Malformed},
		{"a text for a node", `"c2VhbGVk"`, goodUser, provider.Identity{}, provider.Malformed},
		{"code invalid", `{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.code-invalid","sub_msg":"ca34EXAMPLE"}`, "", provider.Identity{}, provider.InvalidCode},
		{"signature", `{"code":"40002","sub_code":"isv.invalid-signature"}`, "", provider.Identity{}, provider.Config},
		{"permission", `{"code":"40006","sub_code":"isv.insufficient-isv-permissions"}`, "", provider.Identity{}, provider.Config},
		{"business", `{"code":"40004","sub_code":"x"}`, "", provider.Identity{}, provider.Denied},
		{"calls", `{"code":40005}`, "", provider.Identity{}, provider.RateLimited},
		{"unknown", `{"code":"99999"}`, "", provider.Identity{}, provider.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := goodFar()
			f.nodes = map[string]string{tokenMethod: c.token, infoMethod: c.user}
			got, err := f.exchange(t)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkReason(t, err, c.reason)
		})
	}
}

// S-48: an answer is a success if Alipay signed the bytes that came, and only then.
func TestExchange_signatures(t *testing.T) {
	name := strings.ReplaceAll(tokenMethod, ".", "_") + "_response"
	as := func(format string) func(_, node, sign string) string {
		return func(_, node, sign string) string {
			return strings.NewReplacer("NAME", name, "NODE", node, "SIGN", sign).Replace(format)
		}
	}
	tokenOnly := func(wrap func(_, node, sign string) string) func(method, node, sign string) string {
		return func(method, node, sign string) string {
			if method == tokenMethod {
				return wrap(method, node, sign)
			}
			return `{"alipay_user_info_share_response":` + node + `,"sign":"` + sign + `"}`
		}
	}
	failed := `{"code":"40002","sub_code":"isv.code-invalid"}`
	for _, c := range []struct {
		name   string
		wrap   string
		reason provider.Reason
	}{
		{"as documented", `{"NAME":NODE,"sign":"SIGN"}`, ""},
		{"the other way round, with blanks", "{ \"sign\" : \"SIGN\" ,\n\"NAME\" :  NODE }\n", ""},
		{"with more beside", `{"NAME":NODE,"sign":"SIGN","x":{"open_id":"y"}}`, ""},
		{"no signature", `{"NAME":NODE}`, provider.Untrusted},
		{"an empty one", `{"NAME":NODE,"sign":""}`, provider.Untrusted},
		{"null", `{"NAME":NODE,"sign":null}`, provider.Untrusted},
		{"a number", `{"NAME":NODE,"sign":1}`, provider.Malformed},
		{"not base64", `{"NAME":NODE,"sign":"!"}`, provider.Untrusted},
		{"short", `{"NAME":NODE,"sign":"AAAA"}`, provider.Untrusted},
		{"a certificate that we do not have", `{"NAME":NODE,"sign":"SIGN","alipay_cert_sn":"00"}`, provider.Untrusted},
		{"an error that has a success's fields", `{"error_response":NODE,"sign":"SIGN"}`, provider.Malformed},
		{"error and success", `{"NAME":NODE,"error_response":` + failed + `,"sign":"SIGN"}`, provider.Malformed},
		{"another method's node", `{"alipay_user_info_share_response":NODE,"sign":"SIGN"}`, provider.Malformed},
		{"node twice", `{"NAME":NODE,"NAME":NODE,"sign":"SIGN"}`, provider.Malformed},
		{"signature twice", `{"NAME":NODE,"sign":"SIGN","sign":"SIGN"}`, provider.Malformed},
		{"an unsigned error", `{"error_response":` + failed + `}`, provider.InvalidCode},
		{"an unsigned error inside", `{"NAME":` + failed + `}`, provider.InvalidCode},
		{"an error with another's signature", `{"error_response":` + failed + `,"sign":"SIGN"}`, provider.Untrusted},
		{"cut off after the node", `{"NAME":NODE`, provider.Malformed},
		{"more after it", `{"NAME":NODE,"sign":"SIGN"}{}`, provider.Malformed},
	} {
		f := goodFar()
		f.wrap = tokenOnly(as(c.wrap))
		_, err := f.exchange(t)
		if (err == nil) != (c.reason == "") || err != nil && provider.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v; want %q", c.name, err, c.reason)
		}
	}
	for name, signing := range map[string]func(string) string{
		"a blank more":         func(n string) string { return n + " " },
		"without the blank":    func(n string) string { return strings.ReplaceAll(n, ", ", ",") },
		"slashes unescaped":    func(n string) string { return strings.ReplaceAll(n, `\/`, "/") },
		"another ID":           func(n string) string { return strings.Replace(n, "074", "075", 1) },
		"nothing":              func(string) string { return "" },
		"the node as it stood": nil,
	} {
		f := goodFar()
		f.signing = signing
		if _, err := f.exchange(t); (err == nil) != (signing == nil) || err != nil && provider.ReasonOf(err) != provider.Untrusted {
			t.Errorf("signed: %s: %v", name, err)
		}
	}
	f := goodFar()
	f.key = byCerts().far.Key
	if _, err := f.exchange(t); provider.ReasonOf(err) != provider.Untrusted {
		t.Errorf("signed by another key: %v", err)
	}
	f = goodFar()
	f.wrap = func(method, node, sign string) string {
		if method == infoMethod {
			return `{"alipay_user_info_share_response":` + node + `}`
		}
		return `{"` + name + `":` + node + `,"sign":"` + sign + `"}`
	}
	if _, err := f.exchange(t); provider.ReasonOf(err) != provider.Untrusted {
		t.Errorf("an unsigned name: %v", err)
	}
}

// What is sent, and when it says it was sent: in Beijing, whatever our own zone.
func TestExchange_asks(t *testing.T) {
	f := goodFar()
	if _, err := f.exchange(t); err != nil {
		t.Fatal(err)
	}
	want := []url.Values{
		{"app_id": {byKeys().ours.AppID}, "method": {tokenMethod}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"}, "timestamp": {"2026-11-22 18:00:00"}, "version": {"1.0"}, "grant_type": {"authorization_code"}, "code": {"ca34EXAMPLE"}},
		{"app_id": {byKeys().ours.AppID}, "method": {infoMethod}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"}, "timestamp": {"2026-11-22 18:00:00"}, "version": {"1.0"}, "auth_token": {"authusrBEXAMPLE00"}},
	}
	for i, got := range f.asked {
		public := keys{theirs: &f.alipay(t).keys.own.PublicKey}
		if !public.verify([]byte(toSign(got, "sign")), got.Get("sign"), "") {
			t.Errorf("request %d is not signed by us", i)
		}
		got = maps.Clone(got)
		got.Del("sign")
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("request %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestExchange_callback(t *testing.T) {
	id := byKeys().ours.AppID
	for _, c := range []struct {
		callback url.Values
		reason   provider.Reason
	}{
		{url.Values{"app_id": {id}, "state": {"s"}}, provider.Denied},
		{url.Values{"state": {"s"}}, provider.Denied},
		{url.Values{"app_id": {"2021000000000099"}, "auth_code": {"a"}}, provider.Untrusted},
		{url.Values{"app_id": {id, id}, "auth_code": {"a"}}, provider.Untrusted},
		{url.Values{"auth_code": {"a", "b"}}, provider.Malformed},
		{url.Values{"auth_code": {"a b"}}, provider.Malformed},
		{url.Values{"code": {"a"}}, provider.Malformed},
		{url.Values{"error": {"both"}}, provider.Malformed},
	} {
		f := goodFar()
		_, err := f.alipay(t).Exchange(t.Context(), provider.Attempt{}, c.callback)
		if err == nil || provider.ReasonOf(err) != c.reason || len(f.asked) != 0 {
			t.Errorf("%v: %v, %d requests; want %s and none", c.callback, err, len(f.asked), c.reason)
		}
	}
}

func TestAuthorize(t *testing.T) {
	a := goodFar().alipay(t)
	state := strings.Repeat("s", 64)
	got, err := a.Authorize(provider.Attempt{State: state, Callback: callback})
	want := "https://alipay.example.test/oauth2/publicAppAuthorize.htm?app_id=" + byKeys().ours.AppID + "&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Falipay%2Fcallback&scope=auth_user&state=" + state
	if err != nil || got != want {
		t.Errorf("%s, %v; want\n%s", got, err, want)
	}
	if _, err := a.Authorize(provider.Attempt{State: "状态"}); provider.ReasonOf(err) != provider.Config {
		t.Errorf("odd state: %v", err)
	}
}

// What the SDK is given: the simulator checks each field and the signature.
func TestPrepare(t *testing.T) {
	a := goodFar().alipay(t)
	s := byKeys().vendor(clock.At(start), nil, nil)
	for nonce, want := range map[string]string{
		"nonce-1": "nonce-1", strings.Repeat("n", 32): strings.Repeat("n", 32), strings.Repeat("0123456789", 5): strings.Repeat("0123456789", 5)[:32], "_-Az09": "_-Az09",
	} {
		prepared, err := a.Prepare(nonce, start)
		if err != nil {
			t.Fatal(err)
		}
		given, err := s.Native("ana", prepared)
		if err != nil || given["resultStatus"] != "9000" || !strings.HasSuffix(given["result"], "&target_id="+want) {
			t.Errorf("%s: %v, %v", nonce, given, err)
		}
	}
	for _, nonce := range []string{"", "a&pid=1", "a b", "码"} {
		if got, err := a.Prepare(nonce, start); provider.ReasonOf(err) != provider.Config || err == nil {
			t.Errorf("Prepare(%q) = %s, %v", nonce, got, err)
		}
	}
	c := byKeys().config(t, "https://alipay.example.test", provider.Wire{})
	c.PID = ""
	none := made(t, c, clock.At(start))
	_, err := none.Prepare("nonce", start)
	_, err2 := none.Redeem(t.Context(), provider.Handed{Code: "x", Nonce: "n"})
	if none.Takes() != (provider.Takes{}) || provider.ReasonOf(err) != provider.Config || provider.ReasonOf(err2) != provider.Config {
		t.Errorf("without a PID: %v, %v", err, err2)
	}
}

// The oddities of the simulator's people: an answer that is not signed is refused, the
// others change nothing.
func TestQuirks(t *testing.T) {
	s := byKeys().vendor(clock.At(start), nil, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	a := made(t, byKeys().config(t, server.URL, provider.Wire{}), clock.At(start))
	for quirk := range sim.Quirks {
		p := s.Desk().Add(lab.Person{Name: "示例", Quirks: []string{quirk}})
		given, err := s.Native(p.ID, "nonce")
		if err != nil {
			t.Fatal(err)
		}
		who, err := a.Redeem(t.Context(), provider.Handed{Code: given["code"], Nonce: "nonce"})
		want := provider.Identity{Subjects: who.Subjects, Name: "示例"}
		switch quirk {
		case "no_sign":
			checkReason(t, err, provider.Untrusted)
			continue
		case "gbk":
			want.Name = "" // we asked for UTF-8
		}
		if diff := cmp.Diff(want, who); err != nil || diff != "" || len(who.Subjects) != 1 {
			t.Errorf("%s: %v\n%s", quirk, err, diff)
		}
	}
}

func TestNew(t *testing.T) {
	good := byKeys().config(t, "https://alipay.example.test", provider.Wire{})
	bare := func(text string) string {
		b, _ := pem.Decode([]byte(text))
		return base64.StdEncoding.EncodeToString(b.Bytes)
	}
	own := made(t, good, clock.At(start)).keys.own
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(own))
	certs := byCerts().config(t, "https://alipay.example.test", provider.Wire{})
	for name, c := range map[string]struct {
		from   Config
		change func(*Config)
		ok     bool
	}{
		"keys":                  {good, func(*Config) {}, true},
		"certificates":          {certs, func(*Config) {}, true},
		"bare keys":             {good, func(c *Config) { c.PrivateKey, c.PublicKey = bare(c.PrivateKey), bare(c.PublicKey) }, true},
		"bare keys in lines":    {good, func(c *Config) { c.PrivateKey = "\n" + pkcs1[:64] + "\r\n" + pkcs1[64:] + "\n" }, true},
		"no APPID":              {good, func(c *Config) { c.AppID = "" }, false},
		"no private key":        {good, func(c *Config) { c.PrivateKey = "" }, false},
		"half a private key":    {good, func(c *Config) { c.PrivateKey = pkcs1[:400] }, false},
		"no public key":         {good, func(c *Config) { c.PublicKey = "" }, false},
		"our own public key":    {good, func(c *Config) { c.PublicKey = publicOf(t, own) }, false},
		"odd address":           {good, func(c *Config) { c.Gateway = "alipay" }, false},
		"both modes":            {certs, func(c *Config) { c.PublicKey = good.PublicKey }, false},
		"no root":               {certs, func(c *Config) { c.RootCert = "" }, false},
		"no RSA root":           {certs, func(c *Config) { c.RootCert = lastPEM(c.RootCert) }, false},
		"another's certificate": {certs, func(c *Config) { c.AppCert = c.AlipayCert }, false},
		"certificate, no PEM":   {certs, func(c *Config) { c.AlipayCert = "x" }, false},
	} {
		conf := c.from
		c.change(&conf)
		_, err := New(conf, clock.At(start))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), pkcs1[:32]) || strings.Contains(err.Error(), "BEGIN")) {
			t.Errorf("S-157: %s: %v", name, err)
		}
	}
	a := made(t, certs, clock.At(start))
	root, _ := pem.Decode([]byte(certs.RootCert))
	c, err := x509.ParseCertificate(root.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("CN=Simulated Alipay Root R1,O=Selfsame lab,C=CN" + c.SerialNumber.String()))
	if a.keys.rootSN != hex.EncodeToString(sum[:]) { // the other root is not of RSA
		t.Errorf("alipay_root_cert_sn %s", a.keys.rootSN)
	}
}

func publicOf(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func lastPEM(text string) string { return text[strings.LastIndex(text, "-----BEGIN"):] }

func TestCheck(t *testing.T) {
	server := httptest.NewServer(byKeys().vendor(clock.At(start), nil, nil))
	defer server.Close()
	for name, c := range map[string]struct {
		change          func(*Config)
		offline, online bool
	}{
		"good":          {func(*Config) {}, true, true},
		"other APPID":   {func(c *Config) { c.AppID = "2021000000000099" }, true, false},
		"odd APPID":     {func(c *Config) { c.AppID = "wx12" }, false, false},
		"odd PID":       {func(c *Config) { c.PID = "1" }, false, true},
		"localhost":     {func(c *Config) { c.Callback = "https://localhost/cb" }, false, true},
		"other key":     {func(c *Config) { c.PrivateKey = byCerts().ours.PrivateKey }, true, false},
		"other Alipay":  {func(c *Config) { c.PublicKey = publicOf(t, byCerts().far.Key) }, true, false},
		"certificates":  {func(c *Config) { *c = byCerts().config(t, server.URL, provider.Wire{}) }, true, false}, // the vendor knows keys
		"nobody online": {func(c *Config) { c.Gateway = "http://127.0.0.1:1/gateway.do" }, true, false},
	} {
		conf := byKeys().config(t, server.URL, provider.Wire{})
		c.change(&conf)
		a := made(t, conf, clock.At(start))
		offline, online := a.CheckOffline(start), a.CheckOnline(t.Context())
		if (offline == nil) != c.offline || (online == nil) != c.online {
			t.Errorf("%s: offline %v, online %v", name, offline, online)
		}
	}
	a := made(t, byCerts().config(t, server.URL, provider.Wire{}), clock.At(start))
	if err := a.CheckOffline(time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil || !strings.Contains(err.Error(), "Alipay's certificate ended on 2100-01-01") || !strings.Contains(err.Error(), "our certificate ended") {
		t.Errorf("certificates that are over: %v", err)
	}
}

// FuzzAnswer: no answer makes it panic, and none that was not signed is a success.
func FuzzAnswer(f *testing.F) {
	a := goodFar().alipay(f)
	for _, seed := range []string{
		`{"alipay_system_oauth_token_response":` + goodToken + `,"sign":"AAAA"}`, `{"error_response":{"code":"40002"}}`, `{"alipay_system_oauth_token_response":{}}`,
		`{"alipay_system_oauth_token_response":"x","sign":null}`, `{"sign":"AAAA"}`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := a.read(tokenMethod, body); err == nil || got != (node{}) {
			t.Errorf("%+v, %v", got, err)
		}
		if bytes.HasPrefix(body, []byte("{")) {
			sign, err := (keys{own: byKeys().far.Key}).sign(string(bytes.TrimSpace(body)))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = a.read(tokenMethod, []byte(`{"alipay_system_oauth_token_response":`+string(body)+`,"sign":"`+sign+`"}`)) // it must not panic
		}
	})
}

func checkReason(t *testing.T, err error, want provider.Reason) {
	t.Helper()
	providertest.CheckReason(t, err, want, "EXAMPLE", "://")
}
