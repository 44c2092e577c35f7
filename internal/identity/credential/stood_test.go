package credential

import (
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// TestStoodAt: of an account whose password was changed by its owner, by a thief
// and by the thief again, what counts as knowledge of before each moment.
func TestStoodAt(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h, id, least := house{newPasswords(t, Profile{MemoryKiB: 64, Time: 1, Threads: 1}), t, db}, account.NewID(), 72*time.Hour
		began := c.Now()
		day := func(n float64) time.Time { return began.Add(time.Duration(n * 24 * float64(time.Hour))) }
		for _, change := range []struct {
			on       float64
			password string
		}{{0, "the first one"}, {30, "the second one"}, {40, "the thief one"}, {40.5, "the thief two"}} {
			c.Advance(day(change.on).Sub(c.Now()))
			h.set(id, change.password)
		}
		s := h.load(id)
		for _, tt := range []struct {
			at   float64
			want string
		}{
			{10, "the first one"}, {30, "the first one"}, {31, "the first one"}, {34, "the second one"},
			{40, "the second one"}, {40.5, "the second one"}, {41, "the second one"}, {44, "the thief two"},
		} {
			then, err := h.StoodAt(s, day(tt.at), least)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"the first one", "the second one", "the thief one", "the thief two"} {
				if right := check(t, h.Passwords, then, word).Right; right != (word == tt.want) {
					t.Errorf("on day %v %q is right: %v; want %q", tt.at, word, right, tt.want)
				}
			}
		}
		if at := s.ReplacedAt(least); !at.Equal(day(40)) {
			t.Errorf("the last that stood long was replaced at %v", at)
		}
		if then, err := h.StoodAt(Stored{}, day(44), least); err != nil || then.IsSet() {
			t.Errorf("of no password: %v, %v", then, err)
		}
	})
}

// TestFresh: neither the present password nor one of those before is new.
func TestFresh(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		h, id := house{newPasswords(t, Profile{MemoryKiB: 64, Time: 1, Threads: 1}), t, db}, account.NewID()
		if err := h.Fresh(t.Context(), h.load(id), "anything at all"); err != nil {
			t.Errorf("without a password: %v", err)
		}
		first := c.Now()
		h.set(id, "blue kettle")
		c.Advance(time.Hour)
		h.set(id, "red kettle")
		second := c.Now()
		for word, want := range map[string]struct {
			arg string
			at  time.Time
		}{"blue kettle": {"replaced_at", second}, "red kettle": {"since", second}, "green kettle": {}} {
			f := fault.From(h.Fresh(t.Context(), h.load(id), word))
			if (f == nil) != (want.arg == "") || f != nil && (!PasswordReused.Is(f) || !f.Args[want.arg].(time.Time).Equal(want.at)) {
				t.Errorf("%q (set at %v): %+v", word, first, f)
			}
		}
	})
}
