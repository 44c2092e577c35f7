package passkey

import "github.com/selfsame-id/selfsame/internal/kit/fault"

var (
	// Invalid is all that is said of a passkey that did not prove anything: which
	// check failed is for the log, not for whoever tries.
	Invalid = fault.Declare("passkey_invalid", 422, "verification/which-ways-to-verify-are-there")
	// Known refuses a passkey that is registered already, here or elsewhere.
	Known = fault.Declare("passkey_known", 409, "verification/which-ways-to-verify-are-there")
	// TooMany refuses one more than an account keeps.
	TooMany = fault.Declare("passkeys_full", 409, "verification/which-ways-to-verify-are-there")
)
