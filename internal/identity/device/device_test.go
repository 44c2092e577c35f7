package device_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

type shelf struct {
	*device.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
}

func each(t *testing.T, f func(s *shelf)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&shelf{device.New(ring), t, db, c})
	})
}

func (s *shelf) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	s.t.Helper()
	if err := s.db.InTx(s.t.Context(), func(tx *sqldb.Tx) error { return f(s.t.Context(), tx) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) remember(id account.ID, secret, name string) (d device.Device) {
	s.t.Helper()
	s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		d, err = s.Remember(ctx, tx, id, secret, device.Device{Kind: "phone", Name: name, Place: "Oslo"})
		return err
	})
	return d
}

func (s *shelf) known(id account.ID, secret string) bool {
	s.t.Helper()
	_, known, err := s.Known(s.t.Context(), s.db, id, secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return known
}

// TestS064_BoundToOneAccount: a device is known to the account that remembered
// it; its secret says nothing to another, and its ID does not give it away.
func TestS064_BoundToOneAccount(t *testing.T) {
	each(t, func(s *shelf) {
		d := s.remember(ada, "secret", "Pixel 9")
		if !s.known(ada, "secret") || s.known(bob, "secret") || s.known(0, "secret") || s.known(ada, "other") || s.known(ada, "") {
			s.t.Error("known where it should not be, or not where it should")
		}
		other := s.remember(bob, "secret", "Pixel 9")
		if d.ID == other.ID || strings.Contains(d.ID, "secret") || len(d.ID) != 22 {
			s.t.Errorf("IDs %s and %s", d.ID, other.ID)
		}
		if s.known(ada, d.ID) {
			s.t.Error("the ID serves as the secret")
		}
	})
}

// TestRemember: a device that comes back keeps its ID and its beginning.
func TestRemember(t *testing.T) {
	each(t, func(s *shelf) {
		first := s.remember(ada, "secret", "Old name")
		began := s.clock.Now()
		s.clock.Advance(time.Hour)
		again := s.remember(ada, "secret", "New name")
		got, err := s.Load(s.t.Context(), s.db, ada, first.ID)
		want := device.Device{ID: first.ID, Kind: "phone", Name: "New name", Place: "Oslo", CreatedAt: began, UsedAt: s.clock.Now()}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || again.ID != first.ID {
			s.t.Errorf("%v %s", err, diff)
		}
		list, err := s.List(s.t.Context(), s.db, ada)
		if diff := cmp.Diff([]device.Device{want}, list); err != nil || diff != "" {
			s.t.Errorf("%v %s", err, diff)
		}
	})
}

// TestS062_LoadByOwner: a stranger's device, a missing one and a text that is no
// ID are all not there.
func TestS062_LoadByOwner(t *testing.T) {
	each(t, func(s *shelf) {
		d := s.remember(ada, "secret", "Pixel 9")
		for _, id := range []string{d.ID[1:], "", "\x00", "\xff\xfe", strings.Repeat("A", 22), strings.Repeat("A", 9999), d.ID + "\x00"} {
			if _, err := s.Load(s.t.Context(), s.db, ada, id); !errors.Is(err, sqldb.ErrNone) {
				s.t.Errorf("%.10q: %v", id, err)
			}
		}
		if _, err := s.Load(s.t.Context(), s.db, bob, d.ID); !errors.Is(err, sqldb.ErrNone) {
			s.t.Errorf("a stranger's: %v", err)
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if found, err := s.Forget(ctx, tx, bob, d.ID); err != nil || found {
				s.t.Errorf("a stranger forgets it: %v, %v", found, err)
			}
			return nil
		})
		if !s.known(ada, "secret") {
			s.t.Error("it is gone")
		}
	})
}

// TestForget: one, and all but one.
func TestForget(t *testing.T) {
	each(t, func(s *shelf) {
		var ids []string
		for i := range 4 {
			ids = append(ids, s.remember(ada, fmt.Sprint(i), "Pixel").ID)
		}
		s.remember(bob, "0", "Pixel")
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			found, err := s.Forget(ctx, tx, ada, ids[0])
			if err != nil || !found {
				s.t.Errorf("forgetting: %v, %v", found, err)
			}
			return s.ForgetOthers(ctx, tx, ada, ids[2])
		})
		for i, want := range []bool{false, false, true, false} {
			if s.known(ada, fmt.Sprint(i)) != want {
				s.t.Errorf("device %d is known: %v", i, !want)
			}
		}
		if !s.known(bob, "0") {
			s.t.Error("another account forgot too")
		}
	})
}

// TestBeyond: the hundred that were used last are kept.
func TestBeyond(t *testing.T) {
	each(t, func(s *shelf) {
		for i := range 103 {
			s.clock.Advance(time.Second)
			s.remember(ada, fmt.Sprint(i), "")
		}
		s.clock.Advance(time.Second)
		s.remember(ada, "0", "") // used again
		old, err := s.Beyond(s.t.Context(), s.db, ada)
		if err != nil || len(old) != 3 {
			s.t.Fatalf("%v, %v; want three", old, err)
		}
		for _, id := range old {
			d, err := s.Load(s.t.Context(), s.db, ada, id)
			if err != nil || d.UsedAt.After(sqldbtest.Start.Add(4*time.Second)) {
				s.t.Errorf("%v is beyond, %v", d.UsedAt, err)
			}
		}
		if none, err := s.Beyond(s.t.Context(), s.db, bob); err != nil || len(none) != 0 {
			s.t.Errorf("of nobody: %v, %v", none, err)
		}
	})
}

// TestS161_Sealed: what a person calls a device and where it was stands sealed.
func TestS161_Sealed(t *testing.T) {
	each(t, func(s *shelf) {
		d := s.remember(ada, "secret", "Ada's phone")
		var name, place []byte
		if err := s.db.QueryRow(s.t.Context(), `SELECT name, place FROM device WHERE id = $1`, d.ID).Scan(&name, &place); err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(string(name), "Ada") || strings.Contains(string(place), "Oslo") {
			s.t.Error("it can be read")
		}
		if _, err := s.OpenText("name", d.ID, place); err == nil {
			s.t.Error("a place opens as a name")
		}
		if text, err := s.OpenText("name", d.ID, nil); err != nil || text != "" {
			s.t.Errorf("nothing opens as %q, %v", text, err)
		}
	})
}
