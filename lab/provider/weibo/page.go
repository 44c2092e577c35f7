package weibo

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// authorize is the page of both hosts. What is wrong with the visit is told to the
// person; only "no" goes back to the app.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	q, c := r.Form, s.Settings()
	app, known := s.app(q.Get("client_id"))
	wrong := 0
	switch {
	case q.Get("client_id") == "" || q.Get("redirect_uri") == "":
		wrong = 21323
	case !known:
		wrong = 21324
	case q.Get("redirect_uri") != app.Redirect:
		wrong = 21322
	case q.Get("response_type") != "" && q.Get("response_type") != "code":
		wrong = 21329
	}
	if wrong != 0 {
		s.Desk().Page(w, r, http.StatusBadRequest, "访问出错了", "error: "+words[wrong], "error_code: "+strconv.Itoa(wrong))
		return
	}
	state := q.Get("state")
	if c.MobileLosesState && mobile(r) {
		state = ""
	}
	scopes := strings.Split(q.Get("scope"), ",")
	wantsEmail := slices.Contains(scopes, "email") || slices.Contains(scopes, "all")
	person, decision, decided := s.Desk().Decision(r)
	switch {
	case !decided:
		s.Desk().Choose(w, r, chooser(app, wantsEmail))
	case decision == "deny":
		where := "error_uri"
		if c.OldNames {
			where = "error_url"
		}
		provider.Return(w, r, app.Redirect, where, "/oauth2/authorize", "error", "access_denied",
			"error_description", "user denied your request.", "error_code", "21330", "state", state)
	default:
		g := grant{App: app.ID, Person: person.ID}
		if wantsEmail && decision != "without_email" {
			g.Scope = "email"
		}
		code := hex.EncodeToString([]byte(rand.Text()))[:32]
		s.Desk().Issue(code, g, codeLife)
		s.last.Put(person.ID, app.ID)
		provider.Return(w, r, app.Redirect, "state", state, "code", code)
	}
}

func chooser(app App, wantsEmail bool) provider.Chooser {
	c := provider.Chooser{App: app.Name, Asks: []string{"个人信息 · your profile"}}
	if wantsEmail {
		c.Asks = append(c.Asks, "邮箱 · your e-mail address")
		c.Extra = []provider.Button{{Value: "without_email", Text: "同意，但不给邮箱 · Allow without the address"}}
	}
	return c
}

// mobile tells whether the page is that of the host open.weibo.cn.
func mobile(r *http.Request) bool {
	return strings.HasPrefix(r.Host, "open.weibo.cn") || r.Form.Get("display") == "mobile"
}
