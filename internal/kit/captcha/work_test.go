package captcha

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// solve does what the widget's worker does, and counts.
func solve(t *testing.T, c Challenge) payload {
	t.Helper()
	nonce, err1 := hex.DecodeString(c.Parameters.Nonce)
	salt, err2 := hex.DecodeString(c.Parameters.Salt)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for counter := range uint32(1000) {
		found, err := derive(nonce, salt, counter)
		if err != nil {
			t.Fatal(err)
		}
		if key := hex.EncodeToString(found); strings.HasPrefix(key, c.Parameters.KeyPrefix) {
			p := payload{Challenge: c}
			p.Solution.Counter, p.Solution.DerivedKey = counter, key
			return p
		}
	}
	t.Fatal("no solution")
	return payload{}
}

func pack(t *testing.T, p any) string {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func newTestWork(t *testing.T, binding string, difficulty int) Challenge {
	t.Helper()
	c, err := NewWork(testKey, binding, difficulty, testNow.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewWorkSpeaksTheProtocol(t *testing.T) {
	c := newTestWork(t, "journey 1", 50)
	b, err := json.Marshal(c.Parameters)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nonce", "salt", "keyPrefix"} {
		if v, _ := fields[name].(string); len(v) != 32 {
			t.Errorf("%s is %q, want 16 bytes in hexadecimal", name, v)
		}
		delete(fields, name)
	}
	delete(fields, "keySignature")
	data := fields["data"].(map[string]any)
	if v, _ := data["binding"].(string); len(v) != 32 || strings.Contains(v, "journey") {
		t.Errorf("binding %q, want a keyed hash", v)
	}
	delete(data, "binding")
	want := map[string]any{
		"algorithm": "PBKDF2/SHA-256", "cost": 1000.0, "keyLength": 32.0,
		"data": map[string]any{"until": float64(testNow.Add(10 * time.Minute).Unix())},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
	// The protocol signs JSON with sorted keys; so any of its servers could check ours.
	sorted, err := json.Marshal(json.RawMessage(b))
	if err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	json.Unmarshal(b, &again)
	if canonical, _ := json.Marshal(again); string(canonical) != string(sorted) {
		t.Errorf("the fields are not in sorted order: %s", sorted)
	}
}

func TestCheckWork(t *testing.T) {
	right := solve(t, newTestWork(t, "journey 1", 20))
	change := func(f func(*payload)) string {
		p := right
		f(&p)
		return pack(t, p)
	}
	otherKey := []byte("another key of thirty-two bytes..")
	for _, c := range []struct {
		name    string
		key     []byte
		binding string
		sent    string
		now     time.Time
		want    error
	}{
		{"right", testKey, "journey 1", pack(t, right), testNow, nil},
		{"right at the last second", testKey, "journey 1", pack(t, right), testNow.Add(10*time.Minute - time.Microsecond), nil},
		{"right twice: single use is the caller's", testKey, "journey 1", pack(t, right), testNow, nil},
		{"over", testKey, "journey 1", pack(t, right), testNow.Add(10 * time.Minute), errExpired},
		{"another journey", testKey, "journey 2", pack(t, right), testNow, errBinding},
		{"no journey", testKey, "", pack(t, right), testNow, errBinding},
		{"another key", otherKey, "journey 1", pack(t, right), testNow, errSigned},
		{"no key", nil, "journey 1", pack(t, right), testNow, errSigned},
		{"longer life", testKey, "journey 1", change(func(p *payload) { p.Challenge.Parameters.Data.Until++ }), testNow, errSigned},
		{"another binding", testKey, "journey 2", change(func(p *payload) { p.Challenge.Parameters.Data.Binding = bind(testKey, "journey 2") }), testNow, errSigned},
		{"lower cost", testKey, "journey 1", change(func(p *payload) { p.Challenge.Parameters.Cost = 1 }), testNow, errSigned},
		{"another nonce", testKey, "journey 1", change(func(p *payload) { p.Challenge.Parameters.Nonce = strings.Repeat("0", 32) }), testNow, errSigned},
		{"easier prefix", testKey, "journey 1", change(func(p *payload) { p.Challenge.Parameters.KeyPrefix = "" }), testNow, errSigned},
		{"own key signature", testKey, "journey 1", change(func(p *payload) { p.Challenge.Parameters.KeySignature = "" }), testNow, errSigned},
		{"no signature", testKey, "journey 1", change(func(p *payload) { p.Challenge.Signature = "" }), testNow, errSigned},
		{"no solution", testKey, "journey 1", change(func(p *payload) { p.Solution.DerivedKey = "" }), testNow, errUnsolved},
		{"only the prefix", testKey, "journey 1", change(func(p *payload) { p.Solution.DerivedKey = p.Challenge.Parameters.KeyPrefix }), testNow, errUnsolved},
		{"guessed rest", testKey, "journey 1", change(func(p *payload) {
			p.Solution.DerivedKey = p.Challenge.Parameters.KeyPrefix + strings.Repeat("0", 32)
		}), testNow, errUnsolved},
		{"not hexadecimal", testKey, "journey 1", change(func(p *payload) { p.Solution.DerivedKey += "zz" }), testNow, errUnsolved},
		{"nothing", testKey, "journey 1", "", testNow, errPayload},
		{"no base64", testKey, "journey 1", "%%%", testNow, errPayload},
		{"no JSON", testKey, "journey 1", "aGVsbG8=", testNow, errPayload},
		{"empty JSON", testKey, "journey 1", pack(t, map[string]any{}), testNow, errSigned},
		{"the widget's test mode", testKey, "journey 1", pack(t, map[string]any{"challenge": nil, "solution": nil, "test": true}), testNow, errSigned},
		{"version 1", testKey, "journey 1", pack(t, map[string]any{"algorithm": "SHA-256", "challenge": "ab", "number": 1, "salt": "x", "signature": "y"}), testNow, errPayload},
		{"counter out of range", testKey, "journey 1", pack(t, map[string]any{"challenge": right.Challenge, "solution": map[string]any{"counter": -1}}), testNow, errPayload},
		{"huge", testKey, "journey 1", strings.Repeat("A", payloadMax+1), testNow, errPayload},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := CheckWork(c.key, c.binding, c.sent, c.now); !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestNonceNamesTheChallenge(t *testing.T) {
	one, two := newTestWork(t, "journey 1", 20), newTestWork(t, "journey 1", 20)
	if one.Parameters.Nonce == two.Parameters.Nonce || one.Parameters.Salt == two.Parameters.Salt {
		t.Error("two challenges share a nonce or a salt")
	}
	if got := Nonce(pack(t, solve(t, one))); got != one.Parameters.Nonce {
		t.Errorf("got %q, want %q", got, one.Parameters.Nonce)
	}
	for _, sent := range []string{"", "%%%", "aGVsbG8=", strings.Repeat("A", payloadMax+1)} {
		if got := Nonce(sent); got != "" {
			t.Errorf("Nonce(%.10q) = %q", sent, got)
		}
	}
}

func TestNewWorkDifficulty(t *testing.T) {
	total := 0
	const difficulty, times = 16, 40
	for range times {
		counter := int(solve(t, newTestWork(t, "j", difficulty)).Solution.Counter)
		if counter >= difficulty {
			t.Fatalf("counter %d of a difficulty of %d", counter, difficulty)
		}
		total += counter
	}
	// Mean 7.5, deviation of the mean 0.73: six deviations never happen by chance.
	if mean := float64(total) / times; mean < 3.1 || mean > 11.9 {
		t.Errorf("mean counter %.1f, want about 7.5", mean)
	}
	for _, bad := range []int{0, -1, difficultyMax + 1} {
		if _, err := NewWork(testKey, "j", bad, testNow); err == nil {
			t.Errorf("a difficulty of %d is taken", bad)
		}
	}
	if _, err := NewWork(testKey[:31], "j", Easy, testNow); err == nil {
		t.Error("a short key is taken")
	}
}

func FuzzCheckWork(f *testing.F) {
	for _, s := range []string{"", "e30=", "eyJjaGFsbGVuZ2UiOnt9fQ==", "bnVsbA==", "W10="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		if CheckWork(testKey, "journey 1", sent, testNow) == nil {
			t.Errorf("%q is taken", sent)
		}
		Nonce(sent)
	})
}

func BenchmarkNewWork(b *testing.B) {
	for b.Loop() {
		NewWork(testKey, "journey 1", Normal, testNow)
	}
}
