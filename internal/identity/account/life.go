package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Event is what happens to the state of an account.
type Event string

// The events.
const (
	Freeze     Event = "freeze"
	KeepFrozen Event = "keep_frozen"
	Unfreeze   Event = "unfreeze"
	Thaw       Event = "thaw"
	Block      Event = "block"
	Unblock    Event = "unblock"
	Recover    Event = "recover"
	Leave      Event = "leave"
	Stay       Event = "stay"
	Purge      Event = "purge"
)

// Who may make an event happen.
type Who string

// Who they are.
const (
	Owner    Who = "owner"
	Rule     Who = "rule"
	Operator Who = "operator"
	Time     Who = "time"
)

// Move is one row of the life of an account.
type Move struct {
	Event Event
	From  State
	// Frozen says that the row is for an account that was frozen before it was
	// blocked: lifting the block does not lift the freeze.
	Frozen bool
	To     State
	May    []Who
	Needs  string // what the one who may has to show
	Ends   bool   // all sessions and tokens end at once, by a new epoch
	After  string // what else comes of it
}

// Life is the whole of it: what is not here does not happen (S-86). It is drawn in
// docs/account-life.md.
var Life = []Move{
	{Event: Freeze, From: Active, To: IsFrozen, May: []Who{Owner, Rule, Operator}, Needs: "owner: one proof, a weak one freezes for a day; rule: its pattern; operator: a reason", Ends: true, After: "trust in devices and what is pending end"},
	{Event: Freeze, From: IsLeaving, To: IsFrozen, May: []Who{Owner, Rule, Operator}, Needs: "as above", Ends: true, After: "as above, and the deletion stops"},
	{Event: KeepFrozen, From: IsFrozen, To: IsFrozen, May: []Who{Owner, Rule, Operator}, Needs: "owner: more than one weak proof", Ends: true, After: "it no longer ends by itself"},
	{Event: Unfreeze, From: IsFrozen, To: Active, May: []Who{Owner, Operator}, Needs: "owner: two kinds of proof, or one and a day", Ends: true, After: "a new password, and a session where it was set"},
	{Event: Thaw, From: IsFrozen, To: Active, May: []Who{Time}, Needs: "the end that a weak proof set", After: "the owner is told"},
	{Event: Block, From: Active, To: IsBlocked, May: []Who{Operator}, Needs: "a reason that the owner sees", Ends: true, After: "trust in devices and what is pending end"},
	{Event: Block, From: IsFrozen, To: IsBlocked, May: []Who{Operator}, Needs: "as above", Ends: true, After: "as above; the freeze is kept in mind"},
	{Event: Block, From: IsLeaving, To: IsBlocked, May: []Who{Operator}, Needs: "as above", Ends: true, After: "as above, and the deletion stops"},
	{Event: Unblock, From: IsBlocked, To: Active, May: []Who{Operator, Time}, Needs: "operator: a reason; time: the end that was set", After: "the owner is told"},
	{Event: Unblock, From: IsBlocked, Frozen: true, To: IsFrozen, May: []Who{Operator, Time}, Needs: "as above", After: "the owner is told"},
	{Event: Recover, From: Active, To: Active, May: []Who{Owner}, Needs: "what the policy asks of a recovery", Ends: true, After: "a new password and a session; deletion, export and the ways back are held for three days"},
	{Event: Leave, From: Active, To: IsLeaving, May: []Who{Owner, Operator}, Needs: "high assurance", Ends: true, After: "the cooling-off begins"},
	{Event: Stay, From: IsLeaving, To: Active, May: []Who{Owner, Operator}, Needs: "a sign-in", After: "the deletion stops"},
	{Event: Purge, From: IsLeaving, To: Gone, May: []Who{Time}, Needs: "the end of the cooling-off", Ends: true, After: "only the ID is left"},
}

// ErrNoMove means that the account's state does not know the event, or not from
// whom it comes.
var ErrNoMove = errors.New("account: no such move from this state")

// Cause is an event with what is to be remembered of it.
type Cause struct {
	Event Event
	By    Who
	// Rule is the rule that froze it.
	Rule string
	// Reason is what an operator says to the owner, in the operator's words.
	Reason string
	// Until is when the state ends by itself; zero: it does not.
	Until time.Time
}

// frozenBy is what is kept of who froze an account.
func (c Cause) frozenBy() string {
	if c.By == Rule {
		return string(Rule) + ":" + c.Rule
	}
	return string(c.By)
}

// FrozenRule is the rule that froze the account; empty: it was none.
func (a Account) FrozenRule() string {
	rule, _ := strings.CutPrefix(a.FrozenBy, string(Rule)+":")
	if rule == a.FrozenBy {
		return ""
	}
	return rule
}

// next finds the row of an event.
func next(a Account, c Cause) (Move, bool) {
	for _, m := range Life {
		if m.Event != c.Event || m.From != a.State || m.From == IsBlocked && m.Frozen != (a.FrozenBy != "") {
			continue
		}
		for _, w := range m.May {
			if w == c.By {
				return m, true
			}
		}
	}
	return Move{}, false
}

// Change is the only way in which the state of an account changes: by a row of
// Life and one conditional write. It answers the account as it is then.
func (s *Store) Change(ctx context.Context, tx *sqldb.Tx, id ID, c Cause) (Account, error) {
	was, err := s.Load(ctx, tx, id)
	if err != nil {
		return was, err
	}
	m, ok := next(was, c)
	if !ok {
		return was, ErrNoMove
	}
	now := was
	now.State, now.StateSince, now.StateUntil, now.StateReason = m.To, tx.Now(), c.Until, c.Reason
	if m.Event == KeepFrozen || m.From == m.To && m.To == Active {
		now.StateSince = was.StateSince
	}
	switch {
	case m.To == IsFrozen && m.From != IsBlocked:
		now.FrozenBy = c.frozenBy()
	case m.To != IsFrozen && m.To != IsBlocked:
		now.FrozenBy = ""
	}
	if m.Ends {
		now.Epoch++
	}
	if c.By == Owner && (m.Event == Recover || m.Event == Unfreeze) {
		now.RecoveredAt = tx.Now()
	}
	n, err := tx.Exec(ctx, `UPDATE account SET state = $4, state_reason = $5, state_since = $6, state_until = $7, frozen_by = $8, epoch = $9, recovered_at = $10
		WHERE id = $1 AND state = $2 AND epoch = $3`, int64(id), string(was.State), was.Epoch,
		string(now.State), now.StateReason, sqldb.Micros(now.StateSince), sqldb.Micros(now.StateUntil), now.FrozenBy, now.Epoch, sqldb.Micros(now.RecoveredAt))
	if err == nil && n != 1 {
		err = sqldb.ErrAgain // it moved in the same moment
	}
	return now, err
}

// Ending lists up to n accounts whose state was to end by now.
func (s *Store) Ending(ctx context.Context, q sqldb.Querier, n int) ([]ID, error) {
	rows, err := q.Query(ctx, `SELECT id FROM account WHERE state_until <> 0 AND state_until <= $1 ORDER BY state_until LIMIT $2`, sqldb.Micros(q.Now()), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ID
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, ID(id))
	}
	return out, rows.Err()
}

// HeldFor is how long after a recovery deletion, export and the ways back cannot
// be touched (S-78): who recovered with a stolen proof has that long to be found out.
const HeldFor = 72 * time.Hour

// HeldUntil is when the hold after the last recovery ends; zero: there is none at now.
func (a Account) HeldUntil(now time.Time) time.Time {
	if until := a.RecoveredAt.Add(HeldFor); !a.RecoveredAt.IsZero() && now.Before(until) {
		return until
	}
	return time.Time{}
}

// Gate is Gate of the account's state, and tells who proved enough also since
// when, why and until when.
func (a Account) Gate() error {
	switch err := Gate(a.State); err {
	case error(Frozen):
		f := Frozen.With("since", a.StateSince).With("by", a.frozenWord()).With("way", "/unfreeze")
		if rule := a.FrozenRule(); rule != "" {
			f = f.With("rule", rule)
		}
		if !a.StateUntil.IsZero() {
			f = f.Until(a.StateUntil)
		}
		return f
	case error(Blocked):
		f := Blocked.With("since", a.StateSince).With("reason", a.StateReason)
		if !a.StateUntil.IsZero() {
			f = f.Until(a.StateUntil)
		}
		return f
	default:
		return err
	}
}

// frozenWord is who froze it, as a word: owner, rule, operator.
func (a Account) frozenWord() string {
	who, _, _ := strings.Cut(a.FrozenBy, ":")
	return who
}
