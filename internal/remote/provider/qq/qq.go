// Package qq holds sign-in with QQ (QQ 互联): the page, tokens of its SDK, and the three
// kinds of bodies that QQ answers with (wiki.connect.qq.com:
// 使用Authorization_Code获取Access_Token, 获取用户OpenID, 开发者反馈unionID, get_user_info,
// 公共返回码说明). It must never take a token without asking which app it was given to,
// nor run what looks like a script. It owns no table.
package qq

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// App is one registered app: an APP ID and its APP Key.
type App struct{ ID, Key string }

// Config is what is registered.
type Config struct {
	Web    App // pages
	Mobile App // tokens of the SDK
	// Developer names the account at QQ that holds the apps; within it a person has one
	// unionid, if QQ lets the apps see that. Empty: each app knows people by its openid.
	Developer string
	Base      string // "https://graph.qq.com"
	Callback  string // our redirect URI, for the checks; may be empty
	Wire      provider.Wire
}

// QQ is the vendor.
type QQ struct {
	config Config
	clock  *clock.Clock
}

var (
	_ provider.Native  = (*QQ)(nil)
	_ provider.Checker = (*QQ)(nil)
	_ provider.Placed  = (*QQ)(nil)
)

// New makes the adapter, or says what is missing.
func New(c Config, clk *clock.Clock) (*QQ, error) {
	if c.Base == "" {
		c.Base = "https://graph.qq.com"
	}
	var faults []error
	if !provider.CheckBase(c.Base) {
		faults = append(faults, errors.New("qq: the address of QQ is none"))
	}
	if c.Web.ID == "" && c.Mobile.ID == "" {
		faults = append(faults, errors.New("qq: no app is given"))
	}
	for _, a := range c.apps() {
		if a.ID == "" != (a.Key == "") {
			faults = append(faults, fmt.Errorf("qq: %s has an APP ID or an APP Key, but not both", a.what))
		}
	}
	if c.Developer != "" && !provider.CheckSubject(c.Developer) {
		faults = append(faults, errors.New("qq: the name of the developer may hold letters, digits and signs only"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &QQ{c, clk}, nil
}

type namedApp struct {
	App
	what string
}

func (c Config) apps() []namedApp {
	return []namedApp{{c.Web, "the website"}, {c.Mobile, "the mobile app"}}
}

// Name is "qq".
func (*QQ) Name() string { return "qq" }

// Takes tells that the SDK gives access tokens.
func (q *QQ) Takes() provider.Takes { return provider.Takes{Token: q.config.Mobile.ID != ""} }

// Offers tells whether there is an app for people who are there; who is in a native
// app can go to a page too.
func (q *QQ) Offers(s provider.Surface) bool {
	return q.config.Web.ID != "" || s != provider.Page && s != provider.InApp
}

// Authorize makes the address of the page. Who says no there closes a window, and
// nothing comes back.
func (q *QQ) Authorize(a provider.Attempt) (string, error) {
	switch {
	case q.config.Web.ID == "":
		return "", provider.Fail(provider.Config, "no_app")
	case !provider.CheckState(a.State):
		return "", provider.Fail(provider.Config, "state")
	}
	return q.config.Base + "/oauth2.0/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {q.config.Web.ID}, "redirect_uri": {a.Callback}, "state": {a.State}, "scope": {"get_user_info"},
	}.Encode(), nil
}

// Exchange swaps the code of a callback.
func (q *QQ) Exchange(ctx context.Context, a provider.Attempt, callback url.Values) (provider.Identity, error) {
	code, ok := provider.One(callback, "code")
	switch {
	case q.config.Web.ID == "":
		return provider.Identity{}, provider.Fail(provider.Config, "no_app")
	case callback.Get("usercancel") != "" && callback.Get("usercancel") != "0", callback.Get("error") == "access_denied":
		return provider.Identity{}, provider.Fail(provider.Denied, "")
	case callback.Has("error"):
		return provider.Identity{}, provider.Fail(wrong(provider.Text(callback.Get("error"))), callback.Get("error"))
	case !ok:
		return provider.Identity{}, provider.Fail(provider.Malformed, "code")
	}
	got, err := q.ask(ctx, q.config.Wire, "/oauth2.0/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {q.config.Web.ID}, "client_secret": {q.config.Web.Key},
		"code": {code}, "redirect_uri": {a.Callback}, "fmt": {"json"},
	})
	switch {
	case err != nil:
		return provider.Identity{}, err
	case !provider.CheckOpaque(got.Token):
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	return q.whose(ctx, q.config.Web, got.Token)
}

// Redeem asks whose a token of the SDK is: QQ's own answer names the app that it was
// given to and the openid (S-48).
func (q *QQ) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	switch {
	case q.config.Mobile.ID == "":
		return provider.Identity{}, provider.Fail(provider.Config, "no_app")
	case !provider.CheckOpaque(h.Token):
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	return q.whose(ctx, q.config.Mobile, h.Token)
}

// noUnion is the error of an app that may not see the unionid.
const noUnion = "100048"

// whose asks who a token belongs to and in which app, and then what the person is
// called. Without an answer to the latter it is somebody without a name.
func (q *QQ) whose(ctx context.Context, app App, token string) (provider.Identity, error) {
	ask := url.Values{"access_token": {token}, "fmt": {"json"}}
	if q.config.Developer != "" {
		ask.Set("unionid", "1")
	}
	got, err := q.ask(ctx, q.config.Wire, "/oauth2.0/me", ask)
	if f, ok := errors.AsType[*provider.Failure](err); ok && f.Native == noUnion && ask.Has("unionid") {
		ask.Del("unionid")
		got, err = q.ask(ctx, q.config.Wire, "/oauth2.0/me", ask)
	}
	switch {
	case err != nil:
		return provider.Identity{}, err
	case string(got.ClientID) != app.ID:
		return provider.Identity{}, provider.Fail(provider.Untrusted, "client_id")
	case !provider.CheckSubject(got.OpenID), got.UnionID != "" && !provider.CheckSubject(got.UnionID):
		return provider.Identity{}, provider.Fail(provider.Malformed, "openid")
	}
	var who provider.Identity
	if got.UnionID != "" && q.config.Developer != "" {
		who.Subjects = append(who.Subjects, provider.Subject{Scope: "unionid:" + q.config.Developer, Value: got.UnionID})
	}
	who.Subjects = append(who.Subjects, provider.Subject{Scope: "openid:" + app.ID, Value: got.OpenID})
	profile, err := q.ask(ctx, q.config.Wire.Spare(), "/user/get_user_info", url.Values{
		"access_token": {token}, "oauth_consumer_key": {app.ID}, "openid": {got.OpenID},
	})
	if err == nil {
		who.Name = provider.CleanName(profile.Nickname)
	}
	return who, nil
}

// ask makes a call. Errors come with status 200, and every answer says that it is HTML.
func (q *QQ) ask(ctx context.Context, wire provider.Wire, path string, query url.Values) (answer, error) {
	a, err := wire.Get(ctx, q.config.Base+path, query)
	if err != nil {
		return answer{}, err
	}
	if f := a.Down(q.clock.Now()); f != nil {
		return answer{}, f
	}
	got, err := read(a.Body)
	if err != nil {
		return answer{}, err
	}
	for _, code := range []provider.Text{got.Error, got.Ret} {
		if code != "" && code != "0" {
			return answer{}, provider.Fail(wrong(code), string(code))
		}
	}
	return got, nil
}

// reasons are what the codes of errors mean (wiki.connect.qq.com, 公共返回码说明).
var reasons = map[provider.Text]provider.Reason{
	"1002":   provider.Expired, // "log in first", of the older calls
	"100000": provider.Config,  // something is wrong or missing in what we sent, down to 100007
	"100001": provider.Config,
	"100002": provider.Config,
	"100003": provider.Config,
	"100004": provider.Config,
	"100005": provider.Config,
	"100006": provider.Config,
	"100007": provider.Config,
	"100008": provider.Config, // APP ID
	"100009": provider.Config, // APP Key
	"100010": provider.Config, // redirect_uri
	"100011": provider.Config, // the app is not online
	"100012": provider.Config,
	"100013": provider.InvalidCode,
	"100014": provider.Expired,
	"100015": provider.InvalidCode, // revoked
	"100016": provider.InvalidCode, // a token that is none
	"100017": provider.InvalidCode,
	"100018": provider.InvalidCode,
	"100019": provider.InvalidCode, // also expired
	"100020": provider.Replayed,
	"100021": provider.Temporary, // "get access token error"
	"100022": provider.Temporary,
	"100030": provider.Denied, // the person did not allow this call
	"100031": provider.Config, // the app may not call this
	noUnion:  provider.Config,
}

func wrong(code provider.Text) provider.Reason {
	if r, known := reasons[code]; known {
		return r
	}
	return provider.Malformed
}
