package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
)

// ada is a person at a third-party provider.
var ada = []link.Subject{{Scope: "global", Value: "110169484474386276334"}}

// lived is a site on a fresh embedded store with one account that has all that
// is sealed.
func lived(t *testing.T) (*site, account.ID) {
	t.Helper()
	dir := t.TempDir()
	s := settings.Default()
	s.PublicURL = "https://id.example.test"
	s.Database.URL = settings.Secret("sqlite:" + filepath.Join(dir, "db"))
	s.Keys.File, s.Keys.Passphrase = filepath.Join(dir, "keys.json"), "a passphrase of the test"
	b := &site{set: s, vitals: vitals{Clock: clock.System(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: telemetry.NewMetrics("test")}}
	t.Cleanup(func() { _ = b.close() })
	for _, floor := range []func(context.Context) error{b.kit, b.remote, b.identity} {
		if err := floor(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	id := account.NewID()
	hashed, err := b.passwords.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	err = b.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		for _, f := range []func() error{
			func() error {
				return b.accounts.Create(t.Context(), tx, account.Account{ID: id, Region: "intl", Locale: "en", Nickname: "Ada"})
			},
			func() error { return b.accounts.SetAvatar(t.Context(), tx, id, "picture", []byte("png")) },
			func() error {
				_, err := b.contacts.Claim(t.Context(), tx, contact.Phone, "+14155550123", id)
				return err
			},
			func() error { return b.contacts.Add(t.Context(), tx, id, contact.Phone, "+14155550123") },
			func() error {
				_, err := b.devices.Remember(t.Context(), tx, id, "secret", device.Device{Name: "Pixel 9", Place: "Paris"})
				return err
			},
			func() error { return b.passwords.Set(t.Context(), tx, id, hashed) },
			func() error {
				_, err := link.New(b.ring).Claim(t.Context(), tx, "google", ada, id)
				return err
			},
			func() error {
				return link.New(b.ring).Add(t.Context(), tx, id, link.Link{Provider: "google", Subjects: ada})
			},
			func() error {
				return b.audit.Write(t.Context(), tx, audit.Entry{AccountID: id, Kind: audit.SignedIn, Details: map[string]string{"device": "Pixel 9"}})
			},
		} {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, id
}

// TestR026_RotationKeepsEverything: after rotate, reseal and the end of the old
// keys, everything still opens and nothing is left under them.
func TestR026_RotationKeepsEverything(t *testing.T) {
	b, id := lived(t)
	old := b.ring.Keys()
	if err := b.ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	if changed, left, err := b.reseal(t.Context()); changed == 0 || left != 0 || err != nil {
		t.Fatalf("the first walk changed %d, lost %d, %v", changed, left, err)
	}
	if changed, left, err := b.reseal(t.Context()); changed+left != 0 || err != nil {
		t.Errorf("the second walk changed %d, lost %d, %v; want nothing", changed, left, err)
	}
	for _, k := range old {
		if err := b.ring.Disable(k.ID); err != nil {
			t.Fatal(err)
		}
	}
	a, err := b.accounts.Load(t.Context(), b.db, id)
	if err != nil || a.Nickname != "Ada" {
		t.Errorf("account %+v, %v", a, err)
	}
	if png, err := b.accounts.Avatar(t.Context(), b.db, id, "picture"); string(png) != "png" || err != nil {
		t.Errorf("avatar %q, %v", png, err)
	}
	if holder, err := b.contacts.Holder(t.Context(), b.db, contact.Phone, "+14155550123"); holder != id || err != nil {
		t.Errorf("the phone finds %v, %v", holder, err)
	}
	if list, err := b.contacts.List(t.Context(), b.db, id); err != nil || list[0].Address != "+14155550123" {
		t.Errorf("contacts %+v, %v", list, err)
	}
	if holder, _, err := link.New(b.ring).Holder(t.Context(), b.db, "google", ada); holder != id || err != nil {
		t.Errorf("the link finds %v, %v", holder, err)
	}
	if l, err := link.New(b.ring).Load(t.Context(), b.db, id, "google"); err != nil || !l.Is(ada) {
		t.Errorf("link %+v, %v", l, err)
	}
	if list, err := b.devices.List(t.Context(), b.db, id); err != nil || list[0].Name != "Pixel 9" || list[0].Place != "Paris" {
		t.Errorf("devices %+v, %v", list, err)
	}
	stored, err := b.passwords.Load(t.Context(), b.db, id)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := b.passwords.Check(t.Context(), stored, "correct horse battery"); !v.Right || err != nil {
		t.Errorf("the password: %+v, %v", v, err)
	}
}

// TestR026_KeysCommands walks the operator's way: rotate, reseal, disable.
func TestR026_KeysCommands(t *testing.T) {
	config := configFile(t)
	shell := func(args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		if code := run(t.Context(), append(args, "--config", config), func(string) string { return "" }, &out, &errs); code != done {
			t.Fatalf("%v: %s", args, errs.String())
		}
		return out.String()
	}
	shell("seed", "--accounts", "5")
	shell("keys", "rotate")
	if out := shell("keys", "reseal"); strings.Contains(out, " 0 values") {
		t.Error(out)
	}
	for line := range strings.Lines(shell("keys", "list")) {
		var use string
		var id uint32
		if strings.Contains(line, "kept") {
			fmt.Sscan(line, &use, &id)
			shell("keys", "disable", fmt.Sprint(id))
		}
	}
	if out := shell("keys", "list"); strings.Contains(out, "kept") || !strings.Contains(out, "disabled") {
		t.Error(out)
	}
}
