package policy

import (
	"math"
	"slices"
	"time"
)

// Signal is one thing that makes more than the usual necessary; its sentence, which
// the person sees under "why should I verify?", is risk.<signal>.
type Signal string

// What is noticed from outside.
const (
	NewDevice        Signal = "new_device"
	NewNetwork       Signal = "new_network"
	NewCountry       Signal = "new_country"
	ImpossibleTravel Signal = "impossible_travel"
	Velocity         Signal = "velocity"          // many sign-ins of this account within the hour
	FailedProofs     Signal = "failed_proofs"     // wrong passwords or codes within the hour
	BreachedPassword Signal = "breached_password" // the password is in a public list
	SilentAccount    Signal = "silent_account"    // long without use
	SilentPhone      Signal = "silent_phone"      // the number has long not proved itself (S-80)
	NumberReassigned Signal = "number_reassigned" // a carrier says that the number has a new subscriber (S-80)
	SIMSwapped       Signal = "sim_swapped"
	BadNetwork       Signal = "bad_network"    // on the operator's list
	PasskeyCloned    Signal = "cloned_passkey" // a signature counter fell (S-33)
	SessionMoved     Signal = "session_moved"  // the session is used from elsewhere than where it was proved
)

// What the policy asks for by itself, whatever was noticed (Decision.Why).
const (
	TwoStepAsks   Signal = "two_step"       // the owner wants it
	PasswordFirst Signal = "password_alone" // a password on an unknown device is half a proof (S-23)
	Sensitive     Signal = "sensitive"      // the action itself
	TwoKinds      Signal = "two_kinds"      // recovery of an account with a second factor or a passkey (S-74)
	NotAlone      Signal = "not_alone"      // the way that is to be replaced is not enough by itself (S-67)
	SMSNotAlone   Signal = "sms_not_alone"  // the owner wants it (S-81)
	JustRecovered Signal = "just_recovered" // held for a while after a recovery (S-78)
)

// Risk is how likely it is that this is not the owner, and why.
type Risk struct {
	Level   Level    `json:"level,omitempty"` // Low, Medium, High; zero is Low
	Signals []Signal `json:"signals,omitempty"`
	// Doubted are methods that prove nothing by themselves now.
	Doubted []Method `json:"doubted,omitempty"`
}

// Seen is what was noticed about one request for one account: plain facts, whoever
// gathered them. The zero value of a field means that nothing is known, and raises
// nothing: a source that is down restricts nobody, and vouches for nobody.
type Seen struct {
	Now time.Time
	// KnownDevice: this account was signed in to on this device before.
	KnownDevice bool
	// FirstTime: the account has never been signed in to: there is nothing to compare with.
	FirstTime bool
	// NewNetwork: no sign-in of the account came from this network (IPv4 /24, IPv6 /48)
	// in the time that is remembered; NewCountry alike.
	NewNetwork bool
	NewCountry bool
	// TravelKM is how far this place is from that of the last sign-in, in kilometers,
	// and TravelFor how long ago that was. 0: one of the places is not known.
	TravelKM  float64
	TravelFor time.Duration
	// SignIns are those of the account within the last hour; WrongProofs are wrong
	// passwords and codes for it in that time, whoever sent them.
	SignIns     int
	WrongProofs int
	// BreachedPassword: the password that was just right is in a public list.
	BreachedPassword bool
	// SilentFor is how long nobody used the account; PhoneSilentFor how long no code
	// by text was right for it: other use of the account does not count (S-80).
	SilentFor      time.Duration
	PhoneSilentFor time.Duration
	// NumberReassigned: a carrier says that the subscriber changed after the number
	// last proved itself. SIMSwappedAt is when the SIM was last changed; zero: not known.
	NumberReassigned bool
	SIMSwappedAt     time.Time
	// NetworkListed: the operator's list of bad networks has it.
	NetworkListed bool
	// PasskeyCloned: the passkey's signature counter fell (S-33).
	PasskeyCloned bool
	// SessionMoved: the session that asks is used from another network than the one
	// where its proofs were given.
	SessionMoved bool
}

// Thresholds say from where on a fact is a signal.
type Thresholds struct {
	SilentAccount time.Duration // since the last use
	SilentPhone   time.Duration // since the last right code by text; at most 180 days (S-80)
	SIMSwap       time.Duration // how long a changed SIM is doubted
	TravelSpeed   float64       // kilometers an hour that nobody travels
	TravelKM      float64       // below it a place is too rough to say anything
	SignIns       int           // in an hour
	WrongProofs   int           // in an hour
	Medium, High  int           // points from which on the risk is medium and high
}

// DefaultThresholds are those of a house that sets nothing.
var DefaultThresholds = Thresholds{
	SilentAccount: 180 * 24 * time.Hour, SilentPhone: 180 * 24 * time.Hour, SIMSwap: 72 * time.Hour,
	TravelSpeed: 1000, TravelKM: 300, SignIns: 10, WrongProofs: 10, Medium: 3, High: 7,
}

// sign is a row of the risk table.
type sign struct {
	signal Signal
	points int
	doubts Method // what proves nothing by itself while it lasts; empty: nothing
	seen   func(s Seen, t Thresholds) bool
}

// signs is the risk table: what is noticed adds its points. Little things alone
// change nothing: a new phone on a new network asks for no more than usual. What
// says that the number may be somebody else's has few points, because the doubt
// itself is the answer: another way has to be proved beside it. The order is that
// in which people are told.
var signs = []sign{
	{NumberReassigned, 0, SMSCode, func(s Seen, _ Thresholds) bool { return s.NumberReassigned && !s.KnownDevice }},
	{SilentPhone, 0, SMSCode, func(s Seen, t Thresholds) bool { return s.PhoneSilentFor >= t.SilentPhone && !s.KnownDevice }},
	{SIMSwapped, 2, SMSCode, func(s Seen, t Thresholds) bool {
		return !s.SIMSwappedAt.IsZero() && s.Now.Sub(s.SIMSwappedAt) < t.SIMSwap
	}},
	{PasskeyCloned, 3, Passkey, func(s Seen, _ Thresholds) bool { return s.PasskeyCloned }},
	{BreachedPassword, 1, Password, func(s Seen, _ Thresholds) bool { return s.BreachedPassword }},
	{ImpossibleTravel, 3, "", impossible},
	{BadNetwork, 2, "", func(s Seen, _ Thresholds) bool { return s.NetworkListed }},
	{Velocity, 2, "", func(s Seen, t Thresholds) bool { return s.SignIns >= t.SignIns }},
	{NewCountry, 2, "", func(s Seen, _ Thresholds) bool { return s.NewCountry && !s.FirstTime }},
	{FailedProofs, 1, "", func(s Seen, t Thresholds) bool { return s.WrongProofs >= t.WrongProofs && !s.KnownDevice }},
	{SilentAccount, 1, "", func(s Seen, t Thresholds) bool { return s.SilentFor >= t.SilentAccount && !s.KnownDevice }},
	{SessionMoved, 1, "", func(s Seen, _ Thresholds) bool { return s.SessionMoved }},
	{NewDevice, 1, "", func(s Seen, _ Thresholds) bool { return !s.KnownDevice && !s.FirstTime }},
	{NewNetwork, 1, "", func(s Seen, _ Thresholds) bool { return s.NewNetwork && !s.FirstTime }},
}

// impossible tells whether nobody travels that fast.
func impossible(s Seen, t Thresholds) bool {
	return s.TravelKM >= t.TravelKM && s.TravelKM/math.Max(s.TravelFor.Hours(), 1.0/60) > t.TravelSpeed
}

// Assess weighs what was seen with the usual thresholds.
func Assess(s Seen) Risk { return DefaultThresholds.Assess(s) }

// Assess weighs what was seen: the points of the table add up to a level. The same
// facts always give the same answer, and every point has its reason in Signals.
func (t Thresholds) Assess(s Seen) Risk {
	r := Risk{Level: Low}
	points := 0
	for _, row := range signs {
		if !row.seen(s, t) {
			continue
		}
		points += row.points
		r.Signals = append(r.Signals, row.signal)
		if row.doubts != "" && !slices.Contains(r.Doubted, row.doubts) {
			r.Doubted = append(r.Doubted, row.doubts)
		}
	}
	switch {
	case points >= t.High:
		r.Level = High
	case points >= t.Medium:
		r.Level = Medium
	}
	return r
}
