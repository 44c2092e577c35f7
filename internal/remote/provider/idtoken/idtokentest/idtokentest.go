// Package idtokentest holds a signer of tokens for tests: it makes good ones and bad
// ones, publishes its keys, and counts who asks for them. It must never be imported
// outside tests.
package idtokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// made are the keys of all signers; to make one takes a while.
var made = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		keys[i], _ = rsa.GenerateKey(rand.Reader, 2048) // it fails only without randomness
	}
	return keys
})

// RSA is one of three keys.
func RSA(n int) *rsa.PrivateKey { return made()[n] }

// P256 makes a key.
func P256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Signer signs with the key of its name and publishes keys at any address.
type Signer struct {
	mu           sync.Mutex
	id           string
	key          crypto.Signer
	published    []jose.JSONWebKey
	asked        int
	Algorithm    jose.SignatureAlgorithm
	CacheControl string
	Down         bool // it answers 503
}

// New is a signer with RSA(0), named "first", which is published.
func New() *Signer {
	s := &Signer{Algorithm: jose.RS256}
	s.Use("first", RSA(0))
	s.Publish()
	return s
}

// Use signs with another key from now on; it is not published.
func (s *Signer) Use(id string, key crypto.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.key = id, key
}

// Publish makes the key in use the only one that is published.
func (s *Signer) Publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.id, Use: "sig"}}
}

// Set makes d the state of whether the signer is down.
func (s *Signer) Set(down bool) { s.mu.Lock(); defer s.mu.Unlock(); s.Down = down }

// Asked is how often the keys were asked for.
func (s *Signer) Asked() int { s.mu.Lock(); defer s.mu.Unlock(); return s.asked }

// ServeHTTP publishes.
func (s *Signer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.Down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if s.CacheControl != "" {
		w.Header().Set("Cache-Control", s.CacheControl)
	}
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: s.published}) // into memory
}

// Sign makes a token; header are names and values in turn.
func (s *Signer) Sign(t testing.TB, claims map[string]any, header ...string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	options := (&jose.SignerOptions{}).WithHeader("kid", s.id)
	for i := 0; i+1 < len(header); i += 2 {
		options.WithHeader(jose.HeaderKey(header[i]), header[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.Algorithm, Key: s.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(Text(t, claims))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Text is claims as JSON.
func Text(t testing.TB, claims map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Claims are claims with others over them; nil takes one away.
func Claims(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, value := range over {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// Unsigned is a token whose signature is whatever sign makes of what is signed.
func Unsigned(header string, payload []byte, sign func(input string) []byte) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

// Site carries requests to handlers by "host/path", without a network, and keeps them.
type Site struct {
	mu    sync.Mutex
	Doors map[string]http.Handler
	Seen  []*http.Request // with their form read
}

// RoundTrip serves one request.
func (s *Site) RoundTrip(r *http.Request) (*http.Response, error) {
	door, found := s.Doors[r.URL.Host+strings.TrimSuffix(r.URL.Path, "/")]
	kept := r.Clone(r.Context())
	if err := kept.ParseForm(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.Seen = append(s.Seen, kept)
	s.mu.Unlock()
	w := httptest.NewRecorder()
	if !found {
		w.WriteHeader(http.StatusNotFound)
	} else {
		door.ServeHTTP(w, kept)
	}
	return w.Result(), nil
}

// Last is the last request to an address.
func (s *Site) Last(t testing.TB, at string) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.Seen) - 1; i >= 0; i-- {
		if r := s.Seen[i]; r.URL.Host+r.URL.Path == at {
			return r
		}
	}
	t.Fatalf("nothing was asked of %s", at)
	return nil
}

// Says is a handler that answers always the same.
func Says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // into memory
	})
}
