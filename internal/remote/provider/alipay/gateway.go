package alipay

import (
	"bytes"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// beijing is the zone of every time that Alipay reads and writes.
var beijing = time.FixedZone("UTC+8", 8*60*60)

const timeLayout = "2006-01-02 15:04:05"

// toSign is the text that is signed: what is not empty and not left out, by name,
// unescaped.
func toSign(form url.Values, without ...string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if v := form.Get(name); v != "" && !slices.Contains(without, name) {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(name + "=" + v)
		}
	}
	return b.String()
}

// node is what stands in the signed node of an answer.
type node struct {
	Code    provider.Text `json:"code"` // of success "10000", or missing
	SubCode string        `json:"sub_code"`
	Token   string        `json:"access_token"`
	OpenID  string        `json:"open_id"`
	UserID  string        `json:"user_id"`
	Nick    string        `json:"nick_name"`
}

// success is the code of an answer that is one.
const success = "10000"

// call makes one signed request and checks that the answer is signed over the very
// bytes that came. An error may come unsigned; a success never counts then.
func (a *Alipay) call(ctx context.Context, wire provider.Wire, method string, form url.Values) (node, error) {
	form.Set("app_id", a.config.AppID)
	form.Set("method", method)
	form.Set("format", "JSON")
	form.Set("charset", "utf-8")
	form.Set("sign_type", "RSA2")
	form.Set("timestamp", a.clock.Now().In(beijing).Format(timeLayout))
	form.Set("version", "1.0")
	if a.keys.appSN != "" {
		form.Set("app_cert_sn", a.keys.appSN)
		form.Set("alipay_root_cert_sn", a.keys.rootSN)
	}
	sign, err := a.keys.sign(toSign(form, "sign"))
	if err != nil {
		return node{}, err
	}
	form.Set("sign", sign)
	got, err := wire.Post(ctx, a.config.Gateway, form)
	if err != nil {
		return node{}, err
	}
	if f := got.Down(a.clock.Now()); f != nil {
		return node{}, f
	}
	return a.read(method, got.Body)
}

// read takes an answer apart. What is signed is the text of one node, with its blanks
// and escapes as they came.
func (a *Alipay) read(method string, body []byte) (node, error) {
	top := map[string]jsontext.Value{}
	if err := provider.ReadObject(body, &top); err != nil {
		return node{}, err
	}
	raw, inside := top[strings.ReplaceAll(method, ".", "_")+"_response"]
	failed, outside := top["error_response"]
	if inside == outside {
		return node{}, provider.Fail(provider.Malformed, "node")
	}
	if outside {
		raw = failed
	}
	var sign, serial string
	for name, into := range map[string]*string{"sign": &sign, "alipay_cert_sn": &serial} {
		if v, there := top[name]; there && json.Unmarshal(v, into) != nil {
			return node{}, provider.Fail(provider.Malformed, name)
		}
	}
	if sign != "" && !a.keys.verify(bytes.TrimSpace(raw), sign, serial) {
		return node{}, provider.Fail(provider.Untrusted, "sign")
	}
	var got node
	if err := provider.ReadObject(raw, &got); err != nil {
		return node{}, err
	}
	switch {
	case outside, got.Code != "" && got.Code != success:
		return node{}, failure(got)
	case sign == "":
		return node{}, provider.Fail(provider.Untrusted, "unsigned")
	}
	return got, nil
}

// failure is what the codes of an error mean (opendocs.alipay.com, 公共错误码).
func failure(n node) error {
	reason := provider.Malformed
	switch n.Code {
	case "20000":
		reason = provider.Temporary
	case "20001":
		reason = provider.Expired // auth_token
	case "40001", "40003", "40006":
		reason = provider.Config
	case "40002":
		switch n.SubCode {
		case "isv.code-invalid": // made up, used, expired or of another app
			reason = provider.InvalidCode
		case "isv.refresh-token-invalid":
			reason = provider.Expired
		default: // APPID, signature, timestamp and the like
			reason = provider.Config
		}
	case "40004":
		reason = provider.Denied // Alipay itself will not, for this person
	case "40005":
		reason = provider.RateLimited
	}
	native := string(n.Code)
	if n.SubCode != "" {
		native += "/" + n.SubCode
	}
	return provider.Fail(reason, native)
}
