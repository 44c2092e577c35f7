package captcha

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// recordings are the digits 0 to 9 in each language; sounds/README.md tells where
// they are from. They are read for each sound and never kept.
//
//go:embed sounds/*/*.wav
var recordings embed.FS

const (
	sampleRate = 8000 // a second, 8 bits each
	wavHeader  = 44   // bytes
	slot       = sampleRate * 12 / 10
	lead       = sampleRate * 12 / 10 // two soft tones before the first digit
	tail       = sampleRate / 2
)

// speak mixes the digits with noise. Every digit starts somewhere in its own
// slot of 1.2 seconds, so the length of the file tells nothing. Measured on one
// core of a small server: 1.8 ms a sound.
func speak(s Secrets, tag string) ([]byte, error) {
	if s.Digits == "" || len(s.Digits) > answerMax || strings.Trim(s.Digits, "0123456789") != "" {
		return nil, errors.New("captcha: no digits to speak")
	}
	c, err := newChance(s.Seed, "sound")
	if err != nil {
		return nil, err
	}
	voices, err := loadVoices(tag)
	if err != nil {
		return nil, err
	}
	track := make([]float32, lead+slot*len(s.Digits)+tail)
	hiss(c, track)
	murmur(c, track, voices)
	tone(track[sampleRate/8:], 440)
	tone(track[sampleRate*9/16:], 587)
	for i, d := range s.Digits {
		said := stretch(voices[d-'0'], c.between(0.88, 1.1))
		said = said[:min(len(said), slot)]
		mix(track[lead+i*slot+c.below(slot-len(said)+1):], said, float32(c.between(0.9, 1.15)))
	}
	return wav(track), nil
}

// loadVoices reads the ten digits of the language of a tag ("zh-Hans" is zh), or
// the English ones, as samples between -1 and 1.
func loadVoices(tag string) ([10][]float32, error) {
	var out [10][]float32
	lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if lang == "" || strings.ContainsAny(lang, "./\\") {
		lang = "en"
	}
	if _, err := recordings.ReadDir("sounds/" + lang); err != nil {
		lang = "en"
	}
	for d := range out {
		b, err := recordings.ReadFile("sounds/" + lang + "/" + string(rune('0'+d)) + ".wav")
		if err != nil {
			return out, err
		}
		if len(b) < wavHeader {
			return out, errors.New("captcha: a recording without a header")
		}
		out[d] = make([]float32, len(b)-wavHeader)
		for i, v := range b[wavHeader:] {
			out[d][i] = (float32(v) - 128) / 128
		}
	}
	return out, nil
}

// stretch plays in at another speed, and with it at another pitch.
func stretch(in []float32, speed float64) []float32 {
	out := make([]float32, int(float64(len(in)-1)/speed))
	for i := range out {
		at := float64(i) * speed
		left := int(at)
		part := float32(at - float64(left))
		out[i] = in[left]*(1-part) + in[left+1]*part
	}
	return out
}

func mix(track, in []float32, loud float32) {
	for i := range min(len(track), len(in)) {
		track[i] += in[i] * loud
	}
}

// hiss is noise that swells and falls, so that no one threshold cuts it away.
func hiss(c *chance, track []float32) {
	noise := make([]byte, len(track))
	c.fill(noise)
	swell, phase := c.between(0.7, 1.6), c.between(0, 7)
	last, loud := 0.0, 0.0
	for i, v := range noise {
		last = 0.5*last + 0.5*(float64(v)-127.5)/128 // softer in the treble
		if i%32 == 0 {
			loud = 0.05 + 0.025*math.Sin(2*math.Pi*swell*float64(i)/sampleRate+phase)
		}
		track[i] += float32(last * loud)
	}
}

// murmur is the same voice, backwards and low, all along the track: noise that
// has the frequencies of speech but says no digit.
func murmur(c *chance, track []float32, voices [10][]float32) {
	for at := c.below(sampleRate / 10); at < len(track); at += sampleRate/14 + c.below(sampleRate/7) {
		said := stretch(voices[c.below(10)], c.between(0.8, 1.25))
		for i, j := 0, len(said)-1; i < j; i, j = i+1, j-1 {
			said[i], said[j] = said[j], said[i]
		}
		mix(track[at:], said, float32(c.between(0.05, 0.13)))
	}
}

// tone is a soft note of a quarter of a second, to make ready.
func tone(track []float32, hertz float64) {
	const length = sampleRate / 4
	for i := range length {
		fade := math.Sin(math.Pi * float64(i) / length)
		track[i] += float32(0.16 * fade * math.Sin(2*math.Pi*hertz*float64(i)/sampleRate))
	}
}

func wav(track []float32) []byte {
	var b bytes.Buffer
	b.Grow(wavHeader + len(track))
	b.WriteString("RIFF")
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v) // a bytes.Buffer never fails
		}
	}
	put(uint32(wavHeader - 8 + len(track)))
	b.WriteString("WAVEfmt ")
	put(uint32(16), uint16(1), uint16(1), uint32(sampleRate), uint32(sampleRate), uint16(1), uint16(8))
	b.WriteString("data")
	put(uint32(len(track)))
	for _, v := range track {
		b.WriteByte(uint8(min(max(128+v*150, 0), 255)))
	}
	return b.Bytes()
}
