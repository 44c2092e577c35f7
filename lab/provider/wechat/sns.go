package wechat

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/lab/provider"
)

var errNoMobile = errors.New("wechat: no mobile app is registered")

// errmsg are the words of the codes that are answered here.
var errmsg = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40029: "invalid code",
	40030: "invalid refresh_token",
	40125: "invalid appsecret",
	40163: "code been used",
	41001: "access_token missing",
	41002: "appid missing",
	41003: "refresh_token missing",
	41004: "appsecret missing",
	41008: "missing code",
	41009: "missing openid",
	42001: "access_token expired",
	42002: "refresh_token expired",
	42003: "code expired",
	45009: "reach max api daily quota limit",
	48001: "api unauthorized",
}

// call serves an address for servers: JSON as text/plain, errors with status 200.
func (s *Sim) call(serve func(*http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Desk().Hinder(w, r) {
			return
		}
		var body any
		var code int
		switch s.Desk().Failure() {
		case provider.Busy:
			code = -1
		case provider.Limited:
			code = 45009
		default:
			body, code = serve(r)
		}
		if code != 0 {
			body = map[string]any{"errcode": code, "errmsg": errmsg[code] + ", rid: " + provider.Hex(8) + "-" + provider.Hex(8)}
		}
		w.Header().Set("Content-Type", "text/plain")
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		_ = out.Encode(body) // an error is the caller's leaving
	}
}

// tokenAnswer is the answer to a code or a refresh token.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"openid"`
	Scope        string `json:"scope"`
	UnionID      string `json:"unionid,omitempty"`
	Snapshot     int    `json:"is_snapshotuser,omitempty"`
}

func (s *Sim) token(r *http.Request) (any, int) {
	q, c := r.Form, s.Settings()
	app, known := s.app(q.Get("appid"))
	switch {
	case q.Get("appid") == "":
		return nil, 41002
	case !known:
		return nil, 40013
	case q.Get("secret") == "":
		return nil, 41004
	case q.Get("secret") != app.Secret || s.Desk().Failure() == provider.WrongSecret:
		return nil, or(c.SecretCode, 40125)
	case q.Get("grant_type") != "authorization_code":
		return nil, 40002
	case q.Get("code") == "":
		return nil, 41008
	}
	what, state := s.Desk().Take(q.Get("code"))
	g, _ := what.(grant) // nil: unknown
	switch {
	case g.App != app.ID || s.Desk().Failure() == provider.WrongAudience:
		return nil, 40029
	case state == "used":
		return nil, 40163
	case state == "expired":
		return nil, or(c.ExpiredCode, 42003)
	}
	life := refreshLife
	if app.Kind == Mobile {
		life = mobileRefresh
	}
	return s.hand(app, refreshing{grant: g, ends: s.Desk().Now().Add(life)}, "61_"+rand.Text())
}

// hand hands out an access token, and the refresh token that keeps it.
func (s *Sim) hand(app App, f refreshing, renewed string) (any, int) {
	p, ok := s.Desk().Person(f.Person)
	if !ok {
		return nil, 40003
	}
	now := s.Desk().Now()
	if _, state := s.access.Get(f.access, now); state != "ok" {
		f.access = "61_" + rand.Text()
	}
	s.access.Put(f.access, f.grant, now.Add(accessLife))
	s.refresh.Put(renewed, f, f.ends)
	a := tokenAnswer{
		AccessToken: f.access, ExpiresIn: int(accessLife.Seconds()), RefreshToken: renewed,
		OpenID: openID(app, p), Scope: f.Scope, UnionID: unionID(app, p, f.Scope),
	}
	if p.Has("trailing_comma") {
		a.Scope += ","
	}
	if snapshot(app, p) {
		a.Snapshot = 1
	}
	return a, 0
}

// renew lengthens the access token while it is good and makes a new one later. The
// refresh token's own life stays as it is.
func (s *Sim) renew(r *http.Request) (any, int) {
	q := r.Form
	app, known := s.app(q.Get("appid"))
	f, state := s.refresh.Get(q.Get("refresh_token"), s.Desk().Now())
	switch {
	case q.Get("appid") == "":
		return nil, 41002
	case !known:
		return nil, 40013
	case q.Get("grant_type") != "refresh_token":
		return nil, 40002
	case q.Get("refresh_token") == "":
		return nil, 41003
	case state == "expired":
		return nil, 42002
	case state != "ok" || f.App != app.ID:
		return nil, 40030
	}
	return s.hand(app, f, q.Get("refresh_token"))
}

// holder reads the access token and the openid of a call.
func (s *Sim) holder(r *http.Request) (app App, p provider.Person, g grant, code int) {
	q := r.Form
	g, state := s.access.Get(q.Get("access_token"), s.Desk().Now())
	app, _ = s.app(g.App)
	p, there := s.Desk().Person(g.Person)
	switch {
	case q.Get("access_token") == "":
		code = 41001
	case state == "expired":
		code = 42001
	case state != "ok" || app.ID == "" || !there:
		code = 40014
	case q.Get("openid") == "":
		code = 41009
	case q.Get("openid") != openID(app, p):
		code = 40003
	}
	return app, p, g, code
}

func (s *Sim) check(r *http.Request) (any, int) {
	_, _, _, code := s.holder(r)
	return map[string]any{"errcode": 0, "errmsg": "ok"}, code
}

type userAnswer struct {
	OpenID    string   `json:"openid"`
	Nickname  string   `json:"nickname"`
	Sex       int      `json:"sex"`
	Language  string   `json:"language"`
	City      string   `json:"city"`
	Province  string   `json:"province"`
	Country   string   `json:"country"`
	Picture   string   `json:"headimgurl"`
	Privilege []string `json:"privilege"`
	UnionID   string   `json:"unionid,omitempty"`
	Snapshot  int      `json:"is_snapshotuser,omitempty"`
}

func (s *Sim) userinfo(r *http.Request) (any, int) {
	app, p, g, code := s.holder(r)
	switch {
	case code != 0:
		return nil, code
	case g.Scope == scopeBase:
		return nil, 48001
	}
	a := userAnswer{OpenID: openID(app, p), Nickname: p.Name, Privilege: []string{}, UnionID: unionID(app, p, g.Scope)}
	if !p.Has("no_picture") {
		a.Picture = fmt.Sprintf("https://thirdwx.example.test/mmopen/%s/132", hex.EncodeToString(provider.Derive("picture", p.ID)[:8]))
	}
	if snapshot(app, p) {
		a.Nickname, a.Picture, a.Snapshot = "微信用户"+strconv.Itoa(int(provider.Derive(p.ID)[0])), "", 1
	}
	return a, 0
}

// or is code, or what it stands for when nothing was chosen.
func or(code, usual int) int {
	if code == 0 {
		return usual
	}
	return code
}
