package recoverycode

import (
	"encoding/base32"
	"strings"
)

const (
	secretSize = 10 // bytes: 80 bits
	codeLength = 16 // characters
	groupSize  = 4
)

// alphabet is Crockford's base 32: no I, L, O or U, so that what was written by
// hand can be read.
var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// group writes a code as people see it.
func group(code string) string {
	var b strings.Builder
	for i := 0; i < len(code); i += groupSize {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(code[i : i+groupSize])
	}
	return b.String()
}

// Read brings what was typed or pasted into the one spelling of a code: capital
// letters, without what stands between the groups, and the digit for the letter
// that looks like it. ok is false for what can be no code of anybody.
func Read(typed string) (code string, ok bool) {
	if len(typed) > 128 {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		if r >= '！' && r <= '～' { // full-width forms
			r -= '！' - '!'
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		switch {
		case r == 'O':
			b.WriteByte('0')
		case r == 'I' || r == 'L':
			b.WriteByte('1')
		case r == 'U':
			return "", false
		case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case strings.ContainsRune(" \t\r\n-.·\u2010\u2011\u2012\u2013\u2014\u00a0\u2009\u202f\u3000", r):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() == codeLength
}
