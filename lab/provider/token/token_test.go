package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

func decode(t *testing.T, part string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// published is what Serve answers, by key ID.
func published(t *testing.T, r *token.Ring) map[string]*rsa.PublicKey {
	t.Helper()
	w := httptest.NewRecorder()
	r.Serve(w, time.Hour)
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "max-age=3600") {
		t.Errorf("Cache-Control %q", got)
	}
	var set struct {
		Keys []struct{ Kty, Kid, Alg, Use, N, E string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	out := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		if k.Kty != "RSA" || k.Alg != "RS256" || k.Use != "sig" {
			t.Errorf("key %+v", k)
		}
		out[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, k.N)), E: int(new(big.Int).SetBytes(decode(t, k.E)).Int64())}
	}
	return out
}

// open reads a token and says whether its signature is good by what is published.
func open(t *testing.T, r *token.Ring, text string) (alg string, known, good bool, claims map[string]any) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	var h struct{ Alg, Kid string }
	if err := json.Unmarshal(decode(t, parts[0]), &h); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(decode(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	public, known := published(t, r)[h.Kid]
	if known {
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		good = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], decode(t, parts[2])) == nil
	}
	return h.Alg, known, good, claims
}

func TestSign(t *testing.T) {
	var r token.Ring
	for _, tc := range []struct {
		f           provider.Failure
		alg         string
		known, good bool
	}{
		{provider.None, "RS256", true, true},
		{provider.Slow, "RS256", true, true},
		{provider.BadSignature, "RS256", true, false},
		{provider.UnknownKey, "RS256", false, false},
		{provider.AlgNone, "none", true, false},
		{provider.AlgHMAC, "HS256", true, false},
	} {
		text, err := r.Sign("JWT", token.Claims{"sub": "x"}, tc.f)
		if err != nil {
			t.Fatal(err)
		}
		if alg, known, good, claims := open(t, &r, text); alg != tc.alg || known != tc.known || good != tc.good || claims["sub"] != "x" {
			t.Errorf("%s: alg %s, known %v, good %v, claims %v", tc.f, alg, known, good, claims)
		}
		if !token.Looks(text) || token.Looks("a.b.c") {
			t.Error("the shape of a token is not known")
		}
	}
}

func TestRotate(t *testing.T) {
	var r token.Ring
	before, err := r.Sign("", token.Claims{}, provider.None)
	if err != nil {
		t.Fatal(err)
	}
	r.Rotate()
	after, err := r.Sign("", token.Claims{}, provider.None)
	if err != nil {
		t.Fatal(err)
	}
	if strings.SplitN(before, ".", 2)[0] == strings.SplitN(after, ".", 2)[0] {
		t.Error("the key ID stayed")
	}
	for _, text := range []string{before, after} {
		if _, _, good, _ := open(t, &r, text); !good {
			t.Error("a key that was rotated is not published")
		}
	}
	r.Drop()
	if _, known, _, _ := open(t, &r, before); known {
		t.Error("a dropped key is published")
	}
	if _, _, good, _ := open(t, &r, after); !good {
		t.Error("the newest key is not published")
	}
}

func TestSpoil(t *testing.T) {
	for f, changed := range map[provider.Failure]string{
		provider.WrongAudience: "aud", provider.WrongNonce: "nonce", provider.WrongIssuer: "iss", provider.Stale: "iat", provider.None: "",
	} {
		c := token.Claims{"aud": "a", "nonce": "n", "iss": "i", "iat": int64(10_000)}
		token.Spoil(c, f)
		for name, was := range map[string]any{"aud": "a", "nonce": "n", "iss": "i", "iat": int64(10_000)} {
			if (c[name] != was) != (name == changed) {
				t.Errorf("%s: %s is %v", f, name, c[name])
			}
		}
	}
	c := token.Claims{"a": true, "b": int64(5), "c": "x"}
	token.Flip(c, "a", "b", "c")
	if c["a"] != "true" || c["b"] != "5" || c["c"] != "x" {
		t.Errorf("flipped %v", c)
	}
}

// The first vector was computed by two tools; the second is of RFC 7636, appendix B.
func TestHashes(t *testing.T) {
	if got := token.HalfHash("ya29.EXAMPLE"); got != "KKTa0mVEwvBgMJC3xRIcmg" {
		t.Errorf("at_hash %s", got)
	}
	if got := token.S256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); got != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Errorf("challenge %s", got)
	}
	if a, b := token.Subject(21, "x", "ana"), token.Subject(21, "x", "lilei"); len(a) != 21 || a == b || a != token.Subject(21, "x", "ana") {
		t.Errorf("subjects %s, %s", a, b)
	}
}

func TestOpenES256(t *testing.T) {
	ours, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(header, claims string, der bool) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, ours, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		if der {
			if signature, err = ecdsa.SignASN1(rand.Reader, ours, sum[:]); err != nil {
				t.Fatal(err)
			}
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	good := sign(`{"alg":"ES256","kid":"K"}`, `{"iss":"T"}`, false)
	for name, tc := range map[string]struct {
		text string
		ok   bool
	}{
		"good":         {good, true},
		"DER":          {sign(`{"alg":"ES256","kid":"K"}`, `{"iss":"T"}`, true), false},
		"RS256":        {sign(`{"alg":"RS256","kid":"K"}`, `{"iss":"T"}`, false), false},
		"no JSON":      {sign(`{"alg":"ES256","kid":"K"}`, `T`, false), false},
		"two parts":    {"a.b", false},
		"other claims": {strings.Replace(good, ".", ".e30", 1), false},
	} {
		var claims struct{ Iss string }
		h, err := token.OpenES256(tc.text, &ours.PublicKey, &claims)
		if (err == nil) != tc.ok || tc.ok && (h.Kid != "K" || claims.Iss != "T") {
			t.Errorf("%s: %+v %+v %v", name, h, claims, err)
		}
	}
}
