package alipay_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/alipay"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

func TestPages(t *testing.T) {
	s := open(t, alipay.KeyMode)
	page := func(change, value string) string {
		pairs := []string{"app_id", s.ours.AppID, "scope", "auth_user", "redirect_uri", callback, "state", "s1"}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == change {
				pairs[i+1] = value
			}
		}
		return walktest.Query("/oauth2/publicAppAuthorize.htm", pairs...)
	}
	back := callback + "?app_id=" + s.ours.AppID + "&source=alipay_wallet&scope=auth_user&state=s1"
	for _, c := range []struct{ name, page, decision, location, says string }{
		{"denied", page("", ""), "deny", back, ""},
		{"stays there", page("", ""), "leave", "", "does not go back"},
		{"unknown app", page("app_id", "1"), "allow", "", "isv.invalid-app-id"},
		{"address not registered", page("redirect_uri", callback+"?x"), "allow", "", "not the registered address"},
		{"scope", page("scope", "auth_ecard"), "allow", "", "want auth_base or auth_user"},
		{"no scope", page("scope", ""), "allow", "", "want auth_base or auth_user"},
		{"state too long", page("state", strings.Repeat("a", 101)), "allow", "", "at most 100"},
		{"Chinese state", page("state", "李"), "allow", "", "no Chinese"},
	} {
		a := walktest.Visit(t, s, c.page, "ana", c.decision)
		got := ""
		if a.Location != nil {
			got = a.Location.String()
		}
		if got != c.location || !strings.Contains(a.Body, c.says) {
			t.Errorf("%s: %d %s\n%s", c.name, a.Status, got, a.Body)
		}
	}
	s.Desk().Fail(provider.WrongAudience)
	if a := walktest.Visit(t, s, page("", ""), "ana", "allow"); a.Location.Query().Get("app_id") != alipay.Foreign || !a.Location.Query().Has("auth_code") {
		t.Errorf("%v", a.Location)
	}
}

func TestFailures(t *testing.T) {
	for name, certificates := range map[string]bool{"keys": alipay.KeyMode, "certificates": alipay.CertMode} {
		for _, f := range []provider.Failure{provider.BadSignature, provider.UnknownKey} {
			s := open(t, certificates)
			code := s.visit(t, "ana", "auth_user")
			s.Desk().Fail(f)
			got := s.redeem(t, code)
			if got.signed || got.sign == "" || got.fields["access_token"] == nil {
				t.Errorf("%s, %s: %+v", name, f, got)
			}
			if certificates && (got.certSN == s.sns["alipay_cert_sn"]) != (f == provider.BadSignature) {
				t.Errorf("%s: alipay_cert_sn %s", f, got.certSN)
			}
		}
	}
	s := open(t, alipay.KeyMode)
	form := s.sign(t, s.request("alipay.system.oauth.token", "grant_type", "authorization_code", "code", s.visit(t, "ana", "auth_user")))
	s.Desk().Fail(provider.Malformed)
	if a := walktest.Do(t, s, "POST", "/gateway.do", form); !strings.Contains(a.Body, `"open_id"`) || json.Valid([]byte(a.Body)) {
		t.Errorf("malformed: %s", a.Body)
	}
	s.Desk().Fail(provider.ServerErr)
	if a := walktest.Do(t, s, "POST", "/gateway.do", form); a.Status != 502 {
		t.Errorf("5xx: %d", a.Status)
	}
}

func TestErrorForms(t *testing.T) {
	s := open(t, alipay.KeyMode)
	s.Change(func(c *alipay.Config) { c.ErrorInside = true })
	if got := s.redeem(t, "x"); got.node != "alipay_system_oauth_token_response" || got.fields["sub_code"] != "isv.code-invalid" || !got.signed {
		t.Errorf("%+v", got)
	}
	s.Change(func(c *alipay.Config) { c.UnsignedErrors = true })
	if got := s.redeem(t, "x"); got.sign != "" || got.fields["sub_code"] != "isv.code-invalid" {
		t.Errorf("%+v", got)
	}
	if got := s.redeem(t, s.visit(t, "ana", "auth_user")); !got.signed {
		t.Errorf("%+v", got)
	}
}

// prepare is the string that an app's server makes for the SDK.
func (s town) prepare(t *testing.T, change ...string) string {
	t.Helper()
	form := url.Values{
		"apiname": {"com.alipay.account.auth"}, "method": {"alipay.open.auth.sdk.code.get"}, "app_id": {s.ours.AppID}, "app_name": {"mc"},
		"biz_type": {"openservice"}, "pid": {s.ours.PID}, "product_id": {"APP_FAST_LOGIN"}, "scope": {"kuaijie"}, "target_id": {"nonce1"},
		"auth_type": {"AUTHACCOUNT"}, "sign_type": {"RSA2"},
	}
	walktest.Set(form, change...)
	return s.sign(t, form).Encode()
}

func TestNative(t *testing.T) {
	s := open(t, alipay.KeyMode)
	for name, prepared := range map[string]string{"signed": s.prepare(t), "only a target": "nonce1"} {
		got, err := s.Native("lilei", prepared)
		if err != nil || got["resultStatus"] != "9000" {
			t.Fatal(name, got, err)
		}
		result, err := url.ParseQuery(got["result"])
		if err != nil || result.Get("result_code") != "200" || result.Get("auth_code") != got["code"] || result.Get("target_id") != "nonce1" {
			t.Errorf("%s: %v %v", name, result, err)
		}
		if token := s.redeem(t, got["code"]).fields; token["open_id"] != result.Get("alipay_open_id") || token["open_id"] == nil {
			t.Errorf("%s: %v, want the open_id of %v", name, token, result)
		}
	}
	for name, prepared := range map[string]string{
		"spoilt":          strings.Replace(s.prepare(t), "nonce1", "nonce2", 1),
		"another partner": s.prepare(t, "pid", "2088000000000000"),
		"another app":     s.prepare(t, "app_id", "1"),
		"long target":     s.prepare(t, "target_id", strings.Repeat("a", 33)),
		"other product":   s.prepare(t, "product_id", "WAP_FAST_LOGIN"),
		"not a query":     "%zz&sign=",
	} {
		if got, err := s.Native("lilei", prepared); err != nil || got["resultStatus"] != "4000" || got["code"] != "" {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	s.Desk().Fail(provider.Denied)
	if got, err := s.Native("lilei", s.prepare(t)); err != nil || got["resultStatus"] != "6001" || got["code"] != "" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := s.Native("nobody", "n"); !errors.Is(err, provider.ErrNobody) {
		t.Error(err)
	}
}

const cancelled = "alipay.open.auth.userauth.cancelled"

func TestCancelled(t *testing.T) {
	for _, c := range []struct {
		variant           string
		signed, ours, end bool
	}{
		{"valid", true, true, true},
		{"bad_signature", false, true, false},
		{"unknown_key", false, true, false},
		{"wrong_audience", true, false, false},
	} {
		for name, certificates := range map[string]bool{"keys": alipay.KeyMode, "certificates": alipay.CertMode} {
			s := open(t, certificates)
			token := s.redeem(t, s.visit(t, "lilei", "auth_user")).fields
			if status, err := s.Event(cancelled, "lilei", c.variant); status != 200 || err != nil {
				t.Fatal(status, err)
			}
			form, err := url.ParseQuery(s.inbox.Raw[0])
			if err != nil {
				t.Fatal(err)
			}
			var about map[string]string
			if err := json.Unmarshal([]byte(form.Get("biz_content")), &about); err != nil {
				t.Fatal(err)
			}
			switch {
			case s.signed(joined(form, "sign", "sign_type", "alipay_cert_sn"), form.Get("sign")) != c.signed:
				t.Errorf("%s, %s: signed is not %v", c.variant, name, c.signed)
			case (form.Get("app_id") == s.ours.AppID) != c.ours, form.Get("msg_method") != cancelled,
				form.Get("alipay_cert_sn") != s.sns["alipay_cert_sn"]:
				t.Errorf("%s, %s: %v", c.variant, name, form)
			case about["open_id"] != token["open_id"] || about["cancel_time"] != "2026-01-02 11:04:05":
				t.Errorf("%s, %s: %v", c.variant, name, about)
			}
			if ended := s.info(t, token["access_token"]).fields["code"] != "10000"; ended != c.end {
				t.Errorf("%s, %s: the token ended: %v", c.variant, name, ended)
			}
		}
	}
}

func TestCancelledReplay(t *testing.T) {
	s := open(t, alipay.KeyMode)
	for _, variant := range []string{"valid", "replay", "valid"} {
		s.clock.Advance(time.Second)
		if _, err := s.Event(cancelled, "lilei", variant); err != nil {
			t.Fatal(err)
		}
	}
	if s.inbox.Raw[0] != s.inbox.Raw[1] || s.inbox.Raw[1] == s.inbox.Raw[2] {
		t.Errorf("%q", s.inbox.Raw)
	}
	if _, err := s.Event("coffee", "lilei", "valid"); !errors.Is(err, provider.ErrNoEvent) {
		t.Error(err)
	}
}
