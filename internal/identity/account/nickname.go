package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nicknameMost bounds a nickname in characters; nicknameBytes in UTF-8 bytes.
const (
	nicknameMost  = 40
	nicknameBytes = 200
)

// ReadNickname normalizes a display name (NFC, single spaces) and refuses what
// could deceive: control, zero-width and direction characters, names that look
// like a phone number, an e-mail address or an account ID, and reserved names,
// look-alikes included (S-06, S-07). reserved are the brand's own names.
func ReadNickname(text string, reserved ...string) (string, error) {
	if len(text) > nicknameBytes || !utf8.ValidString(text) {
		return "", NicknameInvalid.On("nickname").With("reason", "long").With("max", nicknameMost)
	}
	name := strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	if utf8.RuneCountInString(name) > nicknameMost {
		return "", NicknameInvalid.On("nickname").With("reason", "long").With("max", nicknameMost)
	}
	digits, marks := 0, 0
	for _, r := range name {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r):
			marks++
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200d', r == '\ufffd', unicode.Is(unicode.Co, r):
			return "", NicknameInvalid.On("nickname").With("reason", "characters").With("max", nicknameMost)
		}
	}
	if strings.ContainsAny(name, "@＠") || digits >= 7 || marks > 8 {
		return "", NicknameInvalid.On("nickname").With("reason", "contact").With("max", nicknameMost)
	}
	if isReserved(name, reserved) {
		return "", NicknameInvalid.On("nickname").With("reason", "reserved").With("max", nicknameMost)
	}
	return name, nil
}

// official are the words that only the house itself may sign with.
var official = []string{"admin", "administrator", "support", "security", "official", "system", "customer service", "客服", "官方", "管理员", "系统"}

// isReserved tells whether the whole name, or one word of it, reads like a
// brand or an official word.
func isReserved(name string, brands []string) bool {
	words := append(strings.Fields(name), name)
	for _, word := range words {
		for _, r := range append(official, brands...) {
			if s := skeleton(r); s != "" && skeleton(word) == s {
				return true
			}
		}
	}
	return false
}

// skeleton folds look-alikes of Latin letters, after the idea of UTS 39 section 4.
func skeleton(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if to, ok := lookalikes[r]; ok {
			r = to
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lookalikes are the letters that pass for Latin ones at a glance.
var lookalikes = map[rune]rune{
	'а': 'a', 'α': 'a', 'ɑ': 'a', 'е': 'e', 'є': 'e', 'ε': 'e', 'о': 'o', 'ο': 'o', '0': 'o', 'р': 'p', 'ρ': 'p',
	'с': 'c', 'ϲ': 'c', 'у': 'y', 'γ': 'y', 'х': 'x', 'χ': 'x', 'і': 'i', 'ι': 'i', 'ı': 'i', '1': 'i', 'l': 'i', '|': 'i',
	'ѕ': 's', '5': 's', 'ո': 'n', 'п': 'n', 'η': 'n', 'м': 'm', 'т': 't', 'τ': 't', 'υ': 'u', 'ս': 'u', 'ԁ': 'd', 'ɡ': 'g',
	'һ': 'h', 'ј': 'j', 'к': 'k', 'κ': 'k', 'ν': 'v', 'ѵ': 'v', 'ԝ': 'w', 'в': 'b', '3': 'e', '4': 'a', '7': 't',
}
