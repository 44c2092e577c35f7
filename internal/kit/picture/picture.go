// Package picture holds the making safe of pictures that strangers send: the
// size is read before anything is decoded, the picture is decoded, cropped to a
// square, scaled and encoded anew, so that no metadata, no trailing data and no
// second reading of the bytes survives (S-135, S-138). It keeps nothing.
package picture

import (
	"bytes"
	"errors"
	"image"
	_ "image/jpeg" // decoder
	"image/png"

	"golang.org/x/image/draw"
)

// Bounds of what is decoded at all.
const (
	BytesMost  = 5 << 20
	pixelsMost = 24_000_000
)

// Refusals; the caller makes them sentences.
var (
	ErrKind  = errors.New("picture: neither JPEG nor PNG")
	ErrLarge = errors.New("picture: too large")
)

// decoding bounds how many pictures are decoded at once: one holds up to 100 MB.
var decoding = make(chan struct{}, 2)

// Square reads a JPEG or PNG and answers a PNG of side by side pixels, cut from
// its middle.
func Square(data []byte, side int) ([]byte, error) {
	if len(data) > BytesMost {
		return nil, ErrLarge
	}
	cfg, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || (kind != "jpeg" && kind != "png") {
		return nil, ErrKind
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > 12000 || cfg.Height > 12000 || cfg.Width*cfg.Height > pixelsMost {
		return nil, ErrLarge
	}
	decoding <- struct{}{}
	defer func() { <-decoding }()
	source, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, ErrKind
	}
	b := source.Bounds()
	short := min(b.Dx(), b.Dy())
	from := image.Rect(0, 0, short, short).Add(b.Min).Add(image.Pt((b.Dx()-short)/2, (b.Dy()-short)/2))
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(out, out.Bounds(), source, from, draw.Src, nil)
	var buf bytes.Buffer
	err = png.Encode(&buf, out)
	return buf.Bytes(), err
}
