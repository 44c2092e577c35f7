package google

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// hinder answers in the way of a failure. Overload and too many calls come in the
// shape of Google's APIs.
func (s *Sim) hinder(w http.ResponseWriter, r *http.Request) bool {
	if s.Desk().Hinder(w, r) {
		return true
	}
	api := func(status int, word, message string) {
		provider.JSON(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "status": word}})
	}
	switch s.Desk().Failure() {
	case provider.Busy:
		api(http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.")
	case provider.Limited:
		w.Header().Set("Retry-After", "30")
		api(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Quota exceeded.")
	default:
		return false
	}
	return true
}

// client checks who calls: in the form or by HTTP Basic.
func (s *Sim) client(w http.ResponseWriter, r *http.Request) bool {
	c := s.Settings()
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	switch {
	case id != c.WebID:
		provider.Refuse(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case s.Desk().Failure() == provider.WrongSecret || subtle.ConstantTimeCompare([]byte(secret), []byte(c.WebSecret)) == 0:
		provider.Refuse(w, http.StatusUnauthorized, "invalid_client", "Unauthorized")
	default:
		return true
	}
	return false
}

func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	if name := provider.Twice(r.PostForm); name != "" {
		provider.Refuse(w, http.StatusBadRequest, "invalid_request", "Parameter came twice: "+name)
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
		provider.Refuse(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
	}
}

func (s *Sim) redeem(w http.ResponseWriter, r *http.Request) {
	code := r.PostForm.Get("code")
	if !strings.HasPrefix(code, "4/") {
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
		return
	}
	what, state := s.Desk().Take(code)
	g, ok := what.(grant)
	if state != "ok" || !ok {
		if state == "used" {
			s.grants.End(func(o grant) bool { return o.serial == g.serial }) // RFC 6749, 4.1.2
		}
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Bad Request")
		return
	}
	verifier := r.PostForm.Get("code_verifier")
	switch {
	case r.PostForm.Get("redirect_uri") != g.redirect:
		provider.Refuse(w, http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
	case g.challenge != "" && verifier == "":
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Missing code verifier.")
	case g.challenge != "" && g.challenge != challenge(verifier, g.method), g.challenge == "" && verifier != "":
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
	default:
		refresh := ""
		if g.offline {
			refresh = "1//0" + rand.Text() + rand.Text()
			s.grants.Refresh.Put(refresh, g, s.Desk().Now().Add(refreshLife))
			s.last.Put(g.person, refresh)
		}
		s.hand(w, g, refresh)
	}
}

func challenge(verifier, method string) string {
	if method == "S256" {
		return token.S256(verifier)
	}
	return verifier
}

// hand answers tokens for g; without refresh if it is "".
func (s *Sim) hand(w http.ResponseWriter, g grant, refresh string) {
	access := "ya29." + rand.Text() + rand.Text()
	s.grants.Access.Put(access, g, s.Desk().Now().Add(accessLife))
	c := s.Settings()
	more := token.Claims{"aud": c.WebID, "azp": c.WebID, "at_hash": token.HalfHash(access)}
	id, err := s.idToken(g, more)
	if err != nil {
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Account has been deleted")
		return
	}
	answer := map[string]any{
		"access_token": access, "expires_in": int(accessLife.Seconds()), "token_type": "Bearer", "id_token": id,
		"scope": long(provider.Words(g.scopes, " ")),
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	provider.JSON(w, http.StatusOK, answer)
}

// idToken is an ID token for g with more claims, spoiled by the failure of the day.
func (s *Sim) idToken(g grant, more token.Claims) (string, error) {
	p, ok := s.Desk().Person(g.person)
	if !ok {
		return "", provider.ErrNobody
	}
	now := s.Desk().Now()
	claims := s.profile(p, provider.Words(g.scopes, " "))
	claims["iss"], claims["iat"], claims["exp"] = s.Settings().Issuer, now.Unix(), now.Add(tokenLife).Unix()
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for name, v := range more {
		claims[name] = v
	}
	for quirk, name := range map[string]string{"no_azp": "azp", "no_at_hash": "at_hash", "no_nonce": "nonce"} {
		if p.Has(quirk) {
			delete(claims, name)
		}
	}
	if p.Has("short_issuer") {
		claims["iss"] = "accounts.google.com"
	}
	if p.Has("foreign_azp") {
		claims["azp"] = "900000000009-other.apps.googleusercontent.com"
	}
	f := s.Desk().Failure()
	token.Spoil(claims, f)
	return s.Keys.Sign("JWT", claims, f)
}

// renew answers a new access token and ID token; the refresh token stays.
func (s *Sim) renew(w http.ResponseWriter, r *http.Request) {
	g, state := s.grants.Refresh.Get(r.PostForm.Get("refresh_token"), s.Desk().Now())
	if state != "ok" {
		provider.Refuse(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
		return
	}
	g.nonce = ""
	s.hand(w, g, "")
}

// revoke ends the consent that a token came from.
func (s *Sim) revoke(w http.ResponseWriter, r *http.Request) {
	if g, ok := s.grants.Find(r.Form.Get("token"), s.Desk().Now()); ok {
		s.Forget(g.person)
		provider.JSON(w, http.StatusOK, struct{}{})
		return
	}
	provider.Refuse(w, http.StatusBadRequest, "invalid_token", "Token expired or revoked")
}

// userInfo tells of whom the access token in the header is.
func (s *Sim) userInfo(w http.ResponseWriter, r *http.Request) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, state := s.grants.Access.Get(text, s.Desk().Now())
	p, ok := s.Desk().Person(g.person)
	if state != "ok" || !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
		provider.Refuse(w, http.StatusUnauthorized, "invalid_request", "Invalid Credentials")
		return
	}
	provider.JSON(w, http.StatusOK, s.profile(p, provider.Words(g.scopes, " ")))
}

// tokenInfo tells of an access token. All values are strings.
func (s *Sim) tokenInfo(w http.ResponseWriter, r *http.Request) {
	g, state := s.grants.Access.Get(r.Form.Get("access_token"), s.Desk().Now())
	p, ok := s.Desk().Person(g.person)
	if state != "ok" || !ok {
		provider.Refuse(w, http.StatusBadRequest, "invalid_token", "Invalid Value")
		return
	}
	c := s.Settings()
	aud := c.WebID
	if s.Desk().Failure() == provider.WrongAudience {
		aud = "another-app.example"
	}
	provider.JSON(w, http.StatusOK, map[string]string{
		"azp": aud, "aud": aud, "sub": s.Subject(p.ID), "scope": long(provider.Words(g.scopes, " ")),
		"expires_in": strconv.Itoa(int(accessLife.Seconds())), "email": p.Email, "email_verified": "true",
	})
}
