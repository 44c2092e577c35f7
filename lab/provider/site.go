package provider

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// About is what a Site is told of its vendor.
type About[C any] struct {
	Name   string            // in the lab's addresses
	Title  string            // as people know it, for Options that bring none
	Quirks map[string]string // of people, with what each means
	Events []string          // kinds of messages

	Pages map[string]http.HandlerFunc
	// Calls are the addresses that Hinder stands before; it answers whether it answered.
	Calls  map[string]http.HandlerFunc
	Hinder func(http.ResponseWriter, *http.Request) bool
	// Enter sees each request before its address is looked up and hands on what is to
	// be served, nil if it has answered. No Enter: the request.
	Enter func(http.ResponseWriter, *http.Request) *http.Request
	// Copy gives a registration lists of its own, for Change to write in while an older
	// snapshot is read. No Copy: it has none.
	Copy func(*C)
}

// Site is what every vendor is made of: its desk, its addresses and what is registered
// there, a C. A vendor embeds it and adds what is its own. Its methods may be called
// from many goroutines.
type Site[C any] struct {
	about  About[C]
	desk   *Desk
	mux    http.ServeMux
	mu     sync.Mutex
	config C
}

// NewSite opens a site.
func NewSite[C any](o Options, c C, about About[C]) *Site[C] {
	if o.Title == "" {
		o.Title = about.Title
	}
	s := &Site[C]{about: about, desk: NewDesk(o), config: c}
	for pattern, serve := range about.Pages {
		s.mux.HandleFunc(pattern, serve)
	}
	for pattern, serve := range about.Calls {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !about.Hinder(w, r) {
				serve(w, r)
			}
		})
	}
	return s
}

// Name is its name in the lab's addresses.
func (s *Site[C]) Name() string { return s.about.Name }

// Desk is its people, its failures and its record.
func (s *Site[C]) Desk() *Desk { return s.desk }

// Quirks are what can be odd about a person, in order.
func (s *Site[C]) Quirks() []string { return slices.Sorted(maps.Keys(s.about.Quirks)) }

// Events are the kinds of messages.
func (s *Site[C]) Events() []string { return slices.Clone(s.about.Events) }

// Event is always ErrNoEvent: a vendor that sends messages has its own.
func (s *Site[C]) Event(string, string, string) (int, error) { return 0, ErrNoEvent }

// ServeHTTP is everything that the vendor's hosts serve.
func (s *Site[C]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.desk.Note(r)
	if s.about.Enter != nil {
		if r = s.about.Enter(w, r); r == nil {
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// Change changes what is registered while it runs.
func (s *Site[C]) Change(change func(*C)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.about.Copy != nil {
		s.about.Copy(&s.config)
	}
	change(&s.config)
}

// Settings are what is registered at present.
func (s *Site[C]) Settings() C {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}
