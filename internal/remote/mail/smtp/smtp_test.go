package smtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	stdmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/mail/mailtest"
)

// relay is a real SMTP server that misbehaves on demand.
type relay struct {
	t      *testing.T
	sender *Relay
	listen net.Listener
	stop   chan struct{}

	mu       sync.Mutex
	behavior mailtest.Behavior
	got      []mailtest.Got
	opened   int
}

// certificate signs itself for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(4e9, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func newRelay(t *testing.T, c *clock.Clock, how Encryption) *relay {
	right, trust := certificate(t)
	wrong, _ := certificate(t)
	r := &relay{t: t, stop: make(chan struct{}), behavior: mailtest.Accept}
	s := server.NewServer(r)
	s.Domain = "relay.example"
	s.ErrorLog = log.New(io.Discard, "", 0)
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if r.now() == mailtest.Stranger {
			return &wrong, nil
		}
		return &right, nil
	}}
	var err error
	if r.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var front net.Listener = &door{r.listen, r}
	cfg := Config{
		Name: "relay", Host: "127.0.0.1", Port: r.listen.Addr().(*net.TCPAddr).Port, Encryption: how, User: "us", Password: "secret",
		From: "Selfsame <no-reply@selfsame.example>", WaitFor: 500 * time.Millisecond, TLS: &tls.Config{RootCAs: trust},
	}
	switch how {
	case STARTTLS:
		s.TLSConfig = config
	case TLS:
		front = tls.NewListener(front, config)
	case None:
		cfg.User = ""
	}
	if r.sender, err = New(cfg, c); err != nil {
		t.Fatal(err)
	}
	go s.Serve(front) //nolint:errcheck // ends with Close
	t.Cleanup(func() { close(r.stop); r.sender.Close(); s.Close() })
	return r
}

// door misbehaves before anybody speaks SMTP.
type door struct {
	net.Listener
	r *relay
}

func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.r.mu.Lock()
		d.r.opened++
		d.r.mu.Unlock()
		if d.r.now() != mailtest.HangsAtHello {
			return conn, nil
		}
		go func() { <-d.r.stop; conn.Close() }()
	}
}

func (r *relay) now() mailtest.Behavior {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behavior
}

func (r *relay) Sender() mail.Sender { return r.sender }

func (r *relay) Behave(b mailtest.Behavior) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behavior = b
	if b == mailtest.Absent {
		r.listen.Close()
	}
}

func (r *relay) Got() []mailtest.Got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]mailtest.Got(nil), r.got...)
}

func (r *relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opened
}

func (r *relay) NewSession(c *server.Conn) (server.Session, error) {
	if r.now() == mailtest.Busy {
		return nil, &server.SMTPError{Code: 421, EnhancedCode: server.EnhancedCode{4, 3, 2}, Message: "busy with alice@example.com"}
	}
	return &session{r: r, conn: c}, nil
}

// session is one connection's talk.
type session struct {
	r        *relay
	conn     *server.Conn
	from, to []string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "us" || password != "secret" || s.r.now() == mailtest.Unauthorized {
			return server.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Reset()        { s.from, s.to = nil, nil }
func (s *session) Logout() error { return nil }

func refuse(code int, a, b, c int) error {
	return &server.SMTPError{Code: code, EnhancedCode: server.EnhancedCode{a, b, c}, Message: "no alice@example.com here, said 482913"}
}

func (s *session) Mail(from string, _ *server.MailOptions) error {
	if s.r.now() == mailtest.SenderRefused {
		return refuse(550, 5, 7, 1)
	}
	s.from = append(s.from, from)
	return nil
}

func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	switch s.r.now() {
	case mailtest.MailboxUnknown:
		return refuse(550, 5, 1, 1)
	case mailtest.MailboxFull:
		return refuse(552, 5, 2, 2)
	case mailtest.Policy:
		return refuse(550, 5, 7, 1)
	case mailtest.Greylists:
		return refuse(451, 4, 7, 1)
	case mailtest.CutsOffEarly:
		s.conn.Conn().Close()
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(body io.Reader) error {
	got, err := s.read(body)
	if err != nil {
		s.r.t.Errorf("reading the letter: %v", err)
	}
	switch s.r.now() {
	case mailtest.Spam:
		return refuse(554, 5, 7, 1)
	case mailtest.HangsAtEnd:
		<-s.r.stop
		return errors.New("too late")
	case mailtest.CutsOff:
		s.conn.Conn().Close()
		return errors.New("cut off")
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.got = append(s.r.got, got)
	return nil
}

func (s *session) read(body io.Reader) (mailtest.Got, error) {
	got := mailtest.Got{From: s.from, To: s.to, Headers: map[string]string{}}
	m, err := stdmail.ReadMessage(body)
	if err != nil {
		return got, err
	}
	if got.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return got, err
	}
	for _, name := range []string{"From", "To", "Message-Id", "Date", "Auto-Submitted", "Cc", "Bcc", "User-Agent"} {
		got.Headers[name] = m.Header.Get(name)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		got.Text, err = decoded(m.Body, m.Header.Get("Content-Transfer-Encoding"))
		return got, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, part := range []*string{&got.Text, &got.HTML} {
		p, err := parts.NextRawPart()
		if err != nil {
			return got, err
		}
		if *part, err = decoded(p, p.Header.Get("Content-Transfer-Encoding")); err != nil {
			return got, err
		}
	}
	return got, nil
}

func decoded(r io.Reader, encoding string) (string, error) {
	if encoding == "quoted-printable" {
		r = quotedprintable.NewReader(r)
	}
	b, err := io.ReadAll(r)
	return strings.ReplaceAll(string(b), "\r\n", "\n"), err
}

func TestContract(t *testing.T) {
	for _, how := range []Encryption{STARTTLS, TLS} {
		t.Run(string(how), func(t *testing.T) {
			mailtest.Contract(t, func(t *testing.T, c *clock.Clock) mailtest.Far { return newRelay(t, c, how) })
		})
	}
}

func letter(id string) mail.Letter {
	return mail.Letter{ID: id, To: "alice@example.com", Subject: "Hello", Text: "Hello"}
}

// A relay on this machine may do without encryption; one that ought to offer
// STARTTLS and does not gets no letter.
func TestEncryption(t *testing.T) {
	r := newRelay(t, clock.At(mailtest.Start), None)
	if _, err := r.sender.Send(t.Context(), letter("a")); err != nil || len(r.Got()) != 1 {
		t.Errorf("without encryption on this machine: %v, %d arrived", err, len(r.Got()))
	}
	cfg := r.sender.cfg
	cfg.Encryption = STARTTLS
	strict, err := New(cfg, clock.At(mailtest.Start))
	if err != nil {
		t.Fatal(err)
	}
	_, err = strict.Send(t.Context(), letter("b"))
	if f := attempt.From(err); f == nil || f.Class != attempt.Elsewhere || len(r.Got()) != 1 {
		t.Errorf("STARTTLS stripped on the way: %v, %d arrived", err, len(r.Got()))
	}
}

// Connections are used again, also when the relay closed them meanwhile, and
// letters at once each have their own.
func TestReuse(t *testing.T) {
	r := newRelay(t, clock.At(mailtest.Start), STARTTLS)
	for i := range sentMost + 1 {
		if _, err := r.sender.Send(t.Context(), letter("a")); err != nil {
			t.Fatalf("letter %d: %v", i, err)
		}
	}
	if n := r.Connections(); n != 2 {
		t.Errorf("%d connections for %d letters, want 2", n, sentMost+1)
	}
	for _, l := range r.sender.idle {
		l.conn.Close() // as if the relay had
	}
	if _, err := r.sender.Send(t.Context(), letter("b")); err != nil {
		t.Errorf("over a connection that had died: %v", err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := r.sender.Send(t.Context(), letter("c")); err != nil {
				t.Errorf("at once: %v", err)
			}
		})
	}
	group.Wait()
	if n := len(r.Got()); n != sentMost+1+1+8 {
		t.Errorf("%d letters arrived, want %d", n, sentMost+1+1+8)
	}
	if n := len(r.sender.idle); n > 4 {
		t.Errorf("%d connections are kept, want at most 4", n)
	}
}

func TestConfigFaults(t *testing.T) {
	good := Config{Name: "relay", Host: "mail.example.com", From: "Selfsame <no-reply@example.com>"}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no host":              {func(c *Config) { c.Host = "" }, "host"},
		"an address as host":   {func(c *Config) { c.Host = "smtp://mail" }, "host"},
		"no from":              {func(c *Config) { c.From = "" }, "from"},
		"a line in from":       {func(c *Config) { c.From = "a@example.com\r\nBcc: b@example.com" }, "from"},
		"a bad reply":          {func(c *Config) { c.ReplyTo = "nobody" }, "reply_to"},
		"some encryption":      {func(c *Config) { c.Encryption = "maybe" }, "maybe"},
		"none, far away":       {func(c *Config) { c.Encryption = None }, "this machine"},
		"none, by a lookalike": {func(c *Config) { c.Encryption, c.Host = None, "localhost.example.com" }, "this machine"},
		"none, with password":  {func(c *Config) { c.Encryption, c.Host, c.User = None, "::1", "us" }, "encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			if _, err := New(cfg, clock.At(mailtest.Start)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New: %v; want a word about %s", err, c.want)
			}
		})
	}
	if _, err := New(good, clock.At(mailtest.Start)); err != nil {
		t.Error(err)
	}
}

func TestRecipient(t *testing.T) {
	for _, c := range []struct {
		code   int
		status string
		early  bool
		class  attempt.Class
		reason string
	}{
		{550, "5.1.1", true, attempt.Permanent, attempt.MailboxUnknown},
		{550, "", true, attempt.Permanent, attempt.MailboxUnknown},
		{550, "", false, attempt.Elsewhere, attempt.Refused},
		{553, "", true, attempt.Permanent, attempt.MailboxUnknown},
		{554, "", true, attempt.Elsewhere, attempt.Refused},
		{550, "5.2.1", true, attempt.Permanent, attempt.MailboxUnknown},
		{552, "5.2.2", true, attempt.Permanent, attempt.MailboxFull},
		{552, "", true, attempt.Permanent, attempt.MailboxFull},
		{452, "4.2.2", true, attempt.Temporary, attempt.MailboxFull},
		{450, "4.2.0", true, attempt.Temporary, attempt.MailboxUnknown},
		{451, "4.7.1", true, attempt.Temporary, attempt.Service},
		{550, "5.7.1", true, attempt.Elsewhere, attempt.Refused},
	} {
		class, reason := recipient(c.code, c.status, c.early)
		if class != c.class || reason != c.reason {
			t.Errorf("recipient(%d, %q, %v) = %s, %s; want %s, %s", c.code, c.status, c.early, class, reason, c.class, c.reason)
		}
	}
}
