package alipay

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

const (
	scopeBase = "auth_base"
	scopeUser = "auth_user"
)

// openID is how app knows the person.
func openID(app, person string) string {
	return "074" + strings.NewReplacer("-", "0", "_", "1").Replace(base64.RawURLEncoding.EncodeToString(provider.Derive("open_id", app, person)))
}

// userID is how every app of the older kind knows the person: 16 digits.
func userID(person string) string {
	n := binary.BigEndian.Uint64(provider.Derive("user_id", person)) % 1_000_000_000_000
	return fmt.Sprintf("2088%012d", n)
}

// ids are those of the person that app sees.
func ids(app App, p provider.Person) node {
	var n node
	if app.Mode != UserID {
		n = append(n, member{"open_id", openID(app.ID, p.ID)})
	}
	if app.Mode == UserID || app.Mode == Both {
		n = append(n, member{"user_id", userID(p.ID)})
	}
	if p.Has("union_id") {
		n = append(n, member{"union_id", "U" + hex.EncodeToString(provider.Derive("union_id", p.ID))[:31]})
	}
	return n
}

func (s *Sim) token(app App, q url.Values) (answer, string) {
	var g grant
	switch q.Get("grant_type") {
	case "authorization_code":
		what, state := s.Desk().Take(q.Get("code")) // used up, whatever comes of it
		g, _ = what.(grant)                         // nil: unknown
		if state != "ok" || g.App != app.ID || s.Desk().Failure() == provider.WrongAudience {
			return answer{}, "isv.code-invalid"
		}
	case "refresh_token":
		var state string
		if g, state = s.grants.Refresh.Get(q.Get("refresh_token"), s.Desk().Now()); state != "ok" || g.App != app.ID {
			return answer{}, "isv.refresh-token-invalid"
		}
	case "":
		return answer{}, "isv.missing-parameter"
	default:
		return answer{}, "isv.grant-type-invalid"
	}
	p, ok := s.Desk().Person(g.Person)
	if !ok {
		return answer{}, "isv.code-invalid"
	}
	return answer{s.hand(app, g, p), p}, ""
}

// hand hands out tokens.
func (s *Sim) hand(app App, g grant, p provider.Person) node {
	life, again := 15*24*time.Hour, 30*24*time.Hour
	if g.Scope == scopeBase {
		life, again = 300*time.Second, 360*time.Second
	}
	now := s.Desk().Now()
	access, refresh := "authusrB"+rand.Text(), "authusrB"+rand.Text()
	s.grants.Access.Put(access, g, now.Add(life))
	s.grants.Refresh.Put(refresh, g, now.Add(again))
	var expires, reExpires any = int(life.Seconds()), int(again.Seconds())
	if p.Has("string_numbers") {
		expires, reExpires = strconv.Itoa(int(life.Seconds())), strconv.Itoa(int(again.Seconds()))
	}
	return append(node{
		{"refresh_token", refresh},
		{"access_token", access},
		{"alipay_user_id", userID(p.ID) + strings.Repeat("0", 16)},
		{"auth_start", now.In(beijing).Format(timeLayout)},
		{"expires_in", expires},
		{"re_expires_in", reExpires},
	}, ids(app, p)...)
}

func (s *Sim) userInfo(app App, q url.Values) (answer, string) {
	g, state := s.grants.Access.Get(q.Get("auth_token"), s.Desk().Now())
	p, there := s.Desk().Person(g.Person)
	switch {
	case state == "expired":
		return answer{}, "aop.auth-token-time-out"
	case state != "ok" || g.App != app.ID || g.Scope == scopeBase || !there:
		return answer{}, "aop.invalid-auth-token"
	}
	n := node{{"nick_name", p.Name}, {"msg", "Success"}, {"code", "10000"}, {"province", ""}, {"city", ""}}
	n = append(n, ids(app, p)...)
	if !p.Has("no_picture") {
		n = append(n, member{"avatar", "https://tfs.example.test/images/partner/" + hex.EncodeToString(provider.Derive("picture", p.ID)[:8])})
	}
	if p.Has("too_much") {
		n = append(n, member{"user_name", p.Name}, member{"mobile", "13800000000"}, member{"email", p.Email},
			member{"cert_type", "IDENTITY_CARD"}, member{"cert_no", "000000000000000000"}, member{"is_certified", "T"})
	}
	return answer{n, p}, ""
}
