package alipay

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// cancelled is the message of a permission that was taken back, by the name that the
// open platform's messages have.
const cancelled = "alipay.open.auth.userauth.cancelled"

// Event sends the message alipay.open.auth.userauth.cancelled: a form, signed over all
// that is in it but sign, sign_type and alipay_cert_sn. Variants:
//
//	valid           and the person's tokens of that app end
//	replay          the last one about this person once more
//	bad_signature   signed, and changed afterwards
//	unknown_key     signed by a key that is nobody's
//	wrong_audience  well signed, for another app
func (s *Sim) Event(kind, person, variant string) (int, error) {
	if kind != cancelled {
		return 0, provider.ErrNoEvent
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	app, ok := s.about(p)
	if !ok {
		return 0, provider.ErrNoEvent // no app, no message
	}
	body, again := s.sent.Get(p.ID)
	if variant != "replay" || !again {
		var err error
		if body, err = s.message(app, p, variant); err != nil {
			return 0, err
		}
		if variant == "valid" || variant == "replay" {
			s.happened(app, p, body)
		}
	}
	r, err := http.NewRequest(http.MethodPost, s.Desk().NoticeURL, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return s.Desk().Deliver(r)
}

func (s *Sim) message(app App, p provider.Person, variant string) (string, error) {
	c, key := s.Settings(), s.Settings().Key
	about := map[string]string{"cancel_time": s.Desk().Now().In(beijing).Format(timeLayout), "app_id": app.ID}
	for _, m := range ids(app, p) {
		about[m.name] = m.value.(string)
	}
	appID := app.ID
	switch variant {
	case "wrong_audience":
		appID, about["app_id"] = Foreign, Foreign
	case "unknown_key":
		var err error
		if key, err = s.other(); err != nil {
			return "", err
		}
	}
	content, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	form := url.Values{
		"notify_id":     {provider.Hex(32)},
		"utc_timestamp": {strconv.FormatInt(s.Desk().Now().UnixMilli(), 10)},
		"msg_method":    {cancelled},
		"app_id":        {appID},
		"version":       {"1.1"},
		"charset":       {"UTF-8"},
		"biz_content":   {string(content)},
	}
	made, err := sign(key, []byte(toSign(form)))
	if err != nil {
		return "", err
	}
	if variant == "bad_signature" {
		form.Set("notify_id", provider.Hex(32))
	}
	form.Set("sign", made)
	form.Set("sign_type", "RSA2")
	if app.Cert != nil && c.Cert != nil {
		form.Set("alipay_cert_sn", SerialOf(c.Cert))
	}
	return form.Encode(), nil
}

func (s *Sim) happened(app App, p provider.Person, body string) {
	gone := func(g grant) bool { return g.App == app.ID && g.Person == p.ID }
	s.grants.End(gone)
	s.sent.Put(p.ID, body)
}
