package api

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/lifecycle"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/recovery"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// stepKind is a step type as the document tells of it.
type stepKind struct {
	kind   step.Type
	value  step.Step // of its Go type
	schema string
	when   string
	inputs []string // that it may offer
}

// stepKinds are the step types in the order in which people meet them.
var stepKinds = []stepKind{
	{step.TypeIdentify, step.Identify{}, "StepIdentify", "The start: which account.", []string{"phone", "email", "username", "provider", "passkey", "back"}},
	{step.TypeRedirect, step.Redirect{}, "StepRedirect", "The person goes to a third-party provider and comes back.", []string{"check", "provider", "other_way", "back"}},
	{step.TypeLinkOrCreate, step.LinkOrCreate{}, "StepLinkOrCreate", "The third-party account opens no account here yet.", []string{"link", "create", "back"}},
	{step.TypePassword, step.Password{}, "StepPassword", "A username is known; its password proves it.", []string{"password", "other_way", "back"}},
	{step.TypeCode, step.Code{}, "StepCode", "A verification code is out.", []string{"code", "resend", "other_way", "back", "skip"}},
	{step.TypeChooseMethod, step.ChooseMethod{}, "StepChooseMethod", "Several proofs are possible.", []string{"method", "wait", "taken_over", "back"}},
	{step.TypeTOTP, step.TOTP{}, "StepTOTP", "The code of an authenticator app.", []string{"code", "other_way", "back"}},
	{step.TypeRecoveryCode, step.RecoveryCode{}, "StepRecoveryCode", "One of the recovery codes.", []string{"code", "other_way", "back"}},
	{step.TypeQuestions, step.Questions{}, "StepQuestions", "The security questions.", []string{"answers", "other_way", "back"}},
	{step.TypePasskey, step.Passkey{}, "StepPasskey", "A passkey.", []string{"passkey", "other_way", "back"}},
	{step.TypeDevicePrompt, step.DevicePrompt{}, "StepDevicePrompt", "A trusted device was asked.", []string{"check", "other_way", "back"}},
	{step.TypeCaptcha, step.Captcha{}, "StepCaptcha", "There were many tries, or many come from this network.", []string{"captcha", "refresh"}},
	{step.TypeNewPassword, step.NewPassword{}, "StepNewPassword", "The account needs a password.", []string{"new_password"}},
	{step.TypeAddContact, step.AddContact{}, "StepAddContact", "A contact is asked for.", []string{"phone", "email", "skip", "dispute"}},
	{step.TypeConfirm, step.Confirm{}, "StepConfirm", "A consequence is to be accepted.", []string{"confirm", "back"}},
	{step.TypeWait, step.Wait{}, "StepWait", "Time or people decide next.", []string{"back"}},
	{step.TypeDone, step.Done{}, "StepDone", "The end: a session where one begins.", []string{}},
}

// inputField is a field that an input takes.
type inputField struct {
	name, about string
	optional    bool
	enum        []any
	holds       string // empty: text; texts: a list of it; object: JSON of its own
}

// inputKind is an input as the document tells of it.
type inputKind struct {
	name, schema, about string
	fields              []inputField
	refuses             []*fault.Fault // beyond those of every input
}

var (
	codeFaults = []*fault.Fault{proof.CodeWrong, proof.CodeExpired, proof.CodeUsed, proof.CodeReplaced, proof.CodeTriesExceeded, proof.CodeOtherPurpose}
	lineFaults = []*fault.Fault{numbers.PhoneInvalid, numbers.PhoneNotMobile, numbers.PhoneNotPersonal, numbers.CountryNotServed}
	// gateFaults can answer whatever proof was the last one needed.
	gateFaults = []*fault.Fault{account.Frozen, account.Blocked, account.Leaving, recovery.NotFrozen, federation.LinkedElsewhere, federation.LinkedAlready}
	ruleFaults = []*fault.Fault{credential.PasswordShort, credential.PasswordLong, credential.PasswordCommon, credential.PasswordPersonal, credential.PasswordBreached, credential.PasswordReused}

	providerFaults = []*fault.Fault{federation.ProviderNotOffered, federation.ProviderDenied, federation.ProviderFailed}

	contactFaults = []*fault.Fault{contacts.ContactUnchanged, contacts.ContactFree, contacts.ContactMissing, contacts.ContactRequired, contacts.ContactChangesLimited, contacts.DisputesLimited, contacts.ContactProtected, fault.RateLimited}

	countryField = inputField{name: "country", about: "ISO 3166-1 alpha-2 code of a number typed without its country code; the step's if left out.", optional: true}
)

// inputKinds are all inputs.
var inputKinds = []inputKind{
	{"phone", "InputPhone", "A phone number; a code is sent to it.",
		[]inputField{{name: "phone", about: "As typed, or E.164."}, countryField}, slices.Concat(lineFaults, []*fault.Fault{proof.CodesLimited}, contactFaults)},
	{"email", "InputEmail", "An e-mail address; a code is sent to it.",
		[]inputField{{name: "email", about: "As typed."}}, slices.Concat([]*fault.Fault{email.Invalid, proof.MethodUnavailable, proof.CodesLimited}, contactFaults)},
	{"username", "InputUsername", "Phone, e-mail or account ID: for signing in by password, and to say whose account is recovered, frozen or unfrozen.",
		[]inputField{{name: "username", about: "As typed."}, countryField}, []*fault.Fault{directory.UsernameInvalid}},
	{"provider", "InputProvider", "A third-party account. By its name alone the person visits the provider in a browser; with what the provider's SDK gave to the app there is no visit.",
		[]inputField{{name: "provider", about: "One of the step's providers."},
			{name: "token", about: "The ID token or access token that the SDK gave, made for the nonce that the step shows.", optional: true},
			{name: "code", about: "The authorization code that the SDK gave.", optional: true}},
		slices.Concat(providerFaults, []*fault.Fault{proof.MethodUnavailable}, gateFaults)},
	{"link", "InputLink", "The person has an account: it is asked for and proved, and the third-party account is linked to it.", nil, providerFaults[:1]},
	{"create", "InputCreate", "An account for who has none.", nil, slices.Concat(providerFaults[:1], []*fault.Fault{proof.MethodUnavailable}, gateFaults)},
	{"password", "InputPassword", "The password of the account.",
		[]inputField{{name: "password", about: "As typed, in UTF-8; nothing is trimmed."}},
		slices.Concat([]*fault.Fault{proof.CredentialsInvalid, proof.CaptchaRequired, proof.TooManyAttempts, proof.CodesLimited, credential.PasswordLong}, gateFaults)},
	{"code", "InputCode", "The code that arrived, or that the authenticator app shows, or a recovery code.",
		[]inputField{{name: "code", about: "As typed; blanks and hyphens in it do not count."}},
		slices.Concat(codeFaults, []*fault.Fault{proof.CodesLimited, proof.TooManyAttempts, proof.CredentialsInvalid, contact.InUse, proof.MethodUnavailable, proof.LastWayIn, session.ProofRequired}, contactFaults, gateFaults)},
	{"answers", "InputAnswers", "The answers to the security questions, in their order.",
		[]inputField{{name: "answers", about: "As typed.", holds: "texts"}},
		slices.Concat([]*fault.Fault{proof.AnswersWrong, proof.TooManyAttempts, proof.MethodUnavailable}, gateFaults)},
	{"passkey", "InputPasskey", "What navigator.credentials.get answered.",
		[]inputField{{name: "credential", about: "AuthenticationResponseJSON (WebAuthn Level 3 section 5.1): toJSON() of the credential.", holds: "object"}},
		slices.Concat([]*fault.Fault{passkey.Invalid, proof.TooManyAttempts, proof.MethodUnavailable}, gateFaults)},
	{"check", "InputCheck", "Look whether the device has answered, or the person has come back from the provider.", nil,
		slices.Concat([]*fault.Fault{proof.MethodUnavailable, proof.PromptDenied, proof.PromptExpired}, providerFaults, gateFaults)},
	{"wait", "InputWait", "Let time stand in for what is missing: every contact of the account is told, and can object.", nil, []*fault.Fault{proof.MethodUnavailable, proof.TooManyAttempts}},
	{"taken_over", "InputTakenOver", "Go on with the account as it was before somebody else changed its contacts or its password, within two weeks: the end undoes what was changed since. What was proved so far is asked again.", nil, nil},
	{"dispute", "InputDispute", "Ask for a contact that was proved just now and that another account has.", nil, nil},
	{"confirm", "InputConfirm", "Accept what will happen.", nil, slices.Concat(gateFaults, []*fault.Fault{proof.LastWayIn, lifecycle.FreezeLimited}, contactFaults)},
	{"resend", "InputResend", "Another code; it replaces the last one.", nil, []*fault.Fault{proof.CodesLimited}},
	{"other_way", "InputOtherWay", "Another proof.", nil, nil},
	{"method", "InputMethod", "The proof to go on with.",
		[]inputField{{name: "method", about: "One of the step's methods.", enum: []any{"sms_code", "email_code", "password", "passkey", "totp", "recovery_code", "questions", "device_prompt", "linked"}}},
		[]*fault.Fault{proof.MethodUnavailable, proof.CodesLimited, proof.TooManyAttempts}},
	{"captcha", "InputCaptcha", "The answer to the captcha. Right or wrong, it is used up.",
		[]inputField{{name: "answer", about: "For kind work the ALTCHA payload (base64 of the challenge and its solution), or the characters of the picture or its sound."}},
		[]*fault.Fault{proof.CaptchaWrong, proof.CodesLimited}},
	{"refresh", "InputRefresh", "Another captcha.", nil, nil},
	{"new_password", "InputNewPassword", "The password that the account will have.",
		[]inputField{{name: "password", about: "As typed, in UTF-8; nothing is trimmed."}}, slices.Concat(ruleFaults, gateFaults, []*fault.Fault{recovery.RecoveryOver, proof.TooManyAttempts})},
	{"skip", "InputSkip", "Go on without the contact, where the step offers it.", nil, nil},
	{"back", "InputBack", "Back to the start, or one step of it; what was spent stays spent.", nil, nil},
}

// alwaysInput can answer every input.
var alwaysInput = []*fault.Fault{fault.InvalidInput, fault.NotFound, fault.Conflict, flow.JourneyStep, flow.JourneyExpired}

// inputFaults are the refusals of the call that takes the inputs.
func inputFaults() []*fault.Fault {
	all := slices.Clone(alwaysInput)
	for _, in := range inputKinds {
		all = append(all, in.refuses...)
	}
	return distinct(all)
}

// frameFaults can answer any call: they come from the frame around it, and
// invalid_input from a query that says one thing twice.
var frameFaults = []*fault.Fault{
	httpd.Misdirected, httpd.URITooLong, httpd.HeadersTooLarge, httpd.UnsupportedMedia, fault.InvalidInput, fault.Unavailable, fault.Internal,
}

// writeFaults can answer any call that changes something.
var writeFaults = []*fault.Fault{httpd.ForbiddenOrigin, httpd.TooLarge}

// distinct drops what is listed twice, and sorts by status and code.
func distinct(list []*fault.Fault) []*fault.Fault {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b *fault.Fault) int {
		switch {
		case a.Status != b.Status:
			return a.Status - b.Status
		case a.Code < b.Code:
			return -1
		case a.Code > b.Code:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(out, func(a, b *fault.Fault) bool { return a.Code == b.Code })
}
