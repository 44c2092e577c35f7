package signin_test

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// postOffice is the outside world: a carrier and a mail server that keep what
// they are handed, behind the real courier and its real outbox.
type postOffice struct {
	t       testing.TB
	db      *sqldb.DB
	courier *courier.Courier
	mu      sync.Mutex
	got     map[string][]string // by destination
	n       int
	refuse  *attempt.Failure // what the carrier answers instead of taking a text
}

func newPostOffice(t testing.TB, db *sqldb.DB, c *clock.Clock, ring *seal.Ring) *postOffice {
	p := &postOffice{t: t, db: db, got: map[string][]string{}}
	q := job.New(db, c, slog.New(slog.DiscardHandler))
	p.courier = courier.New(db, c, q, ring, courier.Options{
		Texts: []courier.TextRoute{{Carrier: texts{p}}}, Letters: []mail.Sender{letters{p}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = q.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-over })
	return p
}

func (p *postOffice) take(to, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[to] = append(p.got[to], text)
	p.n++
}

// code is the newest code to a destination that was not read yet; notices may have
// come with it.
func (p *postOffice) code(to string) string {
	p.t.Helper()
	list := p.all(to)
	for _, text := range slices.Backward(list) {
		if code := digits.FindString(text); code != "" {
			return code
		}
	}
	p.t.Fatalf("no code came to %s: %q", to, list)
	return ""
}

// next waits until everything that was posted has gone out, and answers the
// newest message to a destination that was not read yet. The test fails if there
// is none.
func (p *postOffice) next(to string) string {
	p.t.Helper()
	list := p.all(to)
	if len(list) == 0 {
		p.t.Fatalf("no message came to %s", to)
	}
	return list[len(list)-1]
}

// idle tells whether everything that was posted has gone out.
func (p *postOffice) idle() bool {
	p.t.Helper()
	var n int
	err := p.db.QueryRow(context.Background(), `SELECT COUNT(*) FROM job WHERE kind IN ('courier.sms', 'courier.email')`).Scan(&n)
	if err != nil {
		p.t.Fatal(err)
	}
	return n == 0
}

// settle waits until everything that was posted has gone out.
func (p *postOffice) settle() {
	p.t.Helper()
	for range 6000 {
		if p.idle() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	p.t.Fatal("the outbox does not come to rest")
}

// all takes what came to a destination, the oldest first.
func (p *postOffice) all(to string) []string {
	p.t.Helper()
	p.settle()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.got[to]
	p.got[to] = nil
	return list
}

func (p *postOffice) sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

type texts struct{ *postOffice }

func (texts) Name() string       { return "texts" }
func (texts) SafeToRepeat() bool { return true }
func (o texts) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	if o.refuse != nil {
		return sms.Accepted{}, o.refuse
	}
	o.take(t.To, t.Body)
	return sms.Accepted{ProviderID: t.ID}, nil
}
func (texts) Receive(map[string][]string, url.Values, []byte) ([]sms.Event, error) { return nil, nil }

type letters struct{ *postOffice }

func (letters) Name() string       { return "letters" }
func (letters) SafeToRepeat() bool { return true }
func (o letters) Send(_ context.Context, l mail.Letter) (mail.Accepted, error) {
	o.take(l.To, l.Subject+"\n"+l.Text)
	return mail.Accepted{}, nil
}
