package federation

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// The stages of a trip.
const (
	out   = "out"   // nothing came back yet
	held  = "held"  // an answer is kept that does not count yet
	back  = "back"  // an answer waits for the journey
	taken = "taken" // the journey has it
)

// row is a trip as it is stored.
type row struct {
	hash                      []byte
	journeyID, kind, provider string
	here                      bool
	network                   []byte
	asked                     asked
	browser, sealed           []byte // sealed: the answer
	stage                     string
	expiresAt                 time.Time
}

// asked is what the vendor is asked, and what the person is told who comes back from
// another network.
type asked struct {
	Purpose  Purpose `json:"purpose"`
	Region   string  `json:"region"`
	Nonce    string  `json:"nonce"`
	Verifier string  `json:"verifier"`
	Surface  string  `json:"surface"`
	Language string  `json:"language,omitempty"`
	Again    bool    `json:"again,omitempty"`
	Device   string  `json:"device,omitempty"`
	Place    string  `json:"place,omitempty"`
}

func place(column string, hash []byte) seal.Place {
	return seal.Place{Table: "federation_trip", Column: column, Row: hex.EncodeToString(hash)}
}

func (d *Desk) insert(ctx context.Context, tx *sqldb.Tx, r row, asked []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO federation_trip (state_hash, journey_id, kind, provider, here, network, asked, browser, answer, stage, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)`,
		r.hash, r.journeyID, r.kind, r.provider, r.here, r.network, d.Ring.Seal(asked, place("asked", r.hash)), []byte{}, r.stage, sqldb.Micros(r.expiresAt))
	return err
}

// load reads a trip and locks it; nil if there is none.
func (d *Desk) load(ctx context.Context, q sqldb.Querier, hash []byte) (*row, error) {
	r := &row{hash: hash}
	var sealed []byte
	var expires int64
	err := q.QueryRow(ctx, `SELECT journey_id, kind, provider, here, network, asked, browser, answer, stage, expires_at FROM federation_trip WHERE state_hash = $1`+q.ForUpdate(), hash).
		Scan(&r.journeyID, &r.kind, &r.provider, &r.here, &r.network, &sealed, &r.browser, &r.sealed, &r.stage, &expires)
	if errors.Is(err, sqldb.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.expiresAt = sqldb.FromMicros(expires)
	plain, err := d.Ring.Open(sealed, place("asked", hash))
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(plain, &r.asked)
}

// bind makes a browser the one that may come back; won is false if another one is.
func (d *Desk) bind(ctx context.Context, tx *sqldb.Tx, r *row, browser []byte) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE federation_trip SET browser = $2 WHERE state_hash = $1 AND browser = $3 AND stage = $4`, r.hash, browser, []byte{}, out)
	return n == 1, err
}

// move takes a trip from one stage to another, with the sealed answer that it has
// then, by one conditional write: of several that try, one has won (S-12).
func (d *Desk) move(ctx context.Context, tx *sqldb.Tx, r *row, from, to string, sealed []byte) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE federation_trip SET stage = $3, answer = $4 WHERE state_hash = $1 AND stage = $2`, r.hash, from, to, sealed)
	return n == 1, err
}

func (d *Desk) seal(r *row, answer url.Values) ([]byte, error) {
	plain, err := json.Marshal(answer)
	return d.Ring.Seal(plain, place("answer", r.hash)), err
}

// answer is what came back.
func (d *Desk) answer(r *row) (answer url.Values, err error) {
	plain, err := d.Ring.Open(r.sealed, place("answer", r.hash))
	if err != nil {
		return nil, err
	}
	return answer, json.Unmarshal(plain, &answer)
}
