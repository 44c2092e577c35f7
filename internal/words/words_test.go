package words

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

func TestEveryLanguageSaysEverythingWithTheSameArguments(t *testing.T) {
	b := Book()
	if !slices.Contains(b.Tags(), "zh-Hans") {
		t.Fatal("Simplified Chinese is missing")
	}
	all := map[string]locale.Tag{}
	for _, l := range b.Tags() {
		for _, key := range b.Keys(l) {
			all[key] = l
		}
	}
	for key, other := range all {
		for _, l := range b.Tags() {
			if !b.Has(l, key) {
				file, line := b.Where(other, key)
				t.Errorf("%s.toml lacks %s, which stands in %s:%d", l, key, file, line)
				continue
			}
			want, got := slices.Sorted(slices.Values(b.Places("en", key))), slices.Sorted(slices.Values(b.Places(l, key)))
			if diff := cmp.Diff(want, got); diff != "" {
				file, line := b.Where(l, key)
				t.Errorf("%s:%d: %s uses other places than English:\n%s", file, line, key, diff)
			}
		}
	}
}

func TestPluralFormsAreThoseOfTheLanguage(t *testing.T) {
	b := Book()
	names := map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	seen := 0
	for _, l := range b.Tags() {
		var want []string
		for n := range 1000 {
			form := names[plural.Cardinal.MatchPlural(language.MustParse(string(l)), n, 0, 0, 0, 0)]
			if !slices.Contains(want, form) {
				want = append(want, form)
			}
		}
		slices.Sort(want)
		for _, key := range b.Keys(l) {
			got := b.Forms(l, key)
			if got == nil {
				continue
			}
			seen++
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				file, line := b.Where(l, key)
				t.Errorf("%s:%d: %s: plural forms (-of the language +here):\n%s", file, line, key, diff)
			}
		}
	}
	if seen == 0 {
		t.Error("no plural was looked at")
	}
}

// source is the text of every Go file that is not a test and of every template.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if d.Name() == "words" || d.Name() == "testdata" {
					return filepath.SkipDir
				}
				return nil
			}
			if ext := filepath.Ext(path); (ext == ".go" && !strings.HasSuffix(path, "_test.go")) || ext == ".html" || ext == ".tmpl" || ext == ".txt" {
				text, err := os.ReadFile(path)
				all.Write(text)
				return err
			}
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return all.String()
}

var declaration = regexp.MustCompile(`\bDeclare\(\s*"([a-z0-9_]+)",`)

// contract lists the codes that stand in the contract and whose sentences are
// ready before the room that declares them.
var contract = strings.Fields(`invalid_input phone_invalid phone_not_mobile phone_not_personal country_not_served email_invalid
	credentials_invalid code_wrong code_expired code_used code_replaced code_tries_exceeded code_other_purpose codes_limited
	too_many_attempts captcha_wrong contact_in_use account_frozen account_blocked account_leaving proof_required
	method_unavailable journey_expired journey_step session_required not_found conflict rate_limited unavailable internal
	provider_not_offered forbidden_origin cookies_off last_way_in nickname_invalid avatar_invalid password_short password_long
	password_common password_breached password_personal body_too_large media_type`)

func TestEveryFaultHasTitleAndDetail(t *testing.T) {
	b := Book()
	codes := append([]string(nil), contract...)
	for _, m := range declaration.FindAllStringSubmatch(source(t), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) == len(contract) {
		t.Error("no declaration was found in the sources")
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, code := range codes {
		for _, l := range b.Tags() {
			for _, part := range []string{"title", "detail"} {
				if key := "fault." + code + "." + part; !b.Has(l, key) {
					t.Errorf("%s.toml lacks %s", l, key)
				}
			}
		}
	}
	for _, key := range b.Keys("en") {
		if rest, is := strings.CutPrefix(key, "fault."); is {
			code, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(codes, code) {
				t.Errorf("%s: nobody declares %s", key, code)
			}
		}
	}
}

// spoken are the families whose keys are put together from a value at run time
// and which a literal in the sources need not name.
var spoken = []string{"fault.", "country.", "sms.", "mail."}

func TestNoUnusedKeys(t *testing.T) {
	text := source(t)
	var prefixes []string
	for _, m := range regexp.MustCompile("[\"`]([a-z][a-z0-9_.]*\\.)[\"`]").FindAllStringSubmatch(text, -1) {
		prefixes = append(prefixes, m[1]) // "step." + ...
	}
	prefixes = append(prefixes, spoken...)
	for _, key := range Book().Keys("en") {
		known := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !known && !strings.Contains(text, `"`+key+`"`) && !strings.Contains(text, "`"+key+"`") {
			t.Errorf("nothing says %s", key)
		}
	}
}

var calls = []*regexp.Regexp{
	regexp.MustCompile(`\.T\((?:[^"()\n]*,\s*)?"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"`),  // v.T("a.b", ...), b.T(l, "a.b")
	regexp.MustCompile(`\{\{[^}]*?\b[tT]\s+"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"`),      // {{t "a.b"}}
	regexp.MustCompile(`\{\{[^}]*?\.(?:T|Say)\s+"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"`), // {{$.T "a.b"}}
}

func TestEveryKeySaidIsThere(t *testing.T) {
	b, text := Book(), source(t)
	told := map[string]bool{}
	for _, call := range calls {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			if !b.Has("en", m[1]) && !told[m[1]] {
				told[m[1]] = true
				t.Errorf("%s is said and stands in no catalog", m[1])
			}
		}
	}
}

// gsm7 is the basic alphabet of 3GPP TS 23.038 6.2.1; escaped is its extension,
// where a character costs two septets.
const (
	gsm7    = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	escaped = "\f^{}\\[~]|€"
)

// segment counts a text as a carrier does: its length and how much fits into
// one segment of its alphabet (160 septets of GSM-7, 70 units of UCS-2).
func segment(text string) (units, room int) {
	for _, c := range text {
		switch {
		case strings.ContainsRune(gsm7, c):
			units++
		case strings.ContainsRune(escaped, c):
			units += 2
		default:
			return len(utf16.Encode([]rune(text))), 70
		}
	}
	return units, 160
}

func TestSegment(t *testing.T) {
	for _, tt := range []struct {
		text        string
		units, room int
	}{{"", 0, 160}, {"a€", 3, 160}, {"é@", 2, 160}, {"ç", 1, 70}, {"验😀", 3, 70}} {
		if units, room := segment(tt.text); units != tt.units || room != tt.room {
			t.Errorf("segment(%q) = %d, %d", tt.text, units, room)
		}
	}
}

func TestTextsToPhonesFitOneSegment(t *testing.T) {
	b := Book()
	b.OnMissing = func(l locale.Tag, key, argument string) { t.Errorf("%s: %s has no argument %s here", l, key, argument) }
	brands := map[locale.Tag]string{"en": "Example Company", "zh-Hans": "示例科技"}
	devices := map[locale.Tag]string{"en": "Samsung Internet on Android", "zh-Hans": "Android 上的 Chrome"}
	providers := map[locale.Tag]string{"en": "Facebook", "zh-Hans": "Facebook"} // the longest of the seven
	link := "https://account.example.com/objection?token=sso_" + strings.Repeat("x", 8+43)
	at := time.Date(2026, 12, 22, 10, 42, 0, 0, time.UTC)
	seen := 0
	for _, l := range b.Tags() {
		for _, key := range b.Keys(l) {
			if !strings.HasPrefix(key, "sms.") {
				continue
			}
			seen++
			text := b.T(l, key, "brand", brands[l], "code", "482913", "time", b.DateTime(l, at, nil), "device", devices[l], "site", "account.example.com", "what", b.T(l, "notice.what_email"), "link", link, "until", b.DateTime(l, at, nil), "provider", providers[l])
			if slices.Contains(b.Places(l, key), "code") {
				text += "\n\n@account.example.com #482913"
			}
			units, room := segment(text)
			if slices.Contains(b.Places(l, key), "link") {
				room = map[int]int{160: 3 * 153, 70: 3 * 67}[room] // a link that undoes is worth three segments (S-69)
			}
			if units > room {
				t.Errorf("%s: %s takes %d of %d: %q", l, key, units, room, text)
			}
		}
	}
	if seen == 0 {
		t.Error("no text was looked at")
	}
}

func TestTone(t *testing.T) {
	bad := map[locale.Tag]*regexp.Regexp{
		"en":      regexp.MustCompile(`(?i)!|\boops\b|\bsorry\b|\binvalid\b|\bplease\b|  |["“”‘’]`),
		"zh-Hans": regexp.MustCompile(`！|!|您|抱歉|\p{Han}[,;:?!]|[,;:?!]\p{Han}|  |[A-Za-z]\p{Han}|\p{Han}[A-Za-z]`),
	}
	b := Book()
	for _, l := range b.Tags() {
		for _, key := range b.Keys(l) {
			if strings.HasPrefix(key, "country.") || bad[l] == nil {
				continue
			}
			args := []any{}
			for _, p := range b.Places(l, key) {
				args = append(args, p, "0")
			}
			if found := bad[l].FindString(b.T(l, key, args...)); found != "" {
				file, line := b.Where(l, key)
				t.Errorf("%s:%d: %s: %q is not how we speak (see the head of en.toml)", file, line, key, found)
			}
		}
	}
}

func TestCountries(t *testing.T) {
	b := Book()
	for _, iso := range strings.Fields("CN HK MO TW US GB FR DE NL JP KR IN BR ZA NG RU UA TR XK") {
		for _, l := range b.Tags() {
			if name := b.Country(l, iso); name == iso || name == "" || strings.HasPrefix(name, "Unknown") {
				t.Errorf("%s has no name for %s: %q", l, iso, name)
			}
		}
	}
}

func TestBookIsLight(t *testing.T) {
	if n := testing.AllocsPerRun(1, func() { Book() }); n > 30_000 {
		t.Errorf("reading the catalogs allocates %s times", strconv.Itoa(int(n)))
	}
}

func BenchmarkBook(b *testing.B) {
	for b.Loop() {
		Book()
	}
}
