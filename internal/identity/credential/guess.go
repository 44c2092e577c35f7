package credential

import (
	"crypto/sha256"
	_ "embed"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// common is the list of common passwords: the first commonSize bytes of the
// SHA-256 of each, sorted. See NOTICE for where it comes from and gen.go for how
// it is made. It stays in the file of the program until pages of it are needed,
// and takes nothing of the heap. With 100,000 entries of 5 bytes, one honest
// password in 11 million is refused by accident.
//
//go:embed common.bin
var common string

const commonSize = 5

// isCommon looks a lower-case password up in the list.
func isCommon(folded string) bool {
	sum := sha256.Sum256([]byte(folded))
	want := string(sum[:commonSize])
	n := len(common) / commonSize
	entry := func(i int) string { return common[i*commonSize : (i+1)*commonSize] }
	i := sort.Search(n, func(i int) bool { return entry(i) >= want })
	return i < n && entry(i) == want
}

// keyRows are what fingers run along: the rows of the keyboard, its columns, the
// digits and the alphabet.
var keyRows = []string{
	"01234567890", "`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./",
	"!@#$%^&*()_+", "abcdefghijklmnopqrstuvwxyz", "qazwsxedcrfvtgbyhnujmikolp",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
}

// follows holds the pairs of neighbors in keyRows, in both directions.
var follows = func() map[[2]rune]bool {
	pairs := map[[2]rune]bool{}
	for _, row := range keyRows {
		keys := []rune(row)
		for i := 1; i < len(keys); i++ {
			pairs[[2]rune{keys[i-1], keys[i]}] = true
			pairs[[2]rune{keys[i], keys[i-1]}] = true
		}
	}
	return pairs
}()

const (
	minRun   = 3 // keys in a row that count as a run
	minPiece = 7 // pieces that a password needs, where a run counts as two: where it begins and how long it is
	maxUnit  = 4 // a repeated unit this short is no more than itself
)

// isRun tells that a lower-case password is hardly more than keys in a row
// ("qwerty123456") or one short piece again and again ("abababab").
func isRun(folded string) bool {
	keys := []rune(folded)
	for unit := 1; unit <= maxUnit && unit < len(keys); unit++ {
		if slices.Equal(keys[unit:], keys[:len(keys)-unit]) {
			return true
		}
	}
	pieces := 0
	for i := 0; i < len(keys) && pieces < minPiece; {
		n := runLength(keys[i:])
		if n < minRun {
			pieces, i = pieces+1, i+1
			continue
		}
		pieces, i = pieces+2, i+n
	}
	return pieces < minPiece
}

// runLength is how many keys from the first on lie in a row, or are the same.
func runLength(keys []rune) int {
	n := 1
	for n < len(keys) && (follows[[2]rune{keys[n-1], keys[n]}] || keys[n-1] == keys[n]) {
		n++
	}
	return n
}

const (
	minWord   = 4 // characters of a name, in alphabets
	minSigns  = 2 // characters of a name, in scripts that write words with fewer
	minDigits = 6 // digits in common with a phone number
	minRest   = 6 // characters that a password must have besides such names
)

// tellsOf tells that the password is little more than names and numbers that
// somebody who knows the owner or the site would try: fewer than six characters
// are left when they are taken out.
func tellsOf(folded string, about []string) bool {
	rest := folded
	words := namesIn(about)
	for _, phone := range about {
		words = append(words, sharedDigits(folded, phone)...)
	}
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	for _, word := range words {
		rest = strings.ReplaceAll(rest, word, "")
	}
	return rest != folded && utf8.RuneCountInString(rest) < minRest
}

// namesIn takes texts apart into the whole and its words, lower-case, and leaves
// out what is too short to mean anything.
func namesIn(about []string) []string {
	var words []string
	for _, text := range about {
		text = strings.ToLower(norm.NFC.String(text))
		parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, w := range append(parts, text, strings.Join(parts, "")) {
			n := utf8.RuneCountInString(w)
			if n >= minWord || n >= minSigns && n < len(w) {
				words = append(words, w)
			}
		}
	}
	return words
}

// sharedDigits finds the parts of a phone number, six digits or longer, that the
// password has too. Texts that are no phone number have none.
func sharedDigits(folded, phone string) []string {
	digits := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, phone)
	if len(digits) < minDigits || len(digits) > 20 || strings.ContainsFunc(phone, unicode.IsLetter) {
		return nil
	}
	var shared []string
	for i := 0; i+minDigits <= len(digits); {
		n := len(digits)
		for n-i >= minDigits && !strings.Contains(folded, digits[i:n]) {
			n--
		}
		if n-i < minDigits {
			i++
			continue
		}
		shared = append(shared, digits[i:n])
		i = n
	}
	return shared
}
