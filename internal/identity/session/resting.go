package session

import (
	"context"
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// EndResting ends the sessions of an account that rest on one key alone, because
// that key proves nothing any more (S-36). The session keep stays: whoever takes a
// key away has proved more just now. It answers how many ended.
func (s *Store) EndResting(ctx context.Context, tx *sqldb.Tx, id account.ID, method, key, keep string) (ended int, err error) {
	rows, err := tx.Query(ctx, `SELECT id, proved FROM session WHERE account_id = $1 AND id <> $2`, int64(id), keep)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var over []string
	for rows.Next() {
		var sessionID, text string
		if err := rows.Scan(&sessionID, &text); err != nil {
			return 0, err
		}
		var proved []Proof
		if err := json.Unmarshal([]byte(text), &proved); err != nil {
			return 0, err
		}
		if rests(proved, method, key) {
			over = append(over, sessionID)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, sessionID := range over {
		won, err := s.End(ctx, tx, id, sessionID)
		if err != nil {
			return ended, err
		}
		if won {
			ended++
		}
	}
	return ended, nil
}

// rests tells whether nothing but one key opened a session. What a step-up proved
// later opened nothing.
func rests(proved []Proof, method, key string) bool {
	on := false
	for _, p := range proved {
		if p.For != "" {
			continue
		}
		if p.Method != method || p.Key != key {
			return false
		}
		on = true
	}
	return on
}
