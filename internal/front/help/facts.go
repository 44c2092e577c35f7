package help

import "time"

// Facts are the numbers in force that articles print. The composer fills them
// from the configuration; articles hold none themselves.
type Facts struct {
	Brand    string
	Code     CodeFacts
	Password PasswordFacts
	Session  SessionFacts
	Captcha  CaptchaFacts
	// JourneyLife is how long a sign-in that was begun stays open.
	JourneyLife time.Duration
	// Silence is how long an account must have been silent before its number
	// counts as perhaps recycled; 0: there is no such check.
	Silence time.Duration
	Regions []RegionFacts
	// Home is the country shown to readers whose own is not known.
	Home string
	// Ranges are the numbers of machines, by country (ISO 3166-1 alpha-2); "" for
	// those of networks without a country.
	Ranges map[string][]Range
	// Services are the names of the apps and sites that the account opens.
	Services []string
}

// CodeFacts are about verification codes.
type CodeFacts struct {
	Length int
	Life   time.Duration
	Tries  int             // wrong ones per code
	Resend []time.Duration // waits before the second, third ... code
	Sends  []Window        // codes to one phone or e-mail
	Wrong  []Window        // wrong codes for one phone or e-mail, over all sign-ins
}

// PasswordFacts are about passwords.
type PasswordFacts struct {
	Min, Max int
	// Alone says that a right password opens a session on any device; else a
	// device that the account does not know asks for a code as well.
	Alone bool
	// Page is the address where a password is changed; "" if there is none.
	Page string
}

// SessionFacts are about staying signed in.
type SessionFacts struct {
	Idle, Absolute time.Duration
	Fresh          time.Duration // how long a proof opens what is hidden
}

// CaptchaFacts are about tasks against robots.
type CaptchaFacts struct {
	After        int // wrong passwords before the first task
	PictureAfter int // and before it is a picture
}

// RegionFacts are a region's rules.
type RegionFacts struct {
	ID           string // the name is the catalog's region.<id>
	Phone, Email bool   // ways to create an account
	Contact      string // "phone", "email" or "": what an account there must have
}

// Range is a block of numbers that belong to machines.
type Range struct {
	Code   int    // country calling code
	Prefix string // first digits of the national number, without a trunk 0; "*": all of this length
	Digits string // how many digits the national number has: "13", "10-12"
}

// Window is a limit: at most Max within Per.
type Window struct {
	Max int
	Per time.Duration
}
