package qq

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// words are the errors that are answered here, by their codes.
var words = map[int]string{
	100000: "response_type is wrong",
	100001: "param client_id is wrong or lost",
	100002: "param client_secret is wrong or lost",
	100004: "param grant_type is wrong or lost",
	100005: "param code is wrong or lost",
	100006: "param refresh_token is wrong or lost",
	100007: "param access_token is wrong or lost",
	100008: "client_id is not exist",
	100009: "client_secret is wrong",
	100010: "redirect uri is illegal",
	100014: "access token is expired",
	100015: "access token is revoked",
	100016: "access token check failed",
	100019: "code to access token error",
	100020: "code is reused",
	100021: "get access token error",
	100022: "refresh access token error",
	100048: "companyid not set",
}

// tokenStates are the errors of tokens that are not good.
var tokenStates = map[string]int{"unknown": 100016, "revoked": 100015, "expired": 100014}

// member is one member of an object, in its place.
type member struct {
	name  string
	value any
}

type object []member

// JSON writes the members in their order.
func (o object) JSON() string {
	return provider.Members(len(o), func(i int) (string, any) { return o[i].name, o[i].value })
}

// call serves an address below /oauth2.0: JSON for fmt=json, JSONP or a form without.
// Every answer has status 200 and says it is HTML.
func (s *Sim) call(serve func(url.Values) (object, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		bare := r.Form.Get("fmt") == "json"
		if s.Desk().Failure() == provider.Malformed {
			body := `callback( {"client_id":"1000`
			if bare {
				body = `{"access_token":"half of`
			}
			html(w, http.StatusOK, body)
			return
		}
		if s.refused(w, r) {
			return
		}
		answer, code := object(nil), 100021 // the vendor's word for what did not work there
		if s.Desk().Failure() != provider.Busy {
			answer, code = serve(r.Form)
		}
		if code != 0 {
			answer = object{{"error", code}, {"error_description", words[code]}}
		}
		switch {
		case bare:
			html(w, http.StatusOK, answer.JSON())
		case code == 0 && r.URL.Path == "/oauth2.0/token":
			html(w, http.StatusOK, answer.form())
		default:
			html(w, http.StatusOK, "\n callback( "+answer.JSON()+" );\n")
		}
	}
}

// form writes the members as a query.
func (o object) form() string {
	pairs := make([]string, len(o))
	for i, m := range o {
		pairs[i] = m.name + "=" + url.QueryEscape(fmt.Sprint(m.value))
	}
	return strings.Join(pairs, "&")
}

func html(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // an error is the caller's leaving
}

// refused answers for the failures that come before any call is read. For too many calls
// QQ has no word: it is HTTP's own.
func (s *Sim) refused(w http.ResponseWriter, r *http.Request) bool {
	if s.Desk().Hinder(w, r) {
		return true
	}
	if s.Desk().Failure() == provider.Limited {
		w.Header().Set("Retry-After", "60")
		html(w, http.StatusTooManyRequests, "<html><body>Too Many Requests</body></html>")
		return true
	}
	return false
}

func (s *Sim) token(q url.Values) (object, int) {
	app, known := s.app(q.Get("client_id"))
	renews := q.Get("grant_type") == "refresh_token"
	switch {
	case q.Get("client_id") == "":
		return nil, 100001
	case !known:
		return nil, 100008
	case q.Get("client_secret") == "":
		return nil, 100002
	case q.Get("client_secret") != app.Key || s.Desk().Failure() == provider.WrongSecret:
		return nil, 100009
	case renews:
		return s.renew(app, q)
	case q.Get("grant_type") != "authorization_code":
		return nil, 100004
	case q.Get("code") == "":
		return nil, 100005
	}
	what, state := s.Desk().Take(q.Get("code"))
	g, _ := what.(grant) // nil: unknown
	switch {
	case state == "used":
		return nil, 100020
	case state != "ok" || g.App != app.ID:
		return nil, 100019
	case g.Redirect != q.Get("redirect_uri"):
		return nil, 100010
	}
	return s.tokens(app, g.Person, q)
}

func (s *Sim) renew(app App, q url.Values) (object, int) {
	if q.Get("refresh_token") == "" {
		return nil, 100006
	}
	g, state := s.grants.Refresh.Get(q.Get("refresh_token"), s.Desk().Now())
	if state != "ok" || g.App != app.ID {
		return nil, 100022
	}
	if !s.Settings().KeepsRefresh {
		s.grants.Refresh.Revoke(func(o grant) bool { return o.Token == g.Token })
	}
	return s.tokens(app, g.Person, q)
}

func (s *Sim) tokens(app App, person string, q url.Values) (object, int) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, 100021
	}
	again := strings.ToUpper(provider.Hex(32))
	s.grants.Refresh.Put(again, grant{App: app.ID, Person: person, Token: again}, s.Desk().Now().Add(refreshLife))
	var life any = s.lifeInSeconds() // a text
	if p.Has("numbers") {
		life = json.Number(s.lifeInSeconds())
	}
	answer := object{{"access_token", s.hand(app, person)}, {"expires_in", life}, {"refresh_token", again}}
	if q.Get("need_openid") == "1" {
		answer = append(answer, member{"openid", openID(app.ID, person)})
	}
	return answer, 0
}

// me tells whose token it is, and which app's.
func (s *Sim) me(q url.Values) (object, int) {
	if q.Get("access_token") == "" {
		return nil, 100007
	}
	g, state := s.grants.Access.Get(q.Get("access_token"), s.Desk().Now())
	p, there := s.Desk().Person(g.Person)
	switch {
	case state != "ok":
		return nil, tokenStates[state]
	case !there:
		return nil, 100016
	}
	answer := object{{"client_id", g.App}, {"openid", openID(g.App, g.Person)}}
	if q.Get("unionid") != "1" {
		return answer, 0
	}
	developer := "somebody else"
	if app, ours := s.app(g.App); ours {
		developer = app.Developer
	}
	if developer == "" {
		return nil, 100048
	}
	union := member{"unionid", unionID(developer, g.Person)}
	if p.Has("union_first") {
		return object{union, answer[0], answer[1]}, 0
	}
	return append(answer, union), 0
}

// open serves an address of the OpenAPI: JSON with ret and msg, that says it is HTML.
func (s *Sim) open(serve func(provider.Person) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.refused(w, r) {
			return
		}
		q := r.Form
		g, state := s.grants.Access.Get(q.Get("access_token"), s.Desk().Now())
		p, there := s.Desk().Person(g.Person)
		ret := 0
		switch {
		case q.Get("access_token") == "":
			ret = 100007
		case state != "ok":
			ret = tokenStates[state]
		case q.Get("oauth_consumer_key") != g.App || q.Get("openid") != openID(g.App, g.Person) || !there:
			ret = 100016
		case s.Desk().Failure() == provider.Busy:
			ret = 100021
		}
		if ret != 0 {
			html(w, http.StatusOK, object{{"ret", ret}, {"msg", words[ret]}}.JSON())
			return
		}
		html(w, http.StatusOK, serve(p).JSON())
	}
}

func (s *Sim) userInfo(p provider.Person) object {
	picture := "example.test/qqapp/" + hex.EncodeToString(provider.Derive("picture", p.ID)[:8])
	small, large := "http://thirdqq."+picture+"/40", "http://thirdqq."+picture+"/100"
	if p.Has("no_large_picture") {
		large = ""
	}
	var year, level, gender any = "0", "0", 2
	if p.Has("numbers") {
		year, level, gender = 0, 0, "2"
	}
	return object{
		{"ret", 0},
		{"msg", ""},
		{"is_lost", 0},
		{"nickname", p.Name},
		{"gender", "男"}, // of everybody who does not say
		{"gender_type", gender},
		{"province", ""},
		{"city", ""},
		{"year", year},
		{"constellation", ""},
		{"figureurl", "http://qzapp." + picture + "/30"},
		{"figureurl_1", "http://qzapp." + picture + "/50"},
		{"figureurl_2", "http://qzapp." + picture + "/100"},
		{"figureurl_qq_1", small},
		{"figureurl_qq_2", large},
		{"figureurl_qq", "http://thirdqq." + picture + "/640"},
		{"is_yellow_vip", "0"},
		{"vip", "0"},
		{"yellow_vip_level", "0"},
		{"level", level},
		{"is_yellow_year_vip", "0"},
	}
}

// simpleInfo is what apps get at openmobile.qq.com: the same with less in it.
func (s *Sim) simpleInfo(p provider.Person) object {
	var out object
	for _, m := range s.userInfo(p) {
		switch m.name {
		case "ret", "msg", "nickname", "gender", "figureurl", "figureurl_1", "figureurl_2", "figureurl_qq_1", "figureurl_qq_2":
			out = append(out, m)
		}
	}
	return out
}
