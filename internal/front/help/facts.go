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
	Proof    ProofFacts
	// JourneyLife is how long a sign-in that was begun stays open.
	JourneyLife time.Duration
	// Silence is how long an account must have been silent before its number
	// counts as perhaps recycled; 0: there is no such check.
	Silence time.Duration
	Regions []RegionFacts
	// Titles are the names of providers of the operator's own, as people know them.
	Titles map[string]string
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

// ProofFacts are about proving and keeping an account.
type ProofFacts struct {
	// Young is how long what is new carries nothing by itself, and how long a change
	// can be objected to.
	Young time.Duration
	// Wait stands in for a second proof; GuardedWait where the owner has set up more
	// than the usual.
	Wait, GuardedWait time.Duration
	RestoreFor        time.Duration // how long contacts and password of before open a recovery
	WeakFreeze        time.Duration // how long a freeze by one weak proof lasts
	TrustFor          time.Duration // how long a trusted device skips the second step
	Silence           time.Duration // of a phone number, until a code to it is doubted
	Codes             int           // recovery codes of a set
	Prompts           int           // questions to signed-in devices in an hour
	// QuestionsOn says that security questions are offered; Questions is how many
	// there are, Answers how often a day all of them may be tried.
	QuestionsOn        bool
	Questions, Answers int
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
	// Providers are the third-party providers that can be used there, in their order: on
	// pages, in apps, and at the set-up of a device. Accounts begin with one if Elsewhere
	// is set.
	Providers, AppProviders, SetupProviders []string
	Elsewhere                               bool
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
