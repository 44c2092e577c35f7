// Package wechat holds simulated WeChat sign-in: the website page with its code to scan
// (qrconnect), the page inside the WeChat browser, the mobile SDK, the calls below
// /sns, and the messages that WeChat sends by itself. It is written from the vendor's
// pages (developers.weixin.qq.com: 网站应用微信登录, 网页授权, 授权用户信息变更) and must never
// share code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := wechat.New(provider.Options{Clock: clock, Title: "WeChat"}, wechat.Config{Apps: []wechat.App{
//		{ID: "wx0123456789abcdef", Secret: "secret", Kind: wechat.Web, Platform: "one", Domain: "app.test"},
//	}})
//	server := httptest.NewServer(sim) // stands for open.weixin.qq.com and api.weixin.qq.com
//
// Send a browser, or a form with `person` and the fields of the address, to
// /connect/qrconnect, swap the code at /sns/oauth2/access_token, and look at
// sim.Desk().Requests() for what was asked.
package wechat

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// Kind is where an app meets people.
type Kind string

// The kinds of apps, each with an ID and a secret of its own.
const (
	Web     Kind = "web"     // 网站应用: qrconnect, scope snsapi_login
	Account Kind = "account" // 服务号: a page inside WeChat, scope snsapi_base or snsapi_userinfo
	Mobile  Kind = "mobile"  // 移动应用: the SDK
)

// App is one registered app.
type App struct {
	ID, Secret string
	Name       string // as its page says it
	Kind       Kind
	// Platform is the open-platform account that the app is bound to: apps of one
	// platform see the same unionid of a person. Empty: no unionid. Change it, and every
	// unionid of the app changes.
	Platform string
	Domain   string // the registered host of redirect addresses; not for Mobile
}

// Message is how the apps' message server is set up.
type Message struct {
	Token  string
	AESKey string // EncodingAESKey, 43 characters; empty: messages are plain
}

// Config is what is registered, and how WeChat behaves where its pages disagree.
type Config struct {
	Apps    []App
	Message Message
	// ExpiredCode is the errcode of a code that came too late: 42003 (also for 0) or 40029.
	ExpiredCode int
	// SecretCode is the errcode of a wrong secret: 40125 (also for 0) or 40001.
	SecretCode int
	// AnyBrowser shows the page for WeChat's own browser in every browser.
	AnyBrowser bool
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"no_unionid":     "no unionid comes, as for an app that is not bound to a platform",
	"snapshot":       "pages inside WeChat get the virtual user of the preview mode: is_snapshotuser is 1",
	"no_picture":     "headimgurl is empty",
	"trailing_comma": "the scope ends in a comma",
}

// Sim is the simulated vendor.
type Sim struct {
	*provider.Site[Config]

	access  provider.Tokens[grant]
	refresh provider.Tokens[refreshing]

	last provider.Last[string]  // person -> the app that they allowed last
	sent provider.Last[message] // kind and person -> the last message
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for.
type grant struct{ App, Person, Scope string }

// refreshing is what a refresh token stands for. Its own end never moves.
type refreshing struct {
	grant
	access string
	ends   time.Time
}

const (
	accessLife    = 2 * time.Hour
	refreshLife   = 30 * 24 * time.Hour
	mobileRefresh = 180 * 24 * time.Hour
	codeLife      = 10 * time.Minute
	accountLife   = 5 * time.Minute // of the code of a page inside WeChat
)

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "wechat", Quirks: Quirks, Events: events,
		Copy: func(c *Config) { c.Apps = slices.Clone(c.Apps) },
		Pages: map[string]http.HandlerFunc{
			"/connect/qrconnect":            s.qrconnect,
			"/connect/oauth2/authorize":     s.inApp,
			"GET /sns/oauth2/access_token":  s.call(s.token),
			"GET /sns/oauth2/refresh_token": s.call(s.renew),
			"GET /sns/auth":                 s.call(s.check),
			"GET /sns/userinfo":             s.call(s.userinfo),
		},
	})
	return s
}

// Demo registers an app of each kind, with IDs that are the same at every start and
// fresh secrets, for the redirect host domain and people who read name on the page.
func Demo(name, domain string) Config {
	app := func(k Kind) App {
		id := "wx" + hex.EncodeToString(provider.Derive("wechat", "demo", string(k)))[:16]
		return App{ID: id, Secret: provider.Hex(32), Name: name, Kind: k, Platform: "demo", Domain: domain}
	}
	return Config{
		Apps:    []App{app(Web), app(Account), app(Mobile)},
		Message: Message{Token: rand.Text(), AESKey: (rand.Text() + rand.Text())[:43]},
	}
}

func (s *Sim) app(id string) (App, bool) {
	return provider.Pick(s.Settings().Apps, func(a App) bool { return a.ID == id })
}

// of is the first app of a kind.
func (s *Sim) of(k Kind) (App, bool) {
	return provider.Pick(s.Settings().Apps, func(a App) bool { return a.Kind == k })
}

// openID is how app knows the person.
func openID(a App, p provider.Person) string { return id("openid", a.ID, seen(a, p)) }

// unionID is how all apps of a platform know the person; empty: none comes.
func unionID(a App, p provider.Person, scope string) string {
	if a.Platform == "" || scope == scopeBase || p.Has("no_unionid") {
		return ""
	}
	return id("unionid", a.Platform, seen(a, p))
}

func id(parts ...string) string {
	return "o" + strings.ToUpper(hex.EncodeToString(provider.Derive(parts...)))[:27]
}

// snapshot tells whether the app gets to see the virtual user of the preview.
func snapshot(a App, p provider.Person) bool { return a.Kind == Account && p.Has("snapshot") }

func seen(a App, p provider.Person) string {
	if snapshot(a, p) {
		return "virtual user of " + p.ID
	}
	return p.ID
}
