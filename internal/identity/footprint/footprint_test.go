package footprint_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/place"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob account.ID = 482109375564, 295635910556

var (
	oslo   = place.Spot{Country: "NO", Lat: 59.91, Lon: 10.75}
	berlin = place.Spot{Country: "DE", Lat: 52.52, Lon: 13.4}
	home   = netip.MustParseAddr("192.0.2.7")
	phone  = netip.MustParseAddr("2001:db8:1:2::7")
)

// walk is somebody who signs in here and there.
type walk struct {
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
	store *footprint.Store
}

func each(t *testing.T, f func(w walk)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(walk{t, db, c, footprint.New(ring)})
	})
}

func (w walk) past(id account.ID, addr netip.Addr, at place.Spot) footprint.Past {
	w.t.Helper()
	p, err := w.store.Compare(w.t.Context(), w.db, id, addr, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// in signs in.
func (w walk) in(id account.ID, addr netip.Addr, at place.Spot) {
	w.t.Helper()
	p := w.past(id, addr, at)
	if err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error { return w.store.Leave(w.t.Context(), tx, id, addr, at, p) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w walk) rows() (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(context.Background(), `SELECT COUNT(*) FROM footprint`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestFootprints(t *testing.T) {
	each(t, func(w walk) {
		if p := w.past(ada, home, oslo); p.Any || !p.Country {
			t.Errorf("before anything: %+v", p)
		}
		start := w.clock.Now()
		w.in(ada, home, oslo)
		w.clock.Advance(2 * time.Hour)
		for _, tt := range []struct {
			name string
			addr netip.Addr
			at   place.Spot
			id   account.ID
			want footprint.Past
		}{
			{"the same network", netip.MustParseAddr("192.0.2.200"), oslo, ada, footprint.Past{Any: true, SeenAt: start, Country: true, Last: oslo, LastAt: start}},
			{"as IPv6 writes it", netip.MustParseAddr("::ffff:192.0.2.9"), oslo, ada, footprint.Past{Any: true, SeenAt: start, Country: true, Last: oslo, LastAt: start}},
			{"another network", netip.MustParseAddr("192.0.3.7"), oslo, ada, footprint.Past{Any: true, Country: true, Last: oslo, LastAt: start}},
			{"another country", phone, berlin, ada, footprint.Past{Any: true, Last: oslo, LastAt: start}},
			{"a place that is not known", phone, place.Spot{}, ada, footprint.Past{Any: true, Country: true, Last: oslo, LastAt: start}},
			{"no address", netip.Addr{}, oslo, ada, footprint.Past{Any: true, Country: true, Last: oslo, LastAt: start}},
			{"another account", home, oslo, bob, footprint.Past{Country: true}},
		} {
			if diff := cmp.Diff(tt.want, w.past(tt.id, tt.addr, tt.at)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
		w.in(ada, phone, berlin)
		if p := w.past(ada, phone, berlin); p.Last != berlin || !p.Country || p.SeenAt.IsZero() {
			t.Errorf("after a journey: %+v", p)
		}
		w.clock.Advance(91 * 24 * time.Hour)
		if p := w.past(ada, home, oslo); p.Any {
			t.Errorf("after three months: %+v", p)
		}
	})
}

// What is noted again within the hour is not written, and old footprints go.
func TestFootprints_AreFew(t *testing.T) {
	each(t, func(w walk) {
		for n := range 60 {
			w.in(ada, netip.MustParseAddr(fmt.Sprintf("10.0.%d.1", n)), oslo)
			w.clock.Advance(time.Minute)
		}
		w.in(bob, home, oslo)
		if n := w.rows(); n != 51 {
			t.Errorf("%d rows; want 50 and another's", n)
		}
		w.clock.Advance(100 * 24 * time.Hour)
		w.in(ada, home, oslo)
		w.in(ada, phone, oslo)
		if n := w.rows(); n > 53 {
			t.Errorf("%d rows", n)
		}
		if err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error { return w.store.Erase(t.Context(), tx, ada) }); err != nil || w.rows() != 1 {
			t.Errorf("after erasing: %d rows, %v", w.rows(), err)
		}
	})
}

// Nothing of an address stands in the table.
func TestFootprints_HoldNoAddress(t *testing.T) {
	each(t, func(w walk) {
		w.in(ada, home, oslo)
		w.in(bob, home, oslo)
		rows, err := w.db.Query(t.Context(), `SELECT network FROM footprint`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		seen := map[string]bool{}
		for rows.Next() {
			var network string
			if err := rows.Scan(&network); err != nil {
				t.Fatal(err)
			}
			seen[network] = true
		}
		if len(seen) != 2 {
			t.Errorf("two accounts in one network are told apart by %d hashes", len(seen))
		}
	})
}
