package linking

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// NoticeRefused says that a provider's message is not believed: its signature, its
// audience or its time is wrong, or it cannot be read. No person sees it.
var NoticeRefused = fault.Declare("notice_refused", 400, "signing-in/how-do-i-sign-in-with-a-third-party-account")
