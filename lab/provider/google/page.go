package google

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// authorize is the account chooser. What Google says on a page of its own never comes
// back to the client.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	status, wrong := s.wrong(r)
	if wrong != "" {
		s.Desk().Page(w, r, status, "Access blocked", "Error "+wrong)
		return
	}
	f := r.Form
	if word := s.silent(r); word != "" {
		s.back(w, r, "error", word)
		return
	}
	p, decision, ok := s.Desk().Decision(r)
	if f.Get("prompt") == "none" {
		p, decision, ok = s.hinted(f.Get("login_hint")), "allow", true
	}
	switch {
	case !ok:
		s.Desk().Choose(w, r, s.chooser(r))
		return
	case decision == "deny":
		s.back(w, r, "error", "access_denied")
		return
	}
	scopes := provider.Words(f.Get("scope"), " ")
	if decision == "partial" {
		scopes = []string{"openid"}
	}
	first := s.consented(p.ID)
	g := grant{
		person: p.ID, redirect: f.Get("redirect_uri"), nonce: f.Get("nonce"), scopes: strings.Join(scopes, " "),
		challenge: f.Get("code_challenge"), method: f.Get("code_challenge_method"),
		offline: f.Get("access_type") == "offline" && (first || slices.Contains(provider.Words(f.Get("prompt"), " "), "consent")),
	}
	hd, _ := s.profile(p, nil)["hd"].(string)
	s.back(w, r, "code", s.code(g), "scope", long(scopes), "authuser", "0", "hd", hd, "prompt", "consent")
}

// wrong is what Google says on a page: word is "" for a good request.
func (s *Sim) wrong(r *http.Request) (status int, word string) {
	c, f := s.Settings(), r.Form
	scopes := provider.Words(f.Get("scope"), " ")
	prompts := provider.Words(f.Get("prompt"), " ")
	method := f.Get("code_challenge_method")
	switch {
	case f.Get("client_id") != c.WebID:
		return http.StatusUnauthorized, "401: invalid_client"
	case provider.Twice(f) != "":
		return http.StatusBadRequest, "400: invalid_request: " + provider.Twice(f) + " came twice"
	case !slices.Contains(c.Redirects, f.Get("redirect_uri")):
		return http.StatusBadRequest, "400: redirect_uri_mismatch"
	case strings.Contains(r.UserAgent(), "; wv)"):
		return http.StatusForbidden, "403: disallowed_useragent"
	case f.Get("response_type") != "code":
		return http.StatusBadRequest, "400: unsupported_response_type"
	case !slices.Contains(scopes, "openid"):
		return http.StatusBadRequest, "400: invalid_scope"
	case method != "" && method != "S256" && method != "plain", method != "" && f.Get("code_challenge") == "":
		return http.StatusBadRequest, "400: invalid_request: code_challenge_method"
	case slices.Contains(prompts, "login"):
		return http.StatusBadRequest, "400: invalid_request: Invalid parameter value for prompt: login"
	case slices.Contains(prompts, "none") && len(prompts) > 1:
		return http.StatusBadRequest, "400: invalid_request: prompt none goes with nothing else"
	}
	for _, scope := range scopes {
		if !slices.Contains([]string{"openid", "email", "profile"}, scope) {
			return http.StatusBadRequest, "400: invalid_scope: " + scope
		}
	}
	return 0, ""
}

// silent is the error of prompt=none; "" if nothing needs asking. Nobody is signed in
// here, but for whom login_hint names.
func (s *Sim) silent(r *http.Request) (word string) {
	if r.Form.Get("prompt") != "none" {
		return ""
	}
	p := s.hinted(r.Form.Get("login_hint"))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p.ID == "":
		return "login_required"
	case !s.consents[p.ID]:
		return "consent_required"
	}
	return ""
}

// hinted is whose address or sub the hint is; the zero Person is nobody.
func (s *Sim) hinted(hint string) provider.Person {
	for _, p := range s.Desk().People() {
		if hint != "" && (hint == p.Email || hint == s.Subject(p.ID)) {
			return p
		}
	}
	return provider.Person{}
}

func (s *Sim) chooser(r *http.Request) provider.Chooser {
	c := provider.Chooser{App: s.Settings().Name}
	for _, scope := range provider.Words(r.Form.Get("scope"), " ") {
		switch scope {
		case "email":
			c.Asks = append(c.Asks, provider.Say(r, "your e-mail address", "你的邮箱地址"))
		case "profile":
			c.Asks = append(c.Asks, provider.Say(r, "your name and picture", "你的姓名和头像"))
		}
	}
	if hd := r.Form.Get("hd"); hd != "" {
		c.Note = provider.Say(r, "It would like an account of "+hd+"; that is no more than a wish.", "它希望你用 "+hd+" 的账户，但不强求。")
	}
	if len(c.Asks) > 0 {
		c.Extra = []provider.Button{{Value: "partial", Text: provider.Say(r, "Allow none of that, only who I am", "都不同意，只告诉它我是谁")}}
	}
	return c
}

// consented notes a consent and says whether it was the first.
func (s *Sim) consented(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.consents[person]
	s.consents[person] = true
	return first
}

// code is a fresh code for g. It has a slash in it.
func (s *Sim) code(g grant) string {
	s.mu.Lock()
	s.codes++
	g.serial = s.codes
	s.mu.Unlock()
	code := "4/0A" + rand.Text() + "-" + rand.Text()
	s.Desk().Issue(code, g, codeLife)
	return code
}

// back answers the client; RFC 9207's iss comes with it.
func (s *Sim) back(w http.ResponseWriter, r *http.Request, pairs ...string) {
	pairs = append([]string{"state", r.Form.Get("state"), "iss", s.Settings().Issuer}, pairs...)
	provider.Return(w, r, r.Form.Get("redirect_uri"), pairs...)
}

// long are scopes as Google writes them in answers.
func long(scopes []string) string {
	out := make([]string, 0, len(scopes))
	for _, scope := range scopes {
		if scope != "openid" {
			scope = "https://www.googleapis.com/auth/userinfo." + scope
		}
		out = append(out, scope)
	}
	return strings.Join(out, " ")
}
