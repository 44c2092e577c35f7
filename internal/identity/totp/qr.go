package totp

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// URI is the key URI that authenticator apps read
// (github.com/google/google-authenticator/wiki/Key-Uri-Format). issuer is the
// name of the service and label that of the account; a colon in either would
// divide it elsewhere. Algorithm, digits and period are what every app takes
// without being told: a shorter text is a QR code that is easier to scan.
func URI(secret, issuer, label string) string {
	plain := func(s string) string { return strings.ReplaceAll(s, ":", " ") }
	issuer, label = plain(issuer), plain(label)
	// Spaces as %20: some apps show the plus of a query as it stands.
	escaped := strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(label) + "?secret=" + secret + "&issuer=" + escaped
}

// quiet is the margin of a QR code in modules (ISO/IEC 18004 section 9.1).
const quiet = 4

// QR is a QR code: a square of dark and light modules with its margin.
type QR struct {
	Side int // modules on a side, with the margin
	dark []bool
}

// NewQR draws text as a QR code with a middle error correction.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, err
	}
	inner := code.Bounds().Dx()
	q := QR{Side: inner + 2*quiet}
	q.dark = make([]bool, q.Side*q.Side)
	for y := range inner {
		for x := range inner {
			r, _, _, _ := code.At(x, y).RGBA()
			q.dark[(y+quiet)*q.Side+x+quiet] = r == 0
		}
	}
	return q, nil
}

// Dark tells whether the module in column x and row y is dark.
func (q QR) Dark(x, y int) bool { return q.dark[y*q.Side+x] }

// Path draws the dark modules as the d attribute of an SVG path, a module one
// unit: a page shows it without an image, which no cache keeps and no policy of
// the page has to let in.
func (q QR) Path() string {
	var b strings.Builder
	for y := range q.Side {
		for x := 0; x < q.Side; x++ {
			from := x
			for x < q.Side && q.Dark(x, y) {
				x++
			}
			if x > from {
				run := strconv.Itoa(x - from)
				b.WriteString("M" + strconv.Itoa(from) + " " + strconv.Itoa(y) + "h" + run + "v1h-" + run + "z")
			}
		}
	}
	return b.String()
}

// PNG draws it as a picture, scale pixels a module.
func (q QR) PNG(scale int) ([]byte, error) {
	picture := image.NewPaletted(image.Rect(0, 0, q.Side*scale, q.Side*scale), color.Palette{color.White, color.Black})
	for y := range q.Side * scale {
		for x := range q.Side * scale {
			if q.Dark(x/scale, y/scale) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture)
	return out.Bytes(), err
}
