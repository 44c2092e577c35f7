package idtoken_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const (
	keysAt = "keys.example.test/certs"
	nonce  = idtokentest.Nonce
	hashed = idtokentest.Hashed
)

// world is a verifier with the signer that it trusts.
type world struct {
	clock  *clock.Clock
	signer *idtokentest.Signer
	v      idtoken.Verifier
}

func newWorld(algorithms ...jose.SignatureAlgorithm) *world {
	w := &world{clock: clock.At(idtokentest.Start), signer: idtokentest.New()}
	site := &idtokentest.Site{Doors: map[string]http.Handler{keysAt: w.signer}}
	keys := idtoken.NewKeys("https://"+keysAt, provider.Wire{Transport: site}, w.clock)
	w.v = idtoken.Verifier{Keys: keys, Clock: w.clock, Issuers: []string{"https://issuer.example.test", "issuer.example.test"}, Algorithms: algorithms}
	return w
}

func (w *world) claims(over map[string]any) map[string]any {
	now := w.clock.Now()
	return idtokentest.Claims(map[string]any{
		"iss": "https://issuer.example.test", "sub": "1000", "aud": "ours", "nonce": nonce,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}, over)
}

var want = idtoken.Want{Audience: []string{"ours", "ours-too"}, Nonce: nonce}

// S-47: each property of a token is spoiled by itself.
func TestS47_EachCheckSpoiled(t *testing.T) {
	now := idtokentest.Start.Unix()
	hash := map[string]any{"at_hash": "KKTa0mVEwvBgMJC3xRIcmg"}
	rows := []struct {
		name string
		over map[string]any
		want func(*idtoken.Want)
		says string
	}{
		{"good", nil, nil, ""},
		{"the other issuer", map[string]any{"iss": "issuer.example.test"}, nil, ""},
		{"another issuer", map[string]any{"iss": "https://issuer.example.test.evil.test"}, nil, "untrusted iss"},
		{"the issuer with a slash", map[string]any{"iss": "https://issuer.example.test/"}, nil, "untrusted iss"},
		{"no issuer", map[string]any{"iss": nil}, nil, "untrusted iss"},
		{"another audience", map[string]any{"aud": "theirs"}, nil, "untrusted aud"},
		{"no audience", map[string]any{"aud": nil}, nil, "untrusted aud"},
		{"an empty audience", map[string]any{"aud": ""}, nil, "untrusted aud"},
		{"a list of audiences", map[string]any{"aud": []string{"ours-too"}}, nil, ""},
		{"a list of others", map[string]any{"aud": []string{"theirs", "them"}}, nil, "untrusted aud"},
		{"several, without a party", map[string]any{"aud": []string{"ours", "theirs"}}, nil, "untrusted azp"},
		{"several, for us", map[string]any{"aud": []string{"ours", "theirs"}, "azp": "ours"}, nil, ""},
		{"a party of theirs", map[string]any{"azp": "theirs"}, nil, "untrusted azp"},
		{"a party of ours", map[string]any{"azp": "ours-too"}, nil, ""},
		{"another nonce", map[string]any{"nonce": "nonce-from-server-0002"}, nil, "untrusted nonce"},
		{"no nonce", map[string]any{"nonce": nil}, nil, "untrusted nonce"},
		{"an empty nonce", map[string]any{"nonce": ""}, func(w *idtoken.Want) { w.Nonce = "" }, "untrusted nonce"},
		{"a hashed nonce, unasked", map[string]any{"nonce": hashed}, nil, "untrusted nonce"},
		{"a hashed nonce", map[string]any{"nonce": hashed}, func(w *idtoken.Want) { w.Hashed = true }, ""},
		{"no subject", map[string]any{"sub": nil}, nil, "untrusted sub"},
		{"a subject of 10 KiB", map[string]any{"sub": strings.Repeat("1", 10<<10)}, nil, "untrusted sub"},
		{"a subject with a blank", map[string]any{"sub": "10 00"}, nil, "untrusted sub"},
		{"a subject that is a number", map[string]any{"sub": 1000}, nil, "malformed json"},
		{"at_hash", hash, func(w *idtoken.Want) { w.AccessToken = "ya29.EXAMPLE" }, ""},
		{"at_hash of another", hash, func(w *idtoken.Want) { w.AccessToken = "ya29.OTHER" }, "untrusted at_hash"},
		{"at_hash of none", hash, nil, ""},
		{"a notice", map[string]any{"events": map[string]any{}}, nil, "untrusted typ"},
		{"no times", map[string]any{"iat": nil}, nil, "malformed times"},
		{"no end", map[string]any{"exp": nil}, nil, "malformed times"},
		{"times as text", map[string]any{"exp": "1700000000"}, nil, "malformed json"},
		{"a time beyond all", map[string]any{"exp": 1e300}, nil, "malformed json"},
		{"a negative time", map[string]any{"iat": -5}, nil, "malformed json"},
		{"ended 59 s ago", map[string]any{"exp": now - 59}, nil, ""},
		{"ended 60 s ago", map[string]any{"exp": now - 60}, nil, "expired exp"},
		{"ended 5 minutes ago", map[string]any{"exp": now - 300}, nil, "expired exp"},
		{"begins in 60 s", map[string]any{"iat": now + 60}, nil, ""},
		{"begins in 5 minutes", map[string]any{"iat": now + 300}, nil, "untrusted iat"},
		{"not before in 5 minutes", map[string]any{"nbf": now + 300}, nil, "untrusted iat"},
		{"of 11 minutes ago", map[string]any{"iat": now - 660}, nil, ""},
		{"of 12 minutes ago", map[string]any{"iat": now - 720}, nil, "expired iat"},
		{"with fractions", map[string]any{"iat": float64(now) + 0.5}, nil, ""},
	}
	w := newWorld()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := want
			if row.want != nil {
				row.want(&e)
			}
			c, err := w.v.IDToken(t.Context(), w.signer.Sign(t, w.claims(row.over)), e)
			if got := idtokentest.Told(err); got != row.says {
				t.Fatalf("%q, want %q", got, row.says)
			}
			if err == nil && c.Subject != "1000" {
				t.Errorf("the subject is %q", c.Subject)
			}
		})
	}
	if n := w.signer.Asked(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

// S-47, S-112: only the algorithms of the configuration count, and only published keys.
func TestS47_SignaturesSpoiled(t *testing.T) {
	w := newWorld()
	payload := idtokentest.Text(t, w.claims(nil))
	spki, err := x509.MarshalPKIXPublicKey(idtokentest.RSA(0).Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	none := func(string) []byte { return nil }
	keyed := func(input string) []byte {
		m := hmac.New(sha256.New, public)
		m.Write([]byte(input))
		return m.Sum(nil)
	}
	good := w.signer.Sign(t, w.claims(nil))
	parts := strings.Split(good, ".")
	jwk, err := json.Marshal(jose.JSONWebKey{Key: idtokentest.RSA(1).Public(), KeyID: "first"})
	if err != nil {
		t.Fatal(err)
	}
	other := idtokentest.New()
	other.Use("first", idtokentest.RSA(1))
	rows := []struct{ name, token, says string }{
		{"none", idtokentest.Unsigned(`{"alg":"none","kid":"first"}`, payload, none), "untrusted alg"},
		{"None", idtokentest.Unsigned(`{"alg":"None","kid":"first"}`, payload, none), "untrusted alg"},
		{"the public key as a secret", idtokentest.Unsigned(`{"alg":"HS256","kid":"first"}`, payload, keyed), "untrusted alg"},
		{"another algorithm of the same key", func() string {
			s := idtokentest.New()
			s.Algorithm = jose.PS256
			return s.Sign(t, w.claims(nil))
		}(), "untrusted alg"},
		{"another key", other.Sign(t, w.claims(nil)), "untrusted signature"},
		{"a key in the header", idtokentest.Unsigned(`{"alg":"RS256","kid":"first","jwk":`+string(jwk)+`}`, payload, none), "untrusted signature"},
		{"an address of keys in the header", other.Sign(t, w.claims(nil), "jku", "https://evil.example.test/keys"), "untrusted signature"},
		{"no key ID", idtokentest.Unsigned(`{"alg":"RS256"}`, payload, none), "untrusted no_kid"},
		{"no signature", parts[0] + "." + parts[1] + ".", "untrusted signature"},
		{"another payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "1000", "1001", 1))) + "." + parts[2], "untrusted signature"},
		{"an access token (RFC 9068)", w.signer.Sign(t, w.claims(nil), "typ", "at+jwt"), "untrusted typ"},
		{"typ JWT", w.signer.Sign(t, w.claims(nil), "typ", "jwt"), ""},
		{"two parts", parts[0] + "." + parts[1], "malformed token"},
		{"four parts", good + ".x", "malformed token"},
		{"nothing", "", "malformed token"},
		{"17 KiB", good + strings.Repeat("A", 17<<10), "malformed token"},
		{"a blank", parts[0] + ". " + parts[1] + "." + parts[2], "malformed token"},
		{"no JSON in it", w.signer.Sign(t, nil), "malformed no_object"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := w.v.IDToken(t.Context(), row.token, want)
			if got := idtokentest.Told(err); got != row.says {
				t.Errorf("%q, want %q", got, row.says)
			}
		})
	}
}

// A name twice, or in other letters, is no second chance for who signs what others
// typed.
func TestS126_NamesCountOnceAndByCase(t *testing.T) {
	w := newWorld()
	sign := func(payload string) string {
		header := `{"alg":"RS256","kid":"first"}`
		return idtokentest.Unsigned(header, []byte(payload), func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			sig, err := idtokentest.RSA(0).Sign(nil, sum[:], crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			return sig
		})
	}
	text := string(idtokentest.Text(t, w.claims(nil)))
	for name, row := range map[string][2]string{
		"as it is":         {text, ""},
		"twice":            {strings.Replace(text, `"sub"`, `"sub":"1","sub"`, 1), "malformed json"},
		"in other letters": {strings.Replace(text, `"sub"`, `"Sub"`, 1), "untrusted sub"},
		"beside it":        {strings.Replace(text, `{`, `{"SUB":"1",`, 1), ""},
		"broken UTF-8":     {strings.Replace(text, `1000`, "10\xff0", 1), "malformed json"},
	} {
		c, err := w.v.IDToken(t.Context(), sign(row[0]), want)
		if got := idtokentest.Told(err); got != row[1] {
			t.Errorf("%s: %q, want %q", name, got, row[1])
		} else if err == nil && c.Subject != "1000" {
			t.Errorf("%s: the subject is %q", name, c.Subject)
		}
	}
}

func TestES256(t *testing.T) {
	w := newWorld(jose.RS256, jose.ES256)
	w.signer.Algorithm = jose.ES256
	w.signer.Use("curve", idtokentest.P256(t))
	w.signer.Publish()
	if _, err := w.v.IDToken(t.Context(), w.signer.Sign(t, w.claims(nil)), want); err != nil {
		t.Error(err)
	}
}

func TestNotice(t *testing.T) {
	now := idtokentest.Start.Unix()
	events := map[string]any{"x": map[string]any{}}
	rows := []struct {
		name    string
		over    map[string]any
		expires bool
		says    string
	}{
		{"good", nil, false, ""},
		{"no exp, where it counts", nil, true, "malformed times"},
		{"an exp of the past, where it does not count", map[string]any{"exp": now - 3600}, false, ""},
		{"an exp of the past", map[string]any{"exp": now - 61}, true, "untrusted exp"},
		{"another issuer", map[string]any{"iss": "https://evil.example.test"}, false, "untrusted iss"},
		{"another audience", map[string]any{"aud": "theirs"}, false, "untrusted aud"},
		{"no jti", map[string]any{"jti": nil}, false, "malformed jti"},
		{"an ID token", map[string]any{"events": nil}, false, "malformed events"},
		{"of the future", map[string]any{"iat": now + 300}, false, "untrusted iat"},
		{"of the day before", map[string]any{"iat": now - 86400 - 61}, false, "untrusted iat"},
		{"no iat", map[string]any{"iat": nil}, false, "malformed times"},
	}
	w := newWorld()
	for _, row := range rows {
		claims := idtokentest.Claims(map[string]any{"iss": "https://issuer.example.test", "aud": "ours", "jti": "j1", "iat": now, "events": events}, row.over)
		_, err := w.v.Notice(t.Context(), w.signer.Sign(t, claims, "typ", "secevent+jwt"), []string{"ours"}, w.clock.Now(), 24*time.Hour, row.expires)
		if got := idtokentest.Told(err); got != row.says {
			t.Errorf("%s: %q, want %q", row.name, got, row.says)
		}
	}
}

func TestTrueAndHint(t *testing.T) {
	for text, row := range map[string]struct {
		yes  bool
		mail string
	}{
		`{"f":true,"m":"Ana@Example.Test"}`: {true, "Ana@example.test"},
		`{"f":"true","m":["a@b.test"]}`:     {false, ""},
		`{"f":1,"m":{"a":1}}`:               {false, ""},
		`{"f":null,"m":null}`:               {false, ""},
		`{"m":"a@b.test\r\nBcc: c@d.test"}`: {false, ""},
		`{}`:                                {false, ""},
	} {
		var v struct {
			F idtoken.True `json:"f"`
			M idtoken.Hint `json:"m"`
		}
		if err := provider.ReadObject([]byte(text), &v); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if bool(v.F) != row.yes || v.M.Mail() != row.mail {
			t.Errorf("S-44: %s: %v %q", text, v.F, v.M.Mail())
		}
	}
}

// FuzzIDToken: what is sent is refused with a Failure, or is what was signed.
func FuzzIDToken(f *testing.F) {
	w := newWorld()
	good := w.signer.Sign(f, w.claims(nil))
	f.Add(good)
	f.Add(idtokentest.Unsigned(`{"alg":"none","kid":"first"}`, []byte(`{}`), func(string) []byte { return nil }))
	f.Add("..")
	f.Add(`{"payload":"e30","signatures":[]}`)
	f.Fuzz(func(t *testing.T, token string) {
		_, err := w.v.IDToken(t.Context(), token, want)
		if _, isFailure := errors.AsType[*provider.Failure](err); err != nil && !isFailure {
			t.Errorf("%T", err)
		}
		if err != nil || token == good {
			return
		}
		// The same token in another spelling of its last letters is the same token.
		if i := strings.LastIndex(good, "."); !strings.HasPrefix(token, good[:i]) {
			t.Errorf("a token that nobody signed: %q", token)
		}
	})
}

// FuzzKeys: a key set is taken or refused, and never ends the process.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"},{"kty":"XYZ"},{"kty":"EC","crv":"P-256","kid":"b","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		site := &idtokentest.Site{Doors: map[string]http.Handler{keysAt: idtokentest.Says(http.StatusOK, string(text))}}
		keys := idtoken.NewKeys("https://"+keysAt, provider.Wire{Transport: site}, clock.At(idtokentest.Start))
		_, _ = keys.Find(t.Context(), "a")
	})
}

// Many at once share one request.
func TestKeys_askedOnceByManyAtOnce(t *testing.T) {
	w := newWorld()
	token := w.signer.Sign(t, w.claims(nil))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := w.v.IDToken(t.Context(), token, want); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := w.signer.Asked(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}
