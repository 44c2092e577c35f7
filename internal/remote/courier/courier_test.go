package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

const (
	number  = "+8613800138000"
	address = "alice@example.com"
	text    = "Selfsame: 482913 is your sign-in code.\n\n@id.example.test #482913"
)

// carrier plays a carrier: it answers as scripted, then accepts.
type carrier struct {
	route  string
	repeat bool

	mu     sync.Mutex
	script []error
	texts  []sms.Text
	got    chan sms.Text // if not nil, told of each text
}

func (c *carrier) Name() string       { return c.route }
func (c *carrier) SafeToRepeat() bool { return c.repeat }

func (c *carrier) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, t)
	if c.got != nil {
		c.got <- t
	}
	if len(c.script) > 0 {
		err := c.script[0]
		c.script = c.script[1:]
		if err != nil {
			return sms.Accepted{}, err
		}
	}
	return sms.Accepted{ProviderID: "p-" + t.ID}, nil
}

// Receive reads "receipt <event> <provider id> <state> <reason>" or "text <event> <body>" lines.
func (c *carrier) Receive(_ map[string][]string, _ url.Values, body []byte) (events []sms.Event, err error) {
	for line := range strings.Lines(string(body)) {
		f := strings.Fields(line + " -")
		switch f[0] {
		case "receipt":
			events = append(events, sms.Event{ID: f[1], At: sqldbtest.Start.Add(-time.Second),
				Receipt: &sms.Receipt{ProviderID: f[2], State: sms.State(f[3]), Reason: strings.Trim(f[4], "-")}})
		case "text":
			events = append(events, sms.Event{ID: f[1], Inbound: &sms.Inbound{From: number, To: "1069", Body: f[2]}})
		case "forged":
			return nil, sms.ErrForged
		default:
			return nil, sms.ErrMalformed
		}
	}
	return events, nil
}

func (c *carrier) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.texts)
}

// sender plays a mail server.
type sender struct {
	script  []error
	letters []mail.Letter
}

func (s *sender) Name() string       { return "relay" }
func (s *sender) SafeToRepeat() bool { return false }

func (s *sender) Send(_ context.Context, l mail.Letter) (mail.Accepted, error) {
	s.letters = append(s.letters, l)
	if len(s.script) > 0 {
		err := s.script[0]
		s.script = s.script[1:]
		return mail.Accepted{}, err
	}
	return mail.Accepted{}, nil
}

// world is a door with carriers a and b and a mail server.
type world struct {
	*Courier
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
	queue *job.Queue
	a, b  *carrier
	relay *sender
	log   *bytes.Buffer
	mu    sync.Mutex
	ended []string
}

func newWorld(t *testing.T, db *sqldb.DB, c *clock.Clock) *world {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, clock: c, a: &carrier{route: "a", repeat: true}, b: &carrier{route: "b"}, relay: &sender{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.queue = job.New(db, c, log)
	w.Courier = New(db, c, w.queue, ring, Options{
		Texts: []TextRoute{{Carrier: w.a, Countries: []string{"CN", "US"}, Prefixes: []string{"+1876"}}, {Carrier: w.b}}, Letters: []mail.Sender{w.relay}, Log: log,
		Stats: Stats{Ended: func(channel Channel, purpose, state, reason string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended = append(w.ended, strings.TrimSpace(fmt.Sprint(channel, " ", purpose, " ", state, " ", reason)))
		}},
	})
	return w
}

func message(id string) Message {
	return Message{ID: id, Channel: SMS, To: number, Text: text, Purpose: "signin", Locale: "en", ExpiresAt: sqldbtest.Start.Add(5 * time.Minute)}
}

func letter(id string) Message {
	return Message{ID: id, Channel: Email, To: address, Subject: "482913 is your code", Text: "482913\n\nYour code.", Purpose: "signin", Locale: "en"}
}

func (w *world) post(m Message) {
	w.t.Helper()
	if err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error { return w.Post(w.t.Context(), tx, m) }); err != nil {
		w.t.Fatalf("Post: %v", err)
	}
}

// run does what a worker of the queue does, in step with the test.
func (w *world) run(id string, try int) error {
	w.t.Helper()
	j := job.Job{ID: id, Attempt: try}
	err := w.db.QueryRow(w.t.Context(), `SELECT kind, payload FROM job WHERE id = $1`, id).Scan(&j.Kind, &j.Payload)
	if err != nil {
		w.t.Fatalf("the job of %s: %v", id, err)
	}
	finish, err := w.send(w.t.Context(), j)
	if err != nil {
		return err
	}
	err = w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(w.t.Context(), `DELETE FROM job WHERE id = $1`, id); err != nil {
			return err
		}
		return finish(w.t.Context(), tx)
	})
	if err != nil {
		w.t.Fatalf("the end of %s: %v", id, err)
	}
	return nil
}

// state is "state" or "state reason".
func (w *world) state(id string) string {
	w.t.Helper()
	d, err := w.Delivery(w.t.Context(), w.db, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(d.State + " " + d.Reason)
}

func (w *world) report(route, body string) error {
	return w.Callback(w.t.Context(), route, nil, nil, []byte(body))
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(t, newWorld(t, db, c)) })
}

// The destination and the text leave the house once, and are nowhere in the
// store but under seal, and nowhere at all afterwards.
func TestS003_OneMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.post(message("m"))
		w.post(message("m")) // a caller that lost the answer
		if got := w.state("m"); got != "queued" {
			t.Errorf("after Post: %s", got)
		}
		var payload []byte
		if err := w.db.QueryRow(t.Context(), `SELECT payload FROM job WHERE id = 'm'`).Scan(&payload); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(payload, []byte("138001")) || bytes.Contains(payload, []byte("482913")) {
			t.Error("the payload is not sealed")
		}
		if err := w.run("m", 1); err != nil {
			t.Fatal(err)
		}
		want := []sms.Text{{ID: "m", To: number, Body: text, ExpiresAt: sqldbtest.Start.Add(5 * time.Minute)}}
		if diff := cmp.Diff(want, w.a.texts); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
		w.post(message("m")) // later still
		var left int
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM job WHERE id = 'm'`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d jobs are left, %v", left, err)
		}
		if got := w.state("m"); got != "sent" {
			t.Errorf("after the send: %s", got)
		}
		if diff := cmp.Diff([]string{"sms signin sent"}, w.ended); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLetter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.post(letter("m"))
		if err := w.run("m", 1); err != nil {
			t.Fatal(err)
		}
		m := letter("m")
		want := []mail.Letter{{ID: "m", To: address, Subject: m.Subject, Text: m.Text, HTML: mail.HTML("en", m.Subject, m.Text)}}
		if diff := cmp.Diff(want, w.relay.letters); diff != "" {
			t.Error(diff)
		}
		w.relay.script = []error{attempt.Fail(attempt.Permanent, attempt.MailboxUnknown, nil)}
		w.post(letter("n"))
		if err := w.run("n", 1); err != nil || w.state("n") != "failed mailbox_unknown" {
			t.Errorf("to an unknown mailbox: %v, %s", err, w.state("n"))
		}
	})
}

// no message without its transaction.
func TestR002_RolledBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stop := errors.New("stop")
		err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			if err := w.Post(t.Context(), tx, message("m")); err != nil {
				return err
			}
			return stop
		})
		var left int
		if err := w.db.QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM job) + (SELECT COUNT(*) FROM courier_message)`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, stop) || left != 0 {
			t.Errorf("after the rollback: %v, %d rows", err, left)
		}
	})
}

func TestS147_PostRefuses(t *testing.T) {
	c := clock.At(sqldbtest.Start)
	w := newWorld(t, sqldbtest.SQLite(t, c), c)
	for name, m := range map[string]Message{
		"no id":              {Channel: SMS, To: number, Text: "x", Purpose: "p"},
		"no purpose":         {ID: "m", Channel: SMS, To: number, Text: "x"},
		"no text":            {ID: "m", Channel: SMS, To: number, Purpose: "p"},
		"no channel":         {ID: "m", To: number, Text: "x", Purpose: "p"},
		"a national number":  {ID: "m", Channel: SMS, To: "13800138000", Text: "x", Purpose: "p"},
		"two numbers":        {ID: "m", Channel: SMS, To: number + "," + number, Text: "x", Purpose: "p"},
		"an address by text": {ID: "m", Channel: SMS, To: address, Text: "x", Purpose: "p"},
		"S-03: a spelling":   {ID: "m", Channel: Email, To: " alice@example.com", Subject: "s", Text: "x", Purpose: "p"},
		"S-03: a look-alike": {ID: "m", Channel: Email, To: "alice@bücher.example", Subject: "s", Text: "x", Purpose: "p"},
		"two addresses":      {ID: "m", Channel: Email, To: "a@example.com,b@example.com", Subject: "s", Text: "x", Purpose: "p"},
		"a line break":       {ID: "m", Channel: Email, To: address, Subject: "s\r\nBcc: b@example.com", Text: "x", Purpose: "p"},
		"no subject":         {ID: "m", Channel: Email, To: address, Text: "x", Purpose: "p"},
	} {
		err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			err := w.Post(t.Context(), tx, m)
			if tx.Writes() != 0 {
				t.Errorf("%s: %d writes", name, tx.Writes())
			}
			return err
		})
		if err == nil || m.To != "" && strings.Contains(err.Error(), m.To) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A message to nobody costs what any other costs, and reaches nobody.
func TestNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		writes := map[string]int{}
		for id, to := range map[string]string{"somebody": number, "nobody": ""} {
			m := message(id)
			m.To = to
			err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				err := w.Post(t.Context(), tx, m)
				writes[id] = tx.Writes()
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if writes["nobody"] != writes["somebody"] || writes["nobody"] != 2 {
			t.Errorf("writes: %v, want 2 each", writes)
		}
		if err := w.run("nobody", 1); err != nil || w.a.asked()+w.b.asked() != 0 || len(w.ended) != 0 {
			t.Errorf("run: %v, %d asked, %v", err, w.a.asked()+w.b.asked(), w.ended)
		}
	})
}

func fail(class attempt.Class, reason string) error { return attempt.Fail(class, reason, nil) }

// another carrier only when it is certain that nothing was sent; a
// repetition only at the same one, once, where it knows the id again.
func TestR012_Failover(t *testing.T) {
	down := fail(attempt.Temporary, attempt.Service)
	unsure := fail(attempt.Ambiguous, attempt.Service)
	foreign := errors.New("not a failure of ours")
	for _, c := range []struct {
		name         string
		to           string
		a, b         []error
		asksA, asksB int
		want         string // "" means later
	}{
		{"first takes it", number, nil, nil, 1, 0, "sent"},
		{"first is down", number, []error{down}, nil, 1, 1, "sent"},
		{"first does not serve it", number, []error{fail(attempt.Elsewhere, attempt.CountryNotServed)}, nil, 1, 1, "sent"},
		{"nobody has the number", number, []error{fail(attempt.Permanent, attempt.NumberUnknown)}, nil, 1, 0, "failed number_unknown"},
		{"unsure, then taken", number, []error{unsure}, nil, 2, 0, "sent"},
		{"unsure, then refused", number, []error{unsure, fail(attempt.Permanent, attempt.Blocked)}, nil, 2, 0, "failed blocked"},
		{"unsure twice", number, []error{unsure, unsure}, nil, 2, 0, "sent unknown"},
		{"unsure, then down", number, []error{unsure, down}, nil, 2, 0, "sent unknown"},
		{"unsure for good", number, []error{foreign, foreign}, nil, 2, 0, "sent unknown"},
		{"second unsure", number, []error{down}, []error{unsure}, 1, 1, "sent unknown"},
		{"both down", number, []error{down}, []error{down}, 1, 1, ""},
		{"one down, one refuses", number, []error{down}, []error{fail(attempt.Elsewhere, attempt.Filtered)}, 1, 1, ""},
		{"both refuse", number, []error{fail(attempt.Elsewhere, attempt.CountryNotServed)}, []error{fail(attempt.Elsewhere, attempt.Filtered)}, 1, 1, "failed filtered"},
		{"not in the first's countries", "+447400123456", nil, nil, 0, 1, "sent"},
		{"of the same calling code, another country", "+12042345678", nil, nil, 0, 1, "sent"},
		{"in the first's prefixes", "+18762101234", nil, nil, 1, 0, "sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clk := clock.At(sqldbtest.Start)
			w := newWorld(t, sqldbtest.SQLite(t, clk), clk)
			w.a.script, w.b.script = c.a, c.b
			m := message("m")
			m.To = c.to
			w.post(m)
			err := w.run("m", 1)
			if (err != nil) != (c.want == "") {
				t.Errorf("run: %v", err)
			}
			if w.a.asked() != c.asksA || w.b.asked() != c.asksB {
				t.Errorf("a was asked %d times and b %d times, want %d and %d", w.a.asked(), w.b.asked(), c.asksA, c.asksB)
			}
			want := c.want
			if want == "" {
				want = "queued service"
			}
			if got := w.state("m"); got != want {
				t.Errorf("state %q, want %q", got, want)
			}
			if log := w.log.String(); strings.Contains(log, "138001") || strings.Contains(log, "482913") {
				t.Errorf("the log shows too much:\n%s", log)
			}
		})
	}
}

// A run that died without a word may have sent the message. It is repeated where
// that is safe, else given up: a person who waits can ask for another one.
func TestR004_VanishedRun(t *testing.T) {
	down := fail(attempt.Temporary, attempt.Service)
	each(t, func(t *testing.T, w *world) {
		w.post(message("m"))
		if err := w.run("m", 2); err != nil || w.a.asked() != 1 || w.state("m") != "sent" {
			t.Errorf("safe to repeat: %v, asked %d times, %s", err, w.a.asked(), w.state("m"))
		}
		m := message("n")
		m.To = "+447400123456" // only b goes there
		w.post(m)
		if err := w.run("n", 2); err != nil || w.b.asked() != 0 || w.state("n") != "sent unknown" {
			t.Errorf("not safe: %v, asked %d times, %s", err, w.b.asked(), w.state("n"))
		}
		w.post(message("o"))
		w.a.script = []error{down}
		if err := w.run("o", 2); err == nil || w.b.asked() != 0 {
			t.Errorf("safe, but down: %v, b was asked %d times", err, w.b.asked())
		}
		if err := w.run("o", 3); err != nil || w.a.asked() != 3 || w.state("o") != "sent" {
			t.Errorf("afterwards: %v, asked %d times, %s", err, w.a.asked(), w.state("o"))
		}
		w.post(message("p"))
		w.a.script, w.b.script = []error{down}, []error{down}
		if err := w.run("p", 1); err == nil {
			t.Error("both down: no error")
		}
		w.a.script = []error{down}
		if err := w.run("p", 2); err != nil || w.state("p") != "sent" || w.b.asked() != 2 {
			t.Errorf("the first run had ended well: %v, %s, b was asked %d times", err, w.state("p"), w.b.asked())
		}
	})
}

// what is older than the code's life is dropped, and says why.
func TestR011_Expired(t *testing.T) {
	down := fail(attempt.Temporary, attempt.Service)
	each(t, func(t *testing.T, w *world) {
		w.post(message("late"))
		w.post(message("down"))
		w.a.script, w.b.script = []error{down}, []error{down}
		if err := w.run("down", 1); err == nil {
			t.Fatal("no error")
		}
		w.clock.Advance(5 * time.Minute)
		asked := w.a.asked() + w.b.asked()
		for id, want := range map[string]string{"late": "failed expired", "down": "failed service"} {
			if err := w.run(id, map[string]int{"late": 1, "down": 2}[id]); err != nil || w.state(id) != want {
				t.Errorf("%s: %v, %s, want %s", id, err, w.state(id), want)
			}
		}
		if w.a.asked()+w.b.asked() != asked {
			t.Error("a carrier was asked for an expired message")
		}
	})
}

// What is old goes, what is not stays, and an old receipt finds nothing.
func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range sweepStep + 10 {
			w.post(message(fmt.Sprint("old", i)))
		}
		if err := w.run("old0", 1); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.report("a", "receipt e p-stranger sent"), w.report("a", "text e1 hi")); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(30*24*time.Hour + time.Second)
		m := message("new")
		m.ExpiresAt = time.Time{}
		w.post(m)
		if err := w.run("new", 1); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.report("a", "receipt e p-early sent"), w.report("a", "text e2 hi"), w.Sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"courier_message": 1, "courier_handover": 2, "courier_inbound": 1} {
			var n int
			if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil || n != want {
				t.Errorf("%s has %d rows, %v; want %d", table, n, err, want)
			}
		}
		if got := w.state("new"); got != "sent" {
			t.Errorf("the new message is %s", got)
		}
		if got := w.state("old0"); got != "queued" {
			t.Errorf("a forgotten message is %s", got)
		}
	})
}

// A key ring that was rotated between Post and the send still opens the message.
func TestRotatedRing(t *testing.T) {
	c := clock.At(sqldbtest.Start)
	w := newWorld(t, sqldbtest.SQLite(t, c), c)
	w.post(message("m"))
	if err := w.ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := w.run("m", 1); err != nil || w.state("m") != "sent" {
		t.Errorf("run: %v, %s", err, w.state("m"))
	}
	w.post(message("n"))
	w.post(message("o"))
	if err := w.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE job SET payload = (SELECT payload FROM job WHERE id = 'n') WHERE id = 'o'`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.run("o", 1); !errors.Is(err, seal.ErrAltered) {
		t.Errorf("a payload moved to another message: %v", err)
	}
}

// The whole way with the real queue: many messages at once, each sent once, each
// job gone with what it carried.
func TestQueue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const all = 100
		w.a.got = make(chan sms.Text, all)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- w.queue.Run(ctx) }()
		for i := range all {
			w.post(message(fmt.Sprint("m", i)))
		}
		var ids []string
		for range all {
			ids = append(ids, (<-w.a.got).ID)
		}
		stop()
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != all {
			t.Errorf("%d messages of %d were sent", n, all)
		}
		var sent, jobs int
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM courier_message WHERE state = 'sent'`).Scan(&sent); err != nil {
			t.Fatal(err)
		}
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM job WHERE kind = 'courier.sms'`).Scan(&jobs); err != nil {
			t.Fatal(err)
		}
		if sent != all || jobs != 0 {
			t.Errorf("%d of %d are sent, %d jobs are left", sent, all, jobs)
		}
		if log := w.log.String(); strings.Contains(log, "138001") || strings.Contains(log, "482913") {
			t.Errorf("the log shows too much:\n%s", log)
		}
	})
}
