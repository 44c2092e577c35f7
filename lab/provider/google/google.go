// Package google holds simulated Sign in with Google: the account chooser with its
// consent, the token call with PKCE, the published keys, userinfo, tokeninfo and
// revocation, what the SDK gives to an app, and the security events of Cross-Account
// Protection (RISC). It is written from the vendor's pages (developers.google.com:
// "OpenID Connect API Reference", "Using OAuth 2.0 to Access Google APIs", "Verify the
// Google ID token on your server side", "Protect user accounts with Cross-Account
// Protection") and must never share code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := google.New(provider.Options{Clock: clock, Title: "Google"}, google.Demo("App", "https://app.test/cb"))
//	server := httptest.NewServer(sim) // stands for all hosts of Google
//
// Send a browser, or a form with `person` and the fields of the address, to
// /o/oauth2/v2/auth, swap the code at /token, and look at sim.Desk().Requests() for
// what was asked. What it has not: the button and One Tap of Google Identity Services.
package google

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// Config is what is registered.
type Config struct {
	Name      string   // of the app, as the page says it
	WebID     string   // client_id of the web
	WebSecret string   // and its secret
	AppIDs    []string // client_ids of Android, then of iOS
	Redirects []string // of WebID, byte for byte
	Issuer    string   // "" is Issuer
}

// Issuer is the issuer of ID tokens; that of security events ends in a slash.
const Issuer = "https://accounts.google.com"

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"workspace":        "hd is the domain of the address",
	"foreign_hd":       "hd is other.example, whatever the address",
	"unverified_email": "email_verified is false",
	"no_email":         "there is no address",
	"short_issuer":     "the issuer has no scheme",
	"new_sub":          "a new account that has the same address",
	"foreign_azp":      "azp is somebody else's client",
	"no_azp":           "azp is missing",
	"no_at_hash":       "at_hash is missing",
	"no_nonce":         "nonce is missing",
	"flipped":          "email_verified is a string",
	"ios":              "apps get tokens for the client of iOS",
}

const (
	codeLife    = 10 * time.Minute
	accessLife  = 3599 * time.Second
	tokenLife   = time.Hour
	refreshLife = 183 * 24 * time.Hour
	keysAge     = 6 * time.Hour
)

// Sim is the simulated vendor.
type Sim struct {
	Keys token.Ring // signs ID tokens and security events

	*provider.Site[Config]

	grants provider.Grants[grant]

	last provider.Last[string] // person -> their last refresh token
	sent provider.Last[string] // kind and person -> the last event

	mu       sync.Mutex
	consents map[string]bool // by person
	codes    int             // serial number of grants
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for.
type grant struct {
	serial                    int // all tokens of one code share it
	person, redirect, nonce   string
	challenge, method, scopes string
	offline                   bool
}

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	if c.Issuer == "" {
		c.Issuer = Issuer
	}
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "google", Title: "Google", Quirks: Quirks, Events: slices.Sorted(maps.Keys(eventTypes)),
		Pages:  map[string]http.HandlerFunc{"/o/oauth2/v2/auth": s.authorize},
		Hinder: s.hinder,
		Calls: map[string]http.HandlerFunc{
			"POST /token":                           s.token,
			"POST /revoke":                          s.revoke,
			"/v1/userinfo":                          s.userInfo,
			"/tokeninfo":                            s.tokenInfo,
			"GET /oauth2/v3/certs":                  s.keys,
			"GET /.well-known/openid-configuration": s.discovery,
			"GET /.well-known/risc-configuration":   s.riscDiscovery,
		},
	})
	s.forgetAll()
	s.Desk().OnReset(s.forgetAll)
	return s
}

// Demo is a project with a fresh secret: a web client that comes back to redirect,
// one of Android and one of iOS.
func Demo(name, redirect string) Config {
	return Config{
		Name: name, WebID: "100000000001-demo-web.apps.googleusercontent.com", WebSecret: "demo-secret-" + provider.Hex(24),
		AppIDs:    []string{"100000000001-demo-android.apps.googleusercontent.com", "100000000001-demo-ios.apps.googleusercontent.com"},
		Redirects: []string{redirect},
	}
}

func (s *Sim) forgetAll() {
	s.mu.Lock()
	s.consents = map[string]bool{}
	s.mu.Unlock()
	s.last.Clear()
	s.sent.Clear()
	s.grants.End(func(grant) bool { return true })
}

// Forget is a person who takes the app off the list of their account: tokens end, and
// the next consent is a first one.
func (s *Sim) Forget(person string) {
	s.mu.Lock()
	delete(s.consents, person)
	s.mu.Unlock()
	s.grants.End(func(g grant) bool { return g.person == person })
}

// Subject is the person's sub: the same for all clients.
func (s *Sim) Subject(person string) string {
	p, _ := s.Desk().Person(person) // nobody: a number all the same
	if p.Has("new_sub") {
		return token.Subject(21, "google", person, "new")
	}
	return token.Subject(21, "google", person)
}

// profile is what scopes tell of a person.
func (s *Sim) profile(p provider.Person, scopes []string) token.Claims {
	c := token.Profile(s.Subject(p.ID), p, scopes)
	if slices.Contains(scopes, "profile") {
		c["picture"] = "https://lh3.googleusercontent.com/a/example=s96-c"
	}
	switch {
	case p.Has("foreign_hd"):
		c["hd"] = "other.example"
	case p.Has("workspace"):
		_, c["hd"], _ = strings.Cut(p.Email, "@")
	}
	if p.Has("flipped") {
		token.Flip(c, "email_verified")
	}
	return c
}

func (s *Sim) keys(w http.ResponseWriter, _ *http.Request) { s.Keys.Serve(w, keysAge) }

func (s *Sim) discovery(w http.ResponseWriter, r *http.Request) {
	base := provider.Base(r)
	provider.JSON(w, http.StatusOK, map[string]any{
		"issuer": s.Settings().Issuer, "authorization_endpoint": base + "/o/oauth2/v2/auth", "token_endpoint": base + "/token",
		"userinfo_endpoint": base + "/v1/userinfo", "revocation_endpoint": base + "/revoke", "jwks_uri": base + "/oauth2/v3/certs",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":               []string{"plain", "S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (s *Sim) riscDiscovery(w http.ResponseWriter, r *http.Request) {
	provider.JSON(w, http.StatusOK, map[string]any{
		"issuer": s.Settings().Issuer + "/", "jwks_uri": provider.Base(r) + "/oauth2/v3/certs",
		"delivery_methods_supported": []string{"https://schemas.openid.net/secevent/risc/delivery-method/push"},
	})
}
