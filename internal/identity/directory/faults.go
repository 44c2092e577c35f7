package directory

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// UsernameInvalid says that the text is no e-mail, phone or account ID. Its
// argument hint tells which one it resembles: email, phone, account_id, none.
var UsernameInvalid = fault.Declare("username_invalid", 422, "password/why-is-my-username-or-password-called-incorrect")
