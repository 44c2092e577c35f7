package wechat

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// messageSkew is how old or new a message may be (S-87).
const messageSkew = 5 * time.Minute

// messageKey reads an EncodingAESKey: the base64 of 32 bytes without its "=".
func messageKey(m Message) ([]byte, error) {
	if m.Token == "" || m.AESKey == "" {
		return nil, errors.New("wechat: the message server needs both a Token and an EncodingAESKey; messages in plain are not taken")
	}
	key, err := base64.StdEncoding.DecodeString(m.AESKey + "=") // its last bits may be anything
	if err != nil || len(m.AESKey) != 43 || len(key) != 32 {
		return nil, errors.New("wechat: the EncodingAESKey is not 43 characters of base64")
	}
	return key, nil
}

// sign is hex(sha1) of the sorted parts in a row (developers.weixin.qq.com, 消息加解密说明).
func sign(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

var success = &provider.Reply{Status: http.StatusOK, Type: "text/plain; charset=utf-8", Body: []byte("success")}

// Receive reads a message of the message server, or the GET that sets it up. Only
// encrypted messages are taken, because the other signature covers no body.
func (w *WeChat) Receive(_ context.Context, m provider.Message) (provider.Received, error) {
	nonce, ok := provider.One(m.Query, "nonce")
	stamp, ok2 := provider.One(m.Query, "timestamp")
	if w.key == nil || !ok || !ok2 {
		return provider.Received{}, provider.Fail(provider.Untrusted, "unsigned")
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || m.Now.Sub(time.Unix(at, 0)).Abs() > messageSkew {
		return provider.Received{}, provider.Fail(provider.Untrusted, "timestamp")
	}
	if m.Method == http.MethodGet {
		return w.setUp(m, stamp, nonce)
	}
	sealed, err := sealedOf(m.Body)
	if err != nil {
		return provider.Received{}, err
	}
	given, ok := provider.One(m.Query, "msg_signature")
	if !ok || !equal(given, sign(w.config.Message.Token, stamp, nonce, sealed)) {
		return provider.Received{}, provider.Fail(provider.Untrusted, "signature")
	}
	plain, app, err := w.open(sealed)
	if err != nil {
		return provider.Received{}, err
	}
	notices, err := w.read(plain, app, m.Now)
	if err != nil {
		return provider.Received{}, err
	}
	return provider.Received{Notices: notices, Reply: success}, nil
}

// setUp answers the request by which WeChat tries a new message server.
func (w *WeChat) setUp(m provider.Message, stamp, nonce string) (provider.Received, error) {
	given, ok := provider.One(m.Query, "signature")
	echo, ok2 := provider.One(m.Query, "echostr")
	if !ok || !ok2 || len(echo) > 256 || !equal(given, sign(w.config.Message.Token, stamp, nonce)) {
		return provider.Received{}, provider.Fail(provider.Untrusted, "signature")
	}
	return provider.Received{Reply: &provider.Reply{Status: http.StatusOK, Type: success.Type, Body: []byte(echo)}}, nil
}

// sealedOf finds the Encrypt of a body in XML or JSON.
func sealedOf(body []byte) (string, error) {
	fields, err := flat(body)
	if err != nil || fields["Encrypt"] == "" {
		return "", provider.Fail(provider.Untrusted, "plain")
	}
	return fields["Encrypt"], nil
}

// block is what the padding of PKCS #7 fills up to, which is not that of AES.
const block = 32

// open decrypts: AES-256-CBC, whose IV is the head of the key, over 16 random bytes,
// the length, the message and the AppID that it is for.
func (w *WeChat) open(sealed string) (plain []byte, app App, err error) {
	bad := provider.Fail(provider.Untrusted, "sealed")
	box, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(box) == 0 || len(box)%block != 0 {
		return nil, App{}, bad
	}
	c, err := aes.NewCipher(w.key)
	if err != nil {
		return nil, App{}, bad
	}
	cipher.NewCBCDecrypter(c, w.key[:aes.BlockSize]).CryptBlocks(box, box)
	pad := int(box[len(box)-1])
	if pad == 0 || pad > block || !bytes.Equal(box[len(box)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, App{}, bad
	}
	box = box[:len(box)-pad]
	if len(box) < 20 || uint64(binary.BigEndian.Uint32(box[16:20])) > uint64(len(box)-20) {
		return nil, App{}, bad
	}
	end := 20 + int(binary.BigEndian.Uint32(box[16:20]))
	to := string(box[end:])
	for _, a := range w.config.apps() {
		if a.ID != "" && equal(a.ID, to) {
			return box[20:end], a.App, nil
		}
	}
	return nil, App{}, provider.Fail(provider.Untrusted, "appid")
}

// partial are the values of RevokeInfo that name data of a page inside WeChat that
// is not ours to have; 205 is nickname and picture.
var partial = []string{"201", "202", "203", "204", "206", "207"}

// kinds are the events, by WeChat's name.
var kinds = map[string]provider.NoticeKind{
	"user_info_modified":              provider.Profile,
	"user_authorization_revoke":       provider.Revoked,
	"user_authorization_cancellation": provider.Deleted,
}

// read makes notices of a message. A message that is no event, such as what people
// write to a service account, says nothing.
func (w *WeChat) read(plain []byte, app App, now time.Time) ([]provider.Notice, error) {
	fields, err := flat(plain)
	if err != nil {
		return nil, err
	}
	if id := fields["AppID"]; id != "" && id != app.ID {
		return nil, provider.Fail(provider.Untrusted, "appid")
	}
	if fields["MsgType"] != "event" || fields["Event"] == "" {
		return nil, nil
	}
	event := fields["Event"]
	n := provider.Notice{Kind: provider.Unknown, At: now, Raw: provider.Fail("", event).Native}
	if kind, known := kinds[event]; known {
		n.Kind = kind
	}
	if n.Kind == provider.Revoked {
		n.Kind = revoked(fields["RevokeInfo"])
	}
	if s, err := strconv.ParseInt(fields["CreateTime"], 10, 64); err == nil && s > 0 && time.Unix(s, 0).Before(now) {
		n.At = time.Unix(s, 0).UTC()
	}
	if id := fields["UnionID"]; w.config.Platform != "" && provider.CheckSubject(id) {
		n.Subjects = append(n.Subjects, provider.Subject{Scope: "unionid:" + w.config.Platform, Value: id})
	}
	if id := fields["OpenID"]; provider.CheckSubject(id) {
		n.Subjects = append(n.Subjects, provider.Subject{Scope: "openid:" + app.ID, Value: id})
	}
	if len(n.Subjects) == 0 {
		n.Kind = provider.Unknown
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{app.ID, fields["OpenID"], fields["UnionID"], fields["CreateTime"], event, fields["RevokeInfo"]}, "\x00")))
	n.ID = hex.EncodeToString(sum[:])
	return []provider.Notice{n}, nil
}

// revoked tells what is left of a sign-in when only some of the data was taken back.
func revoked(info string) provider.NoticeKind {
	kind := provider.Unknown
	for what := range strings.SplitSeq(info, ",") {
		switch what = strings.TrimSpace(what); {
		case what == "205":
			kind = provider.Profile
		case !slices.Contains(partial, what):
			return provider.Revoked
		}
	}
	return kind
}
