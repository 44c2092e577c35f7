package google_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/google"
	"github.com/selfsame-id/selfsame/lab/provider/token"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const (
	callback = "https://app.test/cb"
	verifier = "verifier-0123456789-0123456789-0123456789-0"
)

type world struct {
	*google.Sim
	t      *testing.T
	clock  *walktest.Clock
	inbox  *walktest.Inbox
	config google.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &walktest.Clock{}, inbox: &walktest.Inbox{}, config: google.Demo("Harbor", callback)}
	w.Sim = google.New(provider.Options{Clock: w.clock, NoticeURL: "https://app.test/hooks", Transport: w.inbox}, w.config)
	return w
}

func (w *world) address(changes ...string) string {
	f := url.Values{
		"client_id": {w.config.WebID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"s1"}, "nonce": {"n1"}, "code_challenge": {token.S256(verifier)}, "code_challenge_method": {"S256"},
	}
	walktest.Amend(f, changes...)
	return "/o/oauth2/v2/auth?" + f.Encode()
}

// visit signs a person in and answers what came back to the callback.
func (w *world) visit(address, person, decision string) url.Values {
	w.t.Helper()
	return walktest.Back(w.t, w, callback, address, person, decision)
}

func (w *world) post(path string, pairs ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{}
	walktest.Set(form, pairs...)
	a := walktest.Do(w.t, w, http.MethodPost, path, form)
	return a.Status, a.Object()
}

func (w *world) redeem(code string, more ...string) (int, map[string]any) {
	w.t.Helper()
	return w.post("/token", append([]string{
		"code", code, "client_id", w.config.WebID, "client_secret", w.config.WebSecret, "redirect_uri", callback,
		"grant_type", "authorization_code", "code_verifier", verifier,
	}, more...)...)
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	back := w.visit(w.address(), "ana", "allow")
	if back.Get("state") != "s1" || back.Get("iss") != google.Issuer || back.Get("authuser") != "0" || !strings.Contains(back.Get("code"), "/") ||
		back.Get("scope") != "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile" {
		t.Errorf("came back with %v", back)
	}
	status, got := w.redeem(back.Get("code"))
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"] != 3599.0 || got["refresh_token"] != nil {
		t.Fatalf("token call: %d %v", status, got)
	}
	id := walktest.Claims(t, got["id_token"])
	for name, want := range map[string]any{
		"iss": google.Issuer, "aud": w.config.WebID, "azp": w.config.WebID, "nonce": "n1", "sub": w.Subject("ana"), "email": "ana@example.com",
		"email_verified": true, "name": "Ana Example", "given_name": "Ana", "family_name": "Example", "hd": nil,
		"at_hash": token.HalfHash(got["access_token"].(string)), "iat": float64(w.clock.Now().Unix()), "exp": float64(w.clock.Now().Unix() + 3600),
	} {
		if id[name] != want {
			t.Errorf("%s is %v, want %v", name, id[name], want)
		}
	}
	if !regexp.MustCompile(`^\d{21}$`).MatchString(w.Subject("ana")) {
		t.Errorf("sub %s", w.Subject("ana"))
	}
	access := got["access_token"].(string)
	a := walktest.Do(t, w, http.MethodGet, "/v1/userinfo", nil, "Authorization", "Bearer "+access)
	if a.Status != http.StatusOK || !strings.Contains(a.Body, w.Subject("ana")) {
		t.Errorf("userinfo: %d %s", a.Status, a.Body)
	}
	if a := walktest.Do(t, w, http.MethodGet, "/v1/userinfo", nil, "Authorization", "Bearer x"); a.Status != http.StatusUnauthorized {
		t.Errorf("userinfo with another token: %d", a.Status)
	}
	if status, got := w.post("/tokeninfo", "access_token", access); status != 200 || got["aud"] != w.config.WebID {
		t.Errorf("tokeninfo: %d %v", status, got)
	}
	if back := w.visit(w.address(), "ana", "deny"); back.Get("error") != "access_denied" || back.Get("state") != "s1" || back.Has("code") {
		t.Errorf("denied: %v", back)
	}
	back = w.visit(w.address(), "lilei", "partial")
	_, got = w.redeem(back.Get("code"))
	if id := walktest.Claims(t, got["id_token"]); id["email"] != nil || id["name"] != nil || got["scope"] != "openid" {
		t.Errorf("partial: %v", id)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ address, shows string }{
		{w.address("client_id", "x"), "401: invalid_client"},
		{w.address("redirect_uri", callback+"?x=1"), "redirect_uri_mismatch"},
		{w.address("redirect_uri", ""), "redirect_uri_mismatch"},
		{w.address("response_type", "token"), "unsupported_response_type"},
		{w.address("scope", "email"), "invalid_scope"},
		{w.address("scope", "openid drive"), "invalid_scope"},
		{w.address("code_challenge_method", "S512"), "code_challenge_method"},
		{w.address("prompt", "login"), "prompt"},
		{w.address() + "&nonce=2", "came twice"},
	} {
		a := walktest.Do(t, w, http.MethodGet, tc.address, nil)
		if a.Status/100 != 4 || !strings.Contains(a.Body, tc.shows) || a.Location != nil {
			t.Errorf("%s: %d, without %q", tc.address, a.Status, tc.shows)
		}
	}
	a := walktest.Do(t, w, http.MethodGet, w.address(), nil, "User-Agent", "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36")
	if a.Status != http.StatusForbidden || !strings.Contains(a.Body, "disallowed_useragent") {
		t.Errorf("a web view: %d", a.Status)
	}
}

func TestPromptNone(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ hint, want string }{{"", "login_required"}, {"ana@example.com", "consent_required"}} {
		if back := w.visit(w.address("prompt", "none", "login_hint", tc.hint), "", ""); back.Get("error") != tc.want {
			t.Errorf("%q: %v", tc.hint, back)
		}
	}
	w.visit(w.address(), "ana", "allow")
	for _, hint := range []string{"ana@example.com", w.Subject("ana")} {
		if back := w.visit(w.address("prompt", "none", "login_hint", hint), "", ""); !back.Has("code") {
			t.Errorf("%q after consent: %v", hint, back)
		}
	}
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	code := func(changes ...string) string { return w.visit(w.address(changes...), "ana", "allow").Get("code") }
	used := code()
	_, first := w.redeem(used)
	for _, tc := range []struct {
		name, code   string
		more         []string
		status       int
		word, detail string
	}{
		{"used", used, nil, 400, "invalid_grant", "Bad Request"},
		{"made up", "4/0Axyz", nil, 400, "invalid_grant", "Bad Request"},
		{"encoded twice", url.QueryEscape(code()), nil, 400, "invalid_grant", "Malformed auth code."},
		{"another address", code(), []string{"redirect_uri", callback + "/"}, 400, "redirect_uri_mismatch", "Bad Request"},
		{"another secret", code(), []string{"client_secret", "x"}, 401, "invalid_client", "Unauthorized"},
		{"another client", code(), []string{"client_id", "x"}, 401, "invalid_client", "The OAuth client was not found."},
		{"another grant", code(), []string{"grant_type", "password"}, 400, "unsupported_grant_type", ""},
		{"no verifier", code(), []string{"code_verifier", ""}, 400, "invalid_grant", "Missing code verifier."},
		{"another verifier", code(), []string{"code_verifier", verifier + "x"}, 400, "invalid_grant", "Invalid code verifier."},
		{"a verifier without challenge", code("code_challenge", "", "code_challenge_method", ""), nil, 400, "invalid_grant", "Invalid code verifier."},
		{"plain", code("code_challenge", verifier, "code_challenge_method", "plain"), nil, 200, "", ""},
	} {
		status, got := w.redeem(tc.code, tc.more...)
		detail, _ := got["error_description"].(string)
		if word, _ := got["error"].(string); status != tc.status || word != tc.word || !strings.Contains(detail, tc.detail) {
			t.Errorf("%s: %d %v", tc.name, status, got)
		}
	}
	if a := walktest.Do(t, w, http.MethodGet, "/v1/userinfo", nil, "Authorization", "Bearer "+first["access_token"].(string)); a.Status != 401 {
		t.Errorf("the token of a code that was used twice: %d", a.Status)
	}
	late := code()
	w.clock.Advance(10 * time.Minute)
	if status, got := w.redeem(late); status != 400 || got["error"] != "invalid_grant" {
		t.Errorf("late: %d %v", status, got)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	w := newWorld(t)
	_, got := w.redeem(w.visit(w.address("access_type", "offline"), "ana", "allow").Get("code"))
	refresh, _ := got["refresh_token"].(string)
	if !strings.HasPrefix(refresh, "1//0") {
		t.Fatalf("no refresh token: %v", got)
	}
	if _, again := w.redeem(w.visit(w.address("access_type", "offline"), "ana", "allow").Get("code")); again["refresh_token"] != nil {
		t.Error("a refresh token without a new consent")
	}
	if _, again := w.redeem(w.visit(w.address("access_type", "offline", "prompt", "consent"), "ana", "allow").Get("code")); again["refresh_token"] == nil {
		t.Error("no refresh token with a new consent")
	}
	renew := func() (int, map[string]any) {
		return w.post("/token", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", w.config.WebID, "client_secret", w.config.WebSecret)
	}
	if status, got := renew(); status != 200 || got["refresh_token"] != nil || walktest.Claims(t, got["id_token"])["nonce"] != nil {
		t.Errorf("a refresh: %d %v", status, got)
	}
	if status, got := w.post("/revoke", "token", refresh); status != 200 || got == nil || len(got) != 0 {
		t.Errorf("revoking: %d %v", status, got)
	}
	if status, got := w.post("/revoke", "token", refresh); status != 400 || got["error"] != "invalid_token" {
		t.Errorf("revoking again: %d %v", status, got)
	}
	if status, got := renew(); status != 400 || got["error"] != "invalid_grant" {
		t.Errorf("a refresh after it: %d %v", status, got)
	}
}

func TestQuirksAndNative(t *testing.T) {
	w := newWorld(t)
	for quirk, check := range map[string]func(map[string]any) bool{
		"workspace":        func(c map[string]any) bool { return c["hd"] == "example.com" },
		"foreign_hd":       func(c map[string]any) bool { return c["hd"] == "other.example" },
		"unverified_email": func(c map[string]any) bool { return c["email_verified"] == false },
		"no_email":         func(c map[string]any) bool { return c["email"] == nil && c["email_verified"] == nil },
		"short_issuer":     func(c map[string]any) bool { return c["iss"] == "accounts.google.com" },
		"foreign_azp":      func(c map[string]any) bool { return c["azp"] != w.config.WebID && c["aud"] == w.config.WebID },
		"no_azp":           func(c map[string]any) bool { return c["azp"] == nil },
		"no_at_hash":       func(c map[string]any) bool { return c["at_hash"] == nil },
		"no_nonce":         func(c map[string]any) bool { return c["nonce"] == nil },
		"flipped":          func(c map[string]any) bool { return c["email_verified"] == "true" },
		"new_sub":          func(c map[string]any) bool { return c["sub"] != token.Subject(21, "google", "qnew_sub") },
	} {
		w.Desk().Add(provider.Person{ID: "q" + quirk, Name: "Q", Email: "q@example.com", Quirks: []string{quirk}})
		_, got := w.redeem(w.visit(w.address(), "q"+quirk, "allow").Get("code"))
		if c := walktest.Claims(t, got["id_token"]); !check(c) {
			t.Errorf("%s: %v", quirk, c)
		}
	}
	// The same account under another address.
	before := w.Subject("ana")
	w.Desk().Add(provider.Person{ID: "ana", Name: "Ana Example", Email: "new@example.com"})
	given, err := w.Native("ana", "n")
	if err != nil {
		t.Fatal(err)
	}
	if c := walktest.Claims(t, given["token"]); c["sub"] != before || c["email"] != "new@example.com" || c["aud"] != w.config.WebID || c["azp"] != w.config.AppIDs[0] || c["nonce"] != "n" || c["jti"] == nil {
		t.Errorf("Android: %v", c)
	}
	w.Desk().Add(provider.Person{ID: "i", Name: "I", Quirks: []string{"ios"}})
	if given, err = w.Native("i", "n"); err != nil || walktest.Claims(t, given["token"])["aud"] != w.config.AppIDs[1] {
		t.Errorf("iOS: %v %v", given, err)
	}
}

func TestFailures(t *testing.T) {
	for f, check := range map[provider.Failure]func(status int, got map[string]any) bool{
		provider.CodeReused:  func(status int, got map[string]any) bool { return status == 400 && got["error"] == "invalid_grant" },
		provider.CodeExpired: func(status int, got map[string]any) bool { return status == 400 && got["error"] == "invalid_grant" },
		provider.WrongSecret: func(status int, got map[string]any) bool { return status == 401 && got["error"] == "invalid_client" },
		provider.ServerErr:   func(status int, _ map[string]any) bool { return status == 502 },
		provider.Busy:        func(status int, _ map[string]any) bool { return status == 503 },
		provider.Limited:     func(status int, _ map[string]any) bool { return status == 429 },
		provider.HTML:        func(status int, got map[string]any) bool { return status == 200 && got == nil },
		provider.WrongAudience: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["aud"] == "another-app.example"
		},
		provider.WrongNonce: func(_ int, got map[string]any) bool { return walktest.Claims(t, got["id_token"])["nonce"] != "n1" },
		provider.Stale: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["exp"].(float64) < float64(walktest.Start.Unix())
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

func TestSecurityEvents(t *testing.T) {
	w := newWorld(t)
	w.redeem(w.visit(w.address("access_type", "offline"), "ana", "allow").Get("code"))
	send := func(kind, variant string) map[string]any {
		t.Helper()
		if status, err := w.Event(kind, "ana", variant); err != nil || status != http.StatusOK {
			t.Fatalf("%s %s: %d %v", kind, variant, status, err)
		}
		last := len(w.inbox.Raw) - 1
		if kind := w.inbox.Got[last].Header.Get("Content-Type"); kind != "application/secevent+jwt" {
			t.Errorf("Content-Type %s", kind)
		}
		return walktest.Claims(t, w.inbox.Raw[last])
	}
	c := send("account-disabled", "hijacking")
	event, _ := c["events"].(map[string]any)["https://schemas.openid.net/secevent/risc/event-type/account-disabled"].(map[string]any)
	subject, _ := event["subject"].(map[string]any)
	if c["iss"] != "https://accounts.google.com/" || c["aud"] != w.config.WebID || c["exp"] != nil || c["jti"] == nil || event["reason"] != "hijacking" ||
		subject["subject_type"] != "iss-sub" || subject["iss"] != "https://accounts.google.com/" || subject["sub"] != w.Subject("ana") {
		t.Errorf("event %v", c)
	}
	if again := send("account-disabled", "replay"); again["jti"] != c["jti"] {
		t.Error("the replay is another event")
	}
	if c := send("sessions-revoked", "wrong_audience"); c["aud"] == w.config.WebID {
		t.Errorf("for us all the same: %v", c)
	}
	if c := send("sessions-revoked", "wrong_issuer"); c["iss"] == "https://accounts.google.com/" {
		t.Errorf("by Google all the same: %v", c)
	}
	if c := send("sessions-revoked", "old"); c["iat"] != float64(w.clock.Now().AddDate(0, 0, -1).Unix()) {
		t.Errorf("not of yesterday: %v", c)
	}
	c = send("token-revoked", "valid")
	event, _ = c["events"].(map[string]any)["https://schemas.openid.net/secevent/oauth/event-type/token-revoked"].(map[string]any)
	if subject, _ = event["subject"].(map[string]any); !strings.HasPrefix(subject["token"].(string), "1//0") {
		t.Errorf("a token's event: %v", event)
	}
	for _, kind := range w.Events() {
		if c := send(kind, "valid"); len(c["events"].(map[string]any)) != 1 {
			t.Errorf("%s: %v", kind, c)
		}
	}
	if _, err := w.Event("other", "ana", "valid"); err != provider.ErrNoEvent {
		t.Errorf("another kind: %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	mounted := http.StripPrefix("/lab/providers/google", w)
	a := walktest.Do(t, mounted, http.MethodGet, "/lab/providers/google/.well-known/openid-configuration", nil)
	if !strings.Contains(a.Body, `"jwks_uri":"http://example.com/lab/providers/google/oauth2/v3/certs"`) || !strings.Contains(a.Body, `"issuer":"https://accounts.google.com"`) {
		t.Errorf("discovery: %s", a.Body)
	}
	a = walktest.Do(t, mounted, http.MethodGet, "/lab/providers/google/.well-known/risc-configuration", nil)
	if !strings.Contains(a.Body, `"issuer":"https://accounts.google.com/"`) {
		t.Errorf("discovery of events: %s", a.Body)
	}
	if a := walktest.Do(t, mounted, http.MethodGet, "/lab/providers/google/oauth2/v3/certs", nil); !strings.Contains(a.Body, `"kid"`) {
		t.Errorf("keys: %s", a.Body)
	}
}
