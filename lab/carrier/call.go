package carrier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
)

// How receipts are brought.
const (
	lanes    = 16   // texts in different lanes do not wait for each other
	maxLane  = 4096 // calls that wait in one lane; more are lost, as at real carriers
	callTime = 10 * time.Second
)

// pauses are the waits before a call is repeated, in time of the lab's clock:
// growing, and more than an hour in all, as the protocol asks.
var pauses = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute}

// event is the body of a call: a receipt or a text from a person.
type event struct {
	ID        string    `json:"id"`
	MessageID string    `json:"message_id,omitempty"`
	State     string    `json:"state,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Text      string    `json:"text,omitempty"`
	At        time.Time `json:"at"`
}

type call struct {
	address string
	event   event
	tries   int
}

// caller brings events to the product. Calls about one text go one after the
// other, so that its receipts keep their order unless one must be repeated.
type caller struct {
	agenda *agenda.Agenda
	secret []byte
	client *http.Client
	log    *slog.Logger
	seed   maphash.Seed
	lost   atomic.Uint64
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	lanes  [lanes]lane
}

type lane struct {
	mu      sync.Mutex
	waiting []call
	running bool
}

func newCaller(o Options, a *agenda.Agenda) *caller {
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{MaxIdleConns: 2 * lanes, MaxIdleConnsPerHost: 2 * lanes, IdleConnTimeout: time.Minute}
	}
	c := &caller{
		agenda: a, secret: []byte(o.Secret), log: o.Log, seed: maphash.MakeSeed(),
		client: &http.Client{Transport: transport, Timeout: callTime, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *caller) close() {
	c.cancel()
	for i := range c.lanes {
		// Whoever looked at the context before it ended is through after this.
		c.lanes[i].mu.Lock()
		//lint:ignore SA2001 a barrier, nothing to do inside
		c.lanes[i].mu.Unlock()
	}
	c.wg.Wait()
	c.client.CloseIdleConnections()
}

// put queues a call; key decides the lane. A lane has a goroutine only while it
// has work, so that an idle lab costs nothing.
func (c *caller) put(key string, job call) {
	l := &c.lanes[maphash.String(c.seed, key)%lanes]
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	if len(l.waiting) >= maxLane {
		if c.lost.Add(1) == 1 {
			c.log.Warn("lab carrier: receipts are lost, the product takes them too slowly")
		}
		return
	}
	l.waiting = append(l.waiting, job)
	if !l.running {
		l.running = true
		c.wg.Go(func() { c.work(l) })
	}
}

func (c *caller) work(l *lane) {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 || c.ctx.Err() != nil {
			l.running = false
			l.waiting = nil
			l.mu.Unlock()
			return
		}
		batch := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		for _, job := range batch {
			if _, again := c.try(c.ctx, job); again {
				c.later(job)
			}
		}
	}
}

// later repeats a call after its pause, until the pauses are used up.
func (c *caller) later(job call) {
	if job.tries >= len(pauses) || c.ctx.Err() != nil {
		return
	}
	due := c.agenda.Now().Add(pauses[job.tries])
	job.tries++
	c.agenda.At(due, func() { c.put(job.event.ID, job) })
}

// once makes one call now, tells whether it was taken, and leaves repetitions
// to the agenda.
func (c *caller) once(ctx context.Context, job call) bool {
	taken, again := c.try(ctx, job)
	if again {
		c.later(job)
	}
	return taken
}

// try makes the call. The protocol says which answers mean that it must not be
// repeated.
func (c *caller) try(ctx context.Context, job call) (taken, again bool) {
	body, err := json.Marshal(job.event)
	if err != nil {
		return false, false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, job.address, bytes.NewReader(body))
	if err != nil {
		c.log.Warn("lab carrier: the callback address cannot be called")
		return false, false
	}
	stamp, signature := sign(c.secret, c.agenda.Now(), body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature", signature)
	answer, err := c.client.Do(r)
	if err != nil {
		return false, true
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody)) // so that the connection serves again
	switch status := answer.StatusCode; {
	case status/100 == 2:
		return true, false
	case status == 401 || status == 404 || status == 413 || status == 422:
		c.log.Warn("lab carrier: the product refused a call", "status", status)
		return false, false
	default:
		return false, true
	}
}

// sign answers the headers X-Signature-Timestamp and X-Signature for body.
func sign(secret []byte, at time.Time, body []byte) (stamp, signature string) {
	stamp = strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return stamp, "v1=" + hex.EncodeToString(mac.Sum(nil))
}
