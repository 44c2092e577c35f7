package session

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Signed is a live session as others of its account see it.
type Signed struct {
	ID        string
	CreatedAt time.Time
	Device    device.Device // ID, Kind, Name and CreatedAt
	// AccountAt is when the account was made.
	AccountAt time.Time
}

// signedQuery finds sessions that stand as checkQuery would find them; how long
// they live is reckoned where they are read.
const signedQuery = `SELECT s.id, s.created_at, s.used_at, a.state, a.created_at, d.id, d.kind, d.name, d.created_at
	FROM session s JOIN account a ON a.id = s.account_id AND a.epoch = s.epoch JOIN device d ON d.account_id = s.account_id AND d.id = s.device_id
	WHERE s.account_id = $1 AND s.device_id <> $2 ORDER BY s.used_at DESC, s.id`

// Elsewhere lists the live sessions of an account but those on one device (empty:
// all), the latest used first. An account whose state lets nobody in has none.
func (s *Store) Elsewhere(ctx context.Context, q sqldb.Querier, id account.ID, deviceID string) ([]Signed, error) {
	rows, err := q.Query(ctx, signedQuery, int64(id), deviceID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Signed
	for rows.Next() {
		var one Signed
		var created, used, made, met int64
		var name []byte
		var state account.State
		if err := rows.Scan(&one.ID, &created, &used, &state, &made, &one.Device.ID, &one.Device.Kind, &name, &met); err != nil {
			return nil, err
		}
		one.CreatedAt, one.AccountAt, one.Device.CreatedAt = sqldb.FromMicros(created), sqldb.FromMicros(made), sqldb.FromMicros(met)
		if account.Gate(state) != nil || !q.Now().Before(s.expires(one.CreatedAt, sqldb.FromMicros(used))) {
			continue
		}
		if one.Device.Name, err = s.devices.OpenText("name", one.Device.ID, name); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// aliveMost is how many accounts one question of Alive is about.
const aliveMost = 200

// Alive tells which sessions of some accounts stand, by their IDs: one read for
// every 200 accounts, for those who watch many.
func (s *Store) Alive(ctx context.Context, q sqldb.Querier, ids []account.ID) (map[string]bool, error) {
	out := map[string]bool{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), aliveMost)]
		ids = ids[len(some):]
		if err := s.alive(ctx, q, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) alive(ctx context.Context, q sqldb.Querier, ids []account.ID, out map[string]bool) error {
	args := make([]any, aliveMost) // one text, whatever their number
	for i := range args {
		args[i] = int64(ids[min(i, len(ids)-1)])
	}
	rows, err := q.Query(ctx, `SELECT s.id, s.created_at, s.used_at, a.state FROM session s JOIN account a ON a.id = s.account_id AND a.epoch = s.epoch
		WHERE s.account_id IN `+sqldb.In(1, aliveMost), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var created, used int64
		var state account.State
		if err := rows.Scan(&id, &created, &used, &state); err != nil {
			return err
		}
		if account.Gate(state) == nil && q.Now().Before(s.expires(sqldb.FromMicros(created), sqldb.FromMicros(used))) {
			out[id] = true
		}
	}
	return rows.Err()
}
