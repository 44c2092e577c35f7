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
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
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
	desk *provider.Desk
	mux  http.ServeMux

	access  provider.Tokens[grant]
	refresh provider.Tokens[grant]

	mu     sync.Mutex
	config Config
	last   map[string]string // person -> the app that they allowed last
	sent   map[string]string // person -> the last request about them
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
	s := &Sim{desk: provider.NewDesk(o), config: c, last: map[string]string{}, sent: map[string]string{}}
	s.mux.HandleFunc("/oauth2/authorize", s.authorize)
	s.mux.Handle("POST /oauth2/access_token", s.call(s.token))
	s.mux.Handle("POST /oauth2/get_token_info", s.call(s.tokenInfo))
	s.mux.Handle("/oauth2/revokeoauth2", s.call(s.revoke))
	s.mux.Handle("GET /2/account/get_uid.json", s.call(s.uid))
	s.mux.Handle("GET /2/users/show.json", s.call(s.show))
	s.mux.Handle("GET /2/account/profile/email.json", s.call(s.email))
	return s
}

// Demo registers an app with an ID that is the same at every start and a fresh secret.
func Demo(name, redirect string) Config {
	return Config{Apps: []App{{ID: uid("demo app"), Secret: provider.Hex(32), Name: name, Redirect: redirect}}}
}

// Name is "weibo".
func (s *Sim) Name() string { return "weibo" }

// Desk is the people, the failures and the record.
func (s *Sim) Desk() *provider.Desk { return s.desk }

// Quirks are the names of Quirks, in order.
func (s *Sim) Quirks() []string { return slices.Sorted(maps.Keys(Quirks)) }

// Events are the kinds of messages.
func (s *Sim) Events() []string { return []string{"cancel"} }

// ServeHTTP is everything below api.weibo.com and open.weibo.cn.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.desk.Note(r)
	s.mux.ServeHTTP(w, r)
}

// Change changes the registration while it runs.
func (s *Sim) Change(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Apps = slices.Clone(s.config.Apps)
	change(&s.config)
}

func (s *Sim) settings() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

func (s *Sim) app(id string) (App, bool) {
	apps := s.settings().Apps
	i := slices.IndexFunc(apps, func(a App) bool { return a.ID == id })
	if i < 0 {
		return App{}, false
	}
	return apps[i], true
}

// uid is the person's public number, the same for every app: ten digits.
func uid(person string) string {
	n := binary.BigEndian.Uint64(provider.Derive("weibo", person))
	return strconv.FormatUint(1_000_000_000+n%8_000_000_000, 10)
}

// find is who has this number.
func (s *Sim) find(number string) (provider.Person, bool) {
	people := s.desk.People()
	i := slices.IndexFunc(people, func(p provider.Person) bool { return uid(p.ID) == number })
	if i < 0 {
		return provider.Person{}, false
	}
	return people[i], true
}

// hand hands out an access token for what person allowed.
func (s *Sim) hand(app App, g grant) (string, grant) {
	life := app.Life
	if life == 0 {
		life = usualLife
	}
	g.At = s.desk.Now()
	g.Ends = g.At.Add(life)
	if s.desk.Failure() == provider.WrongAudience {
		g.App = Foreign
	}
	token := "2.00" + rand.Text()
	s.access.Put(token, g, g.Ends)
	return token, g
}

// Native is what the SDK hands to the first app: access token ("token"), uid,
// expires_in and refresh_token; with the failure Denied only error_code 21330.
func (s *Sim) Native(person, _ string) (map[string]string, error) {
	apps := s.settings().Apps
	if len(apps) == 0 {
		return nil, errNoApp
	}
	p, ok := s.desk.Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	if s.desk.Failure() == provider.Denied {
		return map[string]string{"error": "access_denied", "error_code": "21330"}, nil
	}
	s.allowed(p, apps[0])
	token, g := s.hand(apps[0], grant{App: apps[0].ID, Person: p.ID})
	again := "2.00" + rand.Text()
	s.refresh.Put(again, grant{App: g.App, Person: g.Person, Scope: g.Scope}, g.At.Add(refreshLife))
	return map[string]string{
		"token": token, "uid": uid(p.ID), "expires_in": seconds(g.Ends.Sub(g.At)), "refresh_token": again,
	}, nil
}

func (s *Sim) allowed(p provider.Person, app App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[p.ID] = app.ID
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
