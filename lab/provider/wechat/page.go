package wechat

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

const (
	scopeLogin = "snsapi_login"
	scopeBase  = "snsapi_base"
	scopeInfo  = "snsapi_userinfo"
)

// qrconnect is the page with the code to scan.
func (s *Sim) qrconnect(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, Web, provider.Chooser{
		Note: "网站应用 · qrconnect",
		Asks: []string{"昵称、头像 · name and picture"},
		Extra: []provider.Button{
			{Value: "scan", Text: "扫码，先不确认 · Scan, do not confirm yet"},
			{Value: "expire", Text: "让二维码过期 · Let the code on the screen expire"},
		},
	})
}

// inApp is the page inside WeChat's own browser, which looks at the link letter by letter.
func (s *Sim) inApp(w http.ResponseWriter, r *http.Request) {
	switch {
	case !s.Settings().AnyBrowser && !strings.Contains(r.UserAgent(), "MicroMessenger"):
		s.Desk().Page(w, r, http.StatusOK, "请在微信客户端打开链接", "Open this link in WeChat.")
	case r.Method == http.MethodGet && !inOrder(r.URL.RawQuery):
		s.Desk().Page(w, r, http.StatusOK, "链接无法访问", "The parameters have to come in this order: "+strings.Join(order, ", "))
	default:
		c := provider.Chooser{Note: "服务号网页 · in WeChat"}
		if r.Form.Get("scope") == scopeInfo {
			c.Asks = []string{"昵称、头像 · name and picture"}
		}
		s.page(w, r, Account, c)
	}
}

var order = []string{"appid", "redirect_uri", "response_type", "scope", "state"}

// inOrder tells whether those of order that are there come in that order.
func inOrder(query string) bool {
	last := -1
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		for i, want := range order {
			if name == want {
				if i < last {
					return false
				}
				last = i
			}
		}
	}
	return true
}

func (s *Sim) page(w http.ResponseWriter, r *http.Request, k Kind, c provider.Chooser) {
	q := r.Form
	app, known := s.app(q.Get("appid"))
	if wrong := wrongRequest(app, known, k, q); wrong != "" {
		// WeChat tells the person and never comes back to the app.
		s.Desk().Page(w, r, http.StatusOK, "出错了", wrong)
		return
	}
	person, decision, decided := s.Desk().Decision(r)
	switch {
	case !decided:
		c.App = app.Name
		s.Desk().Choose(w, r, c)
	case decision == "scan":
		c.App, c.Note = app.Name, "已扫码，请在手机上确认 · Scanned by "+person.Name+": confirm on the phone"
		s.Desk().Choose(w, r, c)
	case decision == "expire":
		s.Desk().Page(w, r, http.StatusOK, "二维码已过期", "The code on the screen has expired. Go back and load the page again.")
	case decision == "deny":
		provider.Return(w, r, q.Get("redirect_uri"), "state", q.Get("state")) // and no code
	default:
		code := s.code(app, person, q.Get("scope"))
		provider.Return(w, r, q.Get("redirect_uri"), "code", code, "state", q.Get("state"))
	}
}

// wrongRequest is what is wrong with the visit; empty: nothing.
func wrongRequest(app App, known bool, k Kind, q url.Values) string {
	to, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case !known || app.Kind != k:
		return "appid: no such app here (40013)"
	case err != nil || to.Scheme != "https" && to.Scheme != "http" || to.Hostname() == "":
		return "redirect_uri: not an address"
	case to.Host != app.Domain && to.Hostname() != app.Domain:
		return "redirect_uri: its host is not the registered domain"
	case q.Get("response_type") != "code":
		return "response_type: want code"
	case !scopeFits(k, q.Get("scope")):
		return "scope: missing, or not for this kind of app"
	case !plainState(q.Get("state")):
		return "state: want at most 128 letters and digits"
	}
	return ""
}

func scopeFits(k Kind, scope string) bool {
	switch k {
	case Web:
		return scope == scopeLogin
	case Account:
		return scope == scopeBase || scope == scopeInfo
	}
	return false
}

func plainState(state string) bool {
	return len(state) <= 128 && strings.Trim(state, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// code makes a code for app, which person has allowed.
func (s *Sim) code(app App, person provider.Person, scope string) string {
	life := codeLife
	if app.Kind == Account {
		life = accountLife
	}
	code := "0" + rand.Text()
	s.Desk().Issue(code, grant{App: app.ID, Person: person.ID, Scope: scope}, life)
	s.last.Put(person.ID, app.ID)
	return code
}

// Native is what the mobile SDK hands to the app: the code for the first mobile app,
// and nonce as state. ErrCode is 0, or -4 with the failure Denied.
func (s *Sim) Native(person, nonce string) (map[string]string, error) {
	app, ok := s.of(Mobile)
	if !ok {
		return nil, errNoMobile
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	result := map[string]string{"ErrCode": "-4", "state": nonce, "lang": "zh_CN", "country": "CN"}
	if s.Desk().Failure() != provider.Denied {
		result["ErrCode"], result["code"] = "0", s.code(app, p, scopeInfo)
	}
	return result, nil
}
