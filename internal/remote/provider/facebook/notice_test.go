package facebook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/facebook"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

// known is a signed request of secret that other tools computed; its time is 1700000000.
const known = "eaOIcE2Uo-nZZ8nTYI1B3bQ9Pal3QNDHyy-U1YccUtM.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTcwMDAwMDAwMCwidXNlcl9pZCI6IjEwMTUwMDAwMDAwMDAwMDAwIn0"

var knownAt = time.Unix(1700000000, 0).UTC()

func message(about, signed string, now time.Time) provider.Message {
	return provider.Message{
		Method: http.MethodPost, Query: url.Values{"about": {about}}, Body: []byte(url.Values{"signed_request": {signed}}.Encode()), Now: now,
	}
}

// sign makes a signed request; encode is the spelling of both parts.
func sign(payload, key string, encode *base64.Encoding) string {
	text := encode.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return encode.EncodeToString(mac.Sum(nil)) + "." + text
}

func TestReceive(t *testing.T) {
	w := newWorld(t)
	got, err := w.facebook.Receive(t.Context(), message("deauthorize", known, knownAt))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(`{"algorithm":"HMAC-SHA256","issued_at":1700000000,"user_id":"10150000000000000"}`))
	want := provider.Received{Notices: []provider.Notice{{
		ID: fmt.Sprintf("revoked/%x", sum), Kind: provider.Revoked, At: knownAt, Raw: "deauthorize",
		Subjects: []provider.Subject{{Scope: "app:" + appID, Value: person}},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = w.facebook.Receive(t.Context(), message("deletion", known, knownAt))
	if err != nil || !got.Delete || got.Notices[0].Kind != provider.DataDeletion || got.Notices[0].ID == want.Notices[0].ID {
		t.Errorf("%+v %v", got, err)
	}
}

// S-87, S-150: each part of a signed request spoiled by itself; spellings that mean the
// same are one message.
func TestS87_SignedRequestSpoiled(t *testing.T) {
	payload := func(more string) string {
		return fmt.Sprintf(`{"algorithm":"HMAC-SHA256","issued_at":%d,"user_id":"%s"%s}`, idtokentest.Start.Unix(), person, more)
	}
	raw := base64.RawURLEncoding
	good := sign(payload(""), secret, raw)
	first, second, _ := strings.Cut(good, ".")
	at := func(d time.Duration) string {
		return sign(fmt.Sprintf(`{"algorithm":"HMAC-SHA256","issued_at":%d,"user_id":"%s"}`, idtokentest.Start.Add(d).Unix(), person), secret, raw)
	}
	with := func(text string) string { return sign(text, secret, raw) }
	for name, row := range map[string][2]string{
		"good":                    {good, ""},
		"padded":                  {sign(payload(`,"x":1`), secret, base64.URLEncoding), ""},
		"signature padded":        {first + "=." + second, ""},
		"number as ID":            {with(fmt.Sprintf(`{"algorithm":"HMAC-SHA256","issued_at":"%d","user_id":%s}`, idtokentest.Start.Unix(), person)), ""},
		"with an end":             {with(payload(`,"expires":1700003600`)), ""},
		"another secret":          {sign(payload(""), "another", raw), "untrusted signature"},
		"no secret":               {sign(payload(""), "", raw), "untrusted signature"},
		"another payload":         {first + "." + raw.EncodeToString([]byte(payload(" "))), "untrusted signature"},
		"padding after signing":   {good + "=", "untrusted signature"},
		"no signature":            {"." + second, "untrusted signature"},
		"half of a signature":     {first[:20] + "." + second, "untrusted signature"},
		"three parts":             {good + ".x", "malformed signed_request"},
		"one part":                {second, "malformed signed_request"},
		"no base64":               {"***." + second, "malformed signed_request"},
		"another algorithm":       {with(strings.Replace(payload(""), "HMAC-SHA256", "none", 1)), "untrusted algorithm"},
		"algorithm in small":      {with(strings.Replace(payload(""), "HMAC-SHA256", "hmac-sha256", 1)), "untrusted algorithm"},
		"no algorithm":            {with(strings.Replace(payload(""), "algorithm", "alg", 1)), "untrusted algorithm"},
		"no JSON":                 {with("hello"), "malformed no_object"},
		"no ID":                   {with(strings.Replace(payload(""), "user_id", "user", 1)), "malformed payload"},
		"ID of letters":           {with(strings.Replace(payload(""), person, "me/permissions", 1)), "malformed payload"},
		"no time":                 {with(strings.Replace(payload(""), "issued_at", "x", 1)), "malformed payload"},
		"of 24 hours ago":         {at(-24 * time.Hour), ""},
		"of 24 hours and 1 s ago": {at(-24*time.Hour - time.Second), "untrusted issued_at"},
		"in a minute":             {at(time.Minute), ""},
		"in an hour":              {at(time.Hour), "untrusted issued_at"},
		"empty":                   {"", "malformed signed_request"},
	} {
		w := newWorld(t)
		got, err := w.facebook.Receive(t.Context(), message("deauthorize", row[0], idtokentest.Start))
		if idtokentest.Told(err) != row[1] {
			t.Errorf("%s: %q, want %q", name, idtokentest.Told(err), row[1])
		}
		if err == nil && got.Notices[0].Subjects[0].Value != person {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestReceive_spellingsAreOneMessage(t *testing.T) {
	w := newWorld(t)
	payload := fmt.Sprintf(`{"algorithm":"HMAC-SHA256","issued_at":%d,"user_id":"%s","x":1}`, idtokentest.Start.Unix(), person)
	var ids []string
	for _, encode := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding} {
		got, err := w.facebook.Receive(t.Context(), message("deauthorize", sign(payload, secret, encode), idtokentest.Start))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got.Notices[0].ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("%q", ids)
	}
}

func TestReceive_otherRequests(t *testing.T) {
	w := newWorld(t)
	byGet := message("deauthorize", known, knownAt)
	byGet.Method = http.MethodGet
	twice := message("deauthorize", known, knownAt)
	twice.Body = []byte("signed_request=" + known + "&signed_request=" + known)
	for name, m := range map[string]provider.Message{
		"by GET": byGet, "twice": twice, "about nothing": message("", known, knownAt), "about something": message("login", known, knownAt),
		"no field": {Method: http.MethodPost, Query: url.Values{"about": {"deletion"}}, Body: []byte("x=1"), Now: knownAt},
		"no form":  {Method: http.MethodPost, Query: url.Values{"about": {"deletion"}}, Body: []byte("%zz"), Now: knownAt},
	} {
		if _, err := w.facebook.Receive(t.Context(), m); provider.ReasonOf(err) != provider.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSignedRequest: nothing counts but what the secret signed, and what it signed is
// read or refused.
func FuzzSignedRequest(f *testing.F) {
	site := config(nil)
	made, err := facebook.New(site, clock.At(idtokentest.Start))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(known, `{"algorithm":"HMAC-SHA256","issued_at":1700000000,"user_id":"1"}`, "signed_request=x")
	f.Add("..", `{"user_id":{}}`, "%")
	f.Fuzz(func(t *testing.T, anybody, payload, body string) {
		if _, err := made.Receive(t.Context(), message("deletion", anybody, idtokentest.Start)); err == nil {
			t.Errorf("%q was taken", anybody) // known is too old at idtokentest.Start
		}
		got, err := made.Receive(t.Context(), message("deletion", sign(payload, secret, base64.RawURLEncoding), knownAt))
		if err == nil && (len(got.Notices) != 1 || !provider.CheckSubject(got.Notices[0].Subjects[0].Value)) {
			t.Errorf("%+v", got)
		}
		if _, err := made.Receive(t.Context(), provider.Message{Method: http.MethodPost, Query: url.Values{"about": {"deletion"}}, Body: []byte(body), Now: idtokentest.Start}); err == nil {
			t.Errorf("%q was taken", body)
		}
	})
}
