package proof

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// LastWayIn refuses to take away what the account could not be entered without (S-73).
var LastWayIn = fault.Declare("last_way_in", 409, "verification/which-ways-to-verify-are-there")

// opens are the methods that by themselves open a session on a new device and lead
// back to an account. A password does not: on a new device it is half a proof.
var opens = []policy.Method{policy.SMSCode, policy.EmailCode, policy.Passkey, policy.LinkedSignIn}

// StillIn tells whether an account with these ways can be entered. Whoever takes a
// way away asks with what remains, in the transaction that takes it, with the
// account locked: two removals at once must not both be the last but one.
func StillIn(ways []policy.Way) bool {
	return slices.ContainsFunc(ways, func(w policy.Way) bool { return slices.Contains(opens, w.Method) })
}
