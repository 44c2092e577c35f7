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
	*provider.Site[Config]

	grants provider.Grants[grant]
	other  func() (*rsa.PrivateKey, error) // a key that nobody knows

	last provider.Last[string] // person -> the app that they allowed last
	sent provider.Last[string] // person -> the last message about them
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
	s := &Sim{other: sync.OnceValues(newKey)}
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "alipay", Quirks: Quirks, Events: []string{cancelled},
		Copy:  func(c *Config) { c.Apps = slices.Clone(c.Apps) },
		Pages: map[string]http.HandlerFunc{"/oauth2/publicAppAuthorize.htm": s.authorize, "POST /gateway.do": s.gateway},
	})
	return s
}

func (s *Sim) app(id string) (App, bool) {
	return provider.Pick(s.Settings().Apps, func(a App) bool { return a.ID == id })
}

// about is the app that p allowed last, else the first of all.
func (s *Sim) about(p provider.Person) (App, bool) {
	last, _ := s.last.Get(p.ID)
	if app, ok := s.app(last); ok {
		return app, true
	}
	return provider.Pick(s.Settings().Apps, func(App) bool { return true })
}

// key is what checks the app's requests; nil: nothing can.
func (a App) key() *rsa.PublicKey {
	if a.Cert == nil {
		return a.PublicKey
	}
	key, _ := a.Cert.PublicKey.(*rsa.PublicKey) // nil: of another kind
	return key
}
