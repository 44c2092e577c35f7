package towntest

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

// Post is the outside world: a carrier and a mail server that keep what they are
// handed, behind the real courier and its real outbox.
type Post struct {
	t       testing.TB
	db      *sqldb.DB
	Courier *courier.Courier
	mu      sync.Mutex
	got     map[string][]string // by destination
}

func newPost(t testing.TB, db *sqldb.DB, c *clock.Clock, ring *seal.Ring) *Post {
	p := &Post{t: t, db: db, got: map[string][]string{}}
	q := job.New(db, c, slog.New(slog.DiscardHandler))
	p.Courier = courier.New(db, c, q, ring, courier.Options{
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

func (p *Post) take(to, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[to] = append(p.got[to], text)
}

// Settle waits until everything that was posted has gone out.
func (p *Post) Settle() {
	p.t.Helper()
	for range 6000 {
		var n int
		err := p.db.QueryRow(context.Background(), `SELECT COUNT(*) FROM job WHERE kind IN ('courier.sms', 'courier.email')`).Scan(&n)
		if err != nil {
			p.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	p.t.Fatal("the outbox does not come to rest")
}

// All takes what came to a destination since the last look, the oldest first.
func (p *Post) All(to string) []string {
	p.t.Helper()
	p.Settle()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.got[to]
	p.got[to] = nil
	return list
}

var digits = regexp.MustCompile(`\b\d{6}\b`)

// Code is the newest code that came to a destination.
func (p *Post) Code(to string) string {
	p.t.Helper()
	code := ""
	for _, text := range p.All(to) {
		if found := digits.FindString(text); found != "" {
			code = found
		}
	}
	if code == "" {
		p.t.Fatalf("no code came to %s", to)
	}
	return code
}

type texts struct{ *Post }

func (texts) Name() string       { return "texts" }
func (texts) SafeToRepeat() bool { return true }
func (o texts) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	o.take(t.To, t.Body)
	return sms.Accepted{ProviderID: t.ID}, nil
}
func (texts) Receive(map[string][]string, url.Values, []byte) ([]sms.Event, error) { return nil, nil }

type letters struct{ *Post }

func (letters) Name() string       { return "letters" }
func (letters) SafeToRepeat() bool { return true }
func (o letters) Send(_ context.Context, l mail.Letter) (mail.Accepted, error) {
	o.take(l.To, l.Subject+"\n"+l.Text)
	return mail.Accepted{}, nil
}
