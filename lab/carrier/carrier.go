// Package carrier holds the lab's mobile network: the texts that it carried, the
// phones that they reached, and the HTTP carrier dialect written from
// docs/protocols/http-carrier.md. It must never learn that dialect from the
// product's adapter, and never send anything but receipts and texts to the one
// callback address; it owns no table.
package carrier

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/gist"
	"github.com/selfsame-id/selfsame/lab/lines"
)

// MaxTexts is how many texts are kept; the oldest are dropped.
const MaxTexts = 2000

// maxKeys is how many idempotency keys are remembered. The protocol says 24
// hours; a simulator that must stay small keeps the newest.
const maxKeys = 20_000

// State is how far a text got.
type State string

// The states of a text. Received is that of a text from a person.
const (
	Accepted  State = "accepted"
	Sent      State = "sent"
	Delivered State = "delivered"
	Failed    State = "failed"
	Received  State = "received"
)

// Text is one text message.
type Text struct {
	ID       string
	From, To string
	Text     string
	Status   State
	Reason   string    // why it failed
	At       time.Time // when it was accepted; once it arrived, when it did
}

// Arrived tells whether the text is on a phone, or came from one.
func (t Text) Arrived() bool { return t.Status == Delivered || t.Status == Received }

// Code is the code in the text, "" until it arrived: nobody can read it earlier.
func (t Text) Code() string {
	if t.Status != Delivered {
		return ""
	}
	return gist.Code(t.Text)
}

// Options are what a carrier is made of.
type Options struct {
	Agenda      *agenda.Agenda
	Lines       *lines.Book
	CallbackURL string            // receipts and texts go here; "": where each message says
	Secret      string            // signs what goes there
	Token       string            // demanded of senders; "": anybody may send
	Transport   http.RoundTripper // nil: a plain one
	Log         *slog.Logger
}

// Carrier is the network.
type Carrier struct {
	agenda  *agenda.Agenda
	lines   *lines.Book
	caller  *caller
	given   string
	token   string
	prefix  string
	count   atomic.Uint64
	version atomic.Uint64
	service atomic.Value // string: the product's number that wrote last
	inbound atomic.Value // string: where texts from people go

	mu      sync.RWMutex
	texts   ring[*kept]
	byPhone map[string][]*kept
	keys    ring[string]
	byKey   map[string]string
	changed chan struct{} // closed at the next change, if anybody waits
}

// kept is a text in the store; its fields are guarded by Carrier.mu.
type kept struct {
	Text
	phone    string // the person's number
	seq      uint64 // order of arrival
	callback string
	expires  time.Time
}

// New starts a carrier; Close ends it.
func New(o Options) *Carrier {
	c := &Carrier{
		agenda: o.Agenda, lines: o.Lines, token: o.Token, given: o.CallbackURL,
		// Ids are unique over restarts, as those of a real carrier are.
		prefix:  rand.Text()[:8] + "-",
		texts:   ring[*kept]{max: MaxTexts},
		byPhone: map[string][]*kept{},
		keys:    ring[string]{max: maxKeys},
		byKey:   map[string]string{},
	}
	c.inbound.Store(o.CallbackURL)
	c.caller = newCaller(o, c.agenda)
	return c
}

// Close stops receipts. Texts that are under way never arrive.
func (c *Carrier) Close() { c.caller.close() }

// Version grows with every change.
func (c *Carrier) Version() uint64 { return c.version.Load() }

// Service is the number that sent the newest text from a number, which is where
// a person would answer; "" before the first. Names cannot be answered.
func (c *Carrier) Service() string {
	s, _ := c.service.Load().(string)
	return s
}

// Texts are the texts to and from the person's number, newest first.
func (c *Carrier) Texts(phone string) []Text {
	c.agenda.Settle()
	c.mu.RLock()
	defer c.mu.RUnlock()
	return newest(c.byPhone[phone])
}

// To are the texts to a number, a person's or ours, newest first.
func (c *Carrier) To(number string) []Text {
	c.agenda.Settle()
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found []*kept
	if own, ok := c.byPhone[number]; ok {
		found = own
	} else {
		found = c.texts.all()
	}
	var out []*kept
	for _, k := range found {
		if k.To == number {
			out = append(out, k)
		}
	}
	return newest(out)
}

// Arrivals are the texts that reached phone with a number above seq in the order
// of arrival, and the newest such number.
func (c *Carrier) Arrivals(phone string, seq uint64) ([]Text, uint64) {
	c.agenda.Settle()
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*kept
	last := seq
	for _, k := range c.byPhone[phone] {
		if k.Status == Delivered && k.seq > seq {
			out = append(out, k)
			last = max(last, k.seq)
		}
	}
	return newest(out), last
}

// Phones are the numbers with texts, the most recently active first, at most n.
func (c *Carrier) Phones(n int) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	type active struct {
		number string
		seq    uint64
	}
	all := make([]active, 0, len(c.byPhone))
	for number, texts := range c.byPhone {
		a := active{number: number}
		for _, k := range texts {
			a.seq = max(a.seq, k.seq)
		}
		all = append(all, a)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].seq > all[j].seq })
	if len(all) > n {
		all = all[:n]
	}
	out := make([]string, len(all))
	for i, a := range all {
		out[i] = a.number
	}
	return out
}

// Changed is closed at the next change of any text.
func (c *Carrier) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

func newest(texts []*kept) []Text {
	sorted := make([]*kept, len(texts))
	copy(sorted, texts)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].seq > sorted[j].seq })
	out := make([]Text, len(sorted))
	for i, k := range sorted {
		out[i] = k.Text
	}
	return out
}

func (c *Carrier) newID() string {
	return c.prefix + strconv.FormatUint(c.count.Add(1), 36)
}

// keep stores k as the newest text; c.mu is held.
func (c *Carrier) keep(k *kept) {
	k.seq = c.version.Add(1)
	c.byPhone[k.phone] = append(c.byPhone[k.phone], k)
	if old, dropped := c.texts.add(k); dropped {
		// The oldest of all is the oldest of its phone.
		own := c.byPhone[old.phone]
		own[0] = nil
		if rest := own[1:]; len(rest) > 0 {
			c.byPhone[old.phone] = rest
		} else {
			delete(c.byPhone, old.phone)
		}
	}
	c.tell()
}

// set changes a stored text and moves it to the newest if it arrives by that.
func (c *Carrier) set(k *kept, s State, reason string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq := c.version.Add(1)
	if s == Delivered {
		k.seq = seq
		k.At = at
	}
	k.Status, k.Reason = s, reason
	c.tell()
}

// tell wakes whoever waits for a change; c.mu is held.
func (c *Carrier) tell() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// ring keeps the newest max values.
type ring[T any] struct {
	max    int
	next   int
	values []T
}

// add keeps v and answers the value that it pushed out.
func (r *ring[T]) add(v T) (old T, dropped bool) {
	if len(r.values) < r.max {
		r.values = append(r.values, v)
		return old, false
	}
	old = r.values[r.next]
	r.values[r.next] = v
	r.next = (r.next + 1) % r.max
	return old, true
}

func (r *ring[T]) all() []T { return r.values }
