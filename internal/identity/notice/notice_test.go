package notice_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func write(t *testing.T, db *sqldb.DB, s *notice.Store, list ...notice.Notice) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		for _, n := range list {
			if err := s.Write(t.Context(), tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheOwnerSeesWhatWasTold(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s, mine, other, now := notice.New(ring), account.NewID(), account.NewID(), c.Now()
		first := notice.Notice{AccountID: mine, ID: "m1", At: now.Add(-time.Hour), Purpose: "notice_device", Channel: "sms", To: "+86 138 **** 8000"}
		second := notice.Notice{AccountID: mine, ID: "m2", At: now, Purpose: "notice_password", Channel: "email", To: "a***@example.com"}
		write(t, db, s, first, second, first, notice.Notice{AccountID: other, ID: "m3", At: now, Purpose: "notice_device", Channel: "sms", To: "+1 *** 0123"})

		for _, tt := range []struct {
			name   string
			before time.Time
			n      int
			want   []notice.Notice
		}{
			{"all, the newest first", time.Time{}, 10, []notice.Notice{second, first}},
			{"a page", time.Time{}, 1, []notice.Notice{second}},
			{"the next page", second.At, 10, []notice.Notice{first}},
		} {
			got, err := s.List(t.Context(), db, mine, tt.before, tt.n)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", tt.name, err, diff)
			}
		}
		for _, tt := range []struct {
			purpose string
			since   time.Time
			want    bool
		}{{"notice_device", now.Add(-2 * time.Hour), true}, {"notice_device", now.Add(-time.Minute), false}, {"notice_contact", time.Time{}, false}} {
			if got, err := s.Told(t.Context(), db, mine, tt.purpose, tt.since); got != tt.want || err != nil {
				t.Errorf("Told(%s, %v) = %v, %v", tt.purpose, tt.since, got, err)
			}
		}
	})
}

func TestSweepForgetsWhatIsOld(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s, mine := notice.New(ring), account.NewID()
		var old []notice.Notice
		for i := range 600 { // more than one step
			id := strings.Repeat("x", 1+i/26) + string(rune('a'+i%26))
			old = append(old, notice.Notice{AccountID: mine, ID: id, At: c.Now().Add(-notice.KeepFor - time.Second), Purpose: "notice_device", Channel: "sms"})
		}
		write(t, db, s, old...)
		write(t, db, s, notice.Notice{AccountID: mine, ID: "young", At: c.Now().Add(-notice.KeepFor + time.Second), Purpose: "notice_device", Channel: "sms"})
		if err := s.Sweep(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		left, err := s.List(t.Context(), db, mine, time.Time{}, 1000)
		if err != nil || len(left) != 1 || left[0].ID != "young" {
			t.Errorf("%d are left, %v", len(left), err)
		}
	})
}

func TestR026_ContactsMoveToANewKey(t *testing.T) {
	db, path := sqldbtest.SQLite(t, clock.At(sqldbtest.Start)), t.TempDir()+"/ring"
	ring, err := seal.Create(path, []byte("a passphrase of the test"))
	if err != nil {
		t.Fatal(err)
	}
	s, mine := notice.New(ring), account.NewID()
	write(t, db, s, notice.Notice{AccountID: mine, ID: "m1", At: sqldbtest.Start, Purpose: "notice_device", Channel: "sms", To: "+86 138 **** 8000"})
	if err := ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	done, err := rekey.Walk(t.Context(), db, ring, notice.Sealed()[0])
	if err != nil || done != (rekey.Done{Seen: 1, Changed: 1}) {
		t.Errorf("Walk = %+v, %v", done, err)
	}
	list, err := s.List(t.Context(), db, mine, time.Time{}, 1)
	if err != nil || len(list) != 1 || list[0].To != "+86 138 **** 8000" {
		t.Errorf("after it: %+v, %v", list, err)
	}
}
