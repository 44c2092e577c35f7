package courier

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// CallbackRefused answers a carrier whose report is not signed by it, or is too
// old (S-150). No person sees it.
var CallbackRefused = fault.Declare("callback_refused", 401, "verification-codes/why-dont-i-get-the-text-message")
