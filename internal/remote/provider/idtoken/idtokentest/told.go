package idtokentest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Start is when the clock of a test stands.
var Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const (
	// Nonce is ours, and Hashed its SHA-256 in hex.
	Nonce  = "nonce-from-server-0001"
	Hashed = "df06efb4477d448a17b3bd8ece9917ed53c0ab23df3ebbaa0d5962145fcaebc3"
)

// Attempt is a visit by a page with Nonce and the verifier of RFC 7636 appendix B.
func Attempt(callback string) provider.Attempt {
	return provider.Attempt{
		State: strings.Repeat("s", 64), Nonce: Nonce, Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", Callback: callback, Surface: provider.Page,
	}
}

// Back is what comes back to the callback of an Attempt: a code and fields, names and
// values in turn.
func Back(code string, fields ...string) url.Values {
	answer := url.Values{"code": {code}, "state": {Attempt("").State}}
	for i := 0; i+1 < len(fields); i += 2 {
		answer.Set(fields[i], fields[i+1])
	}
	return answer
}

// Told is the reason and the vendor's word of a Failure; "" for no error.
func Told(err error) string {
	if f, ok := errors.AsType[*provider.Failure](err); ok {
		return string(f.Reason) + " " + f.Native
	}
	if err != nil {
		return "no Failure: " + err.Error()
	}
	return ""
}

// Echo refuses with all that it was sent, in the vendor's own shape.
func Echo(shape func(text string) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		text := strings.Join(slices.Concat(slices.Collect(maps.Values(r.Form))...), " ") + r.Header.Get("Authorization")
		_ = json.NewEncoder(w).Encode(shape(text)) // into memory
	})
}

// OAuthError is the shape of an error of RFC 6749, 5.2, with one more member.
func OAuthError(text string) any {
	return map[string]string{"error": text, "error_description": text, text: text}
}

// Hides checks S-124: each of errs is an error, and shows nothing of hidden.
func Hides(t testing.TB, errs []error, hidden ...string) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			t.Fatal("it went well")
		}
		for _, h := range hidden {
			if strings.Contains(err.Error(), h) {
				t.Errorf("S-124: %q shows %q", err, h)
			}
		}
	}
}

// Rotates checks S-47: the key changes between two sign-ins, and both go well.
func Rotates(t testing.TB, s *Signer, signIn func() error) {
	t.Helper()
	if err := signIn(); err != nil {
		t.Fatal(err)
	}
	s.Use("second", RSA(1))
	s.Publish()
	if err := signIn(); err != nil {
		t.Errorf("S-47: after the key changed: %v", err)
	}
}
