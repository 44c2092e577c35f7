package mailbox

import (
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// What the server takes at most.
const (
	maxMail       = 1 << 20
	maxRecipients = 100
	idleFor       = time.Minute
)

// unknown is the reply to the address of a mailbox set to Bounce.
var unknown = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}

// Server is a listening SMTP server that fills a Post.
type Server struct {
	server   *smtp.Server
	listener net.Listener
	done     chan struct{}
}

// Listen starts the server on addr, such as 127.0.0.1:0.
func Listen(addr string, p *Post, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, done: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }))
	s.server.Domain = "lab.invalid"
	s.server.ReadTimeout = idleFor
	s.server.WriteTimeout = idleFor
	s.server.MaxMessageBytes = maxMail
	s.server.MaxRecipients = maxRecipients
	s.server.EnableSMTPUTF8 = true
	// The library's messages can hold addresses: they are not worth a log line here.
	s.server.ErrorLog = quiet{}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(l); err != nil {
			log.Error("lab mail server stopped", "error", err.Error())
		}
	}()
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.server.Close()   // closing twice is all that it can complain of
	_ = s.listener.Close() // the server may not have come to know it yet
	<-s.done
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// session is one client's conversation.
type session struct {
	post *Post
	from string
	to   []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.post.Behavior(to).Delivery == Bounce {
		return unknown
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := read(raw)
	if m.From == "" {
		m.From = s.from
	}
	for _, to := range s.to {
		m.To = to
		s.post.take(m)
	}
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }
