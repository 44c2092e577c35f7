package sms

import "unicode/utf16"

// gsm is the basic set of GSM 7-bit (3GPP TS 23.038 section 6.2.1), one septet
// each; gsmTwo is its extension table, two septets each.
const (
	gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwo = "\f^{}\\[~]|€"
)

var septets = func() map[rune]int {
	m := make(map[rune]int, 140)
	for _, r := range gsm {
		m[r] = 1
	}
	for _, r := range gsmTwo {
		m[r] = 2
	}
	return m
}()

// Count is how a text travels.
type Count struct {
	Unicode  bool // UCS-2; else GSM 7-bit
	Units    int  // septets, or UTF-16 units
	Segments int  // parts that are paid for
}

// Segments counts the parts of a text. One character outside GSM 7-bit makes the
// whole text UCS-2. A pair of units (an extended character, an emoji) is never
// split, so it may leave the last unit of a part unused.
func Segments(text string) Count {
	widths := make([]int, 0, len(text))
	total := 0
	for _, r := range text {
		w, ok := septets[r]
		if !ok {
			return ucs2(text)
		}
		widths = append(widths, w)
		total += w
	}
	return Count{Units: total, Segments: parts(widths, total, 160, 153)}
}

func ucs2(text string) Count {
	widths := make([]int, 0, len(text))
	total := 0
	for _, r := range text {
		w := utf16.RuneLen(r)
		if w < 1 {
			w = 1 // the replacement character
		}
		widths = append(widths, w)
		total += w
	}
	return Count{Unicode: true, Units: total, Segments: parts(widths, total, 70, 67)}
}

// parts fills parts of many units if all do not fit into one of single units.
func parts(widths []int, total, single, many int) int {
	if total <= single {
		return 1
	}
	n, used := 1, 0
	for _, w := range widths {
		if used+w > many {
			n++
			used = 0
		}
		used += w
	}
	return n
}
