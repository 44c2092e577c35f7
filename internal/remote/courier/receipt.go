package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// latest is how long ago a receipt may claim to have happened: carriers give up
// on a text after three days.
const latest = 72 * time.Hour

func (k *Courier) callback(ctx context.Context, name string, header map[string][]string, query url.Values, body []byte) error {
	var carrier sms.Carrier
	for _, r := range k.o.Texts {
		if r.Carrier.Name() == name {
			carrier = r.Carrier
		}
	}
	if carrier == nil {
		return fault.NotFound
	}
	events, err := carrier.Receive(header, query, body)
	switch {
	case errors.Is(err, sms.ErrForged):
		return CallbackRefused.Because(err)
	case errors.Is(err, sms.ErrMalformed):
		return fault.InvalidInput.Because(err)
	case err != nil:
		return fmt.Errorf("courier: a callback: %w", err)
	}
	// In one order everywhere, so that two bodies with the same receipts do not lock each other out.
	slices.SortStableFunc(events, func(a, b sms.Event) int { return bytes.Compare(eventID(name, a), eventID(name, b)) })
	return k.db.InTx(ctx, func(tx *sqldb.Tx) error {
		for _, e := range events {
			if err := k.take(ctx, tx, name, e); err != nil {
				return fmt.Errorf("courier: a callback: %w", err)
			}
		}
		return nil
	})
}

// eventID is the row that an event is about.
func eventID(route string, e sms.Event) []byte {
	if e.Receipt != nil {
		return handoverID(route, e.Receipt.ProviderID)
	}
	return handoverID(route, "inbound\x00"+e.ID)
}

func (k *Courier) take(ctx context.Context, tx *sqldb.Tx, route string, e sms.Event) error {
	if e.At.After(tx.Now()) || e.At.Before(tx.Now().Add(-latest)) {
		e.At = tx.Now() // another's clock, or none
	}
	if e.Receipt != nil {
		if k.o.Stats.Reported != nil {
			tx.AfterCommit(func() { k.o.Stats.Reported(route, string(e.Receipt.State), e.Receipt.Reason) })
		}
		return k.receipt(ctx, tx, eventID(route, e), step{string(e.Receipt.State), e.Receipt.Reason, e.At})
	}
	return k.inbound(ctx, tx, route, e)
}

// step is a state that a message may move to.
type step struct {
	state  string
	reason string
	at     time.Time
}

// receipt moves the message of a handover forward. A receipt may come before our
// own note of the handover is committed; then it waits in the handover's row.
func (k *Courier) receipt(ctx context.Context, tx *sqldb.Tx, id []byte, s step) error {
	for range 2 {
		var message, state string
		err := tx.QueryRow(ctx, `SELECT message_id, state FROM courier_handover WHERE id = $1`+tx.ForUpdate(), id).Scan(&message, &state)
		switch {
		case err == nil && message != "":
			return forward(ctx, tx, message, s)
		case err == nil:
			if rank(s.state) <= rank(state) {
				return nil
			}
			_, err = tx.Exec(ctx, `UPDATE courier_handover SET state = $1, reason = $2, at = $3 WHERE id = $4`, s.state, s.reason, sqldb.Micros(s.at), id)
			return err
		case !errors.Is(err, sqldb.ErrNone):
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO courier_handover (id, message_id, state, reason, at) VALUES ($1, '', $2, $3, $4) ON CONFLICT DO NOTHING`,
			id, s.state, s.reason, sqldb.Micros(s.at))
		if err != nil || n > 0 {
			return err
		}
		// Somebody wrote the row between the two statements: look again.
	}
	return errors.New("the handover is there and cannot be seen")
}

// catchUp applies a receipt that came first.
func (k *Courier) catchUp(ctx context.Context, tx *sqldb.Tx, message string, id []byte) error {
	var was string
	var s step
	var at int64
	err := tx.QueryRow(ctx, `SELECT message_id, state, reason, at FROM courier_handover WHERE id = $1`+tx.ForUpdate(), id).Scan(&was, &s.state, &s.reason, &at)
	if err != nil {
		return err
	}
	if was != "" {
		return nil // a carrier that gives one id to two texts: the first keeps it
	}
	if _, err := tx.Exec(ctx, `UPDATE courier_handover SET message_id = $1 WHERE id = $2`, message, id); err != nil {
		return err
	}
	s.at = sqldb.FromMicros(at)
	return forward(ctx, tx, message, s)
}

func rank(state string) int {
	switch state {
	case Queued:
		return 1
	case Sent:
		return 2
	case Delivered, Failed:
		return 3
	}
	return 0
}

// forward moves a message on. One conditional write, so that receipts may come in
// any order, late and twice: what is final stays.
func forward(ctx context.Context, tx *sqldb.Tx, id string, s step) error {
	before := Queued // only a queued message becomes sent
	if rank(s.state) == 3 {
		before = Sent
	}
	_, err := tx.Exec(ctx, `UPDATE courier_message SET state = $1, reason = $2, changed_at = $3 WHERE id = $4 AND state IN ($5, $6)`,
		s.state, s.reason, sqldb.Micros(s.at), id, Queued, before)
	return err
}

// inbound hands a person's text on, once.
func (k *Courier) inbound(ctx context.Context, tx *sqldb.Tx, route string, e sms.Event) error {
	if e.ID != "" {
		n, err := tx.Exec(ctx, `INSERT INTO courier_inbound (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, eventID(route, e), sqldb.Micros(tx.Now()))
		if err != nil || n == 0 {
			return err
		}
	}
	if k.o.Stats.Texted != nil {
		tx.AfterCommit(func() { k.o.Stats.Texted(route) })
	}
	if k.onText == nil {
		return nil
	}
	return k.onText(ctx, tx, Inbound{Route: route, Inbound: *e.Inbound, At: e.At})
}
