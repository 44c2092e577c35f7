package apple_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/apple"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const (
	sub      = "000123.0123456789abcdef0123456789abcdef.0456"
	nonce    = idtokentest.Nonce
	hashed   = idtokentest.Hashed
	callback = "https://id.example.test/federation/apple/callback"
)

// world is the adapter and an Apple of handlers.
type world struct {
	clock  *clock.Clock
	signer *idtokentest.Signer
	site   *idtokentest.Site
	key    *ecdsa.PrivateKey
	config apple.Config
	apple  *apple.Apple
}

func newWorld(t testing.TB, change ...func(*apple.Config)) *world {
	t.Helper()
	w := &world{clock: clock.At(idtokentest.Start), signer: idtokentest.New(), key: idtokentest.P256(t)}
	w.site = &idtokentest.Site{Doors: map[string]http.Handler{"appleid.apple.com/auth/keys": w.signer}}
	der, err := x509.MarshalPKCS8PrivateKey(w.key)
	if err != nil {
		t.Fatal(err)
	}
	w.config = apple.Config{
		TeamID: "ABCDE12345", KeyID: "FGHIJ67890", PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		ServiceID: "com.example.web", AppIDs: []string{"com.example.app", "com.example.tv"}, Wire: provider.Wire{Transport: w.site},
	}
	for _, c := range change {
		c(&w.config)
	}
	if w.apple, err = apple.New(w.config, w.clock); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) token(t testing.TB, over map[string]any) string {
	t.Helper()
	now := w.clock.Now()
	return w.signer.Sign(t, idtokentest.Claims(map[string]any{
		"iss": "https://appleid.apple.com", "aud": "com.example.web", "sub": sub, "nonce": nonce, "nonce_supported": true,
		"iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
	}, over))
}

// swaps lets the token address answer with a token of these claims.
func (w *world) swaps(t testing.TB, over map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"access_token": "aEXAMPLE.0.example.test", "token_type": "Bearer", "expires_in": 3600,
		"refresh_token": "rEXAMPLE.0.example.test", "id_token": w.token(t, over),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.site.Doors["appleid.apple.com/auth/token"] = idtokentest.Says(http.StatusOK, string(body))
}

func (w *world) says(status int, body string) {
	w.site.Doors["appleid.apple.com/auth/token"] = idtokentest.Says(status, body)
	w.site.Doors["appleid.apple.com/auth/revoke"] = idtokentest.Says(status, body)
}

var attempt = idtokentest.Attempt(callback)

func (w *world) exchange(t testing.TB, fields ...string) (provider.Identity, error) {
	t.Helper()
	return w.apple.Exchange(t.Context(), attempt, idtokentest.Back("c0de.0.example", fields...))
}

func TestAuthorize(t *testing.T) {
	got, err := newWorld(t).apple.Authorize(attempt)
	if err != nil {
		t.Fatal(err)
	}
	want := "https://appleid.apple.com/auth/authorize?client_id=com.example.web&nonce=nonce-from-server-0001" +
		"&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Fapple%2Fcallback&response_mode=form_post&response_type=code&scope=name%20email&state=" + attempt.State
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	apps := newWorld(t, func(c *apple.Config) { c.ServiceID = "" })
	if _, err := apps.apple.Authorize(attempt); idtokentest.Told(err) != "config service_id" {
		t.Errorf("a page without a Services ID: %v", err)
	}
}

func TestExchange(t *testing.T) {
	w := newWorld(t)
	w.swaps(t, map[string]any{"email": "x@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true"})
	got, err := w.exchange(t, "user", `{"name":{"firstName":"Ana","lastName":"Example"},"email":"victim@example.test"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := provider.Identity{
		Subjects: []provider.Subject{{Scope: "team:ABCDE12345", Value: sub}},
		Name:     "Ana Example", Email: "x@privaterelay.appleid.com", EmailVerified: true, Relay: true,
		Grant: provider.Grant{Token: "rEXAMPLE.0.example.test", Client: "com.example.web"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	form := w.site.Last(t, "appleid.apple.com/auth/token").PostForm
	secret := form.Get("client_secret")
	form.Del("client_secret")
	wantForm := url.Values{
		"client_id": {"com.example.web"}, "code": {"c0de.0.example"}, "grant_type": {"authorization_code"}, "redirect_uri": {callback},
	}
	if diff := cmp.Diff(wantForm, form); diff != "" {
		t.Error(diff)
	}
	w.checkSecret(t, secret, "com.example.web")
}

// checkSecret reads a client secret as Apple does.
func (w *world) checkSecret(t *testing.T, secret, client string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if len(jws.Signatures[0].Signature) != 64 || jws.Signatures[0].Protected.KeyID != "FGHIJ67890" {
		t.Errorf("the header or the signature: %+v", jws.Signatures[0].Protected)
	}
	payload, err := jws.Verify(w.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	made := w.clock.Now().Add(-30 * time.Second)
	want := map[string]any{
		"iss": "ABCDE12345", "sub": client, "aud": "https://appleid.apple.com",
		"iat": float64(made.Unix()), "exp": float64(made.Add(5 * time.Minute).Unix()),
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

// S-44: what Apple's documentation gives counts, from mailboxes that are Apple's.
func TestS44_Verified(t *testing.T) {
	relay, own, foreign := "x@privaterelay.appleid.com", "ana@icloud.com", "ana@example.test"
	for _, row := range []struct {
		email, verified, private any
		isVerified, isRelay      bool
	}{
		{relay, true, true, true, true},
		{relay, "true", "true", true, true},
		{relay, "true", nil, true, true},
		{relay, nil, "true", false, true},
		{own, true, nil, true, false},
		{own, "true", "false", true, false},
		{own, "false", nil, false, false},
		{own, false, nil, false, false},
		{own, "TRUE", nil, false, false},
		{own, "1", nil, false, false},
		{own, 1, nil, false, false},
		{own, []any{true}, nil, false, false},
		{own, nil, nil, false, false},
		{foreign, true, nil, false, false},
		{foreign, "true", nil, false, false},
		{"ana@icloud.com.example.test", true, nil, false, false},
		{"ana@noticloud.com", true, nil, false, false},
		{nil, true, true, false, false},
		{"no address", true, true, false, false},
		{17, true, true, false, false},
	} {
		w := newWorld(t)
		w.swaps(t, map[string]any{"email": row.email, "email_verified": row.verified, "is_private_email": row.private})
		who, err := w.exchange(t)
		if err != nil {
			t.Errorf("%v: %v", row, err)
		}
		if who.EmailVerified != row.isVerified || who.Relay != row.isRelay {
			t.Errorf("%v: verified %v, relay %v", row, who.EmailVerified, who.Relay)
		}
	}
}

// S-50: the field user is text from a browser.
func TestS50_FirstTimeName(t *testing.T) {
	for user, want := range map[string]string{
		`{"name":{"firstName":"Ana","lastName":"Example"}}`:                          "Ana Example",
		`{"name":{"firstName":"雷","lastName":"李"}}`:                                  "李雷",
		`{"name":{"firstName":"Lei","lastName":"李"}}`:                                "Lei 李",
		`{"name":{"firstName":"Ana"}}`:                                               "Ana",
		`{"name":{}}`:                                                                "",
		`{"name":{"firstName":{"x":1},"lastName":7}}`:                                "",
		`{"name":"Ana"}`:                                                             "",
		`{"email":"a@b.test"}`:                                                       "",
		`{"name":{"firstName":"A\u202e\u0000\r\nB","lastName":"<script>"}}`:          "A B <script>",
		`{"name":{"firstName":"` + strings.Repeat("a", 3000) + `","lastName":"b"}}`:  strings.Repeat("a", 40),
		`{"name":{"firstName":"` + strings.Repeat("a", 10000) + `","lastName":"b"}}`: "",
		`[]`: "", `null`: "", `{`: "", ``: "",
	} {
		w := newWorld(t)
		w.swaps(t, nil)
		who, err := w.exchange(t, "user", user)
		if err != nil || who.Name != want {
			t.Errorf("%.60s: %q %v, want %q", user, who.Name, err, want)
		}
	}
}

func TestExchange_refusals(t *testing.T) {
	fail := func(code, words string) string {
		return `{"error":"` + code + `","error_description":"` + words + `"}`
	}
	for body, says := range map[string]string{
		fail("invalid_grant", "The code has already been used."):           "replayed invalid_grant",
		fail("invalid_grant", "The code has expired or has been revoked."): "expired invalid_grant",
		fail("invalid_grant", ""):                                          "invalid_code invalid_grant",
		fail("invalid_client", ""):                                         "config invalid_client",
		fail("invalid_request", ""):                                        "config invalid_request",
		fail("unauthorized_client", ""):                                    "config unauthorized_client",
		`{"access_token":"a"}`:                                             "malformed no_id_token",
		`{"id_token":"a.b.c"}`:                                             "malformed token",
		`{"id_token":"half`:                                                "malformed no_error",
	} {
		w := newWorld(t)
		w.says(http.StatusBadRequest, body)
		if strings.Contains(body, "token") {
			w.says(http.StatusOK, body)
		}
		if says == "malformed no_error" {
			says = "malformed json"
		}
		if _, err := w.exchange(t); idtokentest.Told(err) != says {
			t.Errorf("%s: %q, want %q", body, idtokentest.Told(err), says)
		}
		if n := len(w.site.Seen); n != 1 {
			t.Errorf("%s: %d requests", body, n)
		}
	}
	for error, says := range map[string]string{"user_cancelled_authorize": "denied user_cancelled_authorize", "whatever": "malformed other"} {
		w := newWorld(t)
		if _, err := w.apple.Exchange(t.Context(), attempt, url.Values{"error": {error}}); idtokentest.Told(err) != says || len(w.site.Seen) > 0 {
			t.Errorf("%s: %q, want %q", error, idtokentest.Told(err), says)
		}
	}
}

// S-47 at this vendor: whose token it is for, who made it, and with what nonce.
func TestS47_TokenSpoiled(t *testing.T) {
	for _, row := range []struct {
		over map[string]any
		says string
	}{
		{map[string]any{"iss": "https://account.apple.com"}, ""},
		{map[string]any{"iss": "https://appleid.apple.com.evil.test"}, "untrusted iss"},
		{map[string]any{"aud": "com.example.app"}, "untrusted aud"}, // ours, but not of this code
		{map[string]any{"aud": "com.evil.app"}, "untrusted aud"},
		{map[string]any{"nonce": hashed}, "untrusted nonce"},
		{map[string]any{"nonce": nil}, "untrusted nonce"},
		{map[string]any{"nonce": nil, "nonce_supported": false}, "untrusted nonce"},
		{map[string]any{"sub": nil}, "untrusted sub"},
		{map[string]any{"iat": idtokentest.Start.Unix() - 3600}, "expired iat"},
		{map[string]any{"at_hash": "KKTa0mVEwvBgMJC3xRIcmg"}, "untrusted at_hash"},
	} {
		w := newWorld(t)
		w.swaps(t, row.over)
		if _, err := w.exchange(t); idtokentest.Told(err) != row.says {
			t.Errorf("%v: %q, want %q", row.over, idtokentest.Told(err), row.says)
		}
	}
}

func TestRedeem(t *testing.T) {
	app := map[string]any{"aud": "com.example.app"}
	tv := map[string]any{"aud": "com.example.tv"}
	hash := func(c *apple.Config) { c.HashedNonce = true }
	one := func(c *apple.Config) { c.AppIDs = c.AppIDs[:1] }
	for _, row := range []struct {
		name    string
		change  func(*apple.Config)
		handed  map[string]any // claims of the token; nil: none
		swapped map[string]any // claims of the swapped token; nil: no code
		client  string         // who swaps
		says    string
	}{
		{"token", nil, app, nil, "", ""},
		{"token and code", nil, app, app, "com.example.app", ""},
		{"token and code of another app of ours", nil, tv, tv, "com.example.tv", ""},
		{"code of the only app", one, nil, app, "com.example.app", ""},
		{"code of one of two apps", nil, nil, app, "", "malformed which_app"},
		{"nothing", nil, nil, nil, "", "malformed nothing"},
		{"the page's token", nil, map[string]any{}, nil, "", "untrusted aud"},
		{"another team's token", nil, map[string]any{"aud": "com.evil.app"}, nil, "", "untrusted aud"},
		{"the code of somebody else", nil, app, idtokentest.Claims(app, map[string]any{"sub": "000999.x.1"}), "com.example.app", "untrusted other_person"},
		{"the code of another app", nil, app, tv, "com.example.app", "untrusted aud"},
		{"the nonce of another", nil, idtokentest.Claims(app, map[string]any{"nonce": "other"}), nil, "", "untrusted nonce"},
		{"a hashed nonce, not agreed", nil, idtokentest.Claims(app, map[string]any{"nonce": hashed}), nil, "", "untrusted nonce"},
		{"a hashed nonce", hash, idtokentest.Claims(app, map[string]any{"nonce": hashed}), nil, "", ""},
		{"a plain nonce beside", hash, app, nil, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var change []func(*apple.Config)
			if row.change != nil {
				change = append(change, row.change)
			}
			w := newWorld(t, change...)
			h := provider.Handed{Nonce: nonce}
			if row.handed != nil {
				h.Token = w.token(t, row.handed)
			}
			if row.swapped != nil {
				h.Code = "c0de"
				w.swaps(t, row.swapped)
			}
			who, err := w.apple.Redeem(t.Context(), h)
			if idtokentest.Told(err) != row.says {
				t.Fatalf("%q, want %q", idtokentest.Told(err), row.says)
			}
			if row.client != "" {
				form := w.site.Last(t, "appleid.apple.com/auth/token").PostForm
				if form.Get("client_id") != row.client || form.Has("redirect_uri") {
					t.Errorf("the form: client %q, redirect_uri %v", form.Get("client_id"), form.Has("redirect_uri"))
				}
				w.checkSecret(t, form.Get("client_secret"), row.client)
			}
			if err == nil && (who.Subjects[0].Value != sub || who.Grant.Client != row.client) {
				t.Errorf("%+v", who)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	w.says(http.StatusOK, "")
	if err := w.apple.Revoke(t.Context(), provider.Grant{Token: "rEXAMPLE", Client: "com.example.app"}); err != nil {
		t.Fatal(err)
	}
	form := w.site.Last(t, "appleid.apple.com/auth/revoke").PostForm
	w.checkSecret(t, form.Get("client_secret"), "com.example.app")
	form.Del("client_secret")
	if diff := cmp.Diff(url.Values{"client_id": {"com.example.app"}, "token": {"rEXAMPLE"}, "token_type_hint": {"refresh_token"}}, form); diff != "" {
		t.Error(diff)
	}
	for body, says := range map[string]string{`{"error":"invalid_grant"}`: "", `{"error":"invalid_client"}`: "config invalid_client", ``: "malformed no_error"} {
		w.says(http.StatusBadRequest, body)
		if err := w.apple.Revoke(t.Context(), provider.Grant{Token: "rEXAMPLE", Client: "com.example.app"}); idtokentest.Told(err) != says {
			t.Errorf("%s: %q, want %q", body, idtokentest.Told(err), says)
		}
	}
	for _, g := range []provider.Grant{{}, {Token: "r", Client: "com.evil.app"}, {Client: "com.example.app"}} {
		if err := w.apple.Revoke(t.Context(), g); idtokentest.Told(err) != "config grant" {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// S-124, S-53: no error shows the key, a secret, a code, a token or whose it was, even
// if Apple sent all of it back in each of its fields.
func TestS124_ErrorsShowNothing(t *testing.T) {
	w := newWorld(t)
	w.site.Doors["appleid.apple.com/auth/token"] = idtokentest.Echo(idtokentest.OAuthError)
	_, err := w.exchange(t, "user", `{"name":{"firstName":"Ana"}}`)
	secret := w.site.Last(t, "appleid.apple.com/auth/token").PostForm.Get("client_secret")
	_, err2 := w.apple.Redeem(t.Context(), provider.Handed{Token: w.token(t, map[string]any{"aud": "com.example.app"}), Code: "c0de.0.example", Nonce: nonce})
	_, err3 := w.apple.Redeem(t.Context(), provider.Handed{Token: w.token(t, map[string]any{"email": "ana@example.test"}), Nonce: nonce})
	_, err4 := apple.New(apple.Config{TeamID: "T", KeyID: "K", ServiceID: "s", PrivateKey: w.config.PrivateKey[30:]}, w.clock)
	idtokentest.Hides(t, []error{err, err2, err3, err4, w.apple.CheckOnline(t.Context())}, secret, "c0de", sub, nonce, "ana@example.test", "eyJ", "://", w.config.PrivateKey[60:90])
	if _, err := base64.RawURLEncoding.DecodeString(strings.Split(secret, ".")[0]); secret == "" || err != nil {
		t.Errorf("no secret was sent: %q", secret)
	}
}

func TestNew_problems(t *testing.T) {
	_, err := apple.New(apple.Config{Base: "nowhere"}, clock.At(idtokentest.Start))
	if err == nil {
		t.Fatal("no problem")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 5 {
		t.Errorf("%d sentences:\n%v", len(lines), err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(idtokentest.RSA(0))
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: other}))
	if _, err := apple.New(apple.Config{TeamID: "T", KeyID: "K", ServiceID: "s", PrivateKey: key}, clock.At(idtokentest.Start)); err == nil {
		t.Error("an RSA key was taken")
	}
}

func TestChecks(t *testing.T) {
	w := newWorld(t)
	if err := w.apple.CheckOffline(idtokentest.Start); err != nil {
		t.Error(err)
	}
	odd := newWorld(t, func(c *apple.Config) { c.TeamID, c.KeyID, c.Base = "abc", "x", "http://apple.example.test" })
	if err := odd.apple.CheckOffline(idtokentest.Start); err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v", err)
	}
	w.says(http.StatusBadRequest, `{"error":"invalid_grant"}`)
	if err := w.apple.CheckOnline(t.Context()); err != nil {
		t.Error(err)
	}
	w.says(http.StatusBadRequest, `{"error":"invalid_client"}`)
	if err := w.apple.CheckOnline(t.Context()); err == nil || strings.Count(err.Error(), "invalid_client") != 3 {
		t.Errorf("%v", err)
	}
	w.says(http.StatusBadRequest, `{"error":"invalid_grant"}`)
	w.signer.Set(true)
	if err := w.apple.CheckOnline(t.Context()); err == nil {
		t.Error("without keys")
	}
}

// S-47: the key changes while a person is at Apple's page.
func TestS47_RotationMidFlow(t *testing.T) {
	w := newWorld(t)
	idtokentest.Rotates(t, w.signer, func() error {
		w.swaps(t, nil)
		_, err := w.exchange(t)
		return err
	})
}
