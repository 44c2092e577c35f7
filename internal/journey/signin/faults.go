package signin

import (
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// ContactInUse is said only after the contact was proved by code (S-17).
var ContactInUse = fault.Declare("contact_in_use", 409, "creating-an-account/how-many-accounts-can-my-number-have")
