// Package wechat holds sign-in with WeChat 微信: the website app with its code to scan,
// the page inside WeChat, the mobile app, and the messages that WeChat pushes
// (developers.weixin.qq.com: 网站应用微信登录, 网页授权, 移动应用微信登录, 授权用户信息变更).
// It must never believe an openid that did not come from its own exchange, nor take
// the preview's virtual user for a person. It owns no table.
package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// App is one registered app: an AppID and its AppSecret.
type App struct{ ID, Secret string }

// Message is the set-up of the message server, in safe mode.
type Message struct {
	Token  string
	AESKey string // EncodingAESKey, 43 characters
}

// Config is what is registered.
type Config struct {
	// Platform names the open-platform account that the apps are bound to; within it a
	// person has one unionid. Empty: each app knows people by its openid alone.
	Platform string
	Web      App // website app: any browser
	InApp    App // service account: pages inside WeChat
	Mobile   App // mobile app: codes of the SDK
	Message  Message
	Open     string // "https://open.weixin.qq.com"
	API      string // "https://api.weixin.qq.com"
	Callback string // our redirect URI, for CheckOffline; may be empty
	Wire     provider.Wire
}

// WeChat is the vendor.
type WeChat struct {
	config Config
	clock  *clock.Clock
	key    []byte // of messages; nil: no message is taken
}

var (
	_ provider.Native   = (*WeChat)(nil)
	_ provider.Notifier = (*WeChat)(nil)
	_ provider.Checker  = (*WeChat)(nil)
	_ provider.Placed   = (*WeChat)(nil)
)

// New makes the adapter, or says what is missing.
func New(c Config, clk *clock.Clock) (*WeChat, error) {
	var faults []error
	if c.Open == "" {
		c.Open = "https://open.weixin.qq.com"
	}
	if c.API == "" {
		c.API = "https://api.weixin.qq.com"
	}
	if !provider.CheckBase(c.Open) || !provider.CheckBase(c.API) {
		faults = append(faults, errors.New("wechat: an address of WeChat is none"))
	}
	if c.Web.ID == "" && c.InApp.ID == "" && c.Mobile.ID == "" {
		faults = append(faults, errors.New("wechat: no app is given"))
	}
	for _, a := range c.apps() {
		if a.ID == "" != (a.Secret == "") {
			faults = append(faults, fmt.Errorf("wechat: %s has an AppID or an AppSecret, but not both", a.what))
		}
	}
	if c.Platform != "" && !provider.CheckSubject(c.Platform) {
		faults = append(faults, errors.New("wechat: the name of the open platform may hold letters, digits and signs only"))
	}
	w := &WeChat{config: c, clock: clk}
	if c.Message != (Message{}) {
		var err error
		if w.key, err = messageKey(c.Message); err != nil {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return w, nil
}

type namedApp struct {
	App
	what string
}

func (c Config) apps() []namedApp {
	return []namedApp{{c.Web, "the website app"}, {c.InApp, "the service account"}, {c.Mobile, "the mobile app"}}
}

// Name is "wechat".
func (*WeChat) Name() string { return "wechat" }

// Takes tells that the mobile SDK gives codes.
func (w *WeChat) Takes() provider.Takes { return provider.Takes{Code: w.config.Mobile.ID != ""} }

// Offers tells whether there is an app for people who are there; who is in a native
// app can go to a page too.
func (w *WeChat) Offers(s provider.Surface) bool {
	return w.app(s).ID != "" || s != provider.InApp && w.config.Web.ID != ""
}

func (w *WeChat) app(s provider.Surface) App {
	switch s {
	case provider.Page:
		return w.config.Web
	case provider.InApp:
		return w.config.InApp
	default:
		return w.config.Mobile
	}
}

// Authorize makes the address of the page with the code to scan, or of the page
// inside WeChat. WeChat looks at the order of the parameters there, and wants the
// fragment in both.
func (w *WeChat) Authorize(a provider.Attempt) (string, error) {
	app := w.app(a.Surface)
	switch {
	case app.ID == "" || a.Surface != provider.Page && a.Surface != provider.InApp:
		return "", provider.Fail(provider.Config, "no_app")
	case !provider.CheckState(a.State):
		return "", provider.Fail(provider.Config, "state")
	}
	path, scope, more := "/connect/qrconnect", "snsapi_login", "&lang=en"
	switch {
	case a.Surface == provider.InApp:
		path, scope, more = "/connect/oauth2/authorize", "snsapi_userinfo", ""
		if a.Again {
			more = "&forcePopup=true"
		}
	case a.Language == "" || strings.HasPrefix(a.Language, "zh"):
		more = "&lang=cn"
	}
	return w.config.Open + path + "?appid=" + url.QueryEscape(app.ID) + "&redirect_uri=" + url.QueryEscape(a.Callback) +
		"&response_type=code&scope=" + scope + "&state=" + a.State + more + "#wechat_redirect", nil
}

// Exchange swaps the code of a callback. WeChat sends who refused back without one.
func (w *WeChat) Exchange(ctx context.Context, a provider.Attempt, callback url.Values) (provider.Identity, error) {
	app := w.app(a.Surface)
	code, ok := provider.One(callback, "code")
	switch {
	case app.ID == "" || a.Surface != provider.Page && a.Surface != provider.InApp:
		return provider.Identity{}, provider.Fail(provider.Config, "no_app")
	case callback.Has("error"):
		return provider.Identity{}, provider.Fail(provider.Malformed, "error")
	case !callback.Has("code"):
		return provider.Identity{}, provider.Fail(provider.Denied, "")
	case !ok:
		return provider.Identity{}, provider.Fail(provider.Malformed, "code")
	}
	return w.swap(ctx, app, code)
}

// Redeem swaps the code of the mobile SDK. It is good with the secret of that app
// only, so that a code of another app is worth nothing here (S-48).
func (w *WeChat) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	switch {
	case w.config.Mobile.ID == "":
		return provider.Identity{}, provider.Fail(provider.Config, "no_app")
	case !provider.CheckOpaque(h.Code):
		return provider.Identity{}, provider.Fail(provider.Malformed, "code")
	}
	return w.swap(ctx, w.config.Mobile, h.Code)
}

// answer is what WeChat answers to either call, or its error.
type answer struct {
	ErrCode  provider.Text `json:"errcode"`
	Token    string        `json:"access_token"`
	OpenID   string        `json:"openid"`
	UnionID  string        `json:"unionid"`
	Scope    string        `json:"scope"`
	Snapshot provider.Text `json:"is_snapshotuser"`
	Nickname string        `json:"nickname"`
}

// swap asks who it was, and then what the person is called. Without an answer to the
// second the person is somebody without a name, unless only that answer could bring
// the unionid.
func (w *WeChat) swap(ctx context.Context, app App, code string) (provider.Identity, error) {
	got, err := w.ask(ctx, w.config.Wire, "/sns/oauth2/access_token", url.Values{
		"appid": {app.ID}, "secret": {app.Secret}, "code": {code}, "grant_type": {"authorization_code"},
	})
	switch {
	case err != nil:
		return provider.Identity{}, err
	case got.snapshot():
		return provider.Identity{}, provider.Fail(provider.Untrusted, SnapshotUser)
	case !provider.CheckOpaque(got.Token) || !provider.CheckSubject(got.OpenID):
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	}
	var profile answer
	if got.tellsProfile() {
		profile, err = w.ask(ctx, w.config.Wire.Spare(), "/sns/userinfo", url.Values{"access_token": {got.Token}, "openid": {got.OpenID}, "lang": {"zh_CN"}})
		switch whole := got.UnionID != "" || w.config.Platform == ""; {
		case err != nil && whole:
			profile = answer{}
		case err != nil:
			return provider.Identity{}, err
		case profile.snapshot():
			return provider.Identity{}, provider.Fail(provider.Untrusted, SnapshotUser)
		case profile.OpenID != got.OpenID, got.UnionID != "" && profile.UnionID != "" && got.UnionID != profile.UnionID:
			return provider.Identity{}, provider.Fail(provider.Untrusted, "openid")
		}
	}
	return w.identity(app, got, profile)
}

// SnapshotUser is the Native code of the Failure for people in WeChat's preview of a
// page, who are told to open the full page.
const SnapshotUser = "snapshot_user"

func (a answer) snapshot() bool {
	return a.Snapshot != "" && a.Snapshot != "0"
}

// tellsProfile tells whether the token opens the profile. Scopes come with a comma
// at the end at times.
func (a answer) tellsProfile() bool {
	scopes := strings.Split(a.Scope, ",")
	return slices.Contains(scopes, "snsapi_login") || slices.Contains(scopes, "snsapi_userinfo")
}

func (w *WeChat) identity(app App, got, profile answer) (provider.Identity, error) {
	who := provider.Identity{Name: provider.CleanName(profile.Nickname)}
	union := got.UnionID
	if union == "" {
		union = profile.UnionID
	}
	if union != "" && w.config.Platform != "" {
		if !provider.CheckSubject(union) {
			return provider.Identity{}, provider.Fail(provider.Malformed, "unionid")
		}
		who.Subjects = append(who.Subjects, provider.Subject{Scope: "unionid:" + w.config.Platform, Value: union})
	}
	who.Subjects = append(who.Subjects, provider.Subject{Scope: "openid:" + app.ID, Value: got.OpenID})
	return who, nil
}

// ask makes a call of /sns. Errors come with status 200.
func (w *WeChat) ask(ctx context.Context, wire provider.Wire, path string, query url.Values) (got answer, err error) {
	a, err := wire.Get(ctx, w.config.API+path, query)
	if err != nil {
		return answer{}, err
	}
	if f := a.Down(w.clock.Now()); f != nil {
		return answer{}, f
	}
	if err := a.Object(&got); err != nil {
		return answer{}, err
	}
	if got.ErrCode != "" && got.ErrCode != "0" {
		return answer{}, provider.Fail(reasonOf(string(got.ErrCode)), string(got.ErrCode))
	}
	return got, nil
}

// reasons are what the codes of errors mean (developers.weixin.qq.com, 全局返回码).
var reasons = map[string]provider.Reason{
	"-1":    provider.Temporary,   // busy
	"40001": provider.Config,      // secret
	"40002": provider.Config,      // grant_type
	"40003": provider.Untrusted,   // openid
	"40013": provider.Config,      // appid
	"40014": provider.Expired,     // access_token
	"40029": provider.InvalidCode, // also of another app, and at times expired
	"40030": provider.Expired,     // refresh_token
	"40125": provider.Config,      // secret
	"40163": provider.Replayed,
	"40164": provider.Config, // our address is not on the app's list
	"41001": provider.Config, // something is missing in what we sent, down to 41009
	"41002": provider.Config,
	"41003": provider.Config,
	"41004": provider.Config,
	"41008": provider.Config,
	"41009": provider.Config,
	"42001": provider.Expired,
	"42002": provider.Expired,
	"42003": provider.Expired,
	"45009": provider.RateLimited,
	"45011": provider.RateLimited,
	"48001": provider.Config, // the app may not call this
}

func reasonOf(code string) provider.Reason {
	if r, known := reasons[code]; known {
		return r
	}
	return provider.Malformed
}
