package numbers

import (
	"strings"

	pn "github.com/nyaruka/phonenumbers"
)

const hidden = "****"

// Mask shows the country code, at most the first three and the last four digits,
// and always four stars between them: "+86 138 **** 8000". At least four digits
// of an ordinary number stay hidden, and the stars do not tell how many there
// are. What is no E.164 number is hidden whole.
func Mask(e164 string) string {
	code, national, ok := split(e164)
	if !ok {
		return hidden
	}
	first, last := 0, 2
	switch n := len(national); {
	case n >= 11:
		first, last = 3, 4
	case n >= 9:
		first, last = 2, 3
	case n >= 7:
		first, last = 2, 2
	}
	shown := []string{"+" + code}
	if first > 0 {
		shown = append(shown, national[:first])
	}
	return strings.Join(append(shown, hidden, national[len(national)-last:]), " ")
}

// Format is the whole number with the blanks that people of its country write:
// "+86 138 0013 8000". What is no E.164 number comes back as it is.
func Format(e164 string) string {
	code, national, ok := split(e164)
	if !ok {
		return e164
	}
	return pn.Format(significant(spelling{code: atoi(code), national: national}), pn.INTERNATIONAL)
}

// split cuts an E.164 number behind its calling code.
func split(e164 string) (code, national string, ok bool) {
	digits, plus := strings.CutPrefix(e164, "+")
	if !plus || len(digits) < minDigits || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
		return "", "", false
	}
	n := codeLength(digits)
	return digits[:n], digits[n:], n > 0
}
