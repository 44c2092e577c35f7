package apple_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/apple"
	"github.com/selfsame-id/selfsame/lab/provider/token"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const callback = "https://app.test/cb"

type world struct {
	*apple.Sim
	t      *testing.T
	clock  *walktest.Clock
	inbox  *walktest.Inbox
	config apple.Config
	key    *ecdsa.PrivateKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &walktest.Clock{}, inbox: &walktest.Inbox{}, config: apple.Demo("Harbor", callback)}
	w.Sim = apple.New(provider.Options{Clock: w.clock, NoticeURL: "https://app.test/hooks", Transport: w.inbox}, w.config)
	block, _ := pem.Decode([]byte(w.config.PrivateKey))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	w.key = private.(*ecdsa.PrivateKey)
	return w
}

// secret is a good client secret with some claims or header fields changed.
func (w *world) secret(client string, changes map[string]any) string {
	now := w.clock.Now()
	header := map[string]any{"alg": "ES256", "kid": w.config.KeyID}
	claims := map[string]any{
		"iss": w.config.TeamID, "sub": client, "aud": "https://appleid.apple.com",
		"iat": now.Add(-30 * time.Second).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	for name, v := range changes {
		if _, is := header[name]; is {
			header[name] = v
		} else {
			claims[name] = v
		}
	}
	text := ""
	for _, part := range []any{header, claims} {
		raw, err := json.Marshal(part)
		if err != nil {
			w.t.Fatal(err)
		}
		text += "." + base64.RawURLEncoding.EncodeToString(raw)
	}
	sum := sha256.Sum256([]byte(text[1:]))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return text[1:] + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func address(changes ...string) string {
	f := url.Values{
		"client_id": {"com.example.demo.web"}, "redirect_uri": {callback}, "response_type": {"code"},
		"response_mode": {"form_post"}, "scope": {"name email"}, "state": {"s1"}, "nonce": {"n1"},
	}
	walktest.Amend(f, changes...)
	return "/auth/authorize?" + strings.ReplaceAll(f.Encode(), "+", "%20")
}

var (
	action = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// visit signs a person in and answers the form that goes to the callback.
func (w *world) visit(address, person, decision string) url.Values {
	w.t.Helper()
	page := walktest.Visit(w.t, w, address, person, decision)
	m := action.FindStringSubmatch(page.Body)
	if m == nil || m[1] != callback {
		w.t.Fatalf("no form to the callback: %d %s", page.Status, page.Body)
	}
	form := url.Values{}
	for _, f := range hidden.FindAllStringSubmatch(page.Body, -1) {
		form.Add(f[1], html.UnescapeString(f[2]))
	}
	return form
}

// post makes a call with a good secret; more are names and values in turn.
func (w *world) post(path, client string, more ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{"client_id": {client}, "client_secret": {w.secret(client, nil)}}
	walktest.Set(form, more...)
	a := walktest.Do(w.t, w, http.MethodPost, path, form)
	return a.Status, a.Object()
}

func (w *world) redeem(code string, more ...string) (int, map[string]any) {
	w.t.Helper()
	return w.post("/auth/token", w.config.ServiceID, append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback}, more...)...)
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	form := w.visit(address(), "ana", "allow")
	if form.Get("state") != "s1" || form.Has("id_token") || form.Get("user") != `{"name":{"firstName":"Ana","lastName":"Example"},"email":"ana@example.com"}` {
		t.Errorf("came back with %v", form)
	}
	status, got := w.redeem(form.Get("code"))
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["refresh_token"] == nil {
		t.Fatalf("token call: %d %v", status, got)
	}
	id := walktest.Claims(t, got["id_token"])
	for name, want := range map[string]any{
		"iss": "https://appleid.apple.com", "aud": "com.example.demo.web", "nonce": "n1", "email": "ana@example.com",
		"email_verified": true, "sub": w.Subject("ana"), "nonce_supported": true, "at_hash": token.HalfHash(got["access_token"].(string)),
		"iat": float64(w.clock.Now().Unix()), "exp": float64(w.clock.Now().Add(24 * time.Hour).Unix()),
	} {
		if id[name] != want {
			t.Errorf("%s is %v, want %v", name, id[name], want)
		}
	}
	if !regexp.MustCompile(`^\d{6}\.[0-9a-f]{32}\.\d{4}$`).MatchString(w.Subject("ana")) {
		t.Errorf("sub %s", w.Subject("ana"))
	}
	if again := w.visit(address(), "ana", "allow"); again.Has("user") || !again.Has("code") {
		t.Errorf("the second time: %v", again)
	}
	w.Forget("ana")
	if again := w.visit(address(), "ana", "hide"); !strings.Contains(again.Get("user"), "@privaterelay.appleid.com") {
		t.Errorf("after a reset: %v", again)
	}
	if denied := w.visit(address(), "ana", "deny"); denied.Get("error") != "user_cancelled_authorize" || denied.Get("state") != "s1" || denied.Has("code") {
		t.Errorf("denied: %v", denied)
	}
	both := w.visit(address("response_type", "code id_token"), "lilei", "allow")
	if front := walktest.Claims(t, both.Get("id_token")); front["c_hash"] != token.HalfHash(both.Get("code")) {
		t.Errorf("the token of the front: %v", front)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ address, shows string }{
		{address("client_id", "com.example.other"), "invalid_client"},
		{address("client_id", "com.example.demo.app"), "invalid_client"},
		{address("redirect_uri", callback+"/"), "invalid web redirect url"},
		{address("redirect_uri", ""), "invalid web redirect url"},
		{strings.ReplaceAll(address(), "%20", "+"), "invalid_scope"},
		{address("scope", "name phone"), "invalid_scope"},
		{address("response_type", "token"), "unsupported_response_type"},
		{address("response_mode", "query"), "must be form_post"},
		{address("response_mode", "pigeon"), "response_mode"},
		{address() + "&state=s2", "came twice"},
	} {
		a := walktest.Do(t, w, http.MethodGet, tc.address, nil)
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Body, tc.shows) || a.Location != nil {
			t.Errorf("%s: %d, without %q", tc.address, a.Status, tc.shows)
		}
	}
	a := walktest.Visit(t, w, address("scope", "", "response_mode", ""), "ana", "allow")
	if a.Location == nil || a.Location.Query().Get("state") != "s1" || a.Location.Query().Get("code") == "" {
		t.Errorf("without a scope the answer is a query: %v", a.Location)
	}
	a = walktest.Visit(t, w, address("scope", "", "response_mode", "fragment"), "ana", "allow")
	if a.Location == nil || !strings.Contains(a.Location.Fragment, "code=") {
		t.Errorf("the answer is a fragment: %v", a.Location)
	}
}

func TestClientSecret(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now().Unix()
	for name, tc := range map[string]struct {
		changes map[string]any
		ok      bool
	}{
		"good":               {nil, true},
		"six months":         {map[string]any{"iat": now, "exp": now + 15777000}, true},
		"more than that":     {map[string]any{"iat": now, "exp": now + 15777001}, false},
		"another key":        {map[string]any{"kid": "OTHER"}, false},
		"RS256":              {map[string]any{"alg": "RS256"}, false},
		"another team":       {map[string]any{"iss": "OTHERTEAM1"}, false},
		"another client":     {map[string]any{"sub": "com.example.demo.app"}, false},
		"another audience":   {map[string]any{"aud": "https://account.apple.com"}, false},
		"expired":            {map[string]any{"exp": now}, false},
		"of the future":      {map[string]any{"iat": now + 1}, false},
		"without a time":     {map[string]any{"iat": 0}, false},
		"a broken signature": {nil, false},
	} {
		code := w.visit(address(), "ana", "allow").Get("code")
		secret := w.secret(w.config.ServiceID, tc.changes)
		if name == "a broken signature" {
			secret = secret[:len(secret)-8] + "AAAAAAAA"
		}
		status, got := w.redeem(code, "client_secret", secret)
		if ok := status == http.StatusOK; ok != tc.ok || !ok && got["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	code := func() string { return w.visit(address(), "ana", "allow").Get("code") }
	native := func() string {
		given, err := w.Native("ana", "n")
		if err != nil {
			t.Fatal(err)
		}
		return given["code"]
	}
	used, late := code(), code()
	w.redeem(used)
	for _, tc := range []struct {
		name, client, code, redirect string
		after                        time.Duration
		says                         string // "" is that it goes well
	}{
		{"used", w.config.ServiceID, used, callback, 0, "The code has already been used."},
		{"made up", w.config.ServiceID, "c0", callback, 0, "The code has expired or has been revoked."},
		{"another address", w.config.ServiceID, code(), callback + "2", 0, "redirect_uri"},
		{"no address", w.config.ServiceID, code(), "", 0, "redirect_uri"},
		{"another client", w.config.AppIDs[0], code(), callback, 0, "client_id mismatch"},
		{"of an app", w.config.AppIDs[0], native(), "", 0, ""},
		{"of an app with an address", w.config.AppIDs[0], native(), callback, 0, "redirect_uri"},
		{"in time", w.config.ServiceID, code(), callback, 5*time.Minute - time.Second, ""},
		{"late", w.config.ServiceID, late, callback, time.Second, "The code has expired or has been revoked."},
	} {
		w.clock.Advance(tc.after)
		more := []string{"grant_type", "authorization_code", "code", tc.code}
		if tc.redirect != "" {
			more = append(more, "redirect_uri", tc.redirect)
		}
		status, got := w.post("/auth/token", tc.client, more...)
		description, _ := got["error_description"].(string)
		if tc.says == "" && status != http.StatusOK || tc.says != "" && (got["error"] != "invalid_grant" || !strings.Contains(description, tc.says)) {
			t.Errorf("%s: %d %v", tc.name, status, got)
		}
	}
	if status, got := w.post("/auth/token", w.config.ServiceID, "grant_type", "password"); status != 400 || got["error"] != "unsupported_grant_type" {
		t.Errorf("another grant type: %d %v", status, got)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	w := newWorld(t)
	_, got := w.redeem(w.visit(address(), "ana", "allow").Get("code"))
	refresh, _ := got["refresh_token"].(string)
	renew := func() (int, map[string]any) {
		return w.post("/auth/token", w.config.ServiceID, "grant_type", "refresh_token", "refresh_token", refresh)
	}
	status, again := renew()
	if status != http.StatusOK || again["refresh_token"] != nil || again["id_token"] == nil {
		t.Errorf("a refresh: %d %v", status, again)
	}
	if status, _ := renew(); status != http.StatusTooManyRequests {
		t.Errorf("a second one of the day: %d", status)
	}
	w.clock.Advance(24 * time.Hour)
	if status, _ := renew(); status != http.StatusOK {
		t.Errorf("one on the next day: %d", status)
	}
	if status, got := w.post("/auth/revoke", w.config.ServiceID, "token", again["id_token"].(string)); status != 400 || got["error"] != "invalid_request" {
		t.Errorf("revoking an ID token: %d %v", status, got)
	}
	if status, got := w.post("/auth/revoke", w.config.ServiceID, "token", refresh, "token_type_hint", "refresh_token", "client_secret", "x"); status != 400 || got["error"] != "invalid_client" {
		t.Errorf("revoking with a wrong secret: %d %v", status, got)
	}
	if status, got := w.post("/auth/revoke", w.config.ServiceID, "token", refresh, "token_type_hint", "refresh_token"); status != 200 || got != nil {
		t.Errorf("revoking: %d %v", status, got)
	}
	w.clock.Advance(24 * time.Hour)
	if status, got := renew(); status != 400 || got["error"] != "invalid_grant" {
		t.Errorf("a refresh after it: %d %v", status, got)
	}
}

func TestQuirks(t *testing.T) {
	w := newWorld(t)
	sub := map[string]any{}
	for quirk, check := range map[string]func(map[string]any) bool{
		"": func(c map[string]any) bool { return c["is_private_email"] == nil },
		"hide_email": func(c map[string]any) bool {
			email, _ := c["email"].(string)
			return c["is_private_email"] == true && strings.HasSuffix(email, "@privaterelay.appleid.com")
		},
		"no_email":     func(c map[string]any) bool { return c["email"] == nil && c["email_verified"] == nil },
		"work_account": func(c map[string]any) bool { return c["email_verified"] == false && c["org_id"] != nil },
		"flipped":      func(c map[string]any) bool { return c["email_verified"] == "true" },
		"new_issuer":   func(c map[string]any) bool { return c["iss"] == "https://account.apple.com" },
		"transferred":  func(c map[string]any) bool { return c["transfer_sub"] != nil && c["transfer_sub"] != c["sub"] },
	} {
		p := w.Desk().Add(provider.Person{ID: "q" + quirk, Name: "Q", Email: "q@example.com", Quirks: []string{quirk}})
		_, got := w.redeem(w.visit(address(), p.ID, "allow").Get("code"))
		c := walktest.Claims(t, got["id_token"])
		if !check(c) {
			t.Errorf("%s: %v", quirk, c)
		}
		sub[quirk] = c["sub"]
	}
	if sub[""] == sub["flipped"] {
		t.Error("two people have one sub")
	}
	w.Desk().Add(provider.Person{ID: "old", Name: "Old", Quirks: []string{"old_device"}})
	given, err := w.Native("old", "n")
	if err != nil {
		t.Fatal(err)
	}
	if c := walktest.Claims(t, given["token"]); c["nonce"] != nil || c["nonce_supported"] != false || c["real_user_status"] != 2.0 || c["aud"] != "com.example.demo.app" {
		t.Errorf("an old device: %v", c)
	}
	// The same sub for the app and the web of one team.
	given, err = w.Native("ana", "n")
	if err != nil {
		t.Fatal(err)
	}
	if c := walktest.Claims(t, given["token"]); c["sub"] != w.Subject("ana") || given["user"] != w.Subject("ana") || c["nonce"] != "n" || given["given_name"] != "Ana" {
		t.Errorf("an app: %v %v", c, given)
	}
}

func TestFailures(t *testing.T) {
	for f, check := range map[provider.Failure]func(status int, got map[string]any) bool{
		provider.CodeReused: func(_ int, got map[string]any) bool {
			return got["error_description"] == "The code has already been used."
		},
		provider.CodeExpired: func(_ int, got map[string]any) bool { return got["error"] == "invalid_grant" },
		provider.WrongSecret: func(_ int, got map[string]any) bool { return got["error"] == "invalid_client" },
		provider.ServerErr:   func(status int, _ map[string]any) bool { return status == 502 },
		provider.Busy:        func(status int, _ map[string]any) bool { return status == 503 },
		provider.Limited:     func(status int, _ map[string]any) bool { return status == 429 },
		provider.Malformed:   func(status int, got map[string]any) bool { return status == 200 && got == nil },
		provider.WrongAudience: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["aud"] == "another-app.example"
		},
		provider.WrongNonce: func(_ int, got map[string]any) bool { return walktest.Claims(t, got["id_token"])["nonce"] != "n1" },
		provider.WrongIssuer: func(_ int, got map[string]any) bool {
			return walktest.Claims(t, got["id_token"])["iss"] != apple.Issuer
		},
	} {
		w := newWorld(t)
		w.Desk().Fail(f)
		if status, got := w.redeem(w.visit(address(), "ana", "allow").Get("code")); !check(status, got) {
			t.Errorf("%s: %d %v", f, status, got)
		}
	}
	w := newWorld(t)
	w.Desk().Fail(provider.Denied)
	if form := w.visit(address(), "ana", "allow"); form.Get("error") != "user_cancelled_authorize" {
		t.Errorf("denied: %v", form)
	}
}

func TestNotifications(t *testing.T) {
	w := newWorld(t)
	w.visit(address(), "ana", "hide")
	payload := func(i int) (string, map[string]any) {
		var body struct{ Payload string }
		if err := json.Unmarshal([]byte(w.inbox.Raw[i]), &body); err != nil {
			t.Fatal(err)
		}
		return body.Payload, walktest.Claims(t, body.Payload)
	}
	send := func(kind, variant string) {
		t.Helper()
		if status, err := w.Event(kind, "ana", variant); err != nil || status != http.StatusOK {
			t.Fatalf("%s %s: %d %v", kind, variant, status, err)
		}
	}
	send("email-disabled", "valid")
	first, c := payload(0)
	events, _ := c["events"].(string)
	var event map[string]any
	if err := json.Unmarshal([]byte(events), &event); err != nil {
		t.Fatalf("events are no string with JSON: %v", c["events"])
	}
	if c["iss"] != apple.Issuer || c["aud"] != w.config.ServiceID || c["jti"] == "" || event["type"] != "email-disabled" ||
		event["sub"] != w.Subject("ana") || event["is_private_email"] != "true" || event["event_time"] != float64(w.clock.Now().UnixMilli()) {
		t.Errorf("notification %v %v", c, event)
	}
	send("email-disabled", "replay")
	if again, _ := payload(1); again != first {
		t.Error("the replay is another notification")
	}
	for i, tc := range []struct {
		variant string
		check   func(map[string]any) bool
	}{
		{"wrong_audience", func(c map[string]any) bool { return c["aud"] != w.config.ServiceID }},
		{"wrong_issuer", func(c map[string]any) bool { return c["iss"] != apple.Issuer }},
		{"expired", func(c map[string]any) bool { return c["exp"].(float64) < float64(w.clock.Now().Unix()) }},
		{"object", func(c map[string]any) bool { _, is := c["events"].(map[string]any); return is }},
	} {
		send("email-enabled", tc.variant)
		if _, c := payload(2 + i); !tc.check(c) {
			t.Errorf("%s: %v", tc.variant, c)
		}
	}
	before := len(w.inbox.Raw)
	send("consent-revoked", "replay")
	if len(w.inbox.Raw) != before+2 || w.inbox.Raw[before] != w.inbox.Raw[before+1] {
		t.Error("a replay without a first one is not sent twice")
	}
	if form := w.visit(address(), "ana", "allow"); !form.Has("user") {
		t.Error("after consent was revoked the next is no first consent")
	}
	if _, err := w.Event("other", "ana", "valid"); err != provider.ErrNoEvent {
		t.Errorf("another kind: %v", err)
	}
	if _, err := w.Event("email-enabled", "nobody", "valid"); err != provider.ErrNobody {
		t.Errorf("nobody: %v", err)
	}
}
