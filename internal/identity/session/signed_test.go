package session_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// TestS060_SignedElsewhere: what ended, expired, is of an earlier epoch or of an
// account that lets nobody in is not signed in, here as in Check.
func TestS060_SignedElsewhere(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		own := p.check(p.signIn("own"))
		look := func(what, except string, want ...string) {
			t.Helper()
			list, err := p.sessions.Elsewhere(t.Context(), db, p.account.ID, except)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range list {
				got = append(got, s.ID)
				if s.Device.Name != "Pixel 9" || s.Device.Kind != "phone" || s.Device.ID == "" || !s.AccountAt.Equal(p.account.CreatedAt) || s.CreatedAt.IsZero() || s.Device.CreatedAt.IsZero() {
					t.Errorf("%s: %+v", what, s)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			if except != "" {
				return
			}
			ids := []account.ID{p.account.ID}
			for range 300 {
				ids = append(ids, account.NewID())
			}
			alive, err := p.sessions.Alive(t.Context(), db, ids)
			if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(alive))); err != nil || diff != "" {
				t.Errorf("%s: alive: %v %s", what, err, diff)
			}
		}
		look("nobody else", own.DeviceID)
		c.Advance(time.Second)
		other := p.check(p.signIn("other"))
		look("another", own.DeviceID, other.ID)
		look("all", "", other.ID, own.ID)
		p.do(func(tx *sqldb.Tx) error {
			_, err := p.sessions.End(t.Context(), tx, p.account.ID, other.ID)
			return err
		})
		look("ended", own.DeviceID)
		c.Advance(14*24*time.Hour - time.Second)
		look("expired", "")
		late := p.check(p.signIn("late"))
		look("signed in anew", "", late.ID)
		exec := func(query string) {
			p.do(func(tx *sqldb.Tx) error { _, err := tx.Exec(t.Context(), query); return err })
		}
		exec(`UPDATE account SET state = 'frozen'`)
		look("frozen", "")
		exec(`UPDATE account SET state = 'active', epoch = epoch + 1`)
		look("of an earlier epoch", "")
	})
}
