package linking

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// DeletionPath is where the status of a deletion request is read, with its code as the
// parameter c.
const DeletionPath = "/federation/deletion"

// deletionFor is how long a status can be read.
const deletionFor = 2 * 365 * 24 * time.Hour

// Deletion is what became of a provider's request to delete data. It tells nothing of
// an account (S-17).
type Deletion struct {
	Provider string
	// Result is deleted (name, address and link are gone), kept (name and address are
	// gone; the link stays, because nothing else opens the account) or nothing (there
	// was nothing).
	Result string
	At     time.Time
}

// codeLength is that of a code: 130 random bits as the person has them.
const codeLength = 26

// codes are what a request's code can be, under each key in force, the present one
// first. The same request has the same code, so that a provider that repeats it hears
// the same.
func (h *House) codes(name, id string) (list []string) {
	for _, index := range h.Ring.Indexes("deletion", name+"\x00"+id) {
		text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(index[seal.IndexSize-32:])
		list = append(list, strings.ToLower(text[:codeLength]))
	}
	return list
}

func codeHash(code string) []byte {
	h := sha256.Sum256([]byte("deletion\x00" + code))
	return h[:]
}

// noteDeletion keeps what became of a request.
func (h *House) noteDeletion(ctx context.Context, tx *sqldb.Tx, name, id, result string) error {
	_, err := tx.Exec(ctx, `INSERT INTO federation_deletion (code_hash, provider, result, at, expires_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		codeHash(h.codes(name, id)[0]), name, result, sqldb.Micros(tx.Now()), sqldb.Micros(tx.Now().Add(deletionFor)))
	return err
}

// deletionReply is what the provider shows to the person: where the status is, and the
// code (developers.facebook.com, "Data Deletion Request Callback").
func (h *House) deletionReply(ctx context.Context, name, id, result string) (*Reply, error) {
	list := h.codes(name, id)
	code := list[0]
	if result == "" { // it came before
		for _, had := range list {
			if _, err := h.Deletion(ctx, had); err == nil {
				code = had
			} else if fault.From(err) == nil {
				return nil, err
			}
		}
	}
	body, err := json.Marshal(map[string]string{"url": h.PublicURL + DeletionPath + "?" + url.Values{"c": {code}}.Encode(), "confirmation_code": code})
	return &Reply{Status: 200, Type: "application/json", Body: body}, err
}

// Deletion reads the status of a request by its code. A code that is none is not_found.
func (h *House) Deletion(ctx context.Context, code string) (Deletion, error) {
	var d Deletion
	var at, expires int64
	if len(code) != codeLength {
		return d, fault.NotFound
	}
	err := h.DB.QueryRow(ctx, `SELECT provider, result, at, expires_at FROM federation_deletion WHERE code_hash = $1`, codeHash(code)).Scan(&d.Provider, &d.Result, &at, &expires)
	if errors.Is(err, sqldb.ErrNone) || err == nil && !h.DB.Now().Before(sqldb.FromMicros(expires)) {
		return Deletion{}, fault.NotFound
	}
	d.At = sqldb.FromMicros(at)
	return d, err
}

// Sweep deletes what nobody can read any more.
func (h *House) Sweep(ctx context.Context) error {
	return h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM federation_deletion WHERE code_hash IN (SELECT code_hash FROM federation_deletion WHERE expires_at < $1 LIMIT 500)`, sqldb.Micros(tx.Now()))
		return err
	})
}
