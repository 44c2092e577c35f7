package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var phone = Place{Table: "contact", Column: "value", Row: "482109375564"}

func fresh(t testing.TB) *Ring {
	t.Helper()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rotate(t testing.TB, r *Ring) {
	t.Helper()
	if err := r.Rotate(); err != nil {
		t.Fatal(err)
	}
}

func primary(r *Ring, use Use) uint32 {
	for _, k := range r.Keys() {
		if k.Use == use && k.Primary {
			return k.ID
		}
	}
	return 0
}

func TestS161_SealedValuesOpenInTheirPlaceOnly(t *testing.T) {
	r := fresh(t)
	for _, plain := range []string{"", "+8613800138000", string(make([]byte, 4096))} {
		sealed := r.Seal([]byte(plain), phone)
		if len(sealed) != len(plain)+Overhead {
			t.Errorf("sealed length %d, want %d", len(sealed), len(plain)+Overhead)
		}
		if len(plain) > 0 && bytes.Contains(sealed, []byte(plain)) {
			t.Error("the sealed value shows the plain one")
		}
		if bytes.Equal(sealed, r.Seal([]byte(plain), phone)) {
			t.Error("sealing twice gave the same bytes")
		}
		got, err := r.Open(sealed, phone)
		if err != nil || string(got) != plain {
			t.Errorf("Open = %q, %v; want %q", got, err, plain)
		}
	}
	sealed := r.Seal([]byte("+8613800138000"), phone)
	places := []Place{
		{"contact", "value", "482109375565"},
		{"contact", "valu", "e482109375564"}, // the same letters, cut elsewhere
		{"contact", "name", "482109375564"},
		{"link", "value", "482109375564"},
		{},
	}
	for _, at := range places {
		if _, err := r.Open(sealed, at); !errors.Is(err, ErrAltered) {
			t.Errorf("Open at %v: %v, want ErrAltered", at, err)
		}
	}
}

func TestOpenRefusesWhatIsNotWhole(t *testing.T) {
	r := fresh(t)
	sealed := r.Seal([]byte("a@example.com"), phone)
	for n := range sealed {
		if _, err := r.Open(sealed[:n], phone); !errors.Is(err, ErrAltered) {
			t.Fatalf("Open of %d bytes: %v, want ErrAltered", n, err)
		}
		bent := bytes.Clone(sealed)
		bent[n] ^= 1
		want := ErrAltered
		if n >= 1 && n <= 4 {
			want = ErrUnknownKey // these bytes name the key
		}
		if _, err := r.Open(bent, phone); !errors.Is(err, want) {
			t.Fatalf("Open with byte %d bent: %v, want %v", n, err, want)
		}
	}
	if _, err := fresh(t).Open(sealed, phone); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open by another ring: %v, want ErrUnknownKey", err)
	}
}

func TestR26_RotationKeepsOldKeysBesideNewOnes(t *testing.T) {
	r := fresh(t)
	oldSeal, oldDerive := primary(r, Sealing), primary(r, Deriving)
	sealed, index := r.Seal([]byte("x"), phone), r.Index("phone", "+8613800138000")
	mac, key := r.MAC("code", []byte("123456")), r.Key("quota")
	if r.Stale(sealed) || r.IndexStale(index) {
		t.Fatal("fresh values are stale")
	}

	rotate(t, r)
	if !r.Stale(sealed) || !r.IndexStale(index) {
		t.Error("values under the old keys are not stale")
	}
	if got, err := r.Open(sealed, phone); err != nil || string(got) != "x" {
		t.Errorf("an old value does not open: %v", err)
	}
	all := r.Indexes("phone", "+8613800138000")
	if len(all) != 2 || !bytes.Equal(all[0], r.Index("phone", "+8613800138000")) || !bytes.Equal(all[1], index) {
		t.Error("Indexes are not the new one and then the old one")
	}
	if !r.VerifyMAC("code", mac, []byte("123456")) {
		t.Error("a MAC under the old key does not verify")
	}
	if !bytes.Equal(key, r.Key("quota")) {
		t.Error("adding keys changed a derived key: limits would be forgotten")
	}
	if again := r.Seal([]byte("x"), phone); r.Stale(again) {
		t.Error("a new value is stale")
	}

	for _, id := range []uint32{oldSeal, oldDerive} {
		if err := r.Disable(id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Open(sealed, phone); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open under a disabled key: %v, want ErrUnknownKey", err)
	}
	if r.VerifyMAC("code", mac, []byte("123456")) || len(r.Indexes("phone", "1")) != 1 {
		t.Error("a disabled key still works")
	}
	if bytes.Equal(key, r.Key("quota")) {
		t.Error("a derived key outlives the disabled key it came from")
	}
	if err := errors.Join(r.Enable(oldSeal), r.Enable(oldDerive)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(sealed, phone); err != nil {
		t.Errorf("enabling again does not bring the value back: %v", err)
	}
}

func TestRotationInTwoSteps(t *testing.T) {
	r := fresh(t)
	if err := r.Promote(); !errors.Is(err, ErrNotPrepared) {
		t.Fatalf("Promote without Prepare: %v", err)
	}
	before := primary(r, Sealing)
	if err := r.Prepare(); err != nil {
		t.Fatal(err)
	}
	if primary(r, Sealing) != before || r.Stale(r.Seal(nil, phone)) {
		t.Error("Prepare changed the primary key")
	}
	if n := len(r.Indexes("phone", "1")); n != 2 {
		t.Errorf("a prepared key finds %d indexes, want 2", n)
	}
	if err := r.Promote(); err != nil {
		t.Fatal(err)
	}
	if primary(r, Sealing) == before {
		t.Error("Promote changed nothing")
	}
	want := []KeyInfo{
		{Use: Sealing, Enabled: true}, {Use: Sealing, Enabled: true, Primary: true},
		{Use: Deriving, Enabled: true}, {Use: Deriving, Enabled: true, Primary: true},
	}
	got := r.Keys()
	for i := range got {
		got[i].ID = 0
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := r.Disable(primary(r, Sealing)); err == nil {
		t.Error("the primary key was disabled")
	}
	if err := r.Disable(7); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Disable of no key: %v", err)
	}
}

func TestIndexesOfAllKeysNewestFirst(t *testing.T) {
	r := fresh(t)
	var made [][]byte
	for range 4 {
		made = append([][]byte{r.Index("email", "a@example.com")}, made...)
		rotate(t, r)
	}
	made = append([][]byte{r.Index("email", "a@example.com")}, made...)
	if d := cmp.Diff(made, r.Indexes("email", "a@example.com")); d != "" {
		t.Error(d)
	}
	for i, index := range made {
		id, ok := IndexedUnder(index)
		if !ok || id != binary.BigEndian.Uint32(index) || len(index) != IndexSize {
			t.Errorf("index %d does not name its key", i)
		}
	}
	if _, ok := IndexedUnder(nil); ok || !r.IndexStale(nil) || !r.Stale(nil) {
		t.Error("nothing passes for an index or a sealed value")
	}
}

func TestS113_PurposesDoNotMeet(t *testing.T) {
	r := fresh(t)
	seen := map[string]string{}
	see := func(what string, b []byte) {
		t.Helper()
		if len(b) != 32 {
			t.Errorf("%s has %d bytes, want 32", what, len(b))
		}
		if other, twice := seen[string(b)]; twice {
			t.Errorf("%s equals %s", what, other)
		}
		seen[string(b)] = what
	}
	for _, p := range []string{"", "phone", "email", "phon"} {
		see("key "+p, r.Key(p))
		see("mac "+p, r.MAC(p))
		see("mac of part "+p, r.MAC(p, []byte("phone")))
		see("index "+p, r.Index(p, "phone")[4:])
		see("index of nothing "+p, r.Index(p, "")[4:])
	}
	see("another ring's key", fresh(t).Key("phone"))
}

func TestMACEncodingIsUnambiguous(t *testing.T) {
	r := fresh(t)
	lists := [][]string{
		{}, {""}, {"", ""}, {"a"}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"\x01a"}, {"\x01a", "b"}, {"a", "\x01b"},
		{string(make([]byte, 127))}, {string(make([]byte, 128))}, {string(make([]byte, 300))},
	}
	seen := map[string]int{}
	for i, list := range lists {
		var parts [][]byte
		for _, p := range list {
			parts = append(parts, []byte(p))
		}
		mac := r.MAC("code", parts...)
		if j, twice := seen[string(mac)]; twice {
			t.Errorf("%q and %q have the same MAC", list, lists[j])
		}
		seen[string(mac)] = i
		if !r.VerifyMAC("code", mac, parts...) {
			t.Errorf("the MAC of %q does not verify", list)
		}
		if r.VerifyMAC("link", mac, parts...) || r.VerifyMAC("code", mac[:31], parts...) || r.VerifyMAC("code", nil, parts...) {
			t.Errorf("a wrong MAC of %q verifies", list)
		}
	}
}

func TestRingIsSafeWhileItRotates(t *testing.T) {
	r := fresh(t)
	sealed, mac := r.Seal([]byte("x"), phone), r.MAC("code", []byte("1"))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				kind := fmt.Sprint("kind", g, i) // new purposes while keys are added
				if len(r.Index(kind, "v")) != IndexSize || !r.VerifyMAC("code", mac, []byte("1")) {
					t.Error("lost a key")
				}
				if _, err := r.Open(sealed, phone); err != nil {
					t.Error(err)
				}
				if _, err := r.Open(r.Seal([]byte("y"), phone), phone); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		rotate(t, r)
	}
	wg.Wait()
}

func TestDerivedKeysAreBounded(t *testing.T) {
	r := fresh(t)
	for i := range 3 * maxDerived {
		kind := fmt.Sprint("kind", i)
		if !bytes.Equal(r.Index(kind, "v"), r.Index(kind, "v")) {
			t.Fatal("an index changes")
		}
	}
	n := 0
	r.now.Load().derived.Range(func(any, any) bool { n++; return true })
	if n > maxDerived {
		t.Errorf("%d derived keys are kept, want at most %d", n, maxDerived)
	}
}

func BenchmarkSeal(b *testing.B) {
	r := fresh(b)
	value := []byte("+8613800138000")
	sealed := r.Seal(value, phone)
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Seal(value, phone)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Open(sealed, phone)
		}
	})
	b.Run("Index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Index("phone", "+8613800138000")
		}
	})
	b.Run("MAC", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.MAC("code", value, value)
		}
	})
}
