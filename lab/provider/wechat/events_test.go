package wechat_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// sum is the signature as the vendor's page tells it, written a second time.
func sum(parts ...string) string {
	sort.Strings(parts)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(parts, ""))))
}

// unseal is the other direction of the safe mode.
func unseal(t *testing.T, sealed string) (text, app string) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw)%32 != 0 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(raw, raw)
	raw = raw[:len(raw)-int(raw[len(raw)-1])]
	n := binary.BigEndian.Uint32(raw[16:20])
	return string(raw[20 : 20+n]), string(raw[20+n:])
}

type event struct {
	CreateTime                                                       int64
	ToUserName, FromUserName, MsgType, Event, OpenID, UnionID, AppID string
	RevokeInfo, Encrypt                                              string
}

func TestEvents(t *testing.T) {
	for _, kind := range []string{"user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"} {
		t.Run(kind, func(t *testing.T) {
			s := open(t)
			token := s.redeem(t, mobileID, mobileSecret, native(t, s))
			if status, err := s.Event(kind, "lilei", "valid"); status != 200 || err != nil {
				t.Fatal(status, err)
			}
			q := s.inbox.Got[0].URL.Query()
			var outer, inner event
			if err := xml.Unmarshal([]byte(s.inbox.Raw[0]), &outer); err != nil {
				t.Fatal(err)
			}
			text, app := unseal(t, outer.Encrypt)
			if err := xml.Unmarshal([]byte(text), &inner); err != nil {
				t.Fatal(err)
			}
			switch {
			case s.inbox.Got[0].Method != "POST" || q.Get("encrypt_type") != "aes":
				t.Errorf("%s %v", s.inbox.Got[0].Method, q)
			case q.Get("signature") != sum("simtoken", q.Get("timestamp"), q.Get("nonce")):
				t.Error("signature")
			case q.Get("msg_signature") != sum("simtoken", q.Get("timestamp"), q.Get("nonce"), outer.Encrypt):
				t.Error("msg_signature")
			case app != mobileID || inner.AppID != mobileID || inner.Event != kind || inner.MsgType != "event":
				t.Errorf("%s %+v", app, inner)
			case inner.OpenID != token["openid"] || inner.UnionID != token["unionid"] || q.Get("openid") != inner.OpenID:
				t.Errorf("%+v, want openid and unionid of %v", inner, token)
			case inner.CreateTime != s.clock.Now().Unix() || (inner.RevokeInfo == "301") != (kind == "user_authorization_revoke"):
				t.Errorf("%+v", inner)
			}
			check := s.get(t, "/sns/auth", "access_token", token["access_token"].(string), "openid", token["openid"].(string))
			if (check["errcode"] == 0.0) != (kind == "user_info_modified") {
				t.Errorf("the token afterwards: %v", check)
			}
		})
	}
}

func native(t *testing.T, s town) string {
	t.Helper()
	got, err := s.Native("lilei", "n")
	if err != nil {
		t.Fatal(err)
	}
	return got["code"]
}

func TestEventVariants(t *testing.T) {
	const kind = "user_authorization_revoke"
	for variant, check := range map[string]func(t *testing.T, s town){
		"plain": func(t *testing.T, s town) {
			if q := s.inbox.Got[0].URL.Query(); q.Has("encrypt_type") || !strings.Contains(s.inbox.Raw[0], "<OpenID>") {
				t.Errorf("%v\n%s", q, s.inbox.Raw[0])
			}
		},
		"json": func(t *testing.T, s town) {
			var outer event
			if err := json.Unmarshal([]byte(s.inbox.Raw[0]), &outer); err != nil {
				t.Fatal(err)
			}
			text, _ := unseal(t, outer.Encrypt)
			if !strings.Contains(text, `" OpenID": "o`) || !strings.HasSuffix(text, "\",\n}\n") || json.Valid([]byte(text)) {
				t.Errorf("%s", text)
			}
		},
		"no_openid": func(t *testing.T, s town) {
			var outer event
			_ = xml.Unmarshal([]byte(s.inbox.Raw[0]), &outer) // empty then, and unseal fails
			if text, _ := unseal(t, outer.Encrypt); strings.Contains(text, "OpenID") || s.inbox.Got[0].URL.Query().Has("openid") {
				t.Error(text)
			}
		},
		"bad_signature": func(t *testing.T, s town) {
			q := s.inbox.Got[0].URL.Query()
			if q.Get("signature") == sum("simtoken", q.Get("timestamp"), q.Get("nonce")) {
				t.Error("the signature is good")
			}
		},
		"stale": func(t *testing.T, s town) {
			if got, want := s.inbox.Got[0].URL.Query().Get("timestamp"), fmt.Sprint(s.clock.Now().Unix()-3600); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		},
		"wrong_audience": func(t *testing.T, s town) {
			var outer event
			_ = xml.Unmarshal([]byte(s.inbox.Raw[0]), &outer)
			if _, app := unseal(t, outer.Encrypt); app == webID || app == accountID || app == mobileID {
				t.Errorf("for %s", app)
			}
		},
	} {
		t.Run(variant, func(t *testing.T) {
			s := open(t)
			if status, err := s.Event(kind, "lilei", variant); status != 200 || err != nil {
				t.Fatal(status, err)
			}
			check(t, s)
		})
	}
}

// A replay is the same letters again, after any time.
func TestEventReplay(t *testing.T) {
	s := open(t)
	for _, variant := range []string{"valid", "replay", "valid"} {
		s.clock.Advance(1e9)
		if _, err := s.Event("user_authorization_revoke", "lilei", variant); err != nil {
			t.Fatal(err)
		}
	}
	same := func(a, b int) bool {
		return s.inbox.Raw[a] == s.inbox.Raw[b] && s.inbox.Got[a].URL.RawQuery == s.inbox.Got[b].URL.RawQuery
	}
	if !same(0, 1) || same(1, 2) {
		t.Errorf("%q", s.inbox.Raw)
	}
}

func TestEventSetup(t *testing.T) {
	s := open(t)
	if _, err := s.Event("setup", "", "valid"); err == nil {
		t.Error("nobody echoed, and it counts")
	}
	s.inbox.Reply = func(r *http.Request) string { return r.URL.Query().Get("echostr") }
	if status, err := s.Event("setup", "", "valid"); status != 200 || err != nil {
		t.Error(status, err)
	}
	if _, err := s.Event("coffee", "lilei", "valid"); !errors.Is(err, provider.ErrNoEvent) {
		t.Error(err)
	}
	if _, err := s.Event("user_info_modified", "nobody", "valid"); !errors.Is(err, provider.ErrNobody) {
		t.Error(err)
	}
}
