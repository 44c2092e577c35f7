package alipay_test

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/alipay"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const callback = "https://app.test/cb"

// town is a vendor and the app that signs its requests, written a second time from the
// vendor's pages.
type town struct {
	*alipay.Sim
	clock  *walktest.Clock
	inbox  *walktest.Inbox
	ours   alipay.Credentials
	key    *rsa.PrivateKey
	public *rsa.PublicKey // of Alipay, out of what we were given
	sns    map[string]string
}

type demo struct {
	config alipay.Config
	ours   alipay.Credentials
	err    error
}

// demos are made once: keys take their time.
var demos = map[bool]func() demo{alipay.KeyMode: makeDemo(alipay.KeyMode), alipay.CertMode: makeDemo(alipay.CertMode)}

func makeDemo(certificates bool) func() demo {
	return sync.OnceValue(func() demo {
		c, ours, err := alipay.Demo("App", callback, certificates)
		return demo{c, ours, err}
	})
}

func open(t *testing.T, certificates bool) town {
	t.Helper()
	d := demos[certificates]()
	if d.err != nil {
		t.Fatal(d.err)
	}
	clock, inbox := new(walktest.Clock), new(walktest.Inbox)
	s := town{clock: clock, inbox: inbox, ours: d.ours, sns: map[string]string{}}
	c := d.config
	second := c.Apps[0]
	second.ID = "2021000000000002"
	c.Apps = []alipay.App{c.Apps[0], second}
	s.Sim = alipay.New(provider.Options{Clock: clock, Title: "Alipay", NoticeURL: "https://app.test/hook", Transport: inbox}, c)
	private, err := x509.ParsePKCS8PrivateKey(block(t, d.ours.PrivateKey)[0])
	if err != nil {
		t.Fatal(err)
	}
	s.key = private.(*rsa.PrivateKey)
	var public any
	if certificates {
		cert := parse(t, d.ours.AlipayCert)[0]
		public = cert.PublicKey
		s.sns["app_cert_sn"] = serial(parse(t, d.ours.AppCert)[0])
		s.sns["alipay_root_cert_sn"] = serial(parse(t, d.ours.RootCert)[0]) // the second is not RSA
		s.sns["alipay_cert_sn"] = serial(cert)
	} else if public, err = x509.ParsePKIXPublicKey(block(t, d.ours.PublicKey)[0]); err != nil {
		t.Fatal(err)
	}
	s.public = public.(*rsa.PublicKey)
	return s
}

func block(t *testing.T, text string) (ders [][]byte) {
	t.Helper()
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		ders = append(ders, b.Bytes)
	}
	if len(ders) == 0 {
		t.Fatalf("no PEM: %q", text)
	}
	return ders
}

func parse(t *testing.T, text string) (certs []*x509.Certificate) {
	t.Helper()
	for _, der := range block(t, text) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	return certs
}

func serial(c *x509.Certificate) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(c.Issuer.String()+c.SerialNumber.String())))
}

// joined is what gets signed.
func joined(form url.Values, without ...string) string {
	var pairs []string
	for name, values := range form {
		if values[0] != "" && !strings.Contains(" "+strings.Join(without, " ")+" ", " "+name+" ") {
			pairs = append(pairs, name+"="+values[0])
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

func (s town) sign(t *testing.T, form url.Values) url.Values {
	t.Helper()
	sum := sha256.Sum256([]byte(joined(form, "sign")))
	made, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	form.Set("sign", base64.StdEncoding.EncodeToString(made))
	return form
}

func (s town) signed(text, sign string) bool {
	made, err := base64.StdEncoding.DecodeString(sign)
	sum := sha256.Sum256([]byte(text))
	return err == nil && rsa.VerifyPKCS1v15(s.public, crypto.SHA256, sum[:], made) == nil
}

// request is a request, unsigned; pairs are more parameters or others.
func (s town) request(method string, pairs ...string) url.Values {
	form := url.Values{
		"app_id": {s.ours.AppID}, "method": {method}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"}, "version": {"1.0"},
		"timestamp": {s.clock.Now().Add(8 * time.Hour).Format("2006-01-02 15:04:05")}, "biz_content": {""},
	}
	for _, name := range []string{"app_cert_sn", "alipay_root_cert_sn"} {
		if s.sns[name] != "" {
			form.Set(name, s.sns[name])
		}
	}
	walktest.Set(form, pairs...)
	return form
}

// answered is an answer, taken apart without decoding the node.
type answered struct {
	node, raw, sign, certSN string
	signed                  bool
	fields                  map[string]any
}

var whole = regexp.MustCompile(`^\{"([a-z_]+)":(\{.*\})(?:,"alipay_cert_sn":"([0-9a-f]{32})")?(?:,"sign":"([^"]*)")?\}$`)

func (s town) send(t *testing.T, form url.Values) answered {
	t.Helper()
	a := walktest.Do(t, s, "POST", "/gateway.do", form)
	found := whole.FindStringSubmatch(a.Body)
	if a.Status != 200 || found == nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	got := answered{node: found[1], raw: found[2], certSN: found[3], sign: strings.ReplaceAll(found[4], `\/`, "/")}
	got.signed = s.signed(got.raw, got.sign)
	text := got.raw
	if strings.Contains(a.Type, "GBK") {
		var err error
		if text, err = simplifiedchinese.GBK.NewDecoder().String(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal([]byte(text), &got.fields); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return got
}

func (s town) call(t *testing.T, method string, pairs ...string) answered {
	t.Helper()
	return s.send(t, s.sign(t, s.request(method, pairs...)))
}

func (s town) redeem(t *testing.T, code string) answered {
	t.Helper()
	return s.call(t, "alipay.system.oauth.token", "grant_type", "authorization_code", "code", code)
}

func (s town) info(t *testing.T, token any) answered {
	t.Helper()
	return s.call(t, "alipay.user.info.share", "auth_token", token.(string))
}

func (s town) page(scope string) string {
	return walktest.Query("/oauth2/publicAppAuthorize.htm", "app_id", s.ours.AppID, "scope", scope, "redirect_uri", callback, "state", "s1")
}

func (s town) visit(t *testing.T, person, scope string) string {
	t.Helper()
	a := walktest.Visit(t, s, s.page(scope), person, "allow")
	if a.Location == nil {
		t.Fatalf("%d\n%s", a.Status, a.Body)
	}
	q := a.Location.Query()
	if q.Get("app_id") != s.ours.AppID || q.Get("source") != "alipay_wallet" || q.Get("scope") != scope || q.Get("state") != "s1" || q.Has("code") {
		t.Fatalf("%v", a.Location)
	}
	return q.Get("auth_code")
}

// From the page to the name, with keys and with certificates.
func TestWalk(t *testing.T) {
	for name, certificates := range map[string]bool{"keys": alipay.KeyMode, "certificates": alipay.CertMode} {
		t.Run(name, func(t *testing.T) {
			s := open(t, certificates)
			token := s.redeem(t, s.visit(t, "lilei", "auth_user"))
			f := token.fields
			if token.node != "alipay_system_oauth_token_response" || !token.signed || token.certSN != s.sns["alipay_cert_sn"] ||
				f["expires_in"] != 1296000.0 || f["re_expires_in"] != 2592000.0 || f["auth_start"] != "2026-01-02 11:04:05" ||
				f["user_id"] != nil || f["open_id"] == nil || f["code"] != nil {
				t.Errorf("%+v", token)
			}
			who := s.info(t, f["access_token"])
			if who.node != "alipay_user_info_share_response" || !who.signed || who.fields["code"] != "10000" ||
				who.fields["nick_name"] != "李雷" || who.fields["open_id"] != f["open_id"] || who.fields["cert_no"] != nil {
				t.Errorf("%+v", who)
			}
			if !strings.Contains(who.raw, `"https:\/\/tfs.example.test\/`) {
				t.Errorf("slashes without escapes: %s", who.raw)
			}
			again := s.call(t, "alipay.system.oauth.token", "grant_type", "refresh_token", "refresh_token", f["refresh_token"].(string))
			if again.fields["open_id"] != f["open_id"] || again.fields["access_token"] == f["access_token"] {
				t.Errorf("%+v", again)
			}
		})
	}
}

func TestGolden(t *testing.T) {
	s := open(t, alipay.KeyMode)
	a := walktest.Do(t, s, "POST", "/gateway.do", s.sign(t, s.request("alipay.system.oauth.token", "grant_type", "authorization_code", "code", s.visit(t, "ana", "auth_base"))))
	if !regexp.MustCompile(`^\{"alipay_system_oauth_token_response":\{"refresh_token":"authusrB\w{26}","access_token":"authusrB\w{26}","alipay_user_id":"2088\d{28}","auth_start":"2026-01-02 11:04:05","expires_in":300,"re_expires_in":360,"open_id":"074\w+"\},"sign":"[\w+=\\/]+"\}$`).MatchString(a.Body) || a.Type != "text/html;charset=utf-8" {
		t.Errorf("%s %s", a.Type, a.Body)
	}
	refused := s.redeem(t, "x")
	if refused.node != "error_response" || !refused.signed ||
		refused.raw != `{"msg":"Invalid Arguments","code":"40002","sub_msg":"授权码code无效","sub_code":"isv.code-invalid"}` {
		t.Errorf("%+v", refused)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    []string // of the request, before it is signed
		spoil     []string // after
		fail      provider.Failure
		after     time.Duration
		code, sub string
	}{
		{name: "good"},
		{name: "in time", after: 3*time.Minute - 1},
		{name: "late code", after: 3 * time.Minute, code: "40002", sub: "isv.code-invalid"},
		{name: "unknown code", change: []string{"code", "x"}, code: "40002", sub: "isv.code-invalid"},
		{name: "code of another app", change: []string{"app_id", "2021000000000002"}, code: "40002", sub: "isv.code-invalid"},
		{name: "no grant type", change: []string{"grant_type", ""}, code: "40001", sub: "isv.missing-parameter"},
		{name: "grant type", change: []string{"grant_type", "password"}, code: "40002", sub: "isv.grant-type-invalid"},
		{name: "refresh token", change: []string{"grant_type", "refresh_token"}, code: "40002", sub: "isv.refresh-token-invalid"},
		{name: "unknown app", change: []string{"app_id", "1"}, code: "40002", sub: "isv.invalid-app-id"},
		{name: "no version", change: []string{"version", ""}, code: "40001", sub: "isv.missing-parameter"},
		{name: "format", change: []string{"format", "XML"}, code: "40002", sub: "isv.invalid-parameter"},
		{name: "method", change: []string{"method", "alipay.trade.pay"}, code: "40002", sub: "isv.invalid-method"},
		{name: "sign type", change: []string{"sign_type", "RSA"}, code: "40002", sub: "isv.invalid-signature"},
		{name: "changed after signing", spoil: []string{"charset", "UTF-8"}, code: "40002", sub: "isv.invalid-signature"},
		{name: "no signature", spoil: []string{"sign", ""}, code: "40001", sub: "isv.missing-parameter"},
		{name: "time of another zone", change: []string{"timestamp", "2026-01-02 03:04:05"}, code: "40002", sub: "isv.invalid-timestamp"},
		{name: "a little late", change: []string{"timestamp", "2026-01-02 11:19:05"}},
		{name: "too late", change: []string{"timestamp", "2026-01-02 11:19:06"}, code: "40002", sub: "isv.invalid-timestamp"},
		{name: "code_reused", fail: provider.CodeReused, code: "40002", sub: "isv.code-invalid"},
		{name: "code_expired", fail: provider.CodeExpired, code: "40002", sub: "isv.code-invalid"},
		{name: "wrong_secret", fail: provider.WrongSecret, code: "40002", sub: "isv.invalid-signature"},
		{name: "wrong_audience", fail: provider.WrongAudience, code: "40002", sub: "isv.code-invalid"},
		{name: "busy", fail: provider.Busy, code: "20000", sub: "isp.unknow-error"},
		{name: "limited", fail: provider.Limited, code: "40005", sub: "isv.call-limited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, alipay.KeyMode)
			code := s.visit(t, "ana", "auth_user")
			s.clock.Advance(c.after)
			s.Desk().Fail(c.fail)
			form := s.sign(t, s.request("alipay.system.oauth.token", append([]string{"grant_type", "authorization_code", "code", code}, c.change...)...))
			for i := 0; i < len(c.spoil); i += 2 {
				form.Set(c.spoil[i], c.spoil[i+1])
			}
			got := s.send(t, form)
			if c.sub == "" {
				if got.fields["access_token"] == nil || !got.signed {
					t.Errorf("%+v", got)
				}
				if again := s.redeem(t, code); again.fields["sub_code"] != "isv.code-invalid" {
					t.Errorf("the same code again: %+v", again)
				}
				return
			}
			if got.node != "error_response" || got.fields["code"] != c.code || got.fields["sub_code"] != c.sub || got.fields["access_token"] != nil {
				t.Errorf("%+v", got)
			}
			if got.signed != (c.sub != "isv.invalid-app-id") {
				t.Errorf("signed: %v", got.signed)
			}
		})
	}
}

// An auth_code is used up by a call that fails.
func TestCodeBurnt(t *testing.T) {
	s := open(t, alipay.KeyMode)
	code := s.visit(t, "ana", "auth_user")
	s.call(t, "alipay.system.oauth.token", "app_id", "2021000000000002", "grant_type", "authorization_code", "code", code)
	if got := s.redeem(t, code); got.fields["sub_code"] != "isv.code-invalid" {
		t.Errorf("%+v", got)
	}
}

func TestParameterTwice(t *testing.T) {
	s := open(t, alipay.KeyMode)
	form := s.sign(t, s.request("alipay.user.info.share"))
	form.Add("auth_token", "a")
	form.Add("auth_token", "b")
	if got := s.send(t, form); got.fields["sub_code"] != "isv.invalid-parameter" {
		t.Errorf("%+v", got)
	}
}

func TestCertificatesNamed(t *testing.T) {
	for _, name := range []string{"app_cert_sn", "alipay_root_cert_sn"} {
		s := open(t, alipay.CertMode)
		s.sns[name] = strings.Repeat("0", 32)
		if got := s.redeem(t, s.visit(t, "ana", "auth_user")); got.fields["sub_code"] != "isv.invalid-signature" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUserInfoTokens(t *testing.T) {
	s := open(t, alipay.KeyMode)
	silent := s.redeem(t, s.visit(t, "ana", "auth_base")).fields["access_token"]
	full := s.redeem(t, s.visit(t, "ana", "auth_user")).fields["access_token"]
	for name, got := range map[string]answered{
		"auth_base": s.info(t, silent), "unknown": s.info(t, "x"), "none": s.call(t, "alipay.user.info.share"),
		"another app": s.call(t, "alipay.user.info.share", "app_id", "2021000000000002", "auth_token", full.(string)),
	} {
		if got.fields["code"] != "20001" || got.fields["sub_code"] != "aop.invalid-auth-token" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.clock.Advance(15 * 24 * time.Hour)
	if got := s.info(t, full); got.fields["sub_code"] != "aop.auth-token-time-out" {
		t.Errorf("late: %+v", got)
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[alipay.Mode][2]bool{alipay.OpenID: {true, false}, alipay.UserID: {false, true}, alipay.Both: {true, true}} {
		s := open(t, alipay.KeyMode)
		s.Change(func(c *alipay.Config) { c.Apps[0].Mode = mode })
		token := s.redeem(t, s.visit(t, "ana", "auth_user")).fields
		who := s.info(t, token["access_token"]).fields
		if got := [2]bool{token["open_id"] != nil, token["user_id"] != nil}; got != want || who["open_id"] != token["open_id"] || who["user_id"] != token["user_id"] {
			t.Errorf("%s: %v %v", mode, token, who)
		}
		if want[1] && !regexp.MustCompile(`^2088\d{12}$`).MatchString(token["user_id"].(string)) {
			t.Errorf("user_id %v", token["user_id"])
		}
	}
}

func TestQuirks(t *testing.T) {
	for quirk, check := range map[string]func(token, who answered) bool{
		"union_id": func(token, who answered) bool {
			return token.fields["union_id"] != nil && who.fields["union_id"] != nil
		},
		"string_numbers": func(token, _ answered) bool { return token.fields["expires_in"] == "1296000" },
		"no_sign":        func(token, who answered) bool { return token.sign == "" && who.sign == "" },
		"no_picture":     func(_, who answered) bool { return who.fields["avatar"] == nil },
		"too_much":       func(_, who answered) bool { return who.fields["cert_no"] != nil && who.fields["mobile"] != nil },
		"gbk": func(_, who answered) bool {
			return who.signed && !strings.Contains(who.raw, "韩") && who.fields["nick_name"] == "韩梅梅"
		},
	} {
		s := open(t, alipay.KeyMode)
		for _, p := range []provider.Person{{ID: "plain", Name: "韩梅梅"}, {ID: "odd", Name: "韩梅梅", Quirks: []string{quirk}}} {
			s.Desk().Add(p)
			token := s.redeem(t, s.visit(t, p.ID, "auth_user"))
			who := s.info(t, token.fields["access_token"])
			if check(token, who) != (p.ID == "odd") {
				t.Errorf("%s of %s: %+v %+v", quirk, p.ID, token, who)
			}
		}
	}
	if got := open(t, alipay.KeyMode).Quirks(); len(got) != 6 {
		t.Errorf("%v: six are tried here", got)
	}
}
