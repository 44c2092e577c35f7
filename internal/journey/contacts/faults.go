package contacts

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals about contacts.
var (
	// ContactUnchanged: it is the account's own already.
	ContactUnchanged = fault.Declare("contact_unchanged", 409, "recovery-phone-and-e-mail/how-do-i-change-the-recovery-phone")
	// ContactFree: nobody else has it, so there is nothing to dispute.
	ContactFree = fault.Declare("contact_free", 409, "recovery-phone-and-e-mail/someone-elses-number-is-on-my-account")
	// ContactMissing: the account has none that could be removed.
	ContactMissing = fault.Declare("contact_missing", 409, "recovery-phone-and-e-mail/how-do-i-remove-my-phone-or-e-mail")
	// ContactRequired: the region of the account wants it.
	ContactRequired       = fault.Declare("contact_required", 409, "recovery-phone-and-e-mail/how-do-i-remove-my-phone-or-e-mail")
	ContactChangesLimited = fault.Declare("contact_changes_limited", 429, "recovery-phone-and-e-mail/why-cant-i-add-my-phone-or-e-mail")
	DisputesLimited       = fault.Declare("disputes_limited", 429, "recovery-phone-and-e-mail/someone-elses-number-is-on-my-account")
	// ContactProtected: the account that has it lets nobody have it by a code alone (S-81).
	ContactProtected = fault.Declare("contact_protected", 403, "recovery-phone-and-e-mail/someone-elses-number-is-on-my-account")
	// The refusals of an objection, said to whoever has its link.
	ObjectionUsed    = fault.Declare("objection_used", 409, "recovery-phone-and-e-mail/how-do-i-change-the-recovery-phone")
	ObjectionExpired = fault.Declare("objection_expired", 410, "recovery-phone-and-e-mail/how-do-i-change-the-recovery-phone")
)
