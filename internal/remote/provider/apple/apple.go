// Package apple holds Sign in with Apple, as developer.apple.com/documentation
// describes it ("Sign in with Apple REST API"): the web flow with its cross-site POST,
// what native apps hand over, revocation, and notifications. It must never read an
// e-mail address or an ID from what passed through the browser: only the name comes
// that way, once, and it is text. It owns no table.
package apple

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// issuer signs ID tokens and notifications, and is the audience of client secrets.
const issuer = "https://appleid.apple.com"

// otherIssuer stood in Apple's discovery document for some days of June 2025; keys are
// only ever read from Base.
const otherIssuer = "https://account.apple.com"

// Config is a registration at Apple.
type Config struct {
	TeamID     string // ten letters and digits
	KeyID      string // of PrivateKey
	PrivateKey string // the .p8 file: PKCS #8, PEM, P-256
	ServiceID  string // client_id of pages; empty: native apps only
	AppIDs     []string
	// HashedNonce: native apps give Apple the SHA-256 of the nonce in hex; the nonce
	// itself is taken too.
	HashedNonce bool
	Base        string   // empty: https://appleid.apple.com
	Issuers     []string // empty: Apple's
	Wire        provider.Wire
}

// Apple is a registration at Apple.
type Apple struct {
	c      Config
	clk    *clock.Clock
	signer *signer
	tokens idtoken.Verifier
}

// New makes the adapter. It fails with one sentence per problem.
func New(c Config, clk *clock.Clock) (*Apple, error) {
	if c.Base == "" {
		c.Base = issuer
	}
	if len(c.Issuers) == 0 {
		c.Issuers = []string{issuer, otherIssuer}
	}
	c.Base = strings.TrimSuffix(c.Base, "/")
	var problems []error
	need := func(ok bool, sentence string) {
		if !ok {
			problems = append(problems, errors.New(sentence))
		}
	}
	need(c.TeamID != "", "apple: the Team ID is missing")
	need(c.KeyID != "", "apple: the Key ID is missing")
	need(c.ServiceID != "" || len(c.AppIDs) > 0, "apple: give a Services ID for pages, or bundle IDs of apps, or both")
	signer, err := newSigner(c.PrivateKey, c.KeyID, c.TeamID)
	problems = append(problems, err, codeflow.Address("apple: the address", c.Base))
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	keys := idtoken.NewKeys(c.Base+"/auth/keys", c.Wire, clk)
	return &Apple{c: c, clk: clk, signer: signer, tokens: idtoken.Verifier{Keys: keys, Clock: clk, Issuers: c.Issuers}}, nil
}

// Name is "apple".
func (a *Apple) Name() string { return "apple" }

// Takes: an app may hand over both; the ID token alone leaves nothing to revoke later.
func (a *Apple) Takes() provider.Takes {
	native := len(a.c.AppIDs) > 0
	return provider.Takes{Token: native, Code: native}
}

// AnswersByPost is true: Apple wants form_post for any scope.
func (a *Apple) AnswersByPost() bool { return true }

// Authorize makes the address of Apple's page. Apple reads a "+" between scopes as
// part of their names, so that they are parted by %20.
func (a *Apple) Authorize(at provider.Attempt) (string, error) {
	if a.c.ServiceID == "" {
		return "", provider.Fail(provider.Config, "service_id")
	}
	return codeflow.With(a.c.Base+"/auth/authorize", url.Values{
		"client_id":     {a.c.ServiceID},
		"redirect_uri":  {at.Callback},
		"response_type": {"code"},
		"response_mode": {"form_post"},
		"scope":         {"name email"},
		"state":         {at.State},
		"nonce":         {at.Nonce},
	}), nil
}

// Exchange swaps the code that was posted. The field user, which Apple sends with the
// first consent only, gives the name and nothing else: it is not signed.
func (a *Apple) Exchange(ctx context.Context, at provider.Attempt, callback url.Values) (provider.Identity, error) {
	code, err := codeflow.Code(callback)
	if err != nil {
		return provider.Identity{}, err
	}
	who, err := a.swap(ctx, code, at.Callback, a.c.ServiceID, idtoken.Want{Nonce: at.Nonce})
	if err != nil {
		return provider.Identity{}, err
	}
	who.Name = firstName(callback.Get("user"))
	return who, nil
}

// Redeem takes what an app got: the ID token, the code, or both. Both have to be of
// one person. A code is swapped with the bundle ID of its app, which the token names;
// a code alone can only be of the one app that there is.
func (a *Apple) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	want := idtoken.Want{Nonce: h.Nonce, Hashed: a.c.HashedNonce}
	if h.Token == "" {
		switch {
		case h.Code == "":
			return provider.Identity{}, provider.Fail(provider.Malformed, "nothing")
		case len(a.c.AppIDs) != 1:
			return provider.Identity{}, provider.Fail(provider.Malformed, "which_app")
		}
		return a.swap(ctx, h.Code, "", a.c.AppIDs[0], want)
	}
	want.Audience = a.c.AppIDs
	claims, err := a.tokens.IDToken(ctx, h.Token, want)
	if err != nil {
		return provider.Identity{}, err
	}
	who, err := a.identity(claims)
	if err != nil || h.Code == "" {
		return who, err
	}
	app := a.c.AppIDs[slices.IndexFunc(a.c.AppIDs, func(id string) bool { return slices.Contains(claims.Audience, id) })]
	swapped, err := a.swap(ctx, h.Code, "", app, want)
	if err != nil {
		return provider.Identity{}, err
	}
	if swapped.Subjects[0] != who.Subjects[0] {
		return provider.Identity{}, provider.Fail(provider.Untrusted, "other_person")
	}
	return swapped, nil
}

// swap swaps a code that client got; callback is empty for a native one, because Apple
// wants redirect_uri only where one was used to get the code.
func (a *Apple) swap(ctx context.Context, code, callback, client string, want idtoken.Want) (provider.Identity, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	if callback != "" {
		form.Set("redirect_uri", callback)
	}
	answer, err := a.post(ctx, "/auth/token", client, form)
	if err != nil {
		return provider.Identity{}, err
	}
	tokens, err := codeflow.Read(answer, a.clk.Now())
	if err != nil {
		return provider.Identity{}, err
	}
	want.Audience, want.AccessToken = []string{client}, tokens.Access
	claims, err := a.tokens.IDToken(ctx, tokens.ID, want)
	if err != nil {
		return provider.Identity{}, err
	}
	who, err := a.identity(claims)
	if err == nil && tokens.Refresh != "" {
		who.Grant = provider.Grant{Token: tokens.Refresh, Client: client}
	}
	return who, err
}

// post sends a form with the client's ID and a secret made for this one call.
func (a *Apple) post(ctx context.Context, path, client string, form url.Values) (provider.Answer, error) {
	secret, err := a.signer.secret(client, a.clk.Now())
	if err != nil {
		return provider.Answer{}, provider.Fail(provider.Config, "private_key")
	}
	form.Set("client_id", client)
	form.Set("client_secret", secret)
	return a.c.Wire.Post(ctx, a.c.Base+path, form)
}

// Revoke gives a refresh token back ("Revoke tokens"; the App Store wants it when an
// account is deleted). One that Apple no longer knows is given back already.
func (a *Apple) Revoke(ctx context.Context, g provider.Grant) error {
	if g.Token == "" || !slices.Contains(a.clients(), g.Client) {
		return provider.Fail(provider.Config, "grant")
	}
	answer, err := a.post(ctx, "/auth/revoke", g.Client, url.Values{"token": {g.Token}, "token_type_hint": {"refresh_token"}})
	if err != nil {
		return err
	}
	err = codeflow.Refused(answer, a.clk.Now())
	switch provider.ReasonOf(err) {
	case provider.InvalidCode, provider.Expired, provider.Replayed:
		return nil
	}
	return err
}

// clients are all client IDs of the registration.
func (a *Apple) clients() []string {
	if a.c.ServiceID == "" {
		return a.c.AppIDs
	}
	return append([]string{a.c.ServiceID}, a.c.AppIDs...)
}
