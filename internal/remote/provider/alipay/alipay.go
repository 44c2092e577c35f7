// Package alipay holds sign-in with Alipay 支付宝: the page, the gateway with RSA2
// signatures both ways, what its SDK wants signed and gives back, and signed messages
// (opendocs.alipay.com: 用户授权, alipay.system.oauth.token, alipay.user.info.share,
// openid 简介, App 支付宝登录, 签名). It must never take an answer for a success that
// Alipay did not sign, and never keep what it tells of documents and phone numbers. It
// owns no table.
package alipay

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Where Alipay and its sandbox are.
const (
	Gateway        = "https://openapi.alipay.com/gateway.do"
	Auth           = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm"
	SandboxGateway = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
	SandboxAuth    = "https://openauth-sandbox.dl.alipaydev.com/oauth2/publicAppAuthorize.htm"
)

// Config is what is registered. Keys and certificates are texts: PEM, or bare base64
// as the console gives keys.
type Config struct {
	AppID      string
	PID        string // for native apps; empty: none
	PrivateKey string // ours, RSA, 2048 bits or more
	PublicKey  string // Alipay's; empty in certificate mode
	AppCert    string // certificate mode: ours
	AlipayCert string // certificate mode: Alipay's
	RootCert   string // certificate mode: Alipay's roots
	Gateway    string // full address; empty: Gateway
	Auth       string // full address; empty: Auth
	// NoticeMethods are the messages that mean something, by msg_method; nil: Notices.
	NoticeMethods map[string]provider.NoticeKind
	Callback      string // our redirect URI, for CheckOffline; may be empty
	Wire          provider.Wire
}

// Notices are the messages that mean something, as far as they are documented.
var Notices = map[string]provider.NoticeKind{"alipay.open.auth.userauth.cancelled": provider.Revoked}

// Alipay is the vendor.
type Alipay struct {
	config Config
	clock  *clock.Clock
	keys   keys
}

var (
	_ provider.Native   = (*Alipay)(nil)
	_ provider.Preparer = (*Alipay)(nil)
	_ provider.Notifier = (*Alipay)(nil)
	_ provider.Checker  = (*Alipay)(nil)
)

// New makes the adapter, or says what is missing or unreadable.
func New(c Config, clk *clock.Clock) (*Alipay, error) {
	if c.Gateway == "" {
		c.Gateway = Gateway
	}
	if c.Auth == "" {
		c.Auth = Auth
	}
	if c.NoticeMethods == nil {
		c.NoticeMethods = Notices
	}
	var faults []error
	if !provider.CheckBase(c.Gateway) || !provider.CheckBase(c.Auth) {
		faults = append(faults, errors.New("alipay: an address of Alipay is none"))
	}
	if c.AppID == "" {
		faults = append(faults, errors.New("alipay: the APPID is missing"))
	}
	keys, err := readKeys(c)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &Alipay{c, clk, keys}, nil
}

// Name is "alipay".
func (*Alipay) Name() string { return "alipay" }

// Takes tells that the SDK gives codes.
func (a *Alipay) Takes() provider.Takes { return provider.Takes{Code: a.config.PID != ""} }

// Authorize makes the address of the page. The scope auth_user asks for the name.
func (a *Alipay) Authorize(at provider.Attempt) (string, error) {
	if !provider.CheckState(at.State) {
		return "", provider.Fail(provider.Config, "state")
	}
	return a.config.Auth + "?" + url.Values{
		"app_id": {a.config.AppID}, "scope": {"auth_user"}, "redirect_uri": {at.Callback}, "state": {at.State},
	}.Encode(), nil
}

// Exchange swaps the auth_code of a callback. Who refuses comes back without one, or
// not at all.
func (a *Alipay) Exchange(ctx context.Context, _ provider.Attempt, callback url.Values) (provider.Identity, error) {
	code, ok := provider.One(callback, "auth_code")
	switch {
	case callback.Has("app_id") && (len(callback["app_id"]) != 1 || callback.Get("app_id") != a.config.AppID):
		return provider.Identity{}, provider.Fail(provider.Untrusted, "app_id")
	case callback.Has("error"), callback.Has("code"):
		return provider.Identity{}, provider.Fail(provider.Malformed, "error")
	case !callback.Has("auth_code"):
		return provider.Identity{}, provider.Fail(provider.Denied, "")
	case !ok:
		return provider.Identity{}, provider.Fail(provider.Malformed, "auth_code")
	}
	return a.swap(ctx, code)
}

// Redeem swaps the auth_code of the SDK; the IDs beside it there are not signed, and
// not looked at (S-48).
func (a *Alipay) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	switch {
	case a.config.PID == "":
		return provider.Identity{}, provider.Fail(provider.Config, "no_pid")
	case !provider.CheckOpaque(h.Code):
		return provider.Identity{}, provider.Fail(provider.Malformed, "auth_code")
	}
	return a.swap(ctx, h.Code)
}

// swap asks who it was, and then what the person is called. Without an answer to the
// second it is somebody without a name; with a forged one it is nobody.
func (a *Alipay) swap(ctx context.Context, code string) (provider.Identity, error) {
	got, err := a.call(ctx, a.config.Wire, "alipay.system.oauth.token", url.Values{"grant_type": {"authorization_code"}, "code": {code}})
	if err != nil {
		return provider.Identity{}, err
	}
	who := provider.Identity{Subjects: a.subjects(got.OpenID, got.UserID)}
	if !provider.CheckOpaque(got.Token) || len(who.Subjects) == 0 {
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	profile, err := a.call(ctx, a.config.Wire.Spare(), "alipay.user.info.share", url.Values{"auth_token": {got.Token}})
	switch {
	case err != nil && provider.ReasonOf(err) == provider.Untrusted:
		return provider.Identity{}, err
	case err != nil:
		return who, nil
	case other(got.OpenID, profile.OpenID), other(got.UserID, profile.UserID):
		return provider.Identity{}, provider.Fail(provider.Untrusted, "open_id")
	}
	who.Name = provider.CleanName(profile.Nick)
	return who, nil
}

// other tells whether both are there and differ.
func other(one, two string) bool { return one != "" && two != "" && one != two }

// subjects are the IDs of a person: the one of this app, and the one of all apps that
// older apps still get. One that cannot be an ID leaves none.
func (a *Alipay) subjects(open, user string) (list []provider.Subject) {
	for _, s := range []provider.Subject{{Scope: "openid:" + a.config.AppID, Value: open}, {Scope: "uid", Value: user}} {
		switch {
		case s.Value == "":
		case !provider.CheckSubject(s.Value):
			return nil
		default:
			list = append(list, s)
		}
	}
	return list
}

// targetMost bounds the nonce in what the SDK is given.
const targetMost = 32

// Prepare signs what the app gives to the SDK; the key stays here.
func (a *Alipay) Prepare(nonce string, _ time.Time) (string, error) {
	switch {
	case a.config.PID == "":
		return "", provider.Fail(provider.Config, "no_pid")
	case !provider.CheckSubject(nonce) || strings.ContainsAny(nonce, "&=%+"):
		return "", provider.Fail(provider.Config, "nonce")
	case len(nonce) > targetMost:
		nonce = nonce[:targetMost]
	}
	form := url.Values{
		"apiname": {"com.alipay.account.auth"}, "method": {"alipay.open.auth.sdk.code.get"}, "app_id": {a.config.AppID}, "app_name": {"mc"},
		"biz_type": {"openservice"}, "pid": {a.config.PID}, "product_id": {"APP_FAST_LOGIN"}, "scope": {"kuaijie"}, "target_id": {nonce},
		"auth_type": {"AUTHACCOUNT"}, "sign_type": {"RSA2"},
	}
	sign, err := a.keys.sign(toSign(form, "sign"))
	if err != nil {
		return "", err
	}
	return toSign(form, "sign") + "&sign=" + url.QueryEscape(sign), nil
}
