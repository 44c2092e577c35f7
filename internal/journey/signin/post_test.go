package signin_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// postOffice is the outside world: a carrier and a mail server that keep what
// they are handed, behind the real courier and its real outbox.
type postOffice struct {
	t       *testing.T
	courier *courier.Courier
	mu      sync.Mutex
	came    sync.Cond
	got     map[string][]string // by destination
	n       int
}

func newPostOffice(t *testing.T, db *sqldb.DB, c *clock.Clock, ring *seal.Ring) *postOffice {
	p := &postOffice{t: t, got: map[string][]string{}}
	p.came.L = &p.mu
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
	p.came.Broadcast()
}

// code is the code in the next message to a destination that was not read yet.
func (p *postOffice) code(to string) string { return digits.FindString(p.next(to)) }

// next waits for a message to a destination and takes it.
func (p *postOffice) next(to string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.got[to]) == 0 {
		p.came.Wait()
	}
	text := p.got[to][0]
	p.got[to] = p.got[to][1:]
	return text
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
