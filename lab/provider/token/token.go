// Package token holds signed tokens as third-party providers make and take them: the
// keys of a vendor with their rotation and their published set (RFC 7517), tokens
// signed RS256 (RFC 7515, 7519) and spoiled in every way that a receiver has to
// refuse, and the check of a client's ES256 token. It must never share code with the
// product; it owns no table.
package token

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// Ring is a vendor's signing keys. The newest signs; all that were not dropped are
// published. The zero value makes its first key when it is needed.
type Ring struct {
	mu       sync.Mutex
	keys     []key // newest last
	stranger *key  // never published
}

type key struct {
	id      string
	private *rsa.PrivateKey
}

func newKey() key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	return key{id: rand.Text()[:10], private: private}
}

// newest is the key that signs. The lock is held.
func (r *Ring) newest() key {
	if len(r.keys) == 0 {
		r.keys = append(r.keys, newKey())
	}
	return r.keys[len(r.keys)-1]
}

// Rotate makes a new key the one that signs. Those before it stay published.
func (r *Ring) Rotate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.newest()
	r.keys = append(r.keys, newKey())
}

// Drop publishes the newest key only.
func (r *Ring) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = slices.Clone(r.keys[max(0, len(r.keys)-1):])
}

// Serve answers the published keys, newest first, to be kept for maxAge.
func (r *Ring) Serve(w http.ResponseWriter, maxAge time.Duration) {
	type jwk struct {
		Kty string `json:"kty"`
		Kid string `json:"kid"`
		Use string `json:"use"`
		Alg string `json:"alg"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	r.mu.Lock()
	r.newest()
	set := make([]jwk, 0, len(r.keys))
	for _, k := range slices.Backward(r.keys) {
		public := k.private.PublicKey
		e := binary.BigEndian.AppendUint32(nil, uint32(public.E))
		for len(e) > 1 && e[0] == 0 {
			e = e[1:]
		}
		set = append(set, jwk{Kty: "RSA", Kid: k.id, Use: "sig", Alg: "RS256", N: encode(public.N.Bytes()), E: encode(e)})
	}
	r.mu.Unlock()
	body, err := json.Marshal(map[string]any{"keys": set})
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(maxAge.Seconds()))+", must-revalidate, no-transform")
	_, _ = w.Write(body) // an error is the caller's leaving
}

// Claims are what a token says.
type Claims map[string]any

// Sign makes a token of claims. typ is its header's typ; "" leaves it out. A failure
// that is about a token spoils it: see Spoil for those about claims; BadSignature,
// UnknownKey, AlgNone and AlgHMAC are about the signature.
func (r *Ring) Sign(typ string, claims Claims, f provider.Failure) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.newest()
	if f == provider.UnknownKey {
		if r.stranger == nil {
			s := newKey()
			r.stranger = &s
		}
		k = *r.stranger
	}
	header := map[string]string{"alg": "RS256", "kid": k.id}
	if typ != "" {
		header["typ"] = typ
	}
	switch f {
	case provider.AlgNone:
		header["alg"] = "none"
	case provider.AlgHMAC:
		header["alg"] = "HS256"
	}
	head, err := part(header)
	if err != nil {
		return "", err
	}
	body, err := part(claims)
	if err != nil {
		return "", err
	}
	signed := head + "." + body
	signature, err := k.sign(signed, f)
	if err != nil {
		return "", err
	}
	return signed + "." + encode(signature), nil
}

func (k key) sign(text string, f provider.Failure) ([]byte, error) {
	switch f {
	case provider.AlgNone:
		return nil, nil
	case provider.AlgHMAC:
		// The published key as the shared secret: what a receiver that lets the token
		// choose its algorithm would take.
		secret, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return mac.Sum(nil), nil
	}
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err == nil && f == provider.BadSignature {
		signature[len(signature)/2] ^= 1
	}
	return signature, err
}

func part(v any) (string, error) {
	raw, err := json.Marshal(v)
	return encode(raw), err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Spoil changes claims in the way of a failure that is about them: WrongAudience,
// WrongNonce, WrongIssuer and Stale (everything an hour and five minutes ago). Times
// have to be int64, Unix seconds.
func Spoil(claims Claims, f provider.Failure) {
	switch f {
	case provider.WrongAudience:
		claims["aud"] = "another-app.example"
		if claims["azp"] != nil {
			claims["azp"] = "another-app.example"
		}
	case provider.WrongNonce:
		claims["nonce"] = "nonce-of-another-sign-in"
	case provider.WrongIssuer:
		claims["iss"] = "https://issuer.example"
	case provider.Stale:
		for _, name := range []string{"iat", "exp", "nbf", "auth_time"} {
			if at, ok := claims[name].(int64); ok {
				claims[name] = at - int64((65 * time.Minute).Seconds())
			}
		}
	}
}

// HalfHash is at_hash or c_hash of text: the left half of its SHA-256 (OpenID Connect
// Core 1.0, 3.1.3.6).
func HalfHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:sha256.Size/2])
}

// S256 is the code_challenge of a verifier (RFC 7636, 4.2).
func S256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return encode(sum[:])
}

// Flip turns the values of names into strings, as some vendors send them at times.
func Flip(claims Claims, names ...string) {
	for _, name := range names {
		switch v := claims[name].(type) {
		case bool:
			claims[name] = strconv.FormatBool(v)
		case int64:
			claims[name] = strconv.FormatInt(v, 10)
		}
	}
}

// Subject is a number of n digits that stands for parts, the same at every start. It
// begins with 1.
func Subject(n int, parts ...string) string {
	var out strings.Builder
	out.WriteByte('1')
	for _, b := range provider.Derive(parts...) {
		if out.Len() >= n {
			break
		}
		out.WriteByte('0' + b%10)
	}
	return out.String()
}

// Variant is the failure that a variant of a signed message stands for; "" for none.
func Variant(of string) provider.Failure {
	f := provider.Failure(of)
	switch f {
	case provider.BadSignature, provider.WrongAudience, provider.WrongIssuer, provider.UnknownKey, provider.AlgNone, provider.AlgHMAC:
		return f
	}
	return ""
}

// Profile are the standard claims (OpenID Connect Core 1.0, 5.4) that scopes tell of p.
// The quirks are no_email and unverified_email.
func Profile(sub string, p provider.Person, scopes []string) Claims {
	c := Claims{"sub": sub}
	if slices.Contains(scopes, "email") && p.Email != "" && !p.Has("no_email") {
		c["email"], c["email_verified"] = p.Email, !p.Has("unverified_email")
	}
	if slices.Contains(scopes, "profile") {
		given, family, _ := strings.Cut(p.Name, " ")
		c["name"], c["given_name"] = p.Name, given
		if family != "" {
			c["family_name"] = family
		}
	}
	return c
}
