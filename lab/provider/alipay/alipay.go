// Package alipay holds simulated Alipay sign-in: the authorization page, the gateway
// with RSA2 signatures in both directions, the SDK's result, and the signed message
// when a person takes the permission back. It is written from the vendor's pages
// (opendocs.alipay.com: 用户授权, alipay.system.oauth.token, alipay.user.info.share,
// auth_base 和 auth_user, openid 简介) and must never share code with an adapter. It
// owns no table.
//
// Use it in a test of your own:
//
//	config, ours, err := alipay.Demo("App", "https://app.test/cb", alipay.KeyMode)
//	sim := alipay.New(provider.Options{Clock: clock, Title: "Alipay"}, config)
//	server := httptest.NewServer(sim) // stands for openauth.alipay.com and openapi.alipay.com
//
// Send a browser, or a form with `person` and the fields of the address, to
// /oauth2/publicAppAuthorize.htm, swap the auth_code by a request to /gateway.do that
// is signed with ours.PrivateKey, check the answer with ours.PublicKey, and look at
// sim.Desk().Requests() for what was asked.
package alipay

import (
	"crypto/rsa"
	"crypto/x509"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// Mode is by which ID an app knows people.
type Mode string

// The modes. New apps are in the first.
const (
	OpenID Mode = "open_id" // its own ID of each person; also ""
	UserID Mode = "user_id" // the ID that all apps see
	Both   Mode = "both"
)

// App is one registered app.
type App struct {
	ID, PID   string
	Name      string   // as the page says it
	Redirects []string // the registered callback addresses, byte for byte
	Mode      Mode
	// PublicKey checks the app's requests. With Cert the certificate's key does, and
	// requests have to name it and the root certificates.
	PublicKey *rsa.PublicKey
	Cert      *x509.Certificate
}

// Config is what is registered, and how Alipay behaves where its pages disagree.
type Config struct {
	Apps []App
	Key  *rsa.PrivateKey // Alipay's; signs answers and messages
	// Cert is that of Key, and Roots are Alipay's root certificates: apps with a
	// certificate get alipay_cert_sn in answers.
	Cert  *x509.Certificate
	Roots []*x509.Certificate

	ErrorInside    bool          // errors stand in the node of the method, not in error_response
	UnsignedErrors bool          // errors have no sign
	CodeLife       time.Duration // of an auth_code: Alipay decides, from 3 minutes (also 0) to 24 hours
	Skew           time.Duration // how wrong a timestamp may be; nowhere published; 0: 15 minutes
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"union_id":       "union_id comes, which all apps see",
	"string_numbers": "expires_in and re_expires_in come as texts",
	"no_sign":        "answers about them are not signed",
	"no_picture":     "there is no avatar",
	"too_much":       "name, phone number and identity document come without having been asked for",
	"gbk":            "answers about them are in GBK",
}

// Foreign is the ID of an app of somebody else, which stands in the way back and in
// messages where they are for the wrong app.
const Foreign = "2021000000000099"

// Sim is the simulated vendor.
type Sim struct {
	desk *provider.Desk
	mux  http.ServeMux

	access  provider.Tokens[grant]
	refresh provider.Tokens[grant]
	other   func() (*rsa.PrivateKey, error) // a key that nobody knows

	mu     sync.Mutex
	config Config
	last   map[string]string // person -> the app that they allowed last
	sent   map[string]string // person -> the last message about them
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what an auth_code or a token stands for.
type grant struct{ App, Person, Scope string }

const (
	usualCode = 3 * time.Minute
	usualSkew = 15 * time.Minute
)

// beijing is the zone of every time that Alipay writes.
var beijing = time.FixedZone("UTC+8", 8*60*60)

const timeLayout = "2006-01-02 15:04:05"

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	s := &Sim{
		desk: provider.NewDesk(o), config: c, other: sync.OnceValues(newKey),
		last: map[string]string{}, sent: map[string]string{},
	}
	s.mux.HandleFunc("/oauth2/publicAppAuthorize.htm", s.authorize)
	s.mux.HandleFunc("POST /gateway.do", s.gateway)
	return s
}

// Name is "alipay".
func (s *Sim) Name() string { return "alipay" }

// Desk is the people, the failures and the record.
func (s *Sim) Desk() *provider.Desk { return s.desk }

// Quirks are the names of Quirks, in order.
func (s *Sim) Quirks() []string { return slices.Sorted(maps.Keys(Quirks)) }

// Events are the kinds of messages.
func (s *Sim) Events() []string { return []string{cancelled} }

// ServeHTTP is everything below openauth.alipay.com and openapi.alipay.com.
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

// about is the app that p allowed last, else the first of all.
func (s *Sim) about(p provider.Person) (App, bool) {
	s.mu.Lock()
	last := s.last[p.ID]
	s.mu.Unlock()
	if app, ok := s.app(last); ok {
		return app, true
	}
	apps := s.settings().Apps
	if len(apps) == 0 {
		return App{}, false
	}
	return apps[0], true
}

// key is what checks the app's requests; nil: nothing can.
func (a App) key() *rsa.PublicKey {
	if a.Cert == nil {
		return a.PublicKey
	}
	key, _ := a.Cert.PublicKey.(*rsa.PublicKey) // nil: of another kind
	return key
}
