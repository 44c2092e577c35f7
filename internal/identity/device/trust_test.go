package device_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// TestS064_Trust: trust is of one account's device, ends by itself, and a device
// that comes back keeps it.
func TestS064_Trust(t *testing.T) {
	each(t, func(s *shelf) {
		one, two := s.remember(ada, "one", "Pixel"), s.remember(ada, "two", "Laptop")
		s.remember(bob, "one", "Pixel")
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			until := tx.Now().Add(90 * 24 * time.Hour)
			for _, d := range []string{one.ID, two.ID} {
				if found, err := s.Trust(ctx, tx, ada, d, until); err != nil || !found {
					s.t.Errorf("trusting: %v, %v", found, err)
				}
			}
			if found, err := s.Trust(ctx, tx, bob, one.ID, until); err != nil || found {
				s.t.Errorf("a stranger trusts it: %v, %v", found, err)
			}
			return nil
		})
		s.remember(ada, "one", "Pixel again")
		s.wantTrusted(true, true, false)
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			n, err := s.Distrust(ctx, tx, ada, one.ID)
			if n != 1 {
				s.t.Errorf("it ended in %d; want 1", n)
			}
			return err
		})
		s.wantTrusted(true, false, false)
		s.clock.Advance(90*24*time.Hour - time.Microsecond)
		s.wantTrusted(true, false, false)
		s.clock.Advance(time.Microsecond)
		s.wantTrusted(false, false, false)
		s.do(func(ctx context.Context, tx *sqldb.Tx) error { _, err := s.Distrust(ctx, tx, ada, ""); return err })
		list, err := s.List(s.t.Context(), s.db, ada)
		if err != nil || len(list) != 2 || !list[0].TrustedUntil.IsZero() || !list[1].TrustedUntil.IsZero() {
			s.t.Errorf("the list says %+v, %v", list, err)
		}
	})
}

// wantTrusted looks at ada's two devices and at bob's.
func (s *shelf) wantTrusted(want ...bool) {
	s.t.Helper()
	var got []bool
	for _, who := range []string{"one", "two"} {
		d, known, err := s.Known(s.t.Context(), s.db, ada, who)
		if err != nil || !known {
			s.t.Fatalf("%v, %v", known, err)
		}
		loaded, err := s.Load(s.t.Context(), s.db, ada, d.ID)
		if err != nil || loaded.Trusted(s.clock.Now()) != d.Trusted(s.clock.Now()) {
			s.t.Errorf("%s: Load and Known differ, %v", who, err)
		}
		got = append(got, d.Trusted(s.clock.Now()))
	}
	d, _, err := s.Known(s.t.Context(), s.db, bob, "one")
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(want, append(got, d.Trusted(s.clock.Now()))); diff != "" {
		s.t.Errorf("trusted: %s", diff)
	}
}
