package apple

import (
	"strings"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// flag is a claim that Apple writes as true or "true" (its documentation: "a string or
// Boolean value"). Anything else is no (S-44).
type flag bool

// UnmarshalJSON never fails.
func (f *flag) UnmarshalJSON(raw []byte) error {
	*f = flag(string(raw) == "true" || string(raw) == `"true"`)
	return nil
}

// relayHost is where addresses of Hide My Email end.
const relayHost = "@privaterelay.appleid.com"

// mailboxes are the hosts at which Apple itself delivers mail.
var mailboxes = []string{relayHost, "@icloud.com", "@me.com", "@mac.com"}

// identity is who a verified token is about. Of the address Apple says only that it
// was checked once; whose mailbox it is now, Apple knows where the mailbox is Apple's.
func (a *Apple) identity(claims *idtoken.Claims) (provider.Identity, error) {
	var c struct {
		Email    idtoken.Hint `json:"email"`
		Verified flag         `json:"email_verified"`
		Private  flag         `json:"is_private_email"`
	}
	if err := claims.Into(&c); err != nil {
		return provider.Identity{}, err
	}
	who := provider.Identity{
		Subjects: []provider.Subject{{Scope: "team:" + a.c.TeamID, Value: claims.Subject}},
		Email:    c.Email.Mail(),
	}
	if who.Email != "" {
		who.Relay = bool(c.Private) || endsIn(who.Email, relayHost)
		who.EmailVerified = bool(c.Verified) && endsIn(who.Email, mailboxes...)
	}
	return who, nil
}

func endsIn(address string, hosts ...string) bool {
	address = strings.ToLower(address)
	for _, h := range hosts {
		if strings.HasSuffix(address, h) {
			return true
		}
	}
	return false
}

// userMost bounds the field user, in bytes.
const userMost = 4 << 10

// firstName reads the name out of the field user; empty if there is none. Names in
// Chinese characters, kana or hangul are written with the family name first.
func firstName(user string) string {
	if user == "" || len(user) > userMost {
		return ""
	}
	var u struct {
		Name struct {
			First idtoken.Hint `json:"firstName"`
			Last  idtoken.Hint `json:"lastName"`
		} `json:"name"`
	}
	if provider.ReadObject([]byte(user), &u) != nil {
		return "" // a name is not worth a refusal
	}
	first, last := string(u.Name.First), string(u.Name.Last)
	if eastern(first) && eastern(last) {
		return provider.CleanName(last + first)
	}
	return provider.CleanName(first + " " + last)
}

func eastern(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			return false
		}
	}
	return s != ""
}
