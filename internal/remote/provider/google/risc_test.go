package google_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/google"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const (
	risc  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth = "https://schemas.openid.net/secevent/oauth/event-type/"
)

func about(over map[string]any) map[string]any {
	return map[string]any{"subject": idtokentest.Claims(map[string]any{"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": sub}, over)}
}

func (w *world) message(t testing.TB, events any, over map[string]any) provider.Message {
	t.Helper()
	token := w.signer.Sign(t, idtokentest.Claims(map[string]any{
		"iss": "https://accounts.google.com/", "aud": web, "iat": w.clock.Now().Unix(), "jti": "EXAMPLEJTI", "events": events,
	}, over), "typ", "secevent+jwt")
	return provider.Message{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/secevent+jwt"}}, Body: []byte(token), Now: w.clock.Now()}
}

func TestReceive(t *testing.T) {
	who := []provider.Subject{{Scope: "global", Value: sub}}
	why := func(reason string) map[string]any {
		return idtokentest.Claims(about(nil), map[string]any{"reason": reason})
	}
	for kind, row := range map[string]struct {
		event any
		want  []provider.Notice
	}{
		risc + "sessions-revoked":                   {about(nil), []provider.Notice{{Kind: provider.SessionsRevoked, Subjects: who, Raw: "sessions-revoked"}}},
		oauth + "tokens-revoked":                    {about(map[string]any{"subject_type": "iss_sub"}), []provider.Notice{{Kind: provider.SessionsRevoked, Subjects: who, Raw: "tokens-revoked"}}},
		oauth + "token-revoked":                     {map[string]any{"subject": map[string]any{"subject_type": "oauth_token", "token": "x"}}, []provider.Notice{{Kind: provider.Unknown, Raw: "token-revoked"}}},
		risc + "account-disabled":                   {why("hijacking"), []provider.Notice{{Kind: provider.Hijacked, Subjects: who, Raw: "account-disabled/hijacking"}}},
		risc + "account-enabled":                    {about(map[string]any{"iss": "https://accounts.google.com"}), []provider.Notice{{Kind: provider.Enabled, Subjects: who, Raw: "account-enabled"}}},
		risc + "account-credential-change-required": {about(nil), []provider.Notice{{Kind: provider.AtRisk, Subjects: who, Raw: "account-credential-change-required"}}},
		risc + "account-purged":                     {about(nil), []provider.Notice{{Kind: provider.Deleted, Subjects: who, Raw: "account-purged"}}},
		risc + "verification":                       {map[string]any{"state": "s"}, []provider.Notice{{Kind: provider.Verification, Raw: "verification"}}},
		"https://example.test/new":                  {about(nil), []provider.Notice{{Kind: provider.Unknown, Raw: "other"}}},
	} {
		w := newWorld(t)
		got, err := w.google.Receive(t.Context(), w.message(t, map[string]any{kind: row.event}, nil))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		row.want[0].ID, row.want[0].At = "EXAMPLEJTI", idtokentest.Start
		if diff := cmp.Diff(provider.Received{Notices: row.want, Reply: &provider.Reply{Status: http.StatusAccepted}}, got); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	w := newWorld(t)
	for _, reason := range []string{"", "bulk-account"} {
		got, err := w.google.Receive(t.Context(), w.message(t, map[string]any{risc + "account-disabled": why(reason)}, nil))
		if err != nil || got.Notices[0].Kind != provider.Disabled {
			t.Errorf("disabled for %q: %+v %v", reason, got, err)
		}
	}
	both := map[string]any{risc + "sessions-revoked": about(nil), risc + "account-disabled": about(nil)}
	got, err := w.google.Receive(t.Context(), w.message(t, both, nil))
	if err != nil || len(got.Notices) != 2 || got.Notices[0].ID == got.Notices[1].ID {
		t.Errorf("two events: %+v %v", got, err)
	}
}

// S-87, S-150, S-170: each check of a security event spoiled by itself. Events are of
// the past: exp does not count, iat does.
func TestS87_EventSpoiled(t *testing.T) {
	now := idtokentest.Start.Unix()
	day := int64(86400)
	for name, row := range map[string]struct {
		over map[string]any
		says string
	}{
		"ended":              {map[string]any{"exp": now - 3600}, ""},
		"of three days ago":  {map[string]any{"iat": now - 3*day}, ""},
		"of eight days ago":  {map[string]any{"iat": now - 8*day}, "untrusted iat"},
		"of tomorrow":        {map[string]any{"iat": now + day}, "untrusted iat"},
		"without a time":     {map[string]any{"iat": nil}, "malformed times"},
		"for an app":         {map[string]any{"aud": []string{android}}, ""},
		"for somebody else":  {map[string]any{"aud": "333-evil.apps.googleusercontent.com"}, "untrusted aud"},
		"the tokens' issuer": {map[string]any{"iss": "https://accounts.google.com"}, "untrusted iss"},
		"another issuer":     {map[string]any{"iss": "https://evil.example.test/"}, "untrusted iss"},
		"no jti":             {map[string]any{"jti": nil}, "malformed jti"},
		"no events":          {map[string]any{"events": nil}, "malformed events"},
		"empty events":       {map[string]any{"events": map[string]any{}}, "malformed events"},
		"events as text":     {map[string]any{"events": "x"}, "malformed events"},
		"an event as text":   {map[string]any{"events": map[string]any{risc + "sessions-revoked": "x"}}, "malformed event"},
		"another's subject":  {map[string]any{"events": map[string]any{risc + "sessions-revoked": about(map[string]any{"iss": "https://evil.test"})}}, "malformed subject"},
		"no subject":         {map[string]any{"events": map[string]any{risc + "sessions-revoked": map[string]any{}}}, "malformed subject"},
		"by e-mail":          {map[string]any{"events": map[string]any{risc + "account-disabled": about(map[string]any{"subject_type": "email", "email": "ana@gmail.com"})}}, "malformed subject"},
	} {
		w := newWorld(t)
		if _, err := w.google.Receive(t.Context(), w.message(t, map[string]any{risc + "sessions-revoked": about(nil)}, row.over)); idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", name, idtokentest.Told(err), row.says)
		}
	}
	w := newWorld(t)
	forged := idtokentest.New()
	forged.Use("first", idtokentest.RSA(1))
	m := (&world{clock: w.clock, signer: forged}).message(t, map[string]any{risc + "sessions-revoked": about(nil)}, nil)
	if _, err := w.google.Receive(t.Context(), m); idtokentest.Told(err) != "untrusted signature" {
		t.Errorf("forged: %q", idtokentest.Told(err))
	}
	m = w.message(t, map[string]any{risc + "sessions-revoked": about(nil)}, nil)
	m.Method = http.MethodGet
	if _, err := w.google.Receive(t.Context(), m); idtokentest.Told(err) != "malformed method" {
		t.Errorf("by GET: %q", idtokentest.Told(err))
	}
	m = provider.Message{Method: http.MethodPost, Body: []byte(w.token(t, nil)), Now: idtokentest.Start}
	if _, err := w.google.Receive(t.Context(), m); idtokentest.Told(err) != "untrusted iss" {
		t.Errorf("an ID token: %q", idtokentest.Told(err))
	}
}

// Events are signed by keys of their own where the configuration says so.
func TestReceive_ownKeys(t *testing.T) {
	w := newWorld(t, func(c *google.Config) { c.RISCKeys = "https://risc.example.test/keys" })
	other := idtokentest.New()
	other.Use("risc", idtokentest.RSA(1))
	other.Publish()
	w.site.Doors["risc.example.test/keys"] = other
	events := map[string]any{risc + "verification": map[string]any{"state": "s"}}
	if _, err := w.google.Receive(t.Context(), w.message(t, events, nil)); idtokentest.Told(err) != "untrusted unknown_key" {
		t.Errorf("the keys of ID tokens: %q", idtokentest.Told(err))
	}
	w.clock.Advance(time.Minute)
	if _, err := w.google.Receive(t.Context(), (&world{clock: w.clock, signer: other}).message(t, events, nil)); err != nil {
		t.Error(err)
	}
}

// FuzzReceive: whatever is signed as events, and whatever anybody sends, is read or
// refused.
func FuzzReceive(f *testing.F) {
	w := newWorld(f)
	f.Add(risc+"sessions-revoked", "iss-sub", "https://accounts.google.com/", sub, []byte("a.b.c"))
	f.Add("", "", "", "", []byte{})
	f.Fuzz(func(t *testing.T, kind, format, issuer, subject string, body []byte) {
		events := map[string]any{kind: map[string]any{"subject": map[string]any{"subject_type": format, "iss": issuer, "sub": subject}}}
		got, err := w.google.Receive(t.Context(), w.message(t, events, nil))
		if err == nil && (len(got.Notices) != 1 || got.Notices[0].ID == "") {
			t.Errorf("%+v", got)
		}
		if _, err := w.google.Receive(t.Context(), provider.Message{Method: http.MethodPost, Body: body, Now: idtokentest.Start}); err == nil {
			t.Error("a body that nobody signed")
		}
	})
}
