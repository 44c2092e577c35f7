package facebook

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// dialog is the page on which a person lets an app in. What is wrong with the app or
// its address is said there and never comes back.
func (s *Sim) dialog(w http.ResponseWriter, r *http.Request) {
	c, f := s.Settings(), r.Form
	redirect := f.Get("redirect_uri")
	switch {
	case f.Get("client_id") != c.AppID:
		s.Desk().Page(w, r, http.StatusBadRequest, "Error", "Invalid App ID: The provided app ID does not look like a valid app ID.")
		return
	case provider.Twice(f) != "":
		s.Desk().Page(w, r, http.StatusBadRequest, "Error", "Invalid parameter: "+provider.Twice(f))
		return
	case !slices.Contains(c.Redirects, redirect):
		s.Desk().Page(w, r, http.StatusBadRequest, "URL blocked", "This redirect failed because the redirect URI is not whitelisted in the app's Client OAuth Settings.")
		return
	}
	scopes := provider.Words(f.Get("scope"), ",")
	for _, scope := range scopes {
		if !slices.Contains([]string{"email", "public_profile", "openid"}, scope) {
			s.Desk().Page(w, r, http.StatusBadRequest, "Error", "Invalid Scopes: "+scope+". Scopes are separated by a comma.")
			return
		}
	}
	if kind := f.Get("response_type"); kind != "" && kind != "code" {
		s.Desk().Page(w, r, http.StatusBadRequest, "Error", "This simulator has response_type=code only.")
		return
	}
	p, decision, ok := s.Desk().Decision(r)
	switch {
	case !ok:
		s.Desk().Choose(w, r, chooser(r, c.Name, scopes))
	case decision == "deny":
		back(w, redirect, url.Values{
			"error": {"access_denied"}, "error_code": {"200"}, "error_description": {"Permissions error"}, "error_reason": {"user_denied"},
		}, f.Get("state"))
	default:
		back(w, redirect, url.Values{"code": {s.allow(p, decision, scopes, f)}}, f.Get("state"))
	}
}

func chooser(r *http.Request, app string, scopes []string) provider.Chooser {
	c := provider.Chooser{App: app, Asks: []string{provider.Say(r, "your name and picture", "你的姓名和头像")}}
	if slices.Contains(scopes, "email") {
		c.Asks = append(c.Asks, provider.Say(r, "your e-mail address", "你的邮箱地址"))
		c.Extra = []provider.Button{{Value: "no_email", Text: provider.Say(r, "Allow, but not my e-mail address", "同意，但不提供邮箱地址")}}
	}
	return c
}

// allow notes what the person gave and answers a code. Who once unticked email is not
// asked again, unless by auth_type=rerequest.
func (s *Sim) allow(p provider.Person, decision string, scopes []string, f url.Values) string {
	given := []string{"public_profile"}
	s.mu.Lock()
	if f.Get("auth_type") == "rerequest" {
		delete(s.refused, p.ID)
	}
	if decision == "no_email" {
		s.refused[p.ID] = true
	}
	for _, scope := range scopes {
		if scope != "public_profile" && (scope != "email" || !s.refused[p.ID]) {
			given = append(given, scope)
		}
	}
	s.allowed[p.ID] = given
	s.mu.Unlock()
	code := "AQD" + rand.Text() + rand.Text() + "_" + rand.Text()
	s.Desk().Issue(code, grant{
		app: s.Settings().AppID, person: p.ID, redirect: f.Get("redirect_uri"), nonce: f.Get("nonce"),
		challenge: f.Get("code_challenge"), scopes: given, issued: s.Desk().Now(),
	}, codeLife)
	return code
}

// back answers the app. The fragment is Facebook's own oddity.
func back(w http.ResponseWriter, redirect string, answer url.Values, state string) {
	if state != "" {
		answer.Set("state", state)
	}
	sep := "?"
	if strings.Contains(redirect, "?") {
		sep = "&"
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", redirect+sep+answer.Encode()+"#_=_")
	w.WriteHeader(http.StatusFound)
}
