package pages

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Brand is how the operator's site looks and what it is called.
type Brand struct {
	Name   string                // "Selfsame"
	Names  map[locale.Tag]string // its name in a language, where it has one
	Accent string                // "#2f50c7"; made lighter or darker where it could not be read
	Radius int                   // of corners, in pixels; -1 is square, 0 is 10
	Logo   []byte                // SVG or PNG, square; nil is ours
}

const ourAccent = "#2f50c7"

func (b Brand) name(l locale.Tag) string {
	if n := b.Names[l]; n != "" {
		return n
	}
	return b.Name
}

// The papers that the accent must stand out from (style.css --sheet, --paper, --sunk).
var (
	lightPapers = []rgb{{0xff, 0xff, 0xff}, {0xf6, 0xf6, 0xf4}, {0xf1, 0xf2, 0xf3}}
	darkPapers  = []rgb{{0x1b, 0x1d, 0x20}, {0x13, 0x14, 0x16}, {0x24, 0x27, 0x2b}}
	white       = rgb{0xff, 0xff, 0xff}
	black       = rgb{0x13, 0x14, 0x16}
)

// readable is the contrast that WCAG 2.2 asks of text (success criterion 1.4.3).
const readable = 4.5

// accents answers the accent for light and for dark paper: the operator's color,
// moved towards black or white just so far that it can be read there.
func (b Brand) accents() (light, dark rgb, err error) {
	text := b.Accent
	if text == "" {
		text = ourAccent
	}
	c, err := parseColor(text)
	if err != nil {
		return c, c, err
	}
	return c.until(black, lightPapers), c.until(white, darkPapers), nil
}

// style is the brand as custom properties, put after our style sheet.
func (b Brand) style() (string, error) {
	light, dark, err := b.accents()
	if err != nil {
		return "", err
	}
	radius := b.Radius
	switch {
	case radius == 0:
		radius = 10
	case radius < 0:
		radius = 0
	}
	return fmt.Sprintf("@layer base{:root{--accent:light-dark(%s,%s);--accent-hover:light-dark(%s,%s);--on-accent:light-dark(%s,%s);--radius:%dpx}}\n",
		light, dark, light.toward(black, .16), dark.toward(white, .16), light.ink(), dark.ink(), radius), nil
}

// mark is the operator's logo, or ours in the accent.
func (b Brand) mark(ours fs.FS) ([]byte, error) {
	if b.Logo != nil {
		return b.Logo, nil
	}
	text, err := fs.ReadFile(ours, "mark.svg")
	if err != nil {
		return nil, err
	}
	light, _, err := b.accents()
	text = bytes.ReplaceAll(text, []byte("#ACCENT"), []byte(light.String()))
	return bytes.ReplaceAll(text, []byte("#INK"), []byte(light.ink().String())), err
}

type rgb [3]uint8

func parseColor(s string) (rgb, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return rgb{}, fmt.Errorf("pages: %q is not a color like %s", s, ourAccent)
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// String writes the color as style sheets do.
func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance is WCAG's relative luminance.
func (c rgb) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c rgb) toward(to rgb, share float64) rgb {
	var out rgb
	for i := range c {
		out[i] = uint8(math.Round(float64(c[i]) + (float64(to[i])-float64(c[i]))*share))
	}
	return out
}

// until moves the color toward an end until it can be read on all papers.
func (c rgb) until(end rgb, papers []rgb) rgb {
	for share := 0.0; share < 1; share += 0.04 {
		moved, worst := c.toward(end, share), math.Inf(1)
		for _, paper := range papers {
			worst = min(worst, contrast(moved, paper))
		}
		if worst >= readable {
			return moved
		}
	}
	return end
}

// ink is what can be read on the color.
func (c rgb) ink() rgb {
	if contrast(white, c) >= readable {
		return white
	}
	return black
}
