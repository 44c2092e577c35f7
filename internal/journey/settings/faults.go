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

// Refusals around 2-step verification.
var (
	// SecondMethodMissing says that the account could not be asked for a second step.
	SecondMethodMissing = fault.Declare("second_method_missing", 409, "verification/what-is-2-step-verification")
	// OtherMethodMissing says that without text messages nobody would get in.
	OtherMethodMissing = fault.Declare("other_method_missing", 409, "verification/what-is-2-step-verification")
	// TrustedElsewhere says that trust is given on the device itself.
	TrustedElsewhere = fault.Declare("trusted_elsewhere", 403, "verification/what-is-2-step-verification")
)
