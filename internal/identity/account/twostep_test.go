package account_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// TestTwoStep: each setting changes once, by itself and for one account only.
func TestTwoStep(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s, ada, bob := account.New(ring), account.NewID(), account.NewID()
		do := func(f func(ctx context.Context, tx *sqldb.Tx) error) {
			t.Helper()
			if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error { return f(t.Context(), tx) }); err != nil {
				t.Fatal(err)
			}
		}
		do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := s.Create(ctx, tx, account.Account{ID: ada, Region: "intl", Locale: "en"}); err != nil {
				return err
			}
			return s.Create(ctx, tx, account.Account{ID: bob, Region: "intl", Locale: "en"})
		})
		type set func(ctx context.Context, tx *sqldb.Tx, id account.ID, on bool) (bool, error)
		for _, step := range []struct {
			name    string
			set     set
			on      bool
			changed bool
			want    [2]bool // two-step, protected
		}{
			{"off while off", s.SetTwoStep, false, false, [2]bool{}},
			{"on", s.SetTwoStep, true, true, [2]bool{true, false}},
			{"on again", s.SetTwoStep, true, false, [2]bool{true, false}},
			{"protected", s.SetProtected, true, true, [2]bool{true, true}},
			{"protected again", s.SetProtected, true, false, [2]bool{true, true}},
			{"off", s.SetTwoStep, false, true, [2]bool{false, true}},
			{"unprotected", s.SetProtected, false, true, [2]bool{}},
		} {
			do(func(ctx context.Context, tx *sqldb.Tx) error {
				changed, err := step.set(ctx, tx, ada, step.on)
				if changed != step.changed {
					t.Errorf("%s: changed %v", step.name, changed)
				}
				return err
			})
			a, err := s.Load(t.Context(), db, ada)
			if diff := cmp.Diff(step.want, [2]bool{a.TwoStep, a.Protected}); err != nil || diff != "" {
				t.Errorf("%s: %v %s", step.name, err, diff)
			}
			if since := !a.TwoStepSince.IsZero(); since != step.want[0] {
				t.Errorf("%s: since %v", step.name, a.TwoStepSince)
			}
			if b, err := s.Load(t.Context(), db, bob); err != nil || b.TwoStep || b.Protected {
				t.Errorf("%s: another account has %+v, %v", step.name, b, err)
			}
		}
	})
}
