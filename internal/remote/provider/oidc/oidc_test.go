package oidc_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/oidc"
)

const (
	issuer   = "https://login.example.test"
	client   = "self:same"
	secret   = "s3cret/+%x"
	nonce    = idtokentest.Nonce
	callback = "https://id.example.test/federation/works/callback"
	wellAt   = "login.example.test/.well-known/openid-configuration"
	tokenAt  = "login.example.test/token"
	keysAt   = "login.example.test/keys"
	infoAt   = "login.example.test/info"
)

type world struct {
	clock  *clock.Clock
	signer *idtokentest.Signer
	site   *idtokentest.Site
	oidc   *oidc.OIDC
}

// newWorld is an adapter that has not discovered anything yet.
func newWorld(t testing.TB, change func(c *oidc.Config, document map[string]any)) *world {
	t.Helper()
	w := &world{clock: clock.At(idtokentest.Start), signer: idtokentest.New()}
	document := map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
		"jwks_uri": issuer + "/keys", "userinfo_endpoint": issuer + "/info",
	}
	w.site = &idtokentest.Site{Doors: map[string]http.Handler{keysAt: w.signer, infoAt: idtokentest.Says(500, "")}}
	c := oidc.Config{Name: "works", Title: "Example Works", Issuer: issuer, ClientID: client, ClientSecret: secret, Scopes: []string{"profile", "email"}, Wire: provider.Wire{Transport: w.site}}
	if change != nil {
		change(&c, document)
	}
	w.site.Doors[wellAt] = idtokentest.Says(200, string(idtokentest.Text(t, idtokentest.Claims(document, nil))))
	var err error
	if w.oidc, err = oidc.New(c, w.clock); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) token(t testing.TB, over map[string]any) string {
	t.Helper()
	now := w.clock.Now()
	return w.signer.Sign(t, idtokentest.Claims(map[string]any{
		"iss": issuer, "aud": client, "sub": "1000", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"name": "Ana Example", "email": "ana@example.test", "email_verified": true,
	}, over))
}

func (w *world) swaps(t testing.TB, over map[string]any) {
	t.Helper()
	body := idtokentest.Text(t, map[string]any{"access_token": "at-EXAMPLE", "token_type": "Bearer", "id_token": w.token(t, over)})
	w.site.Doors[tokenAt] = idtokentest.Says(200, string(body))
}

var attempt = idtokentest.Attempt(callback)

func (w *world) exchange(t testing.TB, fields ...string) (provider.Identity, error) {
	t.Helper()
	return w.oidc.Exchange(t.Context(), attempt, idtokentest.Back("c0de", fields...))
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.oidc.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := attempt
	at.Again, at.Language = true, "de"
	got, err := w.oidc.Authorize(at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {at.State}, "nonce": {nonce},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, // RFC 7636 appendix B
		"prompt": {"login"}, "ui_locales": {"de"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" || u.Host+u.Path != "login.example.test/authorize" {
		t.Errorf("%s\n%s", got, diff)
	}
}

// The address for the browser is made without dialing: the first one has to wait for
// the discovery that it began.
func TestAuthorize_beforeDiscovery(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.oidc.Authorize(attempt); idtokentest.Told(err) != "temporary discovery" {
		t.Errorf("%v", err)
	}
	if err := w.oidc.Discover(t.Context()); err != nil { // joins the one that runs, or finds it done
		t.Fatal(err)
	}
	if _, err := w.oidc.Authorize(attempt); err != nil {
		t.Error(err)
	}
	if n := len(w.site.Seen); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestExchange(t *testing.T) {
	w := newWorld(t, nil)
	w.swaps(t, nil)
	got, err := w.exchange(t, "iss", issuer)
	if err != nil {
		t.Fatal(err)
	}
	want := provider.Identity{Subjects: []provider.Subject{{Scope: "issuer:" + issuer, Value: "1000"}}, Name: "Ana Example", Email: "ana@example.test"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("S-44: nothing is verified here: %s", diff)
	}
	r := w.site.Last(t, tokenAt)
	wantForm := url.Values{"grant_type": {"authorization_code"}, "code": {"c0de"}, "redirect_uri": {callback}, "code_verifier": {attempt.Verifier}}
	if diff := cmp.Diff(wantForm, r.PostForm); diff != "" {
		t.Error(diff)
	}
	if id, pass, ok := r.BasicAuth(); !ok || id != "self%3Asame" || pass != "s3cret%2F%2B%25x" {
		t.Errorf("RFC 6749 section 2.3.1: %q %q", id, pass)
	}
	w.swaps(t, nil)
	if _, err := w.exchange(t); err != nil || len(w.site.Seen) != 4 {
		t.Errorf("two sign-ins took %d requests: %v", len(w.site.Seen), err)
	}
}

func TestClientAuthentication(t *testing.T) {
	for name, row := range map[string]struct {
		methods any
		secret  string
		inForm  bool
		inHead  bool
	}{
		"said nothing": {nil, secret, false, true},
		"both":         {[]string{"client_secret_post", "client_secret_basic"}, secret, false, true},
		"form only":    {[]string{"client_secret_post"}, secret, true, false},
		"public":       {[]string{"none"}, "", false, false},
	} {
		w := newWorld(t, func(c *oidc.Config, d map[string]any) {
			c.ClientSecret = row.secret
			d["token_endpoint_auth_methods_supported"] = row.methods
		})
		w.swaps(t, nil)
		if _, err := w.exchange(t); err != nil {
			t.Fatal(err)
		}
		r := w.site.Last(t, tokenAt)
		_, _, inHead := r.BasicAuth()
		if inHead != row.inHead || (r.PostForm.Get("client_secret") == secret) != row.inForm || inHead == r.PostForm.Has("client_id") {
			t.Errorf("%s: %v %v", name, inHead, r.PostForm)
		}
	}
}

// S-46, S-47: the answer and the token spoiled, one property at a time.
func TestS47_Spoiled(t *testing.T) {
	for _, row := range []struct {
		over   map[string]any
		fields []string
		says   string
	}{
		{map[string]any{"iss": issuer + "/"}, nil, "untrusted iss"},
		{map[string]any{"aud": "other"}, nil, "untrusted aud"},
		{map[string]any{"aud": []string{client, "other"}}, nil, "untrusted azp"},
		{map[string]any{"azp": "other"}, nil, "untrusted azp"},
		{map[string]any{"nonce": nil}, nil, "untrusted nonce"},
		{map[string]any{"nonce": "other"}, nil, "untrusted nonce"},
		{map[string]any{"at_hash": "KKTa0mVEwvBgMJC3xRIcmg"}, nil, "untrusted at_hash"},
		{map[string]any{"exp": idtokentest.Start.Unix() - 61}, nil, "expired exp"},
		{map[string]any{"iat": idtokentest.Start.Unix() - 720}, nil, "expired iat"},
		{nil, []string{"iss", issuer + ".evil.test"}, "untrusted callback_iss"},
		{nil, []string{"iss", ""}, "untrusted callback_iss"},
	} {
		w := newWorld(t, nil)
		w.swaps(t, row.over)
		if _, err := w.exchange(t, row.fields...); idtokentest.Told(err) != row.says {
			t.Errorf("%v %v: %q, want %q", row.over, row.fields, idtokentest.Told(err), row.says)
		}
	}
}

// S-46: a provider that says that it names itself in its answers has to (RFC 9207
// section 2.4), in refusals too.
func TestS46_IssuerInAnswer(t *testing.T) {
	w := newWorld(t, func(_ *oidc.Config, d map[string]any) { d["authorization_response_iss_parameter_supported"] = true })
	w.swaps(t, nil)
	if _, err := w.exchange(t); idtokentest.Told(err) != "untrusted callback_iss" {
		t.Errorf("without: %v", err)
	}
	if _, err := w.exchange(t, "iss", issuer); err != nil {
		t.Errorf("with: %v", err)
	}
	refused := url.Values{"error": {"access_denied"}}
	if _, err := w.oidc.Exchange(t.Context(), attempt, refused); idtokentest.Told(err) != "untrusted callback_iss" {
		t.Errorf("a refusal without: %v", err)
	}
	refused.Set("iss", issuer)
	if _, err := w.oidc.Exchange(t.Context(), attempt, refused); idtokentest.Told(err) != "denied access_denied" {
		t.Errorf("a refusal with: %v", err)
	}
}

// S-47: what a discovery document may say.
func TestS47_Discovery(t *testing.T) {
	for name, row := range map[string]struct {
		over map[string]any
		says string
	}{
		"good":                         {nil, ""},
		"another issuer":               {map[string]any{"issuer": "https://evil.example.test"}, "untrusted discovery_issuer"},
		"a slash":                      {map[string]any{"issuer": issuer + "/"}, "untrusted discovery_issuer"},
		"no issuer":                    {map[string]any{"issuer": nil}, "untrusted discovery_issuer"},
		"no keys":                      {map[string]any{"jwks_uri": nil}, "untrusted discovery_address"},
		"plain http":                   {map[string]any{"token_endpoint": "http://login.example.test/token"}, "untrusted discovery_address"},
		"user info by http":            {map[string]any{"userinfo_endpoint": "http://login.example.test/info"}, "untrusted discovery_address"},
		"a script":                     {map[string]any{"authorization_endpoint": "javascript:alert(1)"}, "untrusted discovery_address"},
		"a password":                   {map[string]any{"jwks_uri": "https://u:p@login.example.test/keys"}, "untrusted discovery_address"},
		"plain challenges only":        {map[string]any{"code_challenge_methods_supported": []string{"plain"}}, "config no_S256"},
		"challenges":                   {map[string]any{"code_challenge_methods_supported": []string{"plain", "S256"}}, ""},
		"addresses of another type":    {map[string]any{"jwks_uri": 17}, "malformed json"},
		"no user info":                 {map[string]any{"userinfo_endpoint": nil}, ""},
		"keys of somebody else (S-47)": {map[string]any{"jwks_uri": "https://keys.example.test/x"}, ""},
	} {
		w := newWorld(t, func(_ *oidc.Config, d map[string]any) { maps.Copy(d, row.over) })
		if err := w.oidc.Discover(t.Context()); idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", name, idtokentest.Told(err), row.says)
		}
	}
	for status, says := range map[int]string{404: "config discovery", 503: "temporary 503", 302: "malformed 302"} {
		w := newWorld(t, nil)
		w.site.Doors[wellAt] = idtokentest.Says(status, `{}`)
		if err := w.oidc.Discover(t.Context()); idtokentest.Told(err) != says {
			t.Errorf("%d: %q, want %q", status, idtokentest.Told(err), says)
		}
		if _, err := w.exchange(t); idtokentest.Told(err) != says {
			t.Errorf("%d: %q, want %q", status, idtokentest.Told(err), says)
		}
		if _, err := w.oidc.Authorize(attempt); idtokentest.Told(err) != "temporary discovery" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Many at once share one look; one that failed is no last word.
func TestDiscovery_once(t *testing.T) {
	w := newWorld(t, nil)
	good := w.site.Doors[wellAt]
	w.site.Doors[wellAt] = idtokentest.Says(503, "")
	if err := w.oidc.Discover(t.Context()); idtokentest.Told(err) != "temporary 503" {
		t.Fatal(err)
	}
	w.site.Doors[wellAt] = good
	before := len(w.site.Seen)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := w.oidc.Discover(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(w.site.Seen) - before; n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Addresses that the operator gives are not discovered.
func TestGivenAddresses(t *testing.T) {
	w := newWorld(t, func(c *oidc.Config, _ map[string]any) {
		c.Authorize, c.Token, c.Keys = issuer+"/authorize?tenant=1", issuer+"/token", issuer+"/keys"
	})
	w.site.Doors[wellAt] = idtokentest.Says(500, "")
	got, err := w.oidc.Authorize(attempt)
	if err != nil || !strings.HasPrefix(got, issuer+"/authorize?tenant=1&client_id=") {
		t.Fatalf("%s %v", got, err)
	}
	w.swaps(t, nil)
	if _, err := w.exchange(t); err != nil {
		t.Error(err)
	}
}

func TestUserInfo(t *testing.T) {
	bare := map[string]any{"name": nil, "email": nil}
	for name, row := range map[string]struct {
		over   map[string]any
		status int
		body   string
		name   string
		says   string
	}{
		"not needed":    {nil, 200, `{"sub":"1000","name":"Other"}`, "Ana Example", ""},
		"asked":         {bare, 200, `{"sub":"1000","name":"Ana\u202e There","email":"x@y.test"}`, "Ana There", ""},
		"somebody else": {bare, 200, `{"sub":"1001","name":"Eve"}`, "", "untrusted userinfo_sub"},
		"nobody":        {bare, 200, `{"name":"Eve"}`, "", "untrusted userinfo_sub"},
		"down":          {bare, 503, ``, "", ""},
		"a page":        {bare, 200, `<html>`, "", ""},
	} {
		w := newWorld(t, nil)
		w.site.Doors[infoAt] = idtokentest.Says(row.status, row.body)
		w.swaps(t, row.over)
		who, err := w.exchange(t)
		if idtokentest.Told(err) != row.says || who.Name != row.name || who.EmailVerified {
			t.Errorf("%s: %+v %q, want %q", name, who, idtokentest.Told(err), row.says)
		}
	}
	w := newWorld(t, nil)
	w.site.Doors[infoAt] = idtokentest.Says(200, `{"sub":"1000"}`)
	w.swaps(t, bare)
	if _, err := w.exchange(t); err != nil || w.site.Last(t, infoAt).Header.Get("Authorization") != "Bearer at-EXAMPLE" {
		t.Errorf("%v", err)
	}
}

func TestRedeem(t *testing.T) {
	apps := func(c *oidc.Config, _ map[string]any) { c.AppIDs = []string{"app"} }
	for name, row := range map[string]struct {
		over map[string]any
		says string
	}{
		"for the app":  {map[string]any{"aud": "app"}, ""},
		"for the page": {nil, "untrusted aud"},
		"no nonce":     {map[string]any{"aud": "app", "nonce": nil}, "untrusted nonce"},
	} {
		w := newWorld(t, apps)
		if takes := w.oidc.Takes(); takes != (provider.Takes{Token: true}) {
			t.Errorf("%+v", takes)
		}
		if _, err := w.oidc.Redeem(t.Context(), provider.Handed{Token: w.token(t, row.over), Nonce: nonce}); idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", name, idtokentest.Told(err), row.says)
		}
	}
	w := newWorld(t, nil)
	if _, err := w.oidc.Redeem(t.Context(), provider.Handed{Token: w.token(t, nil), Nonce: nonce}); idtokentest.Told(err) != "malformed no_token" || w.oidc.Takes() != (provider.Takes{}) {
		t.Errorf("without apps: %v", err)
	}
}

// S-124: whatever the provider sends back, no error shows it.
func TestS124_ErrorsShowNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.site.Doors[tokenAt] = idtokentest.Echo(idtokentest.OAuthError)
	_, err := w.exchange(t)
	_, err2 := oidc.New(oidc.Config{ClientSecret: secret, Issuer: "https://u:" + secret + "@x.test"}, w.clock)
	idtokentest.Hides(t, []error{err, err2, w.oidc.CheckOnline(t.Context())}, secret, url.QueryEscape(secret), "c0de", "c2VsZi", attempt.Verifier, "login.example.test")
}

func TestChecks(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.oidc.CheckOffline(idtokentest.Start); err != nil || w.oidc.Name() != "works" || w.oidc.Title() != "Example Works" {
		t.Error(err)
	}
	for body, fine := range map[string]bool{`{"error":"invalid_grant"}`: true, `{"error":"invalid_client"}`: false} {
		w.site.Doors[tokenAt] = idtokentest.Says(http.StatusBadRequest, body)
		if err := w.oidc.CheckOnline(t.Context()); (err == nil) != fine {
			t.Errorf("%s: %v", body, err)
		}
	}
	odd, err := oidc.New(oidc.Config{Name: "odd", Issuer: "http://login.example.test", ClientID: "c"}, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := odd.CheckOffline(idtokentest.Start); err == nil {
		t.Error("http was taken")
	}
	if _, err := oidc.New(oidc.Config{Name: "Works!", Issuer: "x", Token: "y"}, w.clock); err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("%v", err)
	}
}
