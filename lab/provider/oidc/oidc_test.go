package oidc_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/oidc"
	"github.com/selfsame-id/selfsame/lab/provider/token"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const (
	callback = "https://app.test/cb"
	verifier = "verifier-0123456789-0123456789-0123456789-0"
)

type world struct {
	*oidc.Sim
	t      *testing.T
	clock  *walktest.Clock
	config oidc.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &walktest.Clock{}, config: oidc.Demo("Harbor", callback)}
	w.config.ClientID, w.config.ClientSecret = "demo:web", "s3cret/+%x"
	w.Sim = oidc.New(provider.Options{Clock: w.clock}, w.config)
	return w
}

func (w *world) address(changes ...string) string {
	f := url.Values{
		"client_id": {w.config.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"s1"}, "nonce": {"n1"}, "code_challenge": {token.S256(verifier)}, "code_challenge_method": {"S256"},
	}
	walktest.Amend(f, changes...)
	return "/authorize?" + f.Encode()
}

func (w *world) visit(address, person, decision string) url.Values {
	w.t.Helper()
	return walktest.Back(w.t, w, callback, address, person, decision)
}

func (w *world) post(path string, form url.Values, header ...string) (int, map[string]any) {
	w.t.Helper()
	a := walktest.Do(w.t, w, http.MethodPost, path, form, header...)
	return a.Status, a.Object()
}

// with adds names and values in turn to a form with the client's secret.
func (w *world) with(pairs ...string) url.Values {
	form := url.Values{"client_id": {w.config.ClientID}, "client_secret": {w.config.ClientSecret}}
	walktest.Set(form, pairs...)
	return form
}

func (w *world) redeem(code string, more ...string) (int, map[string]any) {
	w.t.Helper()
	return w.post("/token", w.with(append([]string{
		"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier,
	}, more...)...))
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	back := w.visit(w.address(), "ana", "allow")
	if back.Get("state") != "s1" || back.Get("iss") != "http://example.com" || back.Get("code") == "" {
		t.Errorf("came back with %v", back)
	}
	status, got := w.redeem(back.Get("code"))
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["refresh_token"] != nil {
		t.Fatalf("token call: %d %v", status, got)
	}
	id := walktest.Claims(t, got["id_token"])
	for name, want := range map[string]any{
		"iss": "http://example.com", "aud": w.config.ClientID, "sub": w.Subject("ana"), "nonce": "n1", "email": "ana@example.com", "email_verified": true,
		"name": "Ana Example", "at_hash": token.HalfHash(got["access_token"].(string)), "exp": float64(w.clock.Now().Unix() + 3600),
	} {
		if id[name] != want {
			t.Errorf("%s is %v, want %v", name, id[name], want)
		}
	}
	a := walktest.Do(t, w, http.MethodGet, "/userinfo", nil, "Authorization", "Bearer "+got["access_token"].(string))
	if a.Status != http.StatusOK || !strings.Contains(a.Body, `"sub":"`+w.Subject("ana")+`"`) {
		t.Errorf("UserInfo: %d %s", a.Status, a.Body)
	}
	if back := w.visit(w.address(), "ana", "deny"); back.Get("error") != "access_denied" || back.Get("state") != "s1" || back.Get("iss") == "" {
		t.Errorf("denied: %v", back)
	}
	a = walktest.Visit(t, w, w.address("response_mode", "form_post"), "ana", "allow")
	if !strings.Contains(a.Body, `action="`+callback+`"`) || !strings.Contains(a.Body, `name="code"`) {
		t.Errorf("by POST: %d %s", a.Status, a.Body)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{
		w.address("client_id", "x"), w.address("redirect_uri", callback+"/"), w.address("redirect_uri", ""), w.address() + "&client_id=x",
	} {
		if a := walktest.Do(t, w, http.MethodGet, address, nil); a.Status != http.StatusBadRequest || a.Location != nil {
			t.Errorf("%s: %d to %v", address, a.Status, a.Location)
		}
	}
	for _, tc := range []struct{ address, word string }{
		{w.address("response_type", "token"), "unsupported_response_type"},
		{w.address("scope", "profile"), "invalid_scope"},
		{w.address("scope", "openid moon"), "invalid_scope"},
		{w.address("code_challenge", ""), "invalid_request"},
		{w.address("code_challenge_method", "plain"), "invalid_request"},
		{w.address("response_mode", "fragment"), "invalid_request"},
		{w.address("prompt", "none"), "login_required"},
		{w.address("request", "x"), "request_not_supported"},
		{w.address() + "&nonce=2", "invalid_request"},
	} {
		if back := w.visit(tc.address, "ana", "allow"); back.Get("error") != tc.word || back.Has("code") {
			t.Errorf("%s: %v", tc.address, back)
		}
	}
}

func TestCodesAndClients(t *testing.T) {
	w := newWorld(t)
	code := func() string { return w.visit(w.address(), "ana", "allow").Get("code") }
	used := code()
	_, first := w.redeem(used)
	for _, tc := range []struct {
		name, code string
		more       []string
		status     int
		word       string
	}{
		{"used", used, nil, 400, "invalid_grant"},
		{"made up", "x", nil, 400, "invalid_grant"},
		{"another address", code(), []string{"redirect_uri", callback + "?"}, 400, "invalid_grant"},
		{"another verifier", code(), []string{"code_verifier", verifier + "x"}, 400, "invalid_grant"},
		{"no verifier", code(), []string{"code_verifier", ""}, 400, "invalid_grant"},
		{"another secret", code(), []string{"client_secret", "x"}, 401, "invalid_client"},
		{"another client", code(), []string{"client_id", "x"}, 401, "invalid_client"},
		{"another grant", code(), []string{"grant_type", "password"}, 400, "unsupported_grant_type"},
	} {
		if status, got := w.redeem(tc.code, tc.more...); status != tc.status || got["error"] != tc.word {
			t.Errorf("%s: %d %v", tc.name, status, got)
		}
	}
	if a := walktest.Do(t, w, http.MethodGet, "/userinfo", nil, "Authorization", "Bearer "+first["access_token"].(string)); a.Status != 401 {
		t.Errorf("the token of a code that was used twice: %d", a.Status)
	}
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	swap := func() url.Values {
		return url.Values{"grant_type": {"authorization_code"}, "code": {code()}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	}
	encoded := basic(url.QueryEscape(w.config.ClientID), url.QueryEscape(w.config.ClientSecret))
	if status, got := w.post("/token", swap(), "Authorization", encoded); status != 200 {
		t.Errorf("the secret in the header: %d %v", status, got)
	}
	if status, _ := w.post("/token", swap(), "Authorization", basic(url.QueryEscape(w.config.ClientID), w.config.ClientSecret)); status != 401 {
		t.Errorf("the secret in the header as it is: %d", status)
	}
	both := swap()
	both.Set("client_secret", w.config.ClientSecret)
	if status, got := w.post("/token", both, "Authorization", encoded); status != 400 || got["error"] != "invalid_request" {
		t.Errorf("the secret twice: %d %v", status, got)
	}
	w.Change(func(c *oidc.Config) { c.SecretInForm = true })
	if status, _ := w.post("/token", swap(), "Authorization", encoded); status != 400 {
		t.Errorf("in the header where it may not be: %d", status)
	}
	late := code()
	w.clock.Advance(5 * time.Minute)
	if status, got := w.redeem(late); status != 400 || got["error"] != "invalid_grant" {
		t.Errorf("late: %d %v", status, got)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	w := newWorld(t)
	_, got := w.redeem(w.visit(w.address("scope", "openid offline_access"), "ana", "allow").Get("code"))
	refresh, _ := got["refresh_token"].(string)
	status, next := w.post("/token", w.with("grant_type", "refresh_token", "refresh_token", refresh))
	if status != 200 || next["refresh_token"] == refresh || next["refresh_token"] == nil {
		t.Fatalf("a refresh: %d %v", status, next)
	}
	if status, _ := w.post("/token", w.with("grant_type", "refresh_token", "refresh_token", refresh)); status != 400 {
		t.Errorf("with the old one: %d", status)
	}
	for _, text := range []string{next["refresh_token"].(string), "x"} {
		if status, _ := w.post("/revoke", w.with("token", text)); status != 200 {
			t.Errorf("revoking %s: %d", text, status)
		}
	}
	if status, _ := w.post("/token", w.with("grant_type", "refresh_token", "refresh_token", next["refresh_token"].(string))); status != 400 {
		t.Errorf("after it was revoked: %d", status)
	}
}

func TestQuirksAndNative(t *testing.T) {
	w := newWorld(t)
	for quirk, check := range map[string]func(map[string]any) bool{
		"unverified_email": func(c map[string]any) bool { return c["email_verified"] == false },
		"no_email":         func(c map[string]any) bool { return c["email"] == nil },
		"flipped":          func(c map[string]any) bool { return c["email_verified"] == "true" },
		"bare":             func(c map[string]any) bool { return c["name"] == nil && c["email"] == nil && c["sub"] != nil },
		"audiences": func(c map[string]any) bool {
			list, _ := c["aud"].([]any)
			return len(list) == 2 && c["azp"] == w.config.ClientID
		},
		"no_nonce":       func(c map[string]any) bool { return c["nonce"] == nil },
		"no_at_hash":     func(c map[string]any) bool { return c["at_hash"] == nil },
		"other_userinfo": func(c map[string]any) bool { return c["name"] == nil },
	} {
		w.Desk().Add(provider.Person{ID: "q" + quirk, Name: "Q", Email: "q@example.com", Quirks: []string{quirk}})
		_, got := w.redeem(w.visit(w.address(), "q"+quirk, "allow").Get("code"))
		c := walktest.Claims(t, got["id_token"])
		if !check(c) {
			t.Errorf("%s: %v", quirk, c)
		}
		a := walktest.Do(t, w, http.MethodGet, "/userinfo", nil, "Authorization", "Bearer "+got["access_token"].(string))
		if same := strings.Contains(a.Body, `"sub":"`+c["sub"].(string)+`"`); same == (quirk == "other_userinfo") {
			t.Errorf("%s: UserInfo %s", quirk, a.Body)
		}
	}
	given, err := w.Native("ana", "n")
	if err != nil {
		t.Fatal(err)
	}
	if c := walktest.Claims(t, given["token"]); c["aud"] != "demo-app" || c["nonce"] != "n" || c["sub"] != w.Subject("ana") {
		t.Errorf("an app: %v", c)
	}
	if _, err := w.Native("nobody", "n"); err != provider.ErrNobody {
		t.Errorf("nobody: %v", err)
	}
	if _, err := w.Event("revoked", "ana", "valid"); err != provider.ErrNoEvent {
		t.Errorf("a message: %v", err)
	}
}

func TestFailures(t *testing.T) {
	for f, check := range map[provider.Failure]func(status int, got map[string]any) bool{
		provider.CodeReused:  func(status int, got map[string]any) bool { return status == 400 && got["error"] == "invalid_grant" },
		provider.CodeExpired: func(status int, got map[string]any) bool { return status == 400 && got["error"] == "invalid_grant" },
		provider.WrongSecret: func(status int, got map[string]any) bool { return status == 401 && got["error"] == "invalid_client" },
		provider.Busy:        func(status int, _ map[string]any) bool { return status == 503 },
		provider.Limited:     func(status int, _ map[string]any) bool { return status == 429 },
		provider.ServerErr:   func(status int, _ map[string]any) bool { return status == 502 },
		provider.WrongAudience: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["aud"] == "another-app.example"
		},
		provider.WrongIssuer: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["iss"] == "https://issuer.example"
		},
	} {
		w := newWorld(t)
		code := w.visit(w.address(), "ana", "allow").Get("code")
		w.Desk().Fail(f)
		if status, got := w.redeem(code); !check(status, got) {
			t.Errorf("%s: %d %v", f, status, got)
		}
	}
	w := newWorld(t)
	w.Desk().Fail(provider.Denied)
	if back := w.visit(w.address(), "ana", "allow"); back.Get("error") != "access_denied" {
		t.Errorf("denied: %v", back)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	mounted := http.StripPrefix("/lab/providers/works", w)
	a := walktest.Do(t, mounted, http.MethodGet, "/lab/providers/works/.well-known/openid-configuration", nil)
	for _, want := range []string{
		`"issuer":"http://example.com/lab/providers/works"`, `"jwks_uri":"http://example.com/lab/providers/works/keys"`, `"code_challenge_methods_supported":["S256"]`,
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("discovery lacks %s: %s", want, a.Body)
		}
	}
	if a := walktest.Do(t, mounted, http.MethodGet, "/lab/providers/works/keys", nil); !strings.Contains(a.Body, `"kid"`) {
		t.Errorf("keys: %s", a.Body)
	}
}
