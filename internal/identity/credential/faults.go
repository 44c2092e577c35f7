package credential

import "github.com/selfsame-id/selfsame/internal/kit/fault"

const choosing = "password/how-do-i-change-or-reset-the-password"

// What people are told about a password that they would like to set. None says
// anything about an account.
var (
	PasswordShort    = fault.Declare("password_short", 422, choosing)    // min
	PasswordLong     = fault.Declare("password_long", 422, choosing)     // max
	PasswordCommon   = fault.Declare("password_common", 422, choosing)   // in the list, or a run of keys
	PasswordPersonal = fault.Declare("password_personal", 422, choosing) // the owner's own data, or our name
	PasswordBreached = fault.Declare("password_breached", 422, choosing)
)
