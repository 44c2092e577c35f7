package captcha

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

var (
	testKey = []byte("0123456789abcdef0123456789abcdef")
	testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	testAsk = Secrets{Text: "AC3X9", Digits: "482913", Seed: bytes.Repeat([]byte{7}, 32)}
)

func TestNewPictureIsFreshAndReadable(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		s, err := NewPicture()
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Text) != textLength || len(s.Digits) != digitsLength || len(s.Seed) != 32 {
			t.Fatalf("lengths %d, %d, %d", len(s.Text), len(s.Digits), len(s.Seed))
		}
		if strings.Trim(s.Text, alphabet) != "" || strings.Trim(s.Digits, "0123456789") != "" {
			t.Fatalf("strange characters in %q or %q", s.Text, s.Digits)
		}
		if !CheckPicture(s, s.Text) || !CheckPicture(s, s.Digits) {
			t.Fatalf("%q or %q is not its own answer", s.Text, s.Digits)
		}
		seen[string(s.Seed)] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d different seeds of 200", len(seen))
	}
}

func TestCheckPicture(t *testing.T) {
	ask := Secrets{Text: "UL3C7", Digits: "104826"}
	for _, c := range []struct {
		name, answer string
		want         bool
	}{
		{"as shown", "UL3C7", true},
		{"small letters", "ul3c7", true},
		{"spaces", " U L 3\tC 7\n", true},
		{"hyphens", "UL-3C7", true},
		{"look-alikes that are never shown", "v1bG2", true},
		{"full width", "ｕｌ３ｃ７", true},
		{"ideographic space", "UL3　C7", true},
		{"Cyrillic letters", "UL3С7", true},
		{"the digits", "104826", true},
		{"the digits in pairs", "10 48 26", true},
		{"the digits with commas", "1,0,4,8,2,6", true},
		{"letter O for zero", "1o4826", true},
		{"full-width digits", "１０４８２６", true},
		{"Arabic digits", "١٠٤٨٢٦", true},
		{"another shown letter", "UL3C9", false},
		{"too short", "UL3C", false},
		{"too long", "UL3C77", false},
		{"reversed", "7C3LU", false},
		{"both", "UL3C7 104826", false},
		{"five digits", "10482", false},
		{"digits out of order", "104862", false},
		{"nothing", "", false},
		{"only spaces", "   ", false},
		{"invalid UTF-8", "UL3C7\xff", false},
		{"huge", strings.Repeat(" ", 5000) + "UL3C7", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := CheckPicture(ask, c.answer); got != c.want {
				t.Errorf("CheckPicture(%q) = %v, want %v", c.answer, got, c.want)
			}
		})
	}
}

// A journey that never asked for a picture must not be answered by sending nothing.
func TestS179_EmptySecretsAreAnsweredByNothing(t *testing.T) {
	for _, s := range []Secrets{{}, {Text: "AC3X9"}, {Digits: "482913"}} {
		for _, answer := range []string{"", " ", "AC3X9", "482913"} {
			if CheckPicture(s, answer) {
				t.Errorf("%+v is answered by %q", s, answer)
			}
		}
	}
}

// Forgiving must not make guessing easier: no two shown characters are merged.
func TestLookAlikesMergeNothingThatIsShown(t *testing.T) {
	for _, r := range alphabet {
		if got := foldText(string(r)); got != string(r) {
			t.Errorf("%c is read as %q", r, got)
		}
	}
	for from, to := range lookAlikes {
		if strings.ContainsRune(alphabet, from) || !strings.ContainsRune(alphabet, to) {
			t.Errorf("%c -> %c: only what is never shown may lead, and only to what is", from, to)
		}
	}
}

func TestImage(t *testing.T) {
	studio := NewStudio(clock.At(testNow), 1, 0)
	b, err := studio.Image(t.Context(), testAsk)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Size(); got.X != pictureWidth || got.Y != pictureHeight {
		t.Errorf("size %v", got)
	}
	if len(b) > 12_000 {
		t.Errorf("%d bytes, want at most 12,000", len(b))
	}
	ink := 0
	for y := range pictureHeight {
		for x := range pictureWidth {
			if r, _, _, _ := picture.At(x, y).RGBA(); r < 0x8000 {
				ink++
			}
		}
	}
	if share := float64(ink) / (pictureWidth * pictureHeight); share < 0.06 || share > 0.4 {
		t.Errorf("%.0f %% of the picture is ink", 100*share)
	}
	long := strings.Repeat("A", answerMax+1)
	for _, bad := range []Secrets{{Text: "AC3X9"}, {Seed: testAsk.Seed}, {Text: long, Seed: testAsk.Seed}} {
		if _, err := studio.Image(t.Context(), bad); err == nil {
			t.Errorf("%+v is drawn", bad)
		}
	}
}

// Every text fits: the widest characters, and what people's counting may change later.
func TestImageOfAnyText(t *testing.T) {
	for _, text := range []string{"HHHHH", "LLLLL", "XXXXX", "44444", "A", "ACEFHKLN", alphabet} {
		if _, err := drawPicture(Secrets{Text: text, Seed: testAsk.Seed}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The same secrets give the same picture and sound, so that asking again gives no
// second look; another seed gives others of the same answer.
func TestS179_AskingAgainShowsNothingNew(t *testing.T) {
	other := testAsk
	other.Seed = bytes.Repeat([]byte{8}, 32)
	for name, f := range map[string]func(Secrets) ([]byte, error){
		"image": drawPicture,
		"sound": func(s Secrets) ([]byte, error) { return speak(s, "en") },
	} {
		first, err1 := f(testAsk)
		again, err2 := f(testAsk)
		another, err3 := f(other)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Errorf("%s: the second is not the first", name)
		}
		if bytes.Equal(first, another) {
			t.Errorf("%s: the seed changes nothing", name)
		}
	}
}

func TestS179_SoundLengthTellsNothing(t *testing.T) {
	studio := NewStudio(clock.At(testNow), 1, 0)
	lengths := map[int]bool{}
	for _, digits := range []string{"000000", "111111", "888888", "999999", "482913"} {
		for _, lang := range []string{"en", "zh-Hans", "fr", "", "../en"} {
			s := testAsk
			s.Digits = digits
			b, err := studio.Audio(t.Context(), s, lang)
			if err != nil {
				t.Fatal(err)
			}
			if string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " {
				t.Fatalf("not a WAV: %q", b[:16])
			}
			lengths[len(b)] = true
		}
	}
	if len(lengths) != 1 {
		t.Errorf("lengths %v, want one", lengths)
	}
}

func TestSoundSpeaksTheLanguage(t *testing.T) {
	speech := func(lang string) []byte {
		b, err := speak(testAsk, lang)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(speech("zh"), speech("zh-Hans")) || !bytes.Equal(speech("en"), speech("fr")) {
		t.Error("zh-Hans is not spoken in Chinese, or French not in English")
	}
	if bytes.Equal(speech("zh"), speech("en")) {
		t.Error("Chinese is spoken in English")
	}
	for _, bad := range []Secrets{{Digits: "12x456", Seed: testAsk.Seed}, {Digits: "123456"}, {Seed: testAsk.Seed}} {
		if _, err := speak(bad, "en"); err == nil {
			t.Errorf("%q is spoken", bad.Digits)
		}
	}
}

// Each digit stands clear of the noise in its own slot.
func TestSoundIsLouderThanItsNoise(t *testing.T) {
	b, err := speak(testAsk, "en")
	if err != nil {
		t.Fatal(err)
	}
	energy := func(samples []byte) float64 {
		loudest := 0.0
		for at := 0; at+800 <= len(samples); at += 200 {
			sum := 0.0
			for _, v := range samples[at : at+800] {
				sum += (float64(v) - 128) * (float64(v) - 128)
			}
			loudest = max(loudest, sum/800)
		}
		return loudest
	}
	track := b[wavHeader:]
	noise := energy(track[len(track)-tail:])
	for i := range testAsk.Digits {
		if said := energy(track[lead+i*slot:][:slot]); said < 3*noise {
			t.Errorf("digit %d: energy %.0f, noise %.0f", i+1, said, noise)
		}
	}
}

// A burst is answered at once with when to come again, and takes no more than its
// share of processors; those who left give up their place (S-179).
func TestS179_BurstsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		studio := NewStudio(clock.At(testNow), 2, 3)
		hold := make(chan struct{})
		stuck := func() ([]byte, error) { <-hold; return nil, nil }
		for range 2 {
			go studio.work(t.Context(), stuck)
		}
		synctest.Wait() // both are at work
		leaving, leave := context.WithCancel(t.Context())
		left := make(chan error, 3)
		for range 3 {
			go func() { _, err := studio.Image(leaving, testAsk); left <- err }()
		}
		synctest.Wait() // three stand in the queue
		_, err := studio.Audio(t.Context(), testAsk, "en")
		if !errors.Is(err, fault.Unavailable) || !fault.From(err).RetryAt.Equal(testNow.Add(2*time.Second)) {
			t.Errorf("a sixth request: %v", err)
		}
		leave()
		for range 3 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("one who left: %v", err)
			}
		}
		close(hold)
		synctest.Wait()
		if _, err := studio.Audio(t.Context(), testAsk, "en"); err != nil {
			t.Errorf("after the burst: %v", err)
		}
	})
}

func TestStudioDrawsForManyAtOnce(t *testing.T) {
	studio := NewStudio(clock.At(testNow), 4, 64)
	want, err := drawPicture(testAsk)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 24 {
		group.Go(func() {
			got, err := studio.Image(t.Context(), testAsk)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("a picture at the same time differs (%v)", err)
			}
			if _, err := studio.Audio(t.Context(), testAsk, "zh"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func FuzzCheckPicture(f *testing.F) {
	for _, s := range []string{"AC3X9", "482913", "", "ＡＣ３", "\xff\xfe", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		// Whatever is right, one more character makes it wrong.
		if CheckPicture(testAsk, answer) && (CheckPicture(testAsk, answer+"E") || CheckPicture(testAsk, "0"+answer)) {
			t.Errorf("%q is taken with more behind or before it", answer)
		}
	})
}

func BenchmarkImage(b *testing.B) {
	for b.Loop() {
		drawPicture(testAsk)
	}
}

func BenchmarkSound(b *testing.B) {
	for b.Loop() {
		speak(testAsk, "zh")
	}
}
