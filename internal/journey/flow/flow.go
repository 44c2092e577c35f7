// Package flow holds the journeys: the stored record of each, its typed steps
// and the one runner that moves it on. What nobody may forget is here and not
// in each step: who holds the journey, whether it is still alive, that a try is
// counted before it is judged, that nothing waits for the network inside a
// transaction, that a refusal changes nothing but the counts. It owns the table
// journey and must never know what a particular journey is about.
//
//	  input
//	    |
//	1. one short transaction: load and lock the record, check key, life and
//	   step; Count spends the try and the limits; commit (a refused try stays counted)
//	    |
//	2. Ask, outside any transaction: hashing, calls out; it may not write
//	    |
//	3. one transaction: the record must not have moved; Apply writes the
//	   effect, the audit and the outbox; Next names the step; commit
//
// A move without an Ask runs 1 and 3 in a single transaction: one durable commit.
package flow

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Visitor is who is asking, as the door saw them.
type Visitor struct {
	Addr         netip.Addr
	DeviceSecret string // what the browser or app keeps; empty: none
	DeviceName   string
	DeviceKind   string
	Place        string // approximate, from the address; empty: not known
	Locale       locale.Tag
	Session      *session.Live // nil: not signed in
	// Surface is where the person is: "page" in a browser at a page of ours, "in_app" in
	// one inside a provider's own app, "app" or "setup" at the API.
	Surface string
}

// Here tells whether the person is in a browser at a page of ours, whose journey only
// that browser may go on with.
func (v Visitor) Here() bool { return v.Surface == "page" || v.Surface == "in_app" }

// Begin starts a journey.
type Begin struct {
	Kind     string
	Region   string     // empty: the default region
	Locale   locale.Tag // empty: the visitor's
	Country  string     // ISO 3166-1 alpha-2 of numbers typed without a code; empty: the region's
	ReturnTo string     // same-origin path, already checked
	For      string     // of a prove journey: the action that the proof is for; of link: the provider
}

// Handle names a journey (ID, may stand in logs) and opens it (Key, a secret).
type Handle struct{ ID, Key string }

// Input is what a person answers to a step. Input names which; only the fields
// that this input takes may be set.
type Input struct {
	Input    string `json:"input"`
	Phone    string `json:"phone,omitempty"`
	Country  string `json:"country,omitempty"`
	Email    string `json:"email,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Code     string `json:"code,omitempty"`
	Method   string `json:"method,omitempty"`
	Answer   string `json:"answer,omitempty"`
	// Answers to the security questions, in their order.
	Answers []string `json:"answers,omitempty"`
	// Credential is what navigator.credentials answered, as JSON (WebAuthn Level 3
	// section 5.1: toJSON).
	Credential json.RawMessage `json:"credential,omitempty"`
	// Provider is a third-party provider; Token is what its SDK gave to a native app
	// (Code, where that is a code).
	Provider string `json:"provider,omitempty"`
	Token    string `json:"token,omitempty"`
}

// Ticket is what a person gets back: the journey and its present step.
type Ticket struct {
	ID        string
	Key       string // only from Begin
	Kind      string
	Region    string
	Locale    locale.Tag
	ReturnTo  string
	For       string // of a prove journey: the action
	ExpiresAt time.Time
	Step      step.Step
}

// Record is a journey as it is stored.
type Record struct {
	ID        string
	Kind      string
	Step      step.Type
	Version   int64
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Call is one input on its way through a journey whose facts are of type F.
type Call[F any] struct {
	Record
	Facts   *F
	Visitor Visitor
	Input   Input
	Now     time.Time
	Answer  any // what Count and Ask found, for Apply
	refusal error
}

// Refuse makes the answer of this call a refusal although Apply answers nil:
// what Apply wrote about it (the audit of a wrong password, the captcha that
// comes next) is kept.
func (c *Call[F]) Refuse(f error) { c.refusal = f }

// Journey is a kind of journey: a table of steps over its facts.
type Journey[F any] struct {
	Kinds []string
	Life  time.Duration
	// Begin makes the facts; it reads and writes nothing.
	Begin func(v Visitor, b Begin, now time.Time) (*F, error)
	// Start looks at the store in the transaction that stores the new journey, for
	// those whose first step depends on it; nil: nothing is looked at.
	Start func(ctx context.Context, tx *sqldb.Tx, c *Call[F]) error
	// Next names the step that the facts lead to. It is pure.
	Next func(f *F) step.Type
	// Steps is the whole story.
	Steps map[step.Type]Step[F]
}

// Step is one step of a journey.
type Step[F any] struct {
	// Show makes the typed step. It may read through q.
	Show func(ctx context.Context, q sqldb.Querier, c *Call[F]) (step.Step, error)
	// Moves are the inputs that the step can take, by name. Which of them are
	// offered now is in the shown step.
	Moves map[string]Move[F]
}

// Move is what one input does. Any of the three may refuse with a *fault.Fault.
type Move[F any] struct {
	// Takes names the fields of Input that may be set.
	Takes []string
	// Count spends the try and the limits. What it changes in the facts and
	// the store stays, whatever comes after.
	Count func(ctx context.Context, tx *sqldb.Tx, c *Call[F]) error
	// Ask works or waits outside any transaction and leaves what it found in
	// c.Answer. nil (or NeedsAsk false): none.
	Ask func(ctx context.Context, c *Call[F]) error
	// NeedsAsk tells whether this call needs Ask at all; nil means always.
	NeedsAsk func(c *Call[F]) bool
	// Apply writes the effect and changes the facts. If it answers a fault it
	// must not have written anything: the runner checks. To refuse and still
	// leave a trace it calls c.Refuse.
	Apply func(ctx context.Context, tx *sqldb.Tx, c *Call[F]) error
}
