package signin

import "github.com/selfsame-id/selfsame/internal/identity/contact"

// ContactInUse is said only after the contact was proved by code (S-17).
var ContactInUse = contact.InUse
