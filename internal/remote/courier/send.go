package courier

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
)

// outcome is how a run of the job ended.
type outcome struct {
	state      string // Sent or Failed; "" means another try later
	reason     string
	route      string
	providerID string
	// unsure: an earlier run may have sent the message, and this one learned nothing.
	unsure bool
}

type done = func(ctx context.Context, tx *sqldb.Tx) error

// send is the job: it hands a message over. Its done writes what became of it in
// the transaction that removes the job, and with it the destination and the text.
func (k *Courier) send(ctx context.Context, j job.Job) (done, error) {
	channel := SMS
	if j.Kind == letterJob {
		channel = Email
	}
	m := new(sealed)
	plain, err := k.ring.Open(j.Payload, place(j.ID))
	if err == nil {
		err = json.Unmarshal(plain, m)
	}
	if err != nil {
		return nil, job.Permanent(fmt.Errorf("courier: a message cannot be opened: %w", err))
	}
	now := k.clock.Now()
	vanished, reason := false, ""
	if j.Attempt > 1 {
		if vanished, reason, err = k.earlier(ctx, j); err != nil {
			return nil, err
		}
	}
	var o outcome
	switch {
	case m.To == "":
		o = outcome{state: Sent}
	case !now.Before(m.expires()):
		o = outcome{state: Failed, reason: orElse(reason, attempt.Expired)}
	default:
		o = k.hand(ctx, channel, j.ID, m, vanished)
	}
	if o.state == "" {
		return nil, k.later(ctx, j, o)
	}
	if m.To != "" && k.o.Stats.Ended != nil {
		k.o.Stats.Ended(channel, m.Purpose, o.state, o.reason)
	}
	return func(ctx context.Context, tx *sqldb.Tx) error { return k.end(ctx, tx, j.ID, o) }, nil
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// errNobody is why a message waits.
var errNobody = errors.New("courier: no carrier takes it now")

// earlier looks at what earlier runs left. vanished means that one of them ended
// without a word (the process died), so that the message may be out already.
func (k *Courier) earlier(ctx context.Context, j job.Job) (vanished bool, reason string, err error) {
	var tries int
	err = k.db.QueryRow(ctx, `SELECT tries, reason FROM courier_message WHERE id = $1`, j.ID).Scan(&tries, &reason)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return false, "", fmt.Errorf("courier: looking at earlier tries: %w", err)
	}
	return tries < j.Attempt-1, reason, nil
}

// hand tries the routes in order. It goes to the next one only when it is certain
// that nothing was sent; where that is not certain it repeats once, at the same
// route, if that is safe there. vanished means that the first route that
// is asked may have the message already.
func (k *Courier) hand(ctx context.Context, channel Channel, id string, m *sealed, vanished bool) outcome {
	last := outcome{state: Failed, reason: attempt.Service}
	waiting := outcome{}
	for _, r := range k.serving(channel, m.To) {
		name := r.hand.name()
		if vanished && !r.hand.safeToRepeat() {
			return outcome{state: Sent, reason: attempt.Unknown, route: name}
		}
		if !r.breaker.enter(k.clock.Now()) {
			waiting.reason = orElse(waiting.reason, attempt.Service)
			if vanished {
				break
			}
			continue
		}
		providerID, f := k.ask(ctx, r, channel, id, m)
		if f != nil && f.Class == attempt.Ambiguous && r.hand.safeToRepeat() && ctx.Err() == nil && r.breaker.enter(k.clock.Now()) {
			providerID, f = k.ask(ctx, r, channel, id, m)
			if f != nil && f.Class == attempt.Temporary {
				f = attempt.Fail(attempt.Ambiguous, f.Reason, f) // not taken this time; the first time is not known
			}
		}
		switch {
		case f == nil:
			return outcome{state: Sent, route: name, providerID: providerID}
		case f.Class == attempt.Ambiguous:
			return outcome{state: Sent, reason: attempt.Unknown, route: name}
		case f.Class == attempt.Permanent:
			return outcome{state: Failed, reason: f.Reason, route: name}
		case f.Class == attempt.Elsewhere:
			last.reason, last.route = f.Reason, name
			vanished = false // so it was refused the first time too
		default:
			waiting.reason = f.Reason
		}
		if vanished || ctx.Err() != nil {
			break
		}
	}
	if waiting.reason == "" {
		return last
	}
	waiting.unsure = vanished
	return waiting
}

// later notes that a run ended with nothing sent, and why the person waits, and
// answers the error that makes the job come back.
func (k *Courier) later(ctx context.Context, j job.Job, o outcome) error {
	if o.unsure {
		return errNobody // not noted, so the next run is as careful
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := k.db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE courier_message SET tries = $1, reason = $2 WHERE id = $3 AND state = $4`, j.Attempt, o.reason, j.ID, Queued)
		return err
	})
	return errors.Join(errNobody, err)
}

// end writes what became of a message.
func (k *Courier) end(ctx context.Context, tx *sqldb.Tx, id string, o outcome) error {
	handover := []byte{}
	if o.providerID != "" {
		handover = handoverID(o.route, o.providerID)
	}
	now := sqldb.Micros(tx.Now())
	_, err := tx.Exec(ctx, `UPDATE courier_message SET state = $1, reason = $2, route = $3, handover = $4, changed_at = $5 WHERE id = $6 AND state = $7`,
		o.state, o.reason, o.route, handover, now, id, Queued)
	if err != nil || o.providerID == "" {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO courier_handover (id, message_id, state, reason, at) VALUES ($1, $2, '', '', $3) ON CONFLICT DO NOTHING`, handover, id, now)
	if err != nil || n > 0 {
		return err
	}
	return k.catchUp(ctx, tx, id, handover) // a receipt was quicker than we
}

// handoverID is the key by which a receipt finds its message.
func handoverID(route, providerID string) []byte {
	sum := sha256.Sum256([]byte(route + "\x00" + providerID))
	return sum[:16]
}
