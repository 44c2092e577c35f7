// Package mailbox holds the lab's mail: a real SMTP server that takes mail for
// anybody, and the mailboxes it fills. It must never send mail on; it owns no table.
package mailbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/gist"
)

// What is kept at most; the oldest mails are dropped.
const (
	MaxMails = 2000
	maxBytes = 32 << 20 // of all mails together
)

// DefaultDelay is how late a mail comes to a mailbox set to Delay, in time of
// the lab's clock.
const DefaultDelay = 20 * time.Second

// maxBoxes bounds the mailboxes with a behavior of their own.
const maxBoxes = 10_000

// Delivery is what the mail server does with a mail to an address.
type Delivery string

// What a mail server can do with a mail.
const (
	Deliver Delivery = "deliver" // it arrives at once
	Delay   Delivery = "delay"   // it is accepted and arrives later
	Bounce  Delivery = "bounce"  // the address is refused with 550 5.1.1
	Silent  Delivery = "silent"  // it is accepted and never arrives
)

// Deliveries are the values of Delivery.
var Deliveries = []Delivery{Deliver, Delay, Bounce, Silent}

// Behavior is how an address is treated.
type Behavior struct {
	Delivery Delivery
	DelayFor time.Duration
}

// Check answers which member of b has a value that a behavior does not take.
func (b Behavior) Check() error {
	if !slices.Contains(Deliveries, b.Delivery) {
		return fmt.Errorf("mailbox: delivery: want one of %v", Deliveries)
	}
	if b.DelayFor < 0 || b.DelayFor > 30*24*time.Hour {
		return errors.New("mailbox: delay_for: want 0 to 30 days")
	}
	return nil
}

// Mail is one mail in one mailbox.
type Mail struct {
	ID       string
	From, To string
	Subject  string
	Text     string // the plain part
	HTML     string // the HTML part, "" if there is none
	At       time.Time
}

// Code is the code that the mail carries, or "".
func (m Mail) Code() string {
	if code := gist.Code(m.Text); code != "" {
		return code
	}
	if code := gist.Code(gist.Plain(m.HTML)); code != "" {
		return code
	}
	return gist.Code(m.Subject)
}

// Links are the web addresses in the mail.
func (m Mail) Links() []string { return gist.Links(m.Text, m.HTML) }

// Read is the mail's text for a reader without HTML.
func (m Mail) Read() string {
	if m.Text != "" {
		return m.Text
	}
	return gist.Plain(m.HTML)
}

func (m Mail) size() int { return len(m.Text) + len(m.HTML) + len(m.Subject) + 256 }

// ErrFull says that too many addresses have a behavior of their own.
var ErrFull = errors.New("mailbox: too many addresses have been set")

// Post holds all mailboxes.
type Post struct {
	agenda  *agenda.Agenda
	prefix  string
	version atomic.Uint64

	mu      sync.RWMutex
	mails   []*kept // oldest first
	bytes   int
	byBox   map[string][]*kept
	boxes   map[string]Behavior
	changed chan struct{}
}

type kept struct {
	Mail
	seq uint64
}

// New is an empty post office.
func New(a *agenda.Agenda) *Post {
	return &Post{agenda: a, prefix: rand.Text()[:8] + "-", byBox: map[string][]*kept{}, boxes: map[string]Behavior{}}
}

// Tidy is the key of an address: here, unlike in the product, a mailbox does not
// care about capitals.
func Tidy(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// IsAddress tells whether s could be an address: something on both sides of one
// @, no spaces or brackets, and not too long.
func IsAddress(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && domain != "" && len(s) <= 254 && !strings.ContainsAny(s, " \t\r\n<>\"/\\") && !strings.Contains(domain, "@")
}

// Version grows with every change.
func (p *Post) Version() uint64 { return p.version.Load() }

// Behavior is how address is treated.
func (p *Post) Behavior(address string) Behavior {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if b, ok := p.boxes[Tidy(address)]; ok {
		return b
	}
	return Behavior{Delivery: Deliver, DelayFor: DefaultDelay}
}

// Set changes how address is treated.
func (p *Post) Set(address string, b Behavior) error {
	address = Tidy(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.boxes[address]; !known && len(p.boxes) >= maxBoxes {
		return ErrFull
	}
	p.boxes[address] = b
	p.version.Add(1)
	return nil
}

// Mails are the mails in the box of address, newest first.
func (p *Post) Mails(address string) []Mail {
	found, _ := p.Arrivals(address, 0)
	return found
}

// Arrivals are the mails that came to address with a number above seq in the
// order of arrival, newest first, and the newest such number.
func (p *Post) Arrivals(address string, seq uint64) ([]Mail, uint64) {
	p.agenda.Settle()
	p.mu.RLock()
	defer p.mu.RUnlock()
	own := p.byBox[Tidy(address)]
	out := make([]Mail, 0, len(own))
	last := seq
	for i := len(own) - 1; i >= 0 && own[i].seq > seq; i-- {
		out = append(out, own[i].Mail)
		last = max(last, own[i].seq)
	}
	return out, last
}

// Mail is one mail by its id.
func (p *Post) Mail(id string) (Mail, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, k := range p.mails {
		if k.ID == id {
			return k.Mail, true
		}
	}
	return Mail{}, false
}

// Boxes are the addresses with mail, the most recent first, then those with a
// behavior of their own, at most n.
func (p *Post) Boxes(n int) []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]string, 0, len(p.byBox)+len(p.boxes))
	for address := range p.byBox {
		out = append(out, address)
	}
	newest := func(address string) uint64 {
		if own := p.byBox[address]; len(own) > 0 {
			return own[len(own)-1].seq
		}
		return 0
	}
	for address := range p.boxes {
		if newest(address) == 0 {
			out = append(out, address)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if a, b := newest(out[i]), newest(out[j]); a != b {
			return a > b
		}
		return out[i] < out[j]
	})
	if len(out) > n {
		out = out[:n]
	}
	return out
}

// Changed is closed at the next arrival.
func (p *Post) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// take brings m to its box as the box's behavior says. Bounces were refused
// before.
func (p *Post) take(m Mail) {
	switch b := p.Behavior(m.To); b.Delivery {
	case Silent:
	case Delay:
		due := p.agenda.Now().Add(b.DelayFor)
		p.agenda.At(due, func() { p.put(m, due) })
	default:
		p.put(m, p.agenda.Now())
	}
}

func (p *Post) put(m Mail, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := &kept{Mail: m, seq: p.version.Add(1)}
	k.At = at
	k.ID = p.prefix + strconv.FormatUint(k.seq, 36)
	box := Tidy(m.To)
	p.byBox[box] = append(p.byBox[box], k)
	p.mails = append(p.mails, k)
	p.bytes += k.size()
	for len(p.mails) > MaxMails || p.bytes > maxBytes && len(p.mails) > 1 {
		p.drop()
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// drop forgets the oldest mail, which is also the oldest of its box.
func (p *Post) drop() {
	old := p.mails[0]
	p.mails[0] = nil
	p.mails = p.mails[1:]
	p.bytes -= old.size()
	box := Tidy(old.To)
	own := p.byBox[box]
	own[0] = nil
	if own = own[1:]; len(own) > 0 {
		p.byBox[box] = own
	} else {
		delete(p.byBox, box)
	}
}
