// Package captcha holds the challenges that slow programs down without asking a
// third party: a proof of work in ALTCHA's protocol (version 2), and a picture
// of characters with a spoken alternative. It makes them and judges the answers;
// whoever asks keeps the state, burns what is used and limits the tries.
//
// It must never be the only defense (S-155), must never let an empty secret be
// answered, and must never put anything of an answer into a name, a header, a
// log or an error (S-179).
package captcha

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// alphabet is what pictures show: capital letters and digits of which no two
// are easily taken for each other, bent and crossed by lines. Gone are 0 O Q D,
// 1 I J, 2 Z, 5 S, 6 G, 8 B, V (U), and M and W, which clot when they touch.
const alphabet = "ACEFHKLNPRTUXY3479"

const (
	textLength   = 5 // 18^5: 1.9 million; the caller allows few tries
	digitsLength = 6
	answerMax    = 64 // bytes of an answer that are worth reading
)

// Secrets are what a picture and its spoken alternative ask for. They grant the
// step, so whoever keeps them seals them. The zero value is answered by nothing.
type Secrets struct {
	Text   string `json:"text"`   // the characters in the picture
	Digits string `json:"digits"` // the digits in the sound; either answer is right
	// Seed decides distortion and noise. The same Secrets always give the same
	// picture and sound, so that asking again gives a program no second look.
	Seed []byte `json:"seed"`
}

// NewPicture makes the secrets of a new picture and its spoken alternative.
func NewPicture() (Secrets, error) {
	text := make([]byte, textLength)
	for i := range text {
		text[i] = alphabet[randid.Below(int64(len(alphabet)))]
	}
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		return Secrets{}, err
	}
	return Secrets{Text: string(text), Digits: randid.Digits(digitsLength), Seed: seed}, nil
}

// CheckPicture tells whether the answer is the text of the picture or the digits
// of the sound. It forgives what people do (case, spaces, full-width and Cyrillic
// letters, characters that are never shown in place of the shown one they look
// like), and takes the same time whatever the answer.
func CheckPicture(s Secrets, answer string) bool {
	if s.Text == "" || s.Digits == "" || len(answer) > answerMax {
		return false
	}
	text := sameHash(foldText(answer), foldText(s.Text))
	digits := sameHash(foldDigits(answer), foldDigits(s.Digits))
	return text|digits == 1
}

// sameHash compares hashes, so that not even the lengths shape the time.
func sameHash(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// lookAlikes leads characters that no picture shows to the shown one that they
// are taken for. Shown ones are never merged, so nothing is easier to guess.
var lookAlikes = map[rune]rune{
	'V': 'U', 'I': 'L', '1': 'L', '|': 'L', 'G': 'C', '6': 'C', '(': 'C', 'B': '3', '8': '3',
	'Z': '7', '2': '7', 'Q': '9',
	// Cyrillic capitals with the same shape, of a keyboard left in that layout.
	'А': 'A', 'С': 'C', 'Е': 'E', 'Н': 'H', 'К': 'K', 'Р': 'P', 'Т': 'T', 'У': 'Y', 'Х': 'X', 'З': '3',
}

func foldText(s string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(halfWidth(s)) {
		if shown, ok := lookAlikes[r]; ok {
			r = shown
		}
		if !isFiller(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func foldDigits(s string) string {
	var b strings.Builder
	for _, r := range halfWidth(s) {
		switch {
		case r >= '٠' && r <= '٩':
			r = '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			r = '0' + r - '۰'
		case r == 'o' || r == 'O':
			r = '0'
		}
		if !isFiller(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// halfWidth turns the full-width forms that Chinese input methods write into ASCII.
func halfWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, s)
}

func isFiller(r rune) bool {
	return strings.ContainsRune(" \t\r\n\u00a0\u3000\u200b-.,，。、", r)
}

// Studio draws pictures and mixes sounds, a few at a time: a burst of requests
// must not take the processors from people who sign in (S-179).
type Studio struct {
	clock *clock.Clock
	door  chan struct{} // everyone inside: drawing or waiting
	desks chan struct{} // those who draw
}

// NewStudio makes a studio that works on atOnce pictures or sounds at a time and
// lets as many as waiting queue for that; both are at least 1 and 0.
func NewStudio(c *clock.Clock, atOnce, waiting int) *Studio {
	atOnce, waiting = max(atOnce, 1), max(waiting, 0)
	return &Studio{clock: c, door: make(chan struct{}, atOnce+waiting), desks: make(chan struct{}, atOnce)}
}

// Image is the picture of s.Text, a PNG of 440 by 144 pixels to be shown at 220
// by 72. It answers fault.Unavailable when too many are waiting already.
func (s *Studio) Image(ctx context.Context, secrets Secrets) ([]byte, error) {
	return s.work(ctx, func() ([]byte, error) { return drawPicture(secrets) })
}

// Audio is s.Digits spoken in the language of the tag ("zh-Hans"; English where
// there are no recordings), a WAV whose length does not depend on the digits.
// It answers fault.Unavailable when too many are waiting already.
func (s *Studio) Audio(ctx context.Context, secrets Secrets, tag string) ([]byte, error) {
	return s.work(ctx, func() ([]byte, error) { return speak(secrets, tag) })
}

func (s *Studio) work(ctx context.Context, f func() ([]byte, error)) ([]byte, error) {
	select {
	case s.door <- struct{}{}:
		defer func() { <-s.door }()
	default:
		return nil, fault.Unavailable.Until(s.clock.Now().Add(2 * time.Second))
	}
	select {
	case s.desks <- struct{}{}:
		defer func() { <-s.desks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return f()
}
