package lifecycle

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// FreezeLimited says that one weak proof freezes no more for now (S-83).
var FreezeLimited = fault.Declare("freeze_limited", 429, "frozen-accounts/how-do-i-freeze-and-unfreeze")
