package alipay

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// authorize is the page. What is wrong with the visit is told to the person.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.Form
	app, known := s.app(q.Get("app_id"))
	to, state, scope := q.Get("redirect_uri"), q.Get("state"), q.Get("scope")
	wrong := ""
	switch {
	case !known:
		wrong = "app_id: no such app here (isv.invalid-app-id)"
	case !slices.Contains(app.Redirects, to):
		wrong = "redirect_uri: not the registered address"
	case !scopesFit(scope):
		wrong = "scope: want auth_base or auth_user"
	case len(state) > 100 || strings.ContainsFunc(state, func(c rune) bool { return c > 126 || c < ' ' }):
		wrong = "state: want at most 100 characters, and no Chinese"
	}
	if wrong != "" {
		s.Desk().Page(w, r, http.StatusOK, "授权失败", wrong)
		return
	}
	shown := app.ID
	if s.Desk().Failure() == provider.WrongAudience {
		shown = Foreign
	}
	person, decision, decided := s.Desk().Decision(r)
	switch {
	case !decided:
		c := provider.Chooser{App: app.Name, Extra: []provider.Button{{Value: "leave", Text: "留在支付宝 · Stay with Alipay, and say nothing"}}}
		if strings.Contains(scope, scopeUser) {
			c.Asks = []string{"昵称、头像 · name and picture"}
		}
		s.Desk().Choose(w, r, c)
	case decision == "leave":
		s.Desk().Page(w, r, http.StatusOK, "未授权", "Alipay does not go back to the app here.")
	case decision == "deny":
		provider.Return(w, r, to, "app_id", shown, "source", "alipay_wallet", "scope", scope, "state", state)
	default:
		provider.Return(w, r, to, "app_id", shown, "source", "alipay_wallet", "scope", scope,
			"auth_code", s.code(app, person, scope), "state", state)
	}
}

func scopesFit(list string) bool {
	for scope := range strings.SplitSeq(list, ",") {
		if scope != scopeBase && scope != scopeUser {
			return false
		}
	}
	return true
}

// code makes an auth_code for app, which person has allowed.
func (s *Sim) code(app App, p provider.Person, scope string) string {
	if strings.Contains(scope, scopeUser) {
		scope = scopeUser
	}
	code := "ca34" + provider.Hex(28)
	s.Desk().Issue(code, grant{App: app.ID, Person: p.ID, Scope: scope}, cmp.Or(s.Settings().CodeLife, usualCode))
	s.last.Put(p.ID, app.ID)
	return code
}

var errNoApp = errors.New("alipay: no app is registered, or none with this app_id")

// Native is what the SDK hands to the app: resultStatus, memo and result, and the
// auth_code in it once more as "code". prepared is the string that the app's server
// signed; its signature and parameters are checked, and the status is 4000 if they are
// wrong. A text without "sign=" stands for target_id alone. With the failure Denied
// the status is 6001.
func (s *Sim) Native(person, prepared string) (map[string]string, error) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	app, target, status, err := s.prepared(prepared)
	if err != nil {
		return nil, err
	}
	if s.Desk().Failure() == provider.Denied {
		status = "6001"
	}
	switch status {
	case "4000":
		return map[string]string{"resultStatus": status, "memo": "系统繁忙，请稍后再试", "result": ""}, nil
	case "6001":
		return map[string]string{"resultStatus": status, "memo": "用户取消", "result": ""}, nil
	}
	code := s.code(app, p, scopeUser)
	result := "success=true&result_code=200&auth_code=" + code
	for _, m := range ids(app, p) {
		switch m.name {
		case "open_id":
			result += "&alipay_open_id=" + m.value.(string)
		case "user_id":
			result += "&user_id=" + m.value.(string)
		}
	}
	return map[string]string{
		"code": code, "resultStatus": status, "memo": "处理成功", "result": result + "&target_id=" + url.QueryEscape(target),
	}, nil
}

// prepared reads the string that starts the SDK.
func (s *Sim) prepared(text string) (app App, target, status string, err error) {
	apps := s.Settings().Apps
	if len(apps) == 0 {
		return App{}, "", "", errNoApp
	}
	if !strings.Contains(text, "sign=") {
		return apps[0], text, "9000", nil
	}
	q, err := url.ParseQuery(text)
	if err != nil {
		return App{}, "", "4000", nil // the SDK tells no more
	}
	// Whoever did not escape the signature's plus signs finds blanks there.
	made := strings.ReplaceAll(q.Get("sign"), " ", "+")
	app, known := s.app(q.Get("app_id"))
	fixed := map[string]string{
		"apiname": "com.alipay.account.auth", "method": "alipay.open.auth.sdk.code.get", "app_name": "mc",
		"biz_type": "openservice", "product_id": "APP_FAST_LOGIN", "scope": "kuaijie", "auth_type": "AUTHACCOUNT",
		"sign_type": "RSA2", "pid": app.PID,
	}
	for name, want := range fixed {
		if q.Get(name) != want {
			return app, "", "4000", nil
		}
	}
	target = q.Get("target_id")
	if !known || target == "" || len(target) > 32 || !signedBy(app.key(), toSign(q, "sign"), made) ||
		s.Desk().Failure() == provider.WrongSecret {
		return app, target, "4000", nil
	}
	return app, target, "9000", nil
}
