package credential

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"
)

const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestPHCReadsWhatTheReferenceProgramWrites(t *testing.T) {
	// From the README of the argon2 reference implementation's test.c:
	// password "password", salt "somesalt".
	h, err := parsePHC(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := hashed{profile: Profile{MemoryKiB: 65536, Time: 2, Threads: 1}, salt: []byte("somesalt")}
	want.output = argon2.IDKey([]byte("password"), want.salt, 2, 65536, 1, 32)
	if !bytes.Equal(h.output, want.output) || h.profile != want.profile || !bytes.Equal(h.salt, want.salt) {
		t.Error(cmp.Diff(want.String(), h.String()))
	}
	if h.String() != reference {
		t.Errorf("written back: %s", h)
	}
}

func TestS177_PHCBeyondTheCeilingsIsRefused(t *testing.T) {
	swap := func(old, new string) string {
		if !strings.Contains(reference, old) {
			t.Fatalf("the reference has no %q", old)
		}
		return strings.Replace(reference, old, new, 1)
	}
	tests := []string{
		"", "$", "$$$$$", "password", reference + "$", "x" + reference, reference[:len(reference)-1], reference + "\n",
		swap("argon2id", "argon2i"), swap("argon2id", "argon2d"), swap("argon2id", "2b"), swap("v=19", "v=16"), swap("$v=19", ""),
		swap("m=65536", "m=4294967295"), swap("m=65536", "m=262145"), swap("m=65536", "m=18446744073709551615"), swap("m=65536", "m=7"), swap("m=65536", "m=0"),
		swap("t=2", "t=0"), swap("t=2", "t=17"), swap("t=2", "t=4294967295"), swap("t=2", "t=-1"), swap("t=2", "t=+2"), swap("t=2", "t=02"),
		swap("p=1", "p=0"), swap("p=1", "p=17"), swap("p=1", "p=256"), swap("m=65536,t=2,p=1", "t=2,m=65536,p=1"), swap(",p=1", ""), swap("p=1", "p=1,x=1"),
		swap("c29tZXNhbHQ", ""), swap("c29tZXNhbHQ", "c29tZQ"), swap("c29tZXNhbHQ", "c29tZXNhbHQ="), swap("c29tZXNhbHQ", "c29tZX\nNhbHQ"), swap("c29tZXNhbHQ", "c29tZXNhbHR"),
		swap("c29tZXNhbHQ", strings.Repeat("A", 88)), swap("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXPJO0"), strings.Repeat("$", 300),
	}
	for _, text := range tests {
		if h, err := parsePHC(text); err == nil {
			t.Errorf("%q is read as %v", text, h)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(reference)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePHC(text)
		if err != nil {
			return
		}
		if !h.profile.sane() || h.String() != text {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}
