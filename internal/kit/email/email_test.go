package email

import (
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

func TestS004_Read(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct{ input, canonical, display string }{
		{"alice@example.com", "alice@example.com", "alice@example.com"},
		{" Alice@Example.COM\r\n", "alice@example.com", "Alice@example.com"},
		{"a.b+tag@gmail.com", "a.b+tag@gmail.com", "a.b+tag@gmail.com"},
		{"o'brien=x/y@example.co.uk", "o'brien=x/y@example.co.uk", "o'brien=x/y@example.co.uk"},
		{"a@bücher.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		{"a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		{"a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s", "a@xn--fsqu00a.xn--fiqs8s"},
		{"a@straße.example", "a@xn--strae-oqa.example", "a@xn--strae-oqa.example"},
		{"a@strasse.example", "a@strasse.example", "a@strasse.example"},
		{long + "@example.com", long + "@example.com", long + "@example.com"},
	} {
		got, err := Read(c.input)
		if err != nil || got.Canonical != c.canonical || got.Display != c.display {
			t.Errorf("Read(%q) = %+v, %v; want %q and %q", c.input, got, err, c.canonical, c.display)
		}
	}
}

func TestS004_Refused(t *testing.T) {
	for _, c := range []struct{ input, reason string }{
		{"", "empty"},
		{" \n", "empty"},
		{"alice", "form"},
		{"alice@a@example.com", "form"},
		{"\"a@b\"@example.com", "form"},
		{"@example.com", "local"},
		{strings.Repeat("a", 65) + "@example.com", "local"},
		{".a@example.com", "local"},
		{"a.@example.com", "local"},
		{"a..b@example.com", "local"},
		{"\"a b\"@example.com", "local"},
		{"a(comment)@example.com", "local"},
		{"a b@example.com", "local"},
		{"a,b@example.com", "local"},
		{"Alice <a@example.com>", "local"},
		{"a\nBcc: x@example.com", "local"},
		{"a\r\n.@example.com", "local"},
		{"a\x00@example.com", "local"},
		{"аlice@example.com", "local"}, // Cyrillic a
		{"ａlice@example.com", "local"}, // full-width a
		{"\u212aate@example.com", "local"},
		{"jos\u00e9@example.com", "local"},
		{"a\u200b@example.com", "local"},
		{"a\xff@example.com", "local"},
		{"a＠example.com", "form"},
		{"a@", "domain"},
		{"a@localhost", "domain"},
		{"a@example", "domain"},
		{"a@.example.com", "domain"},
		{"a@example..com", "domain"},
		{"a@example.com.", "domain"},
		{"a@-example.com", "domain"},
		{"a@example-.com", "domain"},
		{"a@exa_mple.com", "domain"},
		{"a@[192.0.2.1]", "domain"},
		{"a@192.0.2.1", "domain"},
		{"a@example.com>", "domain"},
		{"a@example.com\nBcc:b", "domain"},
		{"a@example.com (c)", "domain"},
		{"a@ｅxample.com", "domain"}, // full-width e
		{"a@example。com", "domain"},
		{"a@\u212a.example", "domain"},
		{"a@xn--a.example", "domain"},
		{"a@exam\u200dple.com", "domain"},
		{"a@exam\u00adple.com", "domain"},
		{"a@" + strings.Repeat("b", 64) + ".com", "domain"},
		{"a@" + strings.Repeat("b.", 126) + "c", "too_long"},
		{strings.Repeat("a", 64) + "@" + strings.Repeat("ü.", 24) + "com", "too_long"},
		{strings.Repeat(",", 1<<20), "too_long"},
	} {
		got, err := Read(c.input)
		f := fault.From(err)
		if f == nil || f.Code != "email_invalid" || f.Args["reason"] != c.reason {
			t.Errorf("Read(%.60q) = %+v, %v; want email_invalid, %s", c.input, got, err, c.reason)
			continue
		}
		if len(c.input) > 3 && strings.Contains(err.Error(), c.input) {
			t.Errorf("the error shows the address: %v", err)
		}
	}
}

// S-04: every look-alike of an address is refused or is another identity.
func TestS004_LookAlikes(t *testing.T) {
	victim, err := Read("kate.s@example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, fake := range []string{
		"\u212aate.s@example.com", "kate.\u017f@example.com", "kаte.s@example.com", "kates@example.com", "kate.s+x@example.com",
		"kate.s@exаmple.com", "kate.s@ｅxample.com", "kate.s@example.com.", "kate.s@example\u2024com", "kate.s@ex\u00adample.com",
		"kate.s@example.co", "kate.s@xn--exmple-4nf.com",
	} {
		if got, err := Read(fake); err == nil && got.Canonical == victim.Canonical {
			t.Errorf("Read(%q) is the victim's identity", fake)
		}
	}
}

// S-04: hostile input costs next to nothing.
func TestS004_Bounded(t *testing.T) {
	took := clock.Stopwatch()
	for _, unit := range []string{",", "@", ".", "a", "\"", "(", "ü"} {
		for range 50 {
			_, _ = Read(strings.Repeat(unit, 1<<20/len(unit))[:1<<20])
		}
	}
	if d := took(); d.Seconds() > 5 {
		t.Errorf("reading took %v", d)
	}
}

func TestStripped(t *testing.T) {
	for in, want := range map[string]string{
		"A.B.c+news@Example.com": "abc@example.com", "abc@example.com": "abc@example.com", "+a@example.com": "+a@example.com",
	} {
		a, err := Read(in)
		if err != nil || a.Stripped() != want {
			t.Errorf("Stripped of %q is %q, %v; want %q", in, a.Stripped(), err, want)
		}
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.com": "a***@e***.com", "a@e.co.uk": "a***@e***.uk", "alice.longer.name@sub.example.test": "a***@s***.test",
		"a@bücher.example": "a***@b***.example", "a@例子.中国": "a***@例***.中国",
		"alice": "***", "": "***", "@example.com": "***", "a@": "***", "a@com": "***", "a@b@c.com": "***", "a\n@b.com": "***", "a@.com": "***",
	} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"Alice@Example.com", "a.b+c@bücher.example", "a@XN--BCHER-KVA.example", "a@例子.中国", "a@-.-", "\"a\"@b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		a, err := Read(input)
		if err != nil {
			if fault.From(err) == nil {
				t.Fatalf("Read(%q): not a fault: %v", input, err)
			}
			return
		}
		for _, r := range a.Canonical {
			if r <= ' ' || r > '~' || r >= 'A' && r <= 'Z' {
				t.Fatalf("Read(%q): the canonical form %q holds %q", input, a.Canonical, r)
			}
		}
		for _, s := range []string{a.Canonical, a.Display} {
			again, err := Read(s)
			if err != nil || again.Canonical != a.Canonical {
				t.Fatalf("Read(%q) = %+v, and again %+v, %v", input, a, again, err)
			}
		}
		if len(a.Canonical) > maxLength || strings.Count(a.Canonical, "@") != 1 || Mask(a.Canonical) == hidden {
			t.Fatalf("Read(%q) = %q", input, a.Canonical)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := Read("Alice.Example@example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
