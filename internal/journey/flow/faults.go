package flow

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// Refusals of the runner.
var (
	JourneyExpired = fault.Declare("journey_expired", 410, "signing-in/why-cant-i-sign-in")
	JourneyStep    = fault.Declare("journey_step", 409, "signing-in/why-cant-i-sign-in")
)
