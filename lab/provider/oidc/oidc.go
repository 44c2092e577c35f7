// Package oidc holds a simulated OpenID provider of no vendor: discovery, the sign-in
// page, the token call with PKCE, the published keys, UserInfo, revocation, and ID
// tokens for apps. It is written from the standards (OpenID Connect Core 1.0 and
// Discovery 1.0; RFC 6749, 7009, 7636, 9207) and is strict where they say MUST. It must
// never share code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := oidc.New(provider.Options{Clock: clock, Title: "Example Works"}, oidc.Demo("App", "https://app.test/cb"))
//	server := httptest.NewServer(sim) // server.URL is the issuer
//
// Send a browser, or a form with `person` and the fields of the address, to
// /authorize, swap the code at /token, and look at sim.Desk().Requests() for what was
// asked. It sends no messages by itself.
package oidc

import (
	"net/http"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// Config is what is registered.
type Config struct {
	Name         string // of the provider in the lab's addresses; "" is "oidc"
	App          string // the client's name, as the page says it
	Issuer       string // "" is the address that the first request was sent to
	ClientID     string
	ClientSecret string   // "" is a public client
	AppIDs       []string // clients of apps
	Redirects    []string // byte for byte
	// SecretInForm takes the client's secret in the form only (client_secret_post), as
	// discovery then says; else in the header, too.
	SecretInForm bool
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"unverified_email": "email_verified is false",
	"no_email":         "there is no address",
	"flipped":          "email_verified is a string",
	"bare":             "the ID token tells sub only; UserInfo tells the rest",
	"other_userinfo":   "UserInfo is about somebody else; the ID token tells sub only",
	"audiences":        "the ID token is for two clients, and azp names ours",
	"no_nonce":         "nonce is missing",
	"no_at_hash":       "at_hash is missing",
}

const (
	codeLife    = 5 * time.Minute
	accessLife  = time.Hour
	tokenLife   = time.Hour
	refreshLife = 30 * 24 * time.Hour
	keysAge     = time.Hour
)

// Sim is the simulated provider.
type Sim struct {
	Keys token.Ring // signs ID tokens

	*provider.Site[Config]

	grants provider.Grants[grant]

	mu    sync.Mutex
	codes int // serial number of grants
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for.
type grant struct {
	serial                             int // all tokens of one code share it
	person, redirect, nonce, challenge string
	scopes                             []string
	at                                 time.Time
}

// New opens the provider.
func New(o provider.Options, c Config) *Sim {
	if c.Name == "" {
		c.Name = "oidc"
	}
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: c.Name, Title: "OpenID", Quirks: Quirks, Enter: s.enter,
		Pages:  map[string]http.HandlerFunc{"/authorize": s.authorize},
		Hinder: s.hinder,
		Calls: map[string]http.HandlerFunc{
			"POST /token":                           s.token,
			"POST /revoke":                          s.revoke,
			"/userinfo":                             s.userInfo,
			"GET /keys":                             func(w http.ResponseWriter, _ *http.Request) { s.Keys.Serve(w, keysAge) },
			"GET /.well-known/openid-configuration": s.discovery,
		},
	})
	s.Desk().OnReset(func() { s.grants.End(func(grant) bool { return true }) })
	return s
}

// enter takes the address of the first request for the issuer, if there is none.
func (s *Sim) enter(_ http.ResponseWriter, r *http.Request) *http.Request {
	s.Change(func(c *Config) {
		if c.Issuer == "" {
			c.Issuer = provider.Base(r)
		}
	})
	return r
}

// Demo is a client with a fresh secret that comes back to redirect, and one of an app.
func Demo(app, redirect string) Config {
	return Config{App: app, ClientID: "demo-web", ClientSecret: "demo-secret-" + provider.Hex(24), AppIDs: []string{"demo-app"}, Redirects: []string{redirect}}
}

// Subject is the person's sub.
func (s *Sim) Subject(person string) string { return token.Subject(12, "oidc", person) }

// profile is what scopes tell of a person.
func (s *Sim) profile(p provider.Person, scopes []string) token.Claims {
	c := token.Profile(s.Subject(p.ID), p, scopes)
	if p.Has("flipped") {
		token.Flip(c, "email_verified")
	}
	return c
}

func (s *Sim) discovery(w http.ResponseWriter, r *http.Request) {
	c, base := s.Settings(), provider.Base(r)
	methods := []string{"client_secret_basic", "client_secret_post"}
	switch {
	case c.ClientSecret == "":
		methods = []string{"none"}
	case c.SecretInForm:
		methods = methods[1:]
	}
	provider.JSON(w, http.StatusOK, map[string]any{
		"issuer": c.Issuer, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
		"userinfo_endpoint": base + "/userinfo", "revocation_endpoint": base + "/revoke", "response_types_supported": []string{"code"},
		"response_modes_supported": []string{"query", "form_post"}, "grant_types_supported": []string{"authorization_code", "refresh_token"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported": []string{"openid", "profile", "email", "offline_access"}, "token_endpoint_auth_methods_supported": methods,
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	})
}
