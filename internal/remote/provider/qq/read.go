package qq

import (
	"bytes"
	"net/url"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// answer is what QQ answers to any call, or its error.
type answer struct {
	Error    provider.Text `json:"error"`
	Ret      provider.Text `json:"ret"` // so at the calls below /user
	Token    string        `json:"access_token"`
	ClientID provider.Text `json:"client_id"`
	OpenID   string        `json:"openid"`
	UnionID  string        `json:"unionid"`
	Nickname string        `json:"nickname"`
}

// read reads a body: JSON, JSON in a call of `callback`, or a form, whatever was asked
// for. The call is cut off and never run.
func read(body []byte) (got answer, err error) {
	body = bytes.TrimSpace(body)
	if rest, is := bytes.CutPrefix(body, []byte("callback")); is && bytes.HasPrefix(bytes.TrimSpace(rest), []byte("(")) {
		from, to := bytes.IndexByte(body, '('), bytes.LastIndexByte(body, ')')
		if to < from || len(bytes.Trim(body[to+1:], "; \t\r\n")) > 0 {
			return answer{}, provider.Fail(provider.Malformed, "callback")
		}
		body = bytes.TrimSpace(body[from+1 : to])
		if !bytes.HasPrefix(body, []byte("{")) {
			return answer{}, provider.Fail(provider.Malformed, "callback")
		}
	}
	if bytes.HasPrefix(body, []byte("{")) {
		if err := provider.ReadObject(body, &got); err != nil {
			return answer{}, err
		}
		return got, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || bytes.ContainsAny(body, "<> \r\n") {
		return answer{}, provider.Fail(provider.Malformed, "form")
	}
	for name, values := range form {
		if len(values) > 1 {
			return answer{}, provider.Fail(provider.Malformed, "form")
		}
		switch name {
		case "error":
			got.Error = provider.Text(values[0])
		case "access_token":
			got.Token = values[0]
		}
	}
	if got.Error == "" && got.Token == "" {
		return answer{}, provider.Fail(provider.Malformed, "form")
	}
	return got, nil
}
