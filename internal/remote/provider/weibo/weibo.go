// Package weibo holds sign-in with Weibo 微博: the page, tokens of its SDK, and the
// request by which Weibo tells that somebody took the permission back
// (open.weibo.com/wiki: 授权机制, Oauth2/access_token, Oauth2/get_token_info,
// Oauth2/revokeoauth2, Error_code). It must never believe a uid that an app or a
// callback brings, because uids are public. It owns no table.
package weibo

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Config is what is registered.
type Config struct {
	ID     string // App Key
	Secret string // App Secret
	// Base is "https://api.weibo.com". The host for phones, open.weibo.cn, is not used: it
	// is said to lose the state.
	Base     string
	Callback string // our redirect URI, for the checks; may be empty
	Wire     provider.Wire
}

// Weibo is the vendor.
type Weibo struct {
	config Config
	clock  *clock.Clock
}

var (
	_ provider.Native    = (*Weibo)(nil)
	_ provider.Revoker   = (*Weibo)(nil)
	_ provider.Notifier  = (*Weibo)(nil)
	_ provider.Confirmer = (*Weibo)(nil)
	_ provider.Checker   = (*Weibo)(nil)
)

// New makes the adapter, or says what is missing.
func New(c Config, clk *clock.Clock) (*Weibo, error) {
	if c.Base == "" {
		c.Base = "https://api.weibo.com"
	}
	var faults []error
	if !provider.CheckBase(c.Base) {
		faults = append(faults, errors.New("weibo: the address of Weibo is none"))
	}
	if c.ID == "" || c.Secret == "" {
		faults = append(faults, errors.New("weibo: App Key and App Secret are both needed"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Weibo{c, clk}, nil
}

// Name is "weibo".
func (*Weibo) Name() string { return "weibo" }

// Takes tells that the SDK gives access tokens.
func (*Weibo) Takes() provider.Takes { return provider.Takes{Token: true} }

// Authorize makes the address of the page. No scope is asked for: who it is and what
// the person is called need none.
func (w *Weibo) Authorize(a provider.Attempt) (string, error) {
	if !provider.CheckState(a.State) {
		return "", provider.Fail(provider.Config, "state")
	}
	q := url.Values{"client_id": {w.config.ID}, "redirect_uri": {a.Callback}, "response_type": {"code"}, "state": {a.State}}
	if a.Again {
		q.Set("forcelogin", "true")
	}
	if a.Language != "" && !strings.HasPrefix(a.Language, "zh") {
		q.Set("language", "en")
	}
	return w.config.Base + "/oauth2/authorize?" + q.Encode(), nil
}

// Exchange swaps the code of a callback.
func (w *Weibo) Exchange(ctx context.Context, a provider.Attempt, callback url.Values) (provider.Identity, error) {
	code, ok := provider.One(callback, "code")
	switch {
	case callback.Has("error") || callback.Has("error_code"):
		return provider.Identity{}, refused(callback)
	case !ok:
		return provider.Identity{}, provider.Fail(provider.Malformed, "code")
	}
	got, err := w.post(ctx, "/oauth2/access_token", url.Values{
		"client_id": {w.config.ID}, "client_secret": {w.config.Secret}, "grant_type": {"authorization_code"},
		"code": {code}, "redirect_uri": {a.Callback},
	})
	switch {
	case err != nil:
		return provider.Identity{}, err
	case !provider.CheckOpaque(got.Token) || !isUID(got.UID):
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	return w.named(ctx, got.Token, string(got.UID))
}

// refused is what a callback without a code says.
func refused(callback url.Values) error {
	if callback.Get("error_code") == "21330" || callback.Get("error") == "access_denied" {
		return provider.Fail(provider.Denied, callback.Get("error_code"))
	}
	if r, known := reasons[callback.Get("error_code")]; known {
		return provider.Fail(r, callback.Get("error_code"))
	}
	return provider.Fail(provider.Malformed, "error")
}

// Redeem asks whose a token of the SDK is and which app it was given to: an app of
// somebody else hands over its users' tokens here (S-48).
func (w *Weibo) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	if !provider.CheckOpaque(h.Token) {
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	got, err := w.info(ctx, h.Token)
	switch {
	case err != nil:
		return provider.Identity{}, err
	case string(got.AppKey) != w.config.ID:
		return provider.Identity{}, provider.Fail(provider.Untrusted, "appkey")
	case !isUID(got.UID):
		return provider.Identity{}, provider.Fail(provider.Malformed, "uid")
	}
	return w.named(ctx, h.Token, string(got.UID))
}

// info asks about a token that is good now.
func (w *Weibo) info(ctx context.Context, token string) (answer, error) {
	got, err := w.post(ctx, "/oauth2/get_token_info", url.Values{"access_token": {token}})
	if err != nil {
		return answer{}, err
	}
	if got.Left == "" {
		got.Left = got.OldLeft
	}
	if left, ok := got.Left.Int(); !ok || left <= 0 {
		return answer{}, provider.Fail(provider.Expired, "expire_in")
	}
	return got, nil
}

// isUID tells whether a uid is one: a positive int64 as digits, in one spelling.
func isUID(t provider.Text) bool {
	_, ok := t.Int()
	return ok && t[0] != '0' && strings.Trim(string(t), "0123456789") == ""
}

// named adds what the person is called. Without an answer it is somebody without a
// name.
func (w *Weibo) named(ctx context.Context, token, uid string) (provider.Identity, error) {
	who := provider.Identity{
		Subjects: []provider.Subject{{Scope: "global", Value: uid}},
		Grant:    provider.Grant{Token: token, Client: w.config.ID, User: uid},
	}
	// The header keeps the token out of addresses.
	got, err := w.read(w.config.Wire.Spare().Get(ctx, w.config.Base+"/2/users/show.json", url.Values{"uid": {uid}}, "Authorization", "OAuth2 "+token))
	switch {
	case err != nil:
		return who, nil
	case string(got.ID) != uid:
		return provider.Identity{}, provider.Fail(provider.Untrusted, "uid")
	}
	if who.Name = provider.CleanName(got.Screen); who.Name == "" {
		who.Name = provider.CleanName(got.Name)
	}
	return who, nil
}

// Revoke gives the permission back. A token that is worth nothing any more is no
// error.
func (w *Weibo) Revoke(ctx context.Context, g provider.Grant) error {
	if !provider.CheckOpaque(g.Token) {
		return nil
	}
	got, err := w.read(w.config.Wire.Get(ctx, w.config.Base+"/oauth2/revokeoauth2", url.Values{"access_token": {g.Token}}))
	switch f, ok := errors.AsType[*provider.Failure](err); {
	case ok && (revoked[f.Native] || f.Reason == provider.Expired):
		return nil
	case err != nil:
		return err
	case got.Result != true && got.Result != "true":
		return provider.Fail(provider.Malformed, "result")
	}
	return nil
}

// answer is what Weibo answers to any call, or its error.
type answer struct {
	Code    provider.Text `json:"error_code"`
	Token   string        `json:"access_token"`
	UID     provider.Text `json:"uid"`
	AppKey  provider.Text `json:"appkey"`
	Left    provider.Text `json:"expire_in"`  // seconds
	OldLeft provider.Text `json:"expires_in"` // so on older pages
	ID      provider.Text `json:"idstr"`
	Screen  string        `json:"screen_name"`
	Name    string        `json:"name"`
	Result  any           `json:"result"` // a boolean or its word
}

func (w *Weibo) post(ctx context.Context, path string, form url.Values) (answer, error) {
	return w.read(w.config.Wire.Post(ctx, w.config.Base+path, form))
}

// read reads an answer. Errors come with status 400 and their code, as a number or as
// text.
func (w *Weibo) read(a provider.Answer, err error) (got answer, _ error) {
	if err != nil {
		return answer{}, err
	}
	if f := a.Down(w.clock.Now()); f != nil {
		return answer{}, f
	}
	if err := a.Object(&got); err != nil {
		return answer{}, err
	}
	switch code := string(got.Code); {
	case code != "" && code != "0":
		reason, known := reasons[code]
		if !known {
			reason = provider.Malformed
		}
		return answer{}, provider.Fail(reason, code)
	case a.Status >= 400:
		return answer{}, provider.Fail(provider.Malformed, strconv.Itoa(a.Status))
	}
	return got, nil
}

// reasons are what the codes of errors mean (open.weibo.com/wiki/Error_code).
var reasons = map[string]provider.Reason{
	"10001": provider.Temporary,
	"10002": provider.Temporary,
	"10003": provider.Temporary,
	"10004": provider.Config, // our address is not on the app's list
	"10005": provider.Config, // the app may not call this
	"10006": provider.Config, // App Key or token is missing
	"10008": provider.Config, // a parameter
	"10009": provider.Temporary,
	"10014": provider.Config, // the app may not call this
	"10022": provider.RateLimited,
	"10023": provider.RateLimited,
	"10024": provider.RateLimited,
	"20003": provider.Untrusted, // no such user
	"21314": provider.Replayed,
	"21315": provider.Expired,
	"21316": provider.InvalidCode, // revoked
	"21317": provider.InvalidCode, // rejected
	"21322": provider.Config,      // redirect_uri
	"21323": provider.Config,      // request
	"21324": provider.Config,      // App Key or App Secret
	"21325": provider.InvalidCode, // also expired and used
	"21326": provider.Config,
	"21327": provider.Expired,
	"21328": provider.Config,
	"21329": provider.Config,
	"21330": provider.Denied,
	"21331": provider.Temporary,
	"21332": provider.InvalidCode, // a token that is none
}

// revoked are the errors of a token that was taken back. One that is merely over says
// nothing of what the person wants.
var revoked = map[string]bool{"21314": true, "21316": true, "21317": true, "21332": true}
