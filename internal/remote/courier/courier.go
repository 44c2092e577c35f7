// Package courier holds the one door through which messages leave: the outbox,
// the choice of a carrier, repetition where it is safe, and what the carriers
// report. Post writes a row and a job in the caller's transaction; a worker
// hands the message over; receipts move its state forward.
//
// It owns the tables courier_message, courier_handover and courier_inbound. It
// must never dial inside a transaction, send a message twice by its own choice,
// send one past its time, or let a destination or a text into a row, a log line,
// an error or a metric unsealed: both live in the job's payload, and go with it.
package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// Channel is the way a message travels.
type Channel string

// The channels.
const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Message is one message to one person.
type Message struct {
	ID      string // chosen by the caller; posting one ID twice sends once
	Channel Channel
	// To is the stored canonical address (S-03): E.164, or as package email reads it.
	// Empty reaches nobody and costs the same, so that an unknown account cannot be
	// told from a known one.
	To        string
	Subject   string // of mail
	Text      string
	HTML      string // of mail; "" is made of Text
	Purpose   string
	Locale    string
	AccountID int64     // 0: of no account
	ExpiresAt time.Time // past it the message is dropped; zero: an hour for texts, a day for mail
}

// The states of a Delivery. Delivered and Failed are final.
const (
	Queued    = "queued"
	Sent      = "sent"
	Delivered = "delivered"
	Failed    = "failed"
)

// Delivery tells how far a message came.
type Delivery struct {
	State  string
	Reason string // a reason of package attempt: why it failed, or why it is still queued
	At     time.Time
}

// TextRoute is a carrier of texts and where it goes.
type TextRoute struct {
	Carrier sms.Carrier
	// Countries (ISO 3166-1 alpha-2) and Prefixes in E.164 ("+1876") that it serves;
	// neither is everywhere.
	Countries []string
	Prefixes  []string
}

// Options say who carries and how. Routes stand in order of preference.
type Options struct {
	Texts   []TextRoute
	Letters []mail.Sender
	// Workers hand over at once; 0 is 64 texts and 16 letters. They are apart, so
	// that a slow mail server delays no text.
	TextWorkers, LetterWorkers int
	// KeepFor is how long it is known what became of a message; 0 is 30 days.
	KeepFor time.Duration
	Stats   Stats
	Log     *slog.Logger
}

// Inbound is a text from a person, seen once.
type Inbound struct {
	Route string
	sms.Inbound
	At time.Time
}

// Courier is the door. It is safe for concurrent use.
type Courier struct {
	db     *sqldb.DB
	clock  *clock.Clock
	queue  *job.Queue
	ring   *seal.Ring
	o      Options
	routes map[Channel][]*route
	onText func(ctx context.Context, tx *sqldb.Tx, in Inbound) error
}

const (
	textJob   = "courier.sms"
	letterJob = "courier.email"
	sweepJob  = "courier.sweep"
)

// New makes the door and registers its work with the queue.
func New(db *sqldb.DB, c *clock.Clock, q *job.Queue, ring *seal.Ring, o Options) *Courier {
	if o.TextWorkers == 0 {
		o.TextWorkers = 64
	}
	if o.LetterWorkers == 0 {
		o.LetterWorkers = 16
	}
	if o.KeepFor == 0 {
		o.KeepFor = 30 * 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Courier{db: db, clock: c, queue: q, ring: ring, o: o, routes: map[Channel][]*route{}}
	for _, r := range o.Texts {
		k.routes[SMS] = append(k.routes[SMS], k.newRoute(textHand{r.Carrier}, r))
	}
	for _, s := range o.Letters {
		k.routes[Email] = append(k.routes[Email], k.newRoute(letterHand{s}, TextRoute{}))
	}
	// Expiry ends the tries, not their number.
	work := job.Options{Attempts: 1 << 30, Backoff: job.Backoff(time.Second, 20*time.Second), Timeout: time.Minute}
	work.Workers = o.TextWorkers
	q.Handle(textJob, work, k.send)
	work.Workers = o.LetterWorkers
	q.Handle(letterJob, work, k.send)
	q.Every(sweepJob, time.Hour, k.Sweep)
	return k
}

// OnText says who takes texts from people, in the transaction that notes them as
// seen. It is called before the first Callback; without it such texts are dropped.
func (k *Courier) OnText(f func(ctx context.Context, tx *sqldb.Tx, in Inbound) error) { k.onText = f }

// sealed is what the job carries under seal.
type sealed struct {
	To      string `json:"to"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
	Purpose string `json:"purpose"`
	Locale  string `json:"locale,omitempty"`
	Expires int64  `json:"expires"` // microseconds
}

// place binds a payload to its message.
func place(id string) seal.Place { return seal.Place{Table: "job", Column: "payload", Row: id} }

// Post puts a message into the outbox: one row and one job in the caller's
// transaction. It is sent after the commit, and never if there is none.
func (k *Courier) Post(ctx context.Context, tx *sqldb.Tx, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	kind, expires := textJob, m.ExpiresAt
	if m.Channel == Email {
		kind = letterJob
	}
	if expires.IsZero() {
		expires = tx.Now().Add(map[Channel]time.Duration{SMS: time.Hour, Email: 24 * time.Hour}[m.Channel])
	}
	now := sqldb.Micros(tx.Now())
	n, err := tx.Exec(ctx, `INSERT INTO courier_message (id, account_id, channel, purpose, state, reason, route, handover, tries, posted_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, '', '', $6, 0, $7, $7) ON CONFLICT DO NOTHING`,
		m.ID, m.AccountID, string(m.Channel), m.Purpose, Queued, []byte{}, now)
	if err != nil {
		return fmt.Errorf("courier: posting: %w", err)
	}
	if n == 0 {
		return nil // posted before
	}
	plain, err := json.Marshal(sealed{m.To, m.Subject, m.Text, m.HTML, m.Purpose, m.Locale, sqldb.Micros(expires)})
	if err != nil {
		return fmt.Errorf("courier: posting: %w", err)
	}
	if k.o.Stats.Posted != nil {
		tx.AfterCommit(func() { k.o.Stats.Posted(m.Channel, m.Purpose) })
	}
	return k.queue.Put(ctx, tx, job.Job{ID: m.ID, Kind: kind, AccountID: m.AccountID, Payload: k.ring.Seal(plain, place(m.ID))})
}

// check refuses what no carrier may see: a list of recipients, a line break in an
// address or a subject (S-147), a spelling that is not the stored one (S-03).
func (m Message) check() error {
	if !sms.ValidID(m.ID) || m.Purpose == "" || m.Text == "" {
		return errors.New("courier: a message needs an id, a purpose and a text")
	}
	switch {
	case m.Channel != SMS && m.Channel != Email:
		return fmt.Errorf("courier: no channel %q", m.Channel)
	case m.To == "":
		return nil
	case m.Channel == SMS && !sms.ValidNumber(m.To):
		return errors.New("courier: the number is not in E.164")
	case m.Channel == Email:
		a, err := email.Read(m.To)
		if err != nil || m.To != a.Canonical && m.To != a.Display {
			return errors.New("courier: the address is not as it is stored")
		}
		return mail.Letter{ID: m.ID, To: m.To, Subject: m.Subject, Text: m.Text}.Check()
	}
	return nil
}

// Delivery tells how far a message came. One that is not known, because it is not
// posted yet or is long forgotten, counts as queued at no time.
func (k *Courier) Delivery(ctx context.Context, q sqldb.Querier, id string) (Delivery, error) {
	var d Delivery
	var at int64
	err := q.QueryRow(ctx, `SELECT state, reason, changed_at FROM courier_message WHERE id = $1`, id).Scan(&d.State, &d.Reason, &at)
	if errors.Is(err, sqldb.ErrNone) {
		return Delivery{State: Queued}, nil
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("courier: delivery: %w", err)
	}
	d.At = sqldb.FromMicros(at)
	return d, nil
}

// Available tells whether a message to this destination would be tried now: a
// carrier serves it and is not known to be down. It asks nobody.
func (k *Courier) Available(channel Channel, to string) bool {
	for _, r := range k.serving(channel, to) {
		if !r.breaker.open(k.clock.Now()) {
			return true
		}
	}
	return false
}

// Callback takes what a carrier reports to a route: receipts and texts from
// people. Its faults are not_found (no such route), callback_refused (signature
// or time) and invalid_input; after any other error the carrier repeats.
func (k *Courier) Callback(ctx context.Context, name string, header map[string][]string, query url.Values, body []byte) error {
	return k.callback(ctx, name, header, query, body)
}
