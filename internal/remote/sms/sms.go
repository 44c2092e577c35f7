// Package sms holds what a carrier of text messages is: the Carrier interface,
// the events it reports and the rules of segments. Adapters are folders below;
// each passes the contract in smstest. It must never know why a text is sent,
// and no adapter may log or put into an error a number or a text.
package sms

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// Text is one text to one number.
type Text struct {
	ID        string    // ours, 1 to 64 characters of A-Z a-z 0-9 _ -; the same in every repetition
	To        string    // E.164
	Body      string    // the whole text
	ExpiresAt time.Time // past it the text is of no use; zero: never
}

// Accepted says that a carrier took a text. That never means delivered.
type Accepted struct {
	// ProviderID is the carrier's id, by which receipts name the text; "" if the
	// carrier sends none.
	ProviderID string
}

// Carrier hands texts to a network. It is safe for concurrent use. Send returns
// within ctx's deadline; its errors are *attempt.Failure.
type Carrier interface {
	// Name is the route's name: it stands in callback addresses, logs and metrics.
	Name() string
	Send(ctx context.Context, t Text) (Accepted, error)
	// SafeToRepeat tells whether sending a Text of the same ID again sends nothing new.
	SafeToRepeat() bool
	// Receive reads a callback of the carrier. ErrForged and ErrMalformed are its errors.
	Receive(header map[string][]string, query url.Values, body []byte) ([]Event, error)
}

// ErrForged means that a callback is not by the carrier, or is too old.
var ErrForged = errors.New("sms: the callback's signature or time is wrong")

// ErrMalformed means that a callback is by the carrier and cannot be read.
var ErrMalformed = errors.New("sms: the callback cannot be read")

// State is how far a text came.
type State string

// The states, which only move forward. Delivered and Failed are final.
const (
	Sent      State = "sent"
	Delivered State = "delivered"
	Failed    State = "failed"
)

// Event is what a carrier reports: a receipt or a text from a person.
type Event struct {
	ID      string    // the carrier's id of the event; a repeated report has the same
	At      time.Time // as the carrier says; zero if it does not
	Receipt *Receipt
	Inbound *Inbound
}

// Receipt tells how far a text came.
type Receipt struct {
	ProviderID string
	State      State
	Reason     string // a reason of package attempt where State is Failed
}

// Inbound is a text that somebody sent to one of our numbers. Senders can be
// forged on most routes: it proves nothing without a nonce of ours in Body.
type Inbound struct {
	From string // as the carrier writes it, E.164 where it can be
	To   string
	Body string
}

// ValidID tells whether id may be a Text's.
func ValidID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// ValidNumber tells whether number is written in E.164. One number, no list and
// no line break passes (S-147).
func ValidNumber(number string) bool {
	if len(number) < 6 || len(number) > 17 || number[0] != '+' || number[1] == '0' {
		return false
	}
	for i := 1; i < len(number); i++ {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
	}
	return true
}
