// Package facebook holds Facebook Login, as developers.facebook.com/docs/facebook-login
// describes it ("Manually Build a Login Flow", "Limited Login", "Handle Errors"): the
// web flow, access tokens and Limited Login tokens of its SDKs, revocation, and the
// callbacks for deauthorizing and for deleting data. It must never take a person from
// an access token before Facebook said that the token is this app's. It owns no table.
package facebook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// issuer signs the tokens of Limited Login.
const issuer = "https://www.facebook.com"

// Config is an app at Facebook.
type Config struct {
	AppID       string // digits
	Secret      string
	Version     string // of the Graph API, "v26.0"; always sent, because without it the oldest counts
	Dialog      string // empty: https://www.facebook.com
	Graph       string // empty: https://graph.facebook.com
	LimitedKeys string // empty: Facebook's keys of Limited Login
	Wire        provider.Wire
}

// Facebook is an app at Facebook.
type Facebook struct {
	c       Config
	clk     *clock.Clock
	limited idtoken.Verifier
}

var versionForm = regexp.MustCompile(`^v[1-9][0-9]?\.[0-9]$`)

// New makes the adapter. It fails with one sentence per problem.
func New(c Config, clk *clock.Clock) (*Facebook, error) {
	for at, own := range map[*string]string{
		&c.Dialog: "https://www.facebook.com", &c.Graph: "https://graph.facebook.com",
		&c.LimitedKeys: "https://limited.facebook.com/.well-known/oauth/openid/jwks/",
	} {
		if *at == "" {
			*at = own
		}
	}
	problems := []error{
		codeflow.Address("facebook: the address of the dialog", c.Dialog), codeflow.Address("facebook: the address of the Graph API", c.Graph),
		codeflow.Address("facebook: the address of keys", c.LimitedKeys),
	}
	if c.AppID == "" || c.Secret == "" {
		problems = append(problems, errors.New("facebook: the App ID or the App Secret is missing"))
	}
	if !versionForm.MatchString(c.Version) {
		problems = append(problems, errors.New("facebook: the version is none; give one such as v26.0"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c.Dialog, c.Graph = strings.TrimSuffix(c.Dialog, "/"), strings.TrimSuffix(c.Graph, "/")
	keys := idtoken.NewKeys(c.LimitedKeys, c.Wire, clk)
	return &Facebook{c: c, clk: clk, limited: idtoken.Verifier{Keys: keys, Clock: clk, Issuers: []string{issuer}}}, nil
}

// Name is "facebook".
func (f *Facebook) Name() string { return "facebook" }

// Takes: access tokens and tokens of Limited Login.
func (f *Facebook) Takes() provider.Takes { return provider.Takes{Token: true} }

// Authorize makes the address of the dialog. Scopes are parted by commas.
func (f *Facebook) Authorize(at provider.Attempt) (string, error) {
	query := url.Values{
		"client_id":     {f.c.AppID},
		"redirect_uri":  {at.Callback},
		"response_type": {"code"},
		"scope":         {"email,public_profile"},
		"state":         {at.State},
	}
	if at.Again {
		query.Set("auth_type", "reauthenticate")
	}
	return codeflow.With(f.c.Dialog+"/"+f.c.Version+"/dialog/oauth", query), nil
}

// graph is an address of the Graph API.
func (f *Facebook) graph(path string) string { return f.c.Graph + "/" + f.c.Version + path }

// appToken is the app's own access token ("Access Tokens", App Tokens).
func (f *Facebook) appToken() string { return f.c.AppID + "|" + f.c.Secret }

// proof is appsecret_proof ("Securing Graph API Requests"): a token alone is then worth
// nothing to who stole it.
func (f *Facebook) proof(token string) string {
	mac := hmac.New(sha256.New, []byte(f.c.Secret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// Exchange swaps the code and asks who it is. The token is this app's, because it came
// for a code and the app's secret.
func (f *Facebook) Exchange(ctx context.Context, at provider.Attempt, callback url.Values) (provider.Identity, error) {
	code, err := readCallback(callback)
	if err != nil {
		return provider.Identity{}, err
	}
	var swapped struct {
		Token string `json:"access_token"`
	}
	err = f.get(ctx, inSwap, "/oauth/access_token", url.Values{
		"client_id": {f.c.AppID}, "redirect_uri": {at.Callback}, "client_secret": {f.c.Secret}, "code": {code},
	}, "", &swapped)
	if err != nil {
		return provider.Identity{}, err
	}
	if swapped.Token == "" {
		return provider.Identity{}, provider.Fail(provider.Malformed, "no_token")
	}
	return f.me(ctx, swapped.Token)
}

// readCallback reads the code. Facebook adds error_code and error_reason to what
// RFC 6749 has ("Canceled Login").
func readCallback(answer url.Values) (string, error) {
	code, err := codeflow.Code(answer)
	if err != nil && answer.Get("code") == "" && (answer.Get("error_reason") == "user_denied" || answer.Get("error_code") == "200") {
		return "", provider.Fail(provider.Denied, "user_denied")
	}
	return code, err
}

// me asks who a token of ours is about ("/me").
func (f *Facebook) me(ctx context.Context, token string) (provider.Identity, error) {
	var person struct {
		ID    provider.Text `json:"id"`
		Name  idtoken.Hint  `json:"name"`
		Email idtoken.Hint  `json:"email"`
	}
	query := url.Values{"fields": {"id,name,email"}, "appsecret_proof": {f.proof(token)}}
	if err := f.get(ctx, inCall, "/me", query, token, &person); err != nil {
		return provider.Identity{}, err
	}
	return f.identity(string(person.ID), person.Name, person.Email)
}

// identity is somebody with this app's ID of them. Facebook says of no address whether
// it checked it, so that none is verified (S-44).
func (f *Facebook) identity(id string, name, mail idtoken.Hint) (provider.Identity, error) {
	if !personForm.MatchString(id) {
		return provider.Identity{}, provider.Fail(provider.Malformed, "id")
	}
	return provider.Identity{
		Subjects: []provider.Subject{{Scope: "app:" + f.c.AppID, Value: id}},
		Name:     name.Name(),
		Email:    mail.Mail(),
		Grant:    provider.Grant{Client: f.c.AppID, User: id},
	}, nil
}

// personForm is what an app-scoped ID looks like. It stands in the path of an address.
var personForm = regexp.MustCompile(`^[0-9]{1,32}$`)

// get asks the Graph API; token goes into the header, so that no address holds it.
func (f *Facebook) get(ctx context.Context, in place, path string, query url.Values, token string, into any) error {
	return f.ask(ctx, in, http.MethodGet, path, query, token, into)
}

func (f *Facebook) ask(ctx context.Context, in place, method, path string, query url.Values, token string, into any) error {
	var header []string
	if token != "" {
		header = []string{"Authorization", "Bearer " + token}
	}
	answer, err := f.c.Wire.Do(ctx, method, f.graph(path)+"?"+query.Encode(), "", nil, header...)
	if err != nil {
		return err
	}
	if err := refused(answer, in, f.clk.Now()); err != nil {
		return err
	}
	return answer.Object(into)
}

// Revoke takes the person's permissions back ("Permissions", DELETE), by the app's own
// token: no token of the person is kept.
func (f *Facebook) Revoke(ctx context.Context, g provider.Grant) error {
	if !personForm.MatchString(g.User) || g.Client != f.c.AppID {
		return provider.Fail(provider.Config, "grant")
	}
	var done struct {
		Success idtoken.True `json:"success"`
	}
	query := url.Values{"appsecret_proof": {f.proof(f.appToken())}}
	if err := f.ask(ctx, inCall, http.MethodDelete, "/"+g.User+"/permissions", query, f.appToken(), &done); err != nil {
		return err
	}
	if !done.Success {
		return provider.Fail(provider.Malformed, "success")
	}
	return nil
}

// CheckOffline looks at the App ID, the secret and the addresses.
func (f *Facebook) CheckOffline(time.Time) error {
	var problems []error
	if !personForm.MatchString(f.c.AppID) {
		problems = append(problems, errors.New("facebook: the App ID is not made of digits"))
	}
	if b, err := hex.DecodeString(f.c.Secret); err != nil || len(b) != 16 {
		problems = append(problems, errors.New("facebook: the App Secret is not 32 hexadecimal digits"))
	}
	for _, at := range []string{f.c.Dialog, f.c.Graph, f.c.LimitedKeys} {
		problems = append(problems, codeflow.Safe("facebook: an address", at))
	}
	return errors.Join(problems...)
}

// CheckOnline reads the keys of Limited Login and asks for a code that nobody was
// given: Facebook refuses the code if it knows the app and its secret.
func (f *Facebook) CheckOnline(ctx context.Context) error {
	var swapped struct{}
	err := f.get(ctx, inSwap, "/oauth/access_token", url.Values{
		"client_id": {f.c.AppID}, "redirect_uri": {codeflow.Nowhere}, "client_secret": {f.c.Secret}, "code": {codeflow.MadeUp},
	}, "", &swapped)
	failure, isFailure := errors.AsType[*provider.Failure](err)
	switch {
	case err == nil:
		err = provider.Fail(provider.Untrusted, "made_up_code")
	case isFailure && (failure.Reason == provider.InvalidCode || failure.Native == "100/36008" || failure.Native == "191"):
		err = nil
	}
	return errors.Join(f.limited.Keys.Fetch(ctx), err)
}

var (
	_ provider.Native   = (*Facebook)(nil)
	_ provider.Revoker  = (*Facebook)(nil)
	_ provider.Notifier = (*Facebook)(nil)
	_ provider.Checker  = (*Facebook)(nil)
)
