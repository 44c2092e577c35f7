// Package apple holds simulated Sign in with Apple: the page with its answer by POST,
// the calls /auth/token and /auth/revoke with a client secret that the client signs,
// the published keys, what the SDK gives to an app, and the notifications that Apple
// sends by itself. It is written from the vendor's pages (developer.apple.com:
// "Incorporating Sign in with Apple into other platforms", "Token validation", "Token
// revocation", "Processing changes for Sign in with Apple accounts") and must never
// share code with an adapter. It owns no table.
//
// Use it in a test of your own:
//
//	sim := apple.New(provider.Options{Clock: clock, Title: "Apple"}, apple.Demo("App", "https://app.test/cb"))
//	server := httptest.NewServer(sim) // stands for appleid.apple.com
//
// Send a browser, or a form with `person` and the fields of the address, to
// /auth/authorize, swap the code at /auth/token, and look at sim.Desk().Requests()
// for what was asked. Unlike Apple it takes any redirect address that is registered,
// such as one of this computer.
package apple

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// Config is what is registered, and how Apple behaves where its pages disagree.
type Config struct {
	Name       string // of the app, as the page says it
	TeamID     string
	KeyID      string
	Key        *ecdsa.PublicKey // checks client secrets
	PrivateKey string           // PEM, for whoever sets up the client; the simulator never reads it
	ServiceID  string           // client_id of the web
	AppIDs     []string         // client_id of apps
	Redirects  []string         // return URLs of ServiceID, byte for byte
	Issuer     string           // of tokens; "" is Issuer
	// ObjectEvents sends the events of notifications as an object, not as a string.
	ObjectEvents bool
}

// Issuer is the issuer of tokens and the audience of client secrets.
const Issuer = "https://appleid.apple.com"

// Quirks are what can be odd about a person.
var Quirks = map[string]string{
	"hide_email":   "always hides the address behind one of Apple's relay",
	"no_email":     "there is no address",
	"work_account": "email_verified is false, and org_id is there",
	"flipped":      "email_verified and is_private_email are strings",
	"new_issuer":   "tokens are of https://account.apple.com",
	"transferred":  "the app was moved to another team: transfer_sub is there",
	"old_device":   "apps get tokens without nonce, and nonce_supported is false",
	"nameless":     "the first consent tells no name",
}

const (
	codeLife    = 5 * time.Minute
	accessLife  = time.Hour
	tokenLife   = 24 * time.Hour         // of ID tokens and notifications
	secretLife  = 15777000 * time.Second // the longest of a client secret
	refreshLife = 100 * 365 * 24 * time.Hour
	refreshWait = 24 * time.Hour // one validation of a refresh token a day
	keysAge     = time.Hour
)

// Sim is the simulated vendor.
type Sim struct {
	Keys token.Ring // signs tokens and notifications

	*provider.Site[Config]

	grants provider.Grants[grant]

	sent provider.Last[string] // kind and person -> the last notification

	mu       sync.Mutex
	consents map[string]consent   // by person
	checked  map[string]time.Time // refresh token -> its last validation
}

var (
	_ provider.Vendor    = (*Sim)(nil)
	_ provider.Describer = (*Sim)(nil)
)

// consent is that a person said yes to the team; names are told at the first only.
type consent struct {
	hides  bool
	client string // where it was said last
}

// grant is what a code or a token stands for.
type grant struct {
	client, person, redirect, nonce string
	email                           bool // the scope
	at                              time.Time
}

// New opens the vendor.
func New(o provider.Options, c Config) *Sim {
	if c.Issuer == "" {
		c.Issuer = Issuer
	}
	s := new(Sim)
	s.Site = provider.NewSite(o, c, provider.About[Config]{
		Name: "apple", Title: "Apple", Quirks: Quirks, Events: kinds,
		Pages: map[string]http.HandlerFunc{
			"/auth/authorize":                       s.authorize,
			"POST /auth/token":                      s.token,
			"POST /auth/revoke":                     s.revoke,
			"GET /auth/keys":                        s.keys,
			"GET /.well-known/openid-configuration": s.discovery,
		},
	})
	s.forgetAll()
	s.Desk().OnReset(s.forgetAll)
	return s
}

// Demo is a team with a fresh key, a web client that comes back to redirect, and an app.
func Demo(name, redirect string) Config {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err) // a key that was just made
	}
	return Config{
		Name: name, TeamID: "DEMOTEAM01", KeyID: "DEMOKEY001", Key: &private.PublicKey,
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		ServiceID:  "com.example.demo.web", AppIDs: []string{"com.example.demo.app"}, Redirects: []string{redirect},
	}
}

// Forget is a person who takes the app off the list in the settings of their device,
// without a notification: tokens end, and the next consent is a first one.
func (s *Sim) Forget(person string) {
	s.mu.Lock()
	delete(s.consents, person)
	s.mu.Unlock()
	theirs := func(g grant) bool { return g.person == person }
	s.grants.End(theirs)
}

func (s *Sim) forgetAll() {
	s.mu.Lock()
	s.consents, s.checked = map[string]consent{}, map[string]time.Time{}
	s.mu.Unlock()
	s.sent.Clear()
	all := func(grant) bool { return true }
	s.grants.End(all)
}

// consented notes a consent and says whether it was the first.
func (s *Sim) consented(p provider.Person, client string, hides bool) (c consent, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.consents[p.ID]
	if !known {
		c.hides = hides || p.Has("hide_email")
	}
	c.client = client
	s.consents[p.ID] = c
	return c, !known
}

// Subject is the person's sub: the same for all clients of a team.
func (s *Sim) Subject(person string) string { return subject(s.Settings().TeamID, person) }

func subject(team, person string) string {
	b := provider.Derive("apple", team, person)
	return fmt.Sprintf("%06d.%s.%04d", int(b[0])*100+int(b[1]), hex.EncodeToString(b[2:18]), int(b[18])*10+int(b[19])%10)
}

// address is what the team is told of the person's address.
func (s *Sim) address(p provider.Person, hides bool) (address string, private bool) {
	if p.Email == "" || p.Has("no_email") {
		return "", false
	}
	if !hides {
		return p.Email, false
	}
	b := provider.Derive("apple relay", s.Settings().TeamID, p.ID)
	return hex.EncodeToString(b[:5]) + "@privaterelay.appleid.com", true
}

// names are a person's two names, as far as one blank tells.
func names(p provider.Person) (first, last string) {
	first, last, _ = strings.Cut(p.Name, " ")
	return first, last
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
	base := provider.Base(r)
	provider.JSON(w, http.StatusOK, map[string]any{
		"issuer": s.Settings().Issuer, "authorization_endpoint": base + "/auth/authorize", "token_endpoint": base + "/auth/token",
		"revocation_endpoint": base + "/auth/revoke", "jwks_uri": base + "/auth/keys",
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "fragment", "form_post"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported": []string{"openid", "email", "name"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	})
}
