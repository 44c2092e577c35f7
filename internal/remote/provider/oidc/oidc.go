// Package oidc holds sign-in at any provider of OpenID Connect, by configuration:
// discovery (OpenID Connect Discovery section 4), the code flow with PKCE (RFC 7636)
// and nonce, the issuer in the answer (RFC 9207), and ID tokens that native apps hand
// over. It must never take a discovery document that names another issuer, nor say of
// an e-mail address that it is verified: whoever runs the provider may write any. It
// owns no table.
package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// Config is a client at an OpenID provider.
type Config struct {
	Name         string // in addresses; never changes
	Title        string // as people know it
	Issuer       string // as it stands in its tokens, byte for byte
	ClientID     string
	ClientSecret string   // empty: a public client
	Scopes       []string // beside openid
	AppIDs       []string // audiences of ID tokens that apps hand over
	// Addresses. UserInfo is asked only for a name that the ID token does not have. If
	// Authorize, Token or Keys is empty, all of them are discovered.
	Authorize, Token, Keys, UserInfo string
	Wire                             provider.Wire
}

// OIDC is a client at an OpenID provider.
type OIDC struct {
	c   Config
	clk *clock.Clock

	mu      sync.Mutex
	places  *places       // nil: not discovered yet
	failed  error         // why the last look found nothing
	asking  chan struct{} // not nil: somebody looks; closed when it is over
	askedAt time.Time
}

// places is where the provider does what.
type places struct {
	authorize, token, keys, userInfo string
	inBody                           bool // the secret goes into the form, not into the header
	issRequired                      bool // the answer names the issuer (RFC 9207 section 3)
	tokens                           idtoken.Verifier
}

// algorithms are those whose tokens are taken, all with keys that are published.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.PS256}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// New makes the adapter. It dials nobody. It fails with one sentence per problem.
func New(c Config, clk *clock.Clock) (*OIDC, error) {
	var problems []error
	if !nameForm.MatchString(c.Name) {
		problems = append(problems, errors.New("oidc: the name is none; use small letters, digits and dashes"))
	}
	if c.ClientID == "" {
		problems = append(problems, errors.New("oidc: the client ID is missing"))
	}
	problems = append(problems, codeflow.Address("oidc: the issuer", c.Issuer))
	for _, at := range []string{c.Authorize, c.Token, c.Keys, c.UserInfo} {
		if at != "" {
			problems = append(problems, codeflow.Address("oidc: an address", at))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	o := &OIDC{c: c, clk: clk}
	if c.Authorize != "" && c.Token != "" && c.Keys != "" {
		o.places = o.at(c.Authorize, c.Token, c.Keys, c.UserInfo)
	}
	return o, nil
}

func (o *OIDC) at(authorize, token, keys, userInfo string) *places {
	return &places{
		authorize: authorize, token: token, keys: keys, userInfo: userInfo,
		tokens: idtoken.Verifier{
			Keys: idtoken.NewKeys(keys, o.c.Wire, o.clk), Clock: o.clk, Issuers: []string{o.c.Issuer}, Algorithms: algorithms,
		},
	}
}

// Name is its name in the configuration.
func (o *OIDC) Name() string { return o.c.Name }

// Title is its name as people know it.
func (o *OIDC) Title() string { return o.c.Title }

// Takes: ID tokens for the apps that are configured.
func (o *OIDC) Takes() provider.Takes { return provider.Takes{Token: len(o.c.AppIDs) > 0} }

// Authorize makes the address of the provider's page. Before the provider was
// discovered there is none: that begins now, and the failure is Temporary.
func (o *OIDC) Authorize(at provider.Attempt) (string, error) {
	p := o.known()
	if p == nil {
		return "", provider.Fail(provider.Temporary, "discovery")
	}
	query := url.Values{
		"client_id":             {o.c.ClientID},
		"redirect_uri":          {at.Callback},
		"response_type":         {"code"},
		"scope":                 {o.scope()},
		"state":                 {at.State},
		"nonce":                 {at.Nonce},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(at.Verifier)},
		"code_challenge_method": {"S256"},
	}
	if at.Again {
		query.Set("prompt", "login")
	}
	if at.Language != "" {
		query.Set("ui_locales", at.Language)
	}
	return codeflow.With(p.authorize, query), nil
}

func (o *OIDC) scope() string {
	scopes := []string{"openid"}
	for _, s := range o.c.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return strings.Join(scopes, " ")
}

// Exchange swaps the code, after the answer was seen to be this issuer's (S-46).
func (o *OIDC) Exchange(ctx context.Context, at provider.Attempt, callback url.Values) (provider.Identity, error) {
	p, err := o.find(ctx)
	if err != nil {
		return provider.Identity{}, err
	}
	if iss := callback.Get("iss"); (callback.Has("iss") || p.issRequired) && iss != o.c.Issuer {
		return provider.Identity{}, provider.Fail(provider.Untrusted, "callback_iss")
	}
	code, err := codeflow.Code(callback)
	if err != nil {
		return provider.Identity{}, err
	}
	answer, err := o.swap(ctx, p, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {at.Callback}, "code_verifier": {at.Verifier},
	})
	if err != nil {
		return provider.Identity{}, err
	}
	tokens, err := codeflow.Read(answer, o.clk.Now())
	if err != nil {
		return provider.Identity{}, err
	}
	claims, err := p.tokens.IDToken(ctx, tokens.ID, idtoken.Want{Audience: []string{o.c.ClientID}, Nonce: at.Nonce, AccessToken: tokens.Access})
	if err != nil {
		return provider.Identity{}, err
	}
	var said profile
	if err := claims.Into(&said); err != nil {
		return provider.Identity{}, err
	}
	if said.Name == "" && said.Email == "" && p.userInfo != "" && tokens.Access != "" {
		if err := o.ask(ctx, p, tokens.Access, claims.Subject, &said); err != nil {
			return provider.Identity{}, err
		}
	}
	return o.identity(claims.Subject, said), nil
}

// swap asks the token address; the secret goes into the header, each part encoded as
// in a form (RFC 6749 section 2.3.1), unless the provider takes it in the form only.
func (o *OIDC) swap(ctx context.Context, p *places, form url.Values) (provider.Answer, error) {
	var header []string
	switch {
	case o.c.ClientSecret == "":
		form.Set("client_id", o.c.ClientID)
	case p.inBody:
		form.Set("client_id", o.c.ClientID)
		form.Set("client_secret", o.c.ClientSecret)
	default:
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(o.c.ClientID), url.QueryEscape(o.c.ClientSecret))
		header = []string{"Authorization", r.Header.Get("Authorization")}
	}
	return o.c.Wire.Post(ctx, p.token, form, header...)
}

// profile are the claims about a person that are only shown.
type profile struct {
	Name  idtoken.Hint `json:"name"`
	Email idtoken.Hint `json:"email"`
}

// ask reads the name from the UserInfo address. An answer about somebody else is
// refused (OpenID Connect Core section 5.3.2); none at all leaves the name empty.
func (o *OIDC) ask(ctx context.Context, p *places, token, subject string, said *profile) error {
	answer, err := o.c.Wire.Get(ctx, p.userInfo, nil, "Authorization", "Bearer "+token)
	if err != nil || answer.Status != http.StatusOK {
		return nil // who it was is known; a name is not worth a refusal
	}
	var info struct {
		Sub string `json:"sub"`
		profile
	}
	if answer.Object(&info) != nil {
		return nil
	}
	if info.Sub != subject {
		return provider.Fail(provider.Untrusted, "userinfo_sub")
	}
	*said = info.profile
	return nil
}

func (o *OIDC) identity(subject string, said profile) provider.Identity {
	return provider.Identity{
		Subjects: []provider.Subject{{Scope: "issuer:" + o.c.Issuer, Value: subject}},
		Name:     said.Name.Name(),
		Email:    said.Email.Mail(),
	}
}

// Redeem takes an ID token that is for one of our apps.
func (o *OIDC) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	if h.Token == "" || len(o.c.AppIDs) == 0 {
		return provider.Identity{}, provider.Fail(provider.Malformed, "no_token")
	}
	p, err := o.find(ctx)
	if err != nil {
		return provider.Identity{}, err
	}
	claims, err := p.tokens.IDToken(ctx, h.Token, idtoken.Want{Audience: o.c.AppIDs, Nonce: h.Nonce, Hashed: true})
	if err != nil {
		return provider.Identity{}, err
	}
	var said profile
	if err := claims.Into(&said); err != nil {
		return provider.Identity{}, err
	}
	return o.identity(claims.Subject, said), nil
}

// CheckOffline looks at the addresses.
func (o *OIDC) CheckOffline(time.Time) error {
	var problems []error
	for _, at := range []string{o.c.Issuer, o.c.Authorize, o.c.Token, o.c.Keys, o.c.UserInfo} {
		if at != "" {
			problems = append(problems, codeflow.Safe("oidc: "+o.c.Name+": an address", at))
		}
	}
	return errors.Join(problems...)
}

// CheckOnline discovers the provider, reads its keys, and asks for a code that nobody
// was given: the provider refuses the code if it knows the client and its secret.
func (o *OIDC) CheckOnline(ctx context.Context) error {
	p, err := o.find(ctx)
	if err != nil {
		return err
	}
	answer, err := o.swap(ctx, p, url.Values{
		"grant_type": {"authorization_code"}, "code": {codeflow.MadeUp}, "redirect_uri": {codeflow.Nowhere},
		"code_verifier": {strings.Repeat("selfsame", 6)}, // 43 to 128 letters (RFC 7636 section 4.1)
	})
	if err == nil {
		err = codeflow.Asked(answer, o.clk.Now())
	}
	return errors.Join(p.tokens.Keys.Fetch(ctx), err)
}

var (
	_ provider.Native  = (*OIDC)(nil)
	_ provider.Checker = (*OIDC)(nil)
)
