package contact

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// InUse says that another account holds the contact. It is said only after the
// contact was proved by code (S-17).
var InUse = fault.Declare("contact_in_use", 409, "creating-an-account/how-many-accounts-can-my-number-have")
