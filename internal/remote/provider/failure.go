package provider

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Reason is why a sign-in at a vendor came to nothing.
type Reason string

// The reasons.
const (
	Denied      Reason = "denied"       // the person said no there
	InvalidCode Reason = "invalid_code" // the vendor does not know the code
	Expired     Reason = "expired"
	Replayed    Reason = "replayed"     // the code or token was used before
	Config      Reason = "config"       // our registration or secret is wrong: an alarm
	RateLimited Reason = "rate_limited" // by the vendor
	Temporary   Reason = "temporary"    // slow, busy or down
	Malformed   Reason = "malformed"    // an answer that says nothing
	Untrusted   Reason = "untrusted"    // an answer that is not what it has to be: signature, audience, nonce
)

// Failure is a sign-in that came to nothing. It holds no personal data and no
// secret, so that it may stand in a log.
type Failure struct {
	Reason  Reason
	Native  string    // the vendor's own code, cleaned; empty: none
	RetryAt time.Time // zero: not known
	err     error
}

// Fail makes a Failure; native is what the vendor calls it.
func Fail(reason Reason, native string) *Failure {
	return &Failure{Reason: reason, Native: cleanCode(native)}
}

// Because adds what our own side saw. It must hold no address and no body of an answer.
func (f *Failure) Because(err error) *Failure { f.err = err; return f }

func (f *Failure) Error() string {
	s := "provider: " + string(f.Reason)
	if f.Native != "" {
		s += " (" + f.Native + ")"
	}
	if f.err != nil {
		s += ": " + f.err.Error()
	}
	return s
}

// Unwrap answers what our own side saw.
func (f *Failure) Unwrap() error { return f.err }

// ReasonOf reads the reason of an error; Temporary for what is no Failure.
func ReasonOf(err error) Reason {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Reason
	}
	return Temporary
}

// cleanCode keeps what a code of an error can be made of.
func cleanCode(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/:", r)) {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 64)]
}

// nameMost is how much of a vendor's name of a person is kept, in characters.
const nameMost = 40

// CleanName makes a display name of what a vendor calls a person: valid UTF-8, one
// line, no control, format or private characters, at most 40 characters (S-50).
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200d': // a joiner makes emoji
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > nameMost {
		s = strings.TrimSpace(string(runes[:nameMost]))
	}
	return s
}

// subjectMost bounds the ID of a person at a vendor, in bytes (OpenID Connect Core
// section 2: 255 ASCII characters).
const subjectMost = 255

// CheckSubject tells whether a vendor's ID of a person can be one: 1 to 255 bytes of
// printable ASCII without blanks.
func CheckSubject(s string) bool {
	if s == "" || len(s) > subjectMost {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
