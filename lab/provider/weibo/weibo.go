// Package weibo holds simulated Weibo sign-in: the page of both hosts, the calls below
// /oauth2 and /2, the SDK's result, and the request that Weibo makes when a person
// takes the permission back. It is written from the vendor's pages (open.weibo.com/wiki:
// 授权机制, Oauth2/authorize, Oauth2/get_token_info, Error_code) and must never share
// code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := weibo.New(provider.Options{Clock: clock, Title: "Weibo"}, weibo.Config{Apps: []weibo.App{
//		{ID: "1000000001", Secret: "secret", Redirect: "https://app.test/cb"},
//	}})
//	server := httptest.NewServer(sim) // stands for api.weibo.com and open.weibo.cn
//
// Send a browser, or a form with `person` and the fields of the address, to
// /oauth2/authorize, swap the code at /oauth2/access_token, and look at
// sim.Desk().Requests() for what was asked.
package weibo

import (
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// App is one registered app.
type App struct {
	ID, Secret string        // App Key, digits; App Secret
	Name       string        // as the page says it
	Redirect   string        // 授权回调页, byte for byte
	Cancel     string        // 取消授权回调页; empty: the desk's NoticeURL
	Email      bool          // the special permission for e-mail addresses
	Life       time.Duration // of tokens, by the app's level; 0: 30 days
}

// Config is what is registered, and how Weibo behaves where its pages disagree.
type Config struct {
	Apps []App
	// MobileLosesState lets the mobile host forget state on the way back.
	MobileLosesState bool
	// OldNames are those of older pages: error_url, and expires_in at get_token_info.
	OldNames bool
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"flipped":     "numbers come as texts and texts as numbers: uid, appkey, expires_in, result",
	"no_email":    "there is no address",
	"email_array": "the address comes in an array",
	"no_picture":  "the addresses of pictures are empty",
}

// Foreign is the App Key of an app of somebody else, to which tokens belong with the
// failure wrong_audience.
const Foreign = "4000000004"

// Sim is the simulated vendor.
type Sim struct {
	*provider.Site[Config]

	grants provider.Grants[grant]

	last provider.Last[string] // person -> the app that they allowed last
	sent provider.Last[string] // person -> the last request about them
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for.
type grant struct {
	App, Person, Scope string
	At, Ends           time.Time
}

const (
	usualLife   = 30 * 24 * time.Hour
	codeLife    = 10 * time.Minute
	refreshLife = 30 * 24 * time.Hour
)

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "weibo", Quirks: Quirks, Events: []string{"cancel"},
		Copy: func(c *Config) { c.Apps = slices.Clone(c.Apps) },
		Pages: map[string]http.HandlerFunc{
			"/oauth2/authorize":                 s.authorize,
			"POST /oauth2/access_token":         s.call(s.token),
			"POST /oauth2/get_token_info":       s.call(s.tokenInfo),
			"/oauth2/revokeoauth2":              s.call(s.revoke),
			"GET /2/account/get_uid.json":       s.call(s.uid),
			"GET /2/users/show.json":            s.call(s.show),
			"GET /2/account/profile/email.json": s.call(s.email),
		},
	})
	return s
}

// Demo registers an app with an ID that is the same at every start and a fresh secret.
func Demo(name, redirect string) Config {
	return Config{Apps: []App{{ID: uid("demo app"), Secret: provider.Hex(32), Name: name, Redirect: redirect}}}
}

func (s *Sim) app(id string) (App, bool) {
	return provider.Pick(s.Settings().Apps, func(a App) bool { return a.ID == id })
}

// uid is the person's public number, the same for every app: ten digits.
func uid(person string) string {
	n := binary.BigEndian.Uint64(provider.Derive("weibo", person))
	return strconv.FormatUint(1_000_000_000+n%8_000_000_000, 10)
}

// find is who has this number.
func (s *Sim) find(number string) (provider.Person, bool) {
	return provider.Pick(s.Desk().People(), func(p provider.Person) bool { return uid(p.ID) == number })
}

// hand hands out an access token for what person allowed.
func (s *Sim) hand(app App, g grant) (string, grant) {
	life := app.Life
	if life == 0 {
		life = usualLife
	}
	g.At = s.Desk().Now()
	g.Ends = g.At.Add(life)
	if s.Desk().Failure() == provider.WrongAudience {
		g.App = Foreign
	}
	token := "2.00" + rand.Text()
	s.grants.Access.Put(token, g, g.Ends)
	return token, g
}

// Native is what the SDK hands to the first app: access token ("token"), uid,
// expires_in and refresh_token; with the failure Denied only error_code 21330.
func (s *Sim) Native(person, _ string) (map[string]string, error) {
	apps := s.Settings().Apps
	if len(apps) == 0 {
		return nil, errNoApp
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	if s.Desk().Failure() == provider.Denied {
		return map[string]string{"error": "access_denied", "error_code": "21330"}, nil
	}
	s.last.Put(p.ID, apps[0].ID)
	token, g := s.hand(apps[0], grant{App: apps[0].ID, Person: p.ID})
	again := "2.00" + rand.Text()
	s.grants.Refresh.Put(again, grant{App: g.App, Person: g.Person, Scope: g.Scope}, g.At.Add(refreshLife))
	return map[string]string{
		"token": token, "uid": uid(p.ID), "expires_in": seconds(g.Ends.Sub(g.At)), "refresh_token": again,
	}, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
