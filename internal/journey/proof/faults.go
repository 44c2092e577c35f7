package proof

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals of codes and captchas. The finer reasons are given only for codes
// that this journey itself sent (S-10).
var (
	CodeWrong         = fault.Declare("code_wrong", 422, "verification-codes/why-is-my-code-unusable")
	CodeExpired       = fault.Declare("code_expired", 422, "verification-codes/why-is-my-code-unusable")
	CodeUsed          = fault.Declare("code_used", 422, "verification-codes/why-is-my-code-unusable")
	CodeReplaced      = fault.Declare("code_replaced", 422, "verification-codes/why-is-my-code-unusable")
	CodeTriesExceeded = fault.Declare("code_tries_exceeded", 422, "verification-codes/why-is-my-code-unusable")
	CodeOtherPurpose  = fault.Declare("code_other_purpose", 422, "verification-codes/why-is-my-code-unusable")
	CodesLimited      = fault.Declare("codes_limited", 429, "verification-codes/why-too-many-codes")
	TooManyAttempts   = fault.Declare("too_many_attempts", 429, "signing-in/why-cant-i-sign-in")
	// MethodUnavailable says that a way is not offered here and now, and why.
	MethodUnavailable = fault.Declare("method_unavailable", 403, "verification/which-ways-to-verify-are-there")
	// CredentialsInvalid is the one message for every failure of a password (S-26).
	CredentialsInvalid = fault.Declare("credentials_invalid", 401, "password/why-is-my-username-or-password-called-incorrect")
	CaptchaRequired    = fault.Declare("captcha_required", 403, "verification/why-a-picture-with-characters")
	// ContactTooNew says that what was proved came to the account a short while ago
	// and carries nothing by itself yet.
	ContactTooNew = fault.Declare("contact_too_new", 403, "verification/why-does-the-account-want-to-verify-me")
	CaptchaWrong  = fault.Declare("captcha_wrong", 422, "verification/why-a-picture-with-characters")
	// The question on another device was answered with no, or with the wrong number.
	PromptDenied   = fault.Declare("prompt_denied", 403, "verification/what-is-2-step-verification")
	PromptExpired  = fault.Declare("prompt_expired", 422, "verification/what-is-2-step-verification")
	PromptAnswered = fault.Declare("prompt_answered", 409, "verification/what-is-2-step-verification")
	// PromptOver says that a session has no such question to answer.
	PromptOver = fault.NotFound
	// AnswersWrong says that not all answers to the security questions are right,
	// and never which.
	AnswersWrong = fault.Declare("answers_wrong", 422, "security-questions/what-are-they-for")
)
