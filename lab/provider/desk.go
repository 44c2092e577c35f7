package provider

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
)

// Options are what a vendor's desk is made of.
type Options struct {
	Clock     agenda.Clock
	Title     string            // the vendor's name as people know it: "WeChat 微信"
	NoticeURL string            // where its messages go: the product's /hooks/federation/{provider}
	Transport http.RoundTripper // brings them; nil: a plain one
	Log       *slog.Logger      // nil: slog.Default()
}

// Desk is a vendor's people, failures, codes and record. Its methods may be called
// from many goroutines.
type Desk struct {
	Options
	mu       sync.Mutex
	people   []Person
	failure  Failure
	codes    map[string]*issued
	requests []Request
	changes  uint64
	resets   []func()
}

type issued struct {
	what any
	ends time.Time
	used bool
}

// Errors of people and messages.
var (
	ErrNobody  = errors.New("provider: nobody has this id here")
	ErrNoEvent = errors.New("provider: this vendor sends no such message")
	ErrNoPlace = errors.New("provider: there is no address for messages")
)

const (
	maxPeople   = 1000
	keepCodes   = time.Hour // after their end, so that "expired" can be told from "unknown"
	deliverWait = 15 * time.Second
	maxReply    = 64 << 10
)

// NewDesk opens a desk with a few people who are the same at every start.
func NewDesk(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Desk{Options: o, people: firstPeople(), failure: None, codes: map[string]*issued{}}
}

func firstPeople() []Person {
	return []Person{
		{ID: "ana", Name: "Ana Example", Email: "ana@example.com"},
		{ID: "lilei", Name: "李雷", Email: "lilei@example.com"},
		{ID: "hanmeimei", Name: "韩梅梅", Email: "hanmeimei@example.com"},
		{ID: "sam", Name: "Sam Sample"},
	}
}

// Now is the present time of the lab.
func (d *Desk) Now() time.Time { return d.Clock.Now() }

// Add gives p an account here and answers it with its ID: one that p brings, which
// replaces the person who has it, else a fresh one. At 1,000 people the oldest that
// was added goes.
func (d *Desk) Add(p Person) Person {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	p.Quirks = slices.Clone(p.Quirks)
	if p.ID == "" {
		// Random, so that a person of the last start is not somebody else's at this one.
		p.ID = "p" + strings.ToLower(rand.Text()[:12])
	}
	if i := slices.IndexFunc(d.people, func(o Person) bool { return o.ID == p.ID }); i >= 0 {
		d.people[i] = p
		return p
	}
	d.people = append(d.people, p)
	if len(d.people) > maxPeople {
		first := len(firstPeople())
		d.people = slices.Delete(d.people, first, first+1)
	}
	return p
}

// People are all who have accounts here, in the order of their coming.
func (d *Desk) People() []Person {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.people)
}

// Person is who has this ID.
func (d *Desk) Person(id string) (Person, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.people, func(p Person) bool { return p.ID == id })
	if i < 0 {
		return Person{}, false
	}
	return d.people[i], true
}

// Has says whether the person has this quirk.
func (p Person) Has(quirk string) bool { return slices.Contains(p.Quirks, quirk) }

// Failure is how the vendor fails at present.
func (d *Desk) Failure() Failure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure
}

// Fail makes the vendor fail like f until it is told otherwise; "" is None.
func (d *Desk) Fail(f Failure) {
	if f == "" {
		f = None
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	d.failure = f
}

// Changes counts what happened here, for a page that shows it.
func (d *Desk) Changes() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changes
}

// Reset is a fresh start: the first people, no failure, no codes, no record.
func (d *Desk) Reset() {
	d.mu.Lock()
	d.people, d.failure, d.codes, d.requests = firstPeople(), None, map[string]*issued{}, nil
	d.changes++
	resets := slices.Clone(d.resets)
	d.mu.Unlock()
	for _, reset := range resets {
		reset()
	}
}

// OnReset has do called after every Reset: what else the vendor remembers goes.
func (d *Desk) OnReset(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resets = append(d.resets, do)
}

// Issue remembers that code stands for what, once, for life.
func (d *Desk) Issue(code string, what any, life time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Clock.Now()
	for c, i := range d.codes {
		if now.Sub(i.ends) > keepCodes {
			delete(d.codes, c)
		}
	}
	d.codes[code] = &issued{what: what, ends: now.Add(life)}
}

// Take uses code up. state is "ok", "used", "expired" or "unknown"; what is nil only
// for "unknown". The failures CodeReused and CodeExpired make a good code a bad one.
func (d *Desk) Take(code string) (what any, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, ok := d.codes[code]
	if !ok {
		return nil, "unknown"
	}
	used := i.used
	i.used = true
	switch {
	case used || d.failure == CodeReused:
		return i.what, "used"
	case d.failure == CodeExpired || !d.Clock.Now().Before(i.ends):
		return i.what, "expired"
	}
	return i.what, "ok"
}

// Deliver sends a message to the product and answers the status of its answer.
func (d *Desk) Deliver(r *http.Request) (int, error) {
	status, _, err := d.Ask(r)
	return status, err
}

// Ask is Deliver that also answers the first 64 KiB of the body, for a vendor that
// reads it. Redirects are not followed. ErrNoPlace is for a request to nowhere.
func (d *Desk) Ask(r *http.Request) (status int, body []byte, err error) {
	if r.URL.Host == "" {
		return 0, nil, ErrNoPlace
	}
	client := http.Client{
		Transport: d.Transport, Timeout: deliverWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		d.Log.Warn("lab: a vendor's message was not brought", "vendor", d.Title, "error", err.Error())
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // nothing of it is written
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxReply))
	return answer.StatusCode, body, err
}
