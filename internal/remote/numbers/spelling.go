package numbers

import (
	"regexp"
	"strings"
	"sync"

	pn "github.com/nyaruka/phonenumbers"
)

// Caps on what is looked at. E.164 has at most 15 digits; the longest number of
// the table has 16 with its country code, and people add trunk and international prefixes.
const (
	maxInput  = 64
	minDigits = 5
	maxDigits = 22
)

// spelling is a typed number split as far as that needs no numbering plan.
type spelling struct {
	code     int    // calling code
	national string // digits after it; a national spelling keeps its trunk prefix
	iso      string // the country whose rules apply to a national spelling; "" if international
}

// e164 is the spelling without its first n national digits.
func (s spelling) e164(n int) string { return "+" + itoa(s.code) + s.national[n:] }

// spell turns characters into digits and finds the calling code.
func spell(input, country string) (spelling, error) {
	digits, plus, err := digitsOf(input)
	if err != nil {
		return spelling{}, err
	}
	g := grammarOf(strings.ToUpper(country))
	if !plus {
		if rest, ok := g.international(digits); ok {
			digits, plus = rest, true
		}
	}
	if !plus {
		if g.code == 0 {
			return spelling{}, PhoneInvalid.With("reason", "no_country")
		}
		return spelling{code: g.code, national: digits, iso: g.iso}, nil
	}
	n := codeLength(digits)
	if n == 0 {
		return spelling{}, PhoneInvalid.With("reason", "country_code")
	}
	return spelling{code: atoi(digits[:n]), national: digits[n:]}, nil
}

// codeLength is how many leading digits are the calling code; 0 if none is.
// No calling code is the beginning of another (ITU-T E.164), and none begins with 0.
func codeLength(digits string) int {
	for n := 1; n <= 3 && n < len(digits) && digits[0] != '0'; n++ {
		if callingCodes()[atoi(digits[:n])] {
			return n
		}
	}
	return 0
}

// digitsOf keeps the digits, in ASCII, and tells whether a plus sign leads them.
// Separators that people and address books write are dropped; anything else
// (letters, extensions, pauses, stars, a second plus) is refused, never skipped:
// skipping would read two different texts as one number.
func digitsOf(input string) (digits string, plus bool, err error) {
	if len(input) > maxInput {
		return "", false, PhoneInvalid.With("reason", "too_long")
	}
	var b strings.Builder
	for _, r := range input {
		switch d := digitValue(r); {
		case d >= 0:
			b.WriteByte(byte('0' + d))
		case r == '+' || r == '\uff0b':
			if plus || b.Len() > 0 {
				return "", false, PhoneInvalid.With("reason", "characters")
			}
			plus = true
		case !separator(r):
			return "", false, PhoneInvalid.With("reason", "characters")
		}
	}
	switch {
	case b.Len() == 0:
		return "", false, PhoneInvalid.With("reason", "empty")
	case b.Len() < minDigits:
		return "", false, PhoneInvalid.With("reason", "too_short")
	case b.Len() > maxDigits:
		return "", false, PhoneInvalid.With("reason", "too_long")
	}
	return b.String(), plus, nil
}

// zeros are the first digits of the decimal scripts that keyboards offer:
// ASCII, Arabic, Persian and Urdu, Devanagari, Bengali, Thai, full-width.
var zeros = [...]rune{'0', '\u0660', '\u06f0', '\u0966', '\u09e6', '\u0e50', '\uff10'}

func digitValue(r rune) int {
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return int(r - zero)
		}
	}
	return -1
}

// separator tells whether r stands between digits and means nothing: blanks,
// dashes, dots, brackets, slashes, and the invisible marks that address books
// put around a number (directional marks, soft hyphen, byte-order mark).
func separator(r rune) bool {
	switch r {
	case ' ', '\t', '-', '.', '(', ')', '[', ']', '/', '\u00a0', '\u00ad', '\u061c', '\u2212', '\u3000', '\u30fc',
		'\uff08', '\uff09', '\uff0d', '\uff0e', '\uff0f', '\ufeff', '\u00b7':
		return true
	}
	return r >= '\u2000' && r <= '\u200f' || // blanks, zero-width, directional marks
		r >= '\u2010' && r <= '\u2015' || // dashes
		r >= '\u202a' && r <= '\u202f' || // directional embeddings, narrow blank
		r >= '\u2060' && r <= '\u2069' // word joiner, directional isolates
}

// grammar is how a country dials.
type grammar struct {
	iso   string
	code  int
	trunk string         // national prefix, "0"; may be ""
	idd   *regexp.Regexp // what leads abroad, anchored: "^(?:00)"
	lead  *regexp.Regexp // what the library may cut from, or change in, a national spelling; nil: nothing
}

// international cuts what leads abroad. Without a country, 00 does (ITU-T E.123).
func (g grammar) international(digits string) (string, bool) {
	if g.idd == nil {
		return strings.CutPrefix(digits, "00")
	}
	at := g.idd.FindStringIndex(digits)
	// A calling code never begins with 0, so "000..." is not an international spelling.
	if at == nil || at[1] >= len(digits) || digits[at[1]] == '0' {
		return "", false
	}
	return digits[at[1]:], true
}

var grammars sync.Map // ISO code -> grammar; filled as countries turn up

func grammarOf(iso string) grammar {
	if len(iso) != 2 {
		return grammar{}
	}
	if g, ok := grammars.Load(iso); ok {
		return g.(grammar)
	}
	code := pn.GetCountryCodeForRegion(iso)
	if code == 0 {
		return grammar{} // not remembered: strangers choose iso
	}
	g := grammar{iso: iso, code: code}
	all, err := pn.MetadataCollection() // parsed when the library was initialised
	if err != nil {
		return g
	}
	for _, m := range all.GetMetadata() {
		if m.GetId() == iso {
			g.trunk = m.GetNationalPrefix()
			g.idd, _ = regexp.Compile("^(?:" + m.GetInternationalPrefix() + ")")
			if lead := m.GetNationalPrefixForParsing(); lead != "" {
				g.lead, _ = regexp.Compile("^(?:" + lead + ")")
			}
			break
		}
	}
	grammars.Store(iso, g)
	return g
}

var callingCodes = sync.OnceValue(func() *[1000]bool {
	var set [1000]bool
	for code := range pn.GetSupportedCallingCodes() {
		set[code] = true
	}
	return &set
})

// linePager is the library's pager, voicemail and the like: refused as not mobile.
const linePager Line = "pager"

// describe says what the library knows of a number. A number of possible length in
// a range that it does not know has Line Unknown and no fault.
func describe(number *pn.PhoneNumber, kind pn.PhoneNumberType, e164 string) (Number, error) {
	n := Number{E164: e164}
	if kind == pn.UNKNOWN {
		return describeUnknown(n, number)
	}
	if iso := pn.GetRegionCodeForNumber(number); len(iso) == 2 {
		n.Country = iso
	}
	switch kind {
	case pn.MOBILE, pn.FIXED_LINE_OR_MOBILE:
		n.Line = Mobile
	case pn.VOIP, pn.PERSONAL_NUMBER, pn.UAN:
		n.Line = VoIP
	case pn.PREMIUM_RATE, pn.SHARED_COST, pn.TOLL_FREE:
		n.Line = Premium
	case pn.FIXED_LINE:
		n.Line = Fixed
	default:
		n.Line = linePager
	}
	return n, nil
}

func describeUnknown(n Number, number *pn.PhoneNumber) (Number, error) {
	switch pn.IsPossibleNumberWithReason(number) {
	case pn.IS_POSSIBLE:
		n.Line = Unknown
		if iso := pn.GetRegionCodeForCountryCode(int(number.GetCountryCode())); len(iso) == 2 && iso != pn.UNKNOWN_REGION {
			n.Country = iso
		}
		return n, nil
	case pn.TOO_LONG:
		return Number{}, PhoneInvalid.With("reason", "too_long")
	case pn.TOO_SHORT, pn.IS_POSSIBLE_LOCAL_ONLY:
		return Number{}, PhoneInvalid.With("reason", "too_short")
	case pn.INVALID_COUNTRY_CODE:
		return Number{}, PhoneInvalid.With("reason", "country_code")
	}
	return Number{}, PhoneInvalid.With("reason", "unknown_range")
}

// libraryNumber builds the library's number and its type. A spelling that is a
// valid number as it stands is taken as it stands: an international one always, a
// national one if the library's parser would find nothing to cut in front. That is
// a third of the parser's work, and it makes reading a canonical number change
// nothing (S-02): the parser would cut a trunk prefix again if what is left is valid too.
func libraryNumber(s spelling) (*pn.PhoneNumber, pn.PhoneNumberType, error) {
	g := grammarOf(s.iso)
	if len(s.national) <= 15 && (s.iso == "" || g.lead == nil || !g.lead.MatchString(s.national)) {
		n := significant(s)
		if kind := pn.GetNumberType(n); kind != pn.UNKNOWN {
			return n, kind, nil
		}
	}
	text, region := s.national, s.iso
	if s.iso == "" {
		text, region = s.e164(0), pn.UNKNOWN_REGION
	}
	n, err := pn.Parse(text, region)
	switch err {
	case nil:
		return n, pn.GetNumberType(n), nil
	case pn.ErrNumTooLong:
		err = PhoneInvalid.With("reason", "too_long")
	case pn.ErrTooShortNSN, pn.ErrTooShortAfterIDD:
		err = PhoneInvalid.With("reason", "too_short")
	case pn.ErrInvalidCountryCode:
		err = PhoneInvalid.With("reason", "country_code")
	default:
		err = PhoneInvalid.With("reason", "characters")
	}
	return nil, pn.UNKNOWN, err
}

// significant takes the national digits as they are, leading zeros included.
func significant(s spelling) *pn.PhoneNumber {
	var value uint64
	zeros, leading := int32(0), true
	for i := range len(s.national) {
		d := s.national[i] - '0'
		leading = leading && d == 0 && i < len(s.national)-1
		if leading {
			zeros++
		}
		value = value*10 + uint64(d)
	}
	code := int32(s.code)
	n := &pn.PhoneNumber{CountryCode: &code, NationalNumber: &value}
	if zeros > 0 {
		yes := true
		n.ItalianLeadingZero, n.NumberOfLeadingZeros = &yes, &zeros
	}
	return n
}

// itoa and atoi are for short runs of ASCII digits.
func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func atoi(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
