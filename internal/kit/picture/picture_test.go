package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
)

// painted is a picture whose middle is red and whose edges are blue.
func painted(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{B: 255, A: 255}
			if abs(2*x-w) < min(w, h)/2 && abs(2*y-h) < min(w, h)/2 {
				c = color.RGBA{R: 255, A: 255}
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func abs(n int) int { return max(n, -n) }

func encoded(t testing.TB, kind string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, m)
	case "jpeg":
		err = jpeg.Encode(&b, m, nil)
	case "gif":
		err = gif.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestS138_Square: what comes out is a PNG of its own making, cut from the middle.
func TestS138_Square(t *testing.T) {
	for _, c := range []struct {
		kind string
		w, h int
	}{{"png", 300, 100}, {"jpeg", 80, 240}, {"png", 1, 1}, {"jpeg", 3000, 2000}} {
		secret := []byte("GPS 48.8584 N 2.2945 E <script>")
		out, err := Square(append(encoded(t, c.kind, painted(c.w, c.h)), secret...), 64)
		if err != nil {
			t.Errorf("%s %dx%d: %v", c.kind, c.w, c.h, err)
			continue
		}
		m, kind, err := image.Decode(bytes.NewReader(out))
		if err != nil || kind != "png" || m.Bounds() != image.Rect(0, 0, 64, 64) {
			t.Errorf("%s %dx%d became %s %v, %v", c.kind, c.w, c.h, kind, m.Bounds(), err)
		}
		if bytes.Contains(out, secret) {
			t.Errorf("%s: what stood behind the picture is still there (S-135)", c.kind)
		}
		if r, _, b, _ := m.At(32, 32).RGBA(); c.w > 1 && r < b {
			t.Errorf("%s %dx%d: the middle is not the middle", c.kind, c.w, c.h)
		}
	}
}

// TestS135_Refusals: other kinds, wrong labels and bombs are refused before they
// are decoded.
func TestS135_Refusals(t *testing.T) {
	bomb := encoded(t, "png", painted(8, 8))
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":   {nil, ErrKind},
		"text":      {[]byte("<svg onload=alert(1)>"), ErrKind},
		"gif":       {encoded(t, "gif", painted(8, 8)), ErrKind},
		"half":      {encoded(t, "png", painted(64, 64))[:60], ErrKind},
		"bomb":      {bomb, ErrLarge},
		"too heavy": {make([]byte, BytesMost+1), ErrLarge},
	} {
		if _, err := Square(c.data, 64); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

func FuzzSquare(f *testing.F) {
	f.Add(encoded(f, "png", painted(9, 5)))
	f.Add(encoded(f, "jpeg", painted(5, 9)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cfg, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil && cfg.Width*cfg.Height > 1<<20 {
			return // slow, and bounded by the same rule
		}
		out, err := Square(data, 8)
		if err != nil {
			return
		}
		if m, err := png.Decode(bytes.NewReader(out)); err != nil || m.Bounds().Dx() != 8 || m.Bounds().Dy() != 8 {
			t.Fatalf("made what it cannot read: %v", err)
		}
	})
}
