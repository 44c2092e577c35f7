package account

import (
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// ID is an account's number: 12 decimal digits, the first 2 to 9, the last a
// check digit by ISO/IEC 7064 MOD 11,10 (it finds every single wrong digit and
// nearly every swap of neighbors). It is random, never reused, and can be
// typed as a username. Zero is no account.
type ID int64

// NewID draws a random ID. That it is free is decided by the store.
func NewID() ID {
	payload := 20_000_000_000 + randid.Below(80_000_000_000) // 11 digits, the first 2 to 9
	return ID(payload*10 + int64(checkDigit(strconv.FormatInt(payload, 10))))
}

// ReadID reads 12 digits, with spaces or hyphens between groups or without.
// ok is false unless the check digit is right.
func ReadID(text string) (id ID, ok bool) {
	if len(text) > 24 {
		return 0, false
	}
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if len(digits) != 12 || digits[0] < '2' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || digits[0] == '+' || checkDigit(digits[:11]) != int(digits[11]-'0') {
		return 0, false
	}
	return ID(n), true
}

// LooksLikeID tells whether text is twelve digits that begin like an account
// ID, right or mistyped.
func LooksLikeID(text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	return len(digits) == 12 && strings.Trim(digits, "0123456789") == "" && digits[0] >= '2'
}

// String is the 12 digits.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// Spaced is how an ID is shown: 4821 0937 5564.
func (id ID) Spaced() string {
	s := id.String()
	if len(s) != 12 {
		return s
	}
	return s[:4] + " " + s[4:8] + " " + s[8:]
}

// checkDigit computes the check digit of ISO/IEC 7064 MOD 11,10 for digits.
func checkDigit(digits string) int {
	product := 10
	for _, d := range digits {
		sum := (product + int(d-'0')) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (11 - product) % 10
}
