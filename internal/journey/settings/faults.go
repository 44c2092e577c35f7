package settings

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// AvatarInvalid refuses a picture; its argument reason is kind or large.
var AvatarInvalid = fault.Declare("avatar_invalid", 422, "about/what-is-this-account")

// Refusals of setting up other ways to prove.
var (
	// TOTPNotBegun says that no secret waits for the code: it was confirmed, or too old.
	TOTPNotBegun = fault.Declare("totp_not_begun", 409, "verification/which-ways-to-verify-are-there")
	// QuestionsUnavailable says why security questions cannot be set; its argument
	// reason is no_contact, contact_too_new, too_many_tries, frozen or policy.
	QuestionsUnavailable = fault.Declare("questions_unavailable", 403, "security-questions/why-cant-i-reset-them")
)
