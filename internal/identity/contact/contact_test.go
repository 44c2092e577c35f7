package contact_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func claim(t *testing.T, db *sqldb.DB, s *contact.Store, address string, id account.ID) bool {
	t.Helper()
	won := false
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) (err error) {
		won, err = s.Claim(t.Context(), tx, contact.Phone, address, id)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return won
}

// TestS005_OneHolder: many claim one number at once, one of them gets it.
func TestS005_OneHolder(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s := contact.New(ring)
		var won atomic.Int64
		var winners sync.Map
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				id := account.NewID()
				if claim(t, db, s, "+8613800138000", id) {
					won.Add(1)
					winners.Store(id, true)
				}
			})
		}
		wg.Wait()
		holder, err := s.Holder(t.Context(), db, contact.Phone, "+8613800138000")
		if _, ok := winners.Load(holder); won.Load() != 1 || err != nil || !ok {
			t.Errorf("%d claims won, holder %v, %v; want 1 and the winner", won.Load(), holder, err)
		}
		if other, err := s.Holder(t.Context(), db, contact.Email, "+8613800138000"); other != 0 || err != nil {
			t.Errorf("the phone is found as an e-mail: %v, %v", other, err)
		}
	})
}

// TestR026_ClaimDuringRotation: a node that already writes under the new key and
// one that does not know it yet still exclude each other.
func TestR026_ClaimDuringRotation(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		path := t.TempDir() + "/ring"
		pass := []byte("a passphrase of the test")
		old, err := seal.Create(path, pass)
		if err != nil {
			t.Fatal(err)
		}
		rotated, err := seal.Open(path, pass)
		if err != nil {
			t.Fatal(err)
		}
		if err := rotated.Rotate(); err != nil {
			t.Fatal(err)
		}
		first, second := account.NewID(), account.NewID()
		if !claim(t, db, contact.New(old), "+8613800138000", first) {
			t.Fatal("the first claim lost")
		}
		if claim(t, db, contact.New(rotated), "+8613800138000", second) {
			t.Error("the number was claimed twice, once under each key")
		}
		for name, ring := range map[string]*seal.Ring{"old": old, "rotated": rotated} {
			if id, err := contact.New(ring).Holder(t.Context(), db, contact.Phone, "+8613800138000"); id != first || err != nil {
				t.Errorf("%s ring finds %v, %v; want %v", name, id, err, first)
			}
		}
	})
}

func TestList(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s, id := contact.New(ring), account.NewID()
		err = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if err := s.Add(t.Context(), tx, id, contact.Email, "a@example.com"); err != nil {
				return err
			}
			return s.Add(t.Context(), tx, id, contact.Phone, "+8613800138000")
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context(), db, id)
		if err != nil || len(list) != 2 || list[0].Address != "+8613800138000" || list[1].Address != "a@example.com" {
			t.Fatalf("List = %+v, %v", list, err)
		}
		if !list[0].VerifiedAt.Equal(c.Now()) {
			t.Errorf("verified at %v; want %v", list[0].VerifiedAt, c.Now())
		}
	})
}
