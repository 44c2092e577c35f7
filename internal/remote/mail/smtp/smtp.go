// Package smtp holds the mail sender that speaks SMTP to one relay (RFC 5321),
// encrypted unless the relay is this machine. It must never send to two
// recipients, put a line break into a header, or show the relay's words, which
// hold addresses, in an error: codes only.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
)

// Encryption says how the connection to the relay is protected.
type Encryption string

// The ways. There is no "if the relay offers it": that is no protection.
const (
	STARTTLS Encryption = "starttls" // the default
	TLS      Encryption = "tls"      // from the first byte (RFC 8314)
	None     Encryption = "none"     // to this machine only
)

// Config describes a relay.
type Config struct {
	Name       string // in logs and metrics
	Host       string
	Port       int // 0: 587, or 465 with TLS, or 25 with None
	Encryption Encryption
	User       string
	Password   string
	From       string        // "Selfsame <no-reply@example.com>"
	ReplyTo    string        // may be ""
	HELO       string        // this machine's name; "" takes the domain of From
	WaitFor    time.Duration // for one letter, dialing included; 0 is 20 s
	Idle       int           // connections kept for reuse; 0 is 4
	TLS        *tls.Config   // further trust; nil takes the system's
}

// Relay is a mail.Sender over SMTP.
type Relay struct {
	cfg    Config
	from   stdmail.Address
	domain string
	clock  *clock.Clock

	mu   sync.Mutex
	idle []*link
}

var _ mail.Sender = (*Relay)(nil)

// link is one connection.
type link struct {
	client *gomail.Client
	smtp   *gosmtp.Client
	conn   net.Conn
	stop   func() bool // ends the watch over the greeting
	sent   int
	since  func() time.Duration // since it became idle
}

const (
	// sentMost is how many letters go over one connection: many relays close it at a hundred.
	sentMost = 50
	// idleMost is how long a connection waits for the next letter.
	idleMost = 30 * time.Second
)

// New is a relay by cfg. The error lists everything that is wrong with it.
func New(cfg Config, c *clock.Clock) (*Relay, error) {
	if cfg.Encryption == "" {
		cfg.Encryption = STARTTLS
	}
	if cfg.Port == 0 {
		cfg.Port = map[Encryption]int{STARTTLS: 587, TLS: 465, None: 25}[cfg.Encryption]
	}
	if cfg.WaitFor == 0 {
		cfg.WaitFor = 20 * time.Second
	}
	if cfg.Idle == 0 {
		cfg.Idle = 4
	}
	var faults []error
	if cfg.Host == "" || strings.ContainsAny(cfg.Host, " \r\n/@") {
		faults = append(faults, errors.New("host is not a name or an address"))
	}
	switch {
	case cfg.Encryption != STARTTLS && cfg.Encryption != TLS && cfg.Encryption != None:
		faults = append(faults, fmt.Errorf("encryption %q is not starttls, tls or none", cfg.Encryption))
	case cfg.Encryption == None && !loopback(cfg.Host):
		faults = append(faults, errors.New("encryption none is for a relay on this machine only (127.0.0.1, ::1, localhost)"))
	case cfg.Encryption == None && cfg.User != "":
		faults = append(faults, errors.New("a user needs encryption"))
	}
	from, err := stdmail.ParseAddress(cfg.From)
	if err != nil {
		return nil, errors.Join(append(faults, errors.New("from is not an address like Name <name@example.com>"))...)
	}
	if cfg.ReplyTo != "" {
		if _, err := stdmail.ParseAddress(cfg.ReplyTo); err != nil {
			faults = append(faults, errors.New("reply_to is not an address"))
		}
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	if cfg.HELO == "" {
		cfg.HELO = domain
	}
	r := &Relay{cfg: cfg, from: *from, domain: domain, clock: c}
	if _, err := r.newClient(context.Background(), &link{}); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("the mail relay %q: %w", cfg.Name, err)
	}
	return r, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Name stands in logs and metrics.
func (r *Relay) Name() string { return r.cfg.Name }

// SafeToRepeat is false: relays do not look at Message-IDs.
func (r *Relay) SafeToRepeat() bool { return false }

// Close ends the idle connections.
func (r *Relay) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.idle {
		_ = l.conn.Close()
	}
	r.idle = nil
}

// Send hands one letter over.
func (r *Relay) Send(ctx context.Context, l mail.Letter) (mail.Accepted, error) {
	if err := l.Check(); err != nil {
		return mail.Accepted{}, attempt.Fail(attempt.Permanent, attempt.Unknown, err)
	}
	msg, err := r.compose(l)
	if err != nil {
		return mail.Accepted{}, attempt.Fail(attempt.Permanent, attempt.Unknown, errors.New("the letter cannot be composed"))
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.WaitFor)
	defer cancel()
	for {
		link, reused, err := r.link(ctx)
		if err != nil {
			return mail.Accepted{}, dialFailure(err)
		}
		f, gone := r.over(ctx, link, msg)
		if gone && reused {
			continue // the relay had closed it while it was idle, and nothing was sent
		}
		if f != nil {
			return mail.Accepted{}, f
		}
		return mail.Accepted{}, nil
	}
}

// over sends msg over a link and keeps the link if it is still good. gone means
// that the link was dead before anything was said.
func (r *Relay) over(ctx context.Context, l *link, msg *gomail.Msg) (f *attempt.Failure, gone bool) {
	// The library knows no context in the middle of a letter; closing ends its reads and writes.
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	err := l.client.SendWithSMTPClient(l.smtp, msg)
	alive := stop()
	l.sent++
	f, keep := judge(err, msg.IsDelivered())
	if alive && keep && l.sent < sentMost {
		r.keep(l)
	} else {
		_ = l.conn.Close()
	}
	var s *gomail.SendError
	return f, errors.As(err, &s) && s.Reason == gomail.ErrConnCheck && ctx.Err() == nil
}

func (r *Relay) compose(l mail.Letter) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(m.FromFormat(r.from.Name, r.from.Address), m.To(l.To)); err != nil {
		return nil, err
	}
	if r.cfg.ReplyTo != "" {
		if err := m.ReplyTo(r.cfg.ReplyTo); err != nil {
			return nil, err
		}
	}
	m.Subject(l.Subject)
	m.SetMessageIDWithValue(l.ID + "@" + r.domain)
	m.SetDateWithValue(r.clock.Now())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	return m, nil
}

// link takes an idle connection or makes one.
func (r *Relay) link(ctx context.Context) (l *link, reused bool, err error) {
	r.mu.Lock()
	for len(r.idle) > 0 {
		l, r.idle = r.idle[len(r.idle)-1], r.idle[:len(r.idle)-1]
		if l.since() < idleMost {
			r.mu.Unlock()
			return l, true, nil
		}
		_ = l.conn.Close()
	}
	r.mu.Unlock()
	l = &link{}
	if l.client, err = r.newClient(ctx, l); err != nil {
		return nil, false, err
	}
	if l.smtp, err = l.client.DialToSMTPClientWithContext(ctx); err != nil {
		if l.conn != nil {
			_ = l.conn.Close() // the library leaves it open when the greeting fails
		}
		return nil, false, err
	}
	if !l.stop() {
		return nil, false, ctx.Err()
	}
	return l, false, nil
}

func (r *Relay) keep(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) >= r.cfg.Idle {
		_ = l.conn.Close()
		return
	}
	l.since = clock.Stopwatch()
	r.idle = append(r.idle, l)
}

// newClient configures the library for one connection, which it stores in l. The
// library knows ctx while it dials, not while it greets: then closing ends it.
func (r *Relay) newClient(ctx context.Context, l *link) (*gomail.Client, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.cfg.TLS != nil {
		trust = r.cfg.TLS.Clone()
	}
	if trust.ServerName == "" {
		trust.ServerName = strings.Trim(r.cfg.Host, "[]")
	}
	policy := gomail.NoTLS
	if r.cfg.Encryption == STARTTLS {
		policy = gomail.TLSMandatory
	} else if r.cfg.Encryption == TLS {
		policy = gomail.TLSOpportunistic // the connection is encrypted already; only so the library takes note
	}
	options := []gomail.Option{
		gomail.WithPort(r.cfg.Port), gomail.WithTimeout(r.cfg.WaitFor), gomail.WithHELO(r.cfg.HELO),
		gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(trust),
		gomail.WithDialContextFunc(func(dialing context.Context, network, _ string) (net.Conn, error) {
			conn, err := r.dial(dialing, network, trust)
			if err == nil {
				l.conn, l.stop = conn, context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		}),
	}
	if r.cfg.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(r.cfg.User), gomail.WithPassword(r.cfg.Password))
	}
	return gomail.NewClient(strings.Trim(r.cfg.Host, "[]"), options...)
}

func (r *Relay) dial(ctx context.Context, network string, trust *tls.Config) (net.Conn, error) {
	address := net.JoinHostPort(strings.Trim(r.cfg.Host, "[]"), strconv.Itoa(r.cfg.Port))
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil || r.cfg.Encryption != TLS {
		return conn, err
	}
	secure := tls.Client(conn, trust)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}
