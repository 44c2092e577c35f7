// Package lines holds what the lab's networks know about each phone number: how
// they treat texts to it, what kind of line it is, and when its holder or its
// SIM changed; and the line look-up that answers from it, written from
// docs/protocols/line-lookup.md. It must never send anything; it owns no table.
package lines

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Delivery is what the carrier does with a text to a number.
type Delivery string

// What a carrier can do with a text.
const (
	Deliver Delivery = "deliver" // it arrives at once
	Delay   Delivery = "delay"   // it arrives after Record.DelayFor
	Fail    Delivery = "fail"    // it is accepted and then fails with Record.FailReason
	Silent  Delivery = "silent"  // it is accepted and nothing is heard of it again
)

// Defaults of a number that nobody has set.
const (
	DefaultDelay      = 20 * time.Second
	DefaultFailReason = "handset_off"
	DefaultLine       = "mobile"
)

// Deliveries, Kinds and Reasons are the values that a Record takes.
var (
	Deliveries = []Delivery{Deliver, Delay, Fail, Silent}
	Kinds      = []string{"mobile", "iot", "voip", "premium"}
	Reasons    = []string{"handset_off", "number_unknown", "not_mobile", "blocked", "filtered", "expired", "service", "unknown"}
)

// Record is what is known of one number.
type Record struct {
	Delivery     Delivery
	DelayFor     time.Duration // in time of the lab's clock
	FailReason   string
	Line         string
	RecycledAt   time.Time // zero: never
	SIMSwappedAt time.Time // zero: never
}

// Check answers which member of r has a value that a record does not take.
func (r Record) Check() error {
	switch {
	case !slices.Contains(Deliveries, r.Delivery):
		return fmt.Errorf("lines: delivery: want one of %v", Deliveries)
	case !slices.Contains(Kinds, r.Line):
		return fmt.Errorf("lines: line: want one of %v", Kinds)
	case !isReason(r.FailReason):
		return errors.New("lines: fail_reason: want up to 40 letters and underscores")
	case r.DelayFor < 0 || r.DelayFor > 30*24*time.Hour:
		return errors.New("lines: delay_for: want 0 to 30 days")
	}
	return nil
}

// isReason tells whether s could be a reason. A carrier may give one that the
// protocol does not name, so tests may too.
func isReason(s string) bool {
	for _, c := range s {
		if c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// Book holds the records.
type Book struct {
	version atomic.Uint64
	mu      sync.RWMutex
	records map[string]Record
}

// maxRecords bounds the book; numbers beyond it behave by default.
const maxRecords = 10_000

// ErrFull says that the book holds as many numbers as it can.
var ErrFull = errors.New("lines: too many numbers have been set")

// NewBook is an empty book.
func NewBook() *Book { return &Book{records: map[string]Record{}} }

// Version grows with every change.
func (b *Book) Version() uint64 { return b.version.Load() }

// Get is the record of number, or the default one.
func (b *Book) Get(number string) Record {
	b.mu.RLock()
	r, ok := b.records[number]
	b.mu.RUnlock()
	if !ok {
		return Record{Delivery: Deliver, DelayFor: DefaultDelay, FailReason: DefaultFailReason, Line: DefaultLine}
	}
	return r
}

// Update changes the record of number by f.
func (b *Book) Update(number string, f func(*Record)) (Record, error) {
	r := b.Get(number)
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept, ok := b.records[number]; ok {
		r = kept
	} else if len(b.records) >= maxRecords {
		return r, ErrFull
	}
	f(&r)
	b.version.Add(1)
	b.records[number] = r
	return r, nil
}

// Reset makes number behave by default again.
func (b *Book) Reset(number string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version.Add(1)
	delete(b.records, number)
}

// Numbers are the numbers that were set, sorted, at most n.
func (b *Book) Numbers(n int) []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := slices.Sorted(maps.Keys(b.records))
	return out[:min(n, len(out))]
}

// Handler is the look-up: GET {base}/lines/{e164}. It matches the end of the
// path, so that it can be mounted anywhere. A token, if given, is demanded.
func (b *Book) Handler(token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "", http.StatusMethodNotAllowed)
			return
		}
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		_, number, found := strings.Cut(r.URL.Path, "/lines/")
		if !found || !IsE164(number) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		known := b.Get(number)
		_ = json.NewEncoder(w).Encode(struct { // an error is the reader's leaving
			Line         string    `json:"line"`
			SIMSwappedAt time.Time `json:"sim_swapped_at,omitzero"`
			ReassignedAt time.Time `json:"reassigned_at,omitzero"`
		}{known.Line, known.SIMSwappedAt, known.RecycledAt})
	})
}

// IsE164 tells whether s is a plus sign and 6 to 15 digits.
func IsE164(s string) bool {
	if len(s) < 7 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Tidy reads a number as people and query strings write it: separators are
// dropped, a plus sign that a query string turned into a space comes back, and
// digits alone get one.
func Tidy(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9', c == '+':
			return c
		case c >= '０' && c <= '９': // full-width digits of a Chinese keyboard
			return c - '０' + '0'
		case c == '＋':
			return '+'
		case strings.ContainsRune(" -().\u00a0\t", c):
			return -1
		}
		return c
	}, strings.TrimSpace(s))
	if s != "" && s[0] != '+' && IsE164("+"+s) {
		return "+" + s
	}
	return s
}
