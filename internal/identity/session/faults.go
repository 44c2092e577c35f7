package session

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals where a session, or a fresh proof in it, is needed.
var (
	Required      = fault.Declare("session_required", 401, "signing-in/how-do-i-sign-in")
	ProofRequired = fault.Declare("proof_required", 403, "signing-in/how-do-i-sign-in")
)
