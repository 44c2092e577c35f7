package facebook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// requestLife is how old a signed request may be.
const requestLife = 24 * time.Hour

// signedRequest is the payload of a signed request ("Data Deletion Request Callback").
type signedRequest struct {
	Algorithm string        `json:"algorithm"`
	UserID    provider.Text `json:"user_id"`
	IssuedAt  provider.Text `json:"issued_at"` // seconds
	id        string
}

// Receive reads a callback. The query of our address tells which of the two it is,
// because the messages look alike: about=deauthorize or about=deletion.
func (f *Facebook) Receive(_ context.Context, m provider.Message) (provider.Received, error) {
	kind, known := map[string]provider.NoticeKind{"deauthorize": provider.Revoked, "deletion": provider.DataDeletion}[m.Query.Get("about")]
	if m.Method != http.MethodPost || !known {
		return provider.Received{}, provider.Fail(provider.Malformed, "about")
	}
	form, err := url.ParseQuery(string(m.Body))
	if err != nil || len(form["signed_request"]) != 1 {
		return provider.Received{}, provider.Fail(provider.Malformed, "signed_request")
	}
	r, err := f.readSigned(form.Get("signed_request"), m.Now)
	if err != nil {
		return provider.Received{}, err
	}
	issued, _ := r.IssuedAt.Int() // readSigned saw it
	return provider.Received{
		Delete: kind == provider.DataDeletion,
		Notices: []provider.Notice{{
			ID: string(kind) + "/" + r.id, Kind: kind, At: time.Unix(issued, 0).UTC(), Raw: m.Query.Get("about"),
			Subjects: []provider.Subject{{Scope: "app:" + f.c.AppID, Value: string(r.UserID)}},
		}},
	}, nil
}

// readSigned verifies and reads a signed request: two parts of base64url, which some
// senders pad. The signature is over the second part as it was sent.
func (f *Facebook) readSigned(text string, now time.Time) (signedRequest, error) {
	var r signedRequest
	first, second, ok := strings.Cut(text, ".")
	sig, err := decode(first)
	if !ok || err != nil || strings.Contains(second, ".") {
		return r, provider.Fail(provider.Malformed, "signed_request")
	}
	mac := hmac.New(sha256.New, []byte(f.c.Secret))
	mac.Write([]byte(second))
	if !hmac.Equal(sig, mac.Sum(nil)) {
		return r, provider.Fail(provider.Untrusted, "signature")
	}
	payload, err := decode(second)
	if err != nil {
		return r, provider.Fail(provider.Malformed, "payload")
	}
	if err := provider.ReadObject(payload, &r); err != nil {
		return r, err
	}
	seconds, isNumber := r.IssuedAt.Int()
	issued := time.Unix(seconds, 0)
	switch {
	case r.Algorithm != "HMAC-SHA256":
		return r, provider.Fail(provider.Untrusted, "algorithm")
	case !isNumber || !personForm.MatchString(string(r.UserID)):
		return r, provider.Fail(provider.Malformed, "payload")
	case issued.After(now.Add(skew)), issued.Before(now.Add(-requestLife)):
		return r, provider.Fail(provider.Untrusted, "issued_at")
	}
	// Of what was said, not of how it was spelled: padding makes no second message.
	sum := sha256.Sum256(payload)
	r.id = hex.EncodeToString(sum[:])
	return r, nil
}

// decode reads base64url with or without padding; each text has one spelling but for that.
func decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(s, "="))
}
