package question

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

const (
	// MinLetters is the least length of an answer, after normalizing.
	MinLetters = 4
	// MinSigns is the least length where a character is a whole word (Chinese).
	MinSigns = 3
	// MaxLetters bounds what is hashed.
	MaxLetters = 100

	maxRaw    = 1 << 10 // bytes of one answer that are looked at at all
	minShared = 4       // letters of a name or number that tell of the owner
)

// popular are answers that many give, by language, normalized: what a guesser
// would try first (Bonneau et al., "Secrets, Lies, and Account Recovery", 2015).
//
//go:embed popular.txt
var popular string

var isPopular = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(popular) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			set[Normalize(line)] = true
		}
	}
	return set
}()

func tooLong(answer string) bool {
	return len(answer) > maxRaw || utf8.RuneCountInString(Normalize(answer)) > MaxLetters
}

// Normalize brings an answer into the one form that is compared: NFKC, lower
// case, letters and digits only. People do not remember capitals, accents typed
// in two ways, or where they set a comma; a space is none between words either.
func Normalize(answer string) string {
	folded := strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(answer, "")))
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) {
			return r
		}
		return -1
	}, folded))
}

// Judge tells whether the answers may be set (S-79). about is what others know
// of the owner: contacts, nickname. texts answers the wordings of a question.
// The refusal AnswerGuessable names the answer ("questions.0.answer") and why:
// short, popular, personal, same (as another), question (it repeats it);
// fault.InvalidInput is for what is no choice of three different questions.
func Judge(answers []Answer, about []string, texts func(name string) []string) error {
	if len(answers) != Count {
		return fault.InvalidInput.On("questions")
	}
	var before []Answer
	for i, a := range answers {
		at := "questions." + string(rune('0'+i))
		known := slices.Contains(Names, a.Question)
		twice := slices.ContainsFunc(before, func(b Answer) bool { return b.Question == a.Question })
		if !known || twice {
			return fault.InvalidInput.On(at + ".question")
		}
		if len(a.Answer) > maxRaw || !utf8.ValidString(a.Answer) || tooLong(a.Answer) {
			return fault.InvalidInput.On(at + ".answer")
		}
		if reason := guessable(Normalize(a.Answer), before, about, texts(a.Question)); reason != "" {
			return AnswerGuessable.On(at+".answer").With("reason", reason).With("min", MinLetters)
		}
		before = append(before, Answer{a.Question, Normalize(a.Answer)})
	}
	return nil
}

// guessable says why a normalized answer is easily guessed; empty: it is not.
func guessable(answer string, before []Answer, about, texts []string) string {
	if isShort(answer) {
		return "short"
	}
	if isPopular[answer] || strings.Trim(answer, "0123456789") == "" || isRepeated(answer) {
		return "popular"
	}
	for _, b := range before {
		if b.Answer == answer {
			return "same"
		}
	}
	for _, text := range about {
		for _, known := range parts(text) {
			if utf8.RuneCountInString(known) >= minShared && strings.Contains(answer, known) || strings.Contains(known, answer) {
				return "personal"
			}
		}
	}
	for _, text := range texts {
		if strings.Contains(Normalize(text), answer) {
			return "question"
		}
	}
	return ""
}

// isShort counts letters; in scripts that write words with few signs fewer are enough.
func isShort(answer string) bool {
	n := utf8.RuneCountInString(answer)
	dense := 0
	for _, r := range answer {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			dense++
		}
	}
	return n < MinSigns || n < MinLetters && dense < n
}

// isRepeated tells that an answer is one or two characters again and again.
func isRepeated(answer string) bool {
	signs := map[rune]bool{}
	for _, r := range answer {
		signs[r] = true
	}
	return len(signs) < 3 && !strings.ContainsFunc(answer, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// parts are what somebody would try of a contact or a name: the whole, and an
// e-mail address before its @.
func parts(text string) []string {
	local, _, _ := strings.Cut(text, "@")
	return slices.DeleteFunc([]string{Normalize(text), Normalize(local)}, func(s string) bool { return s == "" })
}
