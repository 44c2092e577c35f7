package recovery

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals at the end of a recovery, said only after enough was proved.
var (
	NotFrozen = fault.Declare("account_not_frozen", 409, "frozen-accounts/how-do-i-freeze-and-unfreeze")
	// RecoveryOver says that the account changed since the journey began: another
	// recovery, a freeze, a new password or another contact came first (S-76).
	RecoveryOver = fault.Declare("recovery_over", 409, "password/how-do-i-change-or-reset-the-password")
)
