package lab

import (
	"context"
	"sync"

	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
)

// Phone is a phone in somebody's hand. Its methods may be used by several
// goroutines; two phones with one number read independently of each other.
type Phone struct {
	Number string
	lab    *Lab
	mu     sync.Mutex
	read   uint64 // the newest text that NextCode looked at
}

// Phone is the phone with number. Every number has one.
func (l *Lab) Phone(number string) *Phone {
	return &Phone{Number: lines.Tidy(number), lab: l}
}

// Texts are the texts on the phone and those its holder sent, newest first.
func (p *Phone) Texts() []carrier.Text {
	var here []carrier.Text
	for _, t := range p.lab.carrier.Texts(p.Number) {
		if t.Arrived() {
			here = append(here, t)
		}
	}
	return here
}

// LastCode is the code in the newest text with one. It waits until there is one
// or ctx ends.
func (p *Phone) LastCode(ctx context.Context) (string, error) {
	code, _, err := p.wait(ctx, 0)
	return code, err
}

// NextCode is as LastCode, but overlooks what an earlier NextCode looked at: it
// waits for a text that the holder has not read.
func (p *Phone) NextCode(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, last, err := p.wait(ctx, p.read)
	if err == nil {
		p.read = last
	}
	return code, err
}

func (p *Phone) wait(ctx context.Context, after uint64) (code string, last uint64, err error) {
	for {
		changed := p.lab.carrier.Changed() // taken before looking, so that no text is missed
		texts, last := p.lab.carrier.Arrivals(p.Number, after)
		for _, t := range texts {
			if code := t.Code(); code != "" {
				return code, last, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", after, ctx.Err()
		case <-changed:
		}
	}
}

// Send sends a text to one of the product's numbers and waits until it was taken.
func (p *Phone) Send(ctx context.Context, to, text string) error {
	_, err := p.lab.carrier.Send(ctx, p.Number, to, text)
	return err
}

// Set changes what the networks do with this phone.
func (p *Phone) Set(f func(*lines.Record)) error {
	_, err := p.lab.lines.Update(p.Number, f)
	return err
}

// Mailbox is a mailbox that somebody reads.
type Mailbox struct {
	Address string
	lab     *Lab
	mu      sync.Mutex
	read    uint64
}

// Mailbox is the mailbox of address. Every address has one.
func (l *Lab) Mailbox(address string) *Mailbox {
	return &Mailbox{Address: mailbox.Tidy(address), lab: l}
}

// Mails are the mails in the box, newest first.
func (m *Mailbox) Mails() []mailbox.Mail { return m.lab.post.Mails(m.Address) }

// LastCode is the code in the newest mail with one. It waits until there is one
// or ctx ends.
func (m *Mailbox) LastCode(ctx context.Context) (string, error) {
	found, _, err := m.wait(ctx, 0, func(one mailbox.Mail) bool { return one.Code() != "" })
	return found.Code(), err
}

// NextCode is as LastCode, but overlooks what an earlier NextCode or NextMail
// looked at.
func (m *Mailbox) NextCode(ctx context.Context) (string, error) {
	found, err := m.next(ctx, func(one mailbox.Mail) bool { return one.Code() != "" })
	return found.Code(), err
}

// NextMail is the newest mail that an earlier NextCode or NextMail did not look
// at. It waits until there is one or ctx ends.
func (m *Mailbox) NextMail(ctx context.Context) (mailbox.Mail, error) {
	return m.next(ctx, func(mailbox.Mail) bool { return true })
}

// Set changes what the mail server does with this mailbox.
func (m *Mailbox) Set(b mailbox.Behavior) error {
	if err := b.Check(); err != nil {
		return err
	}
	return m.lab.post.Set(m.Address, b)
}

func (m *Mailbox) next(ctx context.Context, wanted func(mailbox.Mail) bool) (mailbox.Mail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, last, err := m.wait(ctx, m.read, wanted)
	if err == nil {
		m.read = last
	}
	return found, err
}

func (m *Mailbox) wait(ctx context.Context, after uint64, wanted func(mailbox.Mail) bool) (mailbox.Mail, uint64, error) {
	for {
		changed := m.lab.post.Changed() // taken before looking, so that no mail is missed
		mails, last := m.lab.post.Arrivals(m.Address, after)
		for _, one := range mails {
			if wanted(one) {
				return one, last, nil
			}
		}
		select {
		case <-ctx.Done():
			return mailbox.Mail{}, after, ctx.Err()
		case <-changed:
		}
	}
}
