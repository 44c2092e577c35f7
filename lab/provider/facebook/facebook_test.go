package facebook_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/facebook"
	"github.com/selfsame-id/selfsame/lab/provider/token"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
)

const callback = "https://app.test/cb"

type object = map[string]any

type world struct {
	*facebook.Sim
	t      *testing.T
	clock  *walktest.Clock
	inbox  *walktest.Inbox
	config facebook.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &walktest.Clock{}, inbox: &walktest.Inbox{}, config: facebook.Demo("Harbor", callback)}
	w.Sim = facebook.New(provider.Options{Clock: w.clock, NoticeURL: "https://app.test/hooks", Transport: w.inbox}, w.config)
	return w
}

func (w *world) app() string { return w.config.AppID + "|" + w.config.Secret }

func (w *world) address(changes ...string) string {
	f := url.Values{"client_id": {w.config.AppID}, "redirect_uri": {callback}, "state": {"s1"}, "response_type": {"code"}, "scope": {"email,public_profile"}}
	walktest.Set(f, changes...)
	return "/v26.0/dialog/oauth?" + f.Encode()
}

func (w *world) visit(address, person, decision string) url.Values {
	w.t.Helper()
	a := walktest.Visit(w.t, w, address, person, decision)
	if a.Location == nil || !strings.HasPrefix(a.Location.String(), callback+"?") || a.Location.Fragment != "_=_" {
		w.t.Fatalf("did not come back: %d %v %s", a.Status, a.Location, a.Body)
	}
	return a.Location.Query()
}

// get makes a call with names and values in turn.
func (w *world) get(path string, pairs ...string) (int, object) {
	w.t.Helper()
	return w.do(http.MethodGet, path, pairs...)
}

func (w *world) do(method, path string, pairs ...string) (int, object) {
	w.t.Helper()
	f := url.Values{}
	walktest.Set(f, pairs...)
	a := walktest.Do(w.t, w, method, path+"?"+f.Encode(), nil)
	return a.Status, a.Object()
}

func (w *world) redeem(code string, more ...string) (int, object) {
	w.t.Helper()
	return w.get("/v26.0/oauth/access_token", append([]string{
		"client_id", w.config.AppID, "client_secret", w.config.Secret, "redirect_uri", callback, "code", code,
	}, more...)...)
}

// signIn is an access token of a person.
func (w *world) signIn(person string) string {
	w.t.Helper()
	status, got := w.redeem(w.visit(w.address(), person, "allow").Get("code"))
	access, _ := got["access_token"].(string)
	if status != http.StatusOK || !strings.HasPrefix(access, "EAA") || got["token_type"] != "bearer" {
		w.t.Fatalf("token call: %d %v", status, got)
	}
	return access
}

func (w *world) me(access string, pairs ...string) (int, object) {
	w.t.Helper()
	return w.get("/v26.0/me", append([]string{"access_token", access, "appsecret_proof", facebook.Proof(w.config.Secret, access)}, pairs...)...)
}

// said is the code, the subcode and the message of an error.
func said(got object) (code, subcode float64, message string) {
	e, _ := got["error"].(object)
	code, _ = e["code"].(float64)
	subcode, _ = e["error_subcode"].(float64)
	message, _ = e["message"].(string)
	return code, subcode, message
}

// These vectors were computed by two tools, in two languages.
func TestVectors(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	if got := facebook.Proof(secret, "EAAEXAMPLE"); got != "1f949b30cc3a6e711e97176af317e72677f0c1bf891ebccb8f0959135d6c8bda" {
		t.Errorf("appsecret_proof %s", got)
	}
	payload := `{"algorithm":"HMAC-SHA256","issued_at":1700000000,"user_id":"10150000000000000"}`
	want := "eaOIcE2Uo-nZZ8nTYI1B3bQ9Pal3QNDHyy-U1YccUtM.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTcwMDAwMDAwMCwidXNlcl9pZCI6IjEwMTUwMDAwMDAwMDAwMDAwIn0"
	if got := facebook.SignedRequest(secret, []byte(payload), false); got != want {
		t.Errorf("signed_request %s", got)
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	if back := w.visit(w.address(), "ana", "allow"); back.Get("state") != "s1" || !strings.HasPrefix(back.Get("code"), "AQD") {
		t.Errorf("came back with %v", back)
	}
	access := w.signIn("ana")
	status, got := w.me(access, "fields", "id,name,first_name,last_name,email,picture")
	if status != http.StatusOK || got["id"] != w.Subject("ana") || got["name"] != "Ana Example" || got["first_name"] != "Ana" || got["last_name"] != "Example" ||
		got["email"] != "ana@example.com" || got["picture"] == nil || len(w.Subject("ana")) != 17 {
		t.Errorf("me: %d %v", status, got)
	}
	if status, got := w.me(access); status != 200 || len(got) != 2 {
		t.Errorf("me without fields: %d %v", status, got)
	}
	back := w.visit(w.address(), "ana", "deny")
	for name, want := range map[string]string{"error": "access_denied", "error_code": "200", "error_description": "Permissions error", "error_reason": "user_denied", "state": "s1", "code": ""} {
		if back.Get(name) != want {
			t.Errorf("denied: %s is %q", name, back.Get(name))
		}
	}
	a := walktest.Do(t, w, http.MethodGet, "/v26.0/me", nil, "Authorization", "Bearer "+access)
	if !strings.Contains(a.Body, "API calls from the server require an appsecret_proof argument") || !strings.HasPrefix(a.Type, "text/javascript") {
		t.Errorf("without a proof: %d %s %s", a.Status, a.Type, a.Body)
	}
	if _, got := w.me(access, "appsecret_proof", facebook.Proof("x", access)); !strings.Contains(got["error"].(object)["message"].(string), "Invalid appsecret_proof") {
		t.Errorf("with another proof: %v", got)
	}
	w.Change(func(c *facebook.Config) { c.WithoutProof = true })
	if a := walktest.Do(t, w, http.MethodGet, "/v26.0/me", nil, "Authorization", "Bearer "+access); a.Status != http.StatusOK {
		t.Errorf("without a proof where none is needed: %d", a.Status)
	}
}

func TestDialogRefuses(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ address, shows string }{
		{w.address("client_id", "1"), "Invalid App ID"},
		{w.address("redirect_uri", callback+"/"), "URL blocked"},
		{w.address("scope", "email public_profile"), "Invalid Scopes"},
		{w.address("scope", "email,user_birthday"), "Invalid Scopes"},
		{w.address("response_type", "token"), "response_type"},
		{w.address() + "&state=2", "Invalid parameter"},
	} {
		a := walktest.Do(t, w, http.MethodGet, tc.address, nil)
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Body, tc.shows) || a.Location != nil {
			t.Errorf("%s: %d, without %q", tc.address, a.Status, tc.shows)
		}
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/v26.0/me": 190, "/v20.0/me": 190, "/me": 190, "/v19.0/me": 100, "/v99.0/me": 100} {
		_, got := w.get(path, "access_token", "x")
		if code, _, _ := said(got); code != float64(want) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestEmailIsUnticked(t *testing.T) {
	w := newWorld(t)
	email := func(decision string, changes ...string) any {
		_, got := w.redeem(w.visit(w.address(changes...), "ana", decision).Get("code"))
		_, got = w.me(got["access_token"].(string), "fields", "email")
		return got["email"]
	}
	if got := email("no_email"); got != nil {
		t.Errorf("unticked: %v", got)
	}
	if got := email("allow"); got != nil {
		t.Errorf("asked again by itself: %v", got)
	}
	if got := email("allow", "auth_type", "rerequest"); got != "ana@example.com" {
		t.Errorf("asked again: %v", got)
	}
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	code := func(changes ...string) string { return w.visit(w.address(changes...), "ana", "allow").Get("code") }
	const verifier = "verifier-0123456789-0123456789-0123456789-0"
	used := code()
	w.redeem(used)
	for _, tc := range []struct {
		name, code    string
		more          []string
		word, subcode float64
		message       string
	}{
		{"used", used, nil, 100, 36009, "This authorization code has been used."},
		{"made up", "AQDx", nil, 100, 0, "Invalid verification code format."},
		{"another address", code(), []string{"redirect_uri", callback + "?"}, 100, 36008, "identical"},
		{"another secret", code(), []string{"client_secret", "x"}, 1, 0, "Error validating client secret."},
		{"another app", code(), []string{"client_id", "1"}, 101, 0, "Error validating application."},
		{"another grant", code(), []string{"grant_type", "password"}, 100, 0, "grant_type"},
		{"no verifier", code("code_challenge", token.S256(verifier), "code_challenge_method", "S256"), nil, 100, 0, "code_verifier"},
		{"a verifier", code("code_challenge", token.S256(verifier), "code_challenge_method", "S256"), []string{"code_verifier", verifier}, 0, 0, ""},
	} {
		_, got := w.redeem(tc.code, tc.more...)
		if word, subcode, message := said(got); word != tc.word || subcode != tc.subcode || !strings.Contains(message, tc.message) {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	late := code()
	w.clock.Advance(10 * time.Minute)
	_, got := w.redeem(late)
	if word, subcode, _ := said(got); word != 100 || subcode != 36007 {
		t.Errorf("late: %v", got)
	}
	if status, got := w.get("/v26.0/oauth/access_token", "client_id", w.config.AppID, "client_secret", w.config.Secret, "grant_type", "client_credentials"); status != 200 || got["access_token"] != w.app() {
		t.Errorf("the app's own token: %d %v", status, got)
	}
	if status, got := w.get("/v26.0/oauth/access_token", "client_id", w.config.AppID, "client_secret", w.config.Secret, "grant_type", "fb_exchange_token", "fb_exchange_token", w.signIn("ana")); status != 200 || got["access_token"] == nil {
		t.Errorf("a long token: %d %v", status, got)
	}
}

func TestDebugToken(t *testing.T) {
	w := newWorld(t)
	debug := func(access string) object {
		t.Helper()
		status, got := w.get("/v26.0/debug_token", "input_token", access, "access_token", w.app())
		data, _ := got["data"].(object)
		if status != http.StatusOK || data == nil {
			t.Fatalf("debug_token: %d %v", status, got)
		}
		return data
	}
	native := func(person string) string {
		given, err := w.Native(person, "n")
		if err != nil {
			t.Fatal(err)
		}
		return given["token"]
	}
	ours := native("ana")
	if d := debug(ours); d["app_id"] != w.config.AppID || d["type"] != "USER" || d["is_valid"] != true || d["user_id"] != w.Subject("ana") ||
		d["issued_at"] != float64(w.clock.Now().Unix()) || d["expires_at"] != float64(w.clock.Now().Unix()+5183944) {
		t.Errorf("ours: %v", d)
	}
	w.Desk().Fail(provider.WrongAudience)
	if d := debug(native("ana")); d["app_id"] != facebook.ForeignID || d["is_valid"] != true || d["user_id"] == w.Subject("ana") {
		t.Errorf("of another app: %v", d)
	}
	w.Desk().Fail(provider.None)
	if d := debug("x"); d["is_valid"] != false || d["error"].(object)["code"] != 190.0 {
		t.Errorf("made up: %v", d)
	}
	for quirk, subcode := range map[string]float64{"checkpoint": 459, "password_changed": 460, "unconfirmed": 464, "logged_out": 467} {
		w.Desk().Add(provider.Person{ID: quirk, Name: "Q", Quirks: []string{quirk}})
		access := native(quirk)
		if d := debug(access); d["is_valid"] != false || d["error"].(object)["subcode"] != subcode {
			t.Errorf("%s: %v", quirk, d)
		}
		_, got := w.me(access)
		if code, got, _ := said(got); code != 190 || got != subcode {
			t.Errorf("%s: me %v %v", quirk, code, got)
		}
	}
	w.Desk().Add(provider.Person{ID: "flipped", Name: "F", Quirks: []string{"flipped"}})
	if d := debug(native("flipped")); d["user_id"] == nil || d["user_id"] == w.Subject("flipped") {
		t.Errorf("flipped: %v", d)
	}
	if status, got := w.get("/v26.0/debug_token", "input_token", ours, "access_token", w.config.AppID+"|x"); status != 400 {
		t.Errorf("with another token of the app: %d %v", status, got)
	}
	w.clock.Advance(5183944 * time.Second)
	if d := debug(ours); d["error"].(object)["subcode"] != 463.0 {
		t.Errorf("late: %v", d)
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	access, proof := w.signIn("ana"), facebook.Proof(w.config.Secret, w.app())
	at := "/v26.0/" + w.Subject("ana") + "/permissions"
	if status, got := w.do(http.MethodDelete, at, "access_token", w.app()); status != 400 || got["success"] != nil {
		t.Errorf("without a proof: %d %v", status, got)
	}
	if status, got := w.do(http.MethodDelete, "/v26.0/"+w.Subject("lilei")+"/permissions", "access_token", access, "appsecret_proof", facebook.Proof(w.config.Secret, access)); status != 400 {
		t.Errorf("somebody else's: %d %v", status, got)
	}
	if status, got := w.do(http.MethodDelete, at+"/email", "access_token", w.app(), "appsecret_proof", proof); status != 200 || got["success"] != true {
		t.Errorf("one permission: %d %v", status, got)
	}
	if _, got := w.get(at, "access_token", w.app(), "appsecret_proof", proof); !strings.Contains(string(mustJSON(t, got)), `"permission":"email","status":"declined"`) {
		t.Errorf("permissions: %v", got)
	}
	if status, got := w.do(http.MethodDelete, at, "access_token", w.app(), "appsecret_proof", proof); status != 200 || got["success"] != true {
		t.Errorf("all: %d %v", status, got)
	}
	_, got := w.me(access)
	if code, subcode, _ := said(got); code != 190 || subcode != 458 {
		t.Errorf("me after it: %v", got)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestLimitedLogin(t *testing.T) {
	w := newWorld(t)
	w.Desk().Add(provider.Person{ID: "l", Name: "Lim Ited", Email: "l@example.com", Quirks: []string{"limited"}})
	given, err := w.Native("l", "n1")
	if err != nil {
		t.Fatal(err)
	}
	c := walktest.Claims(t, given["token"])
	for name, want := range map[string]any{"iss": "https://www.facebook.com", "aud": w.config.AppID, "sub": w.Subject("l"), "nonce": "n1", "email": "l@example.com", "given_name": "Lim"} {
		if c[name] != want {
			t.Errorf("%s is %v, want %v", name, c[name], want)
		}
	}
	if a := walktest.Do(t, w, http.MethodGet, "/.well-known/oauth/openid/jwks/", nil); !strings.Contains(a.Body, `"kid"`) {
		t.Errorf("keys: %s", a.Body)
	}
	if a := walktest.Do(t, w, http.MethodGet, "/.well-known/openid-configuration/", nil); !strings.Contains(a.Body, `"issuer":"https://www.facebook.com"`) {
		t.Errorf("discovery: %s", a.Body)
	}
	form := url.Values{"id_token": {given["token"]}, "app_id": {w.config.AppID}}
	if a := walktest.Do(t, w, http.MethodPost, "/platform/uninstall/", form); a.Status != 200 || a.Body != `{"success":true}` {
		t.Errorf("uninstall: %d %s", a.Status, a.Body)
	}
	_, got := w.redeem(w.visit(w.address("scope", "openid,email", "nonce", "n2"), "ana", "allow").Get("code"))
	if c := walktest.Claims(t, got["id_token"]); c["nonce"] != "n2" || c["at_hash"] != token.HalfHash(got["access_token"].(string)) {
		t.Errorf("scope openid: %v", c)
	}
}

func TestFailures(t *testing.T) {
	for f, check := range map[provider.Failure]func(status int, code, subcode float64) bool{
		provider.CodeReused:  func(status int, code, subcode float64) bool { return status == 400 && code == 100 && subcode == 36009 },
		provider.CodeExpired: func(status int, code, subcode float64) bool { return status == 400 && code == 100 && subcode == 36007 },
		provider.WrongSecret: func(status int, code, _ float64) bool { return status == 400 && code == 1 },
		provider.Busy:        func(status int, code, _ float64) bool { return status == 500 && code == 2 },
		provider.Limited:     func(status int, code, _ float64) bool { return status == 403 && code == 4 },
		provider.ServerErr:   func(status int, _, _ float64) bool { return status == 502 },
	} {
		w := newWorld(t)
		code := w.visit(w.address(), "ana", "allow").Get("code")
		w.Desk().Fail(f)
		status, got := w.redeem(code)
		if code, subcode, _ := said(got); !check(status, code, subcode) {
			t.Errorf("%s: %d %v", f, status, got)
		}
	}
	w := newWorld(t)
	w.Desk().Fail(provider.Denied)
	if back := w.visit(w.address(), "ana", "allow"); back.Get("error") != "access_denied" {
		t.Errorf("denied: %v", back)
	}
	w.Desk().Fail(provider.WrongAudience)
	_, got := w.redeem(w.visit(w.address(), "ana", "allow").Get("code"))
	if status, got := w.me(got["access_token"].(string)); status != 400 {
		t.Errorf("our proof is good for another app's token: %v", got)
	}
}

func TestSignedRequests(t *testing.T) {
	w := newWorld(t)
	w.inbox.Reply = func(*http.Request) string {
		return `{"url":"https://app.test/deletion?c=C1","confirmation_code":"C1"}`
	}
	// send answers whether our secret signed it, the payload and the text.
	send := func(kind, variant string) (good bool, payload object, text string) {
		t.Helper()
		if status, err := w.Event(kind, "ana", variant); err != nil || status != http.StatusOK {
			t.Fatalf("%s %s: %d %v", kind, variant, status, err)
		}
		last := len(w.inbox.Raw) - 1
		if to := w.inbox.Got[last].URL.String(); to != "https://app.test/hooks?about="+kind {
			t.Errorf("%s went to %s", kind, to)
		}
		form, err := url.ParseQuery(w.inbox.Raw[last])
		if err != nil {
			t.Fatal(err)
		}
		text = form.Get("signed_request")
		_, encoded, _ := strings.Cut(text, ".")
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &payload); err != nil {
			t.Fatal(err)
		}
		good = text == facebook.SignedRequest(w.config.Secret, raw, variant == "padded")
		return good, payload, text
	}
	access := w.signIn("ana")
	good, payload, first := send("deauthorize", "valid")
	if !good || payload["user_id"] != w.Subject("ana") || payload["algorithm"] != "HMAC-SHA256" || payload["issued_at"] != float64(w.clock.Now().Unix()) {
		t.Errorf("deauthorize: %v %v", good, payload)
	}
	if status, _ := w.me(access); status != 400 {
		t.Error("the token lives on")
	}
	w.clock.Advance(time.Minute)
	if _, _, again := send("deauthorize", "replay"); again != first {
		t.Error("the replay is another request")
	}
	for _, tc := range []struct {
		variant string
		good    bool
		check   func(object) bool
	}{
		{"bad_signature", false, func(p object) bool { return p["user_id"] == w.Subject("ana") }},
		{"wrong_audience", false, func(p object) bool { return p["user_id"] != w.Subject("ana") }},
		{"bad_algorithm", true, func(p object) bool { return p["algorithm"] == "none" }},
		{"old", true, func(p object) bool { return p["issued_at"] == float64(w.clock.Now().Unix()-25*3600) }},
		{"padded", true, func(p object) bool { return p["user_id"] == w.Subject("ana") }},
		{"expires", true, func(p object) bool { return p["expires"] != nil }},
		{"number", true, func(p object) bool { _, is := p["user_id"].(float64); return is }},
	} {
		if good, payload, _ := send("deletion", tc.variant); good != tc.good || !tc.check(payload) {
			t.Errorf("%s: %v %v", tc.variant, good, payload)
		}
	}
	if at, code := w.Deletion(); at != "https://app.test/deletion?c=C1" || code != "C1" {
		t.Errorf("the deletion is followed at %q, %q", at, code)
	}
	if _, err := w.Event("other", "ana", "valid"); err != provider.ErrNoEvent {
		t.Errorf("another kind: %v", err)
	}
}
