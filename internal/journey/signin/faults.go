package signin

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals at sign-in.
var (
	// CredentialsInvalid is the one message for every failure of a password (S-26).
	CredentialsInvalid = fault.Declare("credentials_invalid", 401, "password/why-is-my-username-or-password-called-incorrect")
	CaptchaRequired    = fault.Declare("captcha_required", 403, "verification/why-a-picture-with-characters")
	// ContactInUse is said only after the contact was proved by code (S-17).
	ContactInUse = fault.Declare("contact_in_use", 409, "creating-an-account/how-many-accounts-can-my-number-have")
)
