package credential

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/argon2"
)

// TestS39_StretchIsThePasswordHash: the same function as for passwords, at the
// cost that was kept, and never beyond the ceilings.
func TestS39_StretchIsThePasswordHash(t *testing.T) {
	p := newPasswords(t, cheap)
	salt := bytes.Repeat([]byte{7}, saltSize)
	got, err := p.Stretch(t.Context(), p.Cost(), salt, "a secret")
	if want := argon2.IDKey([]byte("a secret"), salt, cheap.Time, cheap.MemoryKiB, cheap.Threads, outputSize); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v; want %x", got, err, want)
	}
	older, err := p.Stretch(t.Context(), "m=128,t=2,p=1", salt, "a secret")
	if want := argon2.IDKey([]byte("a secret"), salt, 2, 128, 1, outputSize); err != nil || !bytes.Equal(older, want) {
		t.Errorf("at another cost: %x, %v", older, err)
	}
	for _, cost := range []string{"", "m=128,t=2", "m=0128,t=2,p=1", "m=128,t=2,p=1 ", "t=2,m=128,p=1", "m=4194304,t=2,p=1", "m=128,t=1000,p=1", "m=128,t=2,p=0", "m=4294967295,t=1,p=1"} {
		if _, err := p.Stretch(t.Context(), cost, salt, "a secret"); err == nil {
			t.Errorf("the cost %q is taken", cost)
		}
	}
}
