package settings

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// AvatarInvalid refuses a picture; its argument reason is kind or large.
var AvatarInvalid = fault.Declare("avatar_invalid", 422, "about/what-is-this-account")
