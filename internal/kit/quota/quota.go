// Package quota holds named limits on how often something may be done: texts to
// a number, guesses at an account, sign-ups from a network. A charge is a write
// in the caller's transaction, made before the costly or guessable work (S-14,
// S-152), and a refusal says when the same charge will succeed. Subjects (a
// phone number, an address) are kept as a keyed hash only. The package must
// never decide what a refusal means or who is exempt.
//
// It owns the table quota: one row a limit and subject.
package quota

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Window allows at most Max charges in any stretch of time as long as Per. A
// charge made at t counts until just before t+Per.
type Window struct {
	Max int
	Per time.Duration
}

// Limit is a named rule. Its name is part of what a row is found by, so a
// renamed limit begins anew.
type Limit struct {
	Name    string
	Windows []Window
	// Pace[k-1] is the least time between the newest charge and the next when k
	// charges are within the longest window. Its last value holds for all larger k.
	// Values do not fall.
	Pace []time.Duration
}

// Spend is a charge of N (0 means 1) on a limit's count for a subject.
type Spend struct {
	Limit   Limit
	Subject string
	N       int
}

// Refusal says which limit is in the way (of several the one that is longest)
// and when the same spends will succeed if nobody else spends meanwhile. A zero
// RetryAt means that waiting does not help: more is asked than the limit ever gives.
type Refusal struct {
	Limit   string
	RetryAt time.Time
}

// Book keeps the counts.
type Book struct{ hashes sync.Pool }

// New makes a book that hashes subjects under key, 32 secret bytes. With another
// key all counts begin anew.
func New(key []byte) *Book {
	key = slices.Clone(key)
	return &Book{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// id is where the count of a subject is found: HMAC-SHA-256 cut to 128 bits
// (RFC 2104 section 5), so that neither the numbers nor the addresses of people
// can be read from the table, nor which rows of two limits are of one person.
func (b *Book) id(l Limit, subject string) string {
	h := b.hashes.Get().(hash.Hash)
	defer b.hashes.Put(h)
	h.Reset()
	var buf [160]byte
	message := append(append(append(buf[:0], l.Name...), 0), subject...)
	h.Write(message)
	return string(h.Sum(buf[:0])[:16])
}

// account is one row on its way through a Spend.
type account struct {
	id    string
	limit Limit
	n     int
	marks marks
	there bool // the row stands
}

// Spend charges everything in s, or nothing and answers the refusal. It takes
// one reading and one writing statement however many spends there are, and locks
// rows in one order, so that two Spends do not wait for each other in a circle.
// A Spend stays charged only if the transaction commits, so a caller that counts
// failures commits even when it then refuses.
func (b *Book) Spend(ctx context.Context, tx *sqldb.Tx, s ...Spend) (*Refusal, error) {
	rows, err := b.accounts(s)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := load(ctx, tx, tx.ForUpdate(), rows); err != nil {
		return nil, err
	}
	now := sqldb.Micros(tx.Now())
	if refusal := refuse(rows, now); refusal != nil {
		return refusal, nil
	}
	for _, a := range rows {
		a.marks = a.limit.tidy(a.marks.add(now, a.n), now)
	}
	return nil, store(ctx, tx, rows)
}

// accounts sorts the spends by row and joins those that meet in one.
func (b *Book) accounts(s []Spend) ([]*account, error) {
	byID := map[string]*account{}
	var rows []*account
	for _, one := range s {
		n := max(one.N, 1)
		if one.N < 0 || one.Limit.Name == "" || one.Limit.longest() == 0 {
			return nil, fmt.Errorf("quota: limit %q cannot be charged %d", one.Limit.Name, one.N)
		}
		id := b.id(one.Limit, one.Subject)
		if a := byID[id]; a != nil {
			a.n += n
			continue
		}
		byID[id] = &account{id: id, limit: one.Limit, n: n}
		rows = append(rows, byID[id])
	}
	slices.SortFunc(rows, func(a, b *account) int { return strings.Compare(a.id, b.id) })
	return rows, nil
}

// load reads the rows, and locks them if lock is the store's words for that.
func load(ctx context.Context, q sqldb.Querier, lock string, rows []*account) error {
	args := make([]any, len(rows))
	for i, a := range rows {
		args[i] = []byte(a.id)
	}
	found, err := q.Query(ctx, `SELECT id, marks FROM quota WHERE id IN `+sqldb.In(1, len(rows))+` ORDER BY id`+lock, args...)
	if err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var id, stored []byte
		if err := found.Scan(&id, &stored); err != nil {
			return fmt.Errorf("quota: %w", err)
		}
		m, err := decode(stored)
		if err != nil {
			return err
		}
		for _, a := range rows {
			if a.id == string(id) {
				a.marks, a.there = m, true
			}
		}
	}
	return found.Err()
}

// store writes the rows. A row that was not there to be locked may have been
// made by another first spender since: then nothing is written over it, and the
// whole transaction runs again and finds it.
func store(ctx context.Context, tx *sqldb.Tx, rows []*account) error {
	args := make([]any, 0, 4*len(rows))
	var locked []string
	for i, a := range rows {
		args = append(args, []byte(a.id), a.limit.Name, a.marks.encode(), a.marks.newest()+a.limit.longest().Microseconds())
		if a.there {
			locked = append(locked, "$"+strconv.Itoa(4*i+1))
		}
	}
	onConflict := ` ON CONFLICT DO NOTHING`
	if len(locked) > 0 {
		onConflict = ` ON CONFLICT (id) DO UPDATE SET marks = excluded.marks, ends_at = excluded.ends_at WHERE quota.id IN (` + strings.Join(locked, ",") + `)`
	}
	n, err := tx.Exec(ctx, `INSERT INTO quota (id, name, marks, ends_at) VALUES `+sqldb.Values(len(rows), 4)+onConflict, args...)
	if err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	if n < int64(len(rows)) {
		return sqldb.ErrAgain
	}
	return nil
}

// Used answers how many charges count now within the limit's longest window, and
// when the newest was made (zero: none). It locks nothing, also inside a
// transaction: a row that is locked before a Spend of several would be locked out
// of their order, and two that do so at once wait for each other until the server
// ends one of them, a second later. What must not be overtaken is a Spend or a Check.
func (b *Book) Used(ctx context.Context, q sqldb.Querier, l Limit, subject string) (n int, newest time.Time, err error) {
	a := &account{id: b.id(l, subject)}
	if err := load(ctx, q, "", []*account{a}); err != nil {
		return 0, time.Time{}, err
	}
	n = a.marks.since(sqldb.Micros(q.Now()) - l.longest().Microseconds())
	if n == 0 {
		return 0, time.Time{}, nil
	}
	return n, sqldb.FromMicros(a.marks.newest()), nil
}

// Refund gives back the newest n charges: what was counted turned out not to
// have been done. A row from which all was taken stays until Sweep: the counts
// that many share (of a country) are empty most of the time, and a row that is
// not there cannot be locked, so that of those who charge it at once all but one
// would have to begin again.
func (b *Book) Refund(ctx context.Context, tx *sqldb.Tx, l Limit, subject string, n int) error {
	if n < 0 {
		return errors.New("quota: a refund of less than nothing")
	}
	a := &account{id: b.id(l, subject), limit: l}
	if err := load(ctx, tx, tx.ForUpdate(), []*account{a}); err != nil || !a.there || n == 0 {
		return err
	}
	a.marks = a.marks.take(n)
	return store(ctx, tx, []*account{a})
}

// Clear forgets what a subject was charged.
func (b *Book) Clear(ctx context.Context, tx *sqldb.Tx, l Limit, subject string) error {
	_, err := tx.Exec(ctx, `DELETE FROM quota WHERE id = $1`, []byte(b.id(l, subject)))
	return err
}

// sweepStep is how many rows one step of Sweep looks at.
const sweepStep = 500

// Sweep deletes the rows whose windows are past. It walks the table in small
// steps and holds up nobody. There is no index on the end of a row, because each
// charge would have to move the row in it, and a sweep is rare.
func (b *Book) Sweep(ctx context.Context, db *sqldb.DB) error {
	for after := []byte{}; after != nil; {
		now := sqldb.Micros(db.Now())
		past, last, err := past(ctx, db, after, now)
		if err != nil {
			return fmt.Errorf("quota: sweeping: %w", err)
		}
		after = last
		if len(past) == 0 {
			continue
		}
		err = db.InTx(ctx, func(tx *sqldb.Tx) error {
			for some := range slices.Chunk(past, 50) {
				args := append([]any{now}, some...)
				for len(args) < 51 { // one text
					args = append(args, some[0])
				}
				if _, err := tx.Exec(ctx, `DELETE FROM quota WHERE ends_at <= $1 AND id IN `+sqldb.In(2, 50), args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("quota: sweeping: %w", err)
		}
	}
	return nil
}

// past answers which of the next rows have ended, and the last row looked at or
// nil at the end of the table.
func past(ctx context.Context, db *sqldb.DB, after []byte, now int64) (ids []any, last []byte, err error) {
	rows, err := db.Query(ctx, `SELECT id, ends_at FROM quota WHERE id > $1 ORDER BY id LIMIT $2`, after, sweepStep)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id []byte
		var ends int64
		if err := rows.Scan(&id, &ends); err != nil {
			return nil, nil, err
		}
		if n++; n == sweepStep {
			last = id
		}
		if ends <= now {
			ids = append(ids, id)
		}
	}
	return ids, last, rows.Err()
}
