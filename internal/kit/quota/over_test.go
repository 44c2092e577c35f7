package quota_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// What Spend lets through is never over its limit; under a lower one it is.
func TestOver(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		b := quota.New(key)
		wide := quota.Limit{Name: "wide", Windows: []quota.Window{{Max: 100, Per: time.Hour}}}
		for range 300 { // more marks than are kept one by one, refused ones among them
			spend(t, db, b, quota.Spend{Limit: wide, Subject: "a"}, quota.Spend{Limit: tries, Subject: "a"})
			spend(t, db, b, quota.Spend{Limit: wide, Subject: "b"})
			c.Advance(25 * time.Second)
		}
		over := func(limits ...quota.Limit) map[string]int {
			t.Helper()
			got, err := quota.Over(t.Context(), db, limits...)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := over(wide, tries, texts); len(got) != 0 {
			t.Errorf("over their limits: %v; want none", got)
		}
		lower := wide
		lower.Windows = []quota.Window{{Max: 80, Per: time.Hour}}
		fewer := tries
		fewer.Windows = []quota.Window{{Max: 2, Per: time.Hour}}
		want := map[string]int{"wide": 1, "tries": 1}
		if diff := cmp.Diff(want, over(lower, fewer)); diff != "" {
			t.Errorf("under lower limits (-want +got):\n%s", diff)
		}
	})
}
