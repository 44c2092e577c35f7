package contacts_test

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

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
	t       testing.TB
	db      *sqldb.DB
	courier *courier.Courier
	mu      sync.Mutex
	got     map[string][]string // by destination
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
}

var digits = regexp.MustCompile(`\d{6}`)

// code is the newest code that came to a destination and was not read yet.
func (p *postOffice) code(to string) string {
	p.t.Helper()
	list := p.all(to)
	for i := len(list) - 1; i >= 0; i-- {
		if found := digits.FindString(list[i]); found != "" {
			return found
		}
	}
	p.t.Fatalf("no code came to %s: %q", to, list)
	return ""
}

var token = regexp.MustCompile(`/objection\?token=([A-Za-z0-9_-]+)`)

// link is the token of the objection link in the messages that came to a
// destination and were not read yet; "" if there is none.
func (p *postOffice) link(to string) string {
	p.t.Helper()
	for _, text := range p.all(to) {
		if found := token.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	return ""
}

// all takes what came to a destination, the oldest first, once everything that was
// posted has gone out.
func (p *postOffice) all(to string) []string {
	p.t.Helper()
	for n := 1; n > 0; {
		err := p.db.QueryRow(context.Background(), `SELECT COUNT(*) FROM job WHERE kind IN ('courier.sms', 'courier.email')`).Scan(&n)
		if err != nil {
			p.t.Fatal(err)
		}
		if n > 0 {
			<-time.After(5 * time.Millisecond)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.got[to]
	p.got[to] = nil
	return list
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
