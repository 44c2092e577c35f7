package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// message is one message as it went out; sent again byte for byte by "replay".
type message struct {
	query url.Values
	kind  string
	body  string
}

var events = []string{"user_info_modified", "user_authorization_revoke", "user_authorization_cancellation", "setup"}

var errEcho = errors.New("wechat: the message server did not echo echostr")

// Event sends one of
//
//	user_info_modified, user_authorization_revoke, user_authorization_cancellation
//
// about a person, as the app that they allowed last sees them, or "setup", the GET by
// which WeChat asks whether somebody is there. Variants:
//
//	valid           encrypted if there is an AESKey, XML
//	plain           not encrypted
//	json            JSON with the blanks and the last comma of the vendor's samples
//	no_openid       without OpenID
//	replay          the last message of this kind about this person once more
//	bad_signature   signature and msg_signature are wrong
//	stale           sent an hour ago
//	wrong_audience  about and for another app
func (s *Sim) Event(kind, person, variant string) (int, error) {
	switch {
	case kind == "setup":
		return s.setup(variant)
	case !slices.Contains(events, kind):
		return 0, provider.ErrNoEvent
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	m, again := s.sent.Get(kind + " " + p.ID)
	if variant != "replay" || !again {
		var err error
		if m, err = s.write(kind, p, variant); err != nil {
			return 0, err
		}
		if variant != "bad_signature" && variant != "wrong_audience" {
			s.happened(kind, p, m)
		}
	}
	r, err := http.NewRequest(http.MethodPost, s.address(m.query), strings.NewReader(m.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", m.kind)
	return s.Desk().Deliver(r)
}

// happened makes true what m says.
func (s *Sim) happened(kind string, p provider.Person, m message) {
	s.sent.Put(kind+" "+p.ID, m)
	if kind != "user_info_modified" {
		s.access.Revoke(func(g grant) bool { return g.Person == p.ID })
		s.refresh.Revoke(func(f refreshing) bool { return f.Person == p.ID })
	}
}

func (s *Sim) address(query url.Values) string { return s.Desk().NoticeURL + "?" + query.Encode() }

// setup asks whether the message server is there and holds the token.
func (s *Sim) setup(variant string) (int, error) {
	query, echo := s.signed(s.Desk().Now(), variant), provider.Hex(20)
	query.Set("echostr", echo)
	r, err := http.NewRequest(http.MethodGet, s.address(query), nil)
	if err != nil {
		return 0, err
	}
	status, body, err := s.Desk().Ask(r)
	if err == nil && status == http.StatusOK && string(body) != echo {
		err = errEcho
	}
	return status, err
}

// write makes a message about p.
func (s *Sim) write(kind string, p provider.Person, variant string) (message, error) {
	app, ok := s.about(p)
	if !ok {
		return message{}, provider.ErrNoEvent // no app, no message
	}
	at := s.Desk().Now()
	if variant == "stale" {
		at = at.Add(-time.Hour)
	}
	if variant == "wrong_audience" {
		app = App{ID: "wx" + hex.EncodeToString(provider.Derive("another app"))[:16], Kind: app.Kind, Platform: "another"}
	}
	m := message{query: s.signed(at, variant), kind: "text/xml"}
	fields := eventFields(kind, app, p, at)
	if variant == "no_openid" {
		fields = slices.DeleteFunc(fields, func(f [2]string) bool { return f[0] == "OpenID" })
	} else {
		m.query.Set("openid", openID(app, p))
	}
	show := asXML
	if variant == "json" {
		m.kind, show = "application/json", asJSON
	}
	m.body = show(fields)
	setup := s.Settings().Message
	if setup.AESKey == "" || variant == "plain" {
		return m, nil
	}
	key, err := base64.StdEncoding.DecodeString(setup.AESKey + "=")
	if err != nil {
		return message{}, fmt.Errorf("wechat: EncodingAESKey: %w", err)
	}
	var salt [16]byte
	_, _ = rand.Read(salt[:]) // it never fails
	sealed, err := encrypt(key, salt, m.body, app.ID)
	if err != nil {
		return message{}, err
	}
	m.query.Set("encrypt_type", "aes")
	m.query.Set("msg_signature", s.sign(variant, m.query.Get("timestamp"), m.query.Get("nonce"), sealed))
	if variant == "json" {
		m.body = fmt.Sprintf(`{"ToUserName":%q,"Encrypt":%q}`, app.ID, sealed)
		return m, nil
	}
	m.body = asXML([][2]string{{"ToUserName", app.ID}, {"Encrypt", sealed}})
	return m, nil
}

// about is the app that p allowed last, else the first of all.
func (s *Sim) about(p provider.Person) (App, bool) {
	last, _ := s.last.Get(p.ID)
	if app, ok := s.app(last); ok {
		return app, true
	}
	return provider.Pick(s.Settings().Apps, func(App) bool { return true })
}

func eventFields(kind string, app App, p provider.Person, at time.Time) [][2]string {
	fields := [][2]string{
		{"ToUserName", app.ID}, {"FromUserName", openID(app, p)}, {"CreateTime", strconv.FormatInt(at.Unix(), 10)},
		{"MsgType", "event"}, {"Event", kind}, {"OpenID", openID(app, p)}, {"AppID", app.ID},
	}
	if union := unionID(app, p, scopeInfo); union != "" {
		fields = append(fields, [2]string{"UnionID", union})
	}
	if kind == "user_authorization_revoke" {
		what := "301" // everything that was granted
		if app.Kind == Account {
			what = "205" // name and picture
		}
		fields = append(fields, [2]string{"RevokeInfo", what})
	}
	return fields
}

func asXML(fields [][2]string) string {
	var b strings.Builder
	b.WriteString("<xml>")
	for _, f := range fields {
		value := "<![CDATA[" + f[1] + "]]>"
		if f[0] == "CreateTime" {
			value = f[1]
		}
		fmt.Fprintf(&b, "<%s>%s</%s>\n", f[0], value, f[0])
	}
	b.WriteString("</xml>")
	return b.String()
}

// asJSON writes the blanks and the last comma that the vendor's samples have.
func asJSON(fields [][2]string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, f := range fields {
		value, _ := json.Marshal(f[1]) // a text
		if f[0] == "CreateTime" {
			value = []byte(f[1])
		}
		fmt.Fprintf(&b, "  \" %s\": %s,\n", f[0], value)
	}
	b.WriteString("}\n")
	return b.String()
}

// signed makes the query that every message has.
func (s *Sim) signed(at time.Time, variant string) url.Values {
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), provider.Hex(10)
	return url.Values{"timestamp": {timestamp}, "nonce": {nonce}, "signature": {s.sign(variant, timestamp, nonce)}}
}

func (s *Sim) sign(variant string, parts ...string) string {
	token := s.Settings().Message.Token
	if variant == "bad_signature" {
		token = "not the token"
	}
	return signature(append(parts, token)...)
}

// signature is hex(sha1(all parts in the order of their bytes, joined)).
func signature(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// encrypt is the safe mode: AES-256-CBC over salt, length, text and app ID, padded as
// PKCS #7 to 32 bytes; the first half of the key is the start value.
func encrypt(key []byte, salt [16]byte, text, appID string) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("wechat: EncodingAESKey: %w", err)
	}
	plain := append(salt[:], binary.BigEndian.AppendUint32(nil, uint32(len(text)))...)
	plain = append(plain, text+appID...)
	pad := 32 - len(plain)%32
	plain = append(plain, strings.Repeat(string(rune(pad)), pad)...)
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}
