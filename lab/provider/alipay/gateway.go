package alipay

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// refusal is an error as the gateway words it.
type refusal struct{ code, msg, sub, subMsg string }

// refusals are the errors that are answered here, by their sub_code.
var refusals = map[string]refusal{
	"aop.auth-token-time-out":   {"20001", "Insufficient Token Permissions", "", "授权令牌超时"},
	"aop.invalid-auth-token":    {"20001", "Insufficient Token Permissions", "", "无效的访问令牌"},
	"isp.unknow-error":          {"20000", "Service Currently Unavailable", "", "系统繁忙"},
	"isv.call-limited":          {"40005", "Call Limited", "", "调用频次超限"},
	"isv.code-invalid":          {"40002", "Invalid Arguments", "", "授权码code无效"},
	"isv.grant-type-invalid":    {"40002", "Invalid Arguments", "", "grant_type不合法"},
	"isv.invalid-app-id":        {"40002", "Invalid Arguments", "", "无效的AppID参数"},
	"isv.invalid-method":        {"40002", "Invalid Arguments", "", "不存在的方法名"},
	"isv.invalid-parameter":     {"40002", "Invalid Arguments", "", "参数无效"},
	"isv.invalid-signature":     {"40002", "Invalid Arguments", "", "验签出错"},
	"isv.invalid-timestamp":     {"40002", "Invalid Arguments", "", "非法的时间戳参数"},
	"isv.missing-parameter":     {"40001", "Missing Required Arguments", "", "缺少必选参数"},
	"isv.refresh-token-invalid": {"40002", "Invalid Arguments", "", "刷新令牌refresh_token无效"},
}

// answer is what a method says. person: about whom; zero: about nobody.
type answer struct {
	body   node
	person provider.Person
}

// methods are what the gateway does. A method answers a sub_code when it refuses.
func (s *Sim) method(name string) func(App, url.Values) (answer, string) {
	return map[string]func(App, url.Values) (answer, string){
		"alipay.system.oauth.token": s.token,
		"alipay.user.info.share":    s.userInfo,
	}[name]
}

func (s *Sim) gateway(w http.ResponseWriter, r *http.Request) {
	if s.Desk().Failure() != provider.Malformed && s.Desk().Hinder(w, r) {
		return
	}
	q := r.Form
	app, known := s.app(q.Get("app_id"))
	var a answer
	sub := s.check(app, known, q)
	if sub == "" {
		a, sub = s.method(q.Get("method"))(app, q)
	}
	name := strings.ReplaceAll(q.Get("method"), ".", "_") + "_response"
	c := s.Settings()
	signed := known && !a.person.Has("no_sign")
	if sub != "" {
		if !c.ErrorInside {
			name = "error_response"
		}
		signed = known && !c.UnsignedErrors
		said := refusals[sub]
		a = answer{body: node{{"msg", said.msg}, {"code", said.code}, {"sub_msg", said.subMsg}, {"sub_code", sub}}}
	}
	charset := "utf-8"
	body := a.body.JSON()
	if a.person.Has("gbk") {
		charset = "GBK"
		// What GBK has no letter for becomes a question mark.
		body, _ = encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder()).String(body)
	}
	whole, err := s.wrap(app, name, body, signed)
	if err != nil {
		s.Desk().Log.Error("lab: alipay cannot sign", "error", err.Error())
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	if s.Desk().Failure() == provider.Malformed {
		whole = `{"` + name + `":` + body + `,"sign":"c2ln` // the node is whole, the answer is not
	}
	w.Header().Set("Content-Type", "text/html;charset="+charset)
	_, _ = io.WriteString(w, whole) // an error is the caller's leaving
}

// wrap signs a node, exactly as it goes out, and puts both into an answer.
func (s *Sim) wrap(app App, name, body string, signed bool) (string, error) {
	whole := `{"` + name + `":` + body
	if !signed {
		return whole + "}", nil
	}
	c := s.Settings()
	key, text, serial := c.Key, body, ""
	if app.Cert != nil && c.Cert != nil {
		serial = SerialOf(c.Cert)
	}
	switch s.Desk().Failure() {
	case provider.BadSignature:
		text += " " // what was signed is not what is sent
	case provider.UnknownKey:
		var err error
		if key, err = s.other(); err != nil {
			return "", err
		}
		if serial != "" {
			serial = strings.Repeat("0", len(serial))
		}
	}
	made, err := sign(key, []byte(text))
	if serial != "" {
		whole += `,"alipay_cert_sn":"` + serial + `"`
	}
	return whole + `,"sign":"` + strings.ReplaceAll(made, "/", `\/`) + `"}`, err
}

var needed = []string{"app_id", "method", "charset", "sign_type", "timestamp", "version", "sign"}

// check looks at what all requests have; it answers a sub_code.
func (s *Sim) check(app App, known bool, q url.Values) string {
	c := s.Settings()
	for _, values := range q {
		if len(values) > 1 {
			return "isv.invalid-parameter"
		}
	}
	at, badTime := time.ParseInLocation(timeLayout, q.Get("timestamp"), beijing)
	skew := cmp.Or(c.Skew, usualSkew)
	switch {
	case slices.ContainsFunc(needed, func(name string) bool { return q.Get(name) == "" }):
		return "isv.missing-parameter"
	case !known:
		return "isv.invalid-app-id"
	case q.Get("version") != "1.0" || !strings.EqualFold(q.Get("charset"), "utf-8") || q.Get("format") != "" && !strings.EqualFold(q.Get("format"), "JSON"):
		return "isv.invalid-parameter"
	case app.Cert != nil && (q.Get("app_cert_sn") != SerialOf(app.Cert) || q.Get("alipay_root_cert_sn") != SerialsOf(c.Roots)),
		q.Get("sign_type") != "RSA2",
		!signedBy(app.key(), toSign(q, "sign"), q.Get("sign")),
		s.Desk().Failure() == provider.WrongSecret:
		return "isv.invalid-signature"
	case badTime != nil || s.Desk().Now().Sub(at).Abs() > skew:
		return "isv.invalid-timestamp"
	case s.Desk().Failure() == provider.Busy:
		return "isp.unknow-error"
	case s.Desk().Failure() == provider.Limited:
		return "isv.call-limited"
	case s.method(q.Get("method")) == nil:
		return "isv.invalid-method"
	}
	return ""
}
