package policy

import "time"

// method is what the policy knows of a method.
type method struct {
	name     Method
	kinds    Kind
	verified Kind // more kinds, if the authenticator verified the person
	strength int  // weak, usual, strong
	first    bool // counts as one of the two steps of 2-step verification
	second   bool // may be the second of them
}

const (
	weak   = 1 // opens nothing beside a usual one
	usual  = 2 // low by itself
	strong = 3 // medium by itself
)

// methods are in the order in which they are offered: the strongest first, and what
// is used up by use after what is not.
var methods = []method{
	{name: Passkey, kinds: Possession, verified: Inherence, strength: strong, first: true, second: true},
	{name: TOTP, kinds: Possession, strength: strong, first: true, second: true},
	{name: RecoveryCode, kinds: Possession, strength: strong, first: true, second: true},
	// No more than a text: whoever has stolen a session answers its prompts (S-64).
	{name: DevicePrompt, kinds: Possession, strength: usual, first: true, second: true},
	{name: SMSCode, kinds: Possession, strength: usual, first: true, second: true},
	{name: Password, kinds: Knowledge, strength: usual, first: true},
	{name: LinkedSignIn, kinds: Possession, strength: usual, first: true},
	{name: EmailCode, kinds: Possession, strength: weak},
	{name: Questions, kinds: Knowledge, strength: weak},
}

// need is a row of the table: what an action needs.
type need struct {
	action Action
	at     [3]Level // at low, medium and high risk
	asks   asks
	takes  Method // the method that it takes away or puts another in the place of
}

// asks is what an action needs beside a level. It is a set.
type asks uint16

const (
	// door: it opens, adds or moves a way in, so that it asks at least what signing in
	// on an unknown device asks: the second step, and more than a password.
	door asks = 1 << iota
	// twoKinds: two kinds of proof where a second factor or a passkey is enrolled (S-74).
	twoKinds
	// twoProofs: two kinds, or two methods if the account cannot show two kinds.
	twoProofs
	// whole: not less because the account has less: waiting stands in for it.
	whole
	// settled: what is younger than Young does not count at all (S-69): what was
	// gained yesterday cannot shut the owner out today.
	settled
	// held: not within Young of a recovery (S-78).
	held
	// mayWait: waiting, with a notice to every contact, stands in for what is missing.
	mayWait
	// setsUp: while the account is newborn, one proof is enough.
	setsUp
	// anyProof: whatever is proved counts, were it new or doubted: this only closes.
	anyProof
)

var (
	byRisk       = [3]Level{Low, Medium, High}
	mediumAtOnce = [3]Level{Medium, Medium, High}
	highAlways   = [3]Level{High, High, High}
)

// table is what is needed, in the order in which it is printed. Every level is that
// or as much as the account has.
var table = []need{
	{SignIn, byRisk, door | mayWait, ""},
	{Recover, byRisk, door | twoKinds | mayWait, ""},
	{Freeze, [3]Level{Low, Low, Low}, anyProof, ""},
	{Unfreeze, mediumAtOnce, door | twoProofs | whole | mayWait, ""},
	{SetPassword, byRisk, door | twoKinds | setsUp, ""},
	{ViewContacts, mediumAtOnce, setsUp, ""},
	{AddContact, mediumAtOnce, door | setsUp, ""},
	{ChangePhone, mediumAtOnce, door | settled, SMSCode},
	{ChangeEmail, mediumAtOnce, door | settled, EmailCode},
	{ReplacePhone, highAlways, door | settled | held, SMSCode},
	{ReplaceEmail, highAlways, door | settled | held, EmailCode},
	{RemovePhone, highAlways, door | twoProofs | settled | held, SMSCode},
	{RemoveEmail, highAlways, door | twoProofs | settled | held, EmailCode},
	{AddMethod, mediumAtOnce, door | setsUp, ""},
	{RemoveMethod, highAlways, door | settled | held, ""},
	{RecoveryCodes, highAlways, door | held | setsUp, ""},
	{TwoStepOn, mediumAtOnce, setsUp, ""},
	{TwoStepOff, highAlways, door | settled | held, ""},
	{TrustDevice, mediumAtOnce, door | setsUp, ""},
	{Link, mediumAtOnce, door | setsUp, ""},
	{Unlink, highAlways, door | twoProofs | settled | held, LinkedSignIn},
	{Export, highAlways, door | settled | held, ""},
	{Delete, highAlways, door | settled | held | mayWait, ""},
}

// rowOf finds the row of an action; nil if there is none.
func rowOf(a Action) *need {
	for i := range table {
		if table[i].action == a {
			return &table[i]
		}
	}
	return nil
}

// covers tells whether a step-up for one action counts for another: only if it asked
// at least as much (S-68).
func (n *need) covers(other *need) bool {
	for i := range n.at {
		if n.at[i] < other.at[i] {
			return false
		}
	}
	const grave = door | twoKinds | twoProofs | whole | settled | held
	return other.asks&grave&^n.asks == 0
}

// waitFor is how long a wait is.
func waitFor(guarded bool) time.Duration {
	if guarded {
		return GuardedWait
	}
	return UsualWait
}
