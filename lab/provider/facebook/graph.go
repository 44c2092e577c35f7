package facebook

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// answer sends v in the type that Graph names at times.
func (s *Sim) answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=UTF-8")
	w.Header().Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error is the caller's leaving
}

// failed is Graph's error.
func failed(code, subcode int, kind, message string) map[string]any {
	e := map[string]any{"message": message, "type": kind, "code": code, "fbtrace_id": "A" + rand.Text()[:10]}
	if subcode != 0 {
		e["error_subcode"] = subcode
	}
	return map[string]any{"error": e}
}

// invalid is the error of a token that is not good any more, or never was.
func invalid(subcode int, message string) (any, int) {
	return failed(190, subcode, "OAuthException", message), http.StatusBadRequest
}

func wrong(subcode int, message string) (any, int) {
	return failed(100, subcode, "OAuthException", message), http.StatusBadRequest
}

// call is an address for servers. Busy is code 2; too many calls are code 4 with
// status 403.
func (s *Sim) call(serve func(*http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Desk().Hinder(w, r) {
			return
		}
		switch s.Desk().Failure() {
		case provider.Busy:
			f := failed(2, 0, "OAuthException", "An unexpected error has occurred. Please retry your request later.")
			f["error"].(map[string]any)["is_transient"] = true
			s.answer(w, http.StatusInternalServerError, f)
			return
		case provider.Limited:
			f := failed(4, 0, "OAuthException", "(#4) Application request limit reached")
			f["error"].(map[string]any)["is_transient"] = true
			s.answer(w, http.StatusForbidden, f)
			return
		}
		v, status := serve(r)
		s.answer(w, status, v)
	}
}

// token swaps a code, or a short token for a long one, or names the app's own.
func (s *Sim) token(r *http.Request) (any, int) {
	c, f := s.Settings(), r.Form
	switch {
	case f.Get("client_id") != c.AppID:
		return failed(101, 0, "OAuthException", "Error validating application. Cannot get application info due to a system error."), http.StatusBadRequest
	case s.Desk().Failure() == provider.WrongSecret || !hmac.Equal([]byte(f.Get("client_secret")), []byte(c.Secret)):
		return failed(1, 0, "OAuthException", "Error validating client secret."), http.StatusBadRequest
	}
	switch f.Get("grant_type") {
	case "", "authorization_code":
		return s.redeem(r)
	case "client_credentials":
		return map[string]any{"access_token": c.AppID + "|" + c.Secret, "token_type": "bearer"}, http.StatusOK
	case "fb_exchange_token":
		g, state := s.access.Get(f.Get("fb_exchange_token"), s.Desk().Now())
		if state != "ok" || g.app != c.AppID {
			return invalid(0, "Invalid OAuth access token.")
		}
		return s.hand(g), http.StatusOK
	}
	return wrong(0, "Invalid grant_type: "+f.Get("grant_type"))
}

func (s *Sim) redeem(r *http.Request) (any, int) {
	f := r.Form
	what, state := s.Desk().Take(f.Get("code"))
	g, ok := what.(grant)
	switch {
	case state == "used":
		return wrong(36009, "This authorization code has been used.")
	case state == "expired":
		return wrong(36007, "This authorization code has expired.")
	case !ok:
		return wrong(0, "Invalid verification code format.")
	case f.Get("redirect_uri") != g.redirect:
		return wrong(36008, "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request")
	case g.challenge != "" && token.S256(f.Get("code_verifier")) != g.challenge:
		return wrong(0, "Invalid code_verifier")
	}
	if s.Desk().Failure() == provider.WrongAudience {
		g.app = ForeignID
	}
	answer := s.hand(g)
	if slices.Contains(g.scopes, "openid") {
		p, _ := s.Desk().Person(g.person) // who was there a moment ago
		text, err := s.signed(p, g.nonce, g.scopes, answer["access_token"].(string))
		if err != nil {
			return nil, http.StatusInternalServerError
		}
		answer["id_token"] = text
	}
	return answer, http.StatusOK
}

// hand is a fresh token for g.
func (s *Sim) hand(g grant) map[string]any {
	access := "EAA" + rand.Text() + rand.Text()
	g.issued = s.Desk().Now()
	s.access.Put(access, g, g.issued.Add(accessLife))
	answer := map[string]any{"access_token": access, "token_type": "bearer", "expires_in": int(accessLife.Seconds())}
	if p, _ := s.Desk().Person(g.person); p.Has("flipped") {
		answer["expires_in"] = "5183944"
	}
	return answer
}

// holder is whose the token of a call is: a person's, or the app's own (person ""),
// proven to come from the app's server. A failure is an answer.
func (s *Sim) holder(r *http.Request) (g grant, answer any, status int) {
	access, c := bearer(r), s.Settings()
	if access == c.AppID+"|"+c.Secret {
		g = grant{app: c.AppID}
	} else {
		var subcode int
		var message string
		if g, subcode, message = s.look(access); message != "" {
			answer, status = invalid(subcode, message)
			return g, answer, status
		}
	}
	secret, _ := s.secretOf(g.app) // tokens are of apps that there are
	switch proof := r.Form.Get("appsecret_proof"); {
	case proof == "" && c.WithoutProof:
	case proof == "":
		return g, failed(100, 0, "GraphMethodException", "API calls from the server require an appsecret_proof argument"), http.StatusBadRequest
	case !hmac.Equal([]byte(proof), []byte(Proof(secret, access))):
		return g, failed(100, 0, "GraphMethodException", "Invalid appsecret_proof provided in the API argument"), http.StatusBadRequest
	}
	return g, nil, 0
}

// bearer is the token that a call brings, in the header or the query.
func bearer(r *http.Request) string {
	if access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return access
	}
	return r.Form.Get("access_token")
}

// look is what a person's token stands for; message is "" for a good one.
func (s *Sim) look(access string) (g grant, subcode int, message string) {
	g, state := s.access.Get(access, s.Desk().Now())
	p, here := s.Desk().Person(g.person)
	switch {
	case state == "unknown":
		return g, 0, "Invalid OAuth access token."
	case state == "revoked" || !here:
		return g, 458, "Error validating access token: The user has not authorized application " + g.app + "."
	case state == "expired" || s.Desk().Failure() == provider.Stale:
		return g, 463, "Error validating access token: Session has expired."
	case p.Has("logged_out"):
		return g, 467, "Error validating access token: This is likely because the user logged out."
	case p.Has("checkpoint"):
		return g, 459, "Error validating access token: You cannot access the app till you log in to www.facebook.com and follow the instructions given."
	case p.Has("password_changed"):
		return g, 460, "Error validating access token: The session has been invalidated because the user changed their password."
	case p.Has("unconfirmed"):
		return g, 464, "Error validating access token: Sessions for the user are not allowed because the user is not a confirmed user."
	}
	return g, 0, ""
}
