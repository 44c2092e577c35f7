package weibo

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

var errNoApp = errors.New("weibo: no app is registered")

// words are the errors that are answered here, by their codes.
var words = map[int]string{
	10005: "application scope limit",
	10006: "source paramter(appkey) is missing",
	10008: "param error, see doc for more info",
	10009: "too many pending tasks, system is busy",
	10023: "user requests out of rate limit",
	20003: "user does not exists",
	21316: "token_revoked",
	21317: "token_rejected",
	21322: "redirect_uri_mismatch",
	21323: "invalid_request",
	21324: "invalid_client",
	21325: "invalid_grant",
	21327: "expired_token",
	21328: "unsupported_grant_type",
	21329: "unsupported_response_type",
	21330: "access_denied",
	21331: "temporarily_unavailable",
}

// tokenStates are the errors of tokens that are not good.
var tokenStates = map[string]int{"unknown": 21317, "revoked": 21316, "expired": 21327}

// call serves an address for servers.
func (s *Sim) call(serve func(*http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Desk().Hinder(w, r) {
			return
		}
		var body any
		var code int
		oauth := strings.HasPrefix(r.URL.Path, "/oauth2/")
		switch s.Desk().Failure() {
		case provider.Busy:
			code = 10009
			if oauth {
				code = 21331
			}
		case provider.Limited:
			code = 10023
		default:
			body, code = serve(r)
		}
		status := http.StatusOK
		switch {
		case code == 0:
		case code >= 21300: // of the authorization
			status, body = http.StatusBadRequest, map[string]any{
				"error": words[code], "error_code": code, "request": r.URL.Path, "error_uri": r.URL.Path,
				"error_description": strings.ReplaceAll(words[code], "_", " "),
			}
		default: // of the API, with its code as a text
			status, body = http.StatusBadRequest, map[string]any{
				"request": r.URL.Path, "error_code": strconv.Itoa(code), "error": words[code],
			}
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.WriteHeader(status)
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		_ = out.Encode(body) // an error is the caller's leaving
	}
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RemindIn     string `json:"remind_in"`
	ExpiresIn    any    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	UID          any    `json:"uid"`
	RealName     any    `json:"isRealName"`
}

func (s *Sim) token(r *http.Request) (any, int) {
	q := r.Form
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = q.Get("client_id"), q.Get("client_secret")
	}
	app, known := s.app(id)
	switch {
	case id == "" || secret == "":
		return nil, 21323
	case !known || secret != app.Secret || s.Desk().Failure() == provider.WrongSecret:
		return nil, 21324
	case q.Get("grant_type") == "refresh_token":
		return s.renew(app, q.Get("refresh_token"))
	case q.Get("grant_type") != "authorization_code":
		return nil, 21328
	case q.Get("code") == "":
		return nil, 21323
	case q.Get("redirect_uri") != app.Redirect:
		return nil, 21322
	}
	what, state := s.Desk().Take(q.Get("code"))
	g, _ := what.(grant) // nil: unknown
	if state != "ok" || g.App != app.ID {
		return nil, 21325
	}
	return s.tokenOf(app, g, "")
}

// renew takes the refresh tokens that the SDK got.
func (s *Sim) renew(app App, refresh string) (any, int) {
	g, state := s.grants.Refresh.Get(refresh, s.Desk().Now())
	if state != "ok" || g.App != app.ID {
		return nil, 21325
	}
	return s.tokenOf(app, g, refresh)
}

func (s *Sim) tokenOf(app App, g grant, refresh string) (any, int) {
	p, ok := s.Desk().Person(g.Person)
	if !ok {
		return nil, 21325
	}
	token, g := s.hand(app, g)
	life := seconds(g.Ends.Sub(g.At))
	a := tokenAnswer{
		AccessToken: token, RemindIn: life, ExpiresIn: json.Number(life), RefreshToken: refresh,
		UID: uid(p.ID), RealName: "true",
	}
	if p.Has("flipped") {
		a.ExpiresIn, a.UID, a.RealName = life, json.Number(uid(p.ID)), true
	}
	return a, 0
}

// holder reads the access token of a call, from the query, the form or the header
// "Authorization: OAuth2 <token>".
func (s *Sim) holder(r *http.Request) (grant, provider.Person, string, int) {
	token := r.Form.Get("access_token")
	if kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " "); token == "" && kind == "OAuth2" {
		token = value
	}
	if token == "" {
		return grant{}, provider.Person{}, "", 10006
	}
	g, state := s.grants.Access.Get(token, s.Desk().Now())
	if state != "ok" {
		return g, provider.Person{}, "", tokenStates[state]
	}
	p, there := s.Desk().Person(g.Person)
	if !there {
		return g, p, "", 21317
	}
	return g, p, token, 0
}

func (s *Sim) tokenInfo(r *http.Request) (any, int) {
	g, p, _, code := s.holder(r)
	if code != 0 {
		return nil, code
	}
	var scope any // null, unless something was asked for
	if g.Scope != "" {
		scope = g.Scope
	}
	left := seconds(g.Ends.Sub(s.Desk().Now()))
	life := "expire_in"
	if s.Settings().OldNames {
		life = "expires_in"
	}
	at := strconv.FormatInt(g.At.Unix(), 10)
	if p.Has("flipped") {
		return map[string]any{"uid": uid(p.ID), "appkey": json.Number(g.App), "scope": scope, "create_at": at, life: left}, 0
	}
	return map[string]any{
		"uid": json.Number(uid(p.ID)), "appkey": g.App, "scope": scope, "create_at": json.Number(at), life: json.Number(left),
	}, 0
}

func (s *Sim) revoke(r *http.Request) (any, int) {
	g, p, token, code := s.holder(r)
	if code != 0 {
		return nil, code
	}
	s.grants.Access.Put(token, g, s.Desk().Now()) // it ends now
	s.end(g.App, g.Person)
	if p.Has("flipped") {
		return map[string]any{"result": true}, 0
	}
	return map[string]any{"result": "true"}, 0
}

// end takes back what person allowed to app.
func (s *Sim) end(app, person string) {
	gone := func(g grant) bool { return g.App == app && g.Person == person }
	s.grants.End(gone)
}

func (s *Sim) uid(r *http.Request) (any, int) {
	_, p, _, code := s.holder(r)
	return map[string]any{"uid": json.Number(uid(p.ID))}, code
}

func (s *Sim) email(r *http.Request) (any, int) {
	g, p, _, code := s.holder(r)
	app, _ := s.app(g.App)
	switch {
	case code != 0:
		return nil, code
	case g.Scope != "email" || !app.Email:
		return nil, 10005
	}
	if p.Has("no_email") {
		p.Email = ""
	}
	if p.Has("email_array") {
		return []map[string]string{{"email": p.Email}}, 0
	}
	return map[string]string{"email": p.Email}, 0
}
