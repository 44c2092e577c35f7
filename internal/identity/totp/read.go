package totp

import "strings"

// Read finds the code in what was typed or pasted: full-width digits count,
// blanks and hyphens between them do not ("123 456" is how apps show it). ok is
// false for what can be no code of any secret.
func Read(typed string) (code string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '０' && r <= '９':
			b.WriteRune(r - '０' + '0')
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u2009' || r == '\u202f' || r == '\u3000':
		default:
			return "", false
		}
	}
	return b.String(), b.Len() == Length
}
