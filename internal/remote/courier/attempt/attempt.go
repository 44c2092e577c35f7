// Package attempt holds what became of one try to hand a message over: the one
// vocabulary that carriers of texts, mail senders and the courier share. What
// happens next depends on nothing else: an adapter that calls a failure by the
// wrong class sends a text twice, or never. It must never hold the text of a
// peer's answer beyond the cause that goes to the log.
package attempt

import (
	"errors"
	"time"
)

// Class says what may be done after a failed try.
type Class string

// The classes of failure.
const (
	// Temporary: certainly not taken. The same carrier later, or another now.
	Temporary Class = "temporary"
	// Elsewhere: this carrier will never take this message; another may.
	Elsewhere Class = "elsewhere"
	// Permanent: nobody will take it. The message has failed.
	Permanent Class = "permanent"
	// Ambiguous: nobody knows whether it was taken. Never another carrier; the same
	// one only where repeating is safe.
	Ambiguous Class = "ambiguous"
)

// Reasons that people are told in words. Texts: HandsetOff to Expired; mail:
// MailboxUnknown, MailboxFull, Refused; both: Service, Unknown.
const (
	HandsetOff       = "handset_off"        // off, no signal, memory full
	NumberUnknown    = "number_unknown"     // nobody has it
	NotMobile        = "not_mobile"         // takes no texts
	Blocked          = "blocked"            // the person, the device or the operator bars our texts
	Filtered         = "filtered"           // taken for spam on the way
	CountryNotServed = "country_not_served" // no way into that country
	Expired          = "expired"            // too late to be of use
	MailboxUnknown   = "mailbox_unknown"
	MailboxFull      = "mailbox_full"
	Refused          = "refused" // by the receiving side's policy
	Service          = "service" // trouble on our side of the network
	Unknown          = "unknown"
)

// Known tells whether reason is one of the above.
func Known(reason string) bool {
	switch reason {
	case HandsetOff, NumberUnknown, NotMobile, Blocked, Filtered, CountryNotServed, Expired,
		MailboxUnknown, MailboxFull, Refused, Service, Unknown:
		return true
	}
	return false
}

// Failure is the error of a try.
type Failure struct {
	Class  Class
	Reason string
	// RetryAfter is how long the carrier asked to be left alone; zero if it did not say.
	RetryAfter time.Duration
	cause      error
}

// Fail makes a failure; cause goes to the log and may be nil. It must not show
// the destination or the text.
func Fail(class Class, reason string, cause error) *Failure {
	return &Failure{Class: class, Reason: reason, cause: cause}
}

func (f *Failure) Error() string {
	text := string(f.Class) + ": " + f.Reason
	if f.cause != nil {
		text += ": " + f.cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.cause }

// Blames tells whether the failure speaks against the carrier rather than
// against the message: a breaker counts it.
func (f *Failure) Blames() bool {
	switch f.Class {
	case Temporary, Ambiguous:
		return f.Reason == Service || f.Reason == Unknown
	case Elsewhere:
		return f.Reason == Service
	}
	return false
}

// From finds the failure in an error. Any other error is ambiguous: an adapter
// that did not say cannot be trusted to have sent nothing.
func From(err error) *Failure {
	if err == nil {
		return nil
	}
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return Fail(Ambiguous, Unknown, err)
}
