package account

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals by the state of the account; said only after a proof.
var (
	Frozen          = fault.Declare("account_frozen", 403, "signing-in/why-cant-i-sign-in")
	Blocked         = fault.Declare("account_blocked", 403, "signing-in/why-cant-i-sign-in")
	Leaving         = fault.Declare("account_leaving", 403, "signing-in/why-cant-i-sign-in")
	NicknameInvalid = fault.Declare("nickname_invalid", 422, "about/what-is-this-account")
)
