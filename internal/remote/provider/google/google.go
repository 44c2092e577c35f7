// Package google holds Sign in with Google, as developers.google.com/identity
// describes it ("OpenID Connect", "Verify the Google ID token on your server side",
// "Cross-Account Protection"): the web flow with PKCE and nonce, ID tokens of the
// platforms' SDKs, revocation, and security events. It must never take an access token
// from an app, and never know anybody by an e-mail address. It owns no table.
package google

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// Google's issuers: of ID tokens, which older ones write without the scheme, and of
// security events.
const (
	issuer      = "https://accounts.google.com"
	bareIssuer  = "accounts.google.com"
	eventIssuer = "https://accounts.google.com/"
)

// Config is a project at Google.
type Config struct {
	WebID     string // client ID of the web client
	WebSecret string
	AppIDs    []string // client IDs of the Android and iOS apps of the project
	// HostedDomain lets in only accounts of this Workspace domain; empty: everybody.
	HostedDomain string
	// Addresses; each empty one is Google's.
	Authorize, Token, Keys, Revoke, RISCKeys string
	Wire                                     provider.Wire
}

// Google is a project at Google.
type Google struct {
	c      Config
	clk    *clock.Clock
	tokens idtoken.Verifier
	events idtoken.Verifier
}

// New makes the adapter. It fails with one sentence per problem.
func New(c Config, clk *clock.Clock) (*Google, error) {
	var problems []error
	for _, a := range []struct {
		what string
		at   *string
		own  string
	}{
		{"authorize", &c.Authorize, "https://accounts.google.com/o/oauth2/v2/auth"},
		{"token", &c.Token, "https://oauth2.googleapis.com/token"},
		{"keys", &c.Keys, "https://www.googleapis.com/oauth2/v3/certs"},
		{"revoke", &c.Revoke, "https://oauth2.googleapis.com/revoke"},
		{"event keys", &c.RISCKeys, "https://www.googleapis.com/oauth2/v3/certs"},
	} {
		if *a.at == "" {
			*a.at = a.own
		}
		problems = append(problems, codeflow.Address("google: the address "+a.what, *a.at))
	}
	if c.WebID == "" || c.WebSecret == "" {
		problems = append(problems, errors.New("google: the web client's ID or secret is missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c.HostedDomain = strings.ToLower(c.HostedDomain)
	keys := idtoken.NewKeys(c.Keys, c.Wire, clk)
	eventKeys := keys
	if c.RISCKeys != c.Keys {
		eventKeys = idtoken.NewKeys(c.RISCKeys, c.Wire, clk)
	}
	return &Google{
		c: c, clk: clk,
		tokens: idtoken.Verifier{Keys: keys, Clock: clk, Issuers: []string{issuer, bareIssuer}},
		events: idtoken.Verifier{Keys: eventKeys, Clock: clk, Issuers: []string{eventIssuer}},
	}, nil
}

// Name is "google".
func (g *Google) Name() string { return "google" }

// Takes: ID tokens only. On Android they are for the web client, so that they are
// taken without AppIDs too.
func (g *Google) Takes() provider.Takes { return provider.Takes{Token: true} }

// Authorize makes the address of Google's page. Offline access brings a refresh token
// with the first consent: it is what can be given back at unlinking.
func (g *Google) Authorize(at provider.Attempt) (string, error) {
	query := url.Values{
		"client_id":             {g.c.WebID},
		"redirect_uri":          {at.Callback},
		"response_type":         {"code"},
		"scope":                 {"openid email profile"},
		"state":                 {at.State},
		"nonce":                 {at.Nonce},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(at.Verifier)},
		"code_challenge_method": {"S256"},
		"access_type":           {"offline"},
	}
	if at.Again {
		query.Set("prompt", "select_account") // Google knows no "login"
	}
	if g.c.HostedDomain != "" {
		query.Set("hd", g.c.HostedDomain) // a hint for the page; the claim decides
	}
	if at.Language != "" {
		query.Set("hl", at.Language)
	}
	return codeflow.With(g.c.Authorize, query), nil
}

// Exchange swaps the code. Codes hold a slash, so they are encoded once, by the form.
func (g *Google) Exchange(ctx context.Context, at provider.Attempt, callback url.Values) (provider.Identity, error) {
	if callback.Has("iss") && callback.Get("iss") != issuer { // RFC 9207 section 2.4
		return provider.Identity{}, provider.Fail(provider.Untrusted, "callback_iss")
	}
	code, err := codeflow.Code(callback)
	if err != nil {
		return provider.Identity{}, err
	}
	answer, err := g.c.Wire.Post(ctx, g.c.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {at.Callback},
		"client_id": {g.c.WebID}, "client_secret": {g.c.WebSecret}, "code_verifier": {at.Verifier},
	})
	if err != nil {
		return provider.Identity{}, err
	}
	tokens, err := codeflow.Read(answer, g.clk.Now())
	if err != nil {
		return provider.Identity{}, err
	}
	web := []string{g.c.WebID}
	who, err := g.identity(ctx, tokens.ID, idtoken.Want{Audience: web, Nonce: at.Nonce, AccessToken: tokens.Access})
	if err == nil && tokens.Refresh != "" {
		who.Grant = provider.Grant{Token: tokens.Refresh, Client: g.c.WebID}
	}
	return who, err
}

// Redeem takes an ID token from an SDK. On Android its audience is the web client and
// azp the Android client, on iOS either; both have to be ours. Some SDKs hash the nonce.
func (g *Google) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	if h.Token == "" {
		return provider.Identity{}, provider.Fail(provider.Malformed, "no_token")
	}
	return g.identity(ctx, h.Token, idtoken.Want{Audience: g.clients(), Nonce: h.Nonce, Hashed: true})
}

func (g *Google) identity(ctx context.Context, token string, want idtoken.Want) (provider.Identity, error) {
	claims, err := g.tokens.IDToken(ctx, token, want)
	if err != nil {
		return provider.Identity{}, err
	}
	var c struct {
		Email    idtoken.Hint `json:"email"`
		Verified idtoken.True `json:"email_verified"`
		Domain   idtoken.Hint `json:"hd"`
		Name     idtoken.Hint `json:"name"`
	}
	if err := claims.Into(&c); err != nil {
		return provider.Identity{}, err
	}
	if g.c.HostedDomain != "" && !strings.EqualFold(string(c.Domain), g.c.HostedDomain) {
		return provider.Identity{}, provider.Fail(provider.Denied, "hosted_domain")
	}
	who := provider.Identity{
		Subjects: []provider.Subject{{Scope: "global", Value: claims.Subject}},
		Name:     c.Name.Name(),
		Email:    c.Email.Mail(),
	}
	who.EmailVerified = who.Email != "" && bool(c.Verified) && authoritative(who.Email, string(c.Domain))
	return who, nil
}

// authoritative tells whether Google says whose mailbox it is now: it delivers mail
// there, or the domain is a Workspace customer's ("Verify the Google ID token on your
// server side"). Any other address was only checked once.
func authoritative(address, domain string) bool {
	return strings.HasSuffix(strings.ToLower(address), "@gmail.com") || domain != ""
}

// Revoke gives a refresh token back. One that Google no longer knows is given back.
func (g *Google) Revoke(ctx context.Context, grant provider.Grant) error {
	if grant.Token == "" {
		return provider.Fail(provider.Config, "grant")
	}
	answer, err := g.c.Wire.Post(ctx, g.c.Revoke, url.Values{"token": {grant.Token}})
	if err != nil {
		return err
	}
	err = codeflow.Refused(answer, g.clk.Now())
	switch provider.ReasonOf(err) {
	case provider.InvalidCode, provider.Expired, provider.Replayed:
		return nil
	}
	return err
}

// clients are all client IDs of the project.
func (g *Google) clients() []string { return slices.Concat([]string{g.c.WebID}, g.c.AppIDs) }
