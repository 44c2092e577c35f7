// Package lab holds the outside world of the demo and of the tests: a mobile
// network with its phones, a line look-up, mailboxes behind a real SMTP server,
// and the clock that all of it follows, with pages and JSON calls to watch and
// steer them. It must never import the product: a simulator that shares the
// adapter's code shares its misunderstandings. It owns no table and must never
// be part of a production server.
package lab

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
	"github.com/selfsame-id/selfsame/lab/page"
	"github.com/selfsame-id/selfsame/lab/provider"
)

// Clock is the time that everything in the lab follows: Now and Advance. One
// that also has Moved() <-chan struct{}, closed at the next Advance, lets the lab
// notice at once when somebody else moves it.
type Clock = agenda.Clock

// Options are what a lab is made of.
type Options struct {
	Clock          Clock
	CallbackURL    string            // where receipts and texts from people go; "": where each message says
	CallbackSecret string            // signs them
	Token          string            // what carrier and line look-up demand as bearer token; "": nothing
	PublicURL      string            // the product's front page, which the pages link to
	Providers      []provider.Vendor // where people have accounts; each is at /lab/providers/{its name}/
	Transport      http.RoundTripper // brings the callbacks; nil: a plain one
	Log            *slog.Logger      // nil: slog.Default()
}

// Lab is one outside world.
type Lab struct {
	agenda  *agenda.Agenda
	lines   *lines.Book
	carrier *carrier.Carrier
	post    *mailbox.Post
	pages   *page.Pages
	vendors []provider.Vendor
	token   string
	log     *slog.Logger

	mu      sync.Mutex
	servers []*mailbox.Server
	closed  bool
}

// ErrClosed says that the lab was closed.
var ErrClosed = errors.New("lab: closed")

// New starts a lab; Close ends it.
func New(o Options) *Lab {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	l := &Lab{agenda: agenda.New(o.Clock), lines: lines.NewBook(), vendors: o.Providers, token: o.Token, log: o.Log}
	l.carrier = carrier.New(carrier.Options{
		Agenda: l.agenda, Lines: l.lines, CallbackURL: o.CallbackURL, Secret: o.CallbackSecret,
		Token: o.Token, Transport: o.Transport, Log: o.Log,
	})
	l.post = mailbox.New(l.agenda)
	l.pages = page.New(page.Options{
		Agenda: l.agenda, Carrier: l.carrier, Lines: l.lines, Post: l.post,
		Vendors: o.Providers, PublicURL: o.PublicURL, Log: o.Log,
	})
	return l
}

// Handler serves /lab and everything below it: the pages, the JSON calls and the
// vendors. Posts from other origins are refused, but for the vendors: they stand for
// other hosts, and each says itself who may post what.
func (l *Lab) Handler() http.Handler {
	ours := http.NewServeMux()
	l.calls(ours)
	l.vendorCalls(ours)
	ours.Handle("/", l.pages)
	mux := http.NewServeMux()
	mux.Handle("/", http.NewCrossOriginProtection().Handler(ours))
	for _, v := range l.vendors {
		at := "/lab/providers/" + v.Name()
		mux.Handle(at+"/", http.StripPrefix(at, v))
	}
	return mux
}

// CarrierHandler is the carrier as the product's adapter meets it, wherever it
// is mounted: POST .../messages.
func (l *Lab) CarrierHandler() http.Handler { return l.carrier.Handler() }

// LinesHandler is the line look-up as the product's adapter meets it, wherever
// it is mounted: GET .../lines/{e164}.
func (l *Lab) LinesHandler() http.Handler { return l.lines.Handler(l.token) }

// ListenMail starts an SMTP server on addr, such as 127.0.0.1:0, that takes mail
// for anybody, and answers where it listens. Close ends it.
func (l *Lab) ListenMail(addr string) (net.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	s, err := mailbox.Listen(addr, l.post, l.log)
	if err != nil {
		return nil, err
	}
	l.servers = append(l.servers, s)
	return s.Addr(), nil
}

// Close ends the lab: its mail servers, and what was still under way.
func (l *Lab) Close() {
	l.mu.Lock()
	servers := l.servers
	l.servers, l.closed = nil, true
	l.mu.Unlock()
	for _, s := range servers {
		s.Close()
	}
	l.carrier.Close()
	l.agenda.Close()
}
