package proof

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// LastSecondStep refuses to take away what 2-step verification could not be asked
// without.
var LastSecondStep = fault.Declare("last_second_step", 409, "verification/what-is-2-step-verification")

// lasting are the methods that can be the second step day after day. Recovery codes
// are used up, and a prompt needs a device that happens to be signed in.
var lasting = []policy.Method{policy.Passkey, policy.TOTP, policy.SMSCode}

// firsts are the methods that begin a sign-in with two steps. A code by e-mail is
// neither of them.
var firsts = []policy.Method{policy.Password, policy.SMSCode, policy.LinkedSignIn}

// StillSecond tells whether an account with these ways can be asked for two steps:
// a second one, and another to begin with, or a passkey, which is both. Whoever
// takes a way away while 2-step verification is on asks with what remains, in the
// transaction that takes it, with the account locked.
func StillSecond(ways []policy.Way) bool {
	return slices.ContainsFunc(ways, func(second policy.Way) bool {
		return slices.Contains(lasting, second.Method) && (second.Method == policy.Passkey || slices.ContainsFunc(ways, func(first policy.Way) bool {
			return first.Method != second.Method && slices.Contains(firsts, first.Method)
		}))
	})
}
