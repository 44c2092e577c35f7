package oidc

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// authorize is the sign-in page. An unknown client or address is said on the page
// (RFC 6749, 4.1.2.1); everything else comes back to the client.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	c, f := s.Settings(), r.Form
	if f.Get("client_id") != c.ClientID || !slices.Contains(c.Redirects, f.Get("redirect_uri")) || len(f["client_id"])+len(f["redirect_uri"]) > 2 {
		s.Desk().Page(w, r, http.StatusBadRequest, "This does not work", "invalid_request: the client or its redirect_uri is not registered.")
		return
	}
	scopes := provider.Words(f.Get("scope"), " ")
	if word, why := wrong(f, scopes); word != "" {
		s.back(w, r, url.Values{"error": {word}, "error_description": {why}})
		return
	}
	p, decision, ok := s.Desk().Decision(r)
	switch {
	case !ok:
		page := provider.Chooser{App: c.App}
		if slices.Contains(scopes, "profile") {
			page.Asks = append(page.Asks, provider.Say(r, "your name", "你的姓名"))
		}
		if slices.Contains(scopes, "email") {
			page.Asks = append(page.Asks, provider.Say(r, "your e-mail address", "你的邮箱地址"))
		}
		s.Desk().Choose(w, r, page)
	case decision == "deny":
		s.back(w, r, url.Values{"error": {"access_denied"}})
	default:
		s.mu.Lock()
		s.codes++
		g := grant{
			serial: s.codes, person: p.ID, redirect: f.Get("redirect_uri"), nonce: f.Get("nonce"),
			challenge: f.Get("code_challenge"), scopes: scopes, at: s.Desk().Now(),
		}
		s.mu.Unlock()
		code := rand.Text() + "." + rand.Text()
		s.Desk().Issue(code, g, codeLife)
		s.back(w, r, url.Values{"code": {code}})
	}
}

// wrong is the error of a request whose client is known; word is "" for a good one.
func wrong(f url.Values, scopes []string) (word, why string) {
	mode := f.Get("response_mode")
	switch {
	case provider.Twice(f) != "":
		return "invalid_request", provider.Twice(f) + " came twice"
	case f.Get("response_type") != "code":
		return "unsupported_response_type", ""
	case mode != "" && mode != "query" && mode != "form_post":
		return "invalid_request", "response_mode"
	case !slices.Contains(scopes, "openid"):
		return "invalid_scope", "openid is missing"
	case f.Get("code_challenge") == "" || f.Get("code_challenge_method") != "S256":
		return "invalid_request", "code_challenge of method S256 is demanded"
	case f.Get("prompt") == "none":
		return "login_required", ""
	case f.Has("request") || f.Has("request_uri"):
		return "request_not_supported", ""
	}
	for _, scope := range scopes {
		if !slices.Contains([]string{"openid", "profile", "email", "offline_access"}, scope) {
			return "invalid_scope", scope
		}
	}
	return "", ""
}

// back answers the client, with iss (RFC 9207).
func (s *Sim) back(w http.ResponseWriter, r *http.Request, answer url.Values) {
	answer.Set("iss", s.Settings().Issuer)
	if state := r.Form.Get("state"); state != "" {
		answer.Set("state", state)
	}
	if r.Form.Get("response_mode") == "form_post" {
		s.Desk().PostTo(w, r, r.Form.Get("redirect_uri"), answer)
		return
	}
	var pairs []string
	for _, name := range []string{"code", "error", "error_description", "state", "iss"} {
		pairs = append(pairs, name, answer.Get(name))
	}
	provider.Return(w, r, r.Form.Get("redirect_uri"), pairs...)
}
