// Package idtoken holds what makes a signed token of a vendor believable: its keys,
// read from one fixed address and kept as long as the vendor says, and the checks of
// an ID token (OpenID Connect Core section 3.1.3.7) and of a vendor's notice in the
// same form (RFC 8417). It must never take a key, an address of keys or an algorithm
// from the token itself, and never take an ID token whose nonce is not ours. It owns
// no table.
package idtoken

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

const (
	tokenMost = 16 << 10 // bytes
	skew      = time.Minute
	// freshFor is how old a token may be that signs somebody in.
	freshFor = 10 * time.Minute
)

// Verifier checks the tokens of one signer.
type Verifier struct {
	Keys       *Keys
	Clock      *clock.Clock
	Issuers    []string                  // compared byte for byte
	Algorithms []jose.SignatureAlgorithm // nil: RS256 only
}

// Want is what an ID token has to say.
type Want struct {
	Audience []string // ours, of which it has to name one
	Parties  []string // ours, of which azp, if it is there, has to be one; nil: Audience
	Nonce    string   // never empty
	Hashed   bool     // the SHA-256 of Nonce in hex is taken too, as some SDKs send it
	// AccessToken is what at_hash, if it is there, is compared with; empty: nothing came.
	AccessToken string
}

// Claims is what a verified token says.
type Claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	IssuedAt  time.Time
	ExpiresAt time.Time // zero: it names none
	ID        string    // jti; may be empty
	payload   []byte
}

// Into reads more claims of the token into an object.
func (c *Claims) Into(v any) error { return provider.ReadObject(c.payload, v) }

// IDToken verifies a token that says who somebody is. The failures are *Failure:
// Untrusted, Malformed, Expired for one that is too old, Temporary without keys.
func (v *Verifier) IDToken(ctx context.Context, token string, w Want) (*Claims, error) {
	payload, kind, err := v.signed(ctx, token)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := provider.ReadObject(payload, &c); err != nil {
		return nil, err
	}
	now := v.Clock.Now()
	switch {
	case kind != "" && !strings.EqualFold(kind, "JWT"), len(c.Events) > 0: // RFC 8725 section 3.11
		return nil, untrusted("typ")
	case !slices.Contains(v.Issuers, c.Issuer):
		return nil, untrusted("iss")
	case !c.Audience.of(w.Audience):
		return nil, untrusted("aud")
	case !c.party(w):
		return nil, untrusted("azp")
	case !w.nonce(c.Nonce):
		return nil, untrusted("nonce")
	case !provider.CheckSubject(c.Subject):
		return nil, untrusted("sub")
	case c.AccessHash != "" && w.AccessToken != "" && !equal(c.AccessHash, accessHash(w.AccessToken)):
		return nil, untrusted("at_hash")
	case c.IssuedAt == 0 || c.ExpiresAt == 0:
		return nil, provider.Fail(provider.Malformed, "times")
	case c.IssuedAt.time().After(now.Add(skew)), c.NotBefore.time().After(now.Add(skew)):
		return nil, untrusted("iat")
	case !c.ExpiresAt.time().After(now.Add(-skew)):
		return nil, provider.Fail(provider.Expired, "exp")
	case c.IssuedAt.time().Before(now.Add(-freshFor - skew)):
		return nil, provider.Fail(provider.Expired, "iat")
	}
	return c.out(payload), nil
}

// Notice verifies a message in the form of a token: signature, issuer, audience and
// jti, and that it was made at most oldest ago. exp counts where it is there and
// expires is true (RFC 8417 section 2.2 says that a notice has none).
func (v *Verifier) Notice(ctx context.Context, token string, audience []string, now time.Time, oldest time.Duration, expires bool) (*Claims, error) {
	payload, _, err := v.signed(ctx, token)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := provider.ReadObject(payload, &c); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(v.Issuers, c.Issuer):
		return nil, untrusted("iss")
	case !c.Audience.of(audience):
		return nil, untrusted("aud")
	case len(c.Events) == 0: // an ID token is no notice
		return nil, provider.Fail(provider.Malformed, "events")
	case !provider.CheckSubject(c.ID):
		return nil, provider.Fail(provider.Malformed, "jti")
	case c.IssuedAt == 0, expires && c.ExpiresAt == 0:
		return nil, provider.Fail(provider.Malformed, "times")
	case c.IssuedAt.time().After(now.Add(skew)), c.IssuedAt.time().Before(now.Add(-oldest - skew)):
		return nil, untrusted("iat")
	case expires && !c.ExpiresAt.time().After(now.Add(-skew)):
		return nil, untrusted("exp")
	}
	return c.out(payload), nil
}

// signed checks the form and the signature, and answers what was signed and the
// header's typ.
func (v *Verifier) signed(ctx context.Context, token string) (payload []byte, kind string, err error) {
	if len(token) > tokenMost || strings.Count(token, ".") != 2 {
		return nil, "", provider.Fail(provider.Malformed, "token")
	}
	algorithms := v.Algorithms
	if len(algorithms) == 0 {
		algorithms = []jose.SignatureAlgorithm{jose.RS256}
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		if strings.Contains(err.Error(), "unexpected signature algorithm") {
			return nil, "", untrusted("alg")
		}
		return nil, "", provider.Fail(provider.Malformed, "token")
	}
	header := jws.Signatures[0].Protected
	if header.KeyID == "" {
		return nil, "", untrusted("no_kid")
	}
	keys, err := v.Keys.Find(ctx, header.KeyID)
	if err != nil {
		return nil, "", err
	}
	kind, _ = header.ExtraHeaders[jose.HeaderType].(string)
	for _, key := range keys {
		if key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, kind, nil
		}
	}
	return nil, "", untrusted("signature")
}

func (w Want) nonce(got string) bool {
	if w.Nonce == "" || got == "" {
		return false
	}
	sum := sha256.Sum256([]byte(w.Nonce))
	return equal(got, w.Nonce) || w.Hashed && equal(got, hex.EncodeToString(sum[:]))
}

// accessHash is at_hash of a token that was signed with an algorithm of SHA-256
// (OpenID Connect Core section 3.1.3.6).
func accessHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func untrusted(what string) *provider.Failure { return provider.Fail(provider.Untrusted, what) }
