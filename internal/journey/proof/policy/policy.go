// Package policy holds the one decision that every entrance asks for: for this
// account, this action and the present risk, which proofs are enough. It is
// data and arithmetic: no store, no clock, no network, so that the table can be
// printed, tested row by row and played against by simulated people. It must
// never let a path be cheaper than the ways that the owner has chosen to keep
// (S-74), nor ask for more than the account has: where the owner is short of a
// proof, waiting stands in for it while every contact is told.
package policy

import (
	"slices"
	"time"
)

// Method is a way to prove; it is also its name in JSON.
type Method string

// The methods.
const (
	SMSCode      Method = "sms_code"
	EmailCode    Method = "email_code"
	Password     Method = "password"
	Passkey      Method = "passkey"
	TOTP         Method = "totp"
	RecoveryCode Method = "recovery_code"
	Questions    Method = "questions"
	DevicePrompt Method = "device_prompt"
	LinkedSignIn Method = "linked" // a third-party account, signed in to anew
)

// Kind is what a proof rests on (NIST SP 800-63B-4 section 2). It is a set.
type Kind uint8

// The kinds.
const (
	Knowledge Kind = 1 << iota
	Possession
	Inherence
)

// Level is how sure we are, or must be, that it is the same person.
type Level int

// The levels. None is no assurance at all.
const (
	None Level = iota
	Low
	Medium
	High
)

// Action is what the proof is for.
type Action string

// The actions.
const (
	SignIn        Action = "sign_in"
	Recover       Action = "recover"
	SetPassword   Action = "set_password"
	ViewContacts  Action = "view_contacts" // unmasked
	AddContact    Action = "add_contact"
	ChangePhone   Action = "change_phone" // with the old one reachable
	ChangeEmail   Action = "change_email"
	ReplacePhone  Action = "replace_phone" // without it
	ReplaceEmail  Action = "replace_email"
	RemovePhone   Action = "remove_phone"
	RemoveEmail   Action = "remove_email"
	AddMethod     Action = "add_method" // passkey, authenticator app, questions
	RemoveMethod  Action = "remove_method"
	RecoveryCodes Action = "recovery_codes" // seeing a new set
	TwoStepOn     Action = "two_step_on"
	TwoStepOff    Action = "two_step_off"
	TrustDevice   Action = "trust_device"
	Freeze        Action = "freeze"
	Unfreeze      Action = "unfreeze"
	Link          Action = "link"
	Unlink        Action = "unlink"
	Export        Action = "export"
	Delete        Action = "delete"
)

// Young is how long a new contact or method cannot carry a decision by itself, and
// how long the owner can object to a change (S-69).
const Young = 72 * time.Hour

// FreshFor is how long a proof counts (S-21, and section 4's step-up freshness).
const FreshFor = 10 * time.Minute

// RestoreFor is how long the contacts and the password of before a change still
// open a recovery that restores them all (X01).
const RestoreFor = 14 * 24 * time.Hour

// Newborn is how long an account is being set up: what it gets in that time is as
// old as the account, and who made it may go on with what made it.
const Newborn = time.Hour

// How long a wait is that stands in for a second proof: in the usual case, and for
// an account whose owner chose more than the usual.
const (
	UsualWait   = 24 * time.Hour
	GuardedWait = Young
)

// Way is a method that an account has. An account may have several of one method,
// such as passkeys, with a Way each.
type Way struct {
	Method Method
	// Since is when it came to the account, or was last replaced.
	Since time.Time
	// Replaced says that another one stood in its place before Since: what the
	// account could demand three days ago it still demands.
	Replaced bool
	// Unavailable says why it cannot be used now, as a word; empty: it can.
	Unavailable string
	RetryAt     time.Time
	Left        int // codes that are left, of a method that is used up
}

// Wait is a wait that stands in for a second proof.
type Wait struct {
	Action  Action
	ReadyAt time.Time
	EndsAt  time.Time // it counts from ReadyAt until then
}

// Standing is what the policy looks at of an account.
type Standing struct {
	CreatedAt time.Time
	// TwoStep: 2-step verification is on, since TwoStepSince; zero: long ago.
	TwoStep      bool
	TwoStepSince time.Time
	// Protected: the owner wants that texts alone are never enough (S-81).
	Protected bool
	// RecoveredAt is when the account was last recovered or unfrozen; zero: never.
	// What could shut its owner out is held until Young after it (S-78).
	RecoveredAt time.Time
	// KnownDevice: this account was signed in to on this device before. It is never
	// a proof; it spares the owner a second one at sign-in. DeviceSince is when that
	// was first; zero: long ago.
	KnownDevice   bool
	DeviceSince   time.Time
	TrustedDevice bool // it skips the second step at sign-in
	Ways          []Way
	Waits         []Wait
}

// Before is the standing as it was before a moment: what came later is left out. It
// is what a recovery that undoes changes is judged by (X01), so that an intruder's
// passkey or 2-step verification does not stand in the owner's way. What was
// replaced or taken away since has to be added by who knows it.
func (s Standing) Before(t time.Time) Standing {
	s.TwoStep = s.TwoStep && s.TwoStepSince.Before(t)
	s.Waits = nil
	s.Ways = slices.DeleteFunc(slices.Clone(s.Ways), func(w Way) bool { return !w.Since.Before(t) })
	return s
}

// Given is a proof that was given.
type Given struct {
	Method   Method
	At       time.Time
	Verified bool   // the authenticator verified the person
	Hardware bool   // the passkey cannot leave its device
	For      Action // of a step-up; empty: a sign-in
	// Since is when the very passkey that was used came to the account; zero: not
	// known, and the youngest of that method counts.
	Since time.Time
	// Elsewhere: it was given on another network than the one that asks now. Whoever
	// carried a session away does not carry its proofs with it.
	Elsewhere bool
}

// Question is what is asked of the policy.
type Question struct {
	Action   Action
	Risk     Risk
	Standing Standing
	Given    []Given
	Now      time.Time
	// Replaced is the method that the action takes away or puts another in the place
	// of; it is not enough by itself if the account has another (S-67). Empty: what
	// the action says by its name, else none.
	Replaced Method
}

// Decision is its answer.
type Decision struct {
	// Enough: the action may go on.
	Enough bool
	// Needed is the level that the action needs now: that of the table, but no more
	// than the account could have shown Young ago, and at least Low. It does not hold
	// what is needed beside a level (Why).
	Needed Level
	// Reached is the level of what was given.
	Reached Level
	// Offer is what can be proved next and brings the person closer, the strongest
	// first: what completes a set that is enough, or lets a wait begin.
	Offer []Method
	// Unavailable is what would bring closer and cannot be used now, with the reason.
	Unavailable []Way
	// Wait is how long waiting would have to stand in for what is missing; 0: it
	// cannot, or not yet (nothing is proved that carries it).
	Wait time.Duration
	// ReadyAt is when a wait that was begun is over; zero: none was.
	ReadyAt time.Time
	// Waited: it is enough because a wait is over, which whoever acts uses up.
	Waited bool
	// TooNew is when what was given will be enough because it is no longer too new, or
	// because the account was recovered long enough ago; zero: time changes nothing.
	// Where nothing can be offered at all it is when something can.
	TooNew time.Time
	// Appeal: nothing that the account has can be enough, now or later; people decide.
	Appeal bool
	// Why is what makes more than the usual necessary, beside the signals of the risk.
	Why []Signal
}

// Settings are what operators may choose.
type Settings struct {
	// PasswordAlone lets a password open a session on a device that the account
	// does not know; it needs a minimum length of 15 (S-23).
	PasswordAlone bool
	// Questions lets security questions count, as little as they may (S-79).
	Questions bool
	// NoWaits lets time stand in for nothing: who is short of a proof appeals.
	NoWaits bool
}

// Policy decides.
type Policy struct{ settings Settings }

// New makes the policy.
func New(s Settings) *Policy { return &Policy{s} }
