package apple_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

const eventText = `{"type":"consent-revoked","sub":"` + sub + `","event_time":1795341540000}`

func (w *world) notice(t testing.TB, events any, over map[string]any) provider.Message {
	t.Helper()
	now := w.clock.Now()
	payload := w.signer.Sign(t, idtokentest.Claims(map[string]any{
		"iss": "https://appleid.apple.com", "aud": "com.example.app", "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
		"jti": "jti-1", "events": events,
	}, over))
	body, err := json.Marshal(map[string]string{"payload": payload})
	if err != nil {
		t.Fatal(err)
	}
	return provider.Message{Method: http.MethodPost, Body: body, Now: now}
}

func TestReceive(t *testing.T) {
	var object map[string]any
	if err := json.Unmarshal([]byte(eventText), &object); err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1795341540000).UTC()
	subjects := []provider.Subject{{Scope: "team:ABCDE12345", Value: sub}}
	event := func(kind string) map[string]any { return idtokentest.Claims(object, map[string]any{"type": kind}) }
	for _, row := range []struct {
		name   string
		events any
		want   provider.Notice
	}{
		{"as text", eventText, provider.Notice{Kind: provider.Revoked, Subjects: subjects, At: at, Raw: "consent-revoked"}},
		{"as an object", object, provider.Notice{Kind: provider.Revoked, Subjects: subjects, At: at, Raw: "consent-revoked"}},
		{"mail off", event("email-disabled"), provider.Notice{Kind: provider.MailOff, Subjects: subjects, At: at, Raw: "email-disabled"}},
		{"mail on", event("email-enabled"), provider.Notice{Kind: provider.MailOn, Subjects: subjects, At: at, Raw: "email-enabled"}},
		{"gone", event("account-delete"), provider.Notice{Kind: provider.Deleted, Subjects: subjects, At: at, Raw: "account-delete"}},
		{"gone, as printed", event("account-deleted"), provider.Notice{Kind: provider.Deleted, Subjects: subjects, At: at, Raw: "account-deleted"}},
		{"unknown", event("account-created"), provider.Notice{Kind: provider.Unknown, Subjects: subjects, At: at, Raw: "account-created"}},
		{"unknown, about nobody", map[string]any{"type": "New\nThing"}, provider.Notice{Kind: provider.Unknown, At: idtokentest.Start, Raw: "ewhing"}},
		{"time as text", idtokentest.Claims(object, map[string]any{"event_time": "1795341540000"}), provider.Notice{Kind: provider.Revoked, Subjects: subjects, At: at, Raw: "consent-revoked"}},
		{"a time to come", idtokentest.Claims(object, map[string]any{"event_time": int64(1) << 60}), provider.Notice{Kind: provider.Revoked, Subjects: subjects, At: idtokentest.Start, Raw: "consent-revoked"}},
		{"no time", idtokentest.Claims(object, map[string]any{"event_time": nil}), provider.Notice{Kind: provider.Revoked, Subjects: subjects, At: idtokentest.Start, Raw: "consent-revoked"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.apple.Receive(t.Context(), w.notice(t, row.events, nil))
			if err != nil {
				t.Fatal(err)
			}
			row.want.ID = "jti-1"
			if diff := cmp.Diff(provider.Received{Notices: []provider.Notice{row.want}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// S-87, S-150, S-170: each check of a notification spoiled by itself.
func TestS87_NoticeSpoiled(t *testing.T) {
	for name, row := range map[string]struct {
		over map[string]any
		says string
	}{
		"another app":   {map[string]any{"aud": "com.evil.app"}, "untrusted aud"},
		"the page":      {map[string]any{"aud": "com.example.web"}, ""},
		"a list":        {map[string]any{"aud": []string{"com.example.tv"}}, ""},
		"another maker": {map[string]any{"iss": "https://evil.example.test"}, "untrusted iss"},
		"expired":       {map[string]any{"exp": idtokentest.Start.Unix() - 61}, "untrusted exp"},
		"no end":        {map[string]any{"exp": nil}, "malformed times"},
		"two days old":  {map[string]any{"iat": idtokentest.Start.Unix() - 2*86400}, "untrusted iat"},
		"of tomorrow":   {map[string]any{"iat": idtokentest.Start.Unix() + 86400}, "untrusted iat"},
		"no jti":        {map[string]any{"jti": nil}, "malformed jti"},
		"no events":     {map[string]any{"events": nil}, "malformed events"},
		"events as 17":  {map[string]any{"events": 17}, "malformed events"},
		"twice in text": {map[string]any{"events": `"{}"`}, "malformed events"},
		"about nobody":  {map[string]any{"events": `{"type":"account-delete"}`}, "malformed sub"},
	} {
		w := newWorld(t)
		if _, err := w.apple.Receive(t.Context(), w.notice(t, eventText, row.over)); idtokentest.Told(err) != row.says {
			t.Errorf("%s: %q, want %q", name, idtokentest.Told(err), row.says)
		}
	}
	w := newWorld(t)
	forged := idtokentest.New()
	forged.Use("first", idtokentest.RSA(1))
	w2 := &world{clock: w.clock, signer: forged}
	if _, err := w.apple.Receive(t.Context(), w2.notice(t, eventText, nil)); idtokentest.Told(err) != "untrusted signature" {
		t.Errorf("forged: %q", idtokentest.Told(err))
	}
	idToken, err := json.Marshal(map[string]string{"payload": w.token(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	good := w.notice(t, eventText, nil)
	for name, m := range map[string]provider.Message{
		"an ID token": {Method: http.MethodPost, Body: idToken, Now: idtokentest.Start},
		"by GET":      {Method: http.MethodGet, Body: good.Body, Now: idtokentest.Start},
		"nothing":     {Method: http.MethodPost, Now: idtokentest.Start},
		"no payload":  {Method: http.MethodPost, Body: []byte(`{}`), Now: idtokentest.Start},
	} {
		_, err := w.apple.Receive(t.Context(), m)
		if f, ok := errors.AsType[*provider.Failure](err); !ok || f.Reason != provider.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A notification signs nobody in.
	var body struct{ Payload string }
	if err := json.Unmarshal(w.notice(t, eventText, map[string]any{"sub": sub, "nonce": nonce}).Body, &body); err != nil {
		t.Fatal(err)
	}
	if _, err := w.apple.Redeem(t.Context(), provider.Handed{Token: body.Payload, Nonce: nonce}); idtokentest.Told(err) != "untrusted typ" {
		t.Errorf("as an ID token: %v", err)
	}
}

// FuzzReceive: whatever Apple signs as events, and whatever anybody sends, is read or
// refused.
func FuzzReceive(f *testing.F) {
	w := newWorld(f)
	f.Add(eventText, []byte(`{"payload":"a.b.c"}`))
	f.Add(`{"type":17,"sub":{}}`, []byte(`{"payload":`))
	f.Fuzz(func(t *testing.T, events string, body []byte) {
		got, err := w.apple.Receive(t.Context(), w.notice(t, events, nil))
		if err == nil && (len(got.Notices) != 1 || got.Notices[0].ID != "jti-1" || got.Notices[0].Kind != provider.Unknown && len(got.Notices[0].Subjects) != 1) {
			t.Errorf("%+v", got)
		}
		if _, err := w.apple.Receive(t.Context(), provider.Message{Method: http.MethodPost, Body: body, Now: idtokentest.Start}); err == nil {
			t.Error("a body that nobody signed")
		}
	})
}
