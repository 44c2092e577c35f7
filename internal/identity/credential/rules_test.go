package credential

import (
	"context"
	"crypto/sha1"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

func judging(t testing.TB, r Rules) *Passwords {
	return New(NewGate(cheap, 1, 1, clock.At(start)), newRing(t), r)
}

// code is "" if the password may be set.
func code(err error) string {
	if f := fault.From(err); f != nil {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestS23_Lengths(t *testing.T) {
	letters := "mkqzfhwtrbxvjglpdnscy"
	long := func(n int) string {
		return string([]rune(strings.Repeat(letters, 13))[:n])
	}
	tests := []struct {
		min  int
		n    int
		want string
	}{
		{0, 0, "password_short"}, {0, 7, "password_short"}, {0, 8, ""}, {0, 64, ""}, {0, 256, ""}, {0, 257, "password_long"},
		{MinLengthAlone, 14, "password_short"}, {MinLengthAlone, 15, ""},
	}
	for _, tt := range tests {
		if got := code(judging(t, Rules{Min: tt.min}).Judge(t.Context(), long(tt.n))); got != tt.want {
			t.Errorf("min %d, %d characters: %q, want %q", tt.min, tt.n, got, tt.want)
		}
	}
	p := judging(t, Rules{})
	for password, want := range map[string]string{
		"密码有七个字啊":             "password_short", // characters count, not bytes
		"密码一共有八个字":            "",
		"e\u0301o\u0302zqwfx": "password_short", // seven once composed
	} {
		if got := code(p.Judge(t.Context(), password)); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
	f := fault.From(judging(t, Rules{Min: 15}).Judge(t.Context(), "short"))
	if f.Field != "password" || f.Args["min"] != 15 {
		t.Errorf("field %q, args %v", f.Field, f.Args)
	}
}

func TestS24_GuessablePasswordsAreRefused(t *testing.T) {
	p := judging(t, Rules{Context: []string{"Selfsame", "accounts.example.com", "小米"}})
	about := []string{"+8613912345067", "Zhang.Wei1990@mail.example.org", "李雷雷"}
	tests := []struct{ want, passwords string }{
		{"password_common", "password Password1 iloveyou football PASSWORD123 baseball1 trustno1 qwerty123 1q2w3e4r woaini1314 abc123456 a123456789 P@ssw0rd princess"},
		{"password_common", "12345678 87654321 123456789012345 qwertyuiop QWERTYasdfgh aaaaaaaa abababab 12121212 abcdefgh hgfedcba 1qaz2wsx3edc zxcvbnm, !@#$%^&* qwer1234asdf 98765432a abcabcabcabc xyzxyzxyzxyz"},
		{"password_personal", "selfsame SelfSame1 selfsame2026 example.com exampleexample accounts! 小米小米12345 13912345067 8613912345067 zhang1391234506 Zhang.Wei1990 zhangwei1990 1990zhang zhang.wei 李雷雷李雷雷ab mail.example.org 12345067ab"},
		{"", "tG7#kqPz correct-horse-battery-staple 我喜欢吃西红柿炒蛋 selfsame-is-a-nice-name zhang-likes-marmalade qwerty-marmalade-sky 4821-marmalade aaaaaaaaaaaaaaaabcdefgh-marmalade"},
	}
	for _, tt := range tests {
		for password := range strings.FieldsSeq(tt.passwords) {
			if got := code(p.Judge(t.Context(), password, about...)); got != tt.want {
				t.Errorf("%q: %q, want %q", password, got, tt.want)
			}
		}
	}
	for _, spaced := range []string{"        ", " a a a a a a", "correct horse battery"} {
		want := "password_common"
		if spaced == "correct horse battery" {
			want = "" // spaces are characters like others
		}
		if got := code(p.Judge(t.Context(), spaced, about...)); got != want {
			t.Errorf("%q: %q, want %q", spaced, got, want)
		}
	}
	if got := code(p.Judge(t.Context(), "zhangwei1990")); got == "password_personal" {
		t.Error("somebody else's name counts")
	}
}

func TestCommonListIsWhole(t *testing.T) {
	n := len(common) / commonSize
	if len(common) != n*commonSize || n < 99_000 {
		t.Fatalf("%d bytes are %d entries", len(common), n)
	}
	for i := commonSize; i < len(common); i += commonSize {
		if common[i-commonSize:i] >= common[i:i+commonSize] {
			t.Fatalf("entry %d is not sorted", i/commonSize)
		}
	}
}

type breach struct {
	known map[[20]byte]bool
	err   error
	hang  bool
	asked int
}

func (b *breach) Known(ctx context.Context, sum [20]byte) (bool, error) {
	b.asked++
	if b.hang {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return b.known[sum], b.err
}

func TestS24_BreachCheck(t *testing.T) {
	stolen := "correct-horse-battery-staple"
	known := map[[20]byte]bool{sha1.Sum([]byte(stolen)): true}
	tests := map[string]struct {
		b        *breach
		password string
		want     string
	}{
		"known":             {&breach{known: known}, stolen, "password_breached"},
		"unknown":           {&breach{known: known}, stolen + "r", ""},
		"failing":           {&breach{known: known, err: errors.New("no route")}, stolen, ""},
		"too short to ask":  {&breach{known: known}, "short", "password_short"},
		"too common to ask": {&breach{known: known}, "password", "password_common"},
	}
	for name, tt := range tests {
		if got := code(judging(t, Rules{Breach: tt.b}).Judge(t.Context(), tt.password)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if asked := tt.b.asked > 0; asked == strings.HasPrefix(name, "too") {
			t.Errorf("%s: asked %d times", name, tt.b.asked)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if got := code(judging(t, Rules{Breach: &breach{hang: true}}).Judge(t.Context(), stolen)); got != "" {
			t.Errorf("hanging: %q, want no answer to let pass", got)
		}
	})
}

func FuzzPassword(f *testing.F) {
	for _, seed := range []string{"", "password", "caf\u00e9", "cafe\u0301", "\u1100\u1161\u11a8", "\xff", strings.Repeat("\u0301", 300), strings.Repeat("x", 257), "+8613800138000", "\u0958", "\ufb2c"} {
		f.Add(seed)
	}
	p := judging(f, Rules{Context: []string{"Selfsame"}})
	f.Fuzz(func(t *testing.T, password string) {
		form, err := read(password)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(form); n > MaxLength || len(form) > 1<<10 || !utf8.ValidString(form) {
			t.Errorf("%d characters, %d bytes pass", n, len(form))
		}
		again, err := read(form)
		if err != nil || again != form {
			t.Errorf("%+q is read as %+q and then as %+q, %v", password, form, again, err)
		}
		if decomposed, err := read(norm.NFD.String(password)); err == nil && decomposed != form {
			t.Errorf("%+q decomposed is read as %+q, not %+q", password, decomposed, form)
		}
		p.Judge(t.Context(), password, password, "+8613800138000", "a@example.com")
	})
}
