// Package session holds sign-ins: one session is one sign-in on one device. A
// session is an opaque token, hashed at rest, checked against the store at each
// request, so that ending it anywhere ends it everywhere at once (S-55, S-57,
// It owns the table session.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Life bounds a session.
type Life struct {
	Idle     time.Duration // without use
	Absolute time.Duration // from sign-in
}

// most is how many sessions an account has at once; the least used goes (S-66).
const most = 50

// touchAfter bounds how often the last use is written: an idle end of days
// does not need minutes.
const touchAfter = 10 * time.Minute

// Proof records that a method proved the account (amr, RFC 8176).
type Proof struct {
	Method string    `json:"method"` // as package policy names it: sms_code, passkey ...
	At     time.Time `json:"at"`
	// Verified says that the person showed who they are to the authenticator
	// itself, by a finger, a face or a PIN (WebAuthn user verification).
	Verified bool `json:"uv,omitempty"`
	// For is the action that a step-up was asked for; empty: a sign-in (S-68).
	For string `json:"for,omitempty"`
	// Key is which of several was used (a passkey's ID), and Since when that one came
	// to the account; empty where an account has but one of the method.
	Key   string    `json:"key,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Live is a session that was checked just now.
type Live struct {
	AccountID account.ID
	ID        string
	DeviceID  string
	Device    device.Device
	Account   account.Account
	Proved    []Proof
	CreatedAt time.Time
	UsedAt    time.Time
	ExpiresAt time.Time
	Addr      netip.Addr // from where it is used now, as the door saw it; invalid: not known
}

// ProvedWithin tells whether any proof is younger than d at now.
func (l *Live) ProvedWithin(d time.Duration, now time.Time) bool {
	for _, p := range l.Proved {
		if now.Sub(p.At) <= d {
			return true
		}
	}
	return false
}

// Store keeps sessions.
type Store struct {
	accounts *account.Store
	devices  *device.Store
	life     Life
}

// New makes the store.
func New(accounts *account.Store, devices *device.Store, life Life) *Store {
	return &Store{accounts, devices, life}
}

// prefix marks our tokens for secret scanners.
const prefix = "sst_"

func hash(token string) []byte {
	h := sha256.Sum256([]byte("session\x00" + token))
	return h[:]
}

// Open begins a session on a device; an earlier one on the same device ends (S-56).
// full tells that a session on another device, the one used longest ago, had to end
// to make room, which its owner is told (S-66).
func (s *Store) Open(ctx context.Context, tx *sqldb.Tx, a account.Account, deviceID string, proved []Proof) (token string, expires time.Time, full bool, err error) {
	token = account.NewToken(prefix, a.ID)
	methods, err := json.Marshal(proved)
	if err != nil {
		return "", time.Time{}, false, err
	}
	now := tx.Now()
	if a.CreatedAt.Before(now) { // an account made in this transaction has none
		if full, err = s.makeRoom(ctx, tx, a, deviceID); err != nil {
			return "", time.Time{}, false, err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO session (account_id, token_hash, id, device_id, epoch, proved, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
		int64(a.ID), hash(token), randid.ID(now), deviceID, a.Epoch, string(methods), sqldb.Micros(now))
	return token, s.expires(now, now), full, err
}

// Renew gives a session more proofs and a new token; the old one dies (S-56). It
// answers ErrNone if the session has ended meanwhile.
func (s *Store) Renew(ctx context.Context, tx *sqldb.Tx, l *Live, proved []Proof) (token string, expires time.Time, err error) {
	token = account.NewToken(prefix, l.AccountID)
	methods, err := json.Marshal(proved)
	if err != nil {
		return "", time.Time{}, err
	}
	n, err := tx.Exec(ctx, `UPDATE session SET token_hash = $3, proved = $4, used_at = $5 WHERE account_id = $1 AND id = $2 AND epoch = $6`,
		int64(l.AccountID), l.ID, hash(token), string(methods), sqldb.Micros(tx.Now()), l.Account.Epoch)
	if err == nil && n == 0 {
		err = ErrNone
	}
	return token, s.expires(l.CreatedAt, tx.Now()), err
}

// makeRoom ends the session on a device and what is beyond the most; full tells that
// among it was one that lived.
func (s *Store) makeRoom(ctx context.Context, tx *sqldb.Tx, a account.Account, deviceID string) (full bool, err error) {
	rows, err := tx.Query(ctx, `DELETE FROM session WHERE account_id = $1 AND (device_id = $2 OR token_hash IN
		(SELECT token_hash FROM session WHERE account_id = $1 AND device_id <> $2 ORDER BY used_at DESC, token_hash LIMIT 1000 OFFSET $3))
		RETURNING device_id, epoch, created_at, used_at`, int64(a.ID), deviceID, most-1)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var of string
		var epoch, created, used int64
		if err := rows.Scan(&of, &epoch, &created, &used); err != nil {
			return false, err
		}
		lived := epoch == a.Epoch && tx.Now().Before(s.expires(sqldb.FromMicros(created), sqldb.FromMicros(used)))
		full = full || lived && of != deviceID
	}
	return full, rows.Err()
}

func (s *Store) expires(created, used time.Time) time.Time {
	idle, absolute := used.Add(s.life.Idle), created.Add(s.life.Absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// ErrNone means that the token opens no session: unknown, ended, expired, of an
// earlier epoch, or of an account whose state lets nobody in.
var ErrNone = errors.New("session: none")

const checkQuery = `SELECT s.id, s.device_id, s.epoch, s.proved, s.created_at, s.used_at,
	a.state, a.region, a.locale, a.nickname, a.avatar, a.epoch, a.two_step, a.two_step_since, a.sms_protected, a.created_at, a.recovered_at, d.kind, d.name, d.place, d.created_at, d.trusted_until
	FROM session s JOIN account a ON a.id = s.account_id JOIN device d ON d.account_id = s.account_id AND d.id = s.device_id
	WHERE s.account_id = $1 AND s.token_hash = $2`

// Check finds the session of a token: one read. It has no cache, so an end is
// an end at once on every node.
func (s *Store) Check(ctx context.Context, q sqldb.Querier, token string) (*Live, error) {
	id, ok := account.OfToken(prefix, token)
	if !ok {
		return nil, ErrNone
	}
	l := &Live{AccountID: id, Account: account.Account{ID: id}}
	var epoch, created, used, accountCreated, twoStep, recovered, met, trusted int64
	var proved string
	var nickname, name, where []byte
	err := q.Read(ctx, []any{&l.ID, &l.DeviceID, &epoch, &proved, &created, &used,
		&l.Account.State, &l.Account.Region, &l.Account.Locale, &nickname, &l.Account.Avatar, &l.Account.Epoch, &l.Account.TwoStep, &twoStep, &l.Account.Protected, &accountCreated, &recovered,
		&l.Device.Kind, &name, &where, &met, &trusted}, checkQuery, int64(id), hash(token))
	if errors.Is(err, sqldb.ErrNone) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	l.CreatedAt, l.UsedAt = sqldb.FromMicros(created), sqldb.FromMicros(used)
	l.ExpiresAt = s.expires(l.CreatedAt, l.UsedAt)
	if epoch != l.Account.Epoch || !q.Now().Before(l.ExpiresAt) || account.Gate(l.Account.State) != nil {
		return nil, ErrNone
	}
	l.Account.CreatedAt, l.Account.RecoveredAt, l.Account.TwoStepSince = sqldb.FromMicros(accountCreated), sqldb.FromMicros(recovered), sqldb.FromMicros(twoStep)
	l.Device.ID, l.Device.CreatedAt, l.Device.TrustedUntil = l.DeviceID, sqldb.FromMicros(met), sqldb.FromMicros(trusted)
	if err := json.Unmarshal([]byte(proved), &l.Proved); err != nil {
		return nil, err
	}
	if l.Account.Nickname, err = s.accounts.OpenNickname(id, nickname); err != nil {
		return nil, err
	}
	if l.Device.Name, err = s.devices.OpenText("name", l.DeviceID, name); err != nil {
		return nil, err
	}
	l.Device.Place, err = s.devices.OpenText("place", l.DeviceID, where)
	return l, err
}

// Still tells, inside a transaction, whether a session that was checked before it
// stands still. It locks the account, so that nothing that ends the session can
// happen until the end of the transaction.
func (s *Store) Still(ctx context.Context, tx *sqldb.Tx, l *Live) (bool, error) {
	who, err := s.accounts.Load(ctx, tx, l.AccountID)
	if errors.Is(err, sqldb.ErrNone) {
		return false, nil
	}
	if err != nil || who.Epoch != l.Account.Epoch || account.Gate(who.State) != nil {
		return false, err
	}
	var n int
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM session WHERE account_id = $1 AND id = $2`, int64(l.AccountID), l.ID).Scan(&n)
	return n == 1, err
}

// Touch notes the use of a session, at most every ten minutes.
func (s *Store) Touch(ctx context.Context, db *sqldb.DB, l *Live) error {
	if db.Now().Sub(l.UsedAt) < touchAfter {
		return nil
	}
	return db.InTx(ctx, func(tx *sqldb.Tx) error {
		now := sqldb.Micros(tx.Now())
		if _, err := tx.Exec(ctx, `UPDATE session SET used_at = $3 WHERE account_id = $1 AND id = $2`, int64(l.AccountID), l.ID, now); err != nil {
			return err
		}
		return s.devices.Touch(ctx, tx, l.AccountID, l.DeviceID)
	})
}

// End ends one session; ended is false if it was over already.
func (s *Store) End(ctx context.Context, tx *sqldb.Tx, id account.ID, sessionID string) (ended bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM session WHERE account_id = $1 AND id = $2`, int64(id), sessionID)
	return n > 0, err
}

// EndDevice ends the sessions on one device.
func (s *Store) EndDevice(ctx context.Context, tx *sqldb.Tx, id account.ID, deviceID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM session WHERE account_id = $1 AND device_id = $2`, int64(id), deviceID)
	return err
}

// EndOthers ends all sessions but those on one device; an empty keep ends all.
// It answers how many ended.
func (s *Store) EndOthers(ctx context.Context, tx *sqldb.Tx, id account.ID, keepDevice string) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM session WHERE account_id = $1 AND device_id <> $2`, int64(id), keepDevice)
}

// Devices tells on which devices somebody is signed in now.
func (s *Store) Devices(ctx context.Context, q sqldb.Querier, id account.ID) (map[string]time.Time, error) {
	rows, err := q.Query(ctx, `SELECT device_id, created_at, used_at FROM session WHERE account_id = $1`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var deviceID string
		var created, used int64
		if err := rows.Scan(&deviceID, &created, &used); err != nil {
			return nil, err
		}
		if q.Now().Before(s.expires(sqldb.FromMicros(created), sqldb.FromMicros(used))) {
			out[deviceID] = sqldb.FromMicros(used)
		}
	}
	return out, rows.Err()
}
