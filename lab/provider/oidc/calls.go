package oidc

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// hinder answers in the way of a failure. The standards have no words for overload and
// too many calls at these addresses: the statuses are those of HTTP.
func (s *Sim) hinder(w http.ResponseWriter, r *http.Request) bool {
	if s.Desk().Hinder(w, r) {
		return true
	}
	switch s.Desk().Failure() {
	case provider.Busy:
		provider.Refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable", "")
	case provider.Limited:
		w.Header().Set("Retry-After", "30")
		provider.Refuse(w, http.StatusTooManyRequests, "slow_down", "")
	default:
		return false
	}
	return true
}

// client checks who calls, in one way and not in two (RFC 6749, 2.3).
func (s *Sim) client(w http.ResponseWriter, r *http.Request) bool {
	c, f := s.Settings(), r.PostForm
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && (c.SecretInForm || f.Has("client_secret")):
		provider.Refuse(w, http.StatusBadRequest, "invalid_request", "one way to authenticate only")
		return false
	case basic:
		// Each was encoded as in a form before (RFC 6749, 2.3.1).
		var e1, e2 error
		id, e1 = url.QueryUnescape(id)
		secret, e2 = url.QueryUnescape(secret)
		if e1 != nil || e2 != nil {
			id = ""
		}
	default:
		id, secret = f.Get("client_id"), f.Get("client_secret")
	}
	good := id == c.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(c.ClientSecret)) == 1
	if !good || s.Desk().Failure() == provider.WrongSecret {
		if basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
		provider.Refuse(w, http.StatusUnauthorized, "invalid_client", "")
		return false
	}
	return true
}

func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	if name := provider.Twice(r.PostForm); name != "" {
		provider.Refuse(w, http.StatusBadRequest, "invalid_request", name+" came twice")
		return
	}
	if !s.client(w, r) {
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		s.redeem(w, r)
	case "refresh_token":
		s.renew(w, r)
	default:
		provider.Refuse(w, http.StatusBadRequest, "unsupported_grant_type", "")
	}
}

func (s *Sim) redeem(w http.ResponseWriter, r *http.Request) {
	what, state := s.Desk().Take(r.PostForm.Get("code"))
	g, ok := what.(grant)
	refuse := func(why string) { provider.Refuse(w, http.StatusBadRequest, "invalid_grant", why) }
	switch {
	case state == "used":
		s.grants.End(func(o grant) bool { return o.serial == g.serial }) // RFC 6749, 4.1.2
		refuse("the code was used")
	case state == "expired":
		refuse("the code has expired")
	case !ok:
		refuse("the code is unknown")
	case r.PostForm.Get("redirect_uri") != g.redirect:
		refuse("redirect_uri is another")
	case token.S256(r.PostForm.Get("code_verifier")) != g.challenge:
		refuse("code_verifier is another")
	default:
		refresh := ""
		if slices.Contains(g.scopes, "offline_access") {
			refresh = "rt-" + rand.Text()
			s.grants.Refresh.Put(refresh, g, s.Desk().Now().Add(refreshLife))
		}
		s.hand(w, g, refresh)
	}
}

// hand answers tokens for g; without refresh if it is "".
func (s *Sim) hand(w http.ResponseWriter, g grant, refresh string) {
	access := "at-" + rand.Text()
	s.grants.Access.Put(access, g, s.Desk().Now().Add(accessLife))
	id, err := s.idToken(g, s.Settings().ClientID, token.Claims{"at_hash": token.HalfHash(access)})
	if err != nil {
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "the account is gone")
		return
	}
	answer := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(accessLife.Seconds()), "id_token": id, "scope": strings.Join(g.scopes, " "),
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	provider.JSON(w, http.StatusOK, answer)
}

// idToken is an ID token of g for a client, spoiled by the failure of the day.
func (s *Sim) idToken(g grant, client string, more token.Claims) (string, error) {
	p, ok := s.Desk().Person(g.person)
	if !ok {
		return "", provider.ErrNobody
	}
	now := s.Desk().Now()
	claims := token.Claims{"sub": s.Subject(p.ID)}
	if !p.Has("bare") && !p.Has("other_userinfo") {
		claims = s.profile(p, g.scopes)
	}
	claims["iss"], claims["aud"], claims["iat"], claims["exp"] = s.Settings().Issuer, client, now.Unix(), now.Add(tokenLife).Unix()
	claims["auth_time"] = g.at.Unix()
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for name, v := range more {
		claims[name] = v
	}
	if p.Has("audiences") {
		claims["aud"], claims["azp"] = []string{client, "another-client"}, client
	}
	for quirk, name := range map[string]string{"no_nonce": "nonce", "no_at_hash": "at_hash"} {
		if p.Has(quirk) {
			delete(claims, name)
		}
	}
	f := s.Desk().Failure()
	token.Spoil(claims, f)
	return s.Keys.Sign("JWT", claims, f)
}

// renew swaps a refresh token for a new one; the old one ends.
func (s *Sim) renew(w http.ResponseWriter, r *http.Request) {
	g, state := s.grants.Refresh.Get(r.PostForm.Get("refresh_token"), s.Desk().Now())
	if state != "ok" {
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "")
		return
	}
	s.grants.Refresh.Revoke(func(o grant) bool { return o.serial == g.serial })
	g.nonce = ""
	refresh := "rt-" + rand.Text()
	s.grants.Refresh.Put(refresh, g, s.Desk().Now().Add(refreshLife))
	s.hand(w, g, refresh)
}

// revoke ends a token and what came with it. One that nobody knows is no error (RFC
// 7009, 2.2).
func (s *Sim) revoke(w http.ResponseWriter, r *http.Request) {
	if !s.client(w, r) {
		return
	}
	if g, ok := s.grants.Find(r.PostForm.Get("token"), s.Desk().Now()); ok {
		s.grants.End(func(o grant) bool { return o.serial == g.serial })
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Sim) userInfo(w http.ResponseWriter, r *http.Request) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, state := s.grants.Access.Get(text, s.Desk().Now())
	p, ok := s.Desk().Person(g.person)
	if state != "ok" || !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		provider.Refuse(w, http.StatusUnauthorized, "invalid_token", "")
		return
	}
	claims := s.profile(p, g.scopes)
	if p.Has("other_userinfo") {
		claims["sub"] = s.Subject(p.ID + " other")
	}
	provider.JSON(w, http.StatusOK, claims)
}

// Native is an ID token for the first app.
func (s *Sim) Native(person, nonce string) (map[string]string, error) {
	c := s.Settings()
	if len(c.AppIDs) == 0 || c.Issuer == "" {
		return nil, errors.New("oidc: no app is registered, or nobody asked yet and there is no issuer")
	}
	g := grant{person: person, nonce: nonce, scopes: []string{"openid", "profile", "email"}, at: s.Desk().Now()}
	text, err := s.idToken(g, c.AppIDs[0], nil)
	if err != nil {
		return nil, err
	}
	return map[string]string{"token": text}, nil
}
