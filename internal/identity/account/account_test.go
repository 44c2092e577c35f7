package account_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func TestReadID(t *testing.T) {
	for text, want := range map[string]account.ID{
		"482109375564":   482109375564,
		"4821 0937 5564": 482109375564,
		"4821-0937-5564": 482109375564,
		"482109375563":   0, // wrong check digit
		"482109735564":   0, // neighbors swapped
		"182109375564":   0, // begins with 1
		"48210937556":    0,
		"+48210937556":   0,
		"４８２１０９３７５５６４":   0,
		"":               0,
	} {
		id, ok := account.ReadID(text)
		if id != want || ok != (want != 0) {
			t.Errorf("ReadID(%q) = %d, %v; want %d", text, id, ok, want)
		}
	}
}

func TestNewIDReadsBack(t *testing.T) {
	for range 2000 {
		id := account.NewID()
		back, ok := account.ReadID(id.Spaced())
		if !ok || back != id {
			t.Fatalf("NewID made %s, which does not read back", id)
		}
		typo := []byte(id.String())
		typo[5] = '0' + (typo[5]-'0'+1)%10
		if _, ok := account.ReadID(string(typo)); ok {
			t.Fatalf("the check digit of %s missed the typo %s", id, typo)
		}
	}
}

func FuzzReadID(f *testing.F) {
	f.Add("4821 0937 5564")
	f.Add("+8613800138000")
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := account.ReadID(text); ok {
			if back, ok := account.ReadID(id.String()); !ok || back != id {
				t.Fatalf("ReadID(%q) = %d is not a fixed point", text, id)
			}
		}
	})
}

// TestS006_S007_Nicknames: names that could deceive are refused.
func TestS006_S007_Nicknames(t *testing.T) {
	for text, want := range map[string]string{
		"Ada":            "Ada",
		"  Ada   Byron ": "Ada Byron",
		"小明":             "小明",
		"Zoë":            "Zoë", // NFC
		"":               "",
		"👩‍🚀 Ada":        "👩‍🚀 Ada",
	} {
		got, err := account.ReadNickname(text, "Acme")
		if err != nil || got != want {
			t.Errorf("ReadNickname(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"a@example.com", "+86 138 0013 8000", "482109375564", "Support", "Acme", "Асme", "ADMIN", "官方",
		"Ada\u202eBad", "Ada\u200b", "Ada\x00", "Ada\nBad\u0007", strings.Repeat("x", 41), strings.Repeat("é", 150), "\xff", "Ad\u2066a",
		"Z" + strings.Repeat("\u0301", 20),
	} {
		if got, err := account.ReadNickname(text, "Acme"); err == nil {
			t.Errorf("ReadNickname(%q) = %q; want a refusal", text, got)
		}
	}
}

func TestStore(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s := account.New(ring)
		id := account.NewID()
		want := account.Account{ID: id, State: account.Active, Region: "cn", Locale: "zh-Hans", Nickname: "小明", Epoch: 1, CreatedAt: c.Now()}
		do := func(f func(tx *sqldb.Tx) error) error { return db.InTx(t.Context(), f) }
		if err := do(func(tx *sqldb.Tx) error { return s.Create(t.Context(), tx, want) }); err != nil {
			t.Fatal(err)
		}
		if err := do(func(tx *sqldb.Tx) error { return s.Create(t.Context(), tx, want) }); err != account.ErrTaken {
			t.Errorf("creating the same ID again: %v; want ErrTaken", err)
		}
		got, err := s.Load(t.Context(), db, id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if err := do(func(tx *sqldb.Tx) error { return s.SetAvatar(t.Context(), tx, id, "one", []byte("png")) }); err != nil {
			t.Fatal(err)
		}
		if png, err := s.Avatar(t.Context(), db, id, "one"); err != nil || string(png) != "png" {
			t.Errorf("Avatar = %q, %v", png, err)
		}
		if _, err := s.Avatar(t.Context(), db, account.NewID(), "one"); err != sqldb.ErrNone {
			t.Errorf("another account's avatar: %v; want none (S-62)", err)
		}
		if _, err := s.Load(t.Context(), db, account.NewID()); err != sqldb.ErrNone {
			t.Errorf("loading nobody: %v", err)
		}
	})
}

// TestS086_Gate: a state that is not known lets nobody in.
func TestS086_Gate(t *testing.T) {
	for state, in := range map[account.State]bool{
		account.Active: true, account.IsFrozen: false, account.IsBlocked: false, account.IsLeaving: false, account.Gone: false, "": false, "new": false,
	} {
		if err := account.Gate(state); (err == nil) != in {
			t.Errorf("Gate(%q) = %v; want in = %v", state, err, in)
		}
	}
}
