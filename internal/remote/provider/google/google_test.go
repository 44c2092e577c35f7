package google_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/google"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const (
	web      = "111-example.apps.googleusercontent.com"
	android  = "222-example.apps.googleusercontent.com"
	secret   = "GOCSPX-EXAMPLE"
	sub      = "100000000000000000001"
	nonce    = idtokentest.Nonce
	hashed   = idtokentest.Hashed
	callback = "https://id.example.test/federation/google/callback"
	code     = "4/0AfJEXAMPLE-x/y"
	tokenAt  = "oauth2.googleapis.com/token"
)

type world struct {
	clock  *clock.Clock
	signer *idtokentest.Signer
	site   *idtokentest.Site
	google *google.Google
}

func newWorld(t testing.TB, change ...func(*google.Config)) *world {
	t.Helper()
	w := &world{clock: clock.At(idtokentest.Start), signer: idtokentest.New()}
	w.site = &idtokentest.Site{Doors: map[string]http.Handler{"www.googleapis.com/oauth2/v3/certs": w.signer}}
	c := google.Config{WebID: web, WebSecret: secret, AppIDs: []string{android}, Wire: provider.Wire{Transport: w.site}}
	for _, f := range change {
		f(&c)
	}
	var err error
	if w.google, err = google.New(c, w.clock); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) token(t testing.TB, over map[string]any) string {
	t.Helper()
	now := w.clock.Now()
	return w.signer.Sign(t, idtokentest.Claims(map[string]any{
		"iss": "https://accounts.google.com", "azp": web, "aud": web, "sub": sub, "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"at_hash": "KKTa0mVEwvBgMJC3xRIcmg", "name": "Ana Example", "email": "ana@gmail.com", "email_verified": true,
	}, over))
}

func (w *world) swaps(t testing.TB, over map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"access_token": "ya29.EXAMPLE", "expires_in": 3599, "refresh_token": "1//0EXAMPLE", "token_type": "Bearer", "id_token": w.token(t, over),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.site.Doors[tokenAt] = idtokentest.Says(http.StatusOK, string(body))
}

var attempt = idtokentest.Attempt(callback)

func (w *world) exchange(t testing.TB, fields ...string) (provider.Identity, error) {
	t.Helper()
	fields = append([]string{"scope", "email profile openid", "authuser", "0", "prompt", "none"}, fields...)
	return w.google.Exchange(t.Context(), attempt, idtokentest.Back(code, fields...))
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t, func(c *google.Config) { c.HostedDomain = "example.com" })
	at := attempt
	at.Again, at.Language = true, "zh-CN"
	got, err := w.google.Authorize(at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {web}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email profile"}, "state": {at.State}, "nonce": {nonce},
		// The pair of RFC 7636 appendix B.
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		"access_type": {"offline"}, "prompt": {"select_account"}, "hl": {"zh-CN"}, "hd": {"example.com"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" || u.Host+u.Path != "accounts.google.com/o/oauth2/v2/auth" {
		t.Errorf("%s\n%s", got, diff)
	}
}

func TestExchange(t *testing.T) {
	w := newWorld(t)
	w.swaps(t, nil)
	got, err := w.exchange(t, "iss", "https://accounts.google.com")
	if err != nil {
		t.Fatal(err)
	}
	want := provider.Identity{
		Subjects: []provider.Subject{{Scope: "global", Value: sub}}, Name: "Ana Example", Email: "ana@gmail.com", EmailVerified: true,
		Grant: provider.Grant{Token: "1//0EXAMPLE", Client: web},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantForm := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {web}, "client_secret": {secret}, "code_verifier": {attempt.Verifier},
	}
	if diff := cmp.Diff(wantForm, w.site.Last(t, tokenAt).PostForm); diff != "" {
		t.Error(diff)
	}
	w.swaps(t, nil)
	if _, err := w.exchange(t); err != nil || len(w.site.Seen) != 3 {
		t.Errorf("a second sign-in took %d requests with the first: %v", len(w.site.Seen), err)
	}
}

// S-44: an address is verified where Google delivers its mail or it is a Workspace's,
// and Google says so by the value true.
func TestS44_Verified(t *testing.T) {
	for _, row := range []struct {
		email, verified, hd any
		want                bool
	}{
		{"ana@gmail.com", true, nil, true},
		{"ana@GMAIL.com", true, nil, true},
		{"ana@example.test", true, "example.test", true},
		{"ana@example.test", true, nil, false},
		{"ana@example.test", true, "", false},
		{"ana@example.test", true, 17, false},
		{"ana@gmail.com", false, nil, false},
		{"ana@gmail.com", "true", nil, false},
		{"ana@gmail.com", 1, nil, false},
		{"ana@gmail.com", nil, nil, false},
		{"ana@example.test", "true", "example.test", false},
		{"ana@gmail.com.example.test", true, nil, false},
		{"ana@notgmail.com", true, nil, false},
		{"ana@evil.test@gmail.com", true, nil, false},
		{nil, true, "example.test", false},
	} {
		w := newWorld(t)
		w.swaps(t, map[string]any{"email": row.email, "email_verified": row.verified, "hd": row.hd})
		who, err := w.exchange(t)
		if err != nil || who.EmailVerified != row.want {
			t.Errorf("%v: %v %v", row, who.EmailVerified, err)
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
		{map[string]any{"iss": "accounts.google.com"}, nil, ""},
		{map[string]any{"iss": "https://accounts.google.com/"}, nil, "untrusted iss"},
		{map[string]any{"aud": android}, nil, "untrusted aud"}, // ours, but not of this code
		{map[string]any{"aud": "333-evil.apps.googleusercontent.com"}, nil, "untrusted aud"},
		{map[string]any{"azp": android}, nil, "untrusted azp"},
		{map[string]any{"nonce": "other"}, nil, "untrusted nonce"},
		{map[string]any{"nonce": hashed}, nil, "untrusted nonce"},
		{map[string]any{"nonce": nil}, nil, "untrusted nonce"},
		{map[string]any{"at_hash": "AAAA0mVEwvBgMJC3xRIcmg"}, nil, "untrusted at_hash"},
		{map[string]any{"at_hash": nil}, nil, ""},
		{map[string]any{"iat": idtokentest.Start.Unix() - 720}, nil, "expired iat"},
		{map[string]any{"sub": ""}, nil, "untrusted sub"},
		{nil, []string{"iss", "https://accounts.google.com.evil.test"}, "untrusted callback_iss"},
		{nil, []string{"iss", ""}, "untrusted callback_iss"},
		{nil, []string{"error", "access_denied"}, "malformed both"},
	} {
		w := newWorld(t)
		w.swaps(t, row.over)
		if _, err := w.exchange(t, row.fields...); idtokentest.Told(err) != row.says {
			t.Errorf("%v %v: %q, want %q", row.over, row.fields, idtokentest.Told(err), row.says)
		}
	}
}

func TestHostedDomain(t *testing.T) {
	for _, row := range []struct {
		hd   any
		says string
	}{
		{"example.com", ""}, {"Example.com", ""}, {"example.com.evil.test", "denied hosted_domain"}, {"evilexample.com", "denied hosted_domain"},
		{nil, "denied hosted_domain"}, {true, "denied hosted_domain"},
	} {
		w := newWorld(t, func(c *google.Config) { c.HostedDomain = "example.com" })
		w.swaps(t, map[string]any{"hd": row.hd, "email": "eve@example.com"})
		if _, err := w.exchange(t); idtokentest.Told(err) != row.says {
			t.Errorf("hd %v: %q, want %q", row.hd, idtokentest.Told(err), row.says)
		}
	}
}

func TestRedeem(t *testing.T) {
	for _, row := range []struct {
		name string
		over map[string]any
		says string
	}{
		{"Android", map[string]any{"azp": android, "at_hash": nil}, ""},
		{"iOS", map[string]any{"aud": android, "azp": android}, ""},
		{"without azp", map[string]any{"azp": nil}, ""},
		{"a hashed nonce", map[string]any{"nonce": hashed}, ""},
		{"an app of somebody else", map[string]any{"azp": "333-evil.apps.googleusercontent.com"}, "untrusted azp"},
		{"for somebody else", map[string]any{"aud": "333-evil.apps.googleusercontent.com"}, "untrusted aud"},
		{"another nonce", map[string]any{"nonce": "other"}, "untrusted nonce"},
		{"no nonce", map[string]any{"nonce": nil}, "untrusted nonce"},
		{"of 12 minutes ago", map[string]any{"iat": idtokentest.Start.Unix() - 720}, "expired iat"},
	} {
		w := newWorld(t)
		who, err := w.google.Redeem(t.Context(), provider.Handed{Token: w.token(t, row.over), Nonce: nonce})
		if idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", row.name, idtokentest.Told(err), row.says)
		}
		if err == nil && (who.Subjects[0].Value != sub || who.Grant != (provider.Grant{})) {
			t.Errorf("%s: %+v", row.name, who)
		}
	}
	w := newWorld(t)
	for name, h := range map[string]provider.Handed{
		"an access token": {Token: "ya29.EXAMPLE", Nonce: nonce}, "a code": {Code: code, Nonce: nonce}, "nothing": {Nonce: nonce},
	} {
		if _, err := w.google.Redeem(t.Context(), h); provider.ReasonOf(err) != provider.Malformed {
			t.Errorf("S-48: %s: %v", name, err)
		}
	}
	if len(w.site.Seen) > 0 {
		t.Error("somebody was asked about it")
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		status     int
		body, says string
	}{
		{400, `{"error":"invalid_grant","error_description":"Bad Request"}`, "invalid_code invalid_grant"},
		{400, `{"error":"invalid_grant","error_description":"Malformed auth code."}`, "invalid_code invalid_grant"},
		{400, `{"error":"redirect_uri_mismatch","error_description":"Bad Request"}`, "config redirect_uri_mismatch"},
		{401, `{"error":"invalid_client","error_description":"Unauthorized"}`, "config invalid_client"},
		{401, `{"error":"invalid_client","error_description":"The OAuth client was not found."}`, "config invalid_client"},
		{429, ``, "rate_limited 429"},
		{500, `<html>`, "temporary 500"},
	} {
		w := newWorld(t)
		w.site.Doors[tokenAt] = idtokentest.Says(row.status, row.body)
		if _, err := w.exchange(t); idtokentest.Told(err) != row.says || len(w.site.Seen) != 1 {
			t.Errorf("%s: %q, want %q; %d requests", row.body, idtokentest.Told(err), row.says, len(w.site.Seen))
		}
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	for body, row := range map[string]struct {
		status int
		says   string
	}{
		`{}`: {200, ""}, `{"error":"invalid_token"}`: {400, ""}, `{"error":"invalid_client"}`: {400, "config invalid_client"}, `down`: {503, "temporary 503"},
	} {
		w.site.Doors["oauth2.googleapis.com/revoke"] = idtokentest.Says(row.status, body)
		if err := w.google.Revoke(t.Context(), provider.Grant{Token: "1//0EXAMPLE"}); idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", body, idtokentest.Told(err), row.says)
		}
		if form := w.site.Last(t, "oauth2.googleapis.com/revoke").PostForm; form.Encode() != "token=1%2F%2F0EXAMPLE" {
			t.Errorf("%s", form.Encode())
		}
	}
	if err := w.google.Revoke(t.Context(), provider.Grant{}); idtokentest.Told(err) != "config grant" {
		t.Errorf("nothing to revoke: %v", err)
	}
}

// S-124: whatever Google sends back, no error shows it.
func TestS124_ErrorsShowNothing(t *testing.T) {
	w := newWorld(t)
	w.site.Doors[tokenAt] = idtokentest.Echo(idtokentest.OAuthError)
	_, err := w.exchange(t)
	_, err2 := w.google.Redeem(t.Context(), provider.Handed{Token: w.token(t, map[string]any{"aud": "x"}), Nonce: nonce})
	_, err3 := google.New(google.Config{WebSecret: secret, Token: "https://u:" + secret + "@x.test"}, w.clock)
	idtokentest.Hides(t, []error{err, err2, err3, w.google.CheckOnline(t.Context())}, secret, code, "4/0", attempt.Verifier, nonce, sub, "ana@", "eyJ", "googleapis")
}

func TestChecks(t *testing.T) {
	w := newWorld(t)
	if err := w.google.CheckOffline(idtokentest.Start); err != nil {
		t.Error(err)
	}
	odd := newWorld(t, func(c *google.Config) {
		c.AppIDs, c.HostedDomain, c.Token = []string{"android"}, "@example.com", "http://token.example.test"
	})
	if err := odd.google.CheckOffline(idtokentest.Start); err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v", err)
	}
	for body, fine := range map[string]bool{`{"error":"invalid_grant"}`: true, `{"error":"redirect_uri_mismatch"}`: true, `{"error":"invalid_client"}`: false} {
		w.site.Doors[tokenAt] = idtokentest.Says(http.StatusBadRequest, body)
		if err := w.google.CheckOnline(t.Context()); (err == nil) != fine {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := google.New(google.Config{Keys: "x", RISCKeys: "y"}, w.clock); err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v", err)
	}
}

// S-47: the key changes between two sign-ins.
func TestS47_RotationMidFlow(t *testing.T) {
	w := newWorld(t)
	idtokentest.Rotates(t, w.signer, func() error {
		w.swaps(t, nil)
		_, err := w.exchange(t)
		return err
	})
}
