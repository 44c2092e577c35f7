package passkey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Store keeps passkeys.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

func place(id string) seal.Place { return seal.Place{Table: "passkey", Column: "name", Row: id} }

// hash is under what a credential is found without knowing whose it is.
func hash(credentialID []byte) []byte {
	h := sha256.Sum256(append([]byte("passkey\x00"), credentialID...))
	return h[:]
}

func (s *Store) sealed(id, name string) []byte {
	if name == "" {
		return []byte{}
	}
	return s.ring.Seal([]byte(name), place(id))
}

// Add gives an account a passkey. It answers Known if the credential is
// registered, to whomever, and TooMany beyond Most; the caller holds the lock of
// the account. Nothing is written if it refuses.
func (s *Store) Add(ctx context.Context, tx *sqldb.Tx, id account.ID, k Key) (Key, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM passkey WHERE account_id = $1`, int64(id)).Scan(&n); err != nil {
		return k, err
	}
	if n >= Most {
		return k, TooMany.With("max", Most)
	}
	k.ID, k.CreatedAt = randid.ID(tx.Now()), tx.Now()
	won, err := tx.Exec(ctx, `INSERT INTO passkey_credential (hash, account_id, passkey_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		hash(k.CredentialID), int64(id), k.ID)
	if err != nil {
		return k, err
	}
	if won == 0 {
		return k, Known
	}
	_, err = tx.Exec(ctx, `INSERT INTO passkey (account_id, id, credential, public_key, flags, backed_up, counter, transports, attestation, aaguid, name, created_at, used_at, suspect_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0)`,
		int64(id), k.ID, k.CredentialID, k.PublicKey, int64(k.Flags), k.BackedUp, int64(k.Counter), strings.Join(k.Transports, ","),
		k.Attestation, k.AAGUID, s.sealed(k.ID, k.Name), sqldb.Micros(k.CreatedAt))
	return k, err
}

const columns = `id, credential, public_key, flags, backed_up, counter, transports, attestation, aaguid, name, created_at, used_at, suspect_at`

func (s *Store) scan(scan func(...any) error) (k Key, err error) {
	var name []byte
	var transports string
	var flags, counter, created, used, suspect int64
	err = scan(&k.ID, &k.CredentialID, &k.PublicKey, &flags, &k.BackedUp, &counter, &transports, &k.Attestation, &k.AAGUID, &name, &created, &used, &suspect)
	if err != nil {
		return k, err
	}
	k.Flags, k.Counter = byte(flags), uint32(counter)
	k.CreatedAt, k.UsedAt, k.SuspectAt = sqldb.FromMicros(created), sqldb.FromMicros(used), sqldb.FromMicros(suspect)
	if transports != "" {
		k.Transports = strings.Split(transports, ",")
	}
	if len(name) > 0 {
		plain, err := s.ring.Open(name, place(k.ID))
		if err != nil {
			return k, err
		}
		k.Name = string(plain)
	}
	return k, nil
}

// List reads the passkeys of an account, the oldest first.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID) ([]Key, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM passkey WHERE account_id = $1 ORDER BY created_at, id`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Key
	for rows.Next() {
		k, err := s.scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// Load reads a passkey by owner and id together (S-62); sqldb.ErrNone if the
// account has no such passkey.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID, passkeyID string) (Key, error) {
	if b, err := base64.RawURLEncoding.DecodeString(passkeyID); err != nil || len(b) != 16 {
		return Key{}, sqldb.ErrNone // a stranger's text; PostgreSQL takes no NUL
	}
	return s.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM passkey WHERE account_id = $1 AND id = $2`, int64(id), passkeyID).Scan)
}

// Find finds a passkey by its credential id, and whose it is; sqldb.ErrNone if
// nobody registered it. It is two reads whether there is one or not.
func (s *Store) Find(ctx context.Context, q sqldb.Querier, credentialID []byte) (account.ID, Key, error) {
	var id int64
	var passkeyID string
	err := q.QueryRow(ctx, `SELECT account_id, passkey_id FROM passkey_credential WHERE hash = $1`, hash(credentialID)).Scan(&id, &passkeyID)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return 0, Key{}, err
	}
	k, err := s.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM passkey WHERE account_id = $1 AND id = $2`, id, passkeyID).Scan)
	if err == nil && !bytes.Equal(k.CredentialID, credentialID) {
		err = sqldb.ErrNone
	}
	return account.ID(id), k, err
}

// Used notes a use. won is false if the counter has grown beyond it meanwhile, or
// the passkey is gone or suspect: then the use proves nothing. One conditional
// write decides, so two copies of a key cannot both count the same number.
func (s *Store) Used(ctx context.Context, tx *sqldb.Tx, id account.ID, passkeyID string, u Use) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE passkey SET counter = $3, backed_up = $4, used_at = $5
		WHERE account_id = $1 AND id = $2 AND suspect_at = 0 AND (counter < $3 OR counter = 0 AND $3 = 0)`,
		int64(id), passkeyID, int64(u.Counter), u.BackedUp, sqldb.Micros(tx.Now()))
	return n == 1, err
}

// Suspect notes that the counter of a passkey fell; first is false if that was
// known, or the passkey is gone.
func (s *Store) Suspect(ctx context.Context, tx *sqldb.Tx, id account.ID, passkeyID string) (first bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE passkey SET suspect_at = $3 WHERE account_id = $1 AND id = $2 AND suspect_at = 0`, int64(id), passkeyID, sqldb.Micros(tx.Now()))
	return n == 1, err
}

// Rename gives a passkey another name; found is false if the account has no such passkey.
func (s *Store) Rename(ctx context.Context, tx *sqldb.Tx, id account.ID, passkeyID, name string) (found bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE passkey SET name = $3 WHERE account_id = $1 AND id = $2`, int64(id), passkeyID, s.sealed(passkeyID, name))
	return n == 1, err
}

// Remove takes a passkey from an account; found is false if it has no such
// passkey. That another way in remains is the caller's to see to (S-73).
func (s *Store) Remove(ctx context.Context, tx *sqldb.Tx, id account.ID, passkeyID string) (found bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM passkey WHERE account_id = $1 AND id = $2`, int64(id), passkeyID)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM passkey_credential WHERE account_id = $1 AND passkey_id = $2`, int64(id), passkeyID)
	return true, err
}

// Handle is the random name under which authenticators know an account; it is
// made at first need and stays. The caller holds the lock of the account.
func (s *Store) Handle(ctx context.Context, tx *sqldb.Tx, id account.ID) (handle []byte, err error) {
	err = tx.QueryRow(ctx, `SELECT handle FROM passkey_user WHERE account_id = $1`, int64(id)).Scan(&handle)
	if !errors.Is(err, sqldb.ErrNone) {
		return handle, err
	}
	handle = random()
	if _, err := tx.Exec(ctx, `INSERT INTO passkey_user (account_id, handle) VALUES ($1, $2)`, int64(id), handle); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO passkey_handle (handle, account_id) VALUES ($1, $2)`, handle, int64(id))
	return handle, err
}

// Holder finds the account that authenticators know by a handle; 0 if none.
func (s *Store) Holder(ctx context.Context, q sqldb.Querier, handle []byte) (account.ID, error) {
	if len(handle) == 0 {
		handle = []byte{0}
	}
	var id int64
	err := q.QueryRow(ctx, `SELECT account_id FROM passkey_handle WHERE handle = $1`, handle).Scan(&id)
	if errors.Is(err, sqldb.ErrNone) {
		return 0, nil
	}
	return account.ID(id), err
}

// Begin makes the challenge for a registration in one session; an earlier one of
// that session is dead.
func (s *Store) Begin(ctx context.Context, tx *sqldb.Tx, id account.ID, sessionID string) (challenge []byte, err error) {
	challenge = random()
	_, err = tx.Exec(ctx, `INSERT INTO passkey_registration (account_id, session_id, challenge, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id, session_id) DO UPDATE SET challenge = excluded.challenge, expires_at = excluded.expires_at`,
		int64(id), sessionID, challenge, sqldb.Micros(tx.Now().Add(Life)))
	return challenge, err
}

// Take takes the challenge of a registration away: it is gone whatever comes of
// the answer (S-30). nil if there is none that lives. The caller holds the lock of
// the account.
func (s *Store) Take(ctx context.Context, tx *sqldb.Tx, id account.ID, sessionID string) (challenge []byte, err error) {
	var expires int64
	err = tx.QueryRow(ctx, `SELECT challenge, expires_at FROM passkey_registration WHERE account_id = $1 AND session_id = $2`, int64(id), sessionID).Scan(&challenge, &expires)
	if errors.Is(err, sqldb.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := tx.Exec(ctx, `DELETE FROM passkey_registration WHERE account_id = $1 AND session_id = $2 AND challenge = $3`, int64(id), sessionID, challenge)
	if err != nil || n == 0 || !tx.Now().Before(sqldb.FromMicros(expires)) {
		return nil, err
	}
	return challenge, nil
}

// Sweep drops challenges that are over.
func (s *Store) Sweep(ctx context.Context, db *sqldb.DB) error {
	return db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM passkey_registration WHERE expires_at < $1`, sqldb.Micros(tx.Now()))
		return err
	})
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "passkey", Sealed: "name", Key: []string{"account_id", "id"},
		Place: func(key []any) seal.Place { return place(key[1].(string)) }}}
}
