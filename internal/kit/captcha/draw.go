package captcha

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// A picture is 220 by 72 CSS pixels, drawn twice as fine. What a reading program
// needs first is to know where a character begins; so the characters touch, in
// mixed fonts and on no common line, under strokes as thick as their own, all in
// one color. Measured on one core of a small server: 1.7 ms a picture.
const (
	pictureWidth  = 440
	pictureHeight = 144
	margin        = 22 // kept free at both ends, in pixels
	shades        = 16 // 4 bits a pixel
	tallest       = 112.0
)

// card is the ground of the picture, pale in light and in dark mode; inks have a
// contrast of at least 7:1 on it.
var (
	card = color.RGBA{0xf3, 0xf2, 0xec, 0xff}
	inks = []color.RGBA{
		{0x22, 0x3a, 0x66, 0xff}, {0x53, 0x2a, 0x57, 0xff}, {0x1c, 0x4c, 0x3e, 0xff},
		{0x63, 0x30, 0x1c, 0xff}, {0x33, 0x36, 0x3b, 0xff},
	}
)

// fonts are read at the first picture; a process that draws none keeps nothing.
var fonts = sync.OnceValues(func() ([]*sfnt.Font, error) {
	var out []*sfnt.Font
	for _, ttf := range [][]byte{gobold.TTF, gomediumitalic.TTF, gomonobold.TTF} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
})

func drawPicture(s Secrets) ([]byte, error) {
	if s.Text == "" || len(s.Text) > answerMax {
		return nil, errors.New("captcha: no text to draw")
	}
	c, err := newChance(s.Seed, "image")
	if err != nil {
		return nil, err
	}
	letters, err := newLetters(c, s.Text)
	if err != nil {
		return nil, err
	}
	page := image.NewAlpha(image.Rect(0, 0, pictureWidth, pictureHeight))
	setLetters(c, page, letters)
	page = wave(c, page)
	pen := vector.NewRasterizer(pictureWidth, pictureHeight)
	cross(c, pen, page, c.between(4.5, 6), false)
	cross(c, pen, page, c.between(2.5, 4), false)
	cross(c, pen, page, c.between(2.5, 3.5), true)
	return encode(page, inks[c.below(len(inks))])
}

// letter is the outline of one character, turned and bent, in units of a font
// of size 1 with its middle at the origin.
type letter struct {
	outline     sfnt.Segments
	a, b, c, d  float64 // x = a*px + b*py, y = c*px + d*py
	left, right float64
	top, bottom float64
}

func newLetters(c *chance, text string) ([]*letter, error) {
	faces, err := fonts()
	if err != nil {
		return nil, err
	}
	var out []*letter
	for _, r := range text {
		face := faces[c.below(len(faces))]
		var buf sfnt.Buffer
		glyph, err := face.GlyphIndex(&buf, r)
		if err != nil {
			return nil, err
		}
		outline, err := face.LoadGlyph(&buf, glyph, fixed.I(1024), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, newLetter(c, outline))
	}
	return out, nil
}

// newLetter chooses how a character stands: turned by at most 13 degrees, leaning, a
// little larger or smaller.
func newLetter(c *chance, outline sfnt.Segments) *letter {
	sin, cos := math.Sincos(c.between(-0.22, 0.22))
	lean, wide, high := c.between(-0.12, 0.12), c.between(0.92, 1.1), c.between(0.92, 1.1)
	l := &letter{
		outline: outline,
		a:       wide * cos / 65536, b: (lean*cos - high*sin) / 65536,
		c: wide * sin / 65536, d: (lean*sin + high*cos) / 65536,
		left: math.Inf(1), right: math.Inf(-1), top: math.Inf(1), bottom: math.Inf(-1),
	}
	for _, s := range outline {
		for _, p := range points(s) {
			x, y := l.point(p)
			l.left, l.right = min(l.left, x), max(l.right, x)
			l.top, l.bottom = min(l.top, y), max(l.bottom, y)
		}
	}
	return l
}

// points are those that a segment's operation uses.
func points(s sfnt.Segment) []fixed.Point26_6 {
	switch s.Op {
	case sfnt.SegmentOpQuadTo:
		return s.Args[:2]
	case sfnt.SegmentOpCubeTo:
		return s.Args[:3]
	default:
		return s.Args[:1]
	}
}

func (l *letter) point(p fixed.Point26_6) (x, y float64) {
	px, py := float64(p.X), float64(p.Y)
	return l.a*px + l.b*py, l.c*px + l.d*py
}

// draw fills the letter at the size, with its box at the top left corner.
func (l *letter) draw(size float64) *image.Alpha {
	w, h := int(math.Ceil((l.right-l.left)*size))+2, int(math.Ceil((l.bottom-l.top)*size))+2
	z := vector.NewRasterizer(w, h)
	z.DrawOp = draw.Src
	at := func(p fixed.Point26_6) (float32, float32) {
		x, y := l.point(p)
		return float32((x-l.left)*size + 1), float32((y-l.top)*size + 1)
	}
	for _, s := range l.outline {
		x, y := at(s.Args[0])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			z.ClosePath()
			z.MoveTo(x, y)
		case sfnt.SegmentOpLineTo:
			z.LineTo(x, y)
		case sfnt.SegmentOpQuadTo:
			x2, y2 := at(s.Args[1])
			z.QuadTo(x, y, x2, y2)
		}
	}
	z.ClosePath()
	out := image.NewAlpha(image.Rect(0, 0, w, h))
	z.Draw(out, out.Rect, image.Opaque, image.Point{})
	return out
}

// setLetters puts the letters in a row, each so close that it touches the one
// before, none on the same line.
func setLetters(c *chance, page *image.Alpha, letters []*letter) {
	var wide, high float64
	for _, l := range letters {
		wide += l.right - l.left
		high = max(high, l.bottom-l.top)
	}
	size := min(tallest, (pictureWidth-2*margin)/wide, (pictureHeight-36)/high)
	drawn := make([]*image.Alpha, len(letters))
	at := make([]image.Point, len(letters))
	x := 0
	for i, l := range letters {
		drawn[i] = l.draw(size)
		free := pictureHeight - drawn[i].Rect.Dy()
		at[i].Y = free/2 + c.below(31) - 15
		if i > 0 {
			x += drawn[i-1].Rect.Dx() - c.below(3) - nearest(drawn[i-1], drawn[i], at[i-1].Y-at[i].Y)
		}
		at[i].X = x
	}
	end := x + drawn[len(drawn)-1].Rect.Dx()
	shift := margin + c.below(max(pictureWidth-2*margin-end, 0)+1)
	for i, d := range drawn {
		r := d.Rect.Add(at[i]).Add(image.Pt(shift, 0))
		draw.DrawMask(page, r, image.Opaque, image.Point{}, d, image.Point{}, draw.Over)
	}
}

// nearest is how many pixels b can move to the left, from the place right behind
// a, until their inks overlap a little; a lies down pixels lower than b. It is at
// most a seventh of the narrower one's width, so that an L does not swallow a T.
func nearest(a, b *image.Alpha, down int) int {
	const solid = 128
	gap := math.MaxInt
	for y := range b.Rect.Dy() {
		if y-down < 0 || y-down >= a.Rect.Dy() {
			continue
		}
		rowA, rowB := a.Pix[(y-down)*a.Stride:][:a.Rect.Dx()], b.Pix[y*b.Stride:][:b.Rect.Dx()]
		free := 0
		for i := len(rowA) - 1; i >= 0 && rowA[i] < solid; i-- {
			free++
		}
		for i := 0; i < len(rowB) && rowB[i] < solid; i++ {
			free++
		}
		gap = min(gap, free)
	}
	const overlap = 2
	return min(gap, min(a.Rect.Dx(), b.Rect.Dx())/7) + overlap
}

// wave bends the whole row, so that neither stems nor the line stay straight.
func wave(c *chance, in *image.Alpha) *image.Alpha {
	out := image.NewAlpha(in.Rect)
	var dx [pictureHeight]float64
	var dy [pictureWidth]float64
	sway := [4]float64{c.between(3, 5) * c.sign(), c.between(0, 7), c.between(5, 9) * c.sign(), c.between(0, 7)}
	slow, fast := c.between(110, 160), c.between(150, 260)
	for y := range dx {
		dx[y] = sway[0] * math.Sin(2*math.Pi*float64(y)/slow+sway[1])
	}
	for x := range dy {
		dy[x] = sway[2] * math.Sin(2*math.Pi*float64(x)/fast+sway[3])
	}
	for y := range pictureHeight {
		for x := range pictureWidth {
			out.Pix[y*out.Stride+x] = sample(in, float64(x)+dx[y], float64(y)+dy[x])
		}
	}
	return out
}

// sample reads between the pixels.
func sample(in *image.Alpha, x, y float64) uint8 {
	left, top := int(math.Floor(x)), int(math.Floor(y))
	if left < 0 || top < 0 || left+1 >= pictureWidth || top+1 >= pictureHeight {
		return 0
	}
	fx, fy := int(256*(x-float64(left))), int(256*(y-float64(top)))
	p := in.Pix[top*in.Stride+left:]
	upper := int(p[0])*(256-fx) + int(p[1])*fx
	lower := int(p[in.Stride])*(256-fx) + int(p[in.Stride+1])*fx
	return uint8((upper*(256-fy) + lower*fy) >> 16)
}

// cross draws one waving stroke through the row, from side to side, in ink
// or, with erase, as a scratch that takes ink away.
func cross(c *chance, pen *vector.Rasterizer, page *image.Alpha, thick float64, erase bool) {
	const steps = 44
	height := c.between(0.3, 0.7) * pictureHeight
	tilt, bend := c.between(-26, 26), c.between(10, 22)*c.sign()
	length, phase := c.between(170, 330), c.between(0, 7)
	from, to := c.between(6, 40), pictureWidth-c.between(6, 40)
	edge := func(i int, side float64) (float32, float32) {
		part := float64(i) / steps
		x := from + (to-from)*part
		y := height + tilt*(part-0.5) + bend*math.Sin(2*math.Pi*x/length+phase)
		return float32(x), float32(y + side*thick/2)
	}
	pen.Reset(pictureWidth, pictureHeight)
	pen.MoveTo(edge(0, -1))
	for i := 1; i <= steps; i++ {
		pen.LineTo(edge(i, -1))
	}
	for i := steps; i >= 0; i-- {
		pen.LineTo(edge(i, 1))
	}
	pen.ClosePath()
	stroke := image.NewAlpha(page.Rect)
	pen.DrawOp = draw.Src
	pen.Draw(stroke, stroke.Rect, image.Opaque, image.Point{})
	for i, v := range stroke.Pix {
		if erase {
			page.Pix[i] = min(page.Pix[i], 255-v)
		} else {
			page.Pix[i] = max(page.Pix[i], v)
		}
	}
}

// pngBuffers are reused between pictures; the runtime drops them when idle.
type pngBuffers struct{ sync.Pool }

func (p *pngBuffers) Get() *png.EncoderBuffer {
	b, _ := p.Pool.Get().(*png.EncoderBuffer)
	return b
}

func (p *pngBuffers) Put(b *png.EncoderBuffer) { p.Pool.Put(b) }

var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &pngBuffers{}}

// encode writes the coverage as shades from the card to the ink.
func encode(page *image.Alpha, ink color.RGBA) ([]byte, error) {
	palette := make(color.Palette, shades)
	for i := range palette {
		mix := func(a, b uint8) uint8 { return uint8((int(a)*(shades-1-i) + int(b)*i) / (shades - 1)) }
		palette[i] = color.RGBA{mix(card.R, ink.R), mix(card.G, ink.G), mix(card.B, ink.B), 0xff}
	}
	out := image.NewPaletted(page.Rect, palette)
	for i, v := range page.Pix {
		out.Pix[i] = v >> 4
	}
	var b bytes.Buffer
	if err := encoder.Encode(&b, out); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
