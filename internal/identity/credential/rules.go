package credential

import (
	"context"
	"crypto/sha1"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// The lengths of S-23, in characters (Unicode code points after NFC).
const (
	// MinLength is enough where an unknown device always needs a second proof.
	MinLength = 8
	// MinLengthAlone is needed where a password alone opens a session (NIST SP
	// 800-63B-4 section 3.1.1.2).
	MinLengthAlone = 15
	// MaxLength bounds what is hashed; 256 characters are at most 1 KiB.
	MaxLength = 256
)

// maxRaw bounds the bytes that are looked at at all. Decomposed letters take
// more bytes than their composed form, so it is above 1 KiB.
const maxRaw = 4 << 10

// breachWait is how long an answer of the breach check is waited for.
const breachWait = 1500 * time.Millisecond

// Rules say which passwords may be set.
type Rules struct {
	Min     int      // characters; 0 is MinLength
	Context []string // names that everybody would try here: product, host, company
	Breach  Breach   // nil: no breach check
}

// Breach knows passwords that were stolen elsewhere, for instance by the first
// five characters of their SHA-1 (k-anonymity). The adapter dials, so it lives
// among the remote rooms.
type Breach interface {
	Known(ctx context.Context, sha1 [20]byte) (bool, error)
}

func (r Rules) withDefaults() Rules {
	if r.Min <= 0 {
		r.Min = MinLength
	}
	return r
}

// read brings a password into the one form that is hashed: NFC, once, nothing
// else (S-23). What is too long is refused before anything is done with it.
func read(password string) (string, error) {
	tooLong := PasswordLong.On("password").With("max", MaxLength)
	if len(password) > maxRaw {
		return "", tooLong
	}
	if !utf8.ValidString(password) {
		return "", fault.InvalidInput.On("password")
	}
	password = norm.NFC.String(password)
	if utf8.RuneCountInString(password) > MaxLength {
		return "", tooLong
	}
	return password, nil
}

// Judge tells whether a new password may be set (S-23, S-24). about holds the
// owner's own phone (+ and digits), e-mail address and nickname. Errors are the
// faults of this package and fault.InvalidInput. There are no rules of
// composition (S-25). A breach check that fails or takes longer than 1.5 s is
// no answer, and lets pass.
func (p *Passwords) Judge(ctx context.Context, password string, about ...string) error {
	password, err := read(password)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(password) < p.rules.Min {
		return PasswordShort.On("password").With("min", p.rules.Min)
	}
	folded := strings.ToLower(password)
	switch {
	case tellsOf(folded, slices.Concat(p.rules.Context, about)):
		return PasswordPersonal.On("password")
	case isRun(folded), isCommon(folded):
		return PasswordCommon.On("password")
	case p.isBreached(ctx, password):
		return PasswordBreached.On("password")
	}
	return nil
}

func (p *Passwords) isBreached(ctx context.Context, password string) bool {
	if p.rules.Breach == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, breachWait)
	defer cancel()
	known, err := p.rules.Breach.Known(ctx, sha1.Sum([]byte(password))) // SHA-1 is what such services are keyed by
	return err == nil && known
}
