// Package footprint holds from where an account was signed in to lately: networks
// as keyed hashes that mean nothing for another account, countries, and rough
// positions. It is what "a new network" and "a new country" are measured against.
// It must never hold an address, never be shown to anybody but the owner, and
// never decide what is suspicious. It owns the table footprint.
package footprint

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/place"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const (
	// keptFor is how long a footprint counts, and most how many an account leaves.
	keptFor = 90 * 24 * time.Hour
	most    = 50
	// againAfter bounds how often the same footprint is written.
	againAfter = time.Hour
)

// Past is what the footprints of an account say about a place.
type Past struct {
	Any     bool      // there are footprints at all
	SeenAt  time.Time // when the account was last signed in to from this network; zero: not lately
	Country bool      // it was from this country before, or the country of none of them is known
	Last    place.Spot
	LastAt  time.Time // when and where it was signed in to last; zero: not known
}

// Store keeps footprints.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// networks are the keyed hashes of the network of an address (IPv4 /24, IPv6 /48) for
// one account, that under the present key first. Behind carriers and at home it is
// what stays the same for days.
func (s *Store) networks(id account.ID, addr netip.Addr) (names []string) {
	bits := 24
	if addr = addr.Unmap(); addr.Is6() {
		bits = 48
	}
	prefix, _ := addr.Prefix(bits) // no address: one network, the unknown one
	for _, index := range s.ring.Indexes("footprint", id.String()+"\x00"+prefix.String()) {
		names = append(names, base64.RawURLEncoding.EncodeToString(index))
	}
	return names
}

func where(id int64, network string) seal.Place {
	return seal.Place{Table: "footprint", Column: "spot", Row: fmt.Sprintf("%d.%s", id, network)}
}

// Compare holds an address and the place it is known to be at against the
// footprints of an account.
func (s *Store) Compare(ctx context.Context, q sqldb.Querier, id account.ID, addr netip.Addr, at place.Spot) (Past, error) {
	rows, err := q.Query(ctx, `SELECT network, country, spot, seen_at FROM footprint WHERE account_id = $1 AND seen_at > $2 ORDER BY seen_at DESC`,
		int64(id), sqldb.Micros(q.Now().Add(-keptFor)))
	if err != nil {
		return Past{}, err
	}
	defer rows.Close()
	p, here, countries := Past{}, s.networks(id, addr), 0
	for rows.Next() {
		var spot []byte
		var network, country string
		var seen int64
		if err := rows.Scan(&network, &country, &spot, &seen); err != nil {
			return p, err
		}
		if !p.Any && len(spot) > 0 {
			plain, err := s.ring.Open(spot, where(int64(id), network))
			if err != nil {
				return p, err
			}
			if err := json.Unmarshal(plain, &p.Last); err != nil {
				return p, err
			}
			p.LastAt = sqldb.FromMicros(seen)
		}
		p.Any = true
		if slices.Contains(here, network) {
			p.SeenAt = sqldb.FromMicros(seen)
		}
		if country != "" {
			countries++
			p.Country = p.Country || country == at.Country
		}
	}
	p.Country = p.Country || countries == 0 || at.Country == ""
	return p, rows.Err()
}

// Leave notes a sign-in; p is what Compare said before it.
func (s *Store) Leave(ctx context.Context, tx *sqldb.Tx, id account.ID, addr netip.Addr, at place.Spot, p Past) error {
	if tx.Now().Sub(p.SeenAt) < againAfter {
		return nil
	}
	network, spot := s.networks(id, addr)[0], []byte{}
	if at.Known() {
		plain, err := json.Marshal(at)
		if err != nil {
			return err
		}
		spot = s.ring.Seal(plain, where(int64(id), network))
	}
	_, err := tx.Exec(ctx, `INSERT INTO footprint (account_id, network, country, spot, seen_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id, network) DO UPDATE SET country = excluded.country, spot = excluded.spot, seen_at = excluded.seen_at`,
		int64(id), network, at.Country, spot, sqldb.Micros(tx.Now()))
	if err != nil || !p.SeenAt.IsZero() || !p.Any {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM footprint WHERE account_id = $1 AND (seen_at <= $2 OR network IN
		(SELECT network FROM footprint WHERE account_id = $1 ORDER BY seen_at DESC, network LIMIT 1000 OFFSET $3))`,
		int64(id), sqldb.Micros(tx.Now().Add(-keptFor)), most)
	return err
}

// Erase removes the footprints of an account.
func (s *Store) Erase(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	_, err := tx.Exec(ctx, `DELETE FROM footprint WHERE account_id = $1`, int64(id))
	return err
}

// Sealed names the sealed column, for a rotation of the keys. The keyed hashes are
// written anew as people sign in, well within the life of an old key.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "footprint", Sealed: "spot", Key: []string{"account_id", "network"},
		Place: func(key []any) seal.Place { return where(key[0].(int64), key[1].(string)) }}}
}
