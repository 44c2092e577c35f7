package courier

import "time"

// Stats is told what happens, for counters. A nil function is not called. No
// value holds a destination or a text, and all come from small sets.
type Stats struct {
	// Posted: a message went into the outbox.
	Posted func(channel Channel, purpose string)
	// Tried: a carrier was asked.
	Tried func(t Tried)
	// Ended: a message was handed over or given up; later receipts are not counted here.
	Ended func(channel Channel, purpose, state, reason string)
	// Reported: a receipt came. A repeated one counts again.
	Reported func(route, state, reason string)
	// Texted: a person's text came, for the first time.
	Texted func(route string)
	// Turned: a route's breaker opened or healed.
	Turned func(route string, open bool)
}

// Tried is one question to one carrier.
type Tried struct {
	Route    string
	Channel  Channel
	Outcome  string // "taken" or a class of package attempt
	Reason   string // of a failure
	Took     time.Duration
	Segments int // of a text: the parts that are paid for
}
