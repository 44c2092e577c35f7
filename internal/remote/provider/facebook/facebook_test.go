package facebook_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/facebook"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const (
	appID    = "1234567890"
	secret   = "0123456789abcdef0123456789abcdef"
	token    = "EAAEXAMPLE"
	person   = "10150000000000000"
	nonce    = idtokentest.Nonce
	callback = "https://id.example.test/federation/facebook/callback"

	// The HMAC-SHA256 of token with secret, computed by other tools.
	proof = "1f949b30cc3a6e711e97176af317e72677f0c1bf891ebccb8f0959135d6c8bda"

	tokenAt = "graph.facebook.com/v26.0/oauth/access_token"
	meAt    = "graph.facebook.com/v26.0/me"
	debugAt = "graph.facebook.com/v26.0/debug_token"
	goneAt  = "graph.facebook.com/v26.0/" + person + "/permissions"
	keysAt  = "limited.facebook.com/.well-known/oauth/openid/jwks"
)

type world struct {
	clock    *clock.Clock
	signer   *idtokentest.Signer
	site     *idtokentest.Site
	facebook *facebook.Facebook
}

func config(site http.RoundTripper) facebook.Config {
	return facebook.Config{AppID: appID, Secret: secret, Version: "v26.0", Wire: provider.Wire{Transport: site}}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: clock.At(idtokentest.Start), signer: idtokentest.New()}
	w.site = &idtokentest.Site{Doors: map[string]http.Handler{
		keysAt:  w.signer,
		tokenAt: idtokentest.Says(200, `{"access_token":"`+token+`","token_type":"bearer","expires_in":5183944}`),
		meAt:    idtokentest.Says(200, `{"id":"`+person+`","name":"Ana Example","email":"ana@example.test","verified":true,"email_verified":true}`),
	}}
	var err error
	if w.facebook, err = facebook.New(config(w.site), w.clock); err != nil {
		t.Fatal(err)
	}
	return w
}

var attempt = idtokentest.Attempt(callback)

func (w *world) exchange(t testing.TB) (provider.Identity, error) {
	t.Helper()
	return w.facebook.Exchange(t.Context(), attempt, url.Values{"code": {"AQDEXAMPLE"}, "state": {attempt.State}})
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	at := attempt
	at.Again = true
	got, err := w.facebook.Authorize(at)
	if err != nil {
		t.Fatal(err)
	}
	want := "https://www.facebook.com/v26.0/dialog/oauth?auth_type=reauthenticate&client_id=1234567890&redirect_uri=https%3A%2F%2Fid.example.test%2Ffederation%2Ffacebook%2Fcallback" +
		"&response_type=code&scope=email%2Cpublic_profile&state=" + at.State
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestExchange(t *testing.T) {
	w := newWorld(t)
	got, err := w.exchange(t)
	if err != nil {
		t.Fatal(err)
	}
	want := provider.Identity{
		Subjects: []provider.Subject{{Scope: "app:" + appID, Value: person}}, Name: "Ana Example", Email: "ana@example.test",
		Grant: provider.Grant{Client: appID, User: person},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	swap := w.site.Last(t, tokenAt)
	wantQuery := url.Values{"client_id": {appID}, "client_secret": {secret}, "redirect_uri": {callback}, "code": {"AQDEXAMPLE"}}
	if diff := cmp.Diff(wantQuery, swap.URL.Query()); diff != "" || swap.Method != http.MethodGet {
		t.Error(diff)
	}
	me := w.site.Last(t, meAt)
	wantQuery = url.Values{"fields": {"id,name,email"}, "appsecret_proof": {proof}}
	if diff := cmp.Diff(wantQuery, me.URL.Query()); diff != "" || me.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("%s %s", diff, me.Header.Get("Authorization"))
	}
	if len(w.site.Seen) != 2 {
		t.Errorf("%d requests", len(w.site.Seen))
	}
}

// S-44: Graph documents no flag, so that none counts, whatever it is called; S-50.
func TestS44_NothingIsVerified(t *testing.T) {
	for body, want := range map[string]provider.Identity{
		`"email":"ana@example.test","email_verified":true,"verified":true`: {Email: "ana@example.test"},
		`"email":"ana@gmail.com","verified":"true"`:                        {Email: "ana@gmail.com"},
		`"email":null`:                  {},
		`"email":["ana@example.test"]`:  {},
		`"email":"+8613800000000"`:      {},
		`"name":"A\u202e\r\n<b>","x":1`: {Name: "A <b>"},
		`"name":{"x":1},"picture":"x"`:  {},
	} {
		w := newWorld(t)
		w.site.Doors[meAt] = idtokentest.Says(200, `{"id":"`+person+`",`+body+`}`)
		got, err := w.exchange(t)
		if err != nil || got.Email != want.Email || got.EmailVerified || got.Relay || got.Name != want.Name {
			t.Errorf("%s: %+v %v", body, got, err)
		}
	}
}

func TestPersonIDs(t *testing.T) {
	for id, says := range map[string]string{
		`"10150000000000000"`: "", `10150000000000000`: "", `"../app"`: "malformed id", `""`: "malformed id", `null`: "malformed id", `true`: "malformed json",
		`1.5`: "malformed id", `"` + strings.Repeat("1", 10<<10) + `"`: "malformed id",
	} {
		w := newWorld(t)
		w.site.Doors[meAt] = idtokentest.Says(200, `{"id":`+id+`}`)
		if _, err := w.exchange(t); idtokentest.Told(err) != says {
			t.Errorf("%.40s: %q, want %q", id, idtokentest.Told(err), says)
		}
	}
}

func TestCallback(t *testing.T) {
	for query, says := range map[string]string{
		"error=access_denied&error_code=200&error_description=Permissions+error&error_reason=user_denied": "denied user_denied",
		"error_code=200&error_message=x":                        "denied user_denied",
		"error=access_denied":                                   "denied access_denied",
		"error_code=1349126&error_message=App+Not+Set+Up":       "malformed no_code",
		"error=server_error":                                    "temporary server_error",
		"code=AQD&error=access_denied&error_reason=user_denied": "malformed both",
		"": "malformed no_code",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		if _, err := w.facebook.Exchange(t.Context(), attempt, values); idtokentest.Told(err) != says || len(w.site.Seen) > 0 {
			t.Errorf("%s: %q, want %q", query, idtokentest.Told(err), says)
		}
	}
}

// refusal is an error of the Graph API.
func refusal(message, code, sub string) string {
	text := `{"error":{"message":"` + message + `","type":"OAuthException","code":` + code + `,"fbtrace_id":"AEXAMPLE"`
	if sub != "" {
		text += `,"error_subcode":` + sub
	}
	return text + "}}"
}

// What each code means where a code is swapped, and where a token is used ("Handle
// Errors").
func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		body         string
		status       int
		swap, called string
	}{
		{refusal("This authorization code has been used.", "100", ""), 400, "replayed 100", "config 100"},
		{refusal("This authorization code has been used.", "100", "36009"), 400, "replayed 100/36009", "replayed 100/36009"},
		{refusal("x", "100", "36009"), 400, "replayed 100/36009", "replayed 100/36009"},
		{refusal("This authorization code has expired.", "100", ""), 400, "expired 100", "config 100"},
		{refusal("x", "100", "36007"), 400, "expired 100/36007", "expired 100/36007"},
		{refusal("Error validating verification code. Please make sure your redirect_uri is identical", "100", "36008"), 400, "config 100/36008", "config 100/36008"},
		{refusal("Invalid verification code format.", "100", ""), 400, "invalid_code 100", "config 100"},
		{refusal("API calls from the server require an appsecret_proof argument", "100", ""), 400, "invalid_code 100", "config 100"},
		{refusal("Invalid appsecret_proof provided in the API argument", "100", ""), 400, "invalid_code 100", "untrusted 100"},
		{refusal("Error validating client secret.", "1", ""), 400, "config 1", "config 1"},
		{refusal("An unknown error occurred", "1", ""), 500, "temporary 1", "temporary 1"},
		{refusal("Error validating application.", "101", ""), 400, "config 101", "config 101"},
		{refusal("Service temporarily unavailable", "2", ""), 503, "temporary 2", "temporary 2"},
		{refusal("x", "4", ""), 403, "rate_limited 4", "rate_limited 4"},
		{refusal("x", "17", ""), 400, "rate_limited 17", "rate_limited 17"},
		{refusal("x", "32", ""), 403, "rate_limited 32", "rate_limited 32"},
		{refusal("x", "341", ""), 400, "rate_limited 341", "rate_limited 341"},
		{refusal("x", `"613"`, ""), 400, "rate_limited 613", "rate_limited 613"},
		{refusal("x", "190", "458"), 400, "denied 190/458", "denied 190/458"},
		{refusal("x", "190", "459"), 400, "denied 190/459", "denied 190/459"},
		{refusal("x", "190", "460"), 400, "expired 190/460", "expired 190/460"},
		{refusal("x", "190", "463"), 400, "expired 190/463", "expired 190/463"},
		{refusal("x", "190", "464"), 400, "denied 190/464", "denied 190/464"},
		{refusal("x", "190", "467"), 401, "invalid_code 190/467", "invalid_code 190/467"},
		{refusal("x", "190", ""), 400, "invalid_code 190", "invalid_code 190"},
		{refusal("x", "102", ""), 400, "expired 102", "expired 102"},
		{refusal("x", "10", ""), 403, "denied 10", "denied 10"},
		{refusal("x", "200", ""), 403, "denied 200", "denied 200"},
		{refusal("x", "299", ""), 403, "denied 299", "denied 299"},
		{refusal("x", "368", ""), 400, "denied 368", "denied 368"},
		{refusal("x", "99999", ""), 400, "malformed 99999", "malformed 99999"},
		{`{"error":{"message":"x","code":99999,"is_transient":true}}`, 400, "temporary 99999", "temporary 99999"},
		{`{"error":{"code":"the-secret"}}`, 400, "malformed code", "malformed code"},
		{`{"error":{"message":"x"}}`, 400, "malformed code", "malformed code"},
		{`{"error":"x"}`, 400, "malformed no_error", "malformed no_error"},
		{`<html>`, 400, "malformed no_error", "malformed no_error"},
		{`<html>`, 200, "malformed no_object", "malformed no_object"},
		{`<html>`, 502, "temporary 502", "temporary 502"},
		{``, 429, "rate_limited 429", "rate_limited 429"},
		{`{}`, 200, "malformed no_token", "malformed id"},
	} {
		w := newWorld(t)
		w.site.Doors[meAt] = idtokentest.Says(row.status, row.body)
		if _, err := w.exchange(t); idtokentest.Told(err) != row.called {
			t.Errorf("a call: %s: %q, want %q", row.body, idtokentest.Told(err), row.called)
		}
		w = newWorld(t)
		w.site.Doors[tokenAt] = idtokentest.Says(row.status, row.body)
		if _, err := w.exchange(t); idtokentest.Told(err) != row.swap || len(w.site.Seen) != 1 {
			t.Errorf("a swap: %s: %q, want %q", row.body, idtokentest.Told(err), row.swap)
		}
	}
}

// S-48: an access token from an app says nothing by itself.
func TestS48_AccessTokens(t *testing.T) {
	hour := idtokentest.Start.Add(-time.Hour).Unix()
	for _, row := range []struct {
		name, data, says string
	}{
		{"good", `"app_id":"1234567890","type":"USER","is_valid":true,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, ""},
		{"with numbers", `"app_id":1234567890,"type":"USER","is_valid":true,"user_id":10150000000000000,"issued_at":"%d","expires_at":"%d"`, ""},
		{"of another app", `"app_id":"999","type":"USER","is_valid":true,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, "untrusted app_id"},
		{"of no app", `"type":"USER","is_valid":true,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, "untrusted type"},
		{"of a page", `"app_id":"1234567890","type":"PAGE","is_valid":true,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, "untrusted type"},
		{"of nobody", `"app_id":"1234567890","type":"USER","is_valid":true,"issued_at":%d,"expires_at":%d`, "untrusted type"},
		{"of somebody else", `"app_id":"1234567890","type":"USER","is_valid":true,"user_id":"10150000000000001","issued_at":%d,"expires_at":%d`, "untrusted other_person"},
		{"not valid", `"app_id":"1234567890","type":"USER","is_valid":false,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, "invalid_code is_valid"},
		{"valid as text", `"app_id":"1234567890","type":"USER","is_valid":"true","user_id":"10150000000000000","issued_at":%d,"expires_at":%d`, "invalid_code is_valid"},
		{"expired, with a reason", `"app_id":"1234567890","is_valid":false,"error":{"code":190,"subcode":463,"message":"x"},"issued_at":%d,"expires_at":%d`, "expired 190/463"},
		{"nonsense", `"is_valid":false,"error":{"code":190,"message":"Invalid OAuth access token."},"issued_at":%d,"expires_at":%d`, "invalid_code 190"},
		{"of another app, said by an error", `"is_valid":false,"error":{"code":100,"message":"x"},"issued_at":%d,"expires_at":%d`, "untrusted 100"},
	} {
		w := newWorld(t)
		w.site.Doors[debugAt] = idtokentest.Says(200, `{"data":{`+fmt.Sprintf(row.data, hour, idtokentest.Start.Add(60*24*time.Hour).Unix())+`}}`)
		who, err := w.facebook.Redeem(t.Context(), provider.Handed{Token: token, Nonce: nonce})
		if idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", row.name, idtokentest.Told(err), row.says)
		}
		if err == nil && who.Subjects[0].Value != person {
			t.Errorf("%s: %+v", row.name, who)
		}
		q := w.site.Last(t, debugAt).URL.Query()
		if q.Get("input_token") != token || q.Get("access_token") != appID+"|"+secret {
			t.Errorf("%v", q)
		}
		if asked := slices.ContainsFunc(w.site.Seen, func(r *http.Request) bool { return r.URL.Path == "/v26.0/me" }); asked != (row.says == "" || row.says == "untrusted other_person") {
			t.Errorf("%s: /me was asked: %v", row.name, asked)
		}
	}
}

// A token that could be older than what is remembered of used ones is refused: it may
// be a second use.
func TestAccessTokens_age(t *testing.T) {
	at := func(d time.Duration) int64 { return idtokentest.Start.Add(d).Unix() }
	for _, row := range []struct {
		issued, expires int64
		says            string
	}{
		{at(-time.Minute), at(60 * 24 * time.Hour), ""},
		{at(-24 * time.Hour), at(60 * 24 * time.Hour), ""},
		{at(-24*time.Hour - time.Second), at(60 * 24 * time.Hour), "expired issued_at"},
		{at(time.Minute), at(time.Hour), ""},
		{at(5 * time.Minute), at(time.Hour), "untrusted issued_at"},
		{at(-time.Hour), 0, ""},
		{at(-2 * time.Hour), at(0), "expired expires_at"},
		{0, at(2 * time.Hour), ""},
		{0, at(25 * time.Hour), "untrusted issued_at"},
		{0, 0, "untrusted issued_at"},
	} {
		w := newWorld(t)
		w.site.Doors[debugAt] = idtokentest.Says(200, fmt.Sprintf(
			`{"data":{"app_id":"1234567890","type":"USER","is_valid":true,"user_id":"10150000000000000","issued_at":%d,"expires_at":%d}}`, row.issued, row.expires))
		if _, err := w.facebook.Redeem(t.Context(), provider.Handed{Token: token, Nonce: nonce}); idtokentest.Told(err) != row.says {
			t.Errorf("%v: %q, want %q", row, idtokentest.Told(err), row.says)
		}
	}
}

func TestAccessTokens_refusals(t *testing.T) {
	for body, says := range map[string]string{
		refusal("Invalid OAuth access token signature.", "190", ""): "config 190", // ours
		refusal("x", "4", ""): "rate_limited 4", `{}`: "malformed no_data", `{"data":[]}`: "malformed json", `<html>`: "malformed no_object",
	} {
		w := newWorld(t)
		w.site.Doors[debugAt] = idtokentest.Says(200, body)
		if _, err := w.facebook.Redeem(t.Context(), provider.Handed{Token: token, Nonce: nonce}); idtokentest.Told(err) != says {
			t.Errorf("%s: %q, want %q", body, idtokentest.Told(err), says)
		}
	}
	w := newWorld(t)
	for _, h := range []provider.Handed{{}, {Code: "x"}, {Token: strings.Repeat("a", 9<<10)}} {
		if _, err := w.facebook.Redeem(t.Context(), h); idtokentest.Told(err) != "malformed token" || len(w.site.Seen) > 0 {
			t.Errorf("%.40v: %v", h, err)
		}
	}
}

// S-47 for tokens of Limited Login.
func TestS47_LimitedLogin(t *testing.T) {
	for _, row := range []struct {
		name string
		over map[string]any
		says string
	}{
		{"good", nil, ""},
		{"for another app", map[string]any{"aud": "999"}, "untrusted aud"},
		{"by another", map[string]any{"iss": "https://facebook.com"}, "untrusted iss"},
		{"by the host of keys", map[string]any{"iss": "https://limited.facebook.com"}, "untrusted iss"},
		{"another nonce", map[string]any{"nonce": "other"}, "untrusted nonce"},
		{"no nonce", map[string]any{"nonce": nil}, "untrusted nonce"},
		{"a hashed nonce", map[string]any{"nonce": "df06efb4477d448a17b3bd8ece9917ed53c0ab23df3ebbaa0d5962145fcaebc3"}, "untrusted nonce"},
		{"ended", map[string]any{"exp": idtokentest.Start.Unix() - 61}, "expired exp"},
		{"of an hour ago", map[string]any{"iat": idtokentest.Start.Unix() - 3600}, "expired iat"},
		{"of nobody", map[string]any{"sub": "ana@example.test"}, "malformed id"},
	} {
		w := newWorld(t)
		handed := w.signer.Sign(t, idtokentest.Claims(map[string]any{
			"iss": "https://www.facebook.com", "aud": appID, "sub": person, "nonce": nonce, "jti": "j", "iat": idtokentest.Start.Unix(), "exp": idtokentest.Start.Unix() + 3600,
			"name": "Ana Example", "email": "ana@example.test", "email_verified": true,
		}, row.over))
		who, err := w.facebook.Redeem(t.Context(), provider.Handed{Token: handed, Nonce: nonce})
		if idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", row.name, idtokentest.Told(err), row.says)
		}
		want := provider.Identity{
			Subjects: []provider.Subject{{Scope: "app:" + appID, Value: person}}, Name: "Ana Example", Email: "ana@example.test",
			Grant: provider.Grant{Client: appID, User: person},
		}
		if diff := cmp.Diff(want, who); err == nil && diff != "" {
			t.Error(diff)
		}
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	g := provider.Grant{Client: appID, User: person}
	for body, says := range map[string]string{
		`{"success":true}`: "", `{"success":false}`: "malformed success", `{"success":"true"}`: "malformed success", refusal("x", "190", ""): "invalid_code 190",
	} {
		w.site.Doors[goneAt] = idtokentest.Says(200, body)
		if err := w.facebook.Revoke(t.Context(), g); idtokentest.Told(err) != says {
			t.Errorf("%s: %q, want %q", body, idtokentest.Told(err), says)
		}
		r := w.site.Last(t, goneAt)
		if r.Method != http.MethodDelete || r.Header.Get("Authorization") != "Bearer "+appID+"|"+secret || len(r.URL.Query().Get("appsecret_proof")) != 64 || strings.Contains(r.URL.String(), secret) {
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}
	for _, g := range []provider.Grant{{}, {Client: "999", User: person}, {Client: appID, User: "me"}, {Client: appID, User: "1/../2"}} {
		if err := w.facebook.Revoke(t.Context(), g); idtokentest.Told(err) != "config grant" {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// S-124: whatever Facebook sends back, no error shows it.
func TestS124_ErrorsShowNothing(t *testing.T) {
	w := newWorld(t)
	echo := idtokentest.Echo(func(text string) any {
		return map[string]any{"error": map[string]any{"message": text, "type": text, "code": 100, "fbtrace_id": text}}
	})
	w.site.Doors[tokenAt], w.site.Doors[debugAt], w.site.Doors[goneAt] = echo, echo, echo
	_, err := w.exchange(t)
	_, err2 := w.facebook.Redeem(t.Context(), provider.Handed{Token: token, Nonce: nonce})
	err3 := w.facebook.Revoke(t.Context(), provider.Grant{Client: appID, User: person})
	_, err4 := facebook.New(facebook.Config{Secret: secret, Graph: "https://x:" + secret + "@y.test"}, w.clock)
	idtokentest.Hides(t, []error{err, err2, err3, err4}, secret, token, "AQD", person, proof, nonce)
}

func TestChecks(t *testing.T) {
	w := newWorld(t)
	if err := w.facebook.CheckOffline(idtokentest.Start); err != nil {
		t.Error(err)
	}
	for body, fine := range map[string]bool{
		refusal("Invalid verification code format.", "100", ""): true, refusal("x", "100", "36008"): true,
		refusal("Error validating client secret.", "1", ""): false, refusal("x", "101", ""): false, `{"access_token":"x"}`: false,
	} {
		w.site.Doors[tokenAt] = idtokentest.Says(400, body)
		if strings.HasPrefix(body, `{"access`) {
			w.site.Doors[tokenAt] = idtokentest.Says(200, body)
		}
		if err := w.facebook.CheckOnline(t.Context()); (err == nil) != fine {
			t.Errorf("%s: %v", body, err)
		}
	}
	c := config(w.site)
	c.AppID, c.Secret, c.Graph = "app", "short", "http://graph.example.test"
	odd, err := facebook.New(c, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := odd.CheckOffline(idtokentest.Start); err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v", err)
	}
	if _, err := facebook.New(facebook.Config{Version: "26"}, w.clock); err == nil || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("%v", err)
	}
}
