package policy

// Signal is one thing that was noticed; its sentence is risk.<signal>.
type Signal string

// The signals.
const (
	NewDevice        Signal = "new_device"
	NewNetwork       Signal = "new_network"
	NewCountry       Signal = "new_country"
	ImpossibleTravel Signal = "impossible_travel"
	Velocity         Signal = "velocity"          // many sign-ins of this account, or from this network
	FailedProofs     Signal = "failed_proofs"     // wrong passwords or codes lately
	BreachedPassword Signal = "breached_password" // the password is in a public list
	SilentAccount    Signal = "silent_account"    // long without use
	SilentPhone      Signal = "silent_phone"      // the number has long not proved itself (S-80)
	SIMSwapped       Signal = "sim_swapped"
	BadNetwork       Signal = "bad_network" // on the operator's list

	TwoStepAsks   Signal = "two_step"       // not a risk: the owner wants it
	PasswordFirst Signal = "password_alone" // a password on an unknown device is half a proof
	Sensitive     Signal = "sensitive"      // the action itself
)

// Risk is how likely it is that this is not the owner, and why.
type Risk struct {
	Level   Level    `json:"level,omitempty"` // Low, Medium, High; zero is Low
	Signals []Signal `json:"signals,omitempty"`
	// Doubted are methods that prove nothing by themselves now.
	Doubted []Method `json:"doubted,omitempty"`
}
