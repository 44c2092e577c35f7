package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

var secret = []byte("correct horse battery staple")

// TestMain makes wrapping cheap; TestRingFileCost looks at the real cost.
func TestMain(m *testing.M) {
	realWrapping = defaultWrapping
	defaultWrapping = wrapping{MemoryKiB: 8 << 10, Time: 1, Threads: 1}
	os.Exit(m.Run())
}

var realWrapping wrapping

func create(t *testing.T) (*Ring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ring")
	r, err := Create(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	return r, path
}

func TestRingFileCost(t *testing.T) {
	if d := cmp.Diff(wrapping{MemoryKiB: 65536, Time: 2, Threads: 4}, realWrapping); d != "" {
		t.Error(d)
	}
}

func TestRingFileKeepsTheRing(t *testing.T) {
	r, path := create(t)
	rotate(t, r)
	if err := r.Disable(r.Keys()[0].ID); err != nil {
		t.Fatal(err)
	}
	sealed, index, mac := r.Seal([]byte("x"), phone), r.Index("phone", "1"), r.MAC("code", []byte("1"))
	if err := r.Save(path, secret); err != nil {
		t.Fatal(err)
	}
	back, err := Open(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Keys(), back.Keys()); d != "" {
		t.Error(d)
	}
	if got, err := back.Open(sealed, phone); err != nil || string(got) != "x" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if !bytes.Equal(index, back.Index("phone", "1")) || !back.VerifyMAC("code", mac, []byte("1")) || !bytes.Equal(r.Key("q"), back.Key("q")) {
		t.Error("the ring read back derives other keys")
	}
}

func TestRingFileIsClosedToOthers(t *testing.T) {
	_, path := create(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	tests := map[fs.FileMode]error{
		0o600: nil, 0o400: nil, 0o440: nil,
		0o644: ErrExposed, 0o604: ErrExposed, 0o602: ErrExposed, 0o620: ErrExposed,
	}
	for mode, want := range tests {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, secret); !errors.Is(err, want) {
			t.Errorf("mode %v: %v, want %v", mode, err, want)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("files left beside the ring: %v, %v", entries, err)
	}
}

func TestRingFileRefusals(t *testing.T) {
	r, path := create(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := r.now.Load().wrap(secret, defaultWrapping)
	if err != nil {
		t.Fatal(err)
	}
	bend := func(f func(*ringFile)) []byte {
		var file ringFile
		if err := json.Unmarshal(whole, &file); err != nil {
			t.Fatal(err)
		}
		f(&file)
		raw, _ := json.Marshal(file)
		return raw
	}
	var foreign ringFile
	if err := json.Unmarshal(other, &foreign); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name       string
		raw        []byte
		passphrase string
		want       error
	}{
		{"as it was", whole, string(secret), nil},
		{"wrong passphrase", whole, "correct horse battery stapler", ErrPassphrase},
		{"no passphrase", whole, "", ErrPassphrase},
		{"empty", nil, string(secret), ErrDamaged},
		{"cut", whole[:len(whole)/2], string(secret), ErrDamaged},
		{"not a ring", []byte(`{"format":"other"}`), string(secret), ErrDamaged},
		{"a foreign member", []byte(`{"format":"selfsame-ring-1","x":1}`), string(secret), ErrDamaged},
		{"keyset bent", bend(func(f *ringFile) { f.Sealing[len(f.Sealing)/2] ^= 1 }), string(secret), ErrDamaged},
		{"deriving cut", bend(func(f *ringFile) { f.Deriving = f.Deriving[:20] }), string(secret), ErrDamaged},
		{"keysets exchanged", bend(func(f *ringFile) { f.Sealing, f.Deriving = f.Deriving, f.Sealing }), string(secret), ErrDamaged},
		{"keyset of another save", bend(func(f *ringFile) { f.Sealing = foreign.Sealing }), string(secret), ErrDamaged},
		{"salt bent", bend(func(f *ringFile) { f.Argon2id.Salt[0] ^= 1 }), string(secret), ErrPassphrase},
		{"no salt", bend(func(f *ringFile) { f.Argon2id.Salt = nil }), string(secret), ErrDamaged},
		{"a cost of 4 TiB", bend(func(f *ringFile) { f.Argon2id.MemoryKiB = 1<<32 - 1 }), string(secret), ErrDamaged},
		{"a cost of years", bend(func(f *ringFile) { f.Argon2id.Time = 1<<32 - 1 }), string(secret), ErrDamaged},
		{"no lanes", bend(func(f *ringFile) { f.Argon2id.Threads = 0 }), string(secret), ErrDamaged},
		{"a huge file", make([]byte, maxFileSize+1), string(secret), ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(path, tt.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path, []byte(tt.passphrase)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			} else if err != nil && bytes.Contains([]byte(err.Error()), secret) {
				t.Errorf("the error holds the passphrase: %v", err)
			}
			if err := r.Reload(path, []byte(tt.passphrase)); !errors.Is(err, tt.want) {
				t.Errorf("Reload: %v, want %v", err, tt.want)
			}
			if _, err := r.Open(r.Seal(nil, phone), phone); err != nil {
				t.Errorf("the running ring was hurt: %v", err)
			}
		})
	}
}

func TestRingFileIsNeverOverwrittenBlindly(t *testing.T) {
	r, path := create(t)
	if _, err := Create(path, secret); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a ring: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), secret); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of no file: %v", err)
	}
	if err := r.Save(path, []byte("short")); !errors.Is(err, ErrWeak) {
		t.Errorf("Save under a short passphrase: %v", err)
	}
	second, err := Open(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	rotate(t, second)
	if err := second.Save(path, secret); err != nil {
		t.Fatal(err)
	}
	rotate(t, r)
	if err := r.Save(path, secret); !errors.Is(err, ErrChanged) {
		t.Errorf("the second of two rotations at once: %v, want ErrChanged", err)
	}
	back, err := Open(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(second.Keys(), back.Keys()); d != "" {
		t.Error(d)
	}
	if err := fresh(t).Save(path, secret); !errors.Is(err, ErrChanged) {
		t.Errorf("a fresh ring saved over another: %v, want ErrChanged", err)
	}
	if err := second.Save(path, secret); err != nil {
		t.Errorf("saving again: %v", err)
	}
}

func TestReloadRefusesAnotherRing(t *testing.T) {
	r, path := create(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, secret); err != nil {
		t.Fatal(err)
	}
	before := r.Keys()
	if err := r.Reload(path, secret); !errors.Is(err, ErrOtherRing) {
		t.Errorf("Reload = %v, want ErrOtherRing", err)
	}
	if d := cmp.Diff(before, r.Keys()); d != "" {
		t.Error(d)
	}
}

func TestS163_RunningRingPicksUpARotation(t *testing.T) {
	running, path := create(t)
	sealed := running.Seal([]byte("x"), phone)
	c := clock.At(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	ctx, cancel := context.WithCancel(t.Context())
	reports, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		running.Watch(ctx, c, path, secret, 5*time.Second, func(err error) { reports <- err })
	}()
	look := func() error { // moves the clock until the watch has something to say
		for {
			select {
			case err := <-reports:
				return err
			default:
				c.Advance(5 * time.Second)
			}
		}
	}

	admin, err := Open(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	rotate(t, admin)
	if err := admin.Save(path, secret); err != nil {
		t.Fatal(err)
	}
	if err := look(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(admin.Keys(), running.Keys()); d != "" {
		t.Error(d)
	}
	if _, err := running.Open(sealed, phone); err != nil || !running.Stale(sealed) {
		t.Errorf("after the rotation: %v", err)
	}

	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := look(); !errors.Is(err, ErrDamaged) {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := running.Open(sealed, phone); err != nil {
		t.Errorf("a broken file hurt the running ring: %v", err)
	}
	cancel()
	for {
		select {
		case <-reports:
			continue
		case <-done:
			return
		}
	}
}
