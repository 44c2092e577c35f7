package proof

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/quota"
)

// Limits are the numbers in force for verification codes. All are
// configuration.
type Limits struct {
	Length      int             // digits
	Life        time.Duration   // of a code
	Tries       int             // wrong ones per code
	ResendAfter []time.Duration // waits before the 2nd, 3rd ... code of a journey; the last repeats

	Destination      quota.Limit // sends to one phone or e-mail
	DestinationTries quota.Limit // wrong codes for one phone or e-mail, over all journeys (S-13)
	Device           quota.Limit // sends asked for by one device
	Network          quota.Limit // sends asked for from one address (IPv6: one /64)
	NetworkWide      quota.Limit // the same from one /24 or /48
	Country          quota.Limit // texts to one country that nobody has verified yet
	// Guesses is how many wrong codes everybody together may enter before every
	// device that is not known solves a captcha first (S-15). Zero: 1,000 an hour.
	Guesses quota.Limit
	// CountryCredit is how many sends one verified code gives back to its
	// country: below a ratio of 1 in CountryCredit the budget runs dry (S-16).
	CountryCredit int
	// ChallengeAfter sends from one address within an hour ask for a captcha first.
	ChallengeAfter int
}

func (l Limits) withDefaults() Limits {
	if len(l.Guesses.Windows) == 0 {
		l.Guesses = quota.Limit{Name: "codes.guesses", Windows: []quota.Window{{Max: 1000, Per: time.Hour}}}
	}
	return l
}

// guard remembers on this node that too many codes are guessed at. The count is
// in the store; a node learns of it with the next wrong code that it sees, which
// under an attack is at once, and a right code costs nothing.
type guard struct{ until atomic.Int64 } // microseconds

func (g *guard) raise(until time.Time) {
	for at := until.UnixMicro(); ; {
		old := g.until.Load()
		if old >= at || g.until.CompareAndSwap(old, at) {
			return
		}
	}
}

func (g *guard) up(now time.Time) bool { return now.UnixMicro() < g.until.Load() }

// names of the limits as the refusal codes_limited tells them.
var limitNames = map[string]string{
	"codes.destination":  "destination",
	"codes.tries":        "destination",
	"codes.device":       "device",
	"codes.network":      "network",
	"codes.network_wide": "network",
	"codes.country":      "country",
}

// Source is where a request for a code comes from.
type Source struct {
	Addr   netip.Addr
	Device string // the secret that the device keeps; empty: none
	// KnownAs is the ID of the device if the account knows it: its limits are a
	// lane of their own, which strangers cannot use up (S-154).
	KnownAs string
}

func (s Source) lane(address string) string {
	if s.KnownAs != "" {
		return address + "\x00known\x00" + s.KnownAs
	}
	return address
}
