package contact_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// shelf is a store of contacts, on each engine.
type shelf struct {
	*testing.T
	*contact.Store
	db    *sqldb.DB
	clock *clock.Clock
}

func each(t *testing.T, f func(s *shelf)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&shelf{t, contact.New(ring), db, c})
	})
}

func (s *shelf) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	s.Helper()
	if err := s.db.InTx(s.Context(), func(tx *sqldb.Tx) error { return f(s.Context(), tx) }); err != nil {
		s.Fatal(err)
	}
}

// give claims and adds a phone.
func (s *shelf) give(id account.ID, phone string) {
	s.Helper()
	if !claim(s.T, s.db, s.Store, phone, id) {
		s.Fatalf("%s is held already", phone)
	}
	s.do(func(ctx context.Context, tx *sqldb.Tx) error { return s.Add(ctx, tx, id, contact.Phone, phone) })
}

func (s *shelf) replace(id account.ID, phone string) (won bool) {
	s.Helper()
	s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		_, won, err = s.Replace(ctx, tx, id, contact.Phone, phone)
		return err
	})
	return won
}

// phone is the phone of an account; "" if it has none.
func (s *shelf) phone(id account.ID) string {
	s.Helper()
	list, err := s.List(s.Context(), s.db, id)
	if err != nil {
		s.Fatal(err)
	}
	c, _ := contact.Of(list, contact.Phone)
	return c.Address
}

func (s *shelf) holder(phone string) account.ID {
	s.Helper()
	id, err := s.Holder(s.Context(), s.db, contact.Phone, phone)
	if err != nil {
		s.Fatal(err)
	}
	return id
}

func (s *shelf) formers(phone string) []account.ID {
	s.Helper()
	list, err := s.FormerHolders(s.Context(), s.db, contact.Phone, phone)
	if err != nil {
		s.Fatal(err)
	}
	return list
}

const first, second, third = "+8613800138000", "+8613900139000", "+8613700137000"

// TestReplace: the new address is claimed, the old one is free at once and is
// remembered for its account; whoever has it next is not who had it.
func TestReplace(t *testing.T) {
	each(t, func(s *shelf) {
		a, b := account.NewID(), account.NewID()
		s.give(a, first)
		if s.give(b, second); s.replace(a, second) {
			t.Error("a number that another account holds was taken")
		}
		if s.phone(a) != first || s.holder(first) != a || len(s.formers(first)) != 0 {
			t.Error("a lost claim has changed something")
		}
		s.clock.Advance(time.Hour)
		if !s.replace(a, third) {
			t.Fatal("a free number was not taken")
		}
		list, err := s.List(t.Context(), s.db, a)
		if err != nil || list[0].Address != third || !list[0].Replaced || !list[0].VerifiedAt.Equal(s.clock.Now()) {
			t.Errorf("now it has %+v, %v", list, err)
		}
		if s.holder(first) != 0 || s.holder(third) != a || !slices.Equal(s.formers(first), []account.ID{a}) {
			t.Errorf("%s is held by %v and was held by %v", first, s.holder(first), s.formers(first))
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if _, err := s.Release(ctx, tx, b, contact.Phone); err != nil {
				return err
			}
			_, err := s.Release(ctx, tx, b, contact.Phone)
			if !errors.Is(err, sqldb.ErrNone) {
				t.Errorf("releasing twice: %v", err)
			}
			return nil
		})
		if s.give(b, first); s.holder(first) != b || !slices.Equal(s.formers(first), []account.ID{a}) {
			t.Error("the freed number is not the next one's, or its past is lost")
		}
	})
}

// TestTopic_X01_Former: for FormerFor, not longer.
func TestTopic_X01_Former(t *testing.T) {
	each(t, func(s *shelf) {
		a := account.NewID()
		s.give(a, first)
		s.clock.Advance(time.Hour)
		s.replace(a, second)
		s.clock.Advance(time.Hour)
		s.replace(a, third)
		list, err := s.Former(t.Context(), s.db, a, s.clock.Now().Add(-contact.FormerFor))
		if err != nil || len(list) != 2 || list[0].Address != second || list[1].Address != first {
			t.Fatalf("Former = %+v, %v", list, err)
		}
		s.clock.Advance(contact.FormerFor - time.Hour)
		if len(s.formers(first)) != 0 || len(s.formers(second)) != 1 {
			t.Error("the first is still found after its time, or the second no more")
		}
		s.clock.Advance(time.Hour + time.Second)
		if err := s.SweepFormer(t.Context(), s.db); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"contact_former", "contact_former_holder"} {
			var n int
			if err := s.db.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d rows are left in %s, %v", n, table, err)
			}
		}
	})
}

// TestRestore: the owner's number comes back with its age, and nothing of who
// had the account meanwhile is remembered.
func TestRestore(t *testing.T) {
	each(t, func(s *shelf) {
		a, b := account.NewID(), account.NewID()
		s.give(a, first)
		list, err := s.List(t.Context(), s.db, a)
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Hour)
		since := s.clock.Now()
		s.replace(a, second)
		s.clock.Advance(time.Hour)
		s.replace(a, third)
		restore := func(id account.ID) (won bool) {
			s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				won, err = s.Restore(ctx, tx, id, list[0], since)
				return err
			})
			return won
		}
		for range 2 { // the second time there is nothing to do
			if !restore(a) {
				t.Fatal("it was not restored, or not twice")
			}
		}
		now, err := s.List(t.Context(), s.db, a)
		if err != nil || now[0].Address != first || !now[0].VerifiedAt.Equal(list[0].VerifiedAt) || now[0].Replaced {
			t.Errorf("now it has %+v, %v", now, err)
		}
		if s.holder(third) != 0 || len(s.formers(second)) != 0 || len(s.formers(third)) != 0 {
			t.Error("the intruder's numbers are held or remembered")
		}
		s.replace(a, second)
		if s.give(b, first); restore(a) {
			t.Error("a number that another account has by now was taken from it")
		}
		if s.phone(a) != "" || s.phone(b) != first {
			t.Errorf("a has %q, b has %q; want none and its own", s.phone(a), s.phone(b))
		}
	})
}

// TestR026_FormerAfterRotation: what was written under an old key is found under
// the new one after a walk.
func TestR026_FormerAfterRotation(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		path, pass := t.TempDir()+"/ring", []byte("a passphrase of the test")
		old, err := seal.Create(path, pass)
		if err != nil {
			t.Fatal(err)
		}
		s := &shelf{t, contact.New(old), db, c}
		a := account.NewID()
		s.give(a, first)
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := s.Release(ctx, tx, a, contact.Phone)
			return err
		})
		if err := old.Rotate(); err != nil {
			t.Fatal(err)
		}
		for want := 1; want >= 0; want-- {
			if _, added, err := s.Reindex(t.Context(), db, 0, 10); err != nil || added != want {
				t.Errorf("Reindex added %d, %v; want %d", added, err, want)
			}
		}
		var under int
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM contact_former_holder`).Scan(&under); err != nil || under != 2 {
			t.Errorf("it stands under %d keys, %v; want 2", under, err)
		}
		if !slices.Equal(s.formers(first), []account.ID{a}) {
			t.Error("it is found no more, or twice")
		}
	})
}
