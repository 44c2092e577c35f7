// Package qq holds simulated QQ sign-in (QQ 互联): the page, the calls below
// /oauth2.0 with their three kinds of bodies, the user info, and the SDK's result. It is
// written from the vendor's pages (wiki.connect.qq.com: 使用Authorization_Code获取Access_Token,
// 获取用户OpenID, get_user_info, 公共返回码说明) and must never share code with an adapter.
// QQ sends no messages by itself. It owns no table.
//
// Use it in a test of your own:
//
//	sim := qq.New(provider.Options{Clock: clock, Title: "QQ"}, qq.Config{Apps: []qq.App{
//		{ID: "100000001", Key: "secret", Redirects: []string{"https://app.test/cb"}},
//	}})
//	server := httptest.NewServer(sim) // stands for graph.qq.com and openmobile.qq.com
//
// Send a browser, or a form with `person` and the fields of the address, to
// /oauth2.0/authorize, swap the code at /oauth2.0/token, ask /oauth2.0/me whose token
// it is, and look at sim.Desk().Requests() for what was asked.
package qq

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// App is one registered app.
type App struct {
	ID, Key   string
	Name      string   // as the page says it
	Redirects []string // the registered callback addresses, byte for byte
	// Developer is the QQ Connect account that the app belongs to: apps of one
	// developer see the same unionid of a person. Empty: the app may not ask for it.
	Developer string
	Mobile    bool // for the SDK
}

// Config is what is registered, and how QQ behaves where its pages disagree.
type Config struct {
	Apps []App
	// Life is that of access tokens: its pages say 30, 60 and 90 days; 0: 90.
	Life time.Duration
	// WAP sends who cancels on a phone page (display=mobile) back with usercancel=1, as
	// older pages say; otherwise the window closes and nobody comes back.
	WAP bool
	// KeepsRefresh lets a refresh token be used again and again.
	KeepsRefresh bool
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"no_large_picture": "there is no picture of 100 pixels",
	"numbers":          "expires_in, year and level come as numbers, gender_type as a text",
	"union_first":      "unionid stands before openid",
}

// Foreign is the ID of an app of somebody else, to which tokens belong with the
// failure wrong_audience.
const Foreign = "100000099"

// Sim is the simulated vendor.
type Sim struct {
	*provider.Site[Config]

	grants provider.Grants[grant]
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for; Token and Redirect only where they matter.
type grant struct{ App, Person, Redirect, Token string }

const (
	codeLife  = 10 * time.Minute
	usualLife = 90 * 24 * time.Hour
	// A refresh token outlives the access token.
	refreshLife = 180 * 24 * time.Hour
)

var errNoMobile = errors.New("qq: no mobile app is registered")

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "qq", Quirks: Quirks,
		Copy: func(c *Config) { c.Apps = slices.Clone(c.Apps) },
		Pages: map[string]http.HandlerFunc{
			"/oauth2.0/authorize":           s.authorize,
			"GET /oauth2.0/token":           s.call(s.token),
			"GET /oauth2.0/me":              s.call(s.me),
			"GET /user/get_user_info":       s.open(s.userInfo),
			"GET /user/get_simple_userinfo": s.open(s.simpleInfo),
		},
	})
	return s
}

// Demo registers an app for pages and one for the SDK, with IDs that are the same at
// every start and fresh keys.
func Demo(name, redirect string) Config {
	app := func(kind string) App {
		n := binary.BigEndian.Uint32(provider.Derive("qq", "demo", kind))
		return App{ID: strconv.Itoa(100_000_100 + int(n%900_000)), Key: provider.Hex(32), Name: name, Developer: "demo"}
	}
	page, mobile := app("page"), app("mobile")
	page.Redirects, mobile.Mobile = []string{redirect}, true
	return Config{Apps: []App{page, mobile}}
}

// Withdraw ends what a person allowed to any app, as they do in QQ's own settings.
func (s *Sim) Withdraw(person string) {
	gone := func(g grant) bool { return g.Person == person }
	s.grants.End(gone)
}

func (s *Sim) app(id string) (App, bool) {
	return provider.Pick(s.Settings().Apps, func(a App) bool { return a.ID == id })
}

// openID is how app knows the person: 32 hexadecimal digits.
func openID(app, person string) string { return digits("openid", app, person) }

// unionID is how all apps of a developer know the person.
func unionID(developer, person string) string {
	return "UID_" + digits("unionid", developer, person)[:28]
}

func digits(parts ...string) string {
	return strings.ToUpper(hex.EncodeToString(provider.Derive(parts...)))[:32]
}

// authorize is the page. A wrong app or callback address is told to the person, what
// else is wrong to the app.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	q, c := r.Form, s.Settings()
	app, known := s.app(q.Get("client_id"))
	to, state := q.Get("redirect_uri"), q.Get("state")
	wrong := 0
	switch {
	case q.Get("client_id") == "":
		wrong = 100001
	case !known:
		wrong = 100008
	case !slices.Contains(app.Redirects, to):
		wrong = 100010
	}
	if wrong != 0 {
		s.Desk().Page(w, r, http.StatusOK, "登录失败", "error: "+strconv.Itoa(wrong), "error_description: "+words[wrong])
		return
	}
	if q.Get("response_type") != "code" {
		provider.Return(w, r, to, "error", "100000", "error_description", words[100000], "state", state)
		return
	}
	if state == "" {
		s.Desk().Page(w, r, http.StatusOK, "登录失败", "state is missing")
		return
	}
	person, decision, decided := s.Desk().Decision(r)
	switch {
	case !decided:
		s.Desk().Choose(w, r, provider.Chooser{App: app.Name, Asks: []string{"昵称、头像、性别 · name, picture, gender"}})
	case decision == "deny" && c.WAP && q.Get("display") == "mobile":
		provider.Return(w, r, to, "usercancel", "1", "state", state)
	case decision == "deny":
		s.Desk().Page(w, r, http.StatusOK, "窗口已关闭", "QQ closes its window here, and does not go back to the app.")
	default:
		code := strings.ToUpper(provider.Hex(32))
		s.Desk().Issue(code, grant{App: app.ID, Person: person.ID, Redirect: to}, codeLife)
		provider.Return(w, r, to, "code", code, "state", state)
	}
}

// hand hands out an access token.
func (s *Sim) hand(app App, person string) string {
	life := s.Settings().Life
	if life == 0 {
		life = usualLife
	}
	g := grant{App: app.ID, Person: person}
	if s.Desk().Failure() == provider.WrongAudience {
		g.App = Foreign
	}
	token := strings.ToUpper(provider.Hex(32))
	s.grants.Access.Put(token, g, s.Desk().Now().Add(life))
	return token
}

func (s *Sim) lifeInSeconds() string {
	life := s.Settings().Life
	if life == 0 {
		life = usualLife
	}
	return strconv.Itoa(int(life.Seconds()))
}

// Native is what the SDK hands to the first mobile app: access token ("token"), openid,
// expires_in, ret and the rest; with the failure Denied ret is -2 and there is no token.
func (s *Sim) Native(person, _ string) (map[string]string, error) {
	apps := s.Settings().Apps
	i := slices.IndexFunc(apps, func(a App) bool { return a.Mobile })
	if i < 0 {
		return nil, errNoMobile
	}
	if _, ok := s.Desk().Person(person); !ok {
		return nil, provider.ErrNobody
	}
	if s.Desk().Failure() == provider.Denied {
		return map[string]string{"ret": "-2", "msg": "user cancelled"}, nil
	}
	return map[string]string{
		"ret": "0", "token": s.hand(apps[i], person), "openid": openID(apps[i].ID, person), "expires_in": s.lifeInSeconds(),
		"pay_token": rand.Text(), "pf": "desktop_m_qq-10000144-android-2002-", "pfkey": rand.Text(),
	}, nil
}
