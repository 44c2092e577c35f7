// Package invariant holds the sentences that are true of the store at every
// moment, whatever crashed or raced, and looks for what breaks them.
// It only reads, across the tables of every room: that is
// why it stands beside them all. It must never mend, decide anything at run time
// or be imported by a room; the crash tests use it, and whoever asks whether a
// database is sound. What it says holds identifiers and never personal data.
package invariant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// Broken is a sentence that does not hold, and of what.
type Broken struct {
	Rule string // the sentence
	Of   string // identifiers: of an account, a session, a message
}

func (b Broken) String() string { return b.Rule + ": " + b.Of }

// most bounds how many cases of one rule are told.
const most = 20

// Ledger reads one database.
type Ledger struct {
	db       *sqldb.DB
	ring     *seal.Ring
	contacts *contact.Store
	links    *link.Store
	limits   []quota.Limit
}

// New makes a Ledger of a database, the key ring that opens it and the limits in
// force in it (none: the counts are not looked at).
func New(db *sqldb.DB, ring *seal.Ring, limits ...quota.Limit) *Ledger {
	return &Ledger{db, ring, contact.New(ring), link.New(ring), limits}
}

// Look answers every sentence that does not hold. It reads everything, in many
// statements; so that a house that works meanwhile is not accused of what was
// only on its way, it says what two looks in a row both found.
func (l *Ledger) Look(ctx context.Context) ([]Broken, error) {
	first, err := l.look(ctx)
	if err != nil || len(first) == 0 {
		return first, err
	}
	second, err := l.look(ctx)
	return slices.DeleteFunc(second, func(b Broken) bool { return !slices.Contains(first, b) }), err
}

func (l *Ledger) look(ctx context.Context) (found []Broken, err error) {
	states, err := l.db.MigrationStatus(ctx, schema.Migrations())
	if err != nil {
		return nil, fmt.Errorf("invariant: %w", err)
	}
	for _, s := range states {
		if s.AppliedAt.IsZero() {
			found = append(found, Broken{"every migration is applied", s.Name})
		}
	}
	if len(found) > 0 {
		return found, nil // there may be no table to look at
	}
	for _, look := range []func(context.Context) ([]Broken, error){l.sentences, l.accounts, l.journeys, l.counts} {
		more, err := look(ctx)
		if err != nil {
			return nil, fmt.Errorf("invariant: %w", err)
		}
		found = append(found, more...)
	}
	return found, nil
}

// sentences asks the database for what breaks each rule that SQL can say.
func (l *Ledger) sentences(ctx context.Context) (found []Broken, err error) {
	for _, r := range rules {
		more, err := l.ask(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.sentence, err)
		}
		found = append(found, more...)
	}
	return found, nil
}

func (l *Ledger) ask(ctx context.Context, r rule) (found []Broken, err error) {
	rows, err := l.db.Query(ctx, r.breaks+` LIMIT $1`, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var of string
		if err := rows.Scan(&of); err != nil {
			return nil, err
		}
		found = append(found, Broken{r.sentence, of})
	}
	return found, rows.Err()
}

// page is how many accounts are looked at together.
const page = 500

// accounts looks at what SQL cannot say of accounts: their numbers, and that
// what is sealed opens and is found by its hash.
func (l *Ledger) accounts(ctx context.Context) (found []Broken, err error) {
	for after := int64(0); ; {
		ids, err := l.ids(ctx, after)
		if err != nil || len(ids) == 0 {
			return found, err
		}
		for _, id := range ids {
			if read, ok := account.ReadID(account.ID(id).String()); !ok || int64(read) != id {
				found = append(found, Broken{"an account's number has its check digit", fmt.Sprint(id)})
			}
			more, err := l.held(ctx, account.ID(id))
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
			if more, err = l.linked(ctx, account.ID(id)); err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
		after = ids[len(ids)-1]
	}
}

func (l *Ledger) ids(ctx context.Context, after int64) (ids []int64, err error) {
	rows, err := l.db.Query(ctx, `SELECT id FROM account WHERE id > $1 ORDER BY id LIMIT $2`, after, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// held checks that an account's contacts open, and that each is found by its
// hash and leads to this account.
func (l *Ledger) held(ctx context.Context, id account.ID) (found []Broken, err error) {
	list, err := l.contacts.List(ctx, l.db, id)
	if err != nil {
		if ctx.Err() != nil || sqldb.Busy(err) {
			return nil, err
		}
		return []Broken{{"a contact opens under the key ring", id.String()}}, nil
	}
	for _, c := range list {
		holder, err := l.contacts.Holder(ctx, l.db, c.Kind, c.Address)
		if err != nil {
			return nil, err
		}
		if holder != id {
			found = append(found, Broken{"a contact is found by its hash, at its account", id.String() + " " + string(c.Kind)})
		}
	}
	return found, nil
}

// linked checks that an account's links open, and that each subject is found by its
// hash and leads to this account.
func (l *Ledger) linked(ctx context.Context, id account.ID) (found []Broken, err error) {
	list, err := l.links.List(ctx, l.db, id)
	if err != nil {
		if ctx.Err() != nil || sqldb.Busy(err) {
			return nil, err
		}
		return []Broken{{"a link opens under the key ring", id.String()}}, nil
	}
	for _, one := range list {
		for _, s := range one.Subjects {
			holder, _, err := l.links.Holder(ctx, l.db, one.Provider, []link.Subject{s})
			if err != nil {
				return nil, err
			}
			if holder != id {
				found = append(found, Broken{"a link is found by its hash, at its account", id.String() + " " + one.Provider})
			}
		}
	}
	return found, nil
}

// counts looks for limits that were passed.
func (l *Ledger) counts(ctx context.Context) (found []Broken, err error) {
	over, err := quota.Over(ctx, l.db, l.limits...)
	if err != nil {
		return nil, err
	}
	for name, rows := range over {
		found = append(found, Broken{"nothing is charged above its limit", fmt.Sprintf("%d rows of %s", rows, name)})
	}
	slices.SortFunc(found, func(a, b Broken) int { return strings.Compare(a.Of, b.Of) })
	return found, nil
}

// Err makes one error of what is broken, nil of nothing.
func Err(broken []Broken) error {
	var all []error
	for _, b := range broken {
		all = append(all, errors.New(b.String()))
	}
	return errors.Join(all...)
}
