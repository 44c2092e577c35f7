package apple

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// asked is a request for a sign-in that is as it has to be.
type asked struct {
	client, redirect, state, nonce, mode string
	idToken, name, email                 bool
}

// authorize is the sign-in page. What is wrong with a request is said on a page of
// Apple's and never comes back to the client.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	q, wrong := s.read(r)
	if wrong != "" {
		word, _, _ := strings.Cut(wrong, ":")
		s.Desk().Page(w, r, http.StatusBadRequest, word, wrong)
		return
	}
	p, decision, ok := s.Desk().Decision(r)
	if !ok {
		s.Desk().Choose(w, r, s.chooser(r, q))
		return
	}
	if decision == "deny" {
		s.back(w, r, q, url.Values{"error": {"user_cancelled_authorize"}})
		return
	}
	c, first := s.consented(p, q.client, decision == "hide")
	g := grant{client: q.client, person: p.ID, redirect: q.redirect, nonce: q.nonce, email: q.email, at: s.Desk().Now()}
	code := s.code(g)
	answer := url.Values{"code": {code}}
	if q.idToken {
		front, err := s.idToken(g, token.Claims{"c_hash": token.HalfHash(code)})
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		answer.Set("id_token", front)
	}
	if user := s.user(p, c, q); first && user != "" {
		answer.Set("user", user)
	}
	s.back(w, r, q, answer)
}

func (s *Sim) chooser(r *http.Request, q asked) provider.Chooser {
	c := provider.Chooser{App: s.Settings().Name, Note: provider.Say(r, "Your name is told the first time only.", "你的姓名只在第一次告诉它。")}
	if q.name {
		c.Asks = append(c.Asks, provider.Say(r, "your name", "你的姓名"))
	}
	if q.email {
		c.Asks = append(c.Asks, provider.Say(r, "your e-mail address", "你的邮箱地址"))
		c.Extra = []provider.Button{{Value: "hide", Text: provider.Say(r, "Allow, Hide My Email", "同意，隐藏邮件地址")}}
	}
	return c
}

// read checks a request; wrong is "" or Apple's word with a reason.
func (s *Sim) read(r *http.Request) (q asked, wrong string) {
	c := s.Settings()
	f := r.Form
	q = asked{client: f.Get("client_id"), redirect: f.Get("redirect_uri"), state: f.Get("state"), nonce: f.Get("nonce"), mode: f.Get("response_mode")}
	if name := provider.Twice(f); name != "" {
		return q, "invalid_request: " + name + " came twice"
	}
	if q.client != c.ServiceID {
		return q, "invalid_client: client_id is no Services ID"
	}
	if !slices.Contains(c.Redirects, q.redirect) {
		return q, "invalid_request: invalid web redirect url"
	}
	// The page's own form is sent with "+", the request must not be.
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name, value, _ := strings.Cut(pair, "="); name == "scope" && strings.Contains(value, "+") {
			return q, "invalid_scope: the separator has to be %20"
		}
	}
	for _, scope := range provider.Words(f.Get("scope"), " ") {
		switch scope {
		case "name":
			q.name = true
		case "email":
			q.email = true
		case "openid":
		default:
			return q, "invalid_scope: " + scope
		}
	}
	types := provider.Words(f.Get("response_type"), " ")
	slices.Sort(types)
	switch strings.Join(types, " ") {
	case "code":
	case "code id_token":
		q.idToken = true
	default:
		return q, "unsupported_response_type: response_type has to be code or code id_token"
	}
	return q, mode(&q)
}

func mode(q *asked) (wrong string) {
	if q.mode == "" {
		q.mode = "query"
		if q.idToken {
			q.mode = "fragment"
		}
	}
	switch {
	case !slices.Contains([]string{"query", "fragment", "form_post"}, q.mode):
		return "invalid_request: response_mode"
	case (q.name || q.email) && q.mode != "form_post":
		return "invalid_request: response_mode must be form_post when name or email scope is requested."
	case q.idToken && q.mode == "query":
		return "invalid_request: response_mode query takes no id_token"
	}
	return ""
}

// back answers the client, in the way that it asked for.
func (s *Sim) back(w http.ResponseWriter, r *http.Request, q asked, answer url.Values) {
	if q.state != "" {
		answer.Set("state", q.state)
	}
	switch q.mode {
	case "form_post":
		s.Desk().PostTo(w, r, q.redirect, answer)
	case "fragment":
		w.Header().Set("Location", q.redirect+"#"+answer.Encode())
		w.WriteHeader(http.StatusFound)
	default:
		provider.Return(w, r, q.redirect, "code", answer.Get("code"), "error", answer.Get("error"), "state", q.state)
	}
}

// user is the field of the first consent: JSON that nobody signed.
func (s *Sim) user(p provider.Person, c consent, q asked) string {
	type fullName struct {
		First string `json:"firstName"`
		Last  string `json:"lastName"`
	}
	var out struct {
		Name  *fullName `json:"name,omitempty"`
		Email string    `json:"email,omitempty"`
	}
	if q.name && !p.Has("nameless") {
		first, last := names(p)
		out.Name = &fullName{first, last}
	}
	if q.email {
		out.Email, _ = s.address(p, c.hides)
	}
	if out.Name == nil && out.Email == "" {
		return ""
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return "" // two names and an address
	}
	return string(raw)
}

// code is a fresh code for g.
func (s *Sim) code(g grant) string {
	code := "c" + provider.Hex(32) + ".0." + strings.ToLower(rand.Text()[:5]) + "." + rand.Text()[:22]
	s.Desk().Issue(code, g, codeLife)
	return code
}
