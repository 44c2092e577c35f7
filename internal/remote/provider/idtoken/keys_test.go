package idtoken_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

func (w *world) verify(t *testing.T) string {
	t.Helper()
	_, err := w.v.IDToken(t.Context(), w.signer.Sign(t, w.claims(nil)), want)
	return idtokentest.Told(err)
}

func (w *world) expect(t *testing.T, what, says string, asked int) {
	t.Helper()
	if got := w.verify(t); got != says {
		t.Errorf("%s: %q, want %q", what, got, says)
	}
	if n := w.signer.Asked(); n != asked {
		t.Errorf("%s: the keys were asked for %d times, want %d", what, n, asked)
	}
}

// S-47: a key that is new since we asked works at once; key IDs that nobody published
// make us ask once a minute and no more.
func TestS47_Rotation(t *testing.T) {
	w := newWorld()
	w.expect(t, "the first", "", 1)
	w.signer.Use("second", idtokentest.RSA(1))
	w.signer.Publish()
	w.expect(t, "rotated while people are on their way", "", 2)
	w.signer.Use("first", idtokentest.RSA(0))
	w.expect(t, "a key that was taken back", "untrusted unknown_key", 2)
	for i := range 30 {
		w.signer.Use("made-up-"+strconv.Itoa(i), idtokentest.RSA(2))
		w.expect(t, "a made-up ID", "untrusted unknown_key", 2)
	}
	w.clock.Advance(time.Minute)
	w.expect(t, "a made-up ID a minute later", "untrusted unknown_key", 3)
	w.expect(t, "again", "untrusted unknown_key", 3)
	w.signer.Use("second", idtokentest.RSA(1))
	w.expect(t, "the published one", "", 3)
}

// A made-up ID at the very idtokentest.Start costs one look, not two.
func TestS47_UnknownAtTheStart(t *testing.T) {
	w := newWorld()
	w.signer.Use("made-up", idtokentest.RSA(2))
	w.expect(t, "the first", "untrusted unknown_key", 1)
	w.expect(t, "the second", "untrusted unknown_key", 1)
}

func TestKeys_keptAsLongAsTheVendorSays(t *testing.T) {
	for says, keep := range map[string]time.Duration{
		"":                             time.Hour,
		"public, max-age=7200":         2 * time.Hour,
		"max-age=1":                    5 * time.Minute,
		"max-age=0, must-revalidate":   5 * time.Minute,
		"no-store":                     5 * time.Minute,
		"private, max-age=99999999":    24 * time.Hour,
		"max-age=-1":                   5 * time.Minute,
		"max-age=99999999999999999999": 5 * time.Minute,
		"immutable":                    time.Hour,
	} {
		w := newWorld()
		w.signer.CacheControl = says
		w.expect(t, says, "", 1)
		w.clock.Advance(keep - time.Second)
		w.expect(t, says+" before", "", 1)
		w.clock.Advance(time.Second)
		w.expect(t, says+" after", "", 2)
	}
}

// S-54: while the vendor does not answer, its keys go on for some hours, with few
// questions; never longer.
func TestS54_KeysWhileTheVendorIsDown(t *testing.T) {
	w := newWorld()
	w.expect(t, "the first", "", 1)
	w.signer.Set(true)
	w.clock.Advance(time.Hour)
	w.expect(t, "down", "", 2)
	w.expect(t, "down, asked just now", "", 2)
	w.clock.Advance(30 * time.Second)
	w.expect(t, "down, half a minute later", "", 3)
	w.clock.Advance(6 * time.Hour)
	w.expect(t, "down for hours", "temporary 503", 4)
	w.signer.Set(false)
	w.expect(t, "up again", "", 5)
}

func TestKeys_notThereAtTheStart(t *testing.T) {
	w := newWorld()
	w.signer.Set(true)
	w.expect(t, "down", "temporary 503", 1)
	w.signer.Set(false)
	w.expect(t, "up", "", 2)
}

// What a key set may hold beside good keys, and what makes none of it.
func TestKeys_sets(t *testing.T) {
	jwk := func(key any, id, use string) string {
		text, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: id, Use: use})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := jwk(idtokentest.RSA(0).Public(), "first", "")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ body, says string }{
		"alone":                 {`{"keys":[` + good + `]}`, ""},
		"beside unknown kinds":  {`{"keys":[{"kty":"AKP","kid":"x"},{"kty":"oct","kid":"first","k":"AAAA"},17,` + good + `]}`, ""},
		"with more in it":       {`{"more":1,"keys":[` + good + `]}`, ""},
		"for encryption":        {`{"keys":[` + jwk(idtokentest.RSA(0).Public(), "first", "enc") + `]}`, "malformed keys"},
		"without an ID":         {`{"keys":[` + jwk(idtokentest.RSA(0).Public(), "", "") + `]}`, "malformed keys"},
		"a weak one":            {`{"keys":[` + jwk(short.Public(), "first", "") + `]}`, "malformed keys"},
		"private":               {`{"keys":[` + jwk(idtokentest.RSA(0), "first", "") + `]}`, "malformed keys"},
		"two of one ID":         {`{"keys":[` + jwk(idtokentest.RSA(1).Public(), "first", "") + `,` + good + `]}`, ""},
		"for another algorithm": {`{"keys":[` + good[:len(good)-1] + `,"alg":"RS512"}]}`, "untrusted signature"},
		"none":                  {`{"keys":[]}`, "malformed keys"},
		"nothing":               {``, "malformed no_object"},
		"a page":                {`<html>`, "malformed no_object"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			site := &idtokentest.Site{Doors: map[string]http.Handler{keysAt: idtokentest.Says(http.StatusOK, row.body)}}
			w.v.Keys = idtoken.NewKeys("https://"+keysAt, provider.Wire{Transport: site}, w.clock)
			if got := w.verify(t); got != row.says {
				t.Errorf("%q, want %q", got, row.says)
			}
		})
	}
}

func TestKeys_statusIsNoAnswer(t *testing.T) {
	for status, says := range map[int]string{404: "config keys", 429: "rate_limited 429", 500: "temporary 500", 302: "malformed 302"} {
		site := &idtokentest.Site{Doors: map[string]http.Handler{keysAt: idtokentest.Says(status, `{}`)}}
		err := idtoken.NewKeys("https://"+keysAt, provider.Wire{Transport: site}, clock.At(idtokentest.Start)).Fetch(t.Context())
		if got := idtokentest.Told(err); got != says {
			t.Errorf("%d: %q, want %q", status, got, says)
		}
	}
}
