// Package policy holds the one decision that every entrance asks for: for this
// account, this action and the present risk, which proofs are enough. It is
// data and arithmetic: no store, no clock, no network, so that the table can be
// printed, tested row by row and played against by simulated people. It must
// never let a path be cheaper than the ways that the owner has chosen to keep
// (S-74), nor ask for more than the account has: where the owner is short of a
// proof, waiting stands in for it while every contact is told.
package policy

import "time"

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
	ViewContacts  Action = "view_contacts"
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

// Young is how long a new contact or method cannot carry a decision by itself.
const Young = 72 * time.Hour

// FreshFor is how long a proof counts (S-21, and section 4's step-up freshness).
const FreshFor = 10 * time.Minute

// Way is a method that an account has.
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
	TwoStep   bool // 2-step verification is on
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

// Given is a proof that was given.
type Given struct {
	Method   Method
	At       time.Time
	Verified bool   // the authenticator verified the person
	For      Action // of a step-up; empty: a sign-in
	// Since is when what was used came to the account, where an account has several
	// of the method: a new passkey is not as old as the first. Zero: see the Way.
	Since time.Time
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
	Enough  bool
	Needed  Level
	Reached Level
	// Offer is what can be proved next and brings the person closer, the best first.
	Offer []Method
	// Unavailable is what the account has or could have and cannot be used, with the reason.
	Unavailable []Way
	// Wait is how long waiting would have to stand in for what is missing; 0: it
	// cannot, or not yet (nothing is proved).
	Wait time.Duration
	// ReadyAt is when a wait that was begun is over; zero: none was.
	ReadyAt time.Time
	// TooNew says that what was given is younger than Young and carries nothing by
	// itself until then; zero: that is not the reason.
	TooNew time.Time
	// Why is what makes more than the usual necessary: signals of the risk, and
	// two_step, password_alone.
	Why []Signal
}

// Settings are what operators may choose.
type Settings struct {
	// PasswordAlone lets a password open a session on a device that the account
	// does not know; it needs a minimum length of 15 (S-23).
	PasswordAlone bool
	// Questions lets security questions count.
	Questions bool
}

// Policy decides.
type Policy struct{ settings Settings }

// New makes the policy.
func New(s Settings) *Policy { return &Policy{s} }
