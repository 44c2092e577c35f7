package apple

import (
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// fail is the answer of a call that failed (developer.apple.com, "ErrorResponse").
func fail(w http.ResponseWriter, word, description string) {
	provider.Refuse(w, http.StatusBadRequest, word, description)
}

// hinder answers in the way of a failure. Apple publishes no answers of its own for
// too many calls and for overload: these are plain HTTP ones.
func (s *Sim) hinder(w http.ResponseWriter, r *http.Request) bool {
	if s.Desk().Hinder(w, r) {
		return true
	}
	switch s.Desk().Failure() {
	case provider.Busy:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	case provider.Limited:
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
	default:
		return false
	}
	return true
}

// client checks who calls: client_id and client_secret, a token that the team signed.
func (s *Sim) client(w http.ResponseWriter, r *http.Request) (client string, ok bool) {
	c := s.Settings()
	client = r.PostForm.Get("client_id")
	if client != c.ServiceID && !slices.Contains(c.AppIDs, client) || s.Desk().Failure() == provider.WrongSecret {
		fail(w, "invalid_client", "")
		return "", false
	}
	if why := s.secret(c, r.PostForm.Get("client_secret"), client); why != "" {
		fail(w, "invalid_client", why)
		return "", false
	}
	return client, true
}

// secret checks a client secret; why is "" or what is wrong.
func (s *Sim) secret(c Config, secret, client string) (why string) {
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	h, err := token.OpenES256(secret, c.Key, &claims)
	now := s.Desk().Now()
	issued, ends := time.Unix(claims.Iat, 0), time.Unix(claims.Exp, 0)
	switch {
	case err != nil:
		return "client_secret: " + err.Error()
	case h.Kid != c.KeyID:
		return "client_secret: kid"
	case claims.Iss != c.TeamID:
		return "client_secret: iss is not the Team ID"
	case claims.Sub != client:
		return "client_secret: sub is not the client_id"
	case claims.Aud != Issuer:
		return "client_secret: aud"
	case claims.Iat == 0 || issued.After(now):
		return "client_secret: iat lies ahead"
	case !now.Before(ends):
		return "client_secret: it has expired"
	case ends.Sub(issued) > secretLife:
		return "client_secret: exp is more than 15777000 seconds after iat"
	}
	return ""
}

func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	if s.hinder(w, r) {
		return
	}
	if name := provider.Twice(r.PostForm); name != "" {
		fail(w, "invalid_request", name+" came twice")
		return
	}
	client, ok := s.client(w, r)
	if !ok {
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		s.redeem(w, r, client)
	case "refresh_token":
		s.renew(w, r, client)
	default:
		fail(w, "unsupported_grant_type", "")
	}
}

// redeem swaps a code. A code of the web needs the redirect address that it was got
// with; one of an app must come without.
func (s *Sim) redeem(w http.ResponseWriter, r *http.Request, client string) {
	what, state := s.Desk().Take(r.PostForm.Get("code"))
	g, ok := what.(grant)
	switch {
	case state == "used":
		fail(w, "invalid_grant", "The code has already been used.")
		return
	case state != "ok" || !ok:
		fail(w, "invalid_grant", "The code has expired or has been revoked.")
		return
	case g.client != client:
		fail(w, "invalid_grant", "client_id mismatch. The code was not issued to "+client+".")
		return
	case r.PostForm.Get("redirect_uri") != g.redirect:
		fail(w, "invalid_grant", "The redirect_uri does not match the one of the code.")
		return
	}
	refresh := "r" + provider.Hex(32) + ".0." + rand.Text()[:22]
	s.grants.Refresh.Put(refresh, g, s.Desk().Now().Add(refreshLife))
	s.hand(w, g, refresh)
}

// hand answers tokens for g; without refresh if it is "".
func (s *Sim) hand(w http.ResponseWriter, g grant, refresh string) {
	access := "a" + provider.Hex(32) + ".0." + rand.Text()[:22]
	s.grants.Access.Put(access, g, s.Desk().Now().Add(accessLife))
	id, err := s.idToken(g, token.Claims{"at_hash": token.HalfHash(access)})
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(accessLife.Seconds()), "id_token": id}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	provider.JSON(w, http.StatusOK, answer)
}

// renew validates a refresh token, once a day for each; Apple does not say how it
// throttles.
func (s *Sim) renew(w http.ResponseWriter, r *http.Request, client string) {
	refresh := r.PostForm.Get("refresh_token")
	g, state := s.grants.Refresh.Get(refresh, s.Desk().Now())
	if state != "ok" || g.client != client {
		fail(w, "invalid_grant", "The token has expired or has been revoked.")
		return
	}
	s.mu.Lock()
	now, last := s.Desk().Now(), s.checked[refresh]
	early := !last.IsZero() && now.Sub(last) < refreshWait
	if !early {
		s.checked[refresh] = now
	}
	s.mu.Unlock()
	if early {
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
		return
	}
	g.nonce = ""
	s.hand(w, g, "")
}

// revoke ends what a token stands for. A token that nobody knows is no error (RFC
// 7009, 2.2); an ID token is.
func (s *Sim) revoke(w http.ResponseWriter, r *http.Request) {
	if s.hinder(w, r) {
		return
	}
	client, ok := s.client(w, r)
	if !ok {
		return
	}
	text, hint := r.PostForm.Get("token"), r.PostForm.Get("token_type_hint")
	if text == "" || token.Looks(text) || !slices.Contains([]string{"", "access_token", "refresh_token"}, hint) {
		fail(w, "invalid_request", "")
		return
	}
	if g, ok := s.grants.Find(text, s.Desk().Now()); ok && g.client == client {
		s.grants.End(func(o grant) bool { return o.person == g.person && o.client == client })
	}
	w.WriteHeader(http.StatusOK)
}
