package facebook

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

const (
	tokenMost = 8 << 10 // bytes
	// tokenFresh is how old an access token may be. Who takes it in remembers it for
	// as long, so that it never counts twice.
	tokenFresh = 24 * time.Hour
	skew       = time.Minute
)

// Redeem takes what an SDK gave: a token of Limited Login has three parts, and an
// access token has none.
func (f *Facebook) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	switch {
	case h.Token == "" || len(h.Token) > tokenMost:
		return provider.Identity{}, provider.Fail(provider.Malformed, "token")
	case strings.Count(h.Token, ".") == 2:
		return f.redeemLimited(ctx, h)
	}
	return f.redeemAccess(ctx, h.Token)
}

// redeemLimited verifies a token of Limited Login ("Validating the Limited Login OIDC
// Token").
func (f *Facebook) redeemLimited(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	claims, err := f.limited.IDToken(ctx, h.Token, idtoken.Want{Audience: []string{f.c.AppID}, Nonce: h.Nonce})
	if err != nil {
		return provider.Identity{}, err
	}
	var c struct {
		Name  idtoken.Hint `json:"name"`
		Email idtoken.Hint `json:"email"`
	}
	if err := claims.Into(&c); err != nil {
		return provider.Identity{}, err
	}
	return f.identity(claims.Subject, c.Name, c.Email)
}

// tokenState is what Facebook says of a token ("debug_token").
type tokenState struct {
	AppID     provider.Text `json:"app_id"`
	Type      string        `json:"type"`
	Valid     idtoken.True  `json:"is_valid"`
	UserID    provider.Text `json:"user_id"`
	IssuedAt  provider.Text `json:"issued_at"`  // seconds; not there for short-lived tokens
	ExpiresAt provider.Text `json:"expires_at"` // seconds; 0: never
	Error     *graphError   `json:"error"`
}

// redeemAccess asks Facebook whose token it is and to which app it was given, before
// it is used: any app's token opens /me (S-48).
func (f *Facebook) redeemAccess(ctx context.Context, token string) (provider.Identity, error) {
	var state struct {
		Data *tokenState `json:"data"`
	}
	query := url.Values{"input_token": {token}, "access_token": {f.appToken()}}
	if err := f.get(ctx, inApp, "/debug_token", query, "", &state); err != nil {
		return provider.Identity{}, err
	}
	if state.Data == nil {
		return provider.Identity{}, provider.Fail(provider.Malformed, "no_data")
	}
	if err := state.Data.check(f.c.AppID, f.clk.Now()); err != nil {
		return provider.Identity{}, err
	}
	who, err := f.me(ctx, token)
	if err != nil {
		return provider.Identity{}, err
	}
	if who.Subjects[0].Value != string(state.Data.UserID) {
		return provider.Identity{}, provider.Fail(provider.Untrusted, "other_person")
	}
	return who, nil
}

func (s *tokenState) check(app string, now time.Time) error {
	issued, hasIssued := s.IssuedAt.Int()
	expires, hasExpires := s.ExpiresAt.Int()
	hasIssued, hasExpires = hasIssued && issued > 0, hasExpires && expires > 0
	switch {
	case s.AppID != "" && string(s.AppID) != app:
		return provider.Fail(provider.Untrusted, "app_id")
	case !bool(s.Valid) && s.Error != nil:
		return s.Error.failure(inData)
	case !bool(s.Valid):
		return provider.Fail(provider.InvalidCode, "is_valid")
	case s.AppID == "" || s.Type != "USER" || s.UserID == "":
		return provider.Fail(provider.Untrusted, "type")
	case hasExpires && !time.Unix(expires, 0).After(now):
		return provider.Fail(provider.Expired, "expires_at")
	case hasIssued && time.Unix(issued, 0).After(now.Add(skew)):
		return provider.Fail(provider.Untrusted, "issued_at")
	case hasIssued && time.Unix(issued, 0).Before(now.Add(-tokenFresh)):
		return provider.Fail(provider.Expired, "issued_at")
	case !hasIssued && (!hasExpires || time.Unix(expires, 0).After(now.Add(tokenFresh))):
		return provider.Fail(provider.Untrusted, "issued_at") // nobody knows how old it is
	}
	return nil
}
