package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/passkey/passkeytest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

const origin = "https://id.example.com"

func newParty() *passkey.Party {
	return &passkey.Party{ID: "id.example.com", Name: "Selfsame", Origins: []string{origin}}
}

var (
	challenge = bytes.Repeat([]byte{7}, 32)
	handle    = bytes.Repeat([]byte{9}, 32)
)

func right(got []byte) bool { return bytes.Equal(got, challenge) }

// register makes a passkey; why is the check that refused it.
func register(t *testing.T, p *passkey.Party, a *passkeytest.Authenticator, broken ...passkeytest.Break) (k passkey.Key, why string) {
	t.Helper()
	k, err := p.Register(a.Create(p.Creation(challenge, handle, "Lin", nil), broken...), right)
	return k, whyOf(t, err)
}

func whyOf(t *testing.T, err error) string {
	t.Helper()
	if err != nil && !passkey.Invalid.Is(err) {
		t.Fatalf("%v is no refusal", err)
	}
	if err != nil && passkey.Why(err) == "" {
		t.Fatal("a refusal without a reason")
	}
	return passkey.Why(err)
}

func mustRegister(t *testing.T, p *passkey.Party, a *passkeytest.Authenticator) passkey.Key {
	t.Helper()
	k, why := register(t, p, a)
	if why != "" {
		t.Fatal(why)
	}
	return k
}

func TestRegister(t *testing.T) {
	p, a := newParty(), passkeytest.New(origin)
	k := mustRegister(t, p, a)
	want := passkey.Key{CredentialID: a.ID, PublicKey: a.COSE(), Flags: passkeytest.UP | passkeytest.UV | passkeytest.BE | passkeytest.BS | passkeytest.AT,
		BackedUp: true, Transports: []string{"hybrid", "internal"}, Attestation: "none", AAGUID: make([]byte, 16)}
	if diff := cmp.Diff(want, k); diff != "" || !k.Synced() {
		t.Error(diff)
	}
	if k, why := register(t, p, passkeytest.New(origin), func(c *passkeytest.Ceremony) { c.Format = "self" }); why != "" || k.Attestation != "self" {
		t.Errorf("of itself: %q, %q", k.Attestation, why)
	}
}

// TestS031_Registration: an authenticator that breaks one property is refused for
// that one (WebAuthn Level 3 section 7.1).
func TestS031_Registration(t *testing.T) {
	type c = passkeytest.Ceremony
	raw := func(f func(credential, response map[string]any)) passkeytest.Break { return func(c *c) { c.Sent = f } }
	b64 := base64.RawURLEncoding.EncodeToString
	for _, test := range []struct {
		name, why string
		broken    passkeytest.Break
	}{
		{"the ceremony of signing in", "ceremony", func(c *c) { c.Client["type"] = "webauthn.get" }},
		{"another challenge", "challenge", func(c *c) { c.Client["challenge"] = b64(make([]byte, 32)) }},
		{"no challenge", "challenge", func(c *c) { delete(c.Client, "challenge") }},
		{"half a challenge", "challenge", func(c *c) { c.Client["challenge"] = b64(challenge[:16]) }},
		{"another origin", "origin", func(c *c) { c.Client["origin"] = "https://id.example.com.evil.test" }},
		{"the origin in capitals", "origin", func(c *c) { c.Client["origin"] = "https://ID.example.com" }},
		{"the origin with a port", "origin", func(c *c) { c.Client["origin"] = "https://id.example.com:443" }},
		{"plain http", "origin", func(c *c) { c.Client["origin"] = "http://id.example.com" }},
		{"in a frame", "cross origin", func(c *c) { c.Client["crossOrigin"] = true }},
		{"below another page", "cross origin", func(c *c) { c.Client["topOrigin"] = "https://evil.test" }},
		{"another site's passkey", "rp id", func(c *c) { c.RPID = "evil.test" }},
		{"nobody was there", "presence", func(c *c) { c.Flags &^= passkeytest.UP }},
		{"nobody was verified", "verification", func(c *c) { c.Flags &^= passkeytest.UV }},
		{"backed up and not eligible", "backup flags", func(c *c) { c.Flags &^= passkeytest.BE }},
		{"no attested data", "attested data", func(c *c) { c.Flags &^= passkeytest.AT }},
		{"extensions that are not there", "extensions", func(c *c) { c.Flags |= passkeytest.ED }},
		{"extensions that are no map", "extensions", func(c *c) { c.Flags |= passkeytest.ED; c.After = []byte{0x80} }},
		{"something after the extensions", "extensions", func(c *c) { c.Flags |= passkeytest.ED; c.After = []byte{0xa0, 0} }},
		{"something after the key", "trailing bytes", func(c *c) { c.After = []byte{0} }},
		{"another id in the data", "two ids", func(c *c) { c.ID = make([]byte, 16) }},
		{"no id", "credential id", func(c *c) { c.ID = nil }},
		{"an algorithm that was not offered", "public key", func(c *c) { c.PublicKey = bytes.Replace(c.PublicKey, []byte{3, 0x26}, []byte{3, 0x27}, 1) }},
		{"ES384", "public key", func(c *c) { c.PublicKey = bytes.Replace(c.PublicKey, []byte{3, 0x26}, []byte{3, 0x38, 0x22}, 1) }},
		{"a point that is not on the curve", "public key", func(c *c) { c.PublicKey = slices.Concat(c.PublicKey[:len(c.PublicKey)-32], make([]byte, 32)) }},
		{"a key with a field twice", "public key", func(c *c) { c.PublicKey = append([]byte{0xa6, 0x03, 0x26}, c.PublicKey[1:]...) }},
		{"a key of indefinite length", "public key", func(c *c) { c.PublicKey = append(append([]byte{0xbf}, c.PublicKey[1:]...), 0xff) }},
		{"RSA of a kind that was not offered", "algorithm", func(c *c) { c.PublicKey = rsaKey(256, 0x38, 0x24) }},
		{"a short RSA key", "public key", func(c *c) { c.PublicKey = rsaKey(128, 0x39, 0x01, 0x00) }},
		{"a tag", "attestation object", func(c *c) { c.Object = func(b []byte) []byte { return append([]byte{0xc0}, b...) } }},
		{"something after the object", "attestation object", func(c *c) { c.Object = func(b []byte) []byte { return append(b, 0) } }},
		{"nested maps", "attestation object", func(c *c) { c.Statement = append(bytes.Repeat([]byte{0xa1, 0x01}, 8), 0xa0) }},
		{"a statement that promises much", "attestation object", func(c *c) { c.Statement = []byte{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }},
		{"none with a statement", "attestation", func(c *c) { c.Statement = []byte{0xa1, 0x01, 0x01} }},
		{"a format that nobody asked for", "attestation", func(c *c) { c.Format = "tpm" }},
		{"signed by itself, wrongly", "attestation", func(c *c) {
			c.Format, c.Signature = "self", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
		}},
		{"packed without a signature", "attestation", func(c *c) { c.Format = "packed" }},
		{"no JSON", "kind", raw(func(c, _ map[string]any) { delete(c, "type") })},
		{"another kind", "kind", raw(func(c, _ map[string]any) { c["type"] = "password" })},
		{"two ids", "two ids", raw(func(c, _ map[string]any) { c["id"] = "AAAA" })},
		{"an id with padding", "json", raw(func(c, _ map[string]any) { c["rawId"] = "AA==" })},
		{"an id with a line break", "json", raw(func(c, _ map[string]any) { c["rawId"] = c["rawId"].(string) + "\n" })},
		{"a long id", "credential id", raw(func(c, _ map[string]any) {
			c["rawId"] = b64(make([]byte, 1024))
			c["id"] = c["rawId"]
		})},
		{"client data that is no JSON", "client data", raw(func(_, r map[string]any) { r["clientDataJSON"] = b64([]byte("{")) })},
		{"client data that says it twice", "client data", raw(func(_, r map[string]any) { r["clientDataJSON"] = b64([]byte(`{"type":"a","type":"webauthn.create"}`)) })},
		{"no object", "attestation object", raw(func(_, r map[string]any) { delete(r, "attestationObject") })},
		{"too much", "size", raw(func(c, _ map[string]any) { c["x"] = strings.Repeat("x", 16<<10) })},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newParty()
			p.MustVerify = true
			if _, why := register(t, p, passkeytest.New(origin), test.broken); why != test.why {
				t.Errorf("refused for %q, want %q", why, test.why)
			}
		})
	}
	if _, err := newParty().Register([]byte("]"), right); whyOf(t, err) != "json" {
		t.Error(err)
	}
}

// rsaKey is a COSE key with a modulus of n bytes and an algorithm in CBOR.
func rsaKey(n int, alg ...byte) []byte {
	return slices.Concat([]byte{0xa4, 1, 3, 3}, alg, []byte{0x20}, passkeytest.Bytes(bytes.Repeat([]byte{0xff}, n)), []byte{0x21, 0x43, 1, 0, 1})
}

// TestS031_Assertion is the same for signing in (section 7.2).
func TestS031_Assertion(t *testing.T) {
	type c = passkeytest.Ceremony
	b64 := base64.RawURLEncoding.EncodeToString
	for _, test := range []struct {
		name, why string
		broken    passkeytest.Break
	}{
		{"nothing", "", func(*c) {}},
		{"the ceremony of registering", "ceremony", func(c *c) { c.Client["type"] = "webauthn.create" }},
		{"another challenge", "challenge", func(c *c) { c.Client["challenge"] = b64(make([]byte, 32)) }},
		{"another origin", "origin", func(c *c) { c.Client["origin"] = "https://evil.test" }},
		{"in a frame", "cross origin", func(c *c) { c.Client["crossOrigin"] = true }},
		{"another site's passkey", "rp id", func(c *c) { c.RPID = "example.com" }},
		{"nobody was there", "presence", func(c *c) { c.Flags &^= passkeytest.UP }},
		{"nobody was verified", "verification", func(c *c) { c.Flags &^= passkeytest.UV }},
		{"backed up and not eligible", "backup flags", func(c *c) { c.Flags &^= passkeytest.BE }},
		{"not eligible any more", "backup eligibility", func(c *c) { c.Flags &^= passkeytest.BE | passkeytest.BS }},
		{"no copy any more", "", func(c *c) { c.Flags &^= passkeytest.BS }},
		{"another credential", "credential id", func(c *c) { c.ID = make([]byte, 16) }},
		{"a changed signature", "signature", func(c *c) { c.Signature = func(b []byte) []byte { b[len(b)-1] ^= 1; return b } }},
		{"a signature with a tail", "signature", func(c *c) { c.Signature = func(b []byte) []byte { return append(b, 0) } }},
		{"no signature", "signature", func(c *c) { c.Signature = func([]byte) []byte { return nil } }},
		{"attested data", "attested data", func(c *c) { c.Flags |= passkeytest.AT }},
		{"trailing bytes", "trailing bytes", func(c *c) { c.After = []byte{0xa0} }},
		{"extensions that were not asked for", "", func(c *c) { c.Flags |= passkeytest.ED; c.After = []byte{0xa1, 0x61, 'x', 0xf5} }},
		{"data that was signed and then cut", "authenticator data", func(c *c) {
			c.Sent = func(_, r map[string]any) { r["authenticatorData"] = b64(make([]byte, 36)) }
		}},
		{"a long handle", "user handle", func(c *c) { c.Handle = make([]byte, 65) }},
		{"other client data than was signed", "signature", func(c *c) {
			c.Sent = func(_, r map[string]any) {
				text, _ := base64.RawURLEncoding.DecodeString(r["clientDataJSON"].(string))
				r["clientDataJSON"] = b64(append(text, ' '))
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, a := newParty(), passkeytest.New(origin)
			p.MustVerify = true
			k := mustRegister(t, p, a)
			assertion, err := passkey.ReadAssertion(a.Get(p.Request(challenge, nil), test.broken))
			if err == nil {
				_, err = p.Judge(assertion, k, right)
			}
			if why := whyOf(t, err); why != test.why {
				t.Errorf("refused for %q, want %q", why, test.why)
			}
		})
	}
}

// TestS033_AnotherKey: a signature by another key under the same id is none.
func TestS033_AnotherKey(t *testing.T) {
	p, a, thief := newParty(), passkeytest.New(origin), passkeytest.New(origin)
	k := mustRegister(t, p, a)
	thief.ID = a.ID
	assertion, err := passkey.ReadAssertion(thief.Get(p.Request(challenge, nil)))
	if err == nil {
		_, err = p.Judge(assertion, k, right)
	}
	if why := whyOf(t, err); why != "signature" {
		t.Error(why)
	}
}

// TestS033_Counter: a counter that does not grow is told; one that stays at zero is
// that of a synced passkey, which does not count.
func TestS033_Counter(t *testing.T) {
	for _, test := range []struct {
		stored, now uint32
		fell        bool
	}{{0, 0, false}, {0, 1, false}, {4, 5, false}, {4, 4, true}, {4, 3, true}, {4, 0, true}, {1<<32 - 1, 0, true}} {
		p, a := newParty(), passkeytest.New(origin)
		k := mustRegister(t, p, a)
		k.Counter, a.Count = test.stored, test.now
		assertion, err := passkey.ReadAssertion(a.Get(p.Request(challenge, nil)))
		if err != nil {
			t.Fatal(err)
		}
		use, err := p.Judge(assertion, k, right)
		if err != nil || use.Fell != test.fell || use.Counter != test.now {
			t.Errorf("%d after %d: %+v, %v", test.now, test.stored, use, err)
		}
	}
}

// TestVerified: without a demand, that nobody was verified is told and not refused.
func TestVerified(t *testing.T) {
	for _, flags := range []byte{passkeytest.UP, passkeytest.UP | passkeytest.UV} {
		p, a := newParty(), passkeytest.New(origin)
		a.Flags = flags
		k := mustRegister(t, p, a)
		assertion, err := passkey.ReadAssertion(a.Get(p.Request(challenge, nil)))
		if err != nil {
			t.Fatal(err)
		}
		use, err := p.Judge(assertion, k, right)
		if err != nil || use.Verified != (flags&passkeytest.UV != 0) || k.Synced() {
			t.Errorf("%+v, %v", use, err)
		}
	}
}

// TestS030_Challenge: a challenge is right for its purpose, its journey and five
// minutes, and for nothing once what made it is gone.
func TestS030_Challenge(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 30, 0, time.UTC)
	c := passkey.NewChallenge()
	shown := c.At(passkey.SignIn, "journey", at)
	if len(shown) != sha256.Size || bytes.Equal(shown, c.At(passkey.SignIn, "journey", at.Add(time.Minute))) {
		t.Error("it is short, or stays the same")
	}
	for _, test := range []struct {
		name    string
		c       passkey.Challenge
		purpose passkey.Purpose
		bound   string
		after   time.Duration
		want    bool
	}{
		{"at once", c, passkey.SignIn, "journey", 0, true},
		{"after four minutes", c, passkey.SignIn, "journey", 4 * time.Minute, true},
		{"after five", c, passkey.SignIn, "journey", 5 * time.Minute, false},
		{"before it was shown", c, passkey.SignIn, "journey", -time.Minute, false},
		{"for another purpose", c, passkey.StepUp, "journey", 0, false},
		{"in another journey", c, passkey.SignIn, "other", 0, false},
		{"after a try", passkey.NewChallenge(), passkey.SignIn, "journey", 0, false},
		{"of nothing", passkey.Challenge{}, passkey.SignIn, "journey", 0, false},
	} {
		if got := test.c.Right(test.purpose, test.bound, at.Add(test.after), shown); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	if (passkey.Challenge{}).Right(passkey.SignIn, "journey", at, passkey.Challenge{}.At(passkey.SignIn, "journey", at)) {
		t.Error("a challenge without a secret is right")
	}
}

// TestS034_RequestTellsNothing: options for nobody name no passkey.
func TestS034_RequestTellsNothing(t *testing.T) {
	p, a := newParty(), passkeytest.New(origin)
	k := mustRegister(t, p, a)
	if o := p.Request(challenge, nil); o.AllowCredentials == nil || len(o.AllowCredentials) != 0 || o.UserVerification != "preferred" {
		t.Errorf("%+v", o)
	}
	o := p.Request(challenge, []passkey.Key{k})
	want := []passkey.Descriptor{{Type: "public-key", ID: base64.RawURLEncoding.EncodeToString(a.ID), Transports: []string{"hybrid", "internal"}}}
	if diff := cmp.Diff(want, o.AllowCredentials); diff != "" {
		t.Error(diff)
	}
}

func TestReadName(t *testing.T) {
	for text, want := range map[string]string{"": "", "  Pixel   9 ": "Pixel 9", "钥匙": "钥匙", strings.Repeat("x", 40): strings.Repeat("x", 40)} {
		if got, err := passkey.ReadName(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{strings.Repeat("x", 41), "a\x00b", "a\u202eb", "\xff", "\ufffd", strings.Repeat("x", 9999)} {
		if got, err := passkey.ReadName(text); err == nil {
			t.Errorf("%q is taken as %q", text, got)
		}
	}
	if got := passkey.SuggestName(strings.Repeat("Firefox on Windows ", 5)); len(got) > 40 || got == "" {
		t.Errorf("%q", got)
	}
}

// FuzzRead: whatever is sent is refused or read, and never panics (S-35).
func FuzzRead(f *testing.F) {
	p, a := newParty(), passkeytest.New(origin)
	f.Add(a.Create(p.Creation(challenge, handle, "Lin", nil)))
	f.Add(a.Create(p.Creation(challenge, handle, "Lin", nil), func(c *passkeytest.Ceremony) { c.Format = "self" }))
	f.Add(a.Get(p.Request(challenge, nil)))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"v_8"}}`))
	k, err := p.Register(a.Create(p.Creation(challenge, handle, "Lin", nil)), right)
	if err != nil {
		f.Fatal(err)
	}
	yes := func([]byte) bool { return true }
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := p.Register(text, yes); err == nil && (len(got.CredentialID) == 0 || len(got.CredentialID) > 1023 || len(got.PublicKey) == 0) {
			t.Errorf("it made %+v", got)
		}
		if assertion, err := passkey.ReadAssertion(text); err == nil {
			_, _ = p.Judge(assertion, k, yes)
		}
	})
}

// FuzzAttestation feeds the attestation object itself.
func FuzzAttestation(f *testing.F) {
	p, a := newParty(), passkeytest.New(origin)
	keep := func(into *[]byte) passkeytest.Break {
		return func(c *passkeytest.Ceremony) { c.Object = func(b []byte) []byte { *into = b; return b } }
	}
	var object []byte
	for _, format := range []string{"none", "self", "tpm"} {
		a.Create(p.Creation(challenge, handle, "Lin", nil), func(c *passkeytest.Ceremony) { c.Format = format }, keep(&object))
		f.Add(object)
	}
	f.Add(append(bytes.Repeat([]byte{0xa1, 0x01}, 2000), 0xa0))
	f.Add(bytes.Repeat([]byte{0x9f}, 4000))
	f.Fuzz(func(t *testing.T, object []byte) {
		text := a.Create(p.Creation(challenge, handle, "Lin", nil), func(c *passkeytest.Ceremony) { c.Object = func([]byte) []byte { return object } })
		k, err := p.Register(text, right)
		if err == nil && !bytes.Equal(k.CredentialID, a.ID) {
			t.Errorf("another credential than was named: %x", k.CredentialID)
		}
	})
}

// BenchmarkJudge is one sign-in by passkey, without the store. "verifications" is
// how many bare checks of a P-256 signature take the same time.
func BenchmarkJudge(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("bare"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	elapsed := clock.Stopwatch()
	const bare = 500
	for range bare {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("a right signature is wrong")
		}
	}
	verification := elapsed().Seconds() / bare
	defer func() { b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/verification, "verifications") }()
	p, a := newParty(), passkeytest.New(origin)
	k, err := p.Register(a.Create(p.Creation(challenge, handle, "Lin", nil)), right)
	if err != nil {
		b.Fatal(err)
	}
	text := a.Get(p.Request(challenge, nil))
	b.ReportAllocs()
	for b.Loop() {
		assertion, err := passkey.ReadAssertion(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Judge(assertion, k, right); err != nil {
			b.Fatal(err)
		}
	}
}
