// Package facebook holds simulated Facebook Login: the dialog, the Graph calls of a
// sign-in (oauth/access_token, debug_token, me, permissions), what the SDK gives to an
// app in both its kinds (an access token, or the signed token of Limited Login), and
// the two signed requests that Facebook sends by itself. It is written from the
// vendor's pages (developers.facebook.com: "Manually Build a Login Flow", "OIDC Token
// for Limited Login", "Handle Errors", "Versions", "Data Deletion Request Callback")
// and must never share code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := facebook.New(provider.Options{Clock: clock, Title: "Facebook"}, facebook.Demo("App", "https://app.test/cb"))
//	server := httptest.NewServer(sim) // stands for www., graph. and limited.facebook.com
//
// Send a browser, or a form with `person` and the fields of the address, to
// /v26.0/dialog/oauth, swap the code at /v26.0/oauth/access_token, and look at
// sim.Desk().Requests() for what was asked. Paths without a version are served, as
// Facebook does, by the oldest version that there is.
package facebook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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
	Name      string   // of the app, as the dialog says it
	AppID     string   // digits
	Secret    string   // 32 hexadecimal digits
	Redirects []string // byte for byte (strict mode)
	Issuer    string   // of signed tokens; "" is Issuer
	// WithoutProof takes calls without appsecret_proof: "Require app secret" is off.
	WithoutProof bool
	// Deauthorize and Deletion are where the signed requests go; "" is the desk's
	// NoticeURL with ?about=deauthorize or ?about=deletion.
	Deauthorize, Deletion string
}

// Issuer is the issuer of signed tokens.
const Issuer = "https://www.facebook.com"

// ForeignID is an app of somebody else: what is "for another app" is for it.
const (
	ForeignID     = "999000000000009"
	foreignSecret = "the secret of another app"
)

// Versions are those of the Graph API that there are, oldest first.
func Versions() []string {
	return []string{"v20.0", "v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"}
}

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"no_email":         "the account has a phone only",
	"limited":          "refuses tracking: apps get the signed token of Limited Login",
	"no_picture":       "the picture is the silhouette",
	"flipped":          "numbers come as texts and texts as numbers",
	"checkpoint":       "tokens are invalid with subcode 459",
	"password_changed": "tokens are invalid with subcode 460",
	"logged_out":       "tokens are invalid with subcode 467",
	"unconfirmed":      "tokens are invalid with subcode 464",
}

const (
	codeLife    = 10 * time.Minute
	accessLife  = 5183944 * time.Second // about 60 days
	limitedLife = time.Hour
	keysAge     = time.Hour
)

// Sim is the simulated vendor.
type Sim struct {
	Keys token.Ring // signs the tokens of Limited Login and of scope openid

	*provider.Site[Config]

	access provider.Tokens[grant]
	sent   provider.Last[string] // kind and person -> the last signed request

	mu      sync.Mutex
	allowed map[string][]string // person -> the permissions that they gave
	refused map[string]bool     // persons who once unticked email
	page    [2]string           // the url and the code of the last answered deletion
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// grant is what a code or a token stands for.
type grant struct {
	app, person, redirect, nonce, challenge string
	scopes                                  []string
	issued                                  time.Time
}

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	if c.Issuer == "" {
		c.Issuer = Issuer
	}
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "facebook", Title: "Facebook", Quirks: Quirks, Events: kinds, Enter: s.enter,
		Pages: map[string]http.HandlerFunc{
			"/dialog/oauth":                             s.dialog,
			"/oauth/access_token":                       s.call(s.token),
			"GET /debug_token":                          s.call(s.debug),
			"GET /me":                                   s.call(s.me),
			"GET /{user}":                               s.call(s.me),
			"GET /{user}/permissions":                   s.call(s.permissions),
			"DELETE /{user}/permissions":                s.call(s.revoke),
			"DELETE /{user}/permissions/{which}":        s.call(s.revoke),
			"POST /platform/uninstall/{$}":              s.call(s.uninstall),
			"GET /.well-known/openid-configuration/{$}": s.discovery,
			"GET /.well-known/oauth/openid/jwks/{$}":    s.keys,
		},
	})
	s.forgetAll()
	s.Desk().OnReset(s.forgetAll)
	return s
}

// Demo is an app with a fresh secret that comes back to redirect.
func Demo(name, redirect string) Config {
	return Config{Name: name, AppID: "100000000000001", Secret: provider.Hex(32), Redirects: []string{redirect}}
}

// enter takes off the version in front of a path; one that there is not is refused.
func (s *Sim) enter(w http.ResponseWriter, r *http.Request) *http.Request {
	version, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	served := Versions()[0]
	if len(version) > 2 && version[0] == 'v' && strings.Trim(version[1:], "0123456789.") == "" {
		if !slices.Contains(Versions(), version) {
			s.answer(w, http.StatusBadRequest, failed(100, 0, "OAuthException", "Unknown API version "+version))
			return nil
		}
		served = version
		u := *r.URL
		u.Path, u.RawPath = "/"+rest, ""
		again := *r
		again.URL = &u
		r = &again
	}
	w.Header().Set("Facebook-Api-Version", served)
	return r
}

func (s *Sim) forgetAll() {
	s.mu.Lock()
	s.allowed, s.refused, s.page = map[string][]string{}, map[string]bool{}, [2]string{}
	s.mu.Unlock()
	s.sent.Clear()
	s.access.Revoke(func(grant) bool { return true })
}

// Forget is a person who removed the app: tokens end, and the next dialog asks anew.
func (s *Sim) Forget(person string) {
	s.mu.Lock()
	delete(s.allowed, person)
	delete(s.refused, person)
	s.mu.Unlock()
	s.access.Revoke(func(g grant) bool { return g.person == person })
}

// Subject is the person's id at the app, which no other app sees.
func (s *Sim) Subject(person string) string { return subject(s.Settings().AppID, person) }

func subject(app, person string) string { return token.Subject(17, "facebook", app, person) }

// find is who has this id at the app; "me" is the one of the token.
func (s *Sim) find(app, id, mine string) (provider.Person, bool) {
	for _, p := range s.Desk().People() {
		if id == "me" && p.ID == mine || subject(app, p.ID) == id {
			return p, true
		}
	}
	return provider.Person{}, false
}

// Proof is the appsecret_proof of a token.
func Proof(secret, accessToken string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(accessToken))
	return hex.EncodeToString(mac.Sum(nil))
}

// secretOf is the secret of an app that there is.
func (s *Sim) secretOf(app string) (string, bool) {
	c := s.Settings()
	switch app {
	case c.AppID:
		return c.Secret, true
	case ForeignID:
		return foreignSecret, true
	}
	return "", false
}

func (s *Sim) keys(w http.ResponseWriter, r *http.Request) {
	if !s.Desk().Hinder(w, r) {
		s.Keys.Serve(w, keysAge)
	}
}

func (s *Sim) discovery(w http.ResponseWriter, r *http.Request) {
	if s.Desk().Hinder(w, r) {
		return
	}
	provider.JSON(w, http.StatusOK, map[string]any{
		"issuer": s.Settings().Issuer, "jwks_uri": provider.Base(r) + "/.well-known/oauth/openid/jwks/",
		"authorization_endpoint": provider.Base(r) + "/dialog/oauth/", "response_types_supported": []string{"id_token", "token id_token"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	})
}
