package email

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Invalid refuses an address. It carries "reason", never the address: empty,
// too_long, form (not one name, one "@" and one domain), local (the name before
// the "@") or domain.
var Invalid = fault.Declare("email_invalid", 422, "recovery-phone-and-e-mail/why-cant-i-add-my-phone-or-e-mail")
